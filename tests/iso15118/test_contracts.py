"""Contracts, good and bad, at the station: each flaw gets its own code, none gets energy, none ends the process."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import structs
from tests.iso15118.credentials import EMAID, UNIX_S, Hierarchy, root
from tests.iso15118.d2_car import Car as D2Car
from tests.iso15118.d2_car import requests
from tests.iso15118.requests import header
from tests.iso15118.test_secc_engine import OFFER, READY
from tests.iso15118.test_secc_engine import Car as D20Car

from v2g.iso15118.contract import Credential, Flaw, Judgement, Unprovisioned
from v2g.iso15118.d2.certificate_chain import chain_element
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.d20.certificate_chain import contract_chain, signed_chain
from v2g.iso15118.d20.table import Phase as D20Phase
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import Service
from v2g.iso15118.signature import sign
from v2g.iso15118.view import Authorization, Meter, Offer, Stage, StationView
from v2g.messages import decode, encode, iso2
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import ListOfRootCertificateIDs
from v2g.messages.xmldsig import X509IssuerSerial
from v2g.pki.certificate import of

VIEW = replace(READY, unix_s=UNIX_S, meter=Meter("meter", 1000, 0, 1000))


@pytest.fixture(scope="module")
def pki() -> Hierarchy:
    return Hierarchy("p256")


@pytest.fixture(scope="module")
def pki20() -> Hierarchy:
    return Hierarchy("p521")


class Car(D2Car):
    """One of ISO 15118-2 that signs."""

    def __init__(self, pki: Hierarchy, view: StationView = VIEW, **offer: Any) -> None:
        given: dict[str, Any] = {"contracts": pki.trusts(), "provisioning": pki.contract_service()} | offer
        super().__init__(ISO2, Service.DC, view, Offer("DE*V2G*E1", (Service.DC,), **given))
        self.pki = pki

    def chosen(self, *services: tuple[int, int]) -> "Car":
        """Up to the choice of payment by contract."""
        self.walk(Phase.SERVICE)
        selected = [iso2.SelectedService(1), *(iso2.SelectedService(*each) for each in services)]
        asked = iso2.PaymentServiceSelectionReq(iso2.PaymentOption.Contract, iso2.SelectedServiceList(selected))
        assert self.code(asked) == "OK"
        assert self.phase is Phase.CONTRACT
        return self

    def detailed(self, contract: Credential | None = None) -> bytes:
        """The challenge to a good contract."""
        answer = self.chosen().ask(details(contract or self.pki.contract))
        assert answer.ResponseCode is iso2.ResponseCode.OK
        assert answer.EVSETimeStamp == UNIX_S
        challenge: bytes = answer.GenChallenge
        return challenge

    def authorized(self) -> "Car":
        asked = iso2.AuthorizationReq(self.detailed(), "id1")
        assert self.signed(asked).EVSEProcessing is iso2.EVSEProcessing.Ongoing
        self.view = replace(self.view, contract=EMAID)
        assert self.ask(iso2.AuthorizationReq()).EVSEProcessing is iso2.EVSEProcessing.Finished
        return self

    def signed(self, body: Any, key: Any = None, of_: Any = None) -> Any:
        """The answer to a body under the signature of `key`, made over `of_` if that is another one."""
        signature = sign("iso2", [(type(body).__name__, of_ or body)], key or self.pki.contract.key)
        message = ISO2.message(self.engine.session.session_id, body, signature)
        step = self.engine.receive(0x8001, encode("iso2", message), self.now, self.view)
        [answer] = self.answers(step)
        return answer

    def assert_safe(self) -> None:
        assert self.engine.end is not None
        assert self.engine.demand.stage is Stage.OFF


def details(contract: Credential, emaid: str = EMAID) -> iso2.PaymentDetailsReq:
    return iso2.PaymentDetailsReq(emaid, chain_element(contract.chain))


def flawed(pki: Hierarchy) -> dict[str, tuple[Credential, str, str]]:
    """By what is wrong: a contract, and its code in ISO 15118-2 and in ISO 15118-20."""
    operator, kind = pki.operator, pki.operator.kind
    stranger, key = Hierarchy(kind), pki.contract.key
    old = pki.v2g.issue("MO Sub-CA 3", "MO", authority=True, days=(-30, -1))
    own = root(EMAID, "MO", kind)
    chain = pki.contract.chain
    failed, warned = "FAILED_CertChainError", "WARNING_CertificateValidationError"
    here, expired = "FAILED_CertificateNotAllowedAtThisEVSE", "FAILED_CertificateExpired"

    def leaf(first: int, last: int) -> Credential:
        return operator.credential(EMAID, "MO", days=(first, last))

    return {
        "expired": (leaf(-30, -1), expired, "WARNING_CertificateExpired"),
        "not yet valid": (leaf(1, 30), expired, "WARNING_CertificateNotYetValid"),
        "of an unknown root": (stranger.contract, failed, warned),
        "without its authorities": (Credential(chain[:1] + stranger.contract.chain[1:], key), failed, warned),
        "self-signed": (Credential((own.der, own.der), own.key), failed, warned),
        "malformed": (Credential((b"\x30\x03\x02\x01\x01", *chain[1:]), key), failed, warned),
        "empty": (Credential((b"", *chain[1:]), key), failed, warned),
        "of a vehicle": (operator.credential("WMIV1234567890ABCDEX", "OEM"), here, warned),
        "of an expired authority": (old.credential(EMAID, "MO"), here, warned),
    }


FLAWS = [
    "expired",
    "not yet valid",
    "of an unknown root",
    "without its authorities",
    "self-signed",
    "malformed",
    "empty",
    "of a vehicle",
    "of an expired authority",
]


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flawed_contract_gets_its_code(pki: Hierarchy, flaw: str) -> None:
    contract, code, _ = flawed(pki)[flaw]
    car = Car(pki).chosen()
    assert car.code(details(contract)) == code
    car.assert_safe()


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flawed_contract_is_warned_of(pki20: Hierarchy, flaw: str) -> None:
    """In ISO 15118-20 the car may try again, by another way of payment too."""
    contract, _, code = flawed(pki20)[flaw]
    car = Car20(pki20)
    challenge = car.challenge()
    assert car.pays(challenge, contract).ResponseCode.value == code
    assert car.phase is D20Phase.AUTHORIZATION
    assert car.secc.demand.stage is Stage.OFF
    answer = car.pays(challenge, pki20.contract)
    assert answer.ResponseCode.value == "OK"


def revoked(pki: Hierarchy, contract: Credential) -> None:
    """Put it on its authority's list."""
    at = datetime.fromtimestamp(UNIX_S, UTC)
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(x509.load_der_x509_certificate(contract.chain[0]).serial_number)
        .revocation_date(at)
        .build()
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(pki.operator.certificate.subject)
        .last_update(at)
        .next_update(at + timedelta(days=7))
        .add_revoked_certificate(entry)
        .sign(pki.operator.key, hashes.SHA256())
    )
    pki.evidence.add_crl(crl.public_bytes(Encoding.DER), of(pki.operator.certificate), UNIX_S)


