"""A certificate as a value: everything that a decision may rest on is read once, and what cannot be read is refused."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from v2g.kernel.errors import V2GError

LONGEST_OCTETS = 16 * 1024
"""Above this a certificate is not even parsed. Those of a car's messages are held to 800 or 1600 by their schemas."""

E = TypeVar("E", bound=x509.ExtensionType)

_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
    x509.AuthorityInformationAccess,
    x509.CRLDistributionPoints,
    x509.CertificatePolicies,
    x509.SubjectAlternativeName,
    x509.OCSPNoCheck,
)


class Unreadable(V2GError):
    """These bytes are no certificate that can be judged: broken, oversized, or with a key of an unknown kind."""

    def __init__(self, reason: str, *, oversized: bool = False) -> None:
        super().__init__(reason)
        self.oversized = oversized


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. Equal if all its octets are."""

    der: bytes = field(repr=False)
    subject: str = field(compare=False)
    """As in `CN=SECC-1, O=Operator, DC=CPO`."""
    issuer: str = field(compare=False)
    common_name: str = field(compare=False)
    """Empty if there is none."""
    domain: str | None = field(compare=False)
    """The role that the subject's DC claims: V2G, CPO, MO, OEM, EV, CPS or PE."""
    serial: int = field(compare=False)
    not_before_s: float = field(compare=False)
    """Unix time, like every `_s` here."""
    not_after_s: float = field(compare=False)
    key_kind: str = field(compare=False)
    """The curve of an EC key (`secp521r1`), or the algorithm of another one (`ed448`)."""
    is_authority: bool = field(compare=False)
    path_length: int | None = field(compare=False)
    usage: frozenset[str] | None = field(compare=False)
    """Key usages that are set, by the names of `x509.KeyUsage`; None: the certificate does not say."""
    extended_usage: frozenset[str] | None = field(compare=False)
    """Dotted object identifiers."""
    unknown_critical: tuple[str, ...] = field(compare=False)
    """Critical extensions that nothing here understands: whoever does not has to refuse (RFC 5280, 4.2)."""
    ocsp_urls: tuple[str, ...] = field(compare=False)
    crl_urls: tuple[str, ...] = field(compare=False)
    parsed: x509.Certificate = field(repr=False, compare=False)
    public_key: CertificatePublicKeyTypes = field(repr=False, compare=False)

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer, as a root does."""
        return self.parsed.issuer == self.parsed.subject

    @property
    def pem(self) -> bytes:
        """With its armour."""
        return self.parsed.public_bytes(Encoding.PEM)

    def issued_by(self, issuer: "Certificate") -> bool:
        """Whether `issuer` is named as its issuer and has signed it."""
        try:
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except Exception:  # a wrong name, signature, or algorithm: each has an error of its own
            return False
        return True


def read(der: bytes) -> Certificate:
    """Read one certificate. Raises `Unreadable`, and nothing else, whatever the bytes are."""
    if len(der) > LONGEST_OCTETS:
        raise Unreadable(f"a certificate of {len(der)} octets is longer than {LONGEST_OCTETS}", oversized=True)
    try:
        return _read(x509.load_der_x509_certificate(der))
    except Exception as error:  # the parser has errors of many kinds, some of them at the first look at a field
        raise Unreadable(f"not a certificate that can be read: {error}") from error


def read_pem(content: bytes) -> list[Certificate]:
    """All certificates of a PEM file, in its order; empty if it has none. Raises `Unreadable`."""
    if b"BEGIN CERTIFICATE-----" not in content:
        return []
    try:
        return [_read(each) for each in x509.load_pem_x509_certificates(content)]
    except Exception as error:
        raise Unreadable(f"holds a certificate that cannot be read: {error}") from error


def of(parsed: x509.Certificate) -> Certificate:
    """The same for a certificate that a library has parsed. Raises `Unreadable`."""
    try:
        return _read(parsed)
    except Exception as error:
        raise Unreadable(f"not a certificate that can be read: {error}") from error


def key_kind(key: object) -> str:
    """The curve of an EC key (`secp521r1`), or the algorithm of another key (`ed448`). Public and private ones."""
    curve = getattr(key, "curve", None)
    if curve is not None:
        return str(curve.name)
    return type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey").lower()


def _read(parsed: x509.Certificate) -> Certificate:
    if parsed.version is not x509.Version.v3:
        raise ValueError("it is not of version 3")
    der = parsed.public_bytes(Encoding.DER)
    if len(der) > LONGEST_OCTETS:
        raise ValueError(f"its {len(der)} octets are more than {LONGEST_OCTETS}")
    if der[-len(parsed.signature) - 1]:  # the same signature in other octets would be another fingerprint
        raise ValueError("its signature has unused bits; it is whole octets (RFC 3279, 2.2)")
    key = parsed.public_key()
    if isinstance(key, EllipticCurvePublicKey) and not key.curve.name:
        raise ValueError("its curve has no name")
    extensions = parsed.extensions
    constraints = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    extended = _extension(extensions, x509.ExtendedKeyUsage)
    return Certificate(
        der=der,
        subject=_text(parsed.subject),
        issuer=_text(parsed.issuer),
        common_name=_attribute(parsed, NameOID.COMMON_NAME) or "",
        domain=_attribute(parsed, NameOID.DOMAIN_COMPONENT),
        serial=parsed.serial_number,
        not_before_s=parsed.not_valid_before_utc.timestamp(),
        not_after_s=parsed.not_valid_after_utc.timestamp(),
        key_kind=key_kind(key),
        is_authority=constraints is not None and constraints.ca,
        path_length=None if constraints is None else constraints.path_length,
        usage=None if usage is None else frozenset(_usages(usage)),
        extended_usage=None if extended is None else frozenset(each.dotted_string for each in extended),
        unknown_critical=tuple(
            each.oid.dotted_string for each in extensions if each.critical and not isinstance(each.value, _UNDERSTOOD)
        ),
        ocsp_urls=tuple(_ocsp_urls(_extension(extensions, x509.AuthorityInformationAccess))),
        crl_urls=tuple(_crl_urls(_extension(extensions, x509.CRLDistributionPoints))),
        parsed=parsed,
        public_key=key,
    )


def _extension(extensions: x509.Extensions, kind: type[E]) -> E | None:
    return next((each.value for each in extensions if isinstance(each.value, kind)), None)


def _usages(usage: x509.KeyUsage) -> Iterable[str]:
    names = ("digital_signature", "key_agreement", "key_encipherment", "key_cert_sign", "crl_sign")
    return (name for name in names if getattr(usage, name))


def _ocsp_urls(access: x509.AuthorityInformationAccess | None) -> Iterable[str]:
    for each in access or ():
        if each.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            each.access_location, x509.UniformResourceIdentifier
        ):
            yield each.access_location.value


def _crl_urls(points: x509.CRLDistributionPoints | None) -> Iterable[str]:
    for point in points or ():
        for each in point.full_name or ():
            if isinstance(each, x509.UniformResourceIdentifier):
                yield each.value


def _text(name: x509.Name) -> str:
    return ", ".join(part.rfc4514_string() for part in name)


def _attribute(parsed: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    return next((str(attribute.value) for attribute in parsed.subject.get_attributes_for_oid(oid)), None)
