"""What an edition says as data is what the sides of it do."""

from copy import copy

import pytest
from tests.iso15118.requests import exi, payload_type_of
from tests.iso15118.test_silence import VIEWS, explored, words

from v2g.iso15118.d2.edition import D2
from v2g.iso15118.d20.car.side import CAR
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.station.side import STATION
from v2g.iso15118.din.edition import DIN
from v2g.iso15118.edition import Edition
from v2g.iso15118.service import ControlMode, Service
from v2g.messages import decode


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", Service)
def test_the_choices_lead_where_the_station_goes(service: Service, mode: ControlMode) -> None:
    """The judge of captures follows a session by them."""
    decided = 0
    for walker in explored(service, mode):
        phase = walker.engine.session.phase
        for name, request in words(walker.engine.session.session_id, service, mode):
            engine = copy(walker.engine)
            request_name = type(request).__name__
            answers = engine.receive(payload_type_of(request), exi(request), walker.now, VIEWS[""]).send
            if walker.engine.waits or not answers:
                continue
            response = decode(D20.message_sets[answers[0][0]], answers[0][1])
            if response.ResponseCode.startswith("FAILED"):
                continue
            following = D20.table[phase][request_name]
            for choice in D20.choices.get(request_name, ()):
                said = getattr(request if choice.side == "request" else response, choice.element)
                narrower = following & choice.phases.get(said, following)
                following = narrower or following
            assert engine.session.phase in following, (walker.words, name)
            decided += request_name in D20.choices and len(following) == 1
    assert decided > 20


@pytest.mark.parametrize("edition", [D20, D2, DIN], ids=lambda edition: edition.name)
def test_an_edition_is_whole(edition: Edition) -> None:
    requests = {name for row in edition.table.values() for name in row}
    assert "SessionSetupReq" in edition.table[edition.first]
    assert not edition.table[edition.ended]
    assert set(edition.dc) | set(edition.choices) | edition.energy | set(edition.repeat_s) <= requests
    payload_types = {edition.payload_type(name, service) for name in requests for service in Service}
    assert payload_types == set(edition.message_sets)
    assert set(edition.silence) == {"standard", "relaxed"}


def test_both_sides_know_every_request_of_the_table() -> None:
    requests = {name for row in D20.table.values() for name in row}
    assert set(STATION.answers) == set(CAR.exchanges) == requests


@pytest.mark.parametrize("service", Service)
def test_a_car_that_goes_on_finds_its_way_in_the_table(service: Service) -> None:
    """The first request that a row admits for the service is the ordinary one."""
    ordinary = {phase.name: next(iter(D20.admitted(phase, service.dc)), "") for phase in D20.table}
    kind = "DC" if service.dc else "AC"
    assert ordinary["CHARGE_PARAMETERS"] == f"{kind}_ChargeParameterDiscoveryReq"
    assert ordinary["STARTED"] == ordinary["CHARGE_LOOP"] == f"{kind}_ChargeLoopReq"
    assert ordinary["SERVICE_SELECTION"] == "ServiceSelectionReq"
    assert ordinary["POWER_DELIVERY"] == ordinary["PRECHARGED"] == "PowerDeliveryReq"