def test_a_revoked_contract_gets_its_code() -> None:
    pki, pki20 = Hierarchy("p256"), Hierarchy("p521")
    revoked(pki, pki.contract)
    revoked(pki20, pki20.contract)
    car = Car(pki).chosen()
    assert car.code(details(pki.contract)) == "FAILED_CertificateRevoked"
    car.assert_safe()
    car20 = Car20(pki20)
    assert car20.pays(car20.challenge(), pki20.contract).ResponseCode.value == "WARNING_CertificateRevoked"


def test_a_contract_that_turns_out_to_be_revoked_after_it_was_shown_is_refused() -> None:
    pki = Hierarchy("p256")
    car = Car(pki)
    asked = iso2.AuthorizationReq(car.detailed(), "id1")
    revoked(pki, pki.contract)
    assert car.signed(asked).ResponseCode.value == "FAILED_CertificateRevoked"
    assert car.engine.demand.stage is Stage.OFF


def test_a_contract_that_nobody_knows_to_be_good_does_not_feed_the_grid(pki: Hierarchy) -> None:
    car = Car(pki).authorized()
    assert car.engine.session.car.contract == EMAID
    assert car.engine.session.car.contract_doubt == "nobody says whether its contract was revoked"


class Responder:
    """Says nothing of a contract for a while."""

    def __init__(self, pki: Hierarchy) -> None:
        self._known, self.silent = pki.trusts(), True

    def judge(self, chain: tuple[bytes, ...], edition: str, unix_s: int) -> Judgement:
        waits = Judgement(pending=True, reason="an OCSP responder has not answered yet")
        return waits if self.silent else self._known.judge(chain, edition, unix_s)


