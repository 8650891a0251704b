"""The station's matching by hand: each timer, each repetition, and what hostile or confused senders get."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.slac.by_hand import CAR, MODEM, OTHER, OTHER_RUN, RUN_ID, STATION, Station

from v2g.slac import mme
from v2g.slac.constants import (
    C_EV_MATCH_RETRY,
    C_EVSE_MATCH_PARALLEL,
    TT_EVSE_MATCH_MNBC_S,
    TT_EVSE_MATCH_SESSION_S,
    TT_MATCH_JOIN_S,
    TT_MATCH_RESPONSE_S,
    TT_MATCH_SEQUENCE_S,
)
from v2g.slac.event import (
    Began,
    Danger,
    Ended,
    Joining,
    LeftUnmatched,
    Matched,
    SignalBack,
    SignalTooWeak,
    SignalWeak,
    Sounded,
    Unmatched,
    describe,
)
from v2g.slac.guard import LONGEST_FRAME, MOST_ALARMS
from v2g.slac.mme import BROADCAST, Frame, Mme, Validation
from v2g.slac.quality import TOO_WEAK_S, WEAKEST_DBM
from v2g.slac.station import MOST_REQUESTS, Phase, StationMatching, StationMatchingSettings


def test_one_car_by_the_book() -> None:
    station = Station()
    (parameters,) = station.ask()
    assert parameters == mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR, run_id=RUN_ID)
    (report,) = station.sound(12)
    assert isinstance(report, mme.CM_ATTEN_CHAR_IND)
    assert (report.source_address, report.num_sounds, report.attenuations_db) == (CAR, 10, bytes([12] * 58))
    assert station.acknowledge() == []
    (confirmation,) = station.choose()
    assert isinstance(confirmation, mme.CM_SLAC_MATCH_CNF)
    match = station.evse.match
    assert match is not None
    assert (confirmation.nid, confirmation.nmk) == (match.key.nid, match.key.nmk)
    assert (match.car, match.station, match.run_id, match.attenuation.mean_db) == (CAR, STATION, RUN_ID, 12.0)
    station.hear(mme.VS_LINK_STATUS_CNF(link_status=1), MODEM)
    assert [type(event) for event in station.events] == [Began, Sounded, Joining, Matched]


@pytest.mark.parametrize(
    ("steps", "waits_s", "reason"),
    [
        (0, TT_MATCH_SEQUENCE_S, "no CM_START_ATTEN_CHAR.IND within TT_match_sequence"),
        (2, TT_MATCH_RESPONSE_S * (1 + C_EV_MATCH_RETRY), "no CM_ATTEN_CHAR.RSP within TT_match_response"),
        (3, TT_EVSE_MATCH_SESSION_S + TT_EVSE_MATCH_MNBC_S, "no CM_SLAC_MATCH.REQ within TT_EVSE_match_session"),
    ],
)
def test_each_timer_ends_the_run(steps: int, waits_s: float, reason: str) -> None:
    station = Station()
    station.ask()
    actions: list[Callable[[], object]] = [station.sound, station.acknowledge]
    for act in actions[: steps - 1 if steps else 0]:
        act()
    station.wait(waits_s - 0.01)
    assert station.happened(Ended) == []
    station.wait(0.02)
    assert station.reason() == reason
    assert station.evse.phase is Phase.MATCHING  # the car may try again


def test_without_a_profile_there_is_no_match() -> None:
    station = Station()
    station.ask()
    station.sound(sounds=0)
    for remaining in range(9, -1, -1):
        sound = mme.CM_MNBC_SOUND_IND(remaining_sounds=remaining, run_id=RUN_ID, random=bytes(16))
        station.hear(sound, CAR, BROADCAST)
    assert station.wait(1.0) == []
    assert "the modem has measured no sound" in station.reason()
    assert station.choose() == []
    assert station.evse.match is None


def test_lost_sounds_are_counted_at_the_end_of_the_window() -> None:
    station = Station()
    station.ask()
    assert station.sound(sounds=7) == []
    assert station.wait(TT_EVSE_MATCH_MNBC_S - 0.01) == []
    (report,) = station.wait(0.1)
    assert isinstance(report, mme.CM_ATTEN_CHAR_IND)
    assert report.num_sounds == 7


def test_report_is_repeated_until_it_is_acknowledged() -> None:
    station = Station()
    station.ask()
    (report,) = station.sound()
    assert station.wait(TT_MATCH_RESPONSE_S * (C_EV_MATCH_RETRY + 1) - 0.01) == [report] * C_EV_MATCH_RETRY
    station.acknowledge()
    assert station.wait(5.0) == []
    assert len(station.choose()) == 1


def test_choice_without_acknowledgement_counts_as_one() -> None:
    station = Station()
    station.ask()
    station.sound()
    assert len(station.choose()) == 1


def test_car_that_refuses_the_report_has_not_acknowledged_it() -> None:
    station = Station()
    station.ask()
    (report,) = station.sound()
    station.acknowledge(result=1)
    assert station.wait(1.0) == [report] * C_EV_MATCH_RETRY
    assert station.reason() == "no CM_ATTEN_CHAR.RSP within TT_match_response"
    assert station.choose() == []


def test_lost_confirmation_is_repeated_the_same() -> None:
    station = Station()
    station.ask()
    station.sound()
    station.acknowledge()
    assert station.choose() == station.choose()
    assert len(station.happened(Joining)) == 1


def joining() -> Station:
    station = Station()
    for step in (station.ask, station.sound, station.acknowledge, station.choose):
        step()
    return station


def test_car_that_begins_again_instead_of_joining_gets_another_key() -> None:
    station = joining()
    first = station.evse.match
    assert first is not None
    assert station.ask() == []  # late
    assert station.evse.match is first
    assert station.ask(run_id=OTHER_RUN) == []
    assert station.reason() == "the car has begun again"
    station.hear(mme.CM_SET_KEY_CNF(), MODEM)
    assert len(station.ask(run_id=OTHER_RUN)) == 1
    assert station.evse.modem.key != first.key


def test_only_the_car_that_is_joining_gets_the_key_again() -> None:
    station = joining()
    assert station.choose(OTHER, RUN_ID) == []
    assert station.choose(CAR, OTHER_RUN) == []
    assert station.alarms() == [Danger.SECOND_CAR]
    assert len(station.choose()) == 1
    station.hear(mme.VS_LINK_STATUS_CNF(link_status=1), MODEM)
    assert station.choose() == []


def test_link_that_does_not_come_ends_the_match_and_the_key() -> None:
    station = joining()
    match = station.evse.match
    assert match is not None
    station.wait(TT_MATCH_JOIN_S + 0.1)
    assert "TT_match_join" in station.reason()
    assert station.evse.modem.key is None
    assert station.ask() == []
    station.hear(mme.CM_SET_KEY_CNF(), MODEM)
    assert station.evse.modem.key not in (None, match.key)
    assert len(station.ask()) == 1


def test_nobody_comes() -> None:
    station = Station(StationMatchingSettings(init_s=20.0))
    station.wait(19.9)
    assert station.events == []
    station.wait(0.2)
    (unmatched,) = station.happened(Unmatched)
    assert unmatched == Unmatched("no car has sent CM_SLAC_PARM.REQ within 20 s (TT_EVSE_SLAC_init)")
    assert station.ask() == []
    station.evse.begin_matching(station.now)
    assert len(station.ask()) == 1


def test_station_whose_modem_has_no_key_answers_nobody() -> None:
    evse = StationMatching(STATION)
    evse.start(0.0)
    evse.begin_matching(0.0)
    step = evse.receive(Frame.of(BROADCAST, CAR, mme.CM_SLAC_PARM_REQ(run_id=RUN_ID)).pack(), 0.1)
    assert step.send == []
    assert evse.phase is Phase.KEYING


def test_two_cars_at_once_are_kept_apart() -> None:
    station = Station()
    station.ask()
    station.ask(OTHER, OTHER_RUN)
    (near,) = station.sound(8)
    (far,) = station.sound(30, car=OTHER, run_id=OTHER_RUN)
    assert isinstance(near, mme.CM_ATTEN_CHAR_IND)
    assert isinstance(far, mme.CM_ATTEN_CHAR_IND)
    assert (near.run_id, near.attenuations_db[0]) == (RUN_ID, 8)
    assert (far.run_id, far.attenuations_db[0]) == (OTHER_RUN, 30)
    assert station.choose(OTHER, RUN_ID) == []
    assert station.choose(OTHER, OTHER_RUN) == []  # it is plugged in elsewhere
    assert station.alarms() == [Danger.CROSSTALK]
    assert len(station.choose()) == 1
    assert station.reason() == "another car has chosen"


# Hygiene.


def test_second_car_is_reported_and_gets_nothing() -> None:
    station = Station().matched()
    assert station.ask(OTHER, OTHER_RUN) == []
    assert station.choose(OTHER, RUN_ID) == []
    assert station.alarms() == [Danger.SECOND_CAR]
    assert station.evse.match is not None
    assert station.evse.match.car == CAR


@pytest.mark.parametrize(
    "message",
    [
        mme.CM_SLAC_PARM_CNF(forwarding_sta=STATION, run_id=RUN_ID),
        mme.CM_ATTEN_CHAR_IND(source_address=STATION, run_id=RUN_ID, attenuations_db=bytes(58)),
        mme.CM_SLAC_MATCH_CNF(pev_mac=CAR, evse_mac=OTHER, run_id=RUN_ID, nid=bytes(7), nmk=bytes(16)),
    ],
)
def test_second_station_is_told(message: Mme) -> None:
    station = Station()
    assert station.hear(message, OTHER) == []
    assert station.alarms() == [Danger.SECOND_STATION]


def test_two_cars_with_one_run_id_are_told_apart_by_their_macs() -> None:
    station = Station()
    for car in (CAR, OTHER):  # some cars always take the same one
        assert len(station.ask(car, RUN_ID)) == 1
    (near,), (far,) = station.sound(8, car=CAR), station.sound(30, car=OTHER)
    assert isinstance(near, mme.CM_ATTEN_CHAR_IND)
    assert isinstance(far, mme.CM_ATTEN_CHAR_IND)
    assert (near.attenuations_db[0], far.attenuations_db[0]) == (8, 30)
    assert station.choose(OTHER) == []
    assert len(station.choose()) == 1
    assert station.evse.match is not None
    assert station.evse.match.car == CAR
    assert station.alarms() == [Danger.CROSSTALK]


def test_profile_of_a_stranger_is_refused() -> None:
    station = Station()
    station.ask()
    station.hear(mme.CM_START_ATTEN_CHAR_IND(forwarding_sta=CAR, run_id=RUN_ID), CAR, BROADCAST)
    forged = mme.CM_ATTEN_PROFILE_IND(pev_mac=CAR, attenuations_db=bytes(58))
    station.hear(forged, OTHER, BROADCAST)
    assert station.alarms() == [Danger.SPOOFED]
    assert station.wait(1.0) == []


def test_profiles_of_another_size_are_refused() -> None:
    station = Station()
    station.ask()
    station.sound(sounds=2)
    station.hear(mme.CM_ATTEN_PROFILE_IND(pev_mac=CAR, num_groups=3, attenuations_db=bytes(3)), MODEM)
    assert station.alarms() == [Danger.MALFORMED]
    (report,) = station.wait(0.7)
    assert isinstance(report, mme.CM_ATTEN_CHAR_IND)
    assert report.num_sounds == 2


@pytest.mark.parametrize(
    ("data", "danger"),
    [
        (Frame.of(STATION, STATION, mme.CM_SLAC_PARM_REQ(run_id=RUN_ID)).pack(), Danger.SPOOFED),
        (Frame.of(STATION, BROADCAST, mme.CM_SLAC_PARM_REQ(run_id=RUN_ID)).pack(), Danger.SPOOFED),
        (
            Frame.of(STATION, CAR, mme.CM_ATTEN_CHAR_RSP(source_address=CAR, run_id=RUN_ID)).pack()[:50],
            Danger.MALFORMED,
        ),
        (Frame.of(STATION, CAR, mme.CM_SLAC_PARM_REQ(run_id=RUN_ID)).pack().ljust(LONGEST_FRAME + 1), Danger.MALFORMED),
    ],
)
def test_frame_that_no_honest_sender_sends_is_told(data: bytes, danger: Danger) -> None:
    station = Station()
    assert station.octets(data) == []
    assert station.alarms() == [danger]


def test_choice_that_names_other_addresses_is_refused() -> None:
    station = Station()
    station.ask()
    station.sound()
    station.acknowledge()
    for pev_mac, evse_mac in ((OTHER, STATION), (CAR, OTHER)):
        request = mme.CM_SLAC_MATCH_REQ(pev_mac=pev_mac, evse_mac=evse_mac, run_id=RUN_ID)
        assert station.hear(request) == []
    assert station.alarms() == [Danger.SPOOFED]
    assert len(station.choose()) == 1


def test_frames_for_others_are_not_looked_at() -> None:
    station = Station()
    assert station.hear(mme.CM_SLAC_PARM_REQ(run_id=RUN_ID), CAR, OTHER) == []
    assert station.octets(OTHER + bytes(2000)) == []
    assert station.events == []


def test_flood_of_cars_is_bounded_and_reported_within_bounds() -> None:
    station = Station()
    answered = 0
    for number in range(300):
        car = bytes.fromhex("0200000A") + number.to_bytes(2)
        answered += len(station.ask(car, bytes(6) + number.to_bytes(2)))
        station.wait(0.01)
    assert C_EVSE_MATCH_PARALLEL < answered <= MOST_REQUESTS
    assert 1 <= len(station.alarms()) <= MOST_ALARMS
    assert set(station.alarms()) == {Danger.FLOOD}


def test_flood_of_one_car_is_bounded() -> None:
    station = Station()
    answers = [len(station.ask(CAR, number.to_bytes(8))) for number in range(3 * MOST_REQUESTS)]
    assert sum(answers) == MOST_REQUESTS
    assert station.alarms() == [Danger.FLOOD]
    station.wait(15.0)
    assert len(station.ask()) == 1


def test_same_request_is_answered_a_few_times() -> None:
    station = Station()
    assert [len(station.ask()) for _ in range(5)] == [1] * (1 + C_EV_MATCH_RETRY) + [0] * (4 - C_EV_MATCH_RETRY)


@given(st.lists(st.tuples(st.binary(max_size=140), st.sampled_from(sorted(mme.MMES)), st.floats(0, 3)), max_size=20))
def test_no_frame_upsets_the_station(frames: list[tuple[bytes, int, float]]) -> None:
    station = Station()
    for rest, mmtype, pause_s in frames:
        head = STATION + CAR + b"\x88\xe1\x01" + mmtype.to_bytes(2, "little") + bytes(2)
        station.octets(head + rest)
        station.wait(pause_s)
    assert not station.happened(Matched)


CARS = {bytes((2, 0, 0, 0, 0, n)): bytes((n,)) * 8 for n in range(1, 4)}
MATCH = ["ask", "sound", "acknowledge", "choose"]
ACTIONS = st.sampled_from([*([each] for each in [*MATCH, "link up", "link down", "key", "unplug", "plug in"]), MATCH])


@given(st.lists(st.tuples(ACTIONS, st.sampled_from(sorted(CARS)), st.sampled_from([0.0, 0.05, 0.5, 3.0, 15.0]))))
def test_key_goes_to_no_car_that_was_not_measured_and_to_one_at_a_time(
    steps: list[tuple[list[str], bytes, float]],
) -> None:
    station = Station()
    measured, keys, holder = set[bytes](), dict[bytes, bytes](), b""
    for actions, car, pause_s in steps:
        for action in actions:
            for confirmation in act(station, action, car):
                if isinstance(confirmation, mme.CM_SLAC_PARM_CNF):
                    measured.discard(car)
                if isinstance(confirmation, mme.CM_ATTEN_CHAR_IND):
                    measured.add(car)
                if isinstance(confirmation, mme.CM_SLAC_MATCH_CNF):
                    assert car in measured
                    assert keys.setdefault(confirmation.nmk, car) == car  # nobody gets a key that another car had
                    holder = car
            match = station.evse.match
            assert match is None or match.car == holder
            assert (match is not None) is (station.evse.phase in (Phase.JOINING, Phase.MATCHED))
        station.wait(pause_s)


def act(station: Station, action: str, car: bytes) -> list[Mme]:
    run_id = CARS[car]
    match action:
        case "ask":
            return station.ask(car, run_id)
        case "sound":
            return station.sound(car=car, run_id=run_id)
        case "acknowledge":
            return station.acknowledge(car, run_id)
        case "choose":
            return station.choose(car, run_id)
        case "key":
            return station.hear(mme.CM_SET_KEY_CNF(), MODEM)
        case "unplug":
            return station.take(station.evse.end_matching(station.now))
        case "plug in":
            return station.take(station.evse.begin_matching(station.now))
    return station.hear(mme.VS_LINK_STATUS_CNF(link_status=int(action == "link up")), MODEM)


# Validation by the control pilot.


def validating(toggles: int | None, *, required: bool = True) -> Station:
    station = Station(StationMatchingSettings(validation_required=required))
    station.evse.pilot_toggles = toggles
    station.ask()
    station.sound()
    station.acknowledge()
    return station


def test_toggles_are_counted_for_as_long_as_the_car_wants() -> None:
    station = validating(5)
    (ready,) = station.hear(mme.CM_VALIDATE_REQ())
    assert ready == mme.CM_VALIDATE_CNF(result=Validation.READY)
    assert station.hear(mme.CM_VALIDATE_REQ(timer=17)) == []
    station.evse.pilot_toggles = 8
    assert station.wait(1.7) == []
    assert station.choose() == []
    assert station.wait(0.2) == [mme.CM_VALIDATE_CNF(toggle_num=3, result=Validation.SUCCESS)]
    assert len(station.choose()) == 1


def test_no_toggles_are_a_failure() -> None:
    station = validating(5)
    station.hear(mme.CM_VALIDATE_REQ())
    station.hear(mme.CM_VALIDATE_REQ(timer=5))
    assert station.wait(1.0) == [mme.CM_VALIDATE_CNF(result=Validation.FAILURE)]


@pytest.mark.parametrize(("required", "result"), [(True, Validation.FAILURE), (False, Validation.NOT_REQUIRED)])
def test_station_that_measures_no_control_pilot_says_so(required: bool, result: Validation) -> None:
    station = validating(None, required=required)
    assert station.hear(mme.CM_VALIDATE_REQ()) == [mme.CM_VALIDATE_CNF(result=result)]


def test_one_car_validates_at_a_time() -> None:
    station = validating(0)
    station.ask(OTHER, OTHER_RUN)
    station.sound(car=OTHER, run_id=OTHER_RUN)
    station.hear(mme.CM_VALIDATE_REQ())
    station.hear(mme.CM_VALIDATE_REQ(timer=20))
    assert station.hear(mme.CM_VALIDATE_REQ(), OTHER) == [mme.CM_VALIDATE_CNF(result=Validation.NOT_READY)]


def test_time_for_toggles_is_bounded() -> None:
    station = validating(0)
    station.hear(mme.CM_VALIDATE_REQ())
    assert station.hear(mme.CM_VALIDATE_REQ(timer=200)) == [mme.CM_VALIDATE_CNF(result=Validation.FAILURE)]


def test_validation_by_a_car_that_has_no_run_is_not_answered() -> None:
    station = validating(0)
    assert station.hear(mme.CM_VALIDATE_REQ(), OTHER) == []


# A car that leaves unmatched.


def left(station: Station) -> LeftUnmatched:
    """What is reported when the car is unplugged."""
    station.events.clear()
    station.take(station.evse.end_matching(station.now))
    (event,) = [each for each in station.events if isinstance(each, LeftUnmatched)]
    assert [each for each in station.events if describe(each)[1]] == [event]  # the only warning
    return event


def test_a_car_that_leaves_unmatched_is_one_warning_with_its_best_attenuation_and_its_last_reason() -> None:
    station = Station()
    for run_id, attenuation_db in ((RUN_ID, 14), (OTHER_RUN, 12), (bytes(8), 13)):
        station.ask(run_id=run_id)
        station.sound(attenuation_db, run_id=run_id)
        station.wait(1.0)
    event = left(station)
    reason = "no CM_ATTEN_CHAR.RSP within TT_match_response"
    assert event == LeftUnmatched(CAR, 3, 12.0, reason)
    text = f"no match: car 02:00:00:00:00:01: 3 attempts, best attenuation 12.0 dB, the last ended: {reason}"
    assert describe(event) == (text, True)


def test_a_car_that_is_unplugged_in_the_middle_leaves_unmatched() -> None:
    station = Station()
    station.ask()
    assert left(station) == LeftUnmatched(CAR, 1, None, "unplugged while CM_START_ATTEN_CHAR.IND was due")


def test_a_car_without_a_link_leaves_unmatched() -> None:
    station = joining()
    assert left(station) == LeftUnmatched(CAR, 1, 10.0, "unplugged")


def test_the_nearest_car_is_the_one_that_left() -> None:
    station = Station()
    for car, run_id, attenuation_db in ((OTHER, OTHER_RUN, 35), (CAR, RUN_ID, 22), (OTHER, bytes(8), 35)):
        station.ask(car, run_id)
        station.sound(attenuation_db, car=car, run_id=run_id)
        station.wait(1.0)
    assert left(station).car == CAR


def test_a_car_that_gives_up_is_named_when_nobody_asks_again() -> None:
    station = Station(StationMatchingSettings(init_s=20.0))
    station.ask()
    station.wait(0.5)
    station.wait(20.0)
    (unmatched,) = [event for event in station.events if isinstance(event, Unmatched)]
    assert unmatched.reason == (
        "car 02:00:00:00:00:01: 1 attempt, best attenuation none measured, the last ended: no CM_START_ATTEN_CHAR.IND "
        "within TT_match_sequence; it has not asked again within 20 s (TT_EVSE_SLAC_init)"
    )
    station.events.clear()
    station.take(station.evse.end_matching(station.now))
    assert station.events == []  # said already


@pytest.mark.parametrize("matched", [True, False])
def test_nothing_is_said_of_a_car_that_had_matched_or_never_asked(matched: bool) -> None:
    station = Station()
    if matched:
        station.ask(OTHER, OTHER_RUN)
        station.matched()
    station.take(station.evse.end_matching(station.now))
    assert not [event for event in station.events if isinstance(event, LeftUnmatched)]


# The signal.


def weak(level: int) -> Station:
    """A matched station whose modem reports a level from now on."""
    station = Station().matched()
    peer = CAR + bytes((2, 1, 1, 0, level, 0))
    station.hear(mme.CC_DISCOVER_LIST_CNF(num_stations=1, stations=peer), MODEM)
    return station


def test_a_signal_that_stays_weak_is_reported_again_after_five_seconds() -> None:
    station = weak(13)
    assert station.events == [SignalWeak(-71.5, WEAKEST_DBM)]
    linked(station, TOO_WEAK_S - 0.1)
    assert not [event for event in station.events if isinstance(event, SignalTooWeak)]
    linked(station, 0.2)
    (event,) = [event for event in station.events if isinstance(event, SignalTooWeak)]
    assert event == SignalTooWeak(-71.5, WEAKEST_DBM, TOO_WEAK_S)
    linked(station, 20.0)
    assert station.events.count(event) == 1


def linked(station: Station, seconds: float) -> None:
    """Time passes, with the modem saying that the link is up."""
    for _ in range(round(seconds / 0.1)):
        station.wait(0.1)
        station.hear(mme.VS_LINK_STATUS_CNF(link_status=1), MODEM)


@pytest.mark.parametrize("recovers", [True, False])
def test_a_signal_that_is_back_or_gone_in_time_is_not_too_weak(recovers: bool) -> None:
    station = weak(13)
    linked(station, 4.0)
    if recovers:
        better = CAR + bytes((2, 1, 1, 0, 8, 0))
        station.hear(mme.CC_DISCOVER_LIST_CNF(num_stations=1, stations=better), MODEM)
    else:
        station.take(station.evse.end_matching(station.now))
    linked(station, 10.0)
    assert not [event for event in station.events if isinstance(event, SignalTooWeak)]
    assert recovers is any(isinstance(event, SignalBack) for event in station.events)
