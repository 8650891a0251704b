"""Issues certificates, revocation lists and OCSP responses: what an authority does, for benches and tests.

Extensions follow what public code says about Annex F of ISO 15118-2 and Annex B of ISO 15118-20 (the texts themselves
are not public): critical basic constraints, critical key usage (keyCertSign and cRLSign; digitalSignature and
keyAgreement in leaves), critical extended key usage serverAuth for a station and clientAuth for a vehicle, key
identifiers, the role in DC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from v2g.pki.profile import Role

PrivateKey = ec.EllipticCurvePrivateKey | Ed448PrivateKey
PublicKey = ec.EllipticCurvePublicKey | Ed448PublicKey

BACKDATED = timedelta(hours=1)
"""The clocks of station and vehicle differ."""

CURVES: dict[str, ec.EllipticCurve | None] = {"p521": ec.SECP521R1(), "p256": ec.SECP256R1(), "ed448": None}
"""p521 is what ISO 15118-20 requires, p256 what ISO 15118-2 does; ed448 is the alternative of ISO 15118-20."""

DOMAINS: Mapping[Role, str] = {
    Role.STATION: "CPO",
    Role.PRIVATE_STATION: "PE",
    Role.VEHICLE: "EV",
    Role.PROVISIONING: "OEM",
    Role.CONTRACT: "MO",
    Role.PROVISIONING_SERVICE: "CPS",
}
"""The domain component of a leaf."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be certified."""

    subject: x509.Name
    public_key: PublicKey
    days: float
    path_length: int | None = None
    """How many authorities may follow below it; None for a leaf."""
    extended_usage: str | None = None
    """Dotted object identifier."""
    ocsp_url: str | None = None
    crl_url: str | None = None


def make_key(curve: str) -> PrivateKey:
    """A new key; `curve` is one of `CURVES`."""
    named = CURVES[curve]
    return Ed448PrivateKey.generate() if named is None else ec.generate_private_key(named)


def name(common_name: str, domain: str, organization: str = "v2g test") -> x509.Name:
    """The subject of a certificate."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, domain),
        ]
    )


def leaf(role: Role, common_name: str, public_key: PublicKey, days: float) -> Order:
    """The order for a leaf of a role."""
    usage = role.value.extended_usage
    return Order(name(common_name, DOMAINS[role]), public_key, days, extended_usage=usage)


def issue(order: Order, issuer: x509.Name, key: PrivateKey, now: datetime) -> x509.Certificate:
    """The certificate, valid from an hour before `now` on."""
    is_authority = order.path_length is not None
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(order.subject)
        .issuer_name(issuer)
        .public_key(order.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=order.days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=order.path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(order.public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if order.extended_usage is not None:
        extended = x509.ExtendedKeyUsage([x509.ObjectIdentifier(order.extended_usage)])
        builder = builder.add_extension(extended, critical=True)
    if order.ocsp_url is not None:
        where = x509.UniformResourceIdentifier(order.ocsp_url)
        access = [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    if order.crl_url is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(order.crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(key, digest_of(key))


def digest_of(key: PrivateKey) -> hashes.SHA256 | hashes.SHA512 | None:
    """The hash that goes with a key in signatures: as long as its curve; none with Ed448."""
    if isinstance(key, Ed448PrivateKey):
        return None
    return hashes.SHA512() if key.curve.name == "secp521r1" else hashes.SHA256()


def revocation_list(
    issuer: x509.Certificate, key: PrivateKey, serials: Mapping[int, datetime], now: datetime, days: float = 7
) -> bytes:
    """The list of an authority, PEM. `serials`: what is revoked, and since when."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + timedelta(days=days))
    )
    for serial, since in serials.items():
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
        revoked = revoked.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(key, digest_of(key)).public_bytes(Encoding.PEM)


def ocsp_response(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    key: PrivateKey,
    now: datetime,
    *,
    revoked: datetime | None = None,
    responder: x509.Certificate | None = None,
    hours: float = 24,
) -> bytes:
    """What a responder answers about a certificate. `key` is the issuer's, or that of `responder`, its delegate."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate,
        issuer=issuer,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD if revoked is None else ocsp.OCSPCertStatus.REVOKED,
        this_update=now,
        next_update=now + timedelta(hours=hours),
        revocation_time=revoked,
        revocation_reason=None if revoked is None else x509.ReasonFlags.key_compromise,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder or issuer)
    if responder is not None:
        builder = builder.certificates([responder])
    return builder.sign(key, digest_of(key)).public_bytes(Encoding.DER)
