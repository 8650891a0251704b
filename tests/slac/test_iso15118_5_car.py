"""The SLAC cases of ISO 15118-5 for a car, by name. What does not apply is in docs/plc.md."""

from dataclasses import replace
from typing import Any

import pytest
from tests.slac.by_hand import CAR, CAR_MODEM, FAR, NEAR, NID, NMK, Car

from v2g.bench.sim.charging_cable import ChargingCable
from v2g.bench.sim.pilot import Cable
from v2g.pilot.duty import DIGITAL, STEADY_HIGH, STEADY_LOW
from v2g.pilot.timing import STEP_EF_S
from v2g.slac import mme
from v2g.slac.car import CarMatchingSettings, Phase
from v2g.slac.constants import (
    C_EV_MATCH_MNBC,
    C_EV_MATCH_RETRY,
    C_EV_START_ATTEN_CHAR_INDS,
    TP_MATCH_LEAVE_S,
    TP_MATCH_SEQUENCE_S,
    TT_EV_ATTEN_RESULTS_S,
    TT_EVSE_MATCH_MNBC_S,
    TT_EVSE_MATCH_SESSION_S,
    TT_MATCH_RESPONSE_S,
    TT_MATCH_SEQUENCE_S,
    TT_MATCHING_RATE_S,
    TT_MATCHING_REPETITION_S,
)
from v2g.slac.event import Began, Toggle
from v2g.slac.mme import BROADCAST, Mme, Validation

DELAY_S = 0.25
"""Granted to transmission."""
WRONG_ID = bytes(16) + b"\1"
OTHER_RUN = bytes(8)

Wrong = dict[str, Any]


def case(name: str, *values: object) -> Any:
    """Test values that are a case of their own."""
    return pytest.param(*values, id=name)


def only(messages: list[Mme], kind: type[Mme]) -> list[Mme]:
    return [message for message in messages if isinstance(message, kind)]


def ask_thrice(car: Car, request: Mme, answer: Mme | None) -> None:
    """The request has been sent once; without a valid answer it is repeated twice, and then the run has failed."""
    window_s = 0.1 * (request.timer + 1) if isinstance(request, mme.CM_VALIDATE_REQ) else 0.0
    for sent in range(1 + C_EV_MATCH_RETRY):
        if answer is not None:
            assert car.hear(answer) == []
        repeated = only(car.wait(window_s + TT_MATCH_RESPONSE_S + 0.01), type(request))
        assert repeated == [request] * (sent < C_EV_MATCH_RETRY)
    assert only(car.wait(TT_MATCHING_RATE_S - 0.05), type(request)) == []
    assert len(car.reasons()) == 1


# CM_SLAC_PARM


def test_EVCC_CMN_VTB_CmSlacParm_001() -> None:
    car = Car()
    ((_, destination, request),) = car.sent
    assert (destination, request) == (BROADCAST, mme.CM_SLAC_PARM_REQ(run_id=car.run_id))


@pytest.mark.parametrize(
    "wrong",
    [
        case("EVCC_CMN_VTB_CmSlacParm_002", None),
        case("EVCC_CMN_VTB_CmSlacParm_003", {"msound_target": bytes(6)}),
        case("EVCC_CMN_VTB_CmSlacParm_004", {"timeout": 0}),
        case("EVCC_CMN_VTB_CmSlacParm_005", {"resp_type": 0}),
        case("EVCC_CMN_VTB_CmSlacParm_006", {"application_type": 0xFF}),
        case("EVCC_CMN_VTB_CmSlacParm_007", {"security_type": 0xFF}),
        case("EVCC_CMN_VTB_CmSlacParm_008", {"run_id": OTHER_RUN}),
        case("EVCC_CMN_VTB_CmSlacParm_011", {"forwarding_sta": bytes(6)}),
    ],
)
def test_CmSlacParm_without_a_valid_answer(wrong: Wrong | None) -> None:
    car = Car()
    answer = mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR, run_id=car.run_id)
    ask_thrice(car, car.sent[0][2], None if wrong is None else replace(answer, **wrong))


