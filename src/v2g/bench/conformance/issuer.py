"""Whoever issues certificates in these cases: roots, leaves, answers to requests, signatures."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from v2g.ocpp import v21


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key."""

    pem: str
    key: Any
    certificate: Any


def root(unix_s: float) -> Issued:
    """A new root, which is nobody else's."""
    return _issued(None, None, unix_s)


def leaf(above: Issued, unix_s: float) -> Issued:
    """A new leaf below a root."""
    return _issued(above, None, unix_s)


def signed(above: Issued, csr: str, unix_s: float, responder: str | None = None) -> str:
    """The answer to a request, PEM. `responder`: where to ask whether it was revoked (OCSP)."""
    from cryptography import x509

    return _issued(above, x509.load_pem_x509_csr(csr.encode()), unix_s, responder).pem


def signature(signer: Issued, content: bytes) -> bytes:
    """ECDSA with SHA-256."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    found: bytes = signer.key.sign(content, ec.ECDSA(SHA256()))
    return found


def hashes(pem: str, above: Issued) -> dict[str, Any]:
    """How OCPP names a certificate."""
    from hashlib import sha256

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    certificate = x509.load_pem_x509_certificate(pem.encode())
    bits = above.certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    algorithm: v21.HashAlgorithmEnumType = "SHA256"
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": sha256(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": sha256(bits).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def _issued(above: Issued | None, request: Any, unix_s: float, responder: str | None = None) -> Issued:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"conformance {token_hex(4)}")])
    now = datetime.fromtimestamp(unix_s, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name if request is None else request.subject)
        .issuer_name(name if above is None else above.certificate.subject)
        .public_key(key.public_key() if request is None else request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )
    if responder is not None:
        where = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    certificate = builder.sign(key if above is None else above.key, SHA256())
    return Issued(certificate.public_bytes(Encoding.PEM).decode(), key, certificate)