@pytest.mark.parametrize("answers", [True, False])
def test_what_others_know_of_a_contract_is_waited_for_not_longer_than_the_car_waits(
    pki: Hierarchy, answers: bool
) -> None:
    """Some cars give PaymentDetails 2 s."""
    responder = Responder(pki)
    car = Car(pki, contracts=responder).chosen()
    assert car.send(details(pki.contract)).send == []
    deadline = car.engine.next_deadline() or 0.0
    assert deadline == pytest.approx(car.now + 1.4)
    if answers:
        responder.silent = False
        [answer] = car.answers(car.engine.renew(car.now + 1.0, car.view))
        assert answer.ResponseCode.value == "OK"
        return
    assert car.engine.renew(car.now + 1.0, car.view).send == []
    [answer] = car.answers(car.engine.expire(deadline, car.view))
    assert answer.ResponseCode.value == "FAILED_CertificateNotAllowedAtThisEVSE"
    car.assert_safe()


def test_a_car_of_iso_20_asks_again_while_others_are_asked(pki20: Hierarchy) -> None:
    responder = Responder(pki20)
    car = Car20(pki20, contracts=responder)
    challenge = car.challenge()
    assert car.pays(challenge, pki20.contract).EVSEProcessing.value == "Ongoing"
    assert not car.secc.session.car.contract
    responder.silent = False
    assert car.pays(challenge, pki20.contract).EVSEProcessing.value == "Ongoing"
    assert car.secc.session.car.contract == EMAID


def test_a_chain_has_at_most_two_authorities(pki: Hierarchy) -> None:
    """[V2G2-656]"""
    third = pki.operator.issue("MO Sub-CA 3", "MO", authority=True)
    car = Car(pki).chosen()
    assert car.code(details(third.credential(EMAID, "MO"))) == "FAILED_CertChainError"
    car.assert_safe()


def test_another_number_than_the_certificates_is_refused(pki: Hierarchy) -> None:
    car = Car(pki).chosen()
    assert car.code(details(pki.contract, "DE8AAC9Z9Z9Z9Z9")) == "FAILED_NoCertificateAvailable"
    car.assert_safe()


@pytest.mark.parametrize("spelling", ["DE-8AAC1B2C3D4E", "de8aac1b2c3d4e5", EMAID[:14]])
def test_a_number_may_be_spelled_otherwise(pki: Hierarchy, spelling: str) -> None:
    assert Car(pki).chosen().code(details(pki.contract, spelling)) == "OK"


def test_the_challenge_is_another_one_each_time(pki: Hierarchy) -> None:
    challenges = {Car(pki).detailed() for _ in range(8)}
    assert len(challenges) == 8
    assert {len(each) for each in challenges} == {16}


