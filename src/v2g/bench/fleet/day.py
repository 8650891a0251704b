"""A recorded day of the grid's frequency, answered by a fleet in virtual time.

The fleet's process and its ledger, and each depot's member, books and controller are the real ones, and all that passes
between them is encoded and decoded; only the servers are left out. Vehicles come and go as statistics have it.
"""

import asyncio
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from importlib import resources
from math import inf, nan
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from v2g.bench.fleet.depot import RATING_W, SimulatedDepot
from v2g.depot.allocation import Floats
from v2g.depot.simulate.day import BEGINS_S as FIRST_S
from v2g.depot.simulate.day import KINDS, visits
from v2g.depot.simulate.day import Scene as Visitors
from v2g.depot.simulate.plant import Car
from v2g.fleet.books import Books
from v2g.fleet.configuration import DepotPlace, FleetConfiguration
from v2g.fleet.ledger import Total
from v2g.fleet.member import Member, flows
from v2g.fleet.view import Accepted, Aggregate, Batch, Setpoint
from v2g.io.fleet_nats import Access
from v2g.kernel import regular_file
from v2g.kernel.durations import DAY_S, HOUR_S
from v2g.kernel.errors import V2GError
from v2g.run.fleet import FleetProcess, open_ledger

NOMINAL_HZ, DEADBAND_HZ, FULL_HZ = 60.0, 0.01, 0.05
"""The droop: all of the capacity beyond `FULL_HZ`."""
TICK_S, STEP_S = 4.0, 0.5
"""From one decision to the next, as often as the signals of many grid operators come; of the physics."""
QUARTER_S = 900.0
QUARTERS = int(DAY_S / QUARTER_S)
BEGINS_S = FIRST_S + DAY_S
"""A midnight, after a day in which vehicles have come already."""
BASE, DROOP = "baseline", "TSO"
"""Who asks for what."""
_T = TypeVar("_T")


class Scene(Struct, frozen=True, kw_only=True):
    """How large the fleet is, and what it offers."""

    depots: int = 6
    chargers: int = 20
    hours: float = 24.0
    capacity_pu: float = 0.05
    """Of all ratings: what is offered each way."""
    seed: int = 1

    @property
    def capacity_w(self) -> float:
        return self.capacity_pu * RATING_W * self.chargers * self.depots


class Sample(Struct, frozen=True):
    """One tick. `asked_w`: baseline and droop together; `power_w`: as it flowed since the tick before, on average."""

    time_s: float
    frequency_hz: float
    baseline_w: float
    asked_w: float
    power_w: float


class Day(Struct, kw_only=True):
    """How the fleet answered."""

    scene: Scene
    samples: list[Sample]
    charged_wh: float = 0.0
    fed_wh: float = 0.0
    """As it flowed at the chargers."""
    totals: list[Total] = []
    missing: int = 0
    """Entries that the ledger does not have."""
    visits: int = 0
    short_visits: int = 0
    """That left with less than they needed."""
    floor_vehicle_s: float = 0.0
    why: dict[str, float] = {}
    """For how many seconds depots were bound by what, summed over them."""


def recorded_hz() -> list[float]:
    """The day that comes with the package, one value a second."""
    lines = resources.files("v2g.bench.fleet").joinpath("frequency_day.csv").read_text().splitlines()
    return [NOMINAL_HZ + float(each) / 1000 for line in lines if not line.startswith("#") for each in line.split(",")]


def measured_hz(file: Path) -> list[float]:
    """Another day: a line for each second. Raises `V2GError`, which names the line."""
    try:
        lines = regular_file.entries(file)
    except OSError as error:
        raise V2GError(f"{file}: {error.strerror}; name a file with a frequency in Hz in each line") from error
    found = list[float]()
    for number, line in lines:
        try:
            found.append(float(line))
        except ValueError:
            found.append(nan)
        if not 10.0 <= found[-1] <= 100.0:
            raise V2GError(f"{file}:{number}: {line[:40]!r} is no frequency in Hz; write one such as 49.98")
    if not found:
        raise V2GError(f"{file}: is empty; write a frequency in Hz for each second")
    return found


def droop_w(frequency_hz: float, capacity_w: float) -> float:
    """What the droop asks for."""
    off_hz = frequency_hz - NOMINAL_HZ
    share = min(max(abs(off_hz) - DEADBAND_HZ, 0.0) / (FULL_HZ - DEADBAND_HZ), 1.0)
    return share * capacity_w * (1.0 if off_hz > 0.0 else -1.0)