def test_EVCC_CMN_VTB_CmSlacParm_009() -> None:
    car = Car()
    of_a_car: list[Mme] = [
        mme.CM_SLAC_PARM_REQ(run_id=car.run_id),
        mme.CM_START_ATTEN_CHAR_IND(forwarding_sta=NEAR, run_id=car.run_id),
        mme.CM_MNBC_SOUND_IND(remaining_sounds=9, run_id=car.run_id, random=bytes(16)),
        mme.CM_ATTEN_CHAR_RSP(source_address=NEAR, run_id=car.run_id),
        mme.CM_VALIDATE_REQ(),
        mme.CM_SLAC_MATCH_REQ(pev_mac=NEAR, evse_mac=CAR, run_id=car.run_id),
    ]
    assert [car.hear(message) for message in of_a_car] == [[]] * len(of_a_car)


def test_EVCC_CMN_VTB_CmSlacParm_010() -> None:
    car = Car()
    car.wait(TT_MATCHING_REPETITION_S + 2.0)
    requests = [time for time, _, message in car.sent if isinstance(message, mme.CM_SLAC_PARM_REQ)]
    assert requests[-1] <= TT_MATCHING_REPETITION_S + TT_MATCHING_RATE_S + 3 * TT_MATCH_RESPONSE_S
    assert car.wait(20.0) == []


# Attenuation


def announced(*stations: bytes) -> Car:
    return Car().sounded(*stations)


def report(car: Car, **changes: Any) -> Mme:
    octets = bytes([8] * changes.get("num_groups", 58))
    found = mme.CM_ATTEN_CHAR_IND(source_address=CAR, run_id=car.run_id, attenuations_db=octets)
    return replace(found, **changes)


def test_EVCC_CMN_VTB_AttenuationCharacterization_001() -> None:
    car = announced()
    sent = [(time, message) for time, _, message in car.sent]
    announcements = [(time, each) for time, each in sent if isinstance(each, mme.CM_START_ATTEN_CHAR_IND)]
    sounds = [(time, each) for time, each in sent if isinstance(each, mme.CM_MNBC_SOUND_IND)]
    assert [each for _, each in announcements] == [
        mme.CM_START_ATTEN_CHAR_IND(forwarding_sta=CAR, run_id=car.run_id)
    ] * C_EV_START_ATTEN_CHAR_INDS
    assert announcements[0][0] <= TP_MATCH_SEQUENCE_S
    assert [each.remaining_sounds for _, each in sounds] == list(range(C_EV_MATCH_MNBC - 1, -1, -1))
    assert sounds[-1][0] - announcements[0][0] <= TT_EVSE_MATCH_MNBC_S
    assert car.hear(report(car))[0] == mme.CM_ATTEN_CHAR_RSP(source_address=CAR, run_id=car.run_id)


def test_EVCC_CMN_VTB_AttenuationCharacterization_002() -> None:
    car = announced(FAR, NEAR)
    receipt = mme.CM_ATTEN_CHAR_RSP(source_address=CAR, run_id=car.run_id)
    assert car.report(20, FAR) == [receipt]
    assert car.report(8)[0] == receipt


def test_EVCC_CMN_VTB_AttenuationCharacterization_003() -> None:
    car = announced()
    car.wait(TT_EV_ATTEN_RESULTS_S - 0.5)
    assert car.hear(report(car)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        case("EVCC_CMN_VTB_AttenuationCharacterization_004", {"application_type": 0xFF}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_005", {"security_type": 0xFF}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_006", {"source_address": bytes(6)}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_007", {"run_id": OTHER_RUN}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_008", {"source_id": WRONG_ID}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_009", {"resp_id": WRONG_ID}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_010", {"num_groups": 0, "attenuations_db": b""}),
        case("EVCC_CMN_VTB_AttenuationCharacterization_011", {"num_sounds": 0}),
    ],
)
def test_AttenuationCharacterization_with_a_wrong_field(wrong: Wrong) -> None:
    car = announced()
    assert car.hear(report(car, **wrong)) == []
    car.wait(TT_EV_ATTEN_RESULTS_S - 0.5)
    assert car.hear(report(car)) == []


# States E and F end the matching; the duty cycle does not matter to it.


