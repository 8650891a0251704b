"""The physics of a depot in virtual time: what chargers make of their set-points, and what that does to batteries.

Everything is an array with one entry for each charger. What the controller sees of it is a `Charger` each, with the
errors that measurements have.
"""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.allocation import Bools, Floats, Network
from v2g.depot.tree import Tree
from v2g.depot.view import Charger, Meter, Needs, Source, Vehicle
from v2g.kernel.durations import HOUR_S


class Physics(Struct, frozen=True, kw_only=True):
    """How chargers behave in truth; the controller does not know it."""

    latency_s: float = 1.0
    lag_s: float = 0.5
    ramp_w_per_s: float = 7500.0
    report_s: float = 1.0
    """Between two measurements of a charger, and of the meter."""
    soc_report_s: float = 10.0
    soc_error_pu: float = 0.0
    """A vehicle's SoC is stated wrong by this at most, each vehicle by another share of it."""


class Car(Struct, frozen=True, kw_only=True):
    """A vehicle that is plugged in."""

    id: str
    capacity_wh: float
    soc_pu: float
    floor_pu: float | None = None
    target_pu: float | None = None
    departure_unix_s: float | None = None
    arrived_unix_s: float = 0.0
    max_charge_w: float = np.inf
    max_discharge_w: float = np.inf
    soc_error_pu: float = 0.0


