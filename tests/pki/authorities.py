"""Chains for tests: sound ones, and ones that are wrong in a single way."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from v2g.pki import issue
from v2g.pki.certificate import Certificate, of
from v2g.pki.issue import Order, PrivateKey
from v2g.pki.profile import Role

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
AT_S = NOW.timestamp()

NAMES = {
    Role.STATION: "SECC-1",
    Role.PRIVATE_STATION: "SECC-1",
    Role.VEHICLE: "ZZZV123456789ABCDEF9",
    Role.PROVISIONING: "ZZZV123456789ABCDEF9",
    Role.CONTRACT: "XXV2GC00000001",
    Role.PROVISIONING_SERVICE: "CPS-1",
}


@dataclass
class Party:
    """A certificate with its key."""

    certificate: Certificate
    key: PrivateKey = field(repr=False)


def party(order: Order, issuer: Party | None, key: PrivateKey, now: datetime = NOW) -> Party:
    """Certified by `issuer`, or by itself."""
    name = order.subject if issuer is None else issuer.certificate.parsed.subject
    signer = key if issuer is None else issuer.key
    return Party(of(issue.issue(order, name, signer, now)), key)


def authority(
    name: str, issuer: Party | None, path_length: int, *, domain: str = "V2G", curve: str = "p256", days: float = 1000,
    now: datetime = NOW,
) -> Party:  # fmt: skip
    key = issue.make_key(curve)
    return party(Order(issue.name(name, domain), key.public_key(), days, path_length), issuer, key, now)


def leaf(role: Role, issuer: Party | None, *, curve: str = "p256", now: datetime = NOW, **changes: object) -> Party:
    """`changes`: fields of the order."""
    key = issue.make_key(curve)
    order = replace(issue.leaf(role, NAMES[role], key.public_key(), 100), **changes)  # type: ignore[arg-type]
    return party(order, issuer, key, now)


@dataclass
class Chain:
    """Root, two authorities, leaf."""

    role: Role
    root: Party
    first: Party
    second: Party
    leaf: Party

    @property
    def sent(self) -> list[bytes]:
        """The authorities as a car sends them: DER, the leaf's issuer first."""
        return [self.second.certificate.der, self.first.certificate.der]


def chain(role: Role = Role.CONTRACT, curve: str = "p256", now: datetime = NOW) -> Chain:
    root = authority("Root", None, 2, domain=role.anchors[0].value, curve=curve, now=now)
    first = authority("Sub-CA 1", root, 1, curve=curve, now=now)
    second = authority("Sub-CA 2", first, 0, curve=curve, now=now)
    return Chain(role, root, first, second, leaf(role, second, curve=curve, now=now))


def with_extension(
    issuer: Party, extension: x509.ExtensionType, *, critical: bool, role: Role = Role.CONTRACT
) -> bytes:
    """A leaf with one more extension, DER."""
    key = issue.make_key("p256")
    builder = (
        x509.CertificateBuilder()
        .subject_name(issue.name(NAMES[role], issue.DOMAINS[role]))
        .issuer_name(issuer.certificate.parsed.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=100))
        .add_extension(extension, critical=critical)
    )
    return builder.sign(issuer.key, issue.digest_of(issuer.key)).public_bytes(Encoding.DER)