def test_only_the_right_signature_proves_a_contract(pki: Hierarchy) -> None:
    other = pki.operator.credential(EMAID, "MO")

    def refused(code: str, act: Callable[[Car, bytes], Any]) -> None:
        car = Car(pki)
        answer = act(car, car.detailed())
        assert answer.ResponseCode.value == code
        assert not car.engine.session.car.contract
        car.assert_safe()

    request = iso2.AuthorizationReq
    challenge_, signature_ = "FAILED_ChallengeInvalid", "FAILED_SignatureError"
    refused(challenge_, lambda car, challenge: car.signed(request(bytes(16), "id1")))  # [V2G2-475]
    refused(signature_, lambda car, challenge: car.signed(request(challenge, "id1"), other.key))
    refused(signature_, lambda car, challenge: car.signed(request(challenge, "id1"), of_=request(bytes(16), "id1")))
    refused(signature_, lambda car, challenge: car.ask(request(challenge, "id1")))  # [V2G2-684]
    refused(signature_, lambda car, challenge: car.ask(request(challenge)))
    refused(challenge_, lambda car, challenge: car.ask(request()))


def test_a_signature_of_another_session_proves_nothing(pki: Hierarchy) -> None:
    before = Car(pki)
    asked = iso2.AuthorizationReq(before.detailed(), "id1")
    assert before.signed(asked).ResponseCode is iso2.ResponseCode.OK
    replaying = Car(pki)
    replaying.detailed()
    assert replaying.signed(asked).ResponseCode.value == "FAILED_ChallengeInvalid"
    replaying.assert_safe()


@pytest.mark.parametrize(
    ("flaw", "code"),
    [
        (None, "FAILED_CertificateNotAllowedAtThisEVSE"),
        (Flaw.CANCELED, "FAILED_ContractCanceled"),
        (Flaw.REVOKED, "FAILED_CertificateRevoked"),
    ],
)
def test_a_contract_that_is_refused_gets_the_code_of_the_reason(pki: Hierarchy, flaw: Flaw | None, code: str) -> None:
    car = Car(pki)
    asked = iso2.AuthorizationReq(car.detailed(), "id1")
    car.view = replace(VIEW, authorization=Authorization.REJECTED)  # it is about a car without a contract
    assert car.signed(asked).EVSEProcessing is iso2.EVSEProcessing.Ongoing
    car.view = replace(car.view, contract=EMAID, flaw=flaw)
    assert car.code(iso2.AuthorizationReq()) == code
    car.assert_safe()


def test_what_is_offered_without_contracts(pki: Hierarchy) -> None:
    car = Car(pki, contracts=None, provisioning=None)
    offered = car.walk(Phase.SERVICE_DISCOVERY).ask(iso2.ServiceDiscoveryReq())
    assert offered.PaymentOptionList.PaymentOption == [iso2.PaymentOption.ExternalPayment]
    assert offered.ServiceList is None
    pay = iso2.PaymentServiceSelectionReq(
        iso2.PaymentOption.Contract, iso2.SelectedServiceList([iso2.SelectedService(1)])
    )
    assert car.code(pay) == "FAILED_PaymentSelectionInvalid"


def test_value_added_services_are_listed_and_detailed(pki: Hierarchy) -> None:
    def found(**asked: Any) -> list[int]:
        car = Car(pki, internet=(3, 4)).walk(Phase.SERVICE_DISCOVERY)
        services = car.ask(iso2.ServiceDiscoveryReq(**asked)).ServiceList
        return [] if services is None else [each.ServiceID for each in services.Service]

    category = iso2.ServiceCategory
    assert found() == [2, 3]
    assert found(ServiceCategory=category.Internet) == [3]  # [V2G2-293]
    assert found(ServiceCategory=category.OtherCustom) == []
    assert found(ServiceScope="elsewhere") == []
    car = Car(pki, internet=(3, 4)).walk(Phase.SERVICE)  # [V2G2-422]
    certificates, internet = (car.ask(iso2.ServiceDetailReq(number)).ServiceParameterList for number in (2, 3))
    assert [(each.ParameterSetID, each.Parameter[0].stringValue) for each in certificates.ParameterSet] == [
        (1, "Installation"),
        (2, "Update"),
    ]
    assert [(each.ParameterSetID, each.Parameter[1].intValue) for each in internet.ParameterSet] == [(3, 80), (4, 443)]
    assert car.code(iso2.ServiceDetailReq(4)) == "FAILED_ServiceIDInvalid"
    assert Car(pki, internet=(3,)).chosen((2, 1), (3, 3)).engine.session.by_contract
    for services in ((2, 9), (3, 1), (9, 1)):
        selected = iso2.SelectedServiceList([iso2.SelectedService(1), iso2.SelectedService(*services)])
        asked = iso2.PaymentServiceSelectionReq(iso2.PaymentOption.Contract, selected)
        assert Car(pki, internet=(3,)).walk(Phase.SERVICE).code(asked) == "FAILED_ServiceSelectionInvalid"


