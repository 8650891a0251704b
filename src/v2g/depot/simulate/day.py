"""Days of a depot in virtual time: vehicles come and go as statistics have it, and one strategy steers them.

The site may draw half of what all chargers could at once; in the evening it is asked to feed. What is drawn costs the
price of its hour, what is fed earns it.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from importlib import resources

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats
from v2g.depot.request import PowerRequest, Request
from v2g.depot.simulate.plant import Car, Physics, Plant
from v2g.depot.simulate.strategy import Strategy
from v2g.depot.tree import Node, Tree
from v2g.depot.view import Charger, Site
from v2g.kernel.durations import DAY_S, HOUR_S

BEGINS_S = 1_800_057_600.0
"""A midnight."""
KINDS = ("home", "public", "work")
SEASONS = ("2023-01-10", "2023-06-10")
BEHIND_ONE = 50
"""Chargers behind one transformer."""
QUARTERS = 96
"""Of an hour, in a day."""
CAPACITIES_WH = (40_000.0, 60_000.0, 80_000.0)


class Session(Struct, frozen=True):
    """One visit of a record: when after midnight, for how long, and what was charged."""

    arrives_s: float
    stay_s: float
    energy_wh: float


class Recorded(Struct, frozen=True, kw_only=True):
    """What is taken in the place of what is shipped."""

    sessions: tuple[Session, ...] = ()
    """Each visit is one of these, drawn at random."""
    prices_eur_per_mwh: tuple[float, ...] = ()
    """Of each quarter of an hour of the days."""


SHIPPED = Recorded()
"""Nothing else than that."""


class Scene(Struct, frozen=True, kw_only=True):
    """What is simulated."""

    chargers: int = 50
    days: int = 1
    kind: str = "work"
    """Whose vehicles: `home` (a fleet that comes in the evening), `public`, `work`; or the file of their sessions."""
    seed: int = 0
    rating_w: float = 15_000.0
    site_pu: float = 0.5
    """Of all ratings: what the site may draw or feed; each transformer has half of this in reserve."""
    feed_pu: float = 0.05
    """Of all ratings: what the site is asked to feed from 17 to 20 o'clock."""
    step_s: float = 10.0
    """Of the physics, and the cycle of every strategy."""
    season: str = SEASONS[0]
    """Of the prices; or their file."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a strategy."""

    strategy: str
    visits: int
    charged_kwh: float
    fed_kwh: float
    short_visits_pu: float
    """Of the visits, how many left with less than they needed, and how much of all that was needed was missing."""
    short_energy_pu: float
    feed_error_pu: float
    """While feed was asked for: mean difference from it, as a share of it."""
    peak_kw: float
    cost_eur: float
    floor_vehicle_h: float
    overload_kwh: float
    changes_per_charger_h: float
    step_ms: float
    """Mean time that one step of the strategy took."""
    seconds: float
    """That the simulation took."""


def run(
    scene: Scene,
    name: str,
    strategy: Strategy,
    progress: Callable[[float], None] | None = None,
    stopwatch: Callable[[], float] = lambda: 0.0,
    recorded: Recorded = SHIPPED,
) -> Outcome:
    """One strategy through the scene. `progress`: called with the share that is done, once for each hour. `stopwatch`:
    seconds of the real clock, for what is measured of the computation."""
    return _Days(scene, name, strategy, stopwatch, recorded).go(progress)


def visits(scene: Scene, sessions: tuple[Session, ...] = ()) -> Iterator[tuple[float, int, Car]]:
    """When, at which charger, and what arrives, in order of time; a vehicle leaves at its departure."""
    random = np.random.default_rng(scene.seed)
    drawn = _drawn(random, sessions) if sessions else _by_statistics(random, scene.kind)
    coming = list[tuple[float, int, Car]]()
    for charger in range(scene.chargers):
        free_s = BEGINS_S
        for day in range(scene.days):
            session, capacity_wh = next(drawn)
            arrives_s = BEGINS_S + day * DAY_S + session.arrives_s
            stay_s = HOUR_S * min(max(session.stay_s / HOUR_S, 0.5), 16.0)
            most_wh = min(0.7 * capacity_wh, 0.9 * scene.rating_w * 0.95 * max(stay_s - 1200.0, 600.0) / HOUR_S)
            need_wh = min(max(session.energy_wh, 1_000.0), most_wh)
            if arrives_s < free_s:
                continue
            free_s = arrives_s + stay_s + 300.0
            car = Car(
                id=f"car {charger + 1}.{day + 1}",
                capacity_wh=capacity_wh,
                soc_pu=0.9 - need_wh / capacity_wh,
                floor_pu=max(min(0.3, 0.9 - need_wh / capacity_wh - 0.02), 0.05),
                target_pu=0.9,
                departure_unix_s=arrives_s + stay_s,
                arrived_unix_s=arrives_s,
            )
            coming.append((arrives_s, charger, car))
    coming.sort(key=lambda visit: visit[:2])
    yield from coming