class VisitedDepot(SimulatedDepot):
    """A depot to which vehicles come, and which they leave."""

    def __init__(self, name: str, chargers: int, clock: Callable[[], float], kind: str, seed: int) -> None:
        super().__init__(name, chargers, clock, seed, parked=False)
        scene = Visitors(chargers=chargers, days=2, kind=kind, seed=seed, rating_w=RATING_W)
        self._coming = [_as_of(*each) for each in visits(scene) if (each[2].departure_unix_s or inf) > BEGINS_S][::-1]
        self._leaving: list[tuple[float, int, Car]] = []
        self.visits = self.short = 0
        self.member, self.books = Member(name), Books(name)

    def needs_w(self) -> Floats:
        """What its visits need, spread evenly over their stays: the mean power in each quarter of an hour."""
        found: Floats = np.zeros(QUARTERS)
        for arrives_s, _, car in self._coming:
            stay_s = (car.departure_unix_s or inf) - arrives_s
            power_w = ((car.target_pu or 0.0) - car.soc_pu) * car.capacity_wh / 0.95 / (stay_s / HOUR_S)
            begins_s = BEGINS_S + QUARTER_S * np.arange(len(found))
            there_s = np.minimum(begins_s + QUARTER_S, arrives_s + stay_s) - np.maximum(begins_s, arrives_s)
            found += power_w * np.clip(there_s, 0.0, QUARTER_S) / QUARTER_S
        return found

    def come_and_go(self) -> None:
        """Until now."""
        plant, now = self.plant, self.now()
        while self._leaving and self._leaving[0][0] <= now:
            _, number, car = heappop(self._leaving)
            id = plant.ids[number]
            self.visits += 1
            self.short += plant.energy_of(id) < ((car.target_pu or 0.0) - 0.01) * car.capacity_wh
            plant.unplug(id)
        while self._coming and self._coming[-1][0] <= now:
            _, number, car = self._coming.pop()
            plant.plug_in(plant.ids[number], car)
            heappush(self._leaving, (car.departure_unix_s or inf, number, car))

    def book(self) -> None:
        """What flows now."""
        site, dispatch = self.seen()
        if dispatch is not None:
            by = "" if dispatch.requested_w is None else dispatch.requested_by
            self.books.see(self.now(), by, flows(site, dispatch, self.contracts()))

    def take(self, setpoint: Setpoint) -> Accepted:
        """Of the fleet."""
        accepted = self.member.take(setpoint, self.now())
        self.ask(self.member.request(self.now()))
        return accepted


def _as_of(arrives_s: float, charger: int, car: Car) -> tuple[float, int, Car]:
    """A visit as it is when the day begins: who has come before has charged evenly until then."""
    if arrives_s >= BEGINS_S or car.departure_unix_s is None:
        return arrives_s, charger, car
    passed = (BEGINS_S - arrives_s) / (car.departure_unix_s - arrives_s)
    soc_pu = car.soc_pu + passed * ((car.target_pu or 0.0) - car.soc_pu)
    return BEGINS_S, charger, replace(car, soc_pu=soc_pu, arrived_unix_s=BEGINS_S)


class _Wire:
    """Between the fleet and its depots: each message is encoded and decoded."""

    def __init__(self, depots: Mapping[str, VisitedDepot]) -> None:
        self._depots = depots
        self.fleet: FleetProcess

    async def send(self, setpoints: Mapping[str, Setpoint]) -> None:
        for id, setpoint in setpoints.items():
            accepted = self._depots[id].take(_carried(setpoint, Setpoint))
            self.fleet.answered(_carried(accepted, Accepted))


def _carried(value: Any, kind: type[_T]) -> _T:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)


