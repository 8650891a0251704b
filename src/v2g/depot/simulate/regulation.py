"""The regulation benchmark: a depot follows a signal made of a real grid frequency while vehicles leave and vanish.

60 chargers of 15 kW behind three transformers feed up to 270 kW for two hours; 6 vehicles an hour are unplugged, 12 are
lost at once after half an hour. Physics in steps of 1 s: latency 1 s, lag 0.5 s, ramp 7.5 kW/s.
"""

from collections.abc import Callable, Mapping
from importlib import resources
from itertools import pairwise

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats
from v2g.depot.request import RegulationRequest
from v2g.depot.simulate.plant import Car, Physics, Plant
from v2g.depot.simulate.strategy import Strategy
from v2g.depot.tree import Node, Tree
from v2g.depot.view import Charger, Site

BEGINS_S = 1_800_000_000.0
NOMINAL_HZ, FULL_SCALE_HZ = 60.0, 0.03
WITHIN_PU = 0.03
"""Of the capacity: who is no further from the request has recovered."""


class Scene(Struct, frozen=True, kw_only=True):
    """What is varied."""

    seed: int = 0
    chargers: int = 60
    rating_w: float = 15_000.0
    capacity_w: float = 270_000.0
    transformers: int = 3
    transformer_w: float = np.inf
    """Limit of each, in either direction; what is asked beyond the sum of them is not held against a strategy."""
    first_transformer_w: float | None = None
    """Another limit for the first one."""
    phases: bool = False
    """A third of the chargers on one phase each, at a third of the power; limits hold for each phase."""
    seconds: int = 7200
    unplugged_per_hour: float = 6.0
    lost_at_s: int = 1800
    lost: int = 12
    silent_s: float = 0.0
    """How long nobody notices the loss."""
    soc_error_pu: float = 0.0
    latency_s: float = 1.0


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it. Shares are of the capacity."""

    nrmse: float
    score: float
    """Mean of correlation, delay and precision."""
    dip: float
    """The deepest shortfall in the minute after the loss."""
    recovery_s: float
    """From the loss until the power stays within 3 % of what it would be without the loss."""
    floor_vehicle_s: float
    overload_wh: float
    changed: float
    """Mean share of set-points that a step changed, and the largest."""
    most_changed: float
    spread_begin_wh: float
    spread_end_wh: float
    """Standard deviation of the energy above the floor, among vehicles that stayed, and the worst rise in 5 minutes."""
    spread_rise: float
    steps: int


def frequency_hz() -> Floats:
    """The recording that comes with the package: four stretches of two hours, in steps of 1 s."""
    text = resources.files("v2g.depot.simulate").joinpath("data/frequency_60hz.csv").read_text()
    rows = [line.split(",")[1:] for line in text.splitlines() if not line.startswith("#")]
    return NOMINAL_HZ + np.array(rows, dtype=np.float64).ravel() * 0.0006


def signal_pu(seed: int, seconds: int) -> Floats:
    """Biased to discharge: half of the capacity at the nominal frequency, all of it 30 mHz below, none 30 mHz above."""
    recorded_hz = frequency_hz()
    begins = int(np.random.default_rng(seed).integers(0, 4)) * 7200
    deviation = (NOMINAL_HZ - recorded_hz[begins : begins + seconds]) / FULL_SCALE_HZ
    return np.clip(0.5 + 0.5 * deviation, 0.0, 1.0)


def run(scene: Scene, strategy: Callable[[], Strategy]) -> Outcome:
    """The benchmark once, and once more without the loss, for the recovery."""
    with_loss = _Run(scene, strategy())
    with_loss.go()
    if not scene.lost:
        return with_loss.outcome(with_loss.power_w)
    undisturbed = _Run(scene, strategy(), lost=False)
    undisturbed.go(scene.lost_at_s + 120)
    return with_loss.outcome(undisturbed.power_w)


def site_of(scene: Scene) -> tuple[Tree, list[Charger]]:
    """The feeder tree and the chargers, evenly spread."""
    names = [f"T{number}" for number in range(1, scene.transformers + 1)]
    phase_w = scene.transformer_w / 3 if scene.phases else np.inf
    nodes = [
        Node(
            name=name,
            parent="site",
            max_charge_w=limit_w,
            max_discharge_w=limit_w,
            max_phase_charge_w=phase_w,
            max_phase_discharge_w=phase_w,
        )
        for name, limit_w in zip(names, _transformer_limits_w(scene), strict=True)
    ]
    chargers = []
    for number in range(scene.chargers):
        single = scene.phases and number % 3 == 0
        rating_w = scene.rating_w / (2 if single else 1)
        chargers.append(
            Charger(
                id=f"CS-{number + 1:03}/1", node=names[number % len(names)],
                phases="123"[number // 3 % 3] if single else "123", max_charge_w=rating_w, max_discharge_w=rating_w,
            )
        )  # fmt: skip
    return Tree([Node(name="site"), *nodes]), chargers


def _transformer_limits_w(scene: Scene) -> list[float]:
    limits_w = [scene.transformer_w] * scene.transformers
    if scene.first_transformer_w is not None:
        limits_w[0] = scene.first_transformer_w
    return limits_w


class _Run:
    """One run through the scene."""

    def __init__(self, scene: Scene, strategy: Strategy, *, lost: bool = True) -> None:
        self._scene, self._strategy, self._lost = scene, strategy, lost
        self._random = np.random.default_rng(scene.seed + 1)
        tree, chargers = site_of(scene)
        self._plant = Plant(tree, chargers, Physics(latency_s=scene.latency_s), BEGINS_S)
        for number, charger in enumerate(chargers):
            floor_pu = float(self._random.choice([0.2, 0.3, 0.4]))
            car = Car(
                id=f"car {number + 1}",
                capacity_wh=float(self._random.choice([40_000.0, 60_000.0, 80_000.0])),
                soc_pu=floor_pu + float(self._random.uniform(0.01, 0.5)),
                floor_pu=floor_pu,
                soc_error_pu=scene.soc_error_pu * float(self._random.uniform(-1.0, 1.0)),
            )
            self._plant.plug_in(charger.id, car)
        self._signal_pu = signal_pu(scene.seed, scene.seconds)
        chances = self._random.uniform(size=scene.seconds) < scene.unplugged_per_hour / 3600.0
        self._leaving = set(np.flatnonzero(chances).tolist())
        self._order = self._random.permutation([each.id for each in chargers]).tolist()
        self._vanished = self._order[-scene.lost :] if scene.lost else []
        self._changes: list[float] = []
        self._spreads: list[tuple[float, frozenset[str], dict[str, float]]] = []
        self.power_w: Floats = np.zeros(0)

    def go(self, seconds: int | None = None) -> None:
        """Run through the first `seconds`, or all of it."""
        scene, plant = self._scene, self._plant
        power_w = []
        before: Mapping[str, float] = {}
        for second in range(seconds or scene.seconds):
            now = plant.now
            self._happen(second)
            request = RegulationRequest(
                by="grid operator", signal_pu=float(self._signal_pu[second]), capacity_w=scene.capacity_w,
                until_unix_s=now + 10.0,
            )  # fmt: skip
            site = Site(tree=plant.tree, chargers=plant.chargers, requests=(request,), meter=plant.meter)
            if self._strategy.due(site, now):
                setpoints_w = self._strategy.step(site, now)
                active = [id for id, each in plant.chargers.items() if each.online and each.vehicle is not None]
                moved = sum(before.get(id, 0.0) != setpoints_w.get(id, 0.0) for id in active)
                self._changes.append(moved / max(len(active), 1))
                plant.command(setpoints_w)
                before = setpoints_w
            if second % 300 == 0:
                self._note_spread()
            plant.advance(1.0)
            power_w.append(float(plant.power_w.sum()))
        self.power_w = np.array(power_w)

    def outcome(self, undisturbed_w: Floats) -> Outcome:
        """`undisturbed_w`: the power of the same run without the loss."""
        scene, plant = self._scene, self._plant
        most_w = sum(_transformer_limits_w(scene))
        asked_w = -np.minimum(self._signal_pu[: len(self.power_w)] * scene.capacity_w, most_w)
        error = (self.power_w - asked_w) / scene.capacity_w
        begins = scene.lost_at_s
        spreads = self._spreads_of_stayers()
        return Outcome(
            nrmse=float(np.sqrt(np.mean(error**2))),
            score=score(asked_w, self.power_w),
            dip=float(np.max(error[begins : begins + 60], initial=0.0)) if scene.lost else 0.0,
            recovery_s=self._recovery_s(undisturbed_w),
            floor_vehicle_s=plant.floor_vehicle_s,
            overload_wh=float(plant.overload_wh.sum()),
            changed=float(np.mean(self._changes)),
            most_changed=float(np.max(self._changes[1:], initial=0.0)),
            spread_begin_wh=spreads[0],
            spread_end_wh=spreads[-1],
            spread_rise=max((after / before - 1.0 for before, after in pairwise(spreads)), default=0.0),
            steps=len(self._changes),
        )

    def _happen(self, second: int) -> None:
        scene, plant = self._scene, self._plant
        if second in self._leaving:
            leaver = next((id for id in self._order if plant.car(id) is not None and id not in self._vanished), None)
            if leaver is not None:
                plant.unplug(leaver)
        if self._lost and second == scene.lost_at_s:
            for id in self._vanished:
                if scene.silent_s:
                    plant.die(id)
                else:
                    plant.unplug(id)
        if self._lost and scene.silent_s and second == scene.lost_at_s + scene.silent_s:
            for id in self._vanished:
                plant.notice(id)

    def _note_spread(self) -> None:
        plant = self._plant
        above = {
            id: plant.energy_of(id) - (car.floor_pu or 0.0) * car.capacity_wh
            for id in plant.ids
            if (car := plant.car(id)) is not None
        }
        self._spreads.append((plant.now, frozenset(above), above))

    def _spreads_of_stayers(self) -> list[float]:
        stayed = frozenset.intersection(*(who for _, who, _ in self._spreads))
        return [float(np.std([above[id] for id in stayed])) for _, _, above in self._spreads]

    def _recovery_s(self, undisturbed_w: Floats) -> float:
        scene = self._scene
        if not scene.lost:
            return 0.0
        begins = scene.lost_at_s
        ours = self.power_w[begins : begins + 100]
        # Steps may come a second earlier or later than without the loss; that is none of it.
        shifted = [undisturbed_w[begins + shift : begins + shift + len(ours)] for shift in (-1, 0, 1)]
        off = np.min([np.abs(ours - each) for each in shifted], axis=0) / scene.capacity_w
        outside = np.flatnonzero(off > WITHIN_PU)
        return float(outside[-1] + 1) if len(outside) else 0.0


def score(asked_w: Floats, given_w: Floats, *, most_delay_s: int = 60) -> float:
    """Mean of correlation, delay and precision, much as PJM scores regulation; powers in steps of 1 s.

    The delay is the one with the best correlation; its score falls from 1 to 0 in five minutes.
    """
    correlations = [
        float(np.corrcoef(asked_w[: len(asked_w) - delay or None], given_w[delay:])[0, 1])
        for delay in range(most_delay_s)
    ]
    delay_s = int(np.argmax(correlations))
    precision = 1.0 - float(np.mean(np.abs(given_w - asked_w)) / np.mean(np.abs(asked_w)))
    return (max(correlations[delay_s], 0.0) + (1.0 - delay_s / 300.0) + max(precision, 0.0)) / 3.0