class Street:
    """A simulated car at a cable whose station the test plays."""

    def __init__(self, duty: float = DIGITAL, attenuation_db: float = 8.0) -> None:
        self.now, self.duty = 0.0, STEADY_HIGH
        validates = CarMatchingSettings(validates=True)
        self.cable = ChargingCable(lambda: self.now, plc=True, attenuation_db=attenuation_db, car=validates)
        self.run(1.0)
        self.cable.plug_in()
        self.run(0.5, duty)

    @property
    def phase(self) -> Phase:
        assert self.cable.pair is not None
        return self.cable.pair.ev.phase

    def begun(self) -> int:
        """How often the car has begun a run."""
        assert self.cable.pair is not None
        events = self.cable.pair.bench.events
        return sum(machine is self.cable.pair.ev and isinstance(event, Began) for _, machine, event in events)

    def run(self, seconds: float, duty: float | None = None, until: Phase | None = None) -> None:
        self.duty = self.duty if duty is None else duty
        end = self.now + seconds
        while self.now < end and (until is None or self.phase is not until):
            self.now += 0.01
            self.cable.advance(self.now, duty=self.duty, matching=self.cable.plugged, wants_energy=False)


def shorten(street: Street) -> None:
    street.cable.pilot.cable = Cable.SHORTED


def state_e(street: Street) -> None:
    shorten(street)
    street.run(0.5)


def state_f(street: Street) -> None:
    street.run(0.5, STEADY_LOW)


@pytest.mark.parametrize(
    ("phase", "end"),
    [
        case("EVCC_CMN_VTB_AttenuationCharacterization_012", Phase.SOUNDING, state_e),
        case("EVCC_CMN_VTB_AttenuationCharacterization_013", Phase.SOUNDING, state_f),
        case("EVCC_CMN_VTB_PLCLinkStatus_002", Phase.MATCHED, state_e),
        case("EVCC_CMN_VTB_PLCLinkStatus_003", Phase.CHOOSING, state_e),
        case("EVCC_CMN_VTB_PLCLinkStatus_004", Phase.CHOOSING, state_f),
    ],
)
def test_states_e_and_f_end_the_matching(phase: Phase, end: Any) -> None:
    street = Street()
    street.run(5.0, until=phase)
    assert street.phase is phase
    at_s = street.now
    end(street)
    assert street.now - at_s <= TP_MATCH_LEAVE_S
    assert street.phase is Phase.IDLE
    assert street.cable.pair is not None
    assert street.cable.pair.ev.match is None
    assert not street.cable.pair.matched


@pytest.mark.parametrize(
    "duty",
    [
        case("EVCC_AC_VTB_AttenuationCharacterization_001", 0.10),
        case("EVCC_AC_VTB_AttenuationCharacterization_002", 0.96),
    ],
)
def test_another_duty_cycle_does_not_disturb_the_matching(duty: float) -> None:
    street = Street()
    street.run(5.0, until=Phase.SOUNDING)
    street.run(3.0, duty)
    assert street.phase is Phase.MATCHED
    assert street.begun() == 1


def test_EVCC_CMN_VTB_CmSlacParm_012() -> None:
    street = Street(STEADY_LOW)
    street.run(STEP_EF_S)
    assert street.begun() == 0
    street.run(3.0, DIGITAL)
    assert street.phase is Phase.MATCHED


def test_EVCC_CMN_VTB_PLCLinkStatus_001() -> None:
    street = Street()
    street.run(3.0)
    assert street.phase is Phase.MATCHED


def test_EVCC_CMN_VTB_PLCLinkStatus_005() -> None:
    street = Street(STEADY_HIGH)
    street.run(7.5)
    street.run(3.0, DIGITAL)
    assert street.phase is Phase.MATCHED


@pytest.mark.parametrize(
    "short", [case("EVCC_CMN_VTB_PLCLinkStatus_006", True), case("EVCC_CMN_VTB_PLCLinkStatus_007", False)]
)
def test_the_matching_begins_again_after_a_lost_link_and_state_e_or_f(short: bool) -> None:
    street = Street()
    street.run(3.0)
    pair = street.cable.pair
    assert pair is not None
    pair.way.cut = True
    street.run(15.0)
    assert pair.ev.match is None
    street.run(1.0, STEADY_HIGH)
    begun = street.begun()
    if short:
        shorten(street)
    street.run(STEP_EF_S, STEADY_LOW)
    assert pair.ev.phase is Phase.IDLE
    street.cable.pilot.cable = Cable.SOUND
    street.run(3.0, DIGITAL)
    assert street.begun() == begun + 1
    assert street.phase is Phase.MATCHED


