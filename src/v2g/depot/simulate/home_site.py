"""A house in virtual time, steered by the site's control, the controller and its plan."""

from collections.abc import Callable, Sequence
from math import inf

import numpy as np
from msgspec import Struct

from v2g.depot.capability import Margins
from v2g.depot.controller import Controller, Settings
from v2g.depot.plan import STEP_S, Outlook, Plan, Targets, Terms, start_of, stays
from v2g.depot.planner import Planner
from v2g.depot.request import Request
from v2g.depot.response import Dynamics
from v2g.depot.simulate.home import HOUR_S, House, Stay, Watch
from v2g.depot.site.control import SiteControl, plan_tree_of, tree_of
from v2g.depot.view import Site
from v2g.kernel.within import NEVER, Within

CYCLE_S, READ_S = 2.0, 0.2
LEAVING_S = 120.0
IGNORE_PU = 0.0
"""Few chargers may follow every small change: what a depot leaves alone is what a house pays for."""
MARGINS = Margins(soc_pu=0.0, departure_s=60.0)


class Money(Struct, kw_only=True):
    """What it came to."""

    bought: float = 0.0
    """What was paid for what was drawn."""
    sold: float = 0.0
    """What was earned with what was fed."""
    drawn_wh: float = 0.0
    fed_wh: float = 0.0
    charged_wh: float = 0.0
    """Into cars and out of them, at the chargers' grid side."""
    worn_wh: float = 0.0
    steps: int = 0
    missing_wh: float = 0.0
    """At departures."""

    @property
    def cost(self) -> float:
        """Of energy, without wear."""
        return self.bought - self.sold


class SiteRun:
    """One house from its first event on."""

    def __init__(
        self,
        house: House,
        control: SiteControl,
        visits: Sequence[Stay],
        *,
        requests: Callable[[float], tuple[Request, ...]] = lambda now: (),
        outlook: Callable[[float], Outlook] | None = None,
        prices: Callable[[float], tuple[float, float]] = lambda now: (0.3, 0.08),
        wear_per_kwh: float = 0.05,
    ) -> None:
        """`outlook`: what the plan counts with from an instant on; None: there is no plan."""
        self.house, self.control = house, control
        self._coming = sorted(visits, key=lambda stay: -stay.from_s)
        self._requests, self._outlook, self._prices = requests, outlook, prices
        self.controller = Controller(
            Settings(
                cycle_s=CYCLE_S,
                margins=MARGINS,
                silent_s=180.0,
                ignore_pu=IGNORE_PU,
                dynamics=Dynamics(latency_s=0.2, lag_s=0.1),
            )
        )
        self._tree = tree_of(control.connection)
        self._planner, self._targets = (
            Planner(plan_tree_of(control.connection), Terms(wear_per_kwh=wear_per_kwh)),
            Targets(),
        )
        self.plan: Plan | None = None
        self._plan_due_s = self._stepped_s = self._read_s = -inf
        connection = control.connection
        self.watch = Watch(connection.fuse_w + 230.0, connection.export_w)
        self.money = Money()
        self._within: dict[str, Within] = {}
        self.looked: Callable[[], None] = lambda: None
        """Called after each step of time."""

    def run(self, until_s: float) -> None:
        """Let time pass."""
        while self.house.now < until_s:
            self.come_and_go()
            if self.house.now - self._read_s >= READ_S - 1e-6:
                self._look()
            self.pass_time(until_s)

    def pass_time(self, until_s: float) -> None:
        """One step of time, counted."""
        house = self.house
        grid_w, cars_w, now = sum(house.meter_w), house.cars_w[0], house.now
        self._count(grid_w, cars_w, house.advance(min(until_s, self._next_s())), now)
        self.watch.see(house)
        self.looked()

    def _next_s(self) -> float:
        leaving = min((stay.until_s for stay in self.house.stays.values()), default=inf)
        coming = self._coming[-1].from_s if self._coming else inf
        soonest = min(leaving, coming, start_of(self.house.now) + STEP_S)
        if self._read_s <= self.house.changed_s < self._read_s + READ_S:  # only a reading of nothing new is left out
            soonest = min(soonest, self._read_s + READ_S)
        if leaving - self.house.now < LEAVING_S:  # the last Wh are charged at full power
            soonest = min(soonest, self.house.now + CYCLE_S)
        return max(soonest, self.house.now + 1e-3)

    def come_and_go(self) -> None:
        """Cars that leave or come now."""
        house = self.house
        for id, stay in list(house.stays.items()):
            if stay.until_s <= house.now:
                self.money.missing_wh += max((stay.target_pu or 0.0) * stay.capacity_wh - house.energies_wh[id], 0.0)
                house.unplug(id)
                self._plan_due_s = -inf
        while self._coming and self._coming[-1].from_s <= house.now:
            house.plug(self._coming.pop())
            self._plan_due_s = -inf

    def _look(self) -> None:
        """Read the meter; decide if it is time to."""
        house, control, now = self.house, self.control, self.house.now
        self._read_s = now
        chargers = house.seen()
        if (stored := house.stored()) is not None:
            control.stored(stored)
        control.measured(house.reading(), chargers)
        if not control.urgent(now) and now - self._stepped_s < CYCLE_S:
            return
        self._stepped_s = now
        site = Site(tree=self._tree, chargers=chargers, requests=self._requests(now))
        expected_w = self._planned(site, now)
        if self.plan is not None:
            site = Site(tree=self._tree, chargers=chargers, requests=site.requests, courses=self.plan.courses(now))
        site = control.view(site, now, now % 86_400.0, self.plan, expected_w)
        dispatch = self.controller.step(site, now)
        control.decided(dispatch, chargers, now)
        self.money.steps += 1
        before, self._within = self._within, control.within
        hurries = {id for id, within in control.within.items() if within.hastens(before.get(id, NEVER))}
        if asked := hurries | set(dispatch.changed):
            house.order({id: dispatch.setpoints[id].power_w for id in sorted(asked)}, control.within)

    def _planned(self, site: Site, now: float) -> float | None:
        """Plan again if that is due; what the plan expects of the house in this quarter."""
        if self._outlook is None:
            return None
        outlook = self._outlook(now)
        if now >= self._plan_due_s:
            self._plan_due_s = start_of(now) + STEP_S
            self.plan = self._planner.plan(stays(site, now, self._targets, MARGINS), outlook, now)
        step = int((now - outlook.start_unix_s) // outlook.step_s)
        return float(outlook.loads_w[self._tree.root.name][step])

    def _count(self, grid_w: float, cars_w: float, step_s: float, now: float) -> None:
        """What flowed from `now` on."""
        money, hours = self.money, step_s / HOUR_S
        buy, sell = self._prices(now + step_s / 2)
        money.bought += max(grid_w, 0.0) * buy * hours / 1000.0
        money.sold += max(-grid_w, 0.0) * sell * hours / 1000.0
        money.drawn_wh += max(grid_w, 0.0) * hours
        money.fed_wh += max(-grid_w, 0.0) * hours
        money.charged_wh += max(cars_w, 0.0) * hours
        money.worn_wh += max(-cars_w, 0.0) * hours


def constant(values: np.ndarray, begins_s: float) -> Callable[[float], float]:
    """A course in steps of the plan."""
    return lambda now: float(values[min(max(int((now - begins_s) // STEP_S), 0), len(values) - 1)])
