"""Devices that are described by a map: inverter, contactor, meter, isolation monitor, grid sensing unit.

Each driver takes a `MappedDevice` and checks on construction that its map has what the driver needs (`MapError`). Its
methods may be called at once, each by one caller; `clock` gives monotonic seconds.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import count
from math import nan
from typing import ClassVar

from v2g.power.contactor import SWITCHES_WITHIN_S, ContactorFault, ContactorReading
from v2g.power.errors import ReadBackMismatch
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import (
    InverterFault,
    InverterMode,
    InverterRating,
    InverterReading,
    InverterSetpoint,
    InverterState,
)
from v2g.power.isolation import IsolationReading, SelfTest
from v2g.power.mapped_device import MappedDevice
from v2g.power.meter import MeterReading
from v2g.power.quantity import Kind, Needed, Value

Clock = Callable[[], float]


def numbers(*names: str) -> Needed:
    """Quantities that are numbers."""
    return dict.fromkeys(names, Kind.NUMBER)


def number(value: Value) -> float:
    """The value of a quantity that the driver needs as a number."""
    assert isinstance(value, float)  # the kind was checked on construction
    return value


def is_due(age_s: float, heartbeat_s: float) -> bool:
    """Whether a level that was written so long ago is written again.

    The station asks at fixed instants, at most `heartbeat_s` apart. A write takes its time, so that at the next instant
    it is a little less than `heartbeat_s` old: to wait for the rest is to wait for one instant more.
    """
    return age_s > heartbeat_s / 2


class MappedDriver:
    """What the drivers of mapped devices share."""

    MAP: ClassVar[str]
    """The shipped map of such a device."""
    NEEDED: ClassVar[Needed]
    OPTIONAL: ClassVar[Collection[str]] = ()

    def __init__(self, device: MappedDevice, *, clock: Clock = time.monotonic) -> None:
        """Raises `MapError`."""
        device.require(self.NEEDED, self.OPTIONAL)
        self.device = device
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}
        """By quantity: what was acknowledged last, and when."""

    @property
    def heartbeat_s(self) -> float:
        """The device wants to hear a command again within this time."""
        return self.device.heartbeat_s

    async def _hold(self, name: str, level: float) -> None:
        """Writes a level when it changes and when the heartbeat is due. Raises `PowerError`."""
        held, time_s = self._levels.pop(name, (nan, 0.0))  # unknown until it has been acknowledged
        if held != level or is_due(self._clock() - time_s, self.heartbeat_s):
            await self.device.write({name: level})
            time_s = self._clock()
        self._levels[name] = level, time_s


# Quantity in the map -> field of the set-point.
_SETPOINT = {
    "voltage_set_v": "voltage_v",
    "minimum_voltage_v": "minimum_voltage_v",
    "current_set_a": "current_a",
    "power_set_w": "power_w",
    "reactive_set_var": "reactive_var",
    "charge_limit_w": "charge_limit_w",
    "discharge_limit_w": "discharge_limit_w",
}
_MAGNITUDES = ("voltage_v", "minimum_voltage_v", "charge_limit_w", "discharge_limit_w")
_MEASUREMENTS = ("voltage_v", "current_a", "power_w", "ac_power_w", "ac_reactive_var", "temperature_c")
_RATINGS = (
    "voltage_min_v",
    "voltage_max_v",
    "charge_current_max_a",
    "discharge_current_max_a",
    "charge_power_max_w",
    "discharge_power_max_w",
    "reactive_max_var",
)
_METERED = ("import_wh", "export_wh", "power_w", "reactive_var", "frequency_hz")
_SENSED_BY_SOME = ("rocof_hz_per_s", "phase_jump_deg", "power_w", "reactive_var")
_PHASES = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v")
_LINES = ("voltage_l12_v", "voltage_l23_v", "voltage_l31_v")
"""From phase to phase: all three, or they do not count."""


class MappedInverter(MappedDriver):
    """`v2g.power.inverter.Inverter` by its map.

    A set-point is written when it changes and when the heartbeat is due, always whole and with the heartbeat counter if
    the device has one, and read back. Between, `command` answers without talking to the device.
    """

    MAP = "inverter"
    NEEDED: ClassVar[Needed] = {
        "control": InverterMode,
        "state": InverterState,
        "faults": Kind.FLAGS,
        **numbers(*_SETPOINT, *_MEASUREMENTS, *_RATINGS),
    }
    OPTIONAL = ("heartbeat",)

    def __init__(self, device: MappedDevice, *, clock: Clock = time.monotonic) -> None:
        """Raises `MapError`."""
        super().__init__(device, clock=clock)
        self._heartbeat = count(1)
        self._asked: InverterSetpoint | None = None
        self._held: InverterSetpoint | None = None
        self._written_s = float("-inf")

    async def command(self, setpoint: InverterSetpoint) -> InverterSetpoint:
        """Makes `setpoint` the inverter's; see the port."""
        age_s = self._clock() - self._written_s
        if self._held is not None:
            if setpoint == self._asked and not is_due(age_s, self.heartbeat_s):
                return self._held
            if setpoint.mode is not InverterMode.OFF and age_s < self.device.write_interval_s:
                return self._held
        self._held = None  # unknown until it has been read back
        values: dict[str, Value] = {name: float(getattr(setpoint, field)) for name, field in _SETPOINT.items()}
        values["control"] = setpoint.mode.value
        if self.device.has("heartbeat"):
            values["heartbeat"] = float(next(self._heartbeat) % 0x10000)
        await self.device.write(values)
        self._written_s = self._clock()
        self._held = await self._read_back(setpoint)
        self._asked = setpoint
        return self._held

    async def _read_back(self, asked: InverterSetpoint) -> InverterSetpoint:
        """The set-point that the device holds: `asked`, or less if the device clipped it."""
        device = self.device
        values = await device.read("control", *_SETPOINT)
        held = {field: number(values[quantity]) for quantity, field in _SETPOINT.items()}
        mismatches = [
            f"{quantity} is {held[field]:g} instead of {getattr(asked, field):g}"
            for quantity, field in _SETPOINT.items()
            if not is_held(field, held[field], getattr(asked, field), device.resolution(quantity))
        ]
        if values["control"] != asked.mode:
            mismatches.append(f"control is {values['control']} instead of {asked.mode}")
        if mismatches:
            raise ReadBackMismatch(
                device.name,
                device.address,
                ", ".join(mismatches),
                f"check that no other controller writes to it, and {device.source}",
            )
        held |= {field: max(held[field], 0.0) for field in _MAGNITUDES}  # a step below zero is rounded
        return InverterSetpoint(asked.mode, **held)

    async def read(self) -> InverterReading:
        """Measures; see the port."""
        values = await self.device.read("state", "faults", *_MEASUREMENTS)
        flags = values["faults"]
        assert isinstance(flags, frozenset)
        return InverterReading(
            time_s=self._clock(),
            state=InverterState(str(values["state"])),
            faults=frozenset(
                InverterFault(flag) if flag in list(InverterFault) else InverterFault.INTERNAL for flag in flags
            ),
            **{name: number(values[name]) for name in _MEASUREMENTS},
        )

    async def rating(self) -> InverterRating:
        """What the device can do; see the port."""
        values = await self.device.read(*_RATINGS)
        return InverterRating(**{name: number(values[name]) for name in _RATINGS})