def lost(street: Street) -> None:
    pair = street.cable.pair
    assert pair is not None
    pair.way.cut = True
    street.run(TP_MATCH_LEAVE_S)


def test_EVCC_CMN_VTB_PLCLinkStatus_008() -> None:
    street = Street()
    street.run(3.0)
    pair = street.cable.pair
    assert pair is not None
    assert pair.ev.match is not None
    key = pair.ev.match.key
    lost(street)
    assert pair.modems[1].nmk != key.nmk  # nobody can reach the car in the old network


def test_EVCC_AC_VTB_PLCLinkStatus_004() -> None:
    street = Street()
    street.run(3.0)
    begun = street.begun()
    lost(street)
    assert street.begun() > begun  # at once, without state E or F


# Validation


def doubtful(*stations: bytes) -> Car:
    """Up to the first CM_VALIDATE.REQ: all stations are only potentially found, the first one best."""
    stations = stations or (NEAR,)
    car = Car(CarMatchingSettings(validates=True)).sounded(*stations)
    for attenuation_db, station in enumerate(stations, start=15):
        car.report(attenuation_db, station)
    assert car.sent[-1][1:] == (stations[0], FIRST)
    return car


FIRST = mme.CM_VALIDATE_REQ(timer=0)
READY = mme.CM_VALIDATE_CNF(result=Validation.READY)


def toggled(car: Car) -> int:
    """The station is ready; the car toggles so often, and the time for it passes."""
    (second,) = car.hear(READY)
    assert isinstance(second, mme.CM_VALIDATE_REQ)
    count = [event.count for event in car.events if isinstance(event, Toggle)][-1]
    assert second.timer > 0
    assert car.wait(0.1 * (second.timer + 1)) == []
    return count


def success(car: Car, change: int = 0, **changes: Any) -> list[Mme]:
    answer = mme.CM_VALIDATE_CNF(toggle_num=toggled(car) + change, result=Validation.SUCCESS)
    return car.hear(replace(answer, **changes))


def test_EVCC_CMN_VTB_CmValidate_001_and_EVCC_CMN_VTB_CmSlacMatch_001() -> None:
    car = doubtful()
    choice = mme.CM_SLAC_MATCH_REQ(pev_mac=CAR, evse_mac=NEAR, run_id=car.run_id)
    assert success(car) == [choice]


@pytest.mark.parametrize("duty", [case("EVCC_CMN_VTB_CmValidate_002", 0.10), case("EVCC_CMN_VTB_CmValidate_003", 0.96)])
def test_another_duty_cycle_does_not_disturb_the_validation(duty: float) -> None:
    street = Street(attenuation_db=15.0)
    pair = street.cable.pair
    assert pair is not None
    pair.evse.pilot_toggles = 0
    street.run(5.0, until=Phase.VALIDATING)
    street.run(0.3, duty)
    told = [event.count for _, _, event in pair.bench.events if isinstance(event, Toggle)]
    pair.evse.pilot_toggles = told[0]
    street.run(5.0)
    assert street.phase is Phase.MATCHED


@pytest.mark.parametrize(
    "answer",
    [
        case("EVCC_CMN_VTB_CmValidate_004", None),
        case("EVCC_CMN_VTB_CmValidate_005", replace(READY, signal_type=0xFF)),
        case("EVCC_CMN_VTB_CmValidate_006", replace(READY, toggle_num=0xFF)),
    ],
)
def test_CmValidate_without_a_valid_first_answer(answer: Mme | None) -> None:
    ask_thrice(doubtful(), FIRST, answer)


def asks_the_next(car: Car, seconds: float = 0.0) -> None:
    """The first station is not asked again, the other one is."""
    sent = len(car.sent)
    car.wait(seconds)
    assert car.sent[-1][1:] == (FAR, FIRST)
    assert NEAR not in [destination for _, destination, _ in car.sent[sent:]]


