"""Certificates for tests, made in memory: roots, authorities and leaves of any kind, good and bad."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from v2g.bench.contract_service import ContractService, Issuer
from v2g.iso15118.contract import Credential
from v2g.pki.certificate import of
from v2g.pki.chain import Verdict, verify_chain
from v2g.pki.profile import ISO15118_2, ISO15118_20, Policy, Role
from v2g.pki.revocation import Evidence
from v2g.station.contracts import TrustedChains

if TYPE_CHECKING:
    from v2g.iso15118.signature import PrivateKey

UNIX_S = 1_800_000_000
"""When everything here is valid."""
EMAID = "DE8AAC1B2C3D4E5"
CURVES = {"p256": ec.SECP256R1(), "p521": ec.SECP521R1()}


def new_key(kind: str) -> "PrivateKey":
    return Ed448PrivateKey.generate() if kind == "ed448" else ec.generate_private_key(CURVES[kind])


@dataclass(frozen=True)
class Authority:
    """One that issues certificates."""

    certificate: x509.Certificate
    key: "PrivateKey"
    above: "Authority | None" = None
    kind: str = field(kw_only=True, default="p256")

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        name: str,
        domain: str,
        *,
        authority: bool = False,
        days: tuple[int, int] = (-1, 365),
        key: "PrivateKey | None" = None,
        kind: str | None = None,
    ) -> "Authority":
        own = key or new_key(kind or self.kind)
        return Authority(
            certify(name, domain, own, self.certificate.subject, self.key, authority=authority, days=days),
            own,
            self,
            kind=kind or self.kind,
        )

    def credential(self, name: str, domain: str, **options: Any) -> Credential:
        """A leaf with its chain, the root left out."""
        leaf = self.issue(name, domain, **options)
        chain, each = [leaf.der], self
        while each.above is not None:
            chain.append(each.der)
            each = each.above
        return Credential(tuple(chain), leaf.key)


def certify(
    name: str,
    domain: str,
    own: Any,
    issuer: x509.Name | None,
    signer: Any,
    *,
    authority: bool,
    days: tuple[int, int],
) -> x509.Certificate:
    now = datetime.fromtimestamp(UNIX_S, UTC)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.DOMAIN_COMPONENT, domain)]
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "encipher_only", "decipher_only"), False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_agreement=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    digest = None if isinstance(signer, Ed448PrivateKey) else hashes.SHA256()
    return builder.sign(signer, digest)


def root(name: str, domain: str, kind: str = "p256") -> Authority:
    key = new_key(kind)
    return Authority(certify(name, domain, key, None, key, authority=True, days=(-1, 3650)), key, kind=kind)


class Hierarchy:
    """A V2G root with an operator of contracts and a provisioning service, and a maker of cars."""

    def __init__(self, kind: str = "p256") -> None:
        self.v2g = root("V2G Root", "V2G", kind)
        self.operator = self.v2g.issue("MO Sub-CA 1", "MO", authority=True).issue("MO Sub-CA 2", "MO", authority=True)
        self.service = self.v2g.issue("CPS Sub-CA 1", "CPS", authority=True).credential("CPS Leaf", "CPS")
        self.maker = root("OEM Root", "OEM", kind).issue("OEM Sub-CA 1", "OEM", authority=True)
        self.contract = self.operator.credential(EMAID, "MO")
        self.provisioning = self.maker.credential("WMIV1234567890ABCDEX", "OEM")
        self.evidence = Evidence()

    def trusts(self, role: Role = Role.CONTRACT) -> TrustedChains:
        """What a station, or a car, that knows the V2G root makes of a chain."""
        policies = {"ISO 15118-2": ISO15118_2, "ISO 15118-20": ISO15118_20}
        roots = (of(self.v2g.certificate),)

        def judge(leaf: bytes, others: Sequence[bytes], role: Role, at_s: float, policy: Policy) -> Verdict:
            return verify_chain(leaf, others, roots, role, at_s, policy, self.evidence)

        return TrustedChains(role, judge, policies)

    def contract_service(self) -> ContractService:
        """Who makes contracts for cars."""
        assert self.operator.above is not None
        issuer = Issuer((self.operator.der, self.operator.above.der), self.operator.key)
        return ContractService(issuer, self.service, lambda name: EMAID, lambda: UNIX_S)
