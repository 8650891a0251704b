"""The physics behind the station's EVSE: inverter, cable, vehicle battery, on-board charger, meter.

Deterministic, without clock or sockets: `PlantModel.step(dt_s, inputs)`. What it is made of:

- Inverter output: the voltage ramps while nothing is connected, and is the battery's once both contactors are closed.
  The current follows its target with a ramp and a first-order lag.
- Grid: with too little voltage on any phase the output is blocked, and is back as soon as the voltage is; only after
  some time of that the inverter gives the grid up for lost.
- Losses: constant while switched on, plus proportional to the power; they warm the module (first order), which
  derates and then trips.
- Battery: `v2g.bench.sim.battery`.
- AC service: the vehicle's on-board charger moves the power, through the station's contactor and meter.

Energies balance: grid = stored in the battery + heat in the battery + conversion losses.
"""

from dataclasses import dataclass
from math import exp, inf

from v2g.bench.sim.battery import Battery
from v2g.power.inverter import (
    OFF,
    InverterFault,
    InverterMode,
    InverterRating,
    InverterSetpoint,
    InverterState,
)

LARGEST_SUBSTEP_S = 0.002
SETTLED_SUBSTEP_S = 0.05
"""While neither the inputs nor the outputs change."""
_SETTLED = 1e-4
"""A, V or W: a smaller change in a substep is none."""
_NO_TIME_S = 1e-9

RATING = InverterRating(
    voltage_min_v=150,
    voltage_max_v=1000,
    charge_current_max_a=80,
    discharge_current_max_a=80,
    charge_power_max_w=30_000,
    discharge_power_max_w=30_000,
    reactive_max_var=10_000,
)


@dataclass(frozen=True, slots=True)
class PlantSettings:
    """The constants of the model. The defaults are a 30 kW module with about 96 % efficiency at 11 kW."""

    rating: InverterRating = RATING
    voltage_ramp_v_per_s: float = 2000
    voltage_decay_s: float = 0.1
    """Time constant of the output voltage when off: a bleeder resistor."""
    current_ramp_a_per_s: float = 200
    current_fall_a_per_s: float = 1000
    """Towards zero, where nothing has to be built up."""
    current_lag_s: float = 0.01
    off_ramp_a_per_s: float = 5000
    """Switching off only blocks the semiconductors."""
    standby_loss_w: float = 10
    constant_loss_w: float = 90
    proportional_loss: float = 0.03
    ambient_c: float = 25
    thermal_resistance_k_per_w: float = 0.04
    thermal_time_constant_s: float = 120
    derating_from_c: float = 75
    trip_at_c: float = 85
    inrush_v: float = 50
    """A larger difference of voltage when the circuit closes trips the inverter."""
    charger_power_max_w: float = 11_000
    charger_ramp_w_per_s: float = 10_000
    isolation_ohm: float = 1_000_000
    lowest_grid_voltage_v: float = 115
    """The inverter needs this much on every phase, and exchanges nothing with less."""
    grid_lost_after_s: float = 4.0
    """How long it waits for the voltage before it trips: longer than grid codes let a station stay in such a dip."""


@dataclass(frozen=True, slots=True)
class PlantInputs:
    """What acts on the plant. The default is everything off and open, on a sound grid."""

    setpoint: InverterSetpoint = OFF
    station_contactor_closed: bool = False
    vehicle_contactor_closed: bool = False
    charger_power_w: float = 0.0
    """Set-point of the on-board charger at the AC side, positive charges."""
    charger_reactive_var: float = 0.0
    grid_voltages_v: tuple[float, float, float] = (230.0, 230.0, 230.0)
    grid_frequency_hz: float = 50.0