class Plant:
    """The chargers of a site with what is plugged into them."""

    def __init__(self, tree: Tree, chargers: Sequence[Charger], physics: Physics, now: float) -> None:
        self.tree, self.physics, self.now = tree, physics, now
        self.ids = [each.id for each in chargers]
        self._number = {id: number for number, id in enumerate(self.ids)}
        size = len(chargers)
        self._network = Network(tree, [each.node for each in chargers], [each.phases for each in chargers])
        self._efficiency: Floats = np.array([each.efficiency_pu for each in chargers])
        self.power_w: Floats = np.zeros(size)
        self.energy_wh: Floats = np.zeros(size)
        self.capacity_wh: Floats = np.ones(size)
        self.floor_wh: Floats = np.zeros(size)
        self._most_w: Floats = np.zeros(size)
        self._least_w: Floats = np.zeros(size)
        self.present: Bools = np.zeros(size, dtype=np.bool_)
        self.dead: Bools = np.zeros(size, dtype=np.bool_)
        """Stations that give nothing and send nothing any more."""
        self._cars: list[Car | None] = [None] * size
        self._setpoint_w: Floats = np.zeros(size)
        self._left: list[tuple[float, str]] = []
        self._coming: deque[tuple[float, dict[str, float]]] = deque()
        self.chargers: dict[str, Charger] = {each.id: each for each in chargers}
        """What the controller sees."""
        self._reported_s = self._soc_reported_s = -np.inf
        self.floor_vehicle_s = 0.0
        self.overload_wh: Floats = np.zeros(len(self._network.rows))

    def plug_in(self, id: str, car: Car) -> None:
        """A vehicle arrives; the station knows its needs at once."""
        number = self._number[id]
        self._cars[number] = car
        self.present[number] = True
        self.capacity_wh[number], self.energy_wh[number] = car.capacity_wh, car.soc_pu * car.capacity_wh
        self.floor_wh[number] = (car.floor_pu or 0.0) * car.capacity_wh
        charger = self.chargers[id]
        self._most_w[number] = min(charger.max_charge_w, car.max_charge_w)
        self._least_w[number] = -min(charger.max_discharge_w, car.max_discharge_w)
        self._show_vehicle(number)

    def unplug(self, id: str) -> None:
        """It leaves: its power ends at once, and its station says so after the latency."""
        self._stop(self._number[id])
        self._left.append((self.now + self.physics.latency_s, id))

    def die(self, id: str) -> None:
        """Its station is gone without a word."""
        self._stop(self._number[id])
        self.dead[self._number[id]] = True

    def notice(self, id: str) -> None:
        """The link of a dead station is at last known to be gone."""
        self.chargers[id] = replace(self.chargers[id], online=False)

    def command(self, setpoints_w: Mapping[str, float]) -> None:
        """Set-points are sent, and arrive after the latency."""
        self._coming.append((self.now + self.physics.latency_s, dict(setpoints_w)))

    def advance(self, step_s: float) -> None:
        """Let time pass."""
        while self._coming and self._coming[0][0] < self.now + step_s / 2:
            for id, power_w in self._coming.popleft()[1].items():
                self._setpoint_w[self._number[id]] = power_w
        full = self.energy_wh >= self.capacity_wh
        most_w, least_w = np.where(full, 0.0, self._most_w), np.where(self.energy_wh <= 0.0, 0.0, self._least_w)
        alive = self.present & ~self.dead
        target_w = np.where(alive, np.clip(self._setpoint_w, least_w, most_w), 0.0)
        ramp_w = self.physics.ramp_w_per_s * step_s
        approach = 1.0 - np.exp(-step_s / self.physics.lag_s)
        self.power_w = self.power_w + np.clip((target_w - self.power_w) * approach, -ramp_w, ramp_w)
        into_w = np.where(self.power_w > 0, self.power_w * self._efficiency, self.power_w / self._efficiency)
        self.energy_wh = np.minimum(self.energy_wh + into_w * step_s / HOUR_S, self.capacity_wh)
        self.now += step_s
        below = alive & (self.power_w < 0.0) & (self.energy_wh < self.floor_wh)
        self.floor_vehicle_s += float(below.sum()) * step_s
        self._note_overload(step_s)
        self._report()
        for said_s, id in [each for each in self._left if each[0] <= self.now + 1e-9]:
            self._left.remove((said_s, id))
            if not self.present[self._number[id]]:
                self.chargers[id] = replace(self.chargers[id], vehicle=None, measured_w=0.0, measured_unix_s=self.now)

    @property
    def meter(self) -> Meter:
        return Meter(float(self.power_w.sum()), self.now)

    def car(self, id: str) -> Car | None:
        return self._cars[self._number[id]]

    def energy_of(self, id: str) -> float:
        return float(self.energy_wh[self._number[id]])

    def _stop(self, number: int) -> None:
        self.present[number] = False
        self.power_w[number] = self._setpoint_w[number] = 0.0
        self._cars[number] = None
        for _, setpoints_w in self._coming:
            if self.ids[number] in setpoints_w:
                setpoints_w[self.ids[number]] = 0.0

    def _note_overload(self, step_s: float) -> None:
        network = self._network
        power_w = self.power_w[network.order]
        charge_w = network.sums(np.maximum(power_w, 0.0)) - network.sums(np.maximum(-power_w, 0.0))
        over_w = np.maximum(charge_w - network.charge_w, 0.0) + np.maximum(-charge_w - network.discharge_w, 0.0)
        self.overload_wh += np.where(over_w > 1.0, over_w, 0.0) * step_s / HOUR_S

    def _report(self) -> None:
        if self.now - self._reported_s < self.physics.report_s - 1e-9:
            return
        self._reported_s = self.now
        with_soc = self.now - self._soc_reported_s >= self.physics.soc_report_s - 1e-9
        if with_soc:
            self._soc_reported_s = self.now
        for number in np.flatnonzero(self.present & ~self.dead).tolist():
            if with_soc:
                self._show_vehicle(number)
            else:
                id = self.ids[number]
                self.chargers[id] = replace(
                    self.chargers[id], measured_w=float(self.power_w[number]), measured_unix_s=self.now
                )

    def _show_vehicle(self, number: int) -> None:
        id, car = self.ids[number], self._cars[number]
        assert car is not None
        needs = Needs(
            source=Source.FLEET_LIST,
            departure_unix_s=car.departure_unix_s,
            target_soc_pu=car.target_pu,
            min_soc_pu=car.floor_pu,
            stated_unix_s=car.arrived_unix_s,
        )
        soc_pu = float(self.energy_wh[number]) / car.capacity_wh + car.soc_error_pu
        vehicle = Vehicle(
            id=car.id,
            capacity_wh=car.capacity_wh,
            soc_pu=min(max(soc_pu, 0.0), 1.0),
            soc_unix_s=self.now,
            max_charge_w=car.max_charge_w,
            max_discharge_w=car.max_discharge_w,
            needs=needs,
        )
        self.chargers[id] = replace(
            self.chargers[id], vehicle=vehicle, measured_w=float(self.power_w[number]), measured_unix_s=self.now
        )