ROOTS = iso2.ListOfRootCertificateIDs([X509IssuerSerial("CN=V2G Root", 1)])


def installation(pki: Hierarchy, certificate: bytes | None = None) -> iso2.CertificateInstallationReq:
    return iso2.CertificateInstallationReq(certificate or pki.provisioning.chain[0], ROOTS, "id1")


def test_a_contract_is_brought_only_for_who_signs(pki: Hierarchy) -> None:
    own = pki.provisioning
    cases: list[tuple[Any, Any, Any, str]] = [
        (installation(pki), own.key, None, "OK"),
        (installation(pki), pki.contract.key, None, "FAILED_SignatureError"),
        (installation(pki), own.key, structs.replace(installation(pki), Id="id2"), "FAILED_SignatureError"),
        (installation(pki, b"\x30\x00"), own.key, None, "FAILED_CertChainError"),
    ]
    old = pki.maker.credential("WMIV1234567890ABCDEX", "OEM", days=(-30, -1))
    cases.append((installation(pki, old.chain[0]), old.key, None, "FAILED_CertificateExpired"))
    for body, key, other, code in cases:
        car = Car(pki).chosen((2, 1))
        assert car.signed(body, key, other).ResponseCode.value == code
        assert (car.engine.end is None) == (code == "OK")
        assert code != "OK" or car.phase is Phase.CONTRACT


class Pool:
    """Brings what a test wants, when it wants."""

    def __init__(self, brought: bytes | Exception | None) -> None:
        self.brought = brought

    def fetch(self, request: bytes, action: str, message_set: str) -> bytes | None:
        if isinstance(self.brought, Exception):
            raise self.brought
        return self.brought


@pytest.mark.parametrize(
    ("brought", "code"),
    [
        (Unprovisioned("nobody knows this car"), "FAILED_NoCertificateAvailable"),
        (Unprovisioned("its contract has ended", Flaw.CANCELED), "FAILED_ContractCanceled"),
        (Unprovisioned("its maker is not known", Flaw.CHAIN), "FAILED_CertChainError"),
        (b"", "FAILED"),
        (b"\x80\x98", "FAILED"),
        (encode("iso2", ISO2.message(bytes(8), iso2.SessionStopRes(iso2.ResponseCode.OK))), "FAILED"),
    ],
)
def test_what_is_brought_instead_of_a_contract(pki: Hierarchy, brought: Any, code: str) -> None:
    car = Car(pki, provisioning=Pool(brought)).chosen((2, 1))
    assert car.signed(installation(pki), pki.provisioning.key).ResponseCode.value == code
    car.assert_safe()


def test_a_certificate_of_a_year_that_no_calendar_has_is_unreadable(pki: Hierarchy, pki20: Hierarchy) -> None:
    own = of_year_zero("p256")
    car = Car(pki).chosen((2, 1))
    assert car.signed(installation(pki, own.chain[0]), own.key).ResponseCode.value == "FAILED_CertChainError"
    car.assert_safe()
    newer, own = Car20(pki20), of_year_zero("p521")
    newer.challenge()
    answer = newer.answer(installation20(newer, own))
    assert answer.ResponseCode.value == "WARNING_CertificateValidationError"


