"""Port of the bidirectional DC inverter (power module)."""

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Protocol

OFF_WITHIN_S = 0.1
"""After `command(OFF)` has returned, the output carries less than 1 A within this time."""
NO_CURRENT_A = 1.0
"""Below this contactors may open without an arc."""
SILENT_OFF_WITHIN_S = 0.6
"""Without any command for this long, the inverter has switched itself off: its watchdog and the ramp down."""
HOLDS_WITHIN_S = 1.0
"""An inverter that is read back with something else than was commanded for longer does not obey."""
LOST_WITHIN_S = 0.25
"""A device that is gone or silent raises `PowerError` within this time, from every method."""


class InverterMode(StrEnum):
    """What the inverter regulates."""

    OFF = "off"
    VOLTAGE = "voltage"
    """Output voltage: cable check and pre-charge. `current_a` is the largest current in either direction."""
    CURRENT = "current"
    """Output current: a car that states its target current (Scheduled control)."""
    POWER = "power"
    """Power at the DC output: a station that states the power (Dynamic control)."""


class InverterState(StrEnum):
    """What the inverter is doing."""

    OFF = "off"
    ON = "on"
    DERATED = "derated"
    """On, and giving less than asked because it is too warm."""
    FAULT = "fault"
    """Off because of a fault; commanding `OFF` acknowledges it once the cause is gone."""


class InverterFault(StrEnum):
    """Why the inverter is in the fault state. The list is closed: anything else is `INTERNAL`."""

    OVER_VOLTAGE = "over_voltage"
    OVER_CURRENT = "over_current"
    """Includes the inrush when a contactor closes on unequal voltages."""
    OVER_TEMPERATURE = "over_temperature"
    GRID_LOST = "grid_lost"
    """The AC side has no voltage, or one outside the inverter's own limits."""
    WATCHDOG = "watchdog"
    """The station was silent for longer than the inverter's watchdog time."""
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class InverterSetpoint:
    """What the inverter should do, as a level. The default is off.

    Raises `ValueError` for a value that is not finite, and for a negative limit.
    """

    mode: InverterMode = InverterMode.OFF
    voltage_v: float = 0.0
    """The target in VOLTAGE mode; in the other modes the voltage that charging never exceeds."""
    minimum_voltage_v: float = 0.0
    """The voltage below which discharging stops."""
    current_a: float = 0.0
    """The target in CURRENT mode, positive charges the vehicle; in VOLTAGE mode the largest magnitude."""
    power_w: float = 0.0
    """The target in POWER mode, at the DC output, positive charges the vehicle."""
    reactive_var: float = 0.0
    """Reactive power at the AC side, positive as drawn by an inductive load."""
    charge_limit_w: float = 0.0
    """Magnitude that charging never exceeds, in any mode."""
    discharge_limit_w: float = 0.0
    """Magnitude that discharging never exceeds, in any mode."""

    def __post_init__(self) -> None:
        magnitudes = self.voltage_v, self.minimum_voltage_v, self.charge_limit_w, self.discharge_limit_w
        if isfinite(sum(magnitudes) + self.current_a + self.power_w + self.reactive_var) and min(magnitudes) >= 0:
            return  # as nearly always: one is made at every reading
        for field in fields(self)[1:]:
            if not isfinite(getattr(self, field.name)):
                raise ValueError(f"{field.name} must be a finite number")
        for name in ("voltage_v", "minimum_voltage_v", "charge_limit_w", "discharge_limit_w"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative: {getattr(self, name)}")


OFF = InverterSetpoint()


@dataclass(frozen=True, slots=True)
class InverterRating:
    """What the inverter can do at all. Magnitudes."""

    voltage_min_v: float
    voltage_max_v: float
    charge_current_max_a: float
    discharge_current_max_a: float
    charge_power_max_w: float
    discharge_power_max_w: float
    reactive_max_var: float


@dataclass(frozen=True, slots=True)
class InverterReading:
    """What the inverter measures, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    state: InverterState
    faults: frozenset[InverterFault]
    voltage_v: float
    """At the DC output, on the station's side of the contactor."""
    current_a: float
    power_w: float
    ac_power_w: float
    """At the grid side: losses included, so above `power_w` when charging and closer to zero when discharging."""
    ac_reactive_var: float
    temperature_c: float
    """Of the power module."""


@dataclass(frozen=True, slots=True)
class HeldSetpoint:
    """What the inverter was read back with at the monotonic time `time_s`, after the last command."""

    time_s: float
    setpoint: InverterSetpoint | None
    """None: something else than was commanded, and more than a clipped value of it."""
    differs: str = ""
    """How; empty if it does not."""
    differs_for_s: float = 0.0

    @property
    def disobeys(self) -> bool:
        """It has held something else for longer than it may."""
        return self.differs_for_s > HOLDS_WITHIN_S


class Inverter(Protocol):
    """A bidirectional DC inverter.

    Obligations, which `tests/contract/test_inverter_contract.py` holds every driver to:

    - Positive current and power charge the vehicle, whatever the device's own sign is.
    - `command` is a level: repeating it changes nothing, and not repeating it is silence. A device that is silent for
      longer than its watchdog time goes to zero power and off by itself (`SILENT_OFF_WITHIN_S`), and says so with
      the fault WATCHDOG until it is commanded off.
    - `command(OFF)` is never held back or merged, and the current is gone within `OFF_WITHIN_S`.
    - A set-point beyond the rating is clipped, never wrapped, and `command` returns what the device really holds.
    - A lost link raises `PowerError` within `LOST_WITHIN_S`; the next call tries again.
    - In the fault state the device is off whatever it is commanded.
    """

    async def command(self, setpoint: InverterSetpoint) -> InverterSetpoint:
        """Makes `setpoint` the inverter's and returns the one in force, read back from the device.

        Raises `PowerError` if the device is unreachable or refuses; `ReadBackMismatch` if it holds something else.
        """
        ...

    async def read(self) -> InverterReading:
        """Measures. Raises `PowerError`."""
        ...

    async def rating(self) -> InverterRating:
        """What the device can do. Raises `PowerError`."""
        ...
