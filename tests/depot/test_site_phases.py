"""Moments at which main fuse or export limit are exceeded, with cars of which a site does not know enough."""

import numpy as np
import pytest
from msgspec import Struct
from msgspec.structs import replace
from tests.depot.site_days import BEGINS_S, charger
from tests.depot.test_site_days import WITHIN_S

from v2g.depot.request import PowerRequest
from v2g.depot.simulate.home import House, Stay
from v2g.depot.simulate.home_site import SiteRun
from v2g.depot.site.control import WITHIN_S as WITHIN
from v2g.depot.site.control import SiteControl
from v2g.depot.site.guard import Connection
from v2g.depot.site.reading import Phases
from v2g.kernel.within import Within

APART_S = 40.0
STAY = Stay(charger="CS-1/1", from_s=BEGINS_S, until_s=BEGINS_S + 3600.0, soc_pu=0.7, target_pu=None)
OTHER = replace(STAY, charger="CS-2/1")


class Moment(Struct, frozen=True, kw_only=True):
    """Cars do what is asked of them, as far as they may, and then the house jumps."""

    wiring: tuple[str, ...] = ("123",)
    cars: tuple[Stay, ...]
    asked_w: float
    loads_w: tuple[Phases, Phases, Phases]
    """Of the house, one after the other; the last one exceeds a limit."""
    export_w: float = 10_000.0

    def run(self, until_s: float = 3 * APART_S) -> SiteRun:
        """Until a while after the jump."""
        random = np.random.default_rng(3)
        chargers = [charger(number, phases) for number, phases in enumerate(self.wiring, 1)]
        events = [(BEGINS_S + number * APART_S, load_w) for number, load_w in enumerate(self.loads_w)]
        house = House(chargers, events, random, noise_w=1.0)
        control = SiteControl(Connection(fuse_w=7_820.0, export_w=self.export_w, silent_s=301.0))
        request = (PowerRequest(by="somebody", power_w=self.asked_w),)
        run = SiteRun(house, control, self.cars, requests=lambda now: request)
        run.run(BEGINS_S + until_s)
        return run


MOMENTS = {
    "so little that a station opens for no car": Moment(
        cars=(replace(STAY, deaf=True),), asked_w=-15_000.0, export_w=3_000.0,
        loads_w=((300.0,) * 3, (300.0,) * 3, (300.0, 300.0, 220.0)),
    ),
    "a car on one phase of three, nobody knows which, beside a deaf one on another": Moment(
        wiring=("2", "123"), cars=(replace(STAY, deaf=True), replace(OTHER, phases="3", pace_w_s=320.0)),
        asked_w=7_000.0, loads_w=((500.0,) * 3, (500.0,) * 3, (500.0, 4_700.0, 5_400.0)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_limits_hold_within_a_second(moment: Moment) -> None:
    watch = moment.run().watch
    assert watch.times > 0, "nothing was exceeded"
    assert max(watch.longest_s.values()) <= WITHIN_S


def test_a_lower_set_point_is_less_than_the_car_does() -> None:
    """It feeds 7.3 kW and not the 10 kW that are asked for; 3 kW may be fed, and the house draws 0.6 kW now."""
    moment = Moment(
        cars=(replace(STAY, most_w=7_333.0),), asked_w=-10_000.0, export_w=3_000.0,
        loads_w=((3_000.0,) * 3, (1_475.0,) * 3, (200.0,) * 3),
    )  # fmt: skip
    assert moment.run(2 * APART_S - 1.0).control.guard.set_w[0] < -9_000.0
    jumped = moment.run(2 * APART_S + 0.3)
    assert -3_600.0 <= jumped.control.guard.set_w[0] <= -3_000.0


def test_cars_that_follow_late_do_not_hunt() -> None:
    """What the house's meter does not show of them yet is not asked for once more."""
    asked = {0.0: 9_000.0, 60.0: -4_000.0, 90.0: 9_100.0}
    chargers = [charger(number) for number in (1, 2)]
    house = House(chargers, [(BEGINS_S, (300.0,) * 3)], np.random.default_rng(1), coarse_s=1.0, noise_w=1.0)
    control = SiteControl(Connection(fuse_w=7_820.0, export_w=10_000.0, silent_s=301.0))
    cars = replace(STAY, delay_s=4.0, feeds=False), replace(OTHER, delay_s=2.5, pace_w_s=3_400.0)

    def requests(now: float) -> tuple[PowerRequest, ...]:
        power_w = [power_w for from_s, power_w in asked.items() if now - BEGINS_S >= from_s][-1]
        return (PowerRequest(by="somebody", power_w=power_w),)

    run = SiteRun(house, control, cars, requests=requests)
    run.run(BEGINS_S + 120.0)
    seen_w = []
    for number in range(20):
        run.run(BEGINS_S + 120.0 + 2.0 * number)
        seen_w.append(house.cars_w[0])
    assert seen_w == [pytest.approx(9_100.0, rel=0.02)] * 20


def test_a_site_that_starts_again_in_an_excess_is_in_a_hurry_at_once() -> None:
    """Nothing is known of the set-points that an earlier process has given; what cars do is measured."""
    moment = Moment(
        cars=(replace(STAY, pace_w_s=300.0),), asked_w=-11_000.0, export_w=3_000.0,
        loads_w=((2_500.0,) * 3, (2_500.0,) * 3, (-500.0,) * 3),
    )  # fmt: skip
    run = moment.run(2 * APART_S + 0.3)
    again = SiteRun(run.house, SiteControl(run.control.connection), ())
    again.run(BEGINS_S + 2 * APART_S + 0.4)
    assert again.control.within == {"CS-1/1": Within(discharge_s=WITHIN)}
    again.run(BEGINS_S + 2 * APART_S + 5.0)
    assert again.watch.longest_s["export"] <= WITHIN_S
