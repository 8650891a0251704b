"""TLS for a Modbus server: both sides show certificates, and the client's says what it may do.

Modbus/TCP Security 2.1: port 802, the role in an extension of the client's certificate, as a UTF-8 string.
"""

import ssl
from pathlib import Path

ROLE = "1.3.6.1.4.1.50316.802.1"
_UTF8_STRING = 0x0C


def server_context(certificate: Path, private_key: Path, roots: Path) -> ssl.SSLContext:
    """TLS 1.2 and later; a client without a certificate under `roots` is refused. Raises `OSError`, `ssl.SSLError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(roots)
    context.load_cert_chain(certificate, private_key)
    return context


def context_if_named(certificate: Path | None, private_key: Path | None, roots: Path | None) -> ssl.SSLContext | None:
    """The same; None, for a server in clear, if one of them is not named."""
    if certificate is None or private_key is None or roots is None:
        return None
    return server_context(certificate, private_key, roots)


def role_of(certificate: bytes) -> str:
    """The role in a certificate (DER); empty if it names none."""
    from cryptography.x509 import ExtensionNotFound, ObjectIdentifier, UnrecognizedExtension, load_der_x509_certificate

    try:
        found = load_der_x509_certificate(certificate).extensions.get_extension_for_oid(ObjectIdentifier(ROLE)).value
    except (ExtensionNotFound, ValueError):
        return ""
    assert isinstance(found, UnrecognizedExtension)
    content = found.value
    if len(content) < 2 or content[0] != _UTF8_STRING or content[1] != len(content) - 2:
        return ""
    return content[2:].decode("utf-8", "replace")