def test_EVCC_CMN_VTB_CmValidate_007() -> None:
    car = doubtful(NEAR, FAR)
    requests = car.wait((1 + C_EV_MATCH_RETRY) * (TT_MATCH_RESPONSE_S + 0.1) + 0.01)
    assert requests == [FIRST] * (1 + C_EV_MATCH_RETRY)
    assert [destination for _, destination, _ in car.sent[-3:]] == [NEAR, NEAR, FAR]


@pytest.mark.parametrize(
    "result",
    [
        case("EVCC_CMN_VTB_CmValidate_008", Validation.SUCCESS),
        case("EVCC_CMN_VTB_CmValidate_013", Validation.FAILURE),
    ],
)
def test_CmValidate_goes_on_with_the_next_station_after_the_first_answer(result: Validation) -> None:
    car = doubtful(NEAR, FAR)
    car.hear(mme.CM_VALIDATE_CNF(result=result))
    asks_the_next(car)


def test_EVCC_CMN_VTB_CmValidate_009() -> None:
    car = doubtful(NEAR, FAR)
    toggled(car)
    asks_the_next(car, TT_MATCH_SEQUENCE_S)


@pytest.mark.parametrize(
    "result",
    [
        case("EVCC_CMN_VTB_CmValidate_010", Validation.FAILURE),
        case("EVCC_CMN_VTB_CmValidate_011", Validation.NOT_READY),
        case("EVCC_CMN_VTB_CmValidate_012", Validation.NOT_REQUIRED),
    ],
)
def test_CmValidate_goes_on_with_the_next_station_after_the_second_answer(result: Validation) -> None:
    car = doubtful(NEAR, FAR)
    success(car, result=result)
    asks_the_next(car)


def test_EVCC_CMN_VTB_CmValidate_014() -> None:
    car = doubtful()
    assert car.hear(mme.CM_VALIDATE_CNF(result=Validation.FAILURE)) == []
    assert car.reasons() == ["no station has seen the toggles of the control pilot"]
    assert car.choices() == []


def test_EVCC_CMN_VTB_CmValidate_017() -> None:
    car = doubtful()
    car.hear(mme.CM_VALIDATE_CNF(result=Validation.NOT_REQUIRED))
    assert car.choices() == [NEAR]


def test_EVCC_CMN_VTB_CmValidate_018() -> None:
    car = doubtful()
    assert car.hear(mme.CM_VALIDATE_CNF(result=Validation.NOT_READY)) == []
    assert car.wait(TT_MATCH_SEQUENCE_S + 0.01) == [FIRST]


@pytest.mark.parametrize(
    "end", [case("EVCC_CMN_VTB_CmValidate_020", state_e), case("EVCC_CMN_VTB_CmValidate_021", state_f)]
)
def test_states_e_and_f_end_the_validation(end: Any) -> None:
    street = Street(attenuation_db=15.0)
    pair = street.cable.pair
    assert pair is not None
    pair.evse.pilot_toggles = 0
    street.run(5.0, until=Phase.VALIDATING)
    end(street)
    assert street.phase is Phase.IDLE


# CM_SLAC_MATCH


def choosing() -> tuple[Car, Mme]:
    car = announced()
    *_, choice = car.report(8)
    return car, choice


def test_EVCC_CMN_VTB_CmSlacMatch_002() -> None:
    car, choice = choosing()
    assert choice == mme.CM_SLAC_MATCH_REQ(pev_mac=CAR, evse_mac=NEAR, run_id=car.run_id)
    assert car.now < TT_EVSE_MATCH_SESSION_S


