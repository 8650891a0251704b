"""What a person orders for a car of the house, and what its page says of who limits and why."""

import re
from itertools import pairwise

import numpy as np
import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE
from tests.depot.site_days import charger

from v2g.depot.binding import Binding, What
from v2g.depot.controller import Controller
from v2g.depot.dispatch import Setpoint
from v2g.depot.plan import Outlook
from v2g.depot.planner import Planner
from v2g.depot.site.control import SiteControl, plan_tree_of, tree_of
from v2g.depot.site.grid_limit import GridLimit, Limit
from v2g.depot.site.guard import Connection
from v2g.depot.site.orders import FEED_S, Mode, OrderError, Orders, why_no_feed
from v2g.depot.site.reading import BatteryReading, HouseReading
from v2g.depot.site.shown import flows_of, plan_of, sentence
from v2g.depot.view import Charger, Needs, Site, Source

CONNECTION = Connection(fuse_w=7_800.0, export_w=5_000.0)
ID = "CS-1/1"
NEEDS = Needs(source=Source.DRIVER, departure_unix_s=NOW + 36_000.0, target_soc_pu=0.8, min_soc_pu=0.3)
CAR = replace(VEHICLE, soc_pu=0.6, needs=NEEDS)
SEEN = replace(charger(1, least_w=0.0), vehicle=CAR)


class Scene:
    """A house that draws the same all the time, read and steered each second, and what its page says."""

    def __init__(self, house_w: float, seen: Charger = SEEN, limit: GridLimit | None = None) -> None:
        self.control, self.orders, self.controller = SiteControl(CONNECTION, limit=limit), Orders(), Controller()
        self.house_w, self.seen, self.now, self.power_w = house_w, seen, NOW, 0.0
        self.setpoint: Setpoint | None = None
        self.takes, self.measures_s = True, 1.0
        """Whether the car follows, and how often its charger measures."""

    def order(self, mode: Mode) -> None:
        self.orders.put(self.seen, "visit", mode, self.now)

    def run(self, seconds: int = 12, visit: str | None = "visit") -> float:
        for _ in range(seconds):
            self.now += 1.0
            vehicle = None if self.seen.vehicle is None else replace(self.seen.vehicle, soc_unix_s=self.now)
            self.power_w = self.power_w if self.takes else 0.0
            self.seen = replace(self.seen, vehicle=vehicle)
            if self.now >= self.seen.measured_unix_s + self.measures_s:
                self.seen = replace(self.seen, measured_w=self.power_w, measured_unix_s=self.now)
            third_w = (self.house_w + self.power_w) / 3
            self.control.measured(HouseReading(unix_s=self.now, powers_w=(third_w,) * 3), {ID: self.seen})
            site = Site(tree=tree_of(CONNECTION), chargers={ID: self.seen})
            ordered_w = self.orders.powers_w(site.chargers, lambda _: visit, self.now)
            free = frozenset({ID})
            view = self.control.view(site, self.now, 0.0, surplus_only=free, ordered_w=ordered_w)
            dispatch = self.controller.step(view, self.now)
            self.control.decided(dispatch, view.chargers, self.now)
            self.orders.decided(dispatch.setpoints)
            self.setpoint = dispatch.setpoints[ID]
            self.power_w = self.setpoint.power_w
        return self.power_w

    @property
    def says(self) -> str:
        def limiter(charges: bool, row: str) -> str:
            return self.control.limited_by(self.now, charges=charges, row=row)

        needed_w = self.control.needed_w(self.now)
        return sentence(self.seen, self.setpoint, self.orders.mode(ID), needed_w, limiter)


def test_charge_now_charges_until_the_target_and_ends_with_the_visit() -> None:
    scene = Scene(500.0)
    assert scene.run() == 0.0
    scene.order(Mode.CHARGE)
    assert scene.run() == 11_000.0
    assert scene.says == "It charges with 11.0 kW: the charger can do no more."
    scene.seen = replace(scene.seen, vehicle=replace(CAR, soc_pu=0.8))
    assert scene.run() == 0.0
    assert scene.orders.mode(ID) is Mode.PLAN
    scene.seen = replace(scene.seen, vehicle=CAR)
    scene.order(Mode.CHARGE)
    assert scene.run(visit="another") == 0.0


