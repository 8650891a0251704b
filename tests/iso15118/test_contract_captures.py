"""Plug & Charge as others speak it: the signatures in captures verify, and their cars are served by our station."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.iso15118.test_d2_captures import Bench

from v2g.capture import stream
from v2g.capture.dissector import Dissector
from v2g.capture.file import read
from v2g.capture.record import Record
from v2g.iso15118.contract import common_name, key_of, plain_emaid
from v2g.iso15118.d2.certificate_chain import chain_of
from v2g.iso15118.edition import body_name
from v2g.iso15118.service import Service
from v2g.iso15118.signature import Part, SignatureInvalid, verify
from v2g.iso15118.station import StationConversation
from v2g.iso15118.view import Meter, Offer, Stage
from v2g.messages.iso2 import MeterInfo
from v2g.pki.certificate import read as read_certificate
from v2g.pki.chain import Verdict, verify_chain
from v2g.pki.profile import ISO15118_2, Policy, Revocation, Role
from v2g.station.contracts import TrustedChains

INSTALLED = ("ContractSignatureCertChain", "ContractSignatureEncryptedPrivateKey", "DHpublickey", "eMAID")
CAPTURES = {
    "ISO-2_AC_PnC_TLS_Contract_MeteringReceipt_DS5366_RiseV2G.pcapng": {"AuthorizationReq", "MeteringReceiptReq"},
    "ISO-2_DC_PnC_TLS_CertInstallation_DS5366_RiseV2G.pcapng": {
        "CertificateInstallationReq",
        "CertificateInstallationRes",
        "AuthorizationReq",
    },
    "ISO-2_DC_PnC_TLS_CertUpdate_DS5366_RiseV2G.pcapng": {
        "CertificateUpdateReq",
        "CertificateUpdateRes",
        "AuthorizationReq",
    },
    "ISO-2_DC_PnC_TLS_Contract_DS5366_RiseV2G.pcapng": {"AuthorizationReq"},
}
"""What is signed in each."""


def session(path: Path) -> list[Record]:
    """The messages of the connection that has the most of them."""
    dissector = Dissector()
    found: dict[int, list[Record]] = {}
    with path.open("rb") as file:
        records = [record for item in read(file, path.name) for record in dissector.feed(item)]
    for record in [*records, *dissector.flush()]:
        if record.protocol in ("sap", "iso2"):
            found.setdefault(record.connection, []).append(record)
    return max(found.values(), key=len)


def signed(records: list[Record]) -> Iterator[tuple[str, Any, list[Part], bytes]]:
    """Each signed message: its name, its signature, what is signed, and whose certificate has the key."""
    contract: tuple[bytes, ...] = ()
    for record in records:
        if record.protocol != "iso2":
            continue
        message: Any = record.value
        body, name = message.Body.BodyElement, body_name(message)
        if name == "PaymentDetailsReq":
            contract = chain_of(body.ContractSignatureCertChain)
        if message.Header.Signature is None:
            continue
        if name in ("CertificateInstallationRes", "CertificateUpdateRes"):
            parts = [(part, getattr(body, part)) for part in INSTALLED]
            yield name, message.Header.Signature, parts, body.SAProvisioningCertificateChain.Certificate
        elif name == "CertificateInstallationReq":
            yield name, message.Header.Signature, [(name, body)], body.OEMProvisioningCert
        elif name == "CertificateUpdateReq":
            yield name, message.Header.Signature, [(name, body)], body.ContractSignatureCertChain.Certificate
        elif name in ("AuthorizationReq", "MeteringReceiptReq"):  # this car repeats its signatures in other messages
            yield name, message.Header.Signature, [(name, body)], contract[0]


@pytest.mark.parametrize("name", CAPTURES)
def test_the_signatures_in_a_capture_verify(name: str, shared: Path) -> None:
    seen = set()
    for message, signature, parts, certificate in signed(session(shared / "captures" / name)):
        verify("iso2", signature, parts, key_of(certificate))
        seen.add(message)
        changed = structs.replace(signature.SignatureValue, value=bytes(64))
        with pytest.raises(SignatureInvalid):
            verify("iso2", structs.replace(signature, SignatureValue=changed), parts, key_of(certificate))
    assert CAPTURES[name] <= seen


class Replay(Bench):
    """Our station, which trusts the authority of the captured contract, and gives the captured challenge."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__()
        self.records = records
        self.view = replace(self.view, unix_s=int(records[0].time or 0), meter=Meter("meter", 1000, 0, 1000))
        offer = Offer("DE*V2G*E1", (Service.DC, Service.AC), contracts=self.trusts(), provisioning=self)
        self.station = StationConversation(offer, self.now, secure=True)

    def trusts(self) -> TrustedChains:
        shown = [
            chain_of(record.value.Body.BodyElement.ContractSignatureCertChain)  # type: ignore[union-attr]
            for record in self.records
            if record.message in ("PaymentDetailsReq", "CertificateUpdateReq")
        ]
        anchors = tuple(read_certificate(chain[-1]) for chain in shown)
        policy = replace(ISO15118_2, revocation=Revocation.IGNORE)  # nothing is known of what was revoked then

        def judge(leaf: bytes, others: Any, role: Role, at_s: float, _: Policy) -> Verdict:
            return verify_chain(leaf, others, anchors, role, at_s, policy)

        return TrustedChains(Role.CONTRACT, judge, {"ISO 15118-2": policy})

    def fetch(self, request: bytes, action: str, message_set: str) -> bytes:
        """What the captured station brought."""
        name = "CertificateInstallationRes" if action == "Install" else "CertificateUpdateRes"
        [answer] = [record for record in self.records if record.message == name]
        return answer.payload

    def prepare(self, record: Record, following: Record | None) -> None:
        """Have the station know what the captured one said, as far as the car's signature is about it, and ask for a
        receipt when that did."""
        engine = self.station.engine
        if engine is None or record.protocol != "iso2":
            return
        body: Any = record.value.Body.BodyElement  # type: ignore[union-attr]
        if record.message == "AuthorizationReq" and body.GenChallenge is not None:
            emaid = plain_emaid(common_name(engine.session.chain[0]))
            self.view = replace(self.view, contract=emaid)
            engine.session = replace(engine.session, challenge=body.GenChallenge)
        signs = following is not None and following.message == "MeteringReceiptReq"
        offer = replace(engine.session.offer, receipts_s=0.0 if signs else None)
        engine.session = replace(engine.session, offer=offer)
        if record.message == "MeteringReceiptReq":
            assert isinstance(engine.session.reading, MeterInfo)
            engine.session = replace(engine.session, reading=body.MeterInfo, session_id=body.SessionID)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_captured_car_is_served(name: str, shared: Path) -> None:
    records = session(shared / "captures" / name)
    bench = Replay(records)
    requests = [record for record in records if record.is_request]
    for record, following in pairwise([*requests, None]):
        assert record is not None
        bench.prepare(record, following)
        response = bench.answer(record, done=following is None or following.message != record.message)
        assert response is not None, record.message
        said = response if record.protocol == "sap" else response.Body.BodyElement
        assert said.ResponseCode.value.startswith("OK"), (record.message, said, bench.station.end)
    # The receipt's signature is about the captured session's id, so `prepare` has gone over to that one.
    assert {finding.partition(":")[0] for finding in bench.findings()} <= {"session id"}
    assert "MeteringReceipt" in name or not bench.findings()
    seen = set()
    for message, signature, parts, certificate in signed(list(stream.messages(BytesIO(bench.wire)))):
        verify("iso2", signature, parts, key_of(certificate))
        seen.add(message)
    assert CAPTURES[name] <= seen, "what our station passes on stays signed"
    assert bench.station.car.contract
    assert bench.station.end is not None
    assert bench.station.end.fault is None
    assert bench.station.demand.stage is Stage.OFF