@pytest.mark.parametrize(
    "wrong",
    [
        case("EVCC_CMN_VTB_CmSlacMatch_003", None),
        case("EVCC_CMN_VTB_CmSlacMatch_004", {"application_type": 0xFF}),
        case("EVCC_CMN_VTB_CmSlacMatch_005", {"security_type": 0xFF}),
        case("EVCC_CMN_VTB_CmSlacMatch_006", {"mvf_length": 0}),
        case("EVCC_CMN_VTB_CmSlacMatch_007", {"pev_id": WRONG_ID}),
        case("EVCC_CMN_VTB_CmSlacMatch_008", {"pev_mac": bytes(6)}),
        case("EVCC_CMN_VTB_CmSlacMatch_009", {"evse_id": WRONG_ID}),
        case("EVCC_CMN_VTB_CmSlacMatch_010", {"evse_mac": bytes(6)}),
        case("EVCC_CMN_VTB_CmSlacMatch_011", {"run_id": OTHER_RUN}),
    ],
)
def test_CmSlacMatch_without_a_valid_answer(wrong: Wrong | None) -> None:
    car, choice = choosing()
    answer = mme.CM_SLAC_MATCH_CNF(pev_mac=CAR, evse_mac=NEAR, run_id=car.run_id, nid=NID, nmk=NMK)
    ask_thrice(car, choice, None if wrong is None else replace(answer, **wrong))
    assert car.ev.match is None


def test_EVCC_CMN_VTB_CmSlacMatch_012() -> None:
    car = announced(FAR, NEAR)
    car.report(25, FAR)
    car.report(8, NEAR)
    assert car.choices() == [NEAR]


# CM_AMP_MAP, begun by the station (001, 005, 006) or by the car

MAP = mme.CM_AMP_MAP_REQ(num_carriers=3, amplitudes=b"\x21\x03")


def matched(settings: CarMatchingSettings | None = None) -> tuple[Car, list[Mme]]:
    """A car whose link has just come up, and what it sends then."""
    car = Car(settings).sounded()
    car.report(8)
    car.confirm()
    car.hear(mme.CM_SET_KEY_CNF(), CAR_MODEM)
    sent = car.hear(mme.VS_LINK_STATUS_CNF(link_status=1), CAR_MODEM)
    assert car.ev.phase is Phase.MATCHED
    return car, sent


@pytest.mark.parametrize("times", [case("EVCC_CMN_VTB_CmAmpMap_001", 1), case("EVCC_CMN_VTB_CmAmpMap_006", 2)])
def test_CmAmpMap_of_the_station(times: int) -> None:
    car, _ = matched()
    for _ in range(times):
        car.hear(MAP)
        assert car.hear(mme.CM_AMP_MAP_CNF(), CAR_MODEM) == [mme.CM_AMP_MAP_CNF(result=0)]


def test_EVCC_CMN_VTB_CmAmpMap_005() -> None:
    car, _ = matched()
    for _ in range(1 + C_EV_MATCH_RETRY):
        assert car.hear(mme.CM_AMP_MAP_REQ(num_carriers=0, amplitudes=b"")) == []
        assert only(car.wait(TT_MATCH_RESPONSE_S), mme.CM_AMP_MAP_CNF) == []


MAPPING = CarMatchingSettings(amplitudes=(1, 2, 3))


def test_EVCC_CMN_VTB_CmAmpMap_002() -> None:
    car, sent = matched(MAPPING)
    assert sent == [MAP]
    car.hear(mme.CM_AMP_MAP_CNF())
    assert only(car.wait(0.5), mme.CM_AMP_MAP_REQ) == []


@pytest.mark.parametrize("answer", [case("EVCC_CMN_VTB_CmAmpMap_003", None), case("EVCC_CMN_VTB_CmAmpMap_004", 0xFF)])
def test_CmAmpMap_of_the_car_without_a_valid_answer(answer: int | None) -> None:
    car, _ = matched(MAPPING)
    for sent in range(1 + C_EV_MATCH_RETRY):
        if answer is not None:
            car.hear(mme.CM_AMP_MAP_CNF(result=answer))
        requests = only(car.wait(TT_MATCH_RESPONSE_S + 0.001), mme.CM_AMP_MAP_REQ)
        assert requests == [MAP] * (sent < C_EV_MATCH_RETRY)


def test_EVCC_CMN_VTB_CmAmpMap_007() -> None:
    car, _ = matched(MAPPING)
    car.hear(MAP)
    assert car.hear(mme.CM_AMP_MAP_CNF(), CAR_MODEM) == [mme.CM_AMP_MAP_CNF(result=0)]


def test_EVCC_CMN_VTB_CmAmpMap_008() -> None:
    car, _ = matched(MAPPING)
    car.hear(mme.CM_AMP_MAP_CNF())
    assert car.ev.phase is Phase.MATCHED  # and discovery may begin