def of_year_zero(kind: str) -> Credential:
    """What a hostile car makes for itself: the library that reads it has no such date."""
    maker = root("OEM Root", "OEM", kind)
    made = maker.credential("WMIV1234567890ABCDEX", "OEM", days=(20_000, 30_000))
    begins = f"{UNIX_DAY + timedelta(days=20_000):%Y%m%d%H%M%SZ}".encode()
    assert begins in made.chain[0]
    return Credential((made.chain[0].replace(begins, b"00000101000000Z"), maker.der), made.key)


UNIX_DAY = datetime.fromtimestamp(UNIX_S, UTC)


class Shortened:
    """A pool whose answers have one octet less in the sender's public key: such a message can be read, not written."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def fetch(self, request: bytes, action: Any, message_set: str) -> bytes | None:
        answer = self._pool.fetch(request, action, message_set)
        key = decode(message_set, answer).SignedInstallationData.DHPublicKey
        length, less = f"{0x8501:016b}", f"{0x8401:016b}"  # 133 and 132 as EXI has them
        octets = f"{int.from_bytes(key, 'big'):0{8 * len(key)}b}"
        bits = f"{int.from_bytes(answer, 'big'):0{8 * len(answer)}b}"
        assert length + octets in bits
        shorter = bits.replace(length + octets, less + octets[8:])
        changed = int(shorter, 2).to_bytes(len(shorter) // 8, "big")
        assert len(decode(message_set, changed).SignedInstallationData.DHPublicKey) == 132
        return changed


def test_what_a_pool_brings_and_the_schema_forbids_is_not_handed_on(pki20: Hierarchy) -> None:
    car = Car20(pki20, provisioning=Shortened(pki20.contract_service()))
    car.challenge()
    assert car.answer(installation20(car, pki20.provisioning)).ResponseCode.value == "FAILED"
    assert car.secc.end is not None
    assert "132 octets, allowed are 133" in car.secc.end.reason


def test_a_silent_pool_is_waited_for_4_5_s(pki: Hierarchy) -> None:
    pool = Pool(None)
    for answers in (True, False):
        pool.brought = None
        car = Car(pki, provisioning=pool).chosen((2, 1))
        body = installation(pki)
        message = ISO2.message(
            car.engine.session.session_id,
            body,
            sign("iso2", [("CertificateInstallationReq", body)], pki.provisioning.key),
        )
        payload = encode("iso2", message)
        assert car.engine.receive(0x8001, payload, car.now, car.view).send == []
        assert car.engine.next_deadline() == pytest.approx(car.now + 4.5)
        if answers:
            pool.brought = pki.contract_service().fetch(payload, "Install", "iso2")
            [answer] = car.answers(car.engine.renew(car.now + 1.0, car.view))
            assert answer.ResponseCode is iso2.ResponseCode.OK
        else:
            [answer] = car.answers(car.engine.expire(car.now + 4.5, car.view))
            assert answer.ResponseCode.value == "FAILED"
            car.assert_safe()


def test_a_receipt_is_about_the_reading_and_by_the_contract(pki: Hierarchy) -> None:
    def receipt(change: Callable[[iso2.MeteringReceiptReq], Any], key: Any = None, *, unsigned: bool = False) -> str:
        car = Car(pki, receipts_s=1.0).authorized()
        car.walk(Phase.STARTED)
        demand = requests(ISO2, Service.DC)["CurrentDemandReq"]
        answer = car.ask(demand)
        assert answer.ReceiptRequired
        assert car.phase.name == "RECEIPT"
        body = iso2.MeteringReceiptReq(car.engine.session.session_id, 1, answer.MeterInfo, "id1")
        change(body)
        said = car.ask(body) if unsigned else car.signed(body, key)
        code: str = said.ResponseCode.value
        if code == "OK":
            assert car.phase.name == "DC_CHARGE_LOOP"
            assert not car.ask(demand).ReceiptRequired
        else:
            car.assert_safe()
        return code

    def set_(**fields: Any) -> Callable[[iso2.MeteringReceiptReq], None]:
        def change(body: iso2.MeteringReceiptReq) -> None:
            for name, value in fields.items():
                setattr(body, name, value)

        return change

    invalid = "FAILED_MeteringSignatureNotValid"  # [V2G2-481]
    assert receipt(set_()) == "OK"
    assert receipt(set_(MeterInfo=iso2.MeterInfo("meter", 1000))) == "OK"
    assert receipt(set_(MeterInfo=iso2.MeterInfo("meter", 900))) == invalid
    assert receipt(set_(MeterInfo=iso2.MeterInfo("another", 1000))) == invalid
    assert receipt(set_(SessionID=bytes(8))) == invalid
    assert receipt(set_(), pki.provisioning.key) == invalid
    assert receipt(set_(), unsigned=True) == invalid
    assert receipt(set_(Id=None), unsigned=True) == invalid


# ISO 15118-20


class Car20(D20Car):
    """One of ISO 15118-20 that signs."""

    def __init__(
        self, pki: Hierarchy, *, peer: bytes | None = None, paused: Paused | None = None, **offer: Any
    ) -> None:
        given: dict[str, Any] = {"contracts": pki.trusts(), "provisioning": pki.contract_service()} | offer
        super().__init__(replace(OFFER, **given), VIEW, peer=peer, paused=paused)
        self.pki = pki

    @property
    def phase(self) -> Any:
        return self.secc.session.phase

    def head(self) -> Any:
        """Of the next request."""
        return header(self.session_id)

    def challenge(self) -> bytes:
        """Of AuthorizationSetupRes."""
        self.walk(D20Phase.AUTHORIZATION_SETUP)
        answer = self.answer(common.AuthorizationSetupReq(header(self.session_id)))
        assert answer.AuthorizationServices == [common.Authorization.PnC, common.Authorization.EIM]
        assert answer.EIM_ASResAuthorizationMode is None  # [V2G20-1219]
        challenge: bytes = answer.PnC_ASResAuthorizationMode.GenChallenge
        return challenge

    def answer(self, request: Any) -> Any:
        payload = encode("iso20-common", request)
        [(_, answer)] = self.secc.receive(0x8002, payload, self.now, self.view).send
        return decode("iso20-common", answer, strict=True)

    def pays(self, challenge: bytes, contract: Credential, key: Any = None, *, unsigned: bool = False) -> Any:
        mode = common.PnC_AReqAuthorizationMode(challenge, contract_chain(contract.chain), "id1")
        head = header(self.session_id)
        if not unsigned:
            head.Signature = sign("iso20-common", [("PnC_AReqAuthorizationMode", mode)], key or contract.key)
        return self.answer(
            common.AuthorizationReq(
                head, SelectedAuthorizationService=common.Authorization.PnC, PnC_AReqAuthorizationMode=mode
            )
        )


def test_a_challenge_and_a_signature_prove_a_contract_in_iso_20(pki20: Hierarchy) -> None:
    car = Car20(pki20)
    challenge = car.challenge()
    assert len(challenge) == 16
    assert car.pays(bytes(16), pki20.contract).ResponseCode.value == "WARNING_ChallengeInvalid"  # [V2G20-2565]
    answer = car.pays(challenge, pki20.contract)
    assert (answer.ResponseCode.value, answer.EVSEProcessing.value) == ("OK", "Ongoing")
    assert car.secc.session.car.contract == EMAID
    car.view = replace(car.view, contract=EMAID, authorization=Authorization.REJECTED)
    assert car.pays(challenge, pki20.contract).ResponseCode.value == "WARNING_GeneralPnCAuthorizationError"
    car.view = replace(car.view, authorization=Authorization.ACCEPTED)
    assert car.pays(challenge, pki20.contract).EVSEProcessing.value == "Finished"
    assert car.phase is D20Phase.SERVICE_DISCOVERY


@pytest.mark.parametrize("unsigned", [True, False])
def test_a_wrong_signature_ends_a_session_of_iso_20(pki20: Hierarchy, unsigned: bool) -> None:
    car = Car20(pki20)
    other = None if unsigned else pki20.provisioning.key
    answer = car.pays(car.challenge(), pki20.contract, other, unsigned=unsigned)
    assert answer.ResponseCode.value == "FAILED_SignatureError"
    assert car.secc.end is not None
    assert not car.secc.session.car.contract


def test_a_car_of_iso_20_may_pay_otherwise_at_a_station_that_takes_contracts(pki20: Hierarchy) -> None:
    car = Car20(pki20)
    car.challenge()
    asked = common.AuthorizationReq(
        header(car.session_id),
        SelectedAuthorizationService=common.Authorization.EIM,
        EIM_AReqAuthorizationMode=common.EIM_AReqAuthorizationMode(),
    )
    first = car.answer(asked)
    assert first.EVSEProcessing.value == "Ongoing_WaitingForCustomerInteraction"
    assert car.answer(asked).EVSEProcessing.value == "Finished"
    assert car.phase is D20Phase.SERVICE_DISCOVERY


def test_a_car_whose_contract_is_not_welcome_may_pay_otherwise(pki20: Hierarchy) -> None:
    car = Car20(pki20)
    challenge = car.challenge()
    car.pays(challenge, pki20.contract)
    car.view = replace(car.view, contract=EMAID, authorization=Authorization.REJECTED)
    assert car.pays(challenge, pki20.contract).ResponseCode.value == "WARNING_GeneralPnCAuthorizationError"
    asked = common.AuthorizationReq(
        header(car.session_id),
        SelectedAuthorizationService=common.Authorization.EIM,
        EIM_AReqAuthorizationMode=common.EIM_AReqAuthorizationMode(),
    )
    assert car.answer(asked).ResponseCode.value == "OK", "the verdict was about the contract"
    assert (car.secc.session.car.contract, car.secc.session.chain) == ("", ())
    car.view = replace(car.view, contract="", authorization=Authorization.ACCEPTED)
    assert car.answer(asked).EVSEProcessing.value == "Finished"


@pytest.mark.parametrize(
    ("brought", "code"),
    [
        (Unprovisioned("nobody knows this car"), "WARNING_NoContractMatchingPCIDFound"),
        (Unprovisioned("it is expired", Flaw.EXPIRED), "WARNING_CertificateExpired"),
        (b"\x80", "FAILED"),
    ],
)
def test_what_is_brought_instead_of_a_contract_in_iso_20(pki20: Hierarchy, brought: Any, code: str) -> None:
    car = Car20(pki20, provisioning=Pool(brought))
    car.challenge()
    assert car.answer(installation20(car, pki20.provisioning)).ResponseCode.value == code
    assert (car.secc.end is None) == code.startswith("WARNING")


def test_a_contract_is_brought_only_for_who_signs_in_iso_20(pki20: Hierarchy) -> None:
    for key, code in ((pki20.contract.key, "FAILED_SignatureError"), (None, "OK")):
        car = Car20(pki20)
        car.challenge()
        assert car.answer(installation20(car, pki20.provisioning, key)).ResponseCode.value == code


def installation20(car: Car20, own: Credential, key: Any = None) -> common.CertificateInstallationReq:
    chain, head = signed_chain(own.chain, "id1"), header(car.session_id)
    head.Signature = sign("iso20-common", [("OEMProvisioningCertificateChain", chain)], key or own.key)
    return common.CertificateInstallationReq(
        head,
        OEMProvisioningCertificateChain=chain,
        ListOfRootCertificateIDs=ListOfRootCertificateIDs([X509IssuerSerial("CN=V2G Root", 1)]),
        MaximumContractCertificateChains=1,
    )
