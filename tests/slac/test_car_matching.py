"""The car's matching by hand: what it sends when, how it decides, and what ends an attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.slac.bench import Lot
from tests.slac.by_hand import CAR, CAR_MODEM, FAR, NEAR, NMK, Car

from v2g.slac import mme
from v2g.slac.car import CarMatchingSettings, Phase
from v2g.slac.constants import (
    C_CONN_MAX_MATCH,
    C_EV_MATCH_MNBC,
    C_EV_MATCH_RETRY,
    C_EV_START_ATTEN_CHAR_INDS,
    TP_MATCH_SEQUENCE_S,
    TT_EV_ATTEN_RESULTS_S,
    TT_EVSE_MATCH_MNBC_S,
    TT_MATCH_JOIN_S,
    TT_MATCH_RESPONSE_S,
    TT_MATCHING_RATE_S,
    TT_MATCHING_REPETITION_S,
)
from v2g.slac.event import Alarm, Danger, Joining, Matched, Toggle, Unmatched
from v2g.slac.mme import BROADCAST, Validation
from v2g.slac.station import StationMatchingSettings


def test_one_matching_by_the_book() -> None:
    car = Car().sounded()
    times: dict[type, list[float]] = {}
    for time, destination, message in car.sent:
        times.setdefault(type(message), []).append(time)
        assert destination == BROADCAST
    announced, sounds = times[mme.CM_START_ATTEN_CHAR_IND], times[mme.CM_MNBC_SOUND_IND]
    assert len(announced) == C_EV_START_ATTEN_CHAR_INDS
    assert len(sounds) == C_EV_MATCH_MNBC
    assert announced[0] <= TP_MATCH_SEQUENCE_S
    gaps = [after - before for before, after in zip([*announced, *sounds], [*announced, *sounds][1:], strict=False)]
    assert all(0.02 <= gap <= 0.05 for gap in gaps)
    assert sounds[-1] - announced[0] < TT_EVSE_MATCH_MNBC_S
    counters = [message.remaining_sounds for *_, message in car.sent if isinstance(message, mme.CM_MNBC_SOUND_IND)]
    assert counters == list(range(9, -1, -1))
    receipt, choice = car.report(8)
    assert receipt == mme.CM_ATTEN_CHAR_RSP(source_address=CAR, run_id=car.run_id)
    assert choice == mme.CM_SLAC_MATCH_REQ(pev_mac=CAR, evse_mac=NEAR, run_id=car.run_id)
    car.confirm()
    assert car.ev.match is not None
    assert (car.ev.match.key.nmk, car.ev.match.station) == (NMK, NEAR)
    car.hear(mme.CM_SET_KEY_CNF(result=1), CAR_MODEM)
    car.hear(mme.VS_LINK_STATUS_CNF(link_status=1), CAR_MODEM)
    assert car.ev.phase is Phase.MATCHED
    assert isinstance(car.events[-1], Matched)


def test_sounds_are_announced_as_the_station_wants_them() -> None:
    car = Car()
    car.parameters(num_sounds=12, timeout=8)
    car.wait(0.7)
    announcements = [message for *_, message in car.sent if isinstance(message, mme.CM_START_ATTEN_CHAR_IND)]
    assert {(each.num_sounds, each.timeout) for each in announcements} == {(12, 8)}
    assert sum(isinstance(message, mme.CM_MNBC_SOUND_IND) for *_, message in car.sent) == 12


@pytest.mark.parametrize(("num_sounds", "timeout"), [(0, 6), (10, 3), (255, 255)])
def test_parameters_that_cannot_be_kept_are_no_answer(num_sounds: int, timeout: int) -> None:
    car = Car()
    car.parameters(num_sounds=num_sounds, timeout=timeout)
    car.wait(0.3)
    assert [type(message) for *_, message in car.sent] == [mme.CM_SLAC_PARM_REQ] * 2


def test_nobody_answers() -> None:
    car = Car()
    car.wait(60.0)
    requests = [time for time, _, message in car.sent if isinstance(message, mme.CM_SLAC_PARM_REQ)]
    attempts = len(requests) // (1 + C_EV_MATCH_RETRY)
    assert attempts >= C_CONN_MAX_MATCH
    assert requests[1] - requests[0] == pytest.approx(TT_MATCH_RESPONSE_S)
    assert requests[3] - requests[2] == pytest.approx(TT_MATCH_RESPONSE_S + TT_MATCHING_RATE_S)
    assert TT_MATCHING_REPETITION_S - 2 < requests[-1] < TT_MATCHING_REPETITION_S + 1
    (unmatched,) = [event for event in car.events if isinstance(event, Unmatched)]
    assert unmatched.reason.startswith(f"{attempts} attempts, the last: no station answers CM_SLAC_PARM.REQ")
    assert car.ev.phase is Phase.IDLE
    run_ids = [message.run_id for *_, message in car.sent if isinstance(message, mme.CM_SLAC_PARM_REQ)]
    assert len(set(run_ids)) == attempts


def test_nearest_station_is_chosen_once_all_have_reported() -> None:
    car = Car().sounded(FAR, NEAR)
    assert len(car.report(25, FAR)) == 1
    assert len(car.report(6)) == 2
    assert car.choices() == [NEAR]


def test_station_that_does_not_report_is_not_waited_for_longer_than_the_timer() -> None:
    car = Car().sounded(FAR, NEAR)
    car.report(6)
    assert car.choices() == []
    car.wait(TT_EV_ATTEN_RESULTS_S)
    assert car.choices()[0] == NEAR


def test_far_station_is_not_taken_while_the_report_of_another_one_is_missing() -> None:
    car = Car()
    for attempt in range(1, C_CONN_MAX_MATCH + 1):
        car.sounded(FAR, NEAR)
        car.report(25, FAR)
        car.wait(TT_EV_ATTEN_RESULTS_S - 0.7 + 0.15)
        assert len(car.reasons()) == min(attempt, C_CONN_MAX_MATCH - 1)
        assert car.choices() == [FAR] * (attempt == C_CONN_MAX_MATCH)
        car.wait(TT_MATCHING_RATE_S - 0.04)
    assert set(car.reasons()) == {"a station that answered has not reported what it measured"}


def test_no_report_ends_the_attempt() -> None:
    car = Car().sounded()
    car.wait(TT_EV_ATTEN_RESULTS_S - 0.5)
    assert car.reasons() == ["no station has measured the sounds within TT_EV_atten_results"]


def test_station_without_measured_sounds_is_not_believed() -> None:
    car = Car().sounded()
    assert car.report(1, sounds=0) == []


def test_far_station_is_none() -> None:
    car = Car().sounded()
    car.report(31)
    assert car.choices() == []
    assert car.reasons() == ["no station is near: 31.0 dB at least, 30 dB are allowed"]


def test_report_repeated_is_acknowledged_again() -> None:
    car = Car().sounded(FAR, NEAR)
    assert [len(car.report(6)) for _ in range(3)] == [1, 1, 1]


def test_choice_is_repeated_and_given_up() -> None:
    car = Car().sounded()
    car.report(6)
    car.wait(TT_MATCH_RESPONSE_S * (1 + C_EV_MATCH_RETRY) + 0.01)
    assert car.choices() == [NEAR] * (1 + C_EV_MATCH_RETRY)
    assert car.reasons() == ["the station does not answer CM_SLAC_MATCH.REQ within TT_match_response, asked 3 times"]


def test_key_of_a_station_that_was_not_chosen_is_refused() -> None:
    car = Car().sounded(FAR, NEAR)
    car.report(25, FAR)
    car.report(6)
    car.confirm(FAR)
    assert car.ev.match is None
    (alarm,) = [event for event in car.events if isinstance(event, Alarm)]
    assert (alarm.danger, alarm.source) == (Danger.SECOND_STATION, FAR)
    car.confirm(pev_mac=CAR_MODEM)
    assert car.ev.match is None
    car.confirm()
    assert car.ev.match is not None


def test_key_before_the_choice_is_refused() -> None:
    car = Car().sounded()
    car.confirm()
    assert car.ev.match is None
    assert not [event for event in car.events if isinstance(event, Joining)]


def test_link_that_does_not_come_ends_the_attempt_and_leaves_the_network() -> None:
    car = Car().sounded()
    car.report(6)
    car.confirm()
    car.hear(mme.CM_SET_KEY_CNF(), CAR_MODEM)
    car.wait(TT_MATCH_JOIN_S + 0.1)
    assert car.reasons() == ["no link within 12 s after the key (TT_match_join)"]
    assert car.ev.match is None
    assert car.ev.modem.key is None


@given(st.lists(st.tuples(st.binary(max_size=140), st.sampled_from(sorted(mme.MMES)), st.floats(0, 3)), max_size=20))
def test_no_frame_upsets_the_car(frames: list[tuple[bytes, int, float]]) -> None:
    car = Car()
    for rest, mmtype, pause_s in frames:
        head = CAR + NEAR + b"\x88\xe1\x01" + mmtype.to_bytes(2, "little") + bytes(2)
        car.take(car.ev.receive(head + rest, car.now))
        car.wait(pause_s)
    assert car.ev.match is None


# Validation by the control pilot.


def doubtful(attenuation_db: int = 15) -> Car:
    car = Car(CarMatchingSettings(validates=True)).sounded()
    car.report(attenuation_db)
    return car


def toggles(car: Car) -> int:
    return [event.count for event in car.events if isinstance(event, Toggle)][-1]


def test_station_that_is_perhaps_found_is_validated() -> None:
    car = doubtful()
    assert car.sent[-1][2] == mme.CM_VALIDATE_REQ(timer=0)
    (request,) = car.hear(mme.CM_VALIDATE_CNF(result=Validation.READY))
    assert isinstance(request, mme.CM_VALIDATE_REQ)
    assert request.timer == 6 * toggles(car)
    car.wait(0.6 * toggles(car))
    car.hear(mme.CM_VALIDATE_CNF(toggle_num=toggles(car), result=Validation.SUCCESS))
    assert car.choices() == [NEAR]


@pytest.mark.parametrize("result", [Validation.FAILURE, Validation.SUCCESS])
def test_station_that_has_not_counted_the_toggles_is_another_one(result: Validation) -> None:
    car = doubtful()
    car.hear(mme.CM_VALIDATE_CNF(result=Validation.READY))
    car.hear(mme.CM_VALIDATE_CNF(toggle_num=toggles(car) + 1, result=result))
    assert car.choices() == []
    assert car.reasons() == ["no station has seen the toggles of the control pilot"]


def test_next_station_is_validated_after_one_has_failed() -> None:
    car = Car(CarMatchingSettings(validates=True)).sounded(NEAR, FAR)
    car.report(14)
    car.report(15, FAR)
    car.hear(mme.CM_VALIDATE_CNF(result=Validation.FAILURE))
    _, destination, message = car.sent[-1]
    assert (destination, message) == (FAR, mme.CM_VALIDATE_REQ(timer=0))
    car.hear(mme.CM_VALIDATE_CNF(result=Validation.NOT_REQUIRED), FAR)
    assert car.choices() == [FAR]


def test_two_stations_as_near_as_each_other_are_validated_though_both_are_near() -> None:
    car = Car(CarMatchingSettings(validates=True)).sounded(NEAR, FAR)
    car.report(6)
    car.report(7, FAR)
    assert car.choices() == []
    assert isinstance(car.sent[-1][2], mme.CM_VALIDATE_REQ)


def test_clear_station_is_not_validated() -> None:
    assert doubtful(9).choices() == [NEAR]


def test_station_that_is_not_ready_is_asked_again() -> None:
    car = doubtful()
    for _ in range(C_EV_MATCH_RETRY):
        car.hear(mme.CM_VALIDATE_CNF(result=Validation.NOT_READY))
        assert car.wait(0.41) == [mme.CM_VALIDATE_REQ(timer=0)]
    car.hear(mme.CM_VALIDATE_CNF(result=Validation.NOT_READY))
    assert not [message for message in car.wait(0.41) if isinstance(message, mme.CM_VALIDATE_REQ)]


def test_a_car_and_a_station_validate_over_the_line() -> None:
    lot = Lot(StationMatchingSettings())
    car = lot.car(15.0, CarMatchingSettings(validates=True))
    lot.evse.pilot_toggles = 0
    lot.plug_in(car)
    while not (told := lot.events(car, Toggle)):
        lot.run(0.05)
    lot.evse.pilot_toggles = told[0][1].count
    lot.run(4.0)
    assert car.phase is Phase.MATCHED
