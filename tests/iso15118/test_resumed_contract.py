"""A paused session of ISO 15118-20 that a contract pays: the contract is judged again when it is taken up again."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.iso15118.credentials import EMAID, Hierarchy
from tests.iso15118.requests import every_request, session_stop
from tests.iso15118.test_contracts import Car20, Responder, revoked

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.paused import Paused
from v2g.iso15118.view import Authorization
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import common

PEER = bytes(range(64))


@pytest.fixture
def pki() -> Hierarchy:
    return Hierarchy("p521")


def paused(pki: Hierarchy) -> Paused:
    """As it comes back from the disk."""
    car = Car20(pki, peer=PEER)
    challenge = car.challenge()
    car.pays(challenge, pki.contract)
    car.view = replace(car.view, contract=EMAID)
    car.pays(challenge, pki.contract)
    car.walk(Phase.WELDING_DETECTION)
    car.ask(session_stop(car.session_id, common.ChargingSession.Pause))
    assert car.secc.end is not None
    assert car.secc.end.paused is not None
    return msgspec.json.decode(msgspec.json.encode(car.secc.end.paused), type=Paused)


def resumed(pki: Hierarchy, kept: Paused, **offer: Any) -> tuple[Car20, str]:
    """The car that is back, and the response code to its SessionSetupReq."""
    car = Car20(pki, peer=PEER, paused=kept, **offer)
    car.view = replace(car.view, contract=EMAID)
    answer: Any = car.ask(every_request(kept.session_id)[0])
    return car, answer.ResponseCode.value


def schedule(car: Car20) -> Any:
    """The answer to its ScheduleExchangeReq."""
    if car.phase is Phase.CHARGE_PARAMETERS:
        car.ask(car.requests()["DC_ChargeParameterDiscoveryReq"])
    return car.ask(car.requests()["ScheduleExchangeReq"])


def test_a_contract_that_is_good_pays_on_and_signs_the_next_receipt(pki: Hierarchy) -> None:
    car, code = resumed(pki, paused(pki))
    assert code == "OK_OldSessionJoined"
    assert schedule(car).EVSEProcessing.value == "Finished"
    assert car.phase is Phase.CABLE_CHECK
    assert car.secc.session.chain == pki.contract.chain


def test_a_contract_that_was_revoked_meanwhile_pays_nothing(pki: Hierarchy) -> None:
    kept = paused(pki)
    revoked(pki, pki.contract)
    car, code = resumed(pki, kept)
    assert code == "OK_NewSessionEstablished"
    assert car.phase is Phase.AUTHORIZATION_SETUP
    assert car.pays(car.challenge(), pki.contract).ResponseCode.value == "WARNING_CertificateRevoked"


def test_a_contract_that_turns_out_to_be_revoked_ends_the_session(pki: Hierarchy) -> None:
    kept = paused(pki)
    responder = Responder(pki)
    car, code = resumed(pki, kept, contracts=responder)
    assert code == "OK_OldSessionJoined"
    assert schedule(car).EVSEProcessing.value == "Ongoing"
    revoked(pki, pki.contract)
    responder.silent = False
    assert schedule(car).ResponseCode.value == "FAILED"
    assert car.secc.end is not None
    assert car.secc.end.fault is Fault.AUTHORIZATION


def test_a_session_whose_contract_was_not_kept_is_not_taken_up_again(pki: Hierarchy) -> None:
    assert resumed(pki, replace(paused(pki), chain=()))[1] == "OK_NewSessionEstablished"


@pytest.mark.parametrize(("said", "code"), [(Authorization.PENDING, "OK"), (Authorization.REJECTED, "FAILED")])
def test_a_car_goes_on_only_once_it_is_let_in_again(pki: Hierarchy, said: Authorization, code: str) -> None:
    car, _ = resumed(pki, paused(pki))
    car.view = replace(car.view, authorization=said)
    answer = schedule(car)
    assert (answer.ResponseCode.value, answer.EVSEProcessing.value) == (code, "Ongoing") or code == "FAILED"
    assert car.phase is (Phase.SCHEDULE_EXCHANGE if code == "OK" else Phase.ENDED)
