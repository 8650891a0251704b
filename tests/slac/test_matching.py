"""Station and cars on one simulated line: who matches whom, whatever the line does to their frames."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.slac.bench import STATION_MAC, Lot, car_mac

from v2g.bench.sim.plc_modem import Bench, Line, Machine, Modem
from v2g.slac import car as car_side
from v2g.slac import station
from v2g.slac.car import CarMatching
from v2g.slac.constants import TP_MATCH_LEAVE_S, TT_EVSE_MATCH_SESSION_S, TT_MATCHING_REPETITION_S
from v2g.slac.event import (
    Alarm,
    Began,
    Ended,
    Joining,
    KeySet,
    LinkLost,
    Matched,
    ModemFound,
    Sounded,
    Step,
    Unmatched,
)
from v2g.slac.station import StationMatching


def test_a_car_and_a_station_match_and_have_the_same_key() -> None:
    lot = Lot()
    car = lot.car(8.0)
    lot.run(1.0)
    lot.plug_in(car)
    lot.run(3.0)
    assert (lot.evse.phase, car.phase) == (station.Phase.MATCHED, car_side.Phase.MATCHED)
    assert lot.evse.match is not None
    assert car.match is not None
    assert lot.evse.match.key == car.match.key
    assert lot.modem.nmk == lot.modems[0].nmk == car.match.key.nmk
    assert (lot.evse.match.car, car.match.station) == (car_mac(1), STATION_MAC)
    assert 7.0 < lot.evse.match.attenuation.mean_db < 9.0
    assert lot.evse.match.attenuation.sounds == 10
    (took_s, _), *_ = lot.events(car, Matched)
    assert took_s - 1.0 < 1.5
    order = [type(event) for _, machine, event in lot.bench.events if machine is car]
    assert order == [Began, ModemFound, Sounded, Joining, KeySet, Matched]


def test_each_match_has_a_key_of_its_own() -> None:
    lot = Lot()
    car = lot.car()
    keys = set()
    for _ in range(3):
        lot.plug_in(car)
        lot.run(3.0)
        assert lot.evse.match is not None
        keys.add(lot.evse.match.key.nmk)
        lot.bench.do(car, car.end_matching(lot.now), lot.now)
        lot.bench.do(lot.evse, lot.evse.end_matching(lot.now), lot.now)
        lot.run(1.0)
        assert lot.modem.nmk not in keys
        assert lot.modems[0].nmk not in keys
        assert lot.evse.phase is station.Phase.UNMATCHED
        lot.bench.do(lot.evse, lot.evse.begin_matching(lot.now), lot.now)
    assert len(keys) == 3


def test_a_station_without_a_car_answers_nobody() -> None:
    lot = Lot()
    lot.run(0.1)
    lot.bench.do(lot.evse, lot.evse.end_matching(lot.now), lot.now)
    car = lot.car()
    lot.plug_in(car)
    lot.run(30.0)
    assert lot.events(lot.evse, Began) == []
    ((_, end),) = lot.events(car, Unmatched)
    assert "no station answers CM_SLAC_PARM.REQ within TT_match_response" in end.reason


def test_a_lost_link_is_reported_by_both_and_made_again_with_another_key() -> None:
    lot = Lot()
    car = lot.car()
    way = lot.line.connect(lot.modem, lot.modems[0], 8.0)
    lot.plug_in(car)
    lot.run(3.0)
    assert lot.evse.match is not None
    first, cut_s = lot.evse.match.key, lot.now
    way.cut = True
    lot.run(2.0)
    for machine in (lot.evse, car):
        ((time, lost),) = lot.events(machine, LinkLost)
        assert time - cut_s < TP_MATCH_LEAVE_S
        assert lost.match.key == first
    way.cut = False
    lot.run(3.0)
    assert lot.evse.phase is station.Phase.MATCHED
    assert lot.evse.match is not None
    assert lot.evse.match.key != first


def test_the_near_car_is_matched_and_the_far_one_is_not() -> None:
    lot = Lot()
    far, near = lot.car(35.0), lot.car(6.0)
    lot.plug_in(far)
    lot.plug_in(near)
    lot.run(40.0)
    assert near.phase is car_side.Phase.MATCHED
    ((_, end),) = lot.events(far, Unmatched)
    assert "no station" in end.reason


def test_four_cars_at_once_are_kept_apart() -> None:
    lot = Lot()
    cars = [lot.car(loss_db) for loss_db in (38.0, 32.0, 7.0, 45.0)]
    for car in cars:
        lot.plug_in(car)
    lot.run(0.9)
    means = {sounded.peer: sounded.attenuation.mean_db for _, sounded in lot.events(lot.evse, Sounded)}
    assert {mac: round(mean_db) for mac, mean_db in means.items()} == {
        car_mac(1): 38, car_mac(2): 32, car_mac(3): 7, car_mac(4): 45,
    }  # fmt: skip
    lot.run(40.0)
    assert [car.phase is car_side.Phase.MATCHED for car in cars] == [False, False, True, False]


@st.composite
def lots(draw: st.DrawFn) -> tuple[Lot, list[float]]:
    """A station, one to four cars of which the first is plugged in here, and when each comes."""
    lot = Lot(seed=draw(st.integers(0, 2**32)))
    lot.car(draw(st.floats(2, 10)))
    for _ in range(draw(st.integers(0, 3))):
        lot.car(draw(st.floats(32, 60)))
    lot.line.loss = draw(st.sampled_from([0.0, 0.05, 0.3]))
    lot.line.duplicates = draw(st.sampled_from([0.0, 0.3]))
    lot.line.jitter_s = draw(st.sampled_from([0.0, 0.02, 0.15]))
    return lot, [draw(st.floats(0, 3)) for _ in lot.cars]


@given(lots())
@settings(max_examples=15, deadline=None)
def test_whatever_happens_to_the_frames_only_the_right_car_matches_with_the_right_key(
    case: tuple[Lot, list[float]],
) -> None:
    lot, arrivals = case
    told = 0
    waiting = sorted(zip(arrivals, lot.cars, strict=True), key=lambda each: each[0])
    while lot.now < 60.0:
        while waiting and waiting[0][0] <= lot.now:
            lot.plug_in(waiting.pop(0)[1])
        deadline = lot.bench.next_deadline()
        following = min(
            [lot.now + 5.0, *([deadline] if deadline is not None else []), *(time for time, _ in waiting[:1])]
        )
        lot.run(max(following - lot.now, 0.0))
        for _, machine, event in lot.bench.events[told:]:
            if isinstance(event, Matched):
                agrees(lot, machine is lot.evse)
        told = len(lot.bench.events)
    runs_end(lot)
    if not lot.line.loss and lot.line.jitter_s < 0.1:
        assert lot.cars[0].phase is car_side.Phase.MATCHED


def agrees(lot: Lot, station_says_so: bool) -> None:
    """Who just said that it is matched is right."""
    matches = [car.match for car in lot.cars]
    assert lot.evse.match is not None
    assert matches[0] is not None
    assert matches[0].key == lot.evse.match.key
    assert lot.evse.match.car == car_mac(1)
    assert matches[1:] == [None] * (len(matches) - 1)
    assert lot.modem.nmk == lot.modems[0].nmk == lot.evse.match.key.nmk
    if station_says_so:
        assert lot.evse.phase is station.Phase.MATCHED


def runs_end(lot: Lot) -> None:
    """Each run that began at the station came to an end in time, and each car knows its outcome."""
    open_runs: dict[tuple[bytes, bytes], float] = {}
    for time, machine, event in lot.bench.events:
        if machine is not lot.evse:
            continue
        match event:
            case Began(car, run_id):
                open_runs[car, run_id] = time
            case Ended(car, run_id) if (car, run_id) in open_runs:
                assert time - open_runs.pop((car, run_id)) < TT_EVSE_MATCH_SESSION_S + 5.0
            case Joining(match):
                del open_runs[match.car, match.run_id]
    assert open_runs == {}
    for each in lot.cars:
        assert each.phase in (car_side.Phase.MATCHED, car_side.Phase.IDLE)
        begun = [time for time, _ in lot.events(each, Began)]
        if each.phase is car_side.Phase.IDLE:
            assert begun[-1] - begun[0] < TT_MATCHING_REPETITION_S + 40.0


@given(
    own_db=st.floats(4, 12),
    crosstalk_db=st.floats(18, 29),
    lag_s=st.floats(0, 1),
    loss=st.sampled_from([0.0, 0.1]),
    jitter_s=st.sampled_from([0.0, 0.03]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=15, deadline=None)
def test_two_cars_at_two_cables_of_one_station_do_not_swap(
    own_db: float, crosstalk_db: float, lag_s: float, loss: float, jitter_s: float, seed: int
) -> None:
    line = Line(seed)
    line.loss, line.jitter_s = loss, jitter_s
    bench = Bench(line)
    evses = [StationMatching(bytes((2, 0, 0, 0, 0x5E, n))) for n in (1, 2)]
    cars = [CarMatching(bytes((2, 0, 0, 0, 0xEF, n))) for n in (1, 2)]
    modems = [Modem(bytes((2, 0, 0, 0, 0x30, n))) for n in range(4)]
    machines: list[Machine] = [*evses, *cars]
    for machine, modem in zip(machines, modems, strict=True):
        bench.add(machine, modem)
    for place, outlet_modem in enumerate(modems[:2]):
        for car, car_modem in enumerate(modems[2:]):
            line.connect(outlet_modem, car_modem, own_db if place == car else crosstalk_db)
    for outlet_machine in evses:
        bench.do(outlet_machine, outlet_machine.start(0.0), 0.0)
    for number, plug_in_s in enumerate((0.5, 0.5 + lag_s)):
        bench.advance(plug_in_s)
        bench.do(evses[number], evses[number].begin_matching(plug_in_s), plug_in_s)
        bench.do(cars[number], cars[number].begin_matching(plug_in_s), plug_in_s)
    bench.advance(30.0)
    for number, outlet_machine in enumerate(evses):
        if outlet_machine.match is not None and outlet_machine.phase is station.Phase.MATCHED:
            matched = next(car for car in cars if car.match and car.match.car == outlet_machine.match.car)
            assert matched.match is not None
            assert outlet_machine.match.key == matched.match.key
        # A car that has lost its own station's answers cannot know better: the standard has the validation for that.
        if not loss:
            assert outlet_machine.phase is station.Phase.MATCHED
            assert outlet_machine.match is not None
            assert outlet_machine.match.car == bytes((2, 0, 0, 0, 0xEF, number + 1))
            assert cars[number].phase is car_side.Phase.MATCHED


class SameRunId(CarMatching):
    """A car of a maker whose cars all use one run id."""

    def _attempt(self, now: float) -> Step:
        step = super()._attempt(now)
        step.send = [self._with_run_id(data) for data in step.send]
        return step

    def _with_run_id(self, data: bytes) -> bytes:
        self._run_id, mine = b"TEST CAR", self._run_id
        return data.replace(mine, self._run_id)


@pytest.mark.parametrize("later_s", [0.0, 0.1, 0.3, 0.5, 1.0, 3.0, 9.0])
def test_a_car_at_the_next_cable_with_the_same_run_id_does_not_lock_ours_out(later_s: float) -> None:
    """The own car is heard with 8 dB, the other one with 35 dB, and matched at its own station."""
    bench = Bench(line := Line())
    here, there = (StationMatching(bytes((2, 0, 0, 0, 0x5E, number))) for number in (1, 2))
    ours, other = SameRunId(car_mac(1)), SameRunId(car_mac(2))
    modems = [Modem(bytes((0, 0xB0, 0x52, 0, 0, n))) for n in range(4)]
    for machine, modem in zip((here, there, ours, other), modems, strict=True):
        bench.add(machine, modem)
    for station_modem, own_car, other_car in ((modems[0], modems[2], modems[3]), (modems[1], modems[3], modems[2])):
        line.connect(station_modem, own_car, 8.0)
        line.connect(station_modem, other_car, 35.0)
    for machine in (here, there):
        bench.do(machine, machine.start(0.0), 0.0)
    bench.advance(1.0)
    for each in (here, there, other):
        bench.do(each, each.begin_matching(1.0), 1.0)
    bench.advance(1.0 + later_s)
    bench.do(ours, ours.begin_matching(1.0 + later_s), 1.0 + later_s)
    bench.advance(4.0 + later_s)
    assert here.match is not None
    assert (here.match.car, here.match.run_id) == (car_mac(1), b"TEST CAR")
    assert there.match is not None
    assert there.match.car == car_mac(2)
    alarms = [event for _, machine, event in bench.events if machine is here and isinstance(event, Alarm)]
    assert not alarms
