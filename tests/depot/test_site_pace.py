"""Cars that give up their power slowly: their pace is measured, and they feed no more than they can take back."""

from math import ceil, inf

import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE
from tests.depot.site_days import charger
from tests.depot.test_site_control import ID, Scene

from v2g.depot.site.control import TAKEN_BACK_S, WITHIN_S, SiteControl
from v2g.depot.site.guard import BAND_W, Connection, Guard, Trouble
from v2g.depot.site.pace import Paces
from v2g.depot.site.reading import HouseReading
from v2g.kernel.within import Within


def seen(courses: list[tuple[float, float]], every_s: float = 1.0) -> Paces:
    """What is known of a car that was asked for, and gave, these powers, one after the other."""
    paces = Paces()
    for number, (set_w, measured_w) in enumerate(courses):
        at_s = NOW + number * every_s
        each = replace(charger(1), vehicle=VEHICLE, measured_w=measured_w, measured_unix_s=at_s)
        paces.see({ID: each}, {ID: set_w}, at_s)
    return paces


def pace_w_s(courses: list[tuple[float, float]], every_s: float = 1.0) -> float:
    return seen(courses, every_s).slow_w_s({ID: charger(1)}).get(ID, inf)


RISE = [(0.0, 0.0), (-6_000.0, 0.0), *((-6_000.0, -300.0 * each) for each in range(1, 6))]
FALL = [(-6_000.0, -6_000.0), (0.0, -6_000.0), *((0.0, -6_000.0 + 500.0 * each) for each in range(1, 6))]


@pytest.mark.parametrize(
    ("courses", "every_s", "expected_w_s"),
    [
        (RISE, 1.0, 300.0),
        (RISE + FALL, 1.0, 500.0),  # what is seen while it falls counts
        (FALL, 0.95, 500.0 / 0.95),
        (FALL, 6.0, inf),  # too far apart
        ([(-6_000.0, -6_000.0), (0.0, -6_000.0), (0.0, 0.0), (0.0, 0.0)], 1.0, inf),
        ([(6_000.0, 2_000.0 + 20.0 * each) for each in range(9)], 1.0, inf),  # a battery that takes no more
        ([(-3_000.0 + 500.0 * each, -3_000.0 + 500.0 * each) for each in range(6)], 1.0, inf),  # asked for no more
    ],
)  # fmt: skip
def test_the_pace_is_what_is_measured_on_the_way(
    courses: list[tuple[float, float]], every_s: float, expected_w_s: float
) -> None:
    assert pace_w_s(courses, every_s) == pytest.approx(expected_w_s)


def test_a_fast_fall_clears_a_car_that_rises_slowly() -> None:
    """A station that ramps its power up, and lowers it at once."""
    assert pace_w_s([*RISE, (0.0, -1_500.0), (0.0, 0.0), (0.0, 0.0)]) == inf


def delayed(delay_s: float) -> list[tuple[float, float]]:
    """Powers of a car that has charged for a while and is then asked for less, each second: it follows at once, but
    begins late."""
    asked = [11_000.0] * 4 + [6_000.0] * 9
    late = ceil(delay_s)
    return [(set_w, asked[max(at - late, 0)]) for at, set_w in enumerate(asked)]


@pytest.mark.parametrize("delay_s", [2.0, 5.0])
def test_a_car_that_begins_late_gives_up_nothing_in_time(delay_s: float) -> None:
    assert pace_w_s(delayed(delay_s)) == 0.0


def test_a_car_that_begins_at_once_is_not_late() -> None:
    assert pace_w_s(delayed(0.4)) == inf


@pytest.mark.parametrize(("asked_w", "late"), [(6_000.0, True), (0.0, False)])
def test_a_contactor_that_has_opened_says_that_the_car_was_late_and_never_that_it_is_fast(
    asked_w: float, late: bool
) -> None:
    """If nothing was asked for, either may have ended it."""
    paces = Paces()
    for number, (set_w, measured_w) in enumerate([(11_000.0, 11_000.0), (asked_w, 11_000.0), (asked_w, 0.0)]):
        at_s = NOW + number
        each = replace(charger(1), vehicle=VEHICLE, measured_w=measured_w, measured_unix_s=at_s)
        paces.see({ID: each}, {ID: set_w}, at_s, pressed={ID} if number > 1 else ())
    assert (ID in paces.slow_w_s({ID: charger(1)})) == late


def test_another_car_is_another_pace() -> None:
    paces = seen(RISE)
    other = replace(charger(1), vehicle=replace(VEHICLE, id="another"), measured_unix_s=NOW + 60.0)
    paces.see({ID: other}, {ID: 0.0}, NOW + 60.0)
    assert paces.slow_w_s({ID: other}) == {}


@pytest.mark.parametrize("courses", [RISE, delayed(5.0)])
def test_a_car_that_was_slow_before_a_restart_is_slow_from_the_beginning(courses: list[tuple[float, float]]) -> None:
    before, each = seen(courses), replace(charger(1), vehicle=VEHICLE, measured_unix_s=NOW)
    known = before.known({ID: each})
    after = Paces()
    after.recall(known)
    after.see({ID: replace(each, vehicle=None)}, {}, NOW)  # its station is not connected yet
    assert after.known({ID: each}) == known
    after.see({ID: each}, {}, NOW + 1.0)
    assert after.slow_w_s({ID: each}) == pytest.approx(before.slow_w_s({ID: each}), rel=0.05)
    other = Paces()
    other.recall(known)
    other.see({ID: replace(each, vehicle=replace(VEHICLE, id="another"))}, {}, NOW)
    assert other.slow_w_s({ID: each}) == {}


