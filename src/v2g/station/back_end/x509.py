"""What OCPP needs of certificates: their hashes, whether they are sound, requests for new ones, signatures of files."""

from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from v2g.ocpp import v21
from v2g.ocpp.schedule import timestamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LONGEST_SERIAL_BITS = 160
"""What OCPP has room for."""


@dataclass(frozen=True, slots=True)
class Request:
    """A new key, and the request to sign it, both PEM."""

    key: str
    csr: str


def hash_data(pem: str, issuer: str | None = None) -> v21.CertificateHashDataType:
    """The hashes by which OCPP names a certificate; `issuer`: its issuer's certificate, itself for a root.

    Raises `ValueError` for what is no certificate.
    """
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pem.encode())
    above = certificate if issuer is None else x509.load_pem_x509_certificate(issuer.encode())
    return v21.CertificateHashDataType(
        hashAlgorithm="SHA256",
        issuerNameHash=sha256(certificate.issuer.public_bytes()).hexdigest(),
        issuerKeyHash=sha256(_key_bits(above)).hexdigest(),
        serialNumber=f"{certificate.serial_number:x}",
    )


def _key_bits(certificate: "Certificate") -> bytes:
    """The public key as its BIT STRING has it. Raises `ValueError` for a kind that no station needs."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    match certificate.public_key():
        case ec.EllipticCurvePublicKey() as key:
            return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        case ed448.Ed448PublicKey() as key:
            return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        case rsa.RSAPublicKey() as key:
            return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    raise ValueError("its key is neither on an elliptic curve nor Ed448 nor RSA")


def root_fault(pem: str, unix_s: float) -> str | None:
    """Why this is no root that can be trusted now, or None."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        return f"not a certificate: {error}"
    if (why := _why_not_valid(certificate, unix_s)) is not None:
        return why
    if certificate.serial_number.bit_length() > LONGEST_SERIAL_BITS:
        return "its serial number is too long (RFC 5280, 4.1.2.2)"
    if certificate.issuer != certificate.subject:
        return "not a root"
    try:
        certificate.verify_directly_issued_by(certificate)
        _key_bits(certificate)
    except ValueError as error:
        return str(error)
    except Exception as error:  # a wrong signature or algorithm: each has an error of its own
        return f"not signed by itself: {type(error).__name__}"
    return None


def chain_fault(chain: str, roots: list[str], unix_s: float) -> str | None:
    """Why a leaf with its chain, PEM, is not below one of these roots, or None."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(chain.encode())
        trusted = [x509.load_pem_x509_certificate(root.encode()) for root in roots]
    except ValueError as error:
        return f"not a certificate: {error}"
    below, others = found[0], found[1:]
    for _ in range(len(others) + 1):
        if (why := _why_not_valid(below, unix_s)) is not None:
            return f"{below.subject.rfc4514_string()}: {why}"
        if any(_issued(below, root) for root in trusted):
            return None
        above = next((each for each in others if _issued(below, each)), None)
        if above is None:
            break
        below = above
    return "no trusted root stands above it"


def new_request(name: str, organization: str, use: v21.CertificateSigningUseEnumType) -> Request:
    """A key, and a request for a certificate with this common name (A00.FR.511). For cars of ISO 15118-20 the key is on
    P-521, otherwise on P-256; a certificate that cars get to see has the domain component of a charging station."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    modern = use == "V2G20Certificate"
    key = ec.generate_private_key(ec.SECP521R1() if modern else ec.SECP256R1())
    named = [(NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, organization)]
    if use != "ChargingStationCertificate":
        named.append((NameOID.DOMAIN_COMPONENT, "CPO"))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in named])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA512() if modern else SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Request(private.decode(), csr.public_bytes(Encoding.PEM).decode())


def split(chain: str) -> list[str]:
    """The certificates of a chain, PEM each, without what else its text may have. Raises `ValueError`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = x509.load_pem_x509_certificates(chain.encode())
    return [each.public_bytes(Encoding.PEM).decode() for each in found]


def pem_of(der: bytes) -> str:
    """A certificate with its armour. Raises `ValueError`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def issuer_of(pem: str, roots: list[str]) -> str | None:
    """The root that has signed a certificate, or None. A root itself has none here."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pem.encode())
    if certificate.issuer == certificate.subject:
        return None
    return next((each for each in roots if _issued(certificate, x509.load_pem_x509_certificate(each.encode()))), None)


def status_request(pem: str, issuer: str) -> v21.OCSPRequestDataType | None:
    """What OCPP asks a responder about a certificate; None if it names no responder. Raises `ValueError`."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return None
    urls = [each.access_location.value for each in access if each.access_method == AuthorityInformationAccessOID.OCSP]
    if not urls:
        return None
    named = hash_data(pem, issuer)
    return v21.OCSPRequestDataType(
        hashAlgorithm=named.hashAlgorithm,
        issuerNameHash=named.issuerNameHash,
        issuerKeyHash=named.issuerKeyHash,
        serialNumber=named.serialNumber,
        responderURL=urls[0],
    )


def belongs(chain: str, key: str) -> bool:
    """Whether the leaf of a chain is for this private key."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        return leaf.public_key() == load_pem_private_key(key.encode(), None).public_key()
    except (ValueError, IndexError, UnsupportedAlgorithm):
        return False


def signature_fault(certificate: str, signature: str, content: bytes) -> str | None:
    """Why a signature (base64) of a file is wrong, or None: RSA-PSS or ECDSA, with SHA-256 (L01)."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
        octets = b64decode(signature, validate=True)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(octets, content, padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(octets, content, ec.ECDSA(SHA256()))
        else:
            return "the key is neither RSA nor on an elliptic curve"
    except InvalidSignature:
        return "the signature does not fit the file"
    except (ValueError, UnsupportedAlgorithm) as error:
        return str(error)
    return None


def _why_not_valid(certificate: "Certificate", unix_s: float) -> str | None:
    """Why a certificate is not valid now, or None. Its dates may be such as no calendar has."""
    try:
        valid = certificate.not_valid_before_utc <= timestamp(unix_s) <= certificate.not_valid_after_utc
    except ValueError as error:
        return f"its dates cannot be read: {error}"
    return None if valid else "not valid now"


def _issued(below: object, above: object) -> bool:
    try:
        below.verify_directly_issued_by(above)  # type: ignore[attr-defined]
    except Exception:  # a wrong name, signature or algorithm: each has an error of its own
        return False
    return True