class _Course:
    """The day's course."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._scene, self._now = scene, BEGINS_S
        names = [f"depot-{number:02}" for number in range(1, scene.depots + 1)]
        self.depots = {
            name: VisitedDepot(name, scene.chargers, lambda: self._now, KINDS[number % len(KINDS)], scene.seed + number)
            for number, name in enumerate(names)
        }
        most_w = RATING_W * scene.chargers
        self._configuration = FleetConfiguration(
            fleet="day", depots=tuple(DepotPlace(id=each, charge_w=most_w, discharge_w=most_w) for each in names),
            ledger=str(folder / "day.db"),
        )  # fmt: skip
        self._baseline_w: Floats = sum((each.needs_w() for each in self.depots.values()), np.zeros(QUARTERS))
        self.day = Day(scene=scene, samples=[])

    async def run(self, frequencies_hz: list[float], say: Callable[[float], None]) -> Day:
        wire = _Wire(self.depots)
        ledger = await open_ledger(self._configuration.ledger)
        access = Access(servers=("nats://127.0.0.1:0",))
        self._fleet = wire.fleet = FleetProcess(
            self._configuration, ledger, access, lambda text: None, lambda: self._now
        )
        try:
            self._ask()
            ticks = int(self._scene.hours * HOUR_S / TICK_S)
            for tick in range(ticks):
                await self._tick(wire, frequencies_hz[int(tick * TICK_S) % len(frequencies_hz)])
                if tick % int(HOUR_S / TICK_S) == 0:
                    say(tick * TICK_S / HOUR_S)
                    await asyncio.sleep(0)
            await self._settle()
        finally:
            await ledger.close()
        return self.day

    def _ask(self) -> None:
        steps = [
            {"from_unix_s": BEGINS_S + QUARTER_S * number, "power_w": power_w}
            for number, power_w in enumerate(self._baseline_w.tolist())
        ]
        per_hz = self._scene.capacity_w / (FULL_HZ - DEADBAND_HZ)
        self._fleet.request(BASE, {"type": "schedule", "steps": steps, "for_s": DAY_S})
        self._fleet.request(DROOP, {"type": "droop", "w_per_hz": per_hz, "nominal_hz": NOMINAL_HZ, "max_w":
                                    self._scene.capacity_w, "deadband_hz": DEADBAND_HZ, "for_s": DAY_S})  # fmt: skip

    async def _tick(self, wire: _Wire, frequency_hz: float) -> None:
        """Depots report and book, the fleet decides, depots follow, time passes."""
        fleet, day, depots = self._fleet, self.day, self.depots.values()
        for depot in depots:
            depot.come_and_go()
            site, dispatch = depot.seen()
            fleet.aggregated(_carried(depot.member.aggregate(site, dispatch, self._now), Aggregate))
        fleet.measure({"frequency_hz": frequency_hz})
        dispatch_ = fleet.step()
        await fleet.send(wire, dispatch_)
        for why in dispatch_.why.values():
            kind = why.partition("; ")[2] or "its share"
            day.why[kind] = day.why.get(kind, 0.0) + TICK_S
        for depot in depots:
            depot.ask(depot.member.request(self._now))
            depot.decide()
            depot.book()
        quarter = int((self._now - BEGINS_S) // QUARTER_S) % len(self._baseline_w)
        base_w, power_w = float(self._baseline_w[quarter]), sum(self._flows_w(depot) for depot in depots)
        self._now += TICK_S
        asked_w = base_w + droop_w(frequency_hz, self._scene.capacity_w)
        day.samples.append(Sample(self._now - BEGINS_S, frequency_hz, base_w, asked_w, power_w))

    def _flows_w(self, depot: VisitedDepot) -> float:
        """Let a tick pass at the chargers; their mean power."""
        plant, hours, energy_wh = depot.plant, STEP_S / HOUR_S, 0.0
        for _ in range(int(TICK_S / STEP_S)):
            plant.advance(STEP_S)
            charged_wh = float(np.maximum(plant.power_w, 0.0).sum()) * hours
            fed_wh = float(np.maximum(-plant.power_w, 0.0).sum()) * hours
            self.day.charged_wh += charged_wh
            self.day.fed_wh += fed_wh
            energy_wh += charged_wh - fed_wh
        return energy_wh * HOUR_S / TICK_S

    async def _settle(self) -> None:
        """The depots close their books, and the ledger sums them up."""
        fleet, day = self._fleet, self.day
        for name, depot in self.depots.items():
            depot.book()
            depot.books.end()
            await fleet.enter([_carried(Batch(name, tuple(depot.books.waiting)), Batch)])
            day.totals += await fleet.ledger.totals(name, 0.0, 1e12)
            day.missing += len(await fleet.ledger.gaps(name, 0.0, 1e12))
            day.visits += depot.visits
            day.short_visits += depot.short
            day.floor_vehicle_s += depot.plant.floor_vehicle_s


async def perform(
    folder: Path,
    scene: Scene,
    frequencies_hz: list[float] | None = None,
    say: Callable[[float], None] = lambda hours: None,
) -> Day:
    """Let a day pass; its ledger is in `folder`. `say`: the hours that are over, once for each."""
    return await _Course(folder, scene).run(frequencies_hz or recorded_hz(), say)


__all__ = ["Day", "Sample", "Scene", "droop_w", "measured_hz", "perform", "recorded_hz"]
