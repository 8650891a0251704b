"""The same against another TLS implementation: the `openssl` program, over TCP on loopback."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from v2g.tls.channel import TlsChannel
from v2g.tls.choice import TlsChoice
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.profile import INTEROP_P256, TlsError

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl program")

NOW = datetime.now(UTC)
TIMEOUT_S = 20.0


def s_client(port: int, hierarchy: "Hierarchy", *options: str, certificate: bool = True) -> subprocess.Popen[bytes]:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", "v2g_root.pem", *options]
    if certificate:
        command += ["-cert", "vehicle_cert.pem", "-key", "vehicle_key.pem", "-cert_chain", "oem_chain.pem"]
    return subprocess.Popen(
        command,
        cwd=hierarchy.directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def serve(
    context: TlsContext | TlsChoice, hierarchy: "Hierarchy", *options: str, certificate: bool = True
) -> tuple[bytes, str]:
    """Echoes one line to an `openssl s_client`; returns what the station received, and the client's output."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        client = s_client(server.getsockname()[1], hierarchy, *options, certificate=certificate)
        try:
            connection, _ = server.accept()
            with connection:
                assert client.stdin is not None
                client.stdin.write(b"line\n")
                client.stdin.flush()
                received = converse(connection, TlsChannel(context))
        finally:
            output, _ = client.communicate(timeout=TIMEOUT_S)
    return received, output.decode()


def converse(connection: socket.socket, channel: TlsChannel) -> bytes:
    """Reads one line, answers it in capitals, closes."""
    connection.settimeout(TIMEOUT_S)
    received = b""
    try:
        while not received.endswith(b"\n"):
            connection.sendall(channel.outgoing())
            data = connection.recv(4096)
            assert data, "the peer closed without a line"
            received += channel.receive(data)
        channel.send(received.upper())
        channel.close()
    finally:
        connection.sendall(channel.outgoing())
    return received


def test_car_made_of_openssl_gets_through(p521: "Hierarchy") -> None:
    received, output = serve(station_context(p521.station(), now=NOW), p521, "-tls1_3")
    assert received == b"line\n"
    assert "LINE" in output
    assert "Verify return code: 0 (ok)" in output
    assert "Cipher is TLS_AES_256_GCM_SHA384" in output
    assert re.search(r"Temp Key: ECDH, (P-521|secp521r1), 521 bits", output)
    assert re.search(r"Acceptable client certificate CA names\n.*CN ?= ?OEM Root CA", output)
    assert re.search(r"Requested Signature Algorithms: (ECDSA\+SHA512|ecdsa_secp521r1_sha512):(Ed448|ed448)\n", output)


def test_station_made_of_openssl_is_understood(p521: "Hierarchy") -> None:
    with s_server(p521) as port, socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        channel = TlsChannel(vehicle_context(p521.vehicle(), now=NOW))
        received = b""
        while channel.handshaking:
            connection.sendall(channel.outgoing())
            received += channel.receive(connection.recv(4096))
        channel.send(b"abc\n")
        connection.sendall(channel.outgoing())
        while not received.endswith(b"\n"):
            received += channel.receive(connection.recv(4096))
        assert received == b"cba\n"
        assert channel.peer_common_name == "SECC-1"
        assert channel.negotiated == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp521r1")


@contextmanager
def s_server(hierarchy: "Hierarchy") -> Iterator[int]:
    """An `openssl s_server` that sends every line back in reverse."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3", "-rev", "-Verify", "3"]
    command += ["-cert", "secc_cert.pem", "-key", "secc_key.pem", "-cert_chain", "cpo_chain.pem"]
    command += ["-CAfile", "oem_root.pem", "-verify_return_error"]
    server = subprocess.Popen(command, cwd=hierarchy.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if line.startswith(b"ACCEPT"):
                break
        yield port
    finally:
        server.kill()
        server.communicate(timeout=TIMEOUT_S)


def test_certificates_are_proven_anew_on_every_connection(p521: "Hierarchy", tmp_path: Path) -> None:
    context, session = station_context(p521.station(), now=NOW), os.fspath(tmp_path / "session.pem")
    serve(context, p521, "-tls1_3", "-sess_out", session)
    _, output = serve(context, p521, "-tls1_3", "-sess_in", session)
    assert "New, TLSv1.3" in output
    assert "Reused, " not in output


def test_car_without_a_certificate_is_refused(p521: "Hierarchy") -> None:
    with pytest.raises(TlsError, match="the vehicle presented no certificate") as caught:
        serve(station_context(p521.station(), now=NOW), p521, "-tls1_3", certificate=False)
    assert caught.value.alert == "certificate_required"


def test_tls_1_2_is_refused(p521: "Hierarchy") -> None:
    with pytest.raises(TlsError, match=r"the vehicle does not offer TLS 1.3") as caught:
        serve(station_context(p521.station(), now=NOW), p521, "-tls1_2")
    assert caught.value.alert == "protocol_version"


def test_car_of_another_manufacturer_is_refused(p521: "Hierarchy", stranger: "Hierarchy") -> None:
    with pytest.raises(TlsError, match="the vehicle's certificate is refused"):
        serve(station_context(p521.station(), now=NOW), stranger, "-tls1_3")


def test_p256_car_is_refused_by_the_strict_profile(p521: "Hierarchy", p256: "Hierarchy") -> None:
    with pytest.raises(TlsError, match="presented no certificate"):
        serve(station_context(p521.station(), now=NOW), p256, "-tls1_3")


def test_p256_car_gets_through_with_the_interop_profile(p256: "Hierarchy") -> None:
    context = station_context(p256.station(), INTEROP_P256, now=NOW)
    received, output = serve(context, p256, "-tls1_3", "-groups", "P-256")
    assert received == b"line\n"
    assert "Verify return code: 0 (ok)" in output


def test_foreign_groups_are_refused(p521: "Hierarchy") -> None:
    with pytest.raises(TlsError, match="offers none of the groups"):
        serve(station_context(p521.station(), now=NOW), p521, "-tls1_3", "-groups", "X25519:P-256")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-CAfile", "v2g_root.pem", "contract_cert.pem"],
        ["-CAfile", "mo_root.pem", "-untrusted", "mo_chain.pem", "contract_cert.pem"],
        ["-CAfile", "v2g_root.pem", "-untrusted", "cpo_chain.pem", "-purpose", "sslserver", "secc_cert.pem"],
        ["-CAfile", "oem_root.pem", "-untrusted", "oem_chain.pem", "-purpose", "sslclient", "vehicle_cert.pem"],
        ["-CAfile", "oem_root.pem", "-untrusted", "oem_chain.pem", "oem_prov_cert.pem"],
    ],
)
@pytest.mark.parametrize("curve", ["p521", "p256"])
def test_openssl_verify_accepts_the_hierarchy(
    arguments: list[str], curve: str, p521: "Hierarchy", p256: "Hierarchy"
) -> None:
    directory = {"p521": p521, "p256": p256}[curve].directory
    command = ["openssl", "verify", "-x509_strict", *arguments]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert result.stdout == f"{arguments[-1]}: OK\n", result.stderr


def test_openssl_verify_refuses_a_contract_of_another_root(p521: "Hierarchy", stranger: "Hierarchy") -> None:
    root, contract = p521.directory / "v2g_root.pem", stranger.directory / "contract_cert.pem"
    command = ["openssl", "verify", "-CAfile", os.fspath(root), os.fspath(contract)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