def is_held(field: str, held: float, asked: float, resolution: float) -> bool:
    """`held` is `asked`, rounded or clipped towards zero; the lowest voltage is a protection and never clipped."""
    if field == "minimum_voltage_v":
        return abs(held - asked) <= resolution
    return min(0.0, asked) - resolution <= held <= max(0.0, asked) + resolution


class MappedContactor(MappedDriver):
    """`v2g.power.contactor.Contactor` by the map of a remote I/O module."""

    MAP = "contactor"
    NEEDED = numbers("close", "feedback", "driven")

    def __init__(self, device: MappedDevice, *, clock: Clock = time.monotonic) -> None:
        """Raises `MapError`."""
        super().__init__(device, clock=clock)
        self._contradicts_since_s: float | None = None

    async def command(self, *, closed: bool) -> None:
        """Drives the contactor; see the port."""
        await self._hold("close", float(closed))

    async def read(self) -> ContactorReading:
        """Reads the feedback; see the port."""
        values = await self.device.read("feedback", "driven")
        now, closed, driven = self._clock(), values["feedback"] == 1, values["driven"] == 1
        fault = None
        if closed == driven:
            self._contradicts_since_s = None
        elif self._contradicts_since_s is None:
            self._contradicts_since_s = now
        elif now - self._contradicts_since_s > SWITCHES_WITHIN_S:
            fault = ContactorFault.WELDED if closed else ContactorFault.DOES_NOT_CLOSE
        return ContactorReading(now, closed, driven, fault)


