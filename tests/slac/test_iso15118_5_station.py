"""The SLAC and control pilot cases of ISO 15118-5 for a station, by name. What does not apply is in docs/plc.md."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.slac.bench import Lot
from tests.slac.by_hand import CAR, MODEM, OTHER, OTHER_RUN, RUN_ID, STATION, Station
from tests.slac.outlet import Outlet

from v2g.pilot.duty import DIGITAL, meaning
from v2g.pilot.state import State
from v2g.pilot.station import PilotSettings, Signal
from v2g.pilot.timing import RETRIES, STEP_EF_S
from v2g.slac import mme
from v2g.slac.constants import (
    C_EV_MATCH_RETRY,
    TP_MATCH_LEAVE_S,
    TP_MATCH_SEQUENCE_S,
    TT_EV_ATTEN_RESULTS_S,
    TT_EVSE_MATCH_SESSION_S,
    TT_MATCH_RESPONSE_S,
    TT_MATCH_SEQUENCE_S,
)
from v2g.slac.event import Sounded
from v2g.slac.mme import BROADCAST, Mme, Validation
from v2g.slac.station import Phase, StationMatchingSettings

INIT_LEAST_S, INIT_MOST_S, CONN_MAX_COMM_S = 20.0, 50.0, 8.0
"""Of TT_EVSE_SLAC_init; T_conn_max_comm."""
DELAY_S = 0.25
"""Granted to transmission."""
WRONG_ID = bytes(16) + b"\1"
WINDOW = 19
"""Timer of CM_VALIDATE.REQ: 2 s."""

Wrong = dict[str, Any]


def case(name: str, *values: object) -> Any:
    """Test values that are a case of their own."""
    return pytest.param(*values, id=name)


def answered(messages: list[Mme], kind: type[Mme]) -> list[Mme]:
    return [message for message in messages if isinstance(message, kind)]


# CM_SLAC_PARM


@pytest.mark.parametrize(
    "state",
    [
        case("SECC_CMN_VTB_CmSlacParm_001", State.B),
        case("SECC_CMN_VTB_CmSlacParm_002", State.C),
        case("SECC_CMN_VTB_CmSlacParm_003", State.D),
    ],
)
def test_CmSlacParm_in_each_state_with_a_car(state: State) -> None:
    outlet = Outlet(PilotSettings(ventilation=True), state=state).plug_in()
    assert outlet.plug.pilot.finding.state is state
    assert outlet.ask() == [mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR, run_id=RUN_ID)]


@pytest.mark.parametrize(
    "wrong",
    [
        case("SECC_CMN_VTB_CmSlacParm_004", None),
        case("SECC_CMN_VTB_CmSlacParm_005", {"application_type": 0xFF}),
        case("SECC_CMN_VTB_CmSlacParm_006", {"security_type": 0xFF}),
    ],
)
def test_CmSlacParm_without_a_valid_request_ends_in_x1(wrong: Wrong | None) -> None:
    outlet = Outlet().plug_in()
    plugged_in_s = outlet.now
    if wrong is not None:
        assert outlet.hear(mme.CM_SLAC_PARM_REQ(run_id=RUN_ID, **wrong), CAR, BROADCAST) == []
    outlet.run(INIT_MOST_S)
    assert outlet.said() == [Signal.NOT_READY, Signal.DIGITAL, Signal.NOT_READY]
    left_s = next(time for time, signal in outlet.signals if time > plugged_in_s and signal is Signal.NOT_READY)
    assert INIT_LEAST_S <= left_s - plugged_in_s + 1.0 <= INIT_MOST_S
    assert outlet.ask() == []


def test_SECC_CMN_VTB_CmSlacParm_007() -> None:
    outlet = Outlet().plug_in()
    outlet.unplug()
    assert outlet.ask() == []


def test_SECC_CMN_VTB_CmSlacParm_008() -> None:
    outlet = Outlet().plug_in()
    plugged_in_s = outlet.now - 1.0
    while not outlet.ask():
        outlet.run(TT_MATCH_RESPONSE_S)
    assert outlet.now - plugged_in_s <= CONN_MAX_COMM_S


def test_SECC_CMN_VTB_CmSlacParm_009() -> None:
    outlet = Outlet().plug_in()
    assert outlet.plug.pilot.duty == DIGITAL
    assert len(outlet.ask()) == 1


def match(station: Station) -> None:
    """From the first request to the link."""
    assert len(station.ask()) == 1
    assert len(station.sound()) == 1
    station.acknowledge()
    assert len(station.choose()) == 1
    station.hear(mme.VS_LINK_STATUS_CNF(link_status=1), MODEM)
    assert station.evse.phase is Phase.MATCHED


def test_SECC_AC_VTB_CmSlacParm_001() -> None:
    outlet = Outlet(PilotSettings(fallback_a=16, retries=0)).plug_in()
    outlet.run(INIT_MOST_S)
    assert outlet.said()[-3:] == [Signal.DIGITAL, Signal.UNAVAILABLE, Signal.NOMINAL]
    assert outlet.lasted_s(Signal.UNAVAILABLE) == pytest.approx(STEP_EF_S, abs=0.1)
    assert meaning(outlet.plug.pilot.duty).current_a == pytest.approx(16)
    match(outlet)  # at the nominal duty cycle


def test_SECC_AC_VTB_CmSlacParm_002() -> None:
    outlet = Outlet(PilotSettings()).plug_in()
    outlet.run((RETRIES + 1) * INIT_MOST_S)
    tries = [Signal.DIGITAL, Signal.UNAVAILABLE] * RETRIES
    assert outlet.said() == [Signal.NOT_READY, *tries, Signal.DIGITAL, Signal.NOT_READY]


# Attenuation


def asked() -> Station:
    station = Station()
    station.ask()
    station.wait(TP_MATCH_SEQUENCE_S)
    return station


def sounded(sounds: int = 10) -> tuple[Station, mme.CM_ATTEN_CHAR_IND]:
    station = asked()
    (report,) = [*station.sound(sounds=sounds), *(station.wait(0.7) if sounds < 10 else [])]
    assert isinstance(report, mme.CM_ATTEN_CHAR_IND)
    return station, report


def test_SECC_CMN_VTB_AttenuationCharacterization_001() -> None:
    station, report = sounded()
    expected = mme.CM_ATTEN_CHAR_IND(source_address=CAR, run_id=RUN_ID, attenuations_db=bytes([10] * 58))
    assert report == expected
    assert station.acknowledge() == []


def test_SECC_CMN_VTB_AttenuationCharacterization_002() -> None:
    station, _ = sounded()
    assert station.ask(run_id=OTHER_RUN) == [mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR, run_id=OTHER_RUN)]


def test_SECC_CMN_VTB_AttenuationCharacterization_003() -> None:
    station, report = sounded(sounds=9)
    assert report.num_sounds == 9
    assert station.now <= TT_EV_ATTEN_RESULTS_S + TP_MATCH_SEQUENCE_S


@pytest.mark.parametrize(
    "wrong",
    [
        case("SECC_CMN_VTB_AttenuationCharacterization_004", None),
        case("SECC_CMN_VTB_AttenuationCharacterization_005", {"application_type": 0xFF}),
        case("SECC_CMN_VTB_AttenuationCharacterization_006", {"security_type": 0xFF}),
        case("SECC_CMN_VTB_AttenuationCharacterization_007", {"source_address": bytes(6)}),
        case("SECC_CMN_VTB_AttenuationCharacterization_008", {"run_id": OTHER_RUN}),
        case("SECC_CMN_VTB_AttenuationCharacterization_009", {"source_id": WRONG_ID}),
        case("SECC_CMN_VTB_AttenuationCharacterization_010", {"resp_id": WRONG_ID}),
        case("SECC_CMN_VTB_AttenuationCharacterization_011", {"result": 0xFF}),
    ],
)
def test_AttenuationCharacterization_without_a_valid_receipt(wrong: Wrong | None) -> None:
    station, report = sounded()
    for sent in range(1 + C_EV_MATCH_RETRY):
        if wrong is not None:
            receipt = mme.CM_ATTEN_CHAR_RSP(source_address=CAR, run_id=RUN_ID)
            assert station.hear(replace(receipt, **wrong)) == []
        assert station.wait(TT_MATCH_RESPONSE_S + 0.01) == [report] * (sent < C_EV_MATCH_RETRY)
    station.acknowledge()
    assert station.choose() == []


def test_SECC_CMN_VTB_AttenuationCharacterization_012() -> None:
    station = Station()
    station.ask()
    station.wait(TT_MATCH_SEQUENCE_S + 0.01)
    assert station.sound() == []
    assert station.wait(TT_EV_ATTEN_RESULTS_S) == []


@pytest.mark.parametrize(
    "wrong",
    [
        case("SECC_CMN_VTB_AttenuationCharacterization_013", {"application_type": 0xFF}),
        case("SECC_CMN_VTB_AttenuationCharacterization_014", {"security_type": 0xFF}),
        case("SECC_CMN_VTB_AttenuationCharacterization_015", {"num_sounds": 0}),
        case("SECC_CMN_VTB_AttenuationCharacterization_016", {"timeout": 0}),
        case("SECC_CMN_VTB_AttenuationCharacterization_017", {"resp_type": 0}),
        case("SECC_CMN_VTB_AttenuationCharacterization_018", {"run_id": OTHER_RUN}),
    ],
)
def test_AttenuationCharacterization_without_a_valid_announcement(wrong: Wrong) -> None:
    station = asked()
    announcement = replace(mme.CM_START_ATTEN_CHAR_IND(forwarding_sta=CAR, run_id=RUN_ID), **wrong)
    sent: list[Mme] = []
    for _ in range(3):
        sent += station.hear(announcement, CAR, BROADCAST)
    for _ in range(10):
        profile = mme.CM_ATTEN_PROFILE_IND(pev_mac=CAR, attenuations_db=bytes([10] * 58))
        sent += station.hear(profile, MODEM, BROADCAST)
    assert sent + station.wait(TT_EV_ATTEN_RESULTS_S) == []


def test_SECC_CMN_VTB_AttenuationCharacterization_019() -> None:
    outlet = Outlet().plug_in()
    outlet.ask()
    outlet.unplug()
    assert outlet.sound() == []
    assert outlet.run(TT_EV_ATTEN_RESULTS_S) == []


def test_SECC_CMN_VTB_AttenuationCharacterization_020() -> None:
    lot = Lot()
    car = lot.car(8.0)
    for attenuation_db in (8.0, 18.0):  # the car sends with 10 dB less
        lot.line.connect(lot.modem, lot.modems[0], attenuation_db)
        lot.plug_in(car)
        lot.run(3.0)
        lot.bench.do(car, car.end_matching(lot.now), lot.now)
        lot.bench.do(lot.evse, lot.evse.end_matching(lot.now), lot.now)
        lot.run(1.0)
        lot.bench.do(lot.evse, lot.evse.begin_matching(lot.now), lot.now)
    first, second = (event.attenuation.mean_db for _, event in lot.events(lot.evse, Sounded))
    assert second - first == pytest.approx(10.0, abs=1.0)


# Validation


def ready_to_validate(settings: StationMatchingSettings | None = None, toggles: int | None = 0) -> Station:
    station = Station(settings)
    station.evse.pilot_toggles = toggles
    station.ask()
    station.sound()
    station.acknowledge()
    return station


def agreed() -> Station:
    station = ready_to_validate()
    assert station.hear(mme.CM_VALIDATE_REQ()) == [mme.CM_VALIDATE_CNF(result=Validation.READY)]
    return station


def toggle(station: Station, count: int = 3) -> list[Mme]:
    """The second request and the toggles; returns what is answered within TT_match_response after them."""
    sent = station.hear(mme.CM_VALIDATE_REQ(timer=WINDOW))
    assert station.evse.pilot_toggles is not None
    station.evse.pilot_toggles += count
    return sent + station.wait(0.1 * (WINDOW + 1) + TT_MATCH_RESPONSE_S)


def validated() -> Station:
    station = agreed()
    assert toggle(station) == [mme.CM_VALIDATE_CNF(toggle_num=3, result=Validation.SUCCESS)]
    return station


def test_SECC_CMN_VTB_CmValidate_001() -> None:
    outlet = Outlet(PilotSettings()).plug_in()
    outlet.ask()
    outlet.sound()
    outlet.acknowledge()
    assert outlet.hear(mme.CM_VALIDATE_REQ()) == [mme.CM_VALIDATE_CNF(result=Validation.READY)]
    outlet.hear(mme.CM_VALIDATE_REQ(timer=WINDOW))
    outlet.module.vehicle.toggle(3, outlet.now)
    assert outlet.run(0.1 * (WINDOW + 1) + TT_MATCH_RESPONSE_S) == [
        mme.CM_VALIDATE_CNF(toggle_num=3, result=Validation.SUCCESS)
    ]


def test_SECC_CMN_VTB_CmValidate_002() -> None:
    assert agreed().hear(mme.CM_VALIDATE_REQ(timer=0)) == [mme.CM_VALIDATE_CNF(result=Validation.READY)]


@pytest.mark.parametrize(
    "wrong",
    [case("SECC_CMN_VTB_CmValidate_003", None), case("SECC_CMN_VTB_CmValidate_004", {"signal_type": 0xFF})],
)
def test_CmValidate_without_a_valid_second_request(wrong: Wrong | None) -> None:
    station = agreed()
    again = [mme.CM_VALIDATE_CNF(result=Validation.READY)]
    for sent in range(1 + C_EV_MATCH_RETRY):
        if wrong is not None:
            assert station.hear(mme.CM_VALIDATE_REQ(timer=WINDOW, **wrong)) == []
        assert station.wait(TT_MATCH_SEQUENCE_S + 0.01) == again * (sent < C_EV_MATCH_RETRY)
    assert toggle(station) == []


@pytest.mark.parametrize(
    "result",
    [
        case("SECC_CMN_VTB_CmValidate_005", Validation.NOT_READY),
        case("SECC_CMN_VTB_CmValidate_006", Validation.SUCCESS),
        case("SECC_CMN_VTB_CmValidate_007", Validation.FAILURE),
        case("SECC_CMN_VTB_CmValidate_008", Validation.NOT_REQUIRED),
    ],
)
def test_CmValidate_with_a_result_that_is_not_ready(result: Validation) -> None:
    station = agreed()
    assert station.hear(mme.CM_VALIDATE_REQ(timer=WINDOW, result=result)) == []
    assert station.wait(TT_MATCH_SEQUENCE_S + DELAY_S) == []
    assert toggle(station) == []


def test_SECC_CMN_VTB_CmValidate_009() -> None:
    station = agreed()
    station.ask(OTHER, OTHER_RUN)
    station.sound(car=OTHER, run_id=OTHER_RUN)
    assert station.hear(mme.CM_VALIDATE_REQ(), OTHER) == [mme.CM_VALIDATE_CNF(result=Validation.NOT_READY)]
    station.acknowledge(OTHER, OTHER_RUN)
    assert toggle(station)[-1] == mme.CM_VALIDATE_CNF(toggle_num=3, result=Validation.SUCCESS)
    assert station.hear(mme.CM_VALIDATE_REQ(), OTHER) == [mme.CM_VALIDATE_CNF(result=Validation.READY)]


@pytest.mark.parametrize(
    ("required", "result"),
    [
        case("SECC_CMN_VTB_CmValidate_010", True, Validation.FAILURE),
        case("SECC_CMN_VTB_CmValidate_012", False, Validation.NOT_REQUIRED),
    ],
)
def test_CmValidate_without_a_measured_control_pilot(required: bool, result: Validation) -> None:
    station = ready_to_validate(StationMatchingSettings(validation_required=required), toggles=None)
    assert station.hear(mme.CM_VALIDATE_REQ()) == [mme.CM_VALIDATE_CNF(result=result)]
    assert len(station.choose()) == 1


def test_SECC_CMN_VTB_CmValidate_013() -> None:
    outlet = Outlet().plug_in()
    outlet.ask()
    outlet.sound()
    outlet.acknowledge()
    outlet.unplug()
    assert outlet.hear(mme.CM_VALIDATE_REQ()) == []


# CM_SLAC_MATCH: the odd cases follow the attenuation, the even ones the validation.


def odd_even(number: int, *values: object) -> list[Any]:
    return [
        case(f"SECC_CMN_VTB_CmSlacMatch_{number:03}", ready_to_validate, TT_EVSE_MATCH_SESSION_S, *values),
        case(f"SECC_CMN_VTB_CmSlacMatch_{number + 1:03}", validated, TT_MATCH_SEQUENCE_S, *values),
    ]


Begin = Callable[[], Station]


@pytest.mark.parametrize(("begin", "timer_s"), odd_even(1))
def test_CmSlacMatch_is_confirmed(begin: Begin, timer_s: float) -> None:
    station = begin()
    (confirmation,) = station.choose()
    assert isinstance(confirmation, mme.CM_SLAC_MATCH_CNF)
    assert replace(confirmation, nid=bytes(7), nmk=bytes(16)) == mme.CM_SLAC_MATCH_CNF(
        pev_mac=CAR, evse_mac=STATION, run_id=RUN_ID, nid=bytes(7), nmk=bytes(16)
    )


@pytest.mark.parametrize(("begin", "timer_s"), odd_even(3))
def test_CmSlacMatch_is_confirmed_again(begin: Begin, timer_s: float) -> None:
    station = begin()
    first = station.choose()
    station.wait(TT_MATCH_RESPONSE_S)
    assert station.choose() == first


@pytest.mark.parametrize(("begin", "timer_s"), odd_even(5))
def test_CmSlacMatch_comes_too_late(begin: Begin, timer_s: float) -> None:
    station = begin()
    assert station.wait(timer_s + DELAY_S + 0.6) == []
    assert station.choose() == []


@pytest.mark.parametrize(
    ("begin", "timer_s", "wrong"),
    [
        *odd_even(7, {"application_type": 0xFF}),
        *odd_even(9, {"security_type": 0xFF}),
        *odd_even(11, {"mvf_length": 0}),
        *odd_even(13, {"pev_id": WRONG_ID}),
        *odd_even(15, {"pev_mac": bytes(6)}),
        *odd_even(17, {"evse_id": WRONG_ID}),
        *odd_even(19, {"evse_mac": bytes(6)}),
        *odd_even(21, {"run_id": OTHER_RUN}),
    ],
)
def test_CmSlacMatch_with_a_wrong_field(begin: Begin, timer_s: float, wrong: Wrong) -> None:
    station = begin()
    request = mme.CM_SLAC_MATCH_REQ(pev_mac=CAR, evse_mac=STATION, run_id=RUN_ID)
    assert station.hear(replace(request, **wrong)) == []
    assert station.wait(timer_s + DELAY_S + 0.6) == []
    assert station.choose() == []


@pytest.mark.parametrize(
    "validates", [case("SECC_CMN_VTB_CmSlacMatch_023", False), case("SECC_CMN_VTB_CmSlacMatch_024", True)]
)
def test_CmSlacMatch_after_state_a(validates: bool) -> None:
    outlet = Outlet().plug_in()
    outlet.ask()
    outlet.sound()
    outlet.acknowledge()
    if validates:
        outlet.hear(mme.CM_VALIDATE_REQ())
        outlet.hear(mme.CM_VALIDATE_REQ(timer=WINDOW))
        outlet.module.vehicle.toggle(1, outlet.now)
        assert len(outlet.run(0.1 * (WINDOW + 1) + 0.1)) == 1
    outlet.unplug()
    assert outlet.choose() == []


# CM_AMP_MAP, begun by the car (001, 005, 006) or by the station

MAP = mme.CM_AMP_MAP_REQ(num_carriers=3, amplitudes=b"\x21\x03")


@pytest.mark.parametrize("times", [case("SECC_CMN_VTB_CmAmpMap_001", 1), case("SECC_CMN_VTB_CmAmpMap_006", 2)])
def test_CmAmpMap_of_the_car(times: int) -> None:
    station = Station().matched()
    for _ in range(times):
        station.hear(MAP)
        assert station.hear(mme.CM_AMP_MAP_CNF(), MODEM) == [mme.CM_AMP_MAP_CNF(result=0)]


def test_SECC_CMN_VTB_CmAmpMap_005() -> None:
    station = Station().matched()
    for _ in range(1 + C_EV_MATCH_RETRY):
        assert station.hear(mme.CM_AMP_MAP_REQ(num_carriers=0, amplitudes=b"")) == []
        assert answered(station.wait(TT_MATCH_RESPONSE_S), mme.CM_AMP_MAP_CNF) == []


def mapping() -> Station:
    """The station asks the car for its amplitudes."""
    station = Station(StationMatchingSettings(amplitudes=(1, 2, 3)))
    for step in (station.ask, station.sound, station.acknowledge, station.choose):
        step()
    assert station.hear(mme.VS_LINK_STATUS_CNF(link_status=1), MODEM) == [MAP]
    return station


def test_SECC_CMN_VTB_CmAmpMap_002() -> None:
    station = mapping()
    station.hear(mme.CM_AMP_MAP_CNF())
    assert answered(station.wait(1.0), mme.CM_AMP_MAP_REQ) == []


@pytest.mark.parametrize("answer", [case("SECC_CMN_VTB_CmAmpMap_003", None), case("SECC_CMN_VTB_CmAmpMap_004", 0xFF)])
def test_CmAmpMap_of_the_station_without_a_valid_answer(answer: int | None) -> None:
    station = mapping()
    for sent in range(1 + C_EV_MATCH_RETRY):
        if answer is not None:
            station.hear(mme.CM_AMP_MAP_CNF(result=answer))
        requests = answered(station.wait(TT_MATCH_RESPONSE_S + 0.001), mme.CM_AMP_MAP_REQ)
        assert requests == [MAP] * (sent < C_EV_MATCH_RETRY)


def test_SECC_CMN_VTB_CmAmpMap_007() -> None:
    station = mapping()
    station.hear(MAP)
    assert station.hear(mme.CM_AMP_MAP_CNF(), MODEM) == [mme.CM_AMP_MAP_CNF(result=0)]


def test_SECC_CMN_VTB_CmAmpMap_008() -> None:
    station = mapping()
    station.hear(mme.CM_AMP_MAP_CNF())
    assert station.evse.phase is Phase.MATCHED  # and discovery may begin


# The link


def test_SECC_CMN_VTB_PLCLinkStatus_001() -> None:
    match(Outlet().plug_in())


def test_SECC_CMN_VTB_PLCLinkStatus_002() -> None:
    outlet = Outlet().plug_in()
    match(outlet)
    key = outlet.evse.modem.key
    outlet.unplug()
    assert outlet.evse.match is None
    outlet.hear(mme.CM_SET_KEY_CNF(), MODEM)
    outlet.run(TP_MATCH_LEAVE_S - 0.2)
    assert outlet.evse.modem.key not in (None, key)


def test_SECC_CMN_VTB_PLCLinkStatus_003() -> None:
    station = Station().matched()
    assert station.ask(run_id=OTHER_RUN) == []
    assert station.ask(OTHER, OTHER_RUN) == []
    assert station.evse.phase is Phase.MATCHED
