"""Two real TLS ends that talk to each other through memory, with a key log."""

import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

#: What each side says in turn, whether it is the car, and what: messages in, octets on the wire and the key log out.
Said = list[tuple[bool, bytes]]
Talk = Callable[..., tuple[Said, bytes]]


def certificate(path: Path) -> Path:
    """A station's key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "station")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def talk(
    certificate: Path,
    key_log: Path,
    messages: Iterable[tuple[bool, bytes]],
    ciphers: str | None = None,
    options: int = 0,
) -> tuple[Said, bytes]:
    """With `ciphers` TLS 1.2, else TLS 1.3."""
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexts[0].check_hostname, contexts[0].verify_mode = False, ssl.CERT_NONE
    contexts[0].keylog_filename = str(key_log)
    contexts[1].load_cert_chain(certificate)
    for context in contexts:
        context.options |= options
        if ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
    inputs, outputs = (ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())
    ends = [contexts[side].wrap_bio(inputs[side], outputs[side], server_side=bool(side)) for side in (0, 1)]
    wire: Said = []

    def move(side: int) -> None:
        if data := outputs[side].read():
            wire.append((side == 0, data))
            inputs[1 - side].write(data)

    for _ in range(4):
        for side in (0, 1):
            with suppress(ssl.SSLWantReadError):
                ends[side].do_handshake()
            move(side)
    for from_car, message in messages:
        side = 0 if from_car else 1
        ends[side].write(message)
        move(side)
        assert ends[1 - side].read(65536) == message
    return wire, key_log.read_bytes()