class MappedMeter(MappedDriver):
    """`v2g.power.meter.Meter` by its map."""

    MAP = "meter"
    NEEDED = numbers(*_METERED, *_PHASES)

    async def read(self) -> MeterReading:
        """Reads energies and power; see the port."""
        values = await self.device.read(*_METERED, *_PHASES)
        metered = {name: number(values[name]) for name in _METERED}
        return MeterReading(time_s=self._clock(), voltages_v=_phases(values), **metered)


class MappedIsolationMonitor(MappedDriver):
    """`v2g.power.isolation.IsolationMonitor` by its map."""

    MAP = "isolation"
    NEEDED: ClassVar[Needed] = {
        "self_test": SelfTest,
        **numbers("start_self_test", "resistance_ohm", "voltage_v"),
    }

    async def start_self_test(self) -> None:
        """Starts the self-test; see the port."""
        await self.device.write({"start_self_test": 1.0})

    async def read(self) -> IsolationReading:
        """Measures; see the port."""
        values = await self.device.read("self_test", "resistance_ohm", "voltage_v")
        return IsolationReading(
            time_s=self._clock(),
            resistance_ohm=number(values["resistance_ohm"]),
            voltage_v=number(values["voltage_v"]),
            self_test=SelfTest(str(values["self_test"])),
        )


class MappedGridSensor(MappedDriver):
    """`v2g.power.grid_sensor.GridSensor` by its map. Of the optional quantities it reads those that the map has."""

    MAP = "grid"
    NEEDED = numbers("sequence", "frequency_hz", *_PHASES)
    OPTIONAL = (*_SENSED_BY_SOME, *_LINES)

    def __init__(self, device: MappedDevice, *, clock: Clock = time.monotonic) -> None:
        """Raises `MapError`."""
        super().__init__(device, clock=clock)
        self._also = tuple(name for name in _SENSED_BY_SOME if device.has(name))
        self._lines = _LINES if all(map(device.has, _LINES)) else ()

    async def read(self) -> GridReading:
        """Measures; see the port."""
        values = await self.device.read("sequence", "frequency_hz", *_PHASES, *self._also, *self._lines)
        return GridReading(
            time_s=self._clock(),
            sequence=int(number(values["sequence"])),
            frequency_hz=number(values["frequency_hz"]),
            voltages_v=_phases(values),
            line_voltages_v=_three(values, self._lines) if self._lines else None,
            **{name: number(values[name]) for name in self._also},
        )


def _phases(values: Mapping[str, Value]) -> tuple[float, float, float]:
    return _three(values, _PHASES)


def _three(values: Mapping[str, Value], names: Iterable[str]) -> tuple[float, float, float]:
    first, second, third = (number(values[name]) for name in names)
    return first, second, third
