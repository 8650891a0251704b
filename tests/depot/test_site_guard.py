"""What a house leaves its chargers, reading by reading."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.scene import NOW

from v2g.depot.site.guard import BAND_W, NO_ROOM, Connection, Guard, Row, Trouble, exceeded, flows_w
from v2g.depot.site.reading import HouseReading, Phases, why_implausible
from v2g.depot.view import Charger

FUSE_W = 5_000.0
CONNECTION = Connection(fuse_w=FUSE_W, export_w=3_000.0, silent_charge_w=1_400.0)
EVEN: Row = (9_000.0, 3_000.0, 3_000.0, 3_000.0)


def reading(at_s: float, *powers_w: float, volts: float | None = None) -> HouseReading:
    phases: Phases = (powers_w[0], powers_w[1], powers_w[2])
    return HouseReading(unix_s=NOW + at_s, powers_w=phases, voltages_v=None if volts is None else (volts, 231.0, 229.0))


def settled(set_w: Row = EVEN, house_w: float = 1_000.0) -> Guard:
    """Chargers at `set_w` for long, and a house that draws as much in each phase."""
    guard = Guard(CONNECTION)
    guard.command(set_w, NOW - 20.0)
    for step in range(50):
        guard.see(reading(step * 0.2 - 10.0, *(house_w + set_w[row] for row in (1, 2, 3))))
    return guard


def test_room_is_what_the_house_leaves() -> None:
    room = settled().room(NOW)
    assert room.charge_w[1:] == (FUSE_W - 1_000.0,) * 3
    assert room.discharge_w == (3_000.0 + 3_000.0 - BAND_W, *(3_000.0 + 1_000.0 - BAND_W,) * 3)


def test_less_room_holds_at_once_and_more_only_if_it_lasts() -> None:
    guard = settled()
    guard.see(reading(0.0, 6_000.0, 4_000.0, 4_000.0))
    assert guard.room(NOW).charge_w[1] == 2_000.0
    assert exceeded(guard.set_w, guard.room(NOW))
    guard.command((6_000.0, 2_000.0, 2_000.0, 2_000.0), NOW)
    for step in range(5, 60):
        at_s = step * 0.2
        guard.see(reading(at_s, 3_000.0, 3_000.0, 3_000.0))
        room_w = guard.room(NOW + at_s).charge_w[1]
        assert room_w == pytest.approx(2_000.0 if at_s < 5.0 else FUSE_W - 1_000.0)


def test_chargers_that_have_not_reacted_yet_are_not_cut_twice() -> None:
    guard = settled()
    guard.see(reading(0.0, 6_000.0, 6_000.0, 6_000.0))
    guard.command((6_000.0, 2_000.0, 2_000.0, 2_000.0), NOW)
    guard.see(reading(0.2, 6_000.0, 6_000.0, 6_000.0))
    assert not exceeded(guard.set_w, guard.room(NOW + 0.2))


def test_a_limit_that_stays_exceeded_gets_twice_the_room() -> None:
    """A battery of the house, say, that follows what the chargers give up."""
    guard = settled()
    guard.see(reading(0.0, 6_000.0, 4_000.0, 4_000.0))
    guard.command((6_000.0, 2_000.0, 2_000.0, 2_000.0), NOW)
    guard.see(reading(0.2, 5_600.0, 3_000.0, 3_000.0))
    assert guard.room(NOW + 0.2).charge_w[1] == 2_000.0, "what is under way may explain it"
    guard.see(reading(0.45, 5_600.0, 3_000.0, 3_000.0))
    assert guard.room(NOW + 0.45).charge_w[1] == 2_000.0 - 2 * 600.0


def test_a_second_jump_is_seen_before_the_first_is_answered() -> None:
    guard = settled()
    guard.see(reading(0.0, 6_000.0, 4_000.0, 4_000.0))
    guard.command((6_000.0, 2_000.0, 2_000.0, 2_000.0), NOW)
    guard.see(reading(0.2, 7_000.0, 4_000.0, 4_000.0))
    assert guard.room(NOW + 0.2).charge_w[1] == 1_000.0


def test_chargers_that_never_react_get_less_and_less_and_then_rest() -> None:
    guard, set_w = settled(), 3_000.0
    for step in range(40):
        at_s = step * 0.2
        guard.see(reading(at_s, 6_000.0, 4_000.0, 4_000.0))
        set_w = min(set_w, guard.room(NOW + at_s).charge_w[1])
        guard.command((3 * set_w, set_w, set_w, set_w), NOW + at_s)
    assert set_w == 0.0


def test_a_charger_on_another_phase_than_was_said_stops_all() -> None:
    guard = Guard(CONNECTION)
    guard.command((3_000.0, 3_000.0, 0.0, 0.0), NOW - 5.0)
    for step in range(12):
        guard.see(reading(step * 0.2, 500.0, 6_000.0, 500.0))
    assert guard.room(NOW + 2.2) == NO_ROOM
    assert [each.trouble for each in guard.notices(NOW + 2.2)] == [Trouble.NOT_OBEYED]


def test_a_silent_meter_feeds_nothing_and_charges_at_a_safe_value() -> None:
    guard = settled()
    assert guard.room(NOW + CONNECTION.silent_s - 0.3).discharge_w[0] > 0.0
    late = NOW + CONNECTION.silent_s
    assert guard.room(late).charge_w == (4_200.0, 1_400.0, 1_400.0, 1_400.0)
    assert guard.room(late).discharge_w == NO_ROOM.discharge_w
    assert [each.trouble for each in guard.notices(late)] == [Trouble.METER_SILENT]
    assert Guard(CONNECTION).room(NOW).discharge_w == NO_ROOM.discharge_w, "before the first reading"


def test_a_frozen_meter_is_silent() -> None:
    guard = Guard(CONNECTION)
    for second in range(40):
        guard.see(reading(float(second), 500.0, 500.0, 500.0, volts=230.0 + 0.1 * (second % 3)))
    assert not guard.silent(NOW + 39.0)
    for second in range(40, 80):
        guard.see(reading(float(second), 500.0, 500.0, 500.0, volts=230.0))
    assert guard.silent(NOW + 79.0)


def test_a_house_that_exceeds_its_fuse_alone_is_said() -> None:
    guard = Guard(CONNECTION)
    guard.see(reading(0.0, 6_500.0, 500.0, 500.0))
    assert guard.room(NOW).charge_w[1] == 0.0
    (notice,) = guard.notices(NOW)
    assert notice.trouble is Trouble.OVER
    assert "phase 1: the house alone exceeds the main fuse by 1.5 kW" in notice.text


def test_the_fuse_carries_current_not_power() -> None:
    low = HouseReading(unix_s=NOW, powers_w=(2_000.0, 0.0, 0.0), voltages_v=(200.0, 230.0, 230.0))
    assert low.active_w(230.0) == (2_300.0, 0.0, 0.0)
    assert low.taken_w(230.0, FUSE_W) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("house_w", [1_000.0, 1.0, -1.0, -1_000.0])
@pytest.mark.parametrize("reactive_w", [0.0, 2_000.0, 4_000.0])
def test_reactive_current_leaves_less_of_the_fuse_either_way(house_w: float, reactive_w: float) -> None:
    amps = (house_w**2 + reactive_w**2) ** 0.5 / 230.0
    guard = Guard(replace(CONNECTION, export_w=20_000.0))
    guard.see(HouseReading(unix_s=NOW, powers_w=(house_w, 0.0, 0.0), currents_a=(amps, 0.0, 0.0)))
    room = guard.room(NOW)
    for power_w in (house_w + room.charge_w[1], house_w - room.discharge_w[1] - BAND_W):
        assert (power_w**2 + reactive_w**2) ** 0.5 == pytest.approx(FUSE_W)


def test_a_current_too_low_for_its_power_is_not_believed() -> None:
    guard = Guard(CONNECTION)
    guard.see(HouseReading(unix_s=NOW, powers_w=(4_000.0, 0.0, 0.0), currents_a=(0.0, 17.0, 0.0)))
    assert guard.room(NOW).charge_w[1] == pytest.approx(1_000.0)


def test_what_is_fed_at_low_voltage_is_within_the_fuse() -> None:
    guard = Guard(replace(CONNECTION, export_w=20_000.0))
    guard.see(HouseReading(unix_s=NOW, powers_w=(-2_000.0, 0.0, 0.0), voltages_v=(200.0, 230.0, 230.0)))
    assert guard.room(NOW).discharge_w[1] == pytest.approx(FUSE_W - BAND_W - 2_300.0)


@pytest.mark.parametrize("power_w", [nan, inf, 1e9])
def test_what_cannot_be_is_no_reading(power_w: float) -> None:
    wrong = HouseReading(unix_s=NOW, powers_w=(0.0, power_w, 0.0))
    assert "power_w" in (why_implausible(wrong, 35.0, 230.0) or "")
    good = HouseReading(unix_s=NOW, powers_w=(0.0, -9_000.0, 0.0), voltages_v=(230.0, 0.0, 229.0))
    assert why_implausible(good, 35.0, 230.0) is None


@given(st.lists(st.tuples(st.floats(-8_000, 8_000), st.floats(0.05, 3.0)), min_size=1, max_size=30))
def test_once_settled_house_and_chargers_are_within_the_limits(jumps: list[tuple[float, float]]) -> None:
    """Chargers that take all of their room, whatever the house does. A meter that shows the opposite of what it has
    shown is doubted: as if it were silent."""
    guard, now, set_w = Guard(CONNECTION), NOW, 0.0
    for house_w, lasts_s in jumps:
        for step in range(int(lasts_s / 0.2) + 4):
            now += 0.2
            flow_w = house_w + set_w  # chargers that follow within one reading
            guard.see(reading(now - NOW, flow_w, flow_w, flow_w))
            if step >= 3 and not guard.silent(now):
                assert flow_w <= max(FUSE_W, house_w) + BAND_W
            set_w = min(guard.room(now).charge_w[1], 7_400.0)
            guard.command((3 * set_w, set_w, set_w, set_w), now)


@pytest.mark.parametrize("messages", [1, 3])  # of each look at the meter: a topic for each phase
@pytest.mark.parametrize(("gap_s", "slow"), [(0.25, False), (0.5, False), (1.0, True)])
def test_a_meter_that_is_read_too_slowly_is_reported(gap_s: float, slow: bool, messages: int) -> None:
    guard = Guard(CONNECTION)
    for step in range(20):
        for message in range(messages):
            guard.see(reading(step * gap_s + 0.005 * message, 100.0, 100.0, 100.0))
    troubles = [each.trouble for each in guard.notices(NOW + 19 * gap_s)]
    assert troubles == ([Trouble.METER_SLOW] if slow else [])


def test_one_reading_that_is_late_is_no_slow_meter() -> None:
    guard = Guard(CONNECTION)
    for at_s in (0.0, 0.25, 0.5, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0):
        guard.see(reading(at_s, 100.0, 100.0, 100.0))
    assert guard.notices(NOW + 4.0) == []


def test_a_vehicle_on_an_unknown_phase_counts_on_each() -> None:
    chargers = {each.id: each for each in (Charger(id="a", phases="1/2/3"), Charger(id="b", phases="2"))}
    assert flows_w(chargers, {"a": 3_000.0, "b": -1_000.0}) == (2_000.0, 3_000.0, 2_000.0, 3_000.0)
