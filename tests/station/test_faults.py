"""The catalogue has something to say about every fault."""

import re
from collections import Counter

import pytest
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.iso15118.event import Faulted, Sent
from v2g.kernel.fault import Fault
from v2g.messages import din, iso2, sap
from v2g.messages.iso20.dc import DC_ChargeLoopRes
from v2g.messages.iso20.types import ResponseCode
from v2g.power.inverter import InverterFault
from v2g.station.event import Broke
from v2g.station.faults import CATALOGUE, SAFE_WITHIN_S, STATUS_CODES
from v2g.station.snapshot import evse_snapshot
from v2g.station.text import describe
from v2g.station.unified import CHARIN, named, unified


def test_the_catalogue_is_complete() -> None:
    assert list(CATALOGUE) == list(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_every_entry_says_something_of_its_own(fault: Fault) -> None:
    entry = CATALOGUE[fault]
    assert all(len(text) >= 30 for text in (entry.meaning, entry.remedy, entry.reaction))
    assert sum(other.title == entry.title for other in CATALOGUE.values()) == 1
    assert all(text.endswith(".") and "  " not in text for text in (entry.meaning, entry.remedy, entry.reaction))


def test_titles_that_operators_search_for() -> None:
    titles = {fault.code: entry.title for fault, entry in CATALOGUE.items()}
    assert titles["0x01"] == "Islanding detected"
    assert titles["0x04"] == "EXI decode failure"
    assert titles["0x09"] == "Timeout on ServiceDiscovery"


def test_energy_stops_well_within_a_second() -> None:
    for fault in (Fault.ISLANDING, Fault.CHARGE_LOOP_TIMEOUT, Fault.INVERTER_LOST, Fault.EMERGENCY_STOP):
        assert f"at most {SAFE_WITHIN_S:.1f} s" in CATALOGUE[fault].reaction
    assert SAFE_WITHIN_S < 0.5


@pytest.mark.parametrize("fault", Fault)
def test_the_car_gets_codes_that_there_are(fault: Fault) -> None:
    entry = CATALOGUE[fault]
    assert entry.to_car.endswith(".")
    known = {*ResponseCode, *sap.ResponseCode}
    assert [code for code in re.findall(r"\b(?:FAILED|Failed|WARNING)\w*", entry.to_car) if code not in known] == []
    assert [code for code in entry.status_codes if code not in STATUS_CODES] == []


def test_status_codes_are_those_of_the_older_protocols() -> None:
    for name, meaning in STATUS_CODES.items():
        assert name in set(iso2.DC_EVSEStatusCode) & set(din.DC_EVSEStatusCode)
        assert meaning.endswith(".")
        assert any(name in entry.status_codes for entry in CATALOGUE.values())


def test_evse_shutdown_is_over_current_or_heat_among_others() -> None:
    for fault in (Fault.OVER_CURRENT, Fault.OVER_TEMPERATURE):
        assert CATALOGUE[fault].status_codes == ("EVSE_Shutdown",)


def test_a_car_learns_of_a_fault_as_the_catalogue_says() -> None:
    world = in_the_loop(World(OUTLET, INTENT), 2.0)
    world.plant.trip(InverterFault.OVER_TEMPERATURE)
    world.run(3.0)
    events = [event for _, event in world.events]
    (at,) = (number for number, event in enumerate(events) if isinstance(event, Faulted))
    assert CATALOGUE[Fault.OVER_TEMPERATURE].to_car.startswith("FAILED in the response to its next request")
    response = next(event.message for event in events[at:] if isinstance(event, Sent))
    assert isinstance(response, DC_ChargeLoopRes)
    assert response.ResponseCode is ResponseCode.FAILED


def test_the_codes_of_others_are_those_of_their_public_lists() -> None:
    used = {fault: unified(fault) for fault in Fault}
    assert {each.charin for each in used.values()} <= {"", *CHARIN}
    assert all(re.fullmatch(r"(CX0(0[1-9]|1\d|2[0-6]))?", each.chargex) for each in used.values())
    for codes in ([each.charin for each in used.values()], [each.chargex for each in used.values()]):
        assert max(Counter(filter(None, codes)).values()) == 1  # so that `named` has one answer
    assert named("gridpowerloss") == named("cx015") == [Fault.ISLANDING]
    assert named("CX026") == named("") == []


def test_trace_and_status_have_the_codes_of_others() -> None:
    world = in_the_loop(World(OUTLET, INTENT), 1.0)
    world.plant.trip(InverterFault.OVER_TEMPERATURE)
    world.run(3.0)
    (line,) = (describe(event) for _, event in world.events if isinstance(event, Faulted))
    assert line[0] == "ERROR"
    assert line[1].startswith("0x1C Over-temperature: ")
    assert line[1].endswith(" [HighTemperature]")
    shown = evse_snapshot(world.evse, world.now)
    assert (str(shown.fault)[:4], shown.fault_codes) == ("0x1C", ("HighTemperature",))
    assert describe(Broke(Fault.CONTACTOR, "x"))[1] == "0x12 Contactor fault: x [ContactorPosition, CX017]"
    assert describe(Broke(Fault.TLS, "x"))[1] == "0x0B TLS failure: x"
