"""The site's view for the controller: sun, battery of the house, evening, the grid operator's limit."""

from itertools import pairwise

import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE
from tests.depot.site_days import charger

from v2g.depot.controller import Controller
from v2g.depot.dispatch import Dispatch
from v2g.depot.site.control import Battery, SiteControl, tree_of
from v2g.depot.site.grid_limit import GridLimit, Limit
from v2g.depot.site.guard import Connection, Trouble
from v2g.depot.site.reading import BatteryReading, HouseReading
from v2g.depot.site.wish import Follow, Now, Wish
from v2g.depot.view import Charger, Course, Needs, Site, Source

CONNECTION = Connection(fuse_w=7_800.0, export_w=5_000.0)
ID = "CS-1/1"
EVENING = Follow(evening=(17 * 3600.0, 22 * 3600.0), start_s=0.0, stop_s=0.0)


class Scene:
    """One car at one charger of 11 kW, read and steered each second."""

    def __init__(self, control: SiteControl, each: Charger | None = None) -> None:
        self.control, self.now = control, NOW
        self.charger = each or replace(charger(1), vehicle=replace(VEHICLE, soc_pu=0.7))
        self.controller = Controller()
        self.power_w = 0.0
        self.dispatch: Dispatch | None = None

    def run(self, house_w: float, seconds: int = 12, *, store_w: float | None = None, soc_pu: float | None = None,
            free: bool = True, day_s: float = 12 * 3600.0) -> float:  # fmt: skip
        """The charger's power after a house (without battery) has drawn `house_w` for a while."""
        for _ in range(seconds):
            self.now += 1.0
            flow_w = house_w + self.power_w + (store_w or 0.0)
            vehicle = None if self.charger.vehicle is None else replace(self.charger.vehicle, soc_unix_s=self.now)
            seen = replace(self.charger, vehicle=vehicle, measured_w=self.power_w, measured_unix_s=self.now)
            if store_w is not None:
                self.control.stored(BatteryReading(unix_s=self.now, power_w=store_w, soc_pu=soc_pu))
            third_w = flow_w / 3
            self.control.measured(HouseReading(unix_s=self.now, powers_w=(third_w,) * 3), {ID: seen})
            site = Site(tree=tree_of(CONNECTION), chargers={ID: seen})
            view = self.control.view(site, self.now, day_s, surplus_only=frozenset({ID} if free else ()))
            self.dispatch = self.controller.step(view, self.now)
            self.control.decided(self.dispatch, view.chargers, self.now)
            self.power_w = self.dispatch.setpoints[ID].power_w
        return self.power_w


def test_the_sun_is_charged() -> None:
    scene = Scene(SiteControl(CONNECTION, follow=EVENING))
    assert scene.run(-6_000.0) == pytest.approx(6_000.0, abs=100.0)
    assert scene.run(-3_000.0) == pytest.approx(3_000.0, abs=100.0)
    assert scene.run(2_000.0) == 0.0


def test_the_evening_is_covered_down_to_the_floor() -> None:
    scene = Scene(SiteControl(CONNECTION, follow=EVENING))
    assert scene.run(2_500.0, day_s=18 * 3600.0) == pytest.approx(-2_500.0, abs=100.0)
    assert scene.run(2_500.0, day_s=23 * 3600.0) == 0.0
    assert scene.charger.vehicle is not None
    scene.charger = replace(scene.charger, vehicle=replace(scene.charger.vehicle, soc_pu=0.41))  # floor 0.4, margin
    assert scene.run(2_500.0, day_s=18 * 3600.0) == 0.0


def test_the_battery_of_the_house_comes_first_and_is_never_charged_from_the_car() -> None:
    scene = Scene(SiteControl(CONNECTION, follow=EVENING, battery=Battery()))
    assert scene.run(-6_000.0, store_w=3_000.0, soc_pu=0.5) == pytest.approx(3_000.0, abs=100.0)
    assert scene.run(-6_000.0, store_w=3_000.0, soc_pu=0.96) == pytest.approx(6_000.0, abs=100.0)
    evening = 18 * 3600.0
    assert scene.run(2_000.0, store_w=-2_000.0, soc_pu=0.5, day_s=evening) == 0.0, "the battery covers the house"
    covered_w = scene.run(2_000.0, store_w=0.0, soc_pu=0.1, day_s=evening)
    assert covered_w == pytest.approx(-2_000.0, abs=100.0)
    charged_w = scene.run(2_000.0, store_w=1_500.0, soc_pu=0.2, day_s=evening)
    assert -2_000.0 <= charged_w <= 0.0, "what the battery takes is not covered"


def test_the_car_feeds_no_battery_that_could_take_it() -> None:
    control = SiteControl(CONNECTION, battery=Battery())
    scene = Scene(control)
    scene.run(1_000.0, store_w=0.0, soc_pu=0.5)
    assert control.room(scene.now).discharge_w[0] <= 1_000.0
    scene.run(1_000.0, store_w=0.0, soc_pu=0.99)
    assert control.room(scene.now).discharge_w[0] == pytest.approx(6_000.0, abs=100.0)
    assert control.room(scene.now + 11.0).discharge_w[0] == 0.0
    assert Trouble.BATTERY_SILENT in [each.trouble for each in control.notices(scene.now + 2.0 + 9.0)]


