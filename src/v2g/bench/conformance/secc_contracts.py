"""Contracts, good and bad, for the cases that pay by one, and what a tester's car says with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import structs

from v2g.bench.conformance.secc_deeds import Deed
from v2g.bench.contract_service import ContractService, Issuer
from v2g.iso15118.contract import Credential, Payment
from v2g.iso15118.d2.certificate_chain import chain_element
from v2g.iso15118.signature import sign
from v2g.messages import iso2
from v2g.pki.certificate import of
from v2g.pki.chain import Verdict, verify_chain
from v2g.pki.issue import Order, PrivateKey, issue, leaf, make_key, name
from v2g.pki.profile import ISO15118_2, ISO15118_20, Policy, Role
from v2g.pki.revocation import Evidence
from v2g.station.contracts import TrustedChains

EMAID = "DE8AAC1B2C3D4E5"
LASTS_D = 365.0
RESPONDER = "http://ocsp.example.com/"
"""Nobody asks it here: its address goes to whoever judges a contract."""


@dataclass(frozen=True)
class Authority:
    """A certificate that signs others."""

    certificate: Any
    key: PrivateKey
    above: tuple[bytes, ...] = ()
    """DER, up to the one below the root."""
    curve: str = "p256"

    @property
    def chain(self) -> tuple[bytes, ...]:
        return (self.certificate.public_bytes(Encoding.DER), *self.above)

    def below(self, common_name: str, now: datetime, days: float = LASTS_D) -> "Authority":
        key = make_key(self.curve)
        length = 1 if self.is_root else 0
        order = Order(name(common_name, "MO"), key.public_key(), days, path_length=length, ocsp_url=RESPONDER)
        return Authority(
            issue(order, self.certificate.subject, self.key, now),
            key,
            () if not self.above and self.is_root else self.chain,
            self.curve,
        )

    @property
    def is_root(self) -> bool:
        return bool(self.certificate.subject == self.certificate.issuer)

    def credential(self, role: Role, common_name: str, now: datetime, days: float = LASTS_D) -> Credential:
        key = make_key(self.curve)
        order = replace(leaf(role, common_name, key.public_key(), days), ocsp_url=RESPONDER)
        certificate = issue(order, self.certificate.subject, self.key, now)
        return Credential((certificate.public_bytes(Encoding.DER), *self.chain), key)


def root(common_name: str, now: datetime, curve: str = "p256") -> Authority:
    """A new root."""
    key, subject = make_key(curve), name(common_name, "V2G")
    order = Order(subject, key.public_key(), LASTS_D, path_length=4)
    return Authority(issue(order, subject, key, now), key, curve=curve)


class Hierarchy:
    """A V2G root with a mobility operator and a provisioning service, and a maker of cars."""

    def __init__(self, unix_s: int, curve: str = "p256") -> None:
        self._curve = curve
        self.now = datetime.fromtimestamp(unix_s, UTC)
        self._past = self.now - timedelta(days=30)
        self.v2g = root("V2G Root", self.now, curve)
        self.operator = self.v2g.below("MO Sub-CA 1", self.now).below("MO Sub-CA 2", self.now)
        self.contract = self.operator.credential(Role.CONTRACT, EMAID, self.now)
        maker = root("OEM Root", self.now, curve).below("OEM Sub-CA 1", self.now)
        self.provisioning = maker.credential(Role.PROVISIONING, "WMIV1234567890ABCDEX", self.now)
        self.expired_provisioning = maker.credential(Role.PROVISIONING, "WMIV1234567890ABCDEX", self._past, 1)
        self._service = self.v2g.below("CPS Sub-CA 1", self.now).credential(
            Role.PROVISIONING_SERVICE, "CPS Leaf", self.now
        )
        self._unix_s = unix_s

    def trusts(self, role: Role) -> TrustedChains:
        """What a station, or a car, that knows the V2G root makes of a chain."""
        roots = (of(self.v2g.certificate),)

        def judge(own: bytes, others: Sequence[bytes], role: Role, at_s: float, policy: Policy) -> Verdict:
            return verify_chain(own, others, roots, role, at_s, policy, Evidence())

        return TrustedChains(role, judge, {"ISO 15118-2": ISO15118_2, "ISO 15118-20": ISO15118_20}, doubts=False)

    def payment(self) -> Payment:
        """For the station."""
        issuer = Issuer(self.operator.chain, self.operator.key)
        service = ContractService(issuer, self._service, lambda common_name: EMAID, lambda: self._unix_s)
        return Payment(contracts=self.trusts(Role.CONTRACT), provisioning=service)

    @cached_property
    def flawed(self) -> dict[str, Credential]:
        """Contracts by what is wrong with them."""
        stranger = Hierarchy(self._unix_s, self._curve)
        chain, key = self.contract.chain, self.contract.key
        expired = self.v2g.below("MO Sub-CA 3", self._past, 1)
        return {
            "expired certificate": self.operator.credential(Role.CONTRACT, EMAID, self._past, 1),
            "unfit certificate": self.operator.credential(Role.CONTRACT, "Nobody", self.now),
            "expired sub-authority": expired.credential(Role.CONTRACT, EMAID, self.now),
            "chain in the wrong order": Credential((chain[0], *reversed(chain[1:])), key),
            "leaf of another hierarchy": Credential((stranger.contract.chain[0], *chain[1:]), stranger.contract.key),
            "sub-authority of another hierarchy": Credential((chain[0], *stranger.contract.chain[1:]), key),
            "chain of another hierarchy": stranger.contract,
            "certificate of another contract": self.operator.credential(Role.CONTRACT, "DE8AAC999999998", self.now),
            "certificate without eMAID": self.operator.credential(Role.CONTRACT, "Nobody", self.now),
        }


@cache
def hierarchy(unix_s: int, curve: str = "p256") -> Hierarchy:
    """One for all cases."""
    return Hierarchy(unix_s, curve)


def deeds(pki: Hierarchy) -> dict[str, Deed]:
    """What is said with these contracts, by the names that the list of cases uses."""
    own: dict[str, Deed] = {
        "wrong challenge": lambda message, request: _signed(message, pki.contract, GenChallenge=bytes(range(16))),
        "signature of another key": lambda message, request: _signed(message, pki.flawed["chain of another hierarchy"]),
        "body changed after signing": _changed_after(pki),
        "other meter values": _other_values(pki),
        "eMAID of another contract": lambda message, request: _signed(message, pki.contract, eMAID="DE1ABCD2EF357B"),
        "malformed eMAID": lambda message, request: _signed(message, pki.contract, eMAID="Invalid_EMAID_"),
    }
    shown = {name: _showing(pki, name, contract) for name, contract in pki.flawed.items()}
    return shown | own


def _showing(pki: Hierarchy, flaw: str, contract: Credential) -> Deed:
    def deed(message: Any, request: str) -> Any:
        if request == "CertificateInstallation":
            provisioning = pki.expired_provisioning if flaw == "expired certificate" else pki.contract
            return _signed(message, provisioning, OEMProvisioningCert=provisioning.chain[0])
        if request == "CertificateUpdate":
            return _signed(message, contract, ContractSignatureCertChain=chain_element(contract.chain))
        element = message.Body.BodyElement
        return _said(message, structs.replace(element, ContractSignatureCertChain=chain_element(contract.chain)))

    return deed


def _said(message: Any, element: Any) -> Any:
    return structs.replace(message, Body=iso2.Body(element))


def _signed(message: Any, credential: Credential, **changes: object) -> Any:
    """The same message with other fields in its body, signed by the key of `credential`."""
    element = structs.replace(message.Body.BodyElement, **changes)
    signature = sign("iso2", [(type(element).__name__, element)], credential.key)
    return structs.replace(_said(message, element), Header=structs.replace(message.Header, Signature=signature))


def _changed_after(pki: Hierarchy) -> Deed:
    """A signature that was made over something else."""

    def deed(message: Any, request: str) -> Any:
        element, credential = message.Body.BodyElement, pki.contract
        match request:
            case "Authorization":
                changed = structs.replace(element, GenChallenge=bytes(16))
            case "MeteringReceipt":
                changed = structs.replace(element, SAScheduleTupleID=(element.SAScheduleTupleID or 0) + 1)
            case _:
                changed = structs.replace(element, ListOfRootCertificateIDs=_other_roots())
                credential = pki.provisioning if request == "CertificateInstallation" else credential
        signature = sign("iso2", [(type(element).__name__, changed)], credential.key)
        return structs.replace(message, Header=structs.replace(message.Header, Signature=signature))

    return deed


def _other_roots() -> Any:
    from v2g.iso15118.provisioned import issuer_and_serial

    other = root("Another Root", datetime.now(UTC)).chain[0]
    return iso2.ListOfRootCertificateIDs([issuer_and_serial(other)])


def _other_values(pki: Hierarchy) -> Deed:
    def deed(message: Any, request: str) -> Any:
        info = message.Body.BodyElement.MeterInfo
        other = structs.replace(info, MeterReading=(info.MeterReading or 0) + 1000)
        return _signed(message, pki.contract, MeterInfo=other)

    return deed