@pytest.mark.parametrize("soc_pu", [0.8, 0.95])
def test_charge_now_is_refused_if_there_is_nothing_to_charge(soc_pu: float) -> None:
    scene = Scene(1_000.0, replace(SEEN, vehicle=replace(CAR, soc_pu=soc_pu)))
    with pytest.raises(OrderError, match="has its 80 % already; state a higher charge first"):
        scene.order(Mode.CHARGE)


def test_feed_gives_what_may_be_fed_down_to_the_floor_for_an_hour_at_most() -> None:
    scene = Scene(1_000.0)
    scene.order(Mode.FEED)
    assert scene.run() == pytest.approx(-6_000.0, abs=100.0)
    assert re.fullmatch(r"It feeds (5\.9|6\.0) kW: at most 5\.0 kW may be fed into the grid\.", scene.says)
    scene.now += FEED_S
    scene.run(1)
    assert scene.orders.mode(ID) is Mode.PLAN
    scene.order(Mode.FEED)
    scene.seen = replace(scene.seen, vehicle=replace(CAR, soc_pu=0.32))
    assert scene.run() == 0.0
    assert scene.orders.mode(ID) is Mode.PLAN


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (replace(SEEN, vehicle=None), "no car is plugged in"),
        (replace(SEEN, charge_only="no discharge_w in the depot's configuration"), "no discharge_w in the depot's"),
        (replace(SEEN, vehicle=replace(CAR, discharges=False)), "the car only charges"),
        (replace(SEEN, vehicle=replace(CAR, needs=None)), "nobody has stated a lowest charge"),
        (replace(SEEN, vehicle=replace(CAR, needs=replace(NEEDS, feeds=False))), "its driver lets nothing be fed"),
        (replace(SEEN, vehicle=replace(CAR, soc_pu=None)), "its state of charge is not known"),
        (replace(SEEN, vehicle=replace(CAR, capacity_wh=None)), "its capacity is not known"),
        (replace(SEEN, vehicle=replace(CAR, soc_pu=0.31)), "it is at its lowest charge of 30 %"),
    ],
)
def test_an_unknown_is_no_permission_to_feed(seen: Charger, reason: str) -> None:
    assert why_no_feed(seen, 0.02).startswith(reason)
    with pytest.raises(OrderError, match=r"cannot feed"):
        Orders().put(seen, "visit", Mode.FEED, NOW)


def test_the_page_names_who_limits() -> None:
    scene = Scene(-4_000.0)
    scene.run()
    assert scene.says == "It charges with 4.0 kW as planned: what the sun leaves."
    house = Scene(15_000.0)
    house.order(Mode.CHARGE)
    house.run()
    assert re.search(r": the main fuse of phase [123] carries no more\.$", house.says)
    limit = GridLimit(remote=True)
    limit.put(Limit(charge_w=4_200.0), NOW)
    limited = Scene(500.0, limit=limit)
    limited.order(Mode.CHARGE)
    limited.run()
    assert limited.says == "It charges with 4.2 kW: grid operator limits what is drawn to 4.2 kW."
    silent = Scene(500.0)
    silent.order(Mode.FEED)
    silent.run()
    silent.now += CONNECTION.silent_s + 1.0
    assert silent.control.limited_by(silent.now, charges=False, row="site") == "the house's meter is silent"
    assert sentence(replace(SEEN, vehicle=None), None, Mode.PLAN, None, lambda *_: "") == "No car is plugged in."
    assert limited.setpoint is not None
    feeding = sentence(replace(SEEN, measured_w=-900.0), limited.setpoint, Mode.PLAN, None, lambda *_: "a limit")
    assert feeding == "It should charge with 4.2 kW but still feeds 0.9 kW: a limit."
    taken = replace(limited.setpoint, binding=Binding(What.VEHICLE))
    for slow, why in ((False, "the car takes no more"), (True, "it gives up power slowly, so the rest is kept free")):
        said = sentence(SEEN, taken, Mode.PLAN, None, lambda *_: "", slow=slow)
        assert said.startswith(f"It charges with 4.2 kW: {why}")
    for safe_w, does in ((0.0, "charges nothing"), (1_400.0, "charges with at most 1.4 kW")):
        lost = sentence(replace(SEEN, online=False, safe_w=safe_w), None, Mode.PLAN, None, lambda *_: "")
        assert lost == f"Its station is not connected: by itself it {does} and feeds nothing."
    assert sentence(SEEN, None, Mode.PAUSE, None, lambda *_: "").startswith("You have paused it")