class SlowScene(Scene):
    """Its car moves by at most so much in a second."""

    pace_w_s = 300.0

    def run_slowly(self, house_w: float, seconds: int, *, free: bool = True) -> float:
        """As `run`, second by second; returns by how much the house fed at most."""
        most_w = 0.0
        for _ in range(seconds):
            before_w = self.power_w
            wanted_w = self.run(house_w, 1, day_s=18 * 3600.0, free=free)
            self.power_w = before_w + min(max(wanted_w - before_w, -self.pace_w_s), self.pace_w_s)
            most_w = max(most_w, -(house_w + self.power_w))
        return most_w


@pytest.mark.parametrize("export_w", [0.0, 2_000.0])
def test_a_slow_car_feeds_no_more_than_it_can_take_back(export_w: float) -> None:
    from tests.depot.test_site_control import EVENING

    control = SiteControl(Connection(fuse_w=7_800.0, export_w=export_w), follow=EVENING)
    scene = SlowScene(control, replace(charger(1, least_w=0.0), vehicle=replace(VEHICLE, soc_pu=0.7)))
    scene.run_slowly(4_000.0, 40)
    most_w = max(export_w - BAND_W, 0.0) + 300.0 * TAKEN_BACK_S
    assert scene.power_w == pytest.approx(-most_w, abs=2.0)
    notices = {each.trouble: each.text for each in control.notices(scene.now)}
    assert "its car gives up power slowly" in notices[Trouble.SLOW_CAR]
    assert scene.control.slowed(ID, charges=False)
    assert scene.run_slowly(0.0, 5) <= export_w + 300.0 * TAKEN_BACK_S, "all that the house drew has gone"


def slow_and_charging(opens: bool, silent_charge_w: float = 0.0) -> SlowScene:
    """A slow car that charges with all that it may; the house draws 6 kW for a moment, and then little."""
    control = SiteControl(Connection(fuse_w=5_500.0, export_w=0.0, silent_charge_w=silent_charge_w))
    each = replace(charger(1), opens=opens, vehicle=replace(VEHICLE, soc_pu=0.2))
    scene = SlowScene(control, each)
    for house_w, seconds in ((1_500.0, 60), (6_000.0, 2), (1_500.0, 60)):
        scene.run_slowly(house_w, seconds, free=False)
    return scene


def test_a_slow_car_leaves_the_fuse_what_the_house_has_drawn_lately() -> None:
    scene = slow_and_charging(opens=True)
    assert scene.power_w == pytest.approx(3 * (5_500.0 - BAND_W) - 6_000.0 + 300.0 * TAKEN_BACK_S, rel=0.03)
    notices = {each.trouble: each.text for each in scene.control.notices(scene.now)}
    assert "its car gives up power slowly, so it charges at most" in notices[Trouble.SLOW_CAR]


def test_at_a_station_that_opens_for_nobody_a_slow_car_gets_what_the_largest_load_leaves() -> None:
    assert slow_and_charging(opens=False, silent_charge_w=1_380.0).power_w == pytest.approx(
        3 * 1_380.0 + 300.0 * TAKEN_BACK_S, rel=0.01
    )


def test_stations_are_in_a_hurry_only_while_a_limit_is_exceeded() -> None:
    scene = slow_and_charging(opens=True)
    assert scene.control.within == {}
    scene.run_slowly(9_500.0, 1, free=False)
    assert scene.control.within == {ID: Within(charge_s=WITHIN_S)}
    scene.run_slowly(100.0, 30, free=False)
    assert scene.control.within == {}


def test_a_slow_car_on_its_way_is_not_cut_twice_and_stops_nobody() -> None:
    guard = Guard(Connection(fuse_w=5_000.0, export_w=3_000.0))
    guard.command((-6_000.0, -2_000.0, -2_000.0, -2_000.0), NOW - 10.0)
    guard.command((-3_000.0, -1_000.0, -1_000.0, -1_000.0), NOW)
    for step in range(25):
        at_s = NOW + 0.2 * step
        given_w = max(6_000.0 - 600.0 * 0.2 * step, 3_000.0) / 3
        late_w = 1_000.0 - given_w
        reading = HouseReading(unix_s=at_s, powers_w=(-given_w,) * 3)
        guard.see(reading, shown_w=(-3 * given_w, *(-given_w,) * 3), late_w=(3 * late_w, *(late_w,) * 3))
        assert guard.room(at_s).discharge_w[0] == pytest.approx(3_000.0, abs=2 * BAND_W)


def test_the_house_may_fall_to_what_it_drew_in_the_last_hour_or_at_this_time_yesterday() -> None:
    guard, hour = Guard(Connection(fuse_w=8_000.0)), 3600.0
    courses = {0: -1_000.0, 1: 500.0, 2: 200.0, 12: -4_000.0, 13: 300.0, 24: 600.0, 25: 600.0, 26: 600.0, 28: 600.0}
    found = {}
    for at_h, power_w in courses.items():
        now = NOW // hour * hour + at_h * hour
        guard.see(HouseReading(unix_s=now, powers_w=(power_w, 0.0, 0.0)))
        found[at_h] = guard.lowest_w(now)[:2]
    assert [found[each] for each in (0, 1)] == [(-1_000.0, -1_000.0)] * 2
    assert found[2] == (0.0, 0.0), "nobody knows that it draws anything"
    assert found[13] == (-4_000.0, -4_000.0)
    assert [found[each][0] for each in (24, 25, 26, 28)] == [-1_000.0, -1_000.0, 0.0, 0.0]
