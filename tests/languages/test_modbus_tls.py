"""Modbus/TCP Security: OpenSSL's client with a certificate and a role, one without a role, and one without either."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.languages.station_bench import Bench

from v2g.io import modbus_server
from v2g.io.modbus_tls import ROLE, server_context

READ = bytes.fromhex("0001 0000 0006 01 03 9C40 0002")
WRITE = bytes.fromhex("0002 0000 0006 01 06 9C40 0000")
"""To a register that cannot be written: 2 for who may write, 1 for others."""


def made(folder: Path, name: str, issuer: str = "", role: str = "") -> None:
    """A certificate and its key, signed by `issuer` or by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer or name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not issuer, path_length=None), critical=True)
    )
    if role:
        content = bytes([0x0C, len(role)]) + role.encode()
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(ROLE), content)
        builder = builder.add_extension(extension, critical=False)
    signer = key
    if issuer:
        found = serialization.load_pem_private_key((folder / f"{issuer}.key").read_bytes(), None)
        assert isinstance(found, ec.EllipticCurvePrivateKey)
        signer = found
    certificate = builder.sign(signer, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.parametrize(("role", "answer"), [("control", "8602"), ("monitor", "8601"), ("", "8601")])
def test_the_role_in_the_certificate_decides_who_may_write(tmp_path: Path, role: str, answer: str) -> None:
    made(tmp_path, "root")
    made(tmp_path, "server", "root")
    made(tmp_path, "client", "root", role)
    context = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    context.check_hostname = False
    context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    read, written = asyncio.run(asked(tmp_path, context))
    assert read[7:] == bytes.fromhex("03 04") + b"SunS"
    assert written[7:].hex() == answer


def test_a_client_without_a_certificate_is_refused(tmp_path: Path) -> None:
    made(tmp_path, "root")
    made(tmp_path, "server", "root")
    context = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    context.check_hostname = False
    with pytest.raises((OSError, EOFError)):
        asyncio.run(asked(tmp_path, context))


async def asked(folder: Path, context: ssl.SSLContext) -> tuple[bytes, bytes]:
    """The answers to `READ` and `WRITE`."""
    bench = Bench()
    bench.world.run(3.0)
    tls = server_context(folder / "server.pem", folder / "server.key", folder / "root.pem")
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        modbus_server.serve(bench.server.answer, "127.0.0.1", 0, ready.set_result, tls, "sunspec.listen")
    )
    try:
        port = int((await ready).rpartition(":")[2])
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(READ)
            read = await reader.readexactly(13)
            writer.write(WRITE)
            written = await reader.readexactly(9)
            writer.close()
            return read, written
    finally:
        serving.cancel()