def test_the_grid_operator_limits_what_is_drawn_and_not_the_sun() -> None:
    limit = GridLimit(remote=True)
    scene = Scene(SiteControl(CONNECTION, limit=limit), replace(charger(1), vehicle=replace(VEHICLE, soc_pu=0.2)))
    limit.heartbeat(NOW)
    assert scene.run(500.0, free=False) == 11_000.0
    limit.put(Limit(charge_w=4_200.0), scene.now)
    assert scene.control.urgent(scene.now)
    assert scene.run(500.0, 3, free=False) == 4_200.0
    assert scene.run(-2_000.0, free=False) == pytest.approx(6_200.0, abs=100.0)


def test_a_silent_meter_ends_the_feed() -> None:
    scene = Scene(SiteControl(CONNECTION, follow=EVENING))
    scene.run(2_500.0, day_s=18 * 3600.0)
    assert scene.power_w < -2_000.0
    assert not scene.control.urgent(scene.now)
    assert scene.control.urgent(scene.now + CONNECTION.silent_s + 0.1)
    assert scene.control.room(scene.now + CONNECTION.silent_s + 0.1).discharge_w == (0.0,) * 4


@pytest.mark.parametrize(
    ("planned_w", "expected_w", "house_w", "power_w"),
    [
        (3_000.0, -3_000.0, -4_000.0, 4_000.0),  # it charges from the sun: from as much as there is
        (3_000.0, -3_000.0, 500.0, 0.0),
        (-2_000.0, 2_000.0, 3_000.0, -3_000.0),  # it covers the house: whatever it draws
        (-2_000.0, 2_000.0, -500.0, 0.0),
        (11_000.0, 500.0, 2_000.0, 11_000.0),  # it draws: as planned
        (2_000.0, 500.0, -5_000.0, 5_000.0),  # and what the sun leaves beyond that
        (-7_000.0, 1_000.0, 3_000.0, -7_000.0),  # it feeds: as planned
        (-7_000.0, 9_000.0, 4_000.0, -4_000.0),  # it covers a part, and the house draws less
        (2_000.0, -5_000.0, -1_000.0, 1_000.0),  # from the sun, which feeds as well
    ],
)  # fmt: skip
def test_what_a_plan_is_for_counts(planned_w: float, expected_w: float, house_w: float, power_w: float) -> None:
    now = Now(house_w=house_w, day_s=0.0, planned_w={ID: planned_w}, planned_house_w=expected_w)
    each = replace(charger(1, least_w=0.0))
    found = Wish().courses({ID: each}, {ID: Course(NOW + 900.0, 30_000.0)}, now, NOW)[ID]
    wanted_w = planned_w if found.power_w is None else found.power_w
    assert wanted_w == pytest.approx(power_w, abs=1.0)


@pytest.mark.parametrize(("left_s", "goes_on"), [(900.0, False), (61.0, False), (59.0, True), (1.0, True)])
def test_in_its_last_minute_a_car_goes_on_as_planned(left_s: float, goes_on: bool) -> None:
    """What is left of its energy is too little by then to say what it lacks."""
    now = Now(house_w=500.0, day_s=0.0, planned_w={ID: 7_000.0}, planned_house_w=500.0)
    each = replace(charger(1, least_w=0.0))
    found = Wish().courses({ID: each}, {ID: Course(NOW + left_s, 30_000.0)}, now, NOW)[ID]
    assert found.power_w == (7_000.0 if goes_on else None)


@pytest.mark.parametrize(
    ("leaves_s", "soc_pu", "follows"), [(600.0, 0.81, False), (600.0, 0.79, True), (1_200.0, 0.81, True)]
)
def test_a_car_that_is_about_to_leave_with_all_it_needs_takes_no_more_sun(
    leaves_s: float, soc_pu: float, follows: bool
) -> None:
    needs = Needs(source=Source.DRIVER, departure_unix_s=NOW + leaves_s, target_soc_pu=0.8)
    each = replace(charger(1, least_w=0.0), vehicle=replace(VEHICLE, soc_pu=soc_pu, needs=needs))
    now = Now(house_w=-5_000.0, day_s=0.0, planned_w={ID: 2_000.0}, planned_house_w=-2_000.0)
    found = Wish().courses({ID: each}, {ID: Course(NOW + 900.0, 30_000.0)}, now, NOW)[ID]
    assert (found.power_w == 5_000.0) == follows


def test_clouds_do_not_switch_the_charger() -> None:
    wish, each = Wish(), charger(1)
    powers_w = []
    for second in range(0, 600, 10):
        house_w = -2_000.0 if second % 120 < 90 and second < 400 else -800.0
        now = Now(house_w=house_w, day_s=0.0, surplus_only=frozenset({ID}))
        powers_w.append(wish.courses({ID: each}, {}, now, NOW + second)[ID].power_w or 0.0)
    switched = sum((before > 0) != (after > 0) for before, after in pairwise(powers_w))
    assert switched == 2
    assert powers_w[5] == 0.0 < powers_w[8], "a minute of sun comes first"
    assert powers_w[-1] == 0.0, "three minutes without enough end it"