def test_the_flows_add_up() -> None:
    flows = flows_of(2_000.0, -1_000.0, BatteryReading(unix_s=0.0, power_w=500.0, soc_pu=0.4), 2_400.0)
    assert flows["grid_w"] + flows["sun_w"] == flows["house_w"] + flows["cars_w"] + flows["battery_w"]
    assert (flows["house_w"], flows["cars_w"]) == (900.0, 3_000.0)
    assert set(flows_of(None, None, None, None).values()) == {None}


def test_the_plan_says_what_it_lacks() -> None:
    outlook = Outlook(start_unix_s=NOW, buy_per_kwh=np.full(96, 0.3), sell_per_kwh=np.full(96, 0.1))
    plan = Planner(plan_tree_of(CONNECTION)).plan((), outlook, NOW)
    chargers = {ID: replace(SEEN, vehicle=replace(CAR, capacity_wh=None))}
    assert "capacity" in plan_of(plan, outlook, "site", chargers, NOW)["unplanned"][ID]
    assert plan_of(None, None, "site", chargers, NOW)["steps"] is None


@pytest.mark.parametrize(("mode", "most_w"), [(Mode.CHARGE, 4_200.0), (Mode.FEED, 6_000.0)])
def test_a_car_that_is_slow_to_begin_is_asked_for_no_more_than_limits_allow(mode: Mode, most_w: float) -> None:
    limit = GridLimit(remote=True)
    limit.put(Limit(charge_w=4_200.0), NOW)
    scene = Scene(1_000.0, limit=limit)
    scene.order(mode)
    for _ in range(20):  # what it does not take is neither sun nor room: it may begin at any moment
        assert abs(scene.run(1)) <= most_w
        scene.power_w = 0.0
    assert scene.control.guard.sun_w == 0.0


@pytest.mark.parametrize("measures_s", [1.0, 4.0, 60.0])
def test_a_car_that_stops_by_itself_is_no_sun(measures_s: float) -> None:
    limit = GridLimit(remote=True)
    limit.put(Limit(charge_w=4_200.0), NOW)
    scene = Scene(1_000.0, limit=limit)
    scene.order(Mode.CHARGE)
    assert scene.run(30) == 4_200.0
    scene.measures_s = measures_s
    for _ in range(40):
        scene.takes = False
        scene.run(1)
        assert scene.setpoint is not None
        assert scene.setpoint.power_w <= 4_200.0, "it may go on at any moment"


def test_what_the_sun_leaves_is_charged_beyond_the_grid_operators_limit() -> None:
    limit = GridLimit(remote=True)
    limit.put(Limit(charge_w=4_200.0), NOW)
    scene = Scene(-3_000.0, limit=limit)
    scene.order(Mode.CHARGE)
    assert scene.run() == pytest.approx(7_200.0, abs=100.0)
    scene.house_w = 500.0
    assert scene.run(2) == 4_200.0
    scene.house_w = -3_000.0
    assert scene.run() == pytest.approx(7_200.0, abs=100.0)
    scene.house_w, scene.takes = 500.0, False  # a cloud while the car takes nothing: it may go on at any moment
    scene.run(4)
    assert scene.setpoint is not None
    assert scene.setpoint.power_w <= 4_200.0


@pytest.mark.parametrize("mode", [Mode.CHARGE, Mode.FEED])
def test_a_car_that_does_nothing_is_never_ordered_the_other_way(mode: Mode) -> None:
    scene, sign = Scene(1_000.0), 1.0 if mode is Mode.CHARGE else -1.0
    scene.order(mode)
    for _ in range(60):
        assert sign * scene.run(1) >= 0.0
        scene.power_w = 0.0
    assert scene.orders.mode(ID) is mode


def test_feed_ends_once_the_car_must_be_charged_to_be_ready() -> None:
    scene = Scene(1_000.0)
    scene.order(Mode.FEED)
    assert scene.run() < 0.0
    hours = 0.2 * 60.0 / (11.0 * 0.95)  # from 60 to 80 % of 60 kWh
    soon = replace(NEEDS, departure_unix_s=scene.now + 900.0 + 3600.0 * hours)
    scene.seen = replace(scene.seen, vehicle=replace(CAR, needs=soon))
    powers_w = [scene.run(1) for _ in range(60)]
    assert sum(after * before < 0.0 for before, after in pairwise(powers_w)) <= 1, "charged and discharged in turn"
    assert powers_w[-1] == 11_000.0
    assert scene.orders.mode(ID) is Mode.PLAN
    assert scene.says.endswith("it needs all the time that is left until its departure.")