class PlantModel:
    """State of the plant. The attributes are what its instruments show."""

    def __init__(self, battery: Battery, settings: PlantSettings | None = None) -> None:
        self.settings = settings or PlantSettings()
        self.battery = battery
        self.inputs = PlantInputs()
        self.faults: frozenset[InverterFault] = frozenset()
        self.voltage_v = 0.0
        self.current_a = 0.0
        """At the inverter's output, positive charges."""
        self.temperature_c = self.settings.ambient_c
        self.charger_power_w = 0.0
        """Of the on-board charger, at the AC side."""
        self.charger_current_a = 0.0
        """Of the on-board charger, into the battery."""
        self.ac_power_w = 0.0
        """Of the inverter, at the grid side."""
        self.import_wh = 0.0
        self.export_wh = 0.0
        self.loss_wh = 0.0
        """Lost in conversion so far."""
        self.largest_substep_s = LARGEST_SUBSTEP_S
        """While something changes."""
        self._reference_a = 0.0
        self._tied = False
        self._blocked_s = 0.0
        self._moved = inf
        """The largest change of an output in the last substep."""

    @property
    def power_w(self) -> float:
        """At the inverter's DC output."""
        return self.voltage_v * self.current_a

    @property
    def on(self) -> bool:
        """The inverter is switching."""
        return self.inputs.setpoint.mode is not InverterMode.OFF and not self.faults

    @property
    def blocked(self) -> bool:
        """The grid's voltage is too low to exchange anything."""
        return min(self.inputs.grid_voltages_v) < self.settings.lowest_grid_voltage_v

    @property
    def state(self) -> InverterState:
        """The inverter's operating state."""
        if self.faults:
            return InverterState.FAULT
        if not self.on:
            return InverterState.OFF
        return InverterState.DERATED if self._derating() < 1 else InverterState.ON

    @property
    def reactive_var(self) -> float:
        """Of the inverter, at the grid side."""
        limit = self.settings.rating.reactive_max_var
        return _within(self.inputs.setpoint.reactive_var, -limit, limit) if self.on and not self.blocked else 0.0

    @property
    def charger_reactive_var(self) -> float:
        """Of the on-board charger."""
        closed = self.inputs.station_contactor_closed and not self.blocked
        return self.inputs.charger_reactive_var if closed else 0.0

    @property
    def battery_current_a(self) -> float:
        """Into the battery, from the inverter and the on-board charger."""
        return self.current_a + self.charger_current_a

    @property
    def inlet_voltage_v(self) -> float:
        """DC voltage at the vehicle's inlet."""
        if self.inputs.vehicle_contactor_closed:
            return self.battery.terminal_v(self.battery_current_a)
        return self.voltage_v if self.inputs.station_contactor_closed else 0.0

    def trip(self, fault: InverterFault) -> None:
        """Puts the inverter in the fault state, from which commanding OFF releases it."""
        self.faults |= {fault}

    def step(self, dt_s: float, inputs: PlantInputs) -> None:
        """Lets `dt_s` pass with `inputs`, in substeps of at most `LARGEST_SUBSTEP_S`, or `SETTLED_SUBSTEP_S`."""
        if inputs != self.inputs:
            self._moved = inf
        self.inputs = inputs
        while dt_s > _NO_TIME_S:
            settled = self._moved < _SETTLED and 0.01 < self.battery.soc < 0.99
            substep_s = min(dt_s, SETTLED_SUBSTEP_S if settled else self.largest_substep_s)
            self._substep(substep_s)
            dt_s -= substep_s

    def _substep(self, dt_s: float) -> None:
        before = self.current_a, self.voltage_v, self.charger_power_w
        self._protect(dt_s)
        self._move_current(dt_s)
        self._move_charger(dt_s)
        self._move_voltage(dt_s)
        self._account(dt_s)
        after = self.current_a, self.voltage_v, self.charger_power_w
        self._moved = max(abs(now - then) for now, then in zip(after, before, strict=True))

    def _protect(self, dt_s: float) -> None:
        s, inputs = self.settings, self.inputs
        tied = inputs.station_contactor_closed and inputs.vehicle_contactor_closed
        faults = frozenset() if inputs.setpoint.mode is InverterMode.OFF else self.faults
        if self.on and tied and not self._tied and abs(self.voltage_v - self.battery.ocv_v) > s.inrush_v:
            faults |= {InverterFault.OVER_CURRENT}
        hot = InverterFault.OVER_TEMPERATURE in self.faults
        if self.temperature_c >= (s.derating_from_c if hot else s.trip_at_c):
            faults |= {InverterFault.OVER_TEMPERATURE}
        self._blocked_s = self._blocked_s + dt_s if self.blocked else 0.0
        if self._blocked_s >= s.grid_lost_after_s:
            faults |= {InverterFault.GRID_LOST}
        self.faults = faults
        self._tied = tied

    def _derating(self) -> float:
        """Share of the rated power that the module's temperature leaves, 0..1."""
        s = self.settings
        return _within((s.trip_at_c - self.temperature_c) / (s.trip_at_c - s.derating_from_c), 0.0, 1.0)

    def _target_a(self) -> float:
        """The current that the set-point asks for and every limit allows."""
        setpoint, rating, battery = self.inputs.setpoint, self.settings.rating, self.battery
        headroom_a = (setpoint.voltage_v - battery.ocv_v) / battery.resistance_ohm
        legroom_a = (battery.ocv_v - setpoint.minimum_voltage_v) / battery.resistance_ohm
        charge_w = min(setpoint.charge_limit_w, rating.charge_power_max_w * self._derating())
        discharge_w = min(setpoint.discharge_limit_w, rating.discharge_power_max_w * self._derating())
        highest_a = min(battery.current_for_power_a(charge_w), rating.charge_current_max_a, headroom_a)
        lowest_a = max(battery.current_for_power_a(-discharge_w), -rating.discharge_current_max_a, -legroom_a)
        match setpoint.mode:
            case InverterMode.VOLTAGE:
                target_a = _within(headroom_a, -abs(setpoint.current_a), abs(setpoint.current_a))
            case InverterMode.CURRENT:
                target_a = setpoint.current_a
            case _:
                target_a = battery.current_for_power_a(setpoint.power_w)
        return _within(target_a, min(lowest_a, 0.0), max(highest_a, 0.0))

    def _move_current(self, dt_s: float) -> None:
        s = self.settings
        if not self._tied:
            self.current_a = self._reference_a = 0.0
        elif not self.on or self.blocked:
            self.current_a = self._reference_a = _towards(self.current_a, 0.0, s.off_ramp_a_per_s * dt_s)
        else:
            target_a = self._target_a()
            falls = abs(target_a) < abs(self._reference_a) and target_a * self._reference_a >= 0
            ramp_a_per_s = s.current_fall_a_per_s if falls else s.current_ramp_a_per_s
            self._reference_a = _towards(self._reference_a, target_a, ramp_a_per_s * dt_s)
            self.current_a += (self._reference_a - self.current_a) * (1 - exp(-dt_s / s.current_lag_s))
            self.current_a = self._accepted(self.current_a)

    def _accepted(self, flow: float) -> float:
        """What the battery accepts of a current or power: a full one takes nothing, an empty one gives nothing."""
        if self.battery.soc >= 1:
            return min(flow, 0.0)
        return max(flow, 0.0) if self.battery.soc <= 0 else flow

    def _move_charger(self, dt_s: float) -> None:
        s, battery = self.settings, self.battery
        limit_w = s.charger_power_max_w
        wanted_w = _within(self.inputs.charger_power_w, -limit_w, limit_w)
        if not self.inputs.station_contactor_closed or self.blocked:
            self.charger_power_w = 0.0
        else:
            moved_w = _towards(self.charger_power_w, wanted_w, s.charger_ramp_w_per_s * dt_s)
            self.charger_power_w = self._accepted(moved_w)
        self.charger_current_a = battery.current_for_power_a(self.charger_power_w - self._charger_loss_w())

    def _charger_loss_w(self) -> float:
        """Below its constant loss the charger has nothing left to charge with."""
        power_w, s = self.charger_power_w, self.settings
        loss_w = s.constant_loss_w + s.proportional_loss * abs(power_w)
        return min(loss_w, power_w) if power_w >= 0 else loss_w

    def _move_voltage(self, dt_s: float) -> None:
        s, rating = self.settings, self.settings.rating
        if self._tied:
            self.voltage_v = self.battery.terminal_v(self.battery_current_a)
        elif self.on:
            target_v = min(self.inputs.setpoint.voltage_v, rating.voltage_max_v)
            self.voltage_v = _towards(self.voltage_v, target_v, s.voltage_ramp_v_per_s * dt_s)
        else:
            self.voltage_v *= exp(-dt_s / s.voltage_decay_s)

    def _account(self, dt_s: float) -> None:
        s = self.settings
        loss_w = s.constant_loss_w + s.proportional_loss * abs(self.power_w) if self.on else s.standby_loss_w
        battery_v = self.battery.terminal_v(self.battery_current_a)
        self.ac_power_w = self.power_w + loss_w
        grid_w = self.ac_power_w + self.charger_power_w
        if grid_w > 0:
            self.import_wh += grid_w * dt_s / 3600
        else:
            self.export_wh -= grid_w * dt_s / 3600
        charger_loss_w = self.charger_power_w - self.charger_current_a * battery_v
        self.loss_wh += (loss_w + charger_loss_w) * dt_s / 3600
        self.battery.step(dt_s, self.battery_current_a)
        settled_c = s.ambient_c + s.thermal_resistance_k_per_w * loss_w
        self.temperature_c += (settled_c - self.temperature_c) * (1 - exp(-dt_s / s.thermal_time_constant_s))


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _towards(value: float, target: float, largest_change: float) -> float:
    return value + _within(target - value, -largest_change, largest_change)