def prices_eur_per_mwh(season: str) -> Floats:
    """Of the day's 24 hours."""
    header, *rows = _rows("prices.csv")
    column = header.index(season)
    return np.array([float(row[column]) for row in rows])


def site_of(scene: Scene) -> tuple[Tree, list[Charger]]:
    """A root, and a transformer for every 50 chargers."""
    transformers = -(-scene.chargers // BEHIND_ONE)
    site_w = scene.site_pu * scene.rating_w * scene.chargers
    each_w = 1.5 * scene.site_pu * scene.rating_w * min(BEHIND_ONE, scene.chargers)
    nodes = [Node(name="site", max_charge_w=site_w, max_discharge_w=site_w)]
    nodes += [
        Node(name=f"T{number + 1}", parent="site", max_charge_w=each_w, max_discharge_w=each_w)
        for number in range(transformers)
    ]
    chargers = [
        Charger(
            id=f"CS-{number + 1:04}/1",
            node=f"T{number // BEHIND_ONE + 1}",
            max_charge_w=scene.rating_w,
            max_discharge_w=scene.rating_w,
            min_charge_w=1_400.0,
        )
        for number in range(scene.chargers)
    ]
    return Tree(nodes), chargers


class _Days:
    """One strategy's run."""

    def __init__(
        self, scene: Scene, name: str, strategy: Strategy, stopwatch: Callable[[], float], recorded: Recorded
    ) -> None:
        self._scene, self._name, self._strategy, self._stopwatch = scene, name, strategy, stopwatch
        tree, chargers = site_of(scene)
        physics = Physics(report_s=scene.step_s, soc_report_s=max(60.0, scene.step_s))
        self._plant = Plant(tree, chargers, physics, BEGINS_S)
        self._leaving: list[tuple[float, int, Car]] = []
        self._coming = list(reversed(list(visits(scene, recorded.sessions))))
        self._visits = len(self._coming)
        self._prices = recorded.prices_eur_per_mwh or np.tile(
            prices_eur_per_mwh(scene.season).repeat(QUARTERS // 24), scene.days
        )
        self._short = self._changes = self._steps = 0
        self._needed_wh = self._missing_wh = self._charged_wh = self._fed_wh = self._cost_eur = 0.0
        self._peak_w = self._error_w = self._asked_w = self._taken_s = 0.0
        self._vehicle_s = 0.0
        self._before: dict[str, float] = {}

    def go(self, progress: Callable[[float], None] | None) -> Outcome:
        scene, plant, began_s = self._scene, self._plant, self._stopwatch()
        steps = int(scene.days * DAY_S / scene.step_s)
        for step in range(steps):
            self._come_and_go()
            requests = self._requests()
            site = Site(tree=plant.tree, chargers=plant.chargers, requests=requests, meter=plant.meter)
            if self._strategy.due(site, plant.now):
                self._steer(site)
            plant.advance(scene.step_s)
            self._count(requests)
            if progress is not None and step % int(HOUR_S / scene.step_s) == 0:
                progress(step / steps)
        return self._outcome(self._stopwatch() - began_s)

    def _come_and_go(self) -> None:
        plant = self._plant
        while self._leaving and self._leaving[0][0] <= plant.now:
            _, number, car = heappop(self._leaving)
            id = plant.ids[number]
            needed_wh = ((car.target_pu or 0.0) - car.soc_pu) * car.capacity_wh
            missing_wh = max((car.target_pu or 0.0) * car.capacity_wh - plant.energy_of(id), 0.0)
            self._needed_wh += needed_wh
            self._missing_wh += missing_wh
            self._short += missing_wh > 0.01 * car.capacity_wh
            plant.unplug(id)
        while self._coming and self._coming[-1][0] <= plant.now:
            _, number, car = self._coming.pop()
            plant.plug_in(plant.ids[number], car)
            heappush(self._leaving, (car.departure_unix_s or np.inf, number, car))

    def _requests(self) -> tuple[Request, ...]:
        scene = self._scene
        if not 17 <= self._plant.now % DAY_S / HOUR_S < 20 or not scene.feed_pu:
            return ()
        power_w = -scene.feed_pu * scene.rating_w * scene.chargers
        return (PowerRequest(by="evening peak", power_w=power_w),)

    def _steer(self, site: Site) -> None:
        began_s = self._stopwatch()
        setpoints_w = self._strategy.step(site, self._plant.now)
        self._taken_s += self._stopwatch() - began_s
        self._steps += 1
        before = self._before
        changed = {id: power_w for id, power_w in setpoints_w.items() if before.get(id) != power_w}
        self._changes += len(changed)
        before.update(changed)
        self._plant.command(changed)

    def _count(self, requests: tuple[Request, ...]) -> None:
        plant, hours = self._plant, self._scene.step_s / HOUR_S
        drawn_w = float(np.maximum(plant.power_w, 0.0).sum())
        fed_w = float(np.maximum(-plant.power_w, 0.0).sum())
        self._charged_wh += drawn_w * hours
        self._fed_wh += fed_w * hours
        self._vehicle_s += float(plant.present.sum()) * self._scene.step_s
        self._peak_w = max(self._peak_w, drawn_w - fed_w)
        middle_s = plant.now - BEGINS_S - 0.5 * self._scene.step_s
        price = self._prices[int(middle_s / DAY_S * QUARTERS)]
        self._cost_eur += (drawn_w - fed_w) * hours * float(price) / 1e6
        for request in requests:
            asked_w = request.at(plant.now, None) or 0.0
            self._error_w += abs(drawn_w - fed_w - asked_w)
            self._asked_w += abs(asked_w)

    def _outcome(self, seconds: float) -> Outcome:
        return Outcome(
            strategy=self._name,
            visits=self._visits,
            charged_kwh=self._charged_wh / 1e3,
            fed_kwh=self._fed_wh / 1e3,
            short_visits_pu=self._short / max(self._visits - len(self._leaving), 1),
            short_energy_pu=self._missing_wh / max(self._needed_wh, 1.0),
            feed_error_pu=self._error_w / max(self._asked_w, 1.0),
            peak_kw=self._peak_w / 1e3,
            cost_eur=self._cost_eur,
            floor_vehicle_h=self._plant.floor_vehicle_s / HOUR_S,
            overload_kwh=float(self._plant.overload_wh.sum()) / 1e3,
            changes_per_charger_h=self._changes / max(self._vehicle_s / HOUR_S, 1.0),
            step_ms=1e3 * self._taken_s / max(self._steps, 1),
            seconds=seconds,
        )


def _by_statistics(random: np.random.Generator, kind: str) -> Iterator[tuple[Session, float]]:
    """Visits, and what each battery holds."""
    quarters, stays_h, needs_kwh = _statistics(kind)
    while True:
        arrives_s = 900.0 * (int(random.choice(QUARTERS, p=quarters)) + float(random.uniform()))
        stay_h, capacity_wh = float(random.choice(stays_h)), float(random.choice(CAPACITIES_WH))
        yield Session(arrives_s, stay_h * HOUR_S, float(random.choice(needs_kwh)) * 1000.0), capacity_wh


def _drawn(random: np.random.Generator, sessions: tuple[Session, ...]) -> Iterator[tuple[Session, float]]:
    while True:
        yield sessions[int(random.integers(len(sessions)))], float(random.choice(CAPACITIES_WH))


def _statistics(kind: str) -> tuple[Floats, Floats, Floats]:
    """Probability of each quarter of an hour; stays in hours and needs in kWh, each as likely as the others."""
    header, *rows = _rows("arrivals.csv")
    quarters = np.array([float(row[header.index(kind)]) for row in rows])
    header, *rows = _rows("visits.csv")
    stays = np.array([float(row[header.index(f"{kind}_h")]) for row in rows])
    needs = np.array([float(row[header.index(f"{kind}_kwh")]) for row in rows])
    return quarters / quarters.sum(), stays, needs


def _rows(name: str) -> list[list[str]]:
    text = resources.files("v2g.depot.simulate").joinpath(f"data/{name}").read_text()
    return [line.split(",") for line in text.splitlines() if not line.startswith("#")]
