"""Devices that are described by a register map: inverter, contactor, meter, isolation monitor, grid sensing unit.

Each driver takes the device's `Registers` (Modbus TCP, say) and its `RegisterMap`, and checks on construction that the
map has what it needs (`RegisterMapError`). Its methods may be called at once, each by one caller; `clock` gives
monotonic seconds.
"""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import count

from v2g.power.contactor import SWITCHES_WITHIN_S, ContactorFault, ContactorReading
from v2g.power.errors import Implausible, ReadBackMismatch
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
from v2g.power.meter import MeterReading
from v2g.power.registers.map import Kind, RegisterMap, Span, Value, shipped
from v2g.power.registers.port import Registers, Table

Clock = Callable[[], float]


class MappedDevice:
    """Named quantities of one device: reads in blocks, writes consecutive quantities in one request."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap, needed: Mapping[str, Kind | type[StrEnum]]
    ) -> None:
        register_map.require(needed)
        self.registers = registers
        self.map = register_map
        self._spans: dict[tuple[str, ...], tuple[Span, ...]] = {}

    async def read(self, *names: str) -> dict[str, Value]:
        """The quantities' values. Raises `PowerError`; `Implausible` for a value that the quantity cannot have."""
        if names not in self._spans:
            self._spans[names] = self.map.spans(names)
        values: dict[str, Value] = {}
        for span in self._spans[names]:
            words = await self.registers.read(span.table, span.address, span.count)
            for name in span.names:
                quantity = self.map.quantities[name]
                start = quantity.address - span.address
                try:
                    values[name] = quantity.decode(words[start : start + quantity.count])
                except ValueError as error:
                    raise self._implausible(name, str(error)) from error
        return values

    async def write(self, values: Mapping[str, Value]) -> None:
        """Writes the quantities, each clipped to its register. Raises `PowerError`."""
        quantities = self.map.quantities
        runs: list[tuple[Table, int, list[int]]] = []
        for name in sorted(values, key=lambda name: (quantities[name].table, quantities[name].address)):
            quantity = quantities[name]
            try:
                words = quantity.encode(values[name])
            except ValueError as error:
                raise self._implausible(name, str(error)) from error
            if runs and runs[-1][0] is quantity.table and runs[-1][1] + len(runs[-1][2]) == quantity.address:
                runs[-1][2].extend(words)
            else:
                runs.append((quantity.table, quantity.address, words))
        for table, address, words in runs:
            await self.registers.write(table, address, words)

    def _implausible(self, name: str, reason: str) -> Implausible:
        where = f"{name} (register 0x{self.map.quantities[name].address:04X})"
        remedy = f"check the device and {self.map.source}"
        return Implausible(self.registers.device, self.registers.address, f"{where}: {reason}", remedy)


Needed = dict[str, Kind | type[StrEnum]]


def _numbers(*names: str) -> Needed:
    return dict.fromkeys(names, Kind.NUMBER)


def _number(value: Value) -> float:
    assert isinstance(value, float)  # the kind was checked on construction
    return value


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


class RegisterInverter:
    """`v2g.power.inverter.Inverter` by registers.

    A set-point is written when it changes and when the heartbeat is due, always whole and with the heartbeat counter if
    the device has one, and read back. Between, `command` answers without talking to the device.
    """

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        needed: Needed = {"control": InverterMode, "state": InverterState, "faults": Kind.FLAGS}
        numbers = _numbers(*_SETPOINT, *_MEASUREMENTS, *_RATINGS)
        self._device = MappedDevice(registers, register_map or shipped("inverter"), needed | numbers)
        self._clock = clock
        self._heartbeat = count(1)
        self._asked: InverterSetpoint | None = None
        self._held: InverterSetpoint | None = None
        self._written_s = float("-inf")

    @property
    def map(self) -> RegisterMap:
        return self._device.map

    async def command(self, setpoint: InverterSetpoint) -> InverterSetpoint:
        """Makes `setpoint` the inverter's; see the port."""
        register_map = self._device.map
        age_s = self._clock() - self._written_s
        if self._held is not None:
            if setpoint == self._asked and age_s < register_map.heartbeat_s:
                return self._held
            if setpoint.mode is not InverterMode.OFF and age_s < register_map.write_interval_s:
                return self._held
        self._held = None  # unknown until it has been read back
        values: dict[str, Value] = {name: float(getattr(setpoint, field)) for name, field in _SETPOINT.items()}
        values["control"] = setpoint.mode.value
        if "heartbeat" in register_map.quantities:
            values["heartbeat"] = float(next(self._heartbeat) % 0x10000)
        await self._device.write(values)
        self._written_s = self._clock()
        self._held = await self._read_back(setpoint)
        self._asked = setpoint
        return self._held

    async def _read_back(self, asked: InverterSetpoint) -> InverterSetpoint:
        """The set-point that the device holds: `asked`, or less where the device clipped it."""
        device = self._device
        values = await device.read("control", *_SETPOINT)
        numbers = {field: _number(values[quantity]) for quantity, field in _SETPOINT.items()}
        mismatches = [
            f"{quantity} is {numbers[field]:g} instead of {getattr(asked, field):g}"
            for quantity, field in _SETPOINT.items()
            if not is_held(field, numbers[field], getattr(asked, field), abs(device.map.quantities[quantity].scale))
        ]
        if values["control"] != asked.mode:
            mismatches.append(f"control is {values['control']} instead of {asked.mode}")
        if mismatches:
            raise ReadBackMismatch(
                device.registers.device,
                device.registers.address,
                ", ".join(mismatches),
                f"check that no other controller writes to it, and {device.map.source}",
            )
        return InverterSetpoint(asked.mode, **numbers)

    async def read(self) -> InverterReading:
        """Measures; see the port."""
        values = await self._device.read("state", "faults", *_MEASUREMENTS)
        flags = values["faults"]
        assert isinstance(flags, frozenset)
        return InverterReading(
            time_s=self._clock(),
            state=InverterState(str(values["state"])),
            faults=frozenset(
                InverterFault(flag) if flag in list(InverterFault) else InverterFault.INTERNAL for flag in flags
            ),
            **{name: _number(values[name]) for name in _MEASUREMENTS},
        )

    async def rating(self) -> InverterRating:
        """What the device can do; see the port."""
        values = await self._device.read(*_RATINGS)
        return InverterRating(**{name: _number(values[name]) for name in _RATINGS})


def is_held(field: str, held: float, asked: float, resolution: float) -> bool:
    """`held` is `asked`, rounded or clipped towards zero; the lowest voltage is a protection and never clipped."""
    if field == "minimum_voltage_v":
        return abs(held - asked) <= resolution
    return min(0.0, asked) - resolution <= held <= max(0.0, asked) + resolution


class RegisterContactor:
    """`v2g.power.contactor.Contactor` by registers of a remote I/O module."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        needed = _numbers("close", "feedback", "driven")
        self._device = MappedDevice(registers, register_map or shipped("contactor"), needed)
        self._clock = clock
        self._written: tuple[bool, float] | None = None
        self._contradicts_since_s: float | None = None

    async def command(self, *, closed: bool) -> None:
        """Drives the contactor; see the port."""
        if self._written is not None:
            was_closed, time_s = self._written
            if closed == was_closed and self._clock() - time_s < self._device.map.heartbeat_s:
                return
        self._written = None  # unknown until it has been acknowledged
        await self._device.write({"close": float(closed)})
        self._written = closed, self._clock()

    async def read(self) -> ContactorReading:
        """Reads the feedback; see the port."""
        values = await self._device.read("feedback", "driven")
        now, closed, driven = self._clock(), values["feedback"] == 1, values["driven"] == 1
        fault = None
        if closed == driven:
            self._contradicts_since_s = None
        elif self._contradicts_since_s is None:
            self._contradicts_since_s = now
        elif now - self._contradicts_since_s > SWITCHES_WITHIN_S:
            fault = ContactorFault.WELDED if closed else ContactorFault.DOES_NOT_CLOSE
        return ContactorReading(now, closed, driven, fault)


class RegisterMeter:
    """`v2g.power.meter.Meter` by registers."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        self._device = MappedDevice(registers, register_map or shipped("meter"), _numbers(*_METERED, *_PHASES))
        self._clock = clock

    async def read(self) -> MeterReading:
        """Reads energies and power; see the port."""
        values = await self._device.read(*_METERED, *_PHASES)
        metered = {name: _number(values[name]) for name in _METERED}
        return MeterReading(time_s=self._clock(), voltages_v=_phases(values), **metered)


class RegisterIsolationMonitor:
    """`v2g.power.isolation.IsolationMonitor` by registers."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        needed: Needed = {"self_test": SelfTest} | _numbers("start_self_test", "resistance_ohm", "voltage_v")
        self._device = MappedDevice(registers, register_map or shipped("isolation"), needed)
        self._clock = clock

    async def start_self_test(self) -> None:
        """Starts the self-test; see the port."""
        await self._device.write({"start_self_test": 1.0})

    async def read(self) -> IsolationReading:
        """Measures; see the port."""
        values = await self._device.read("self_test", "resistance_ohm", "voltage_v")
        return IsolationReading(
            time_s=self._clock(),
            resistance_ohm=_number(values["resistance_ohm"]),
            voltage_v=_number(values["voltage_v"]),
            self_test=SelfTest(str(values["self_test"])),
        )


class RegisterGridSensor:
    """`v2g.power.grid_sensor.GridSensor` by registers. Of the optional quantities it reads those that the map has."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        register_map = register_map or shipped("grid")
        self._also = tuple(name for name in _SENSED_BY_SOME if name in register_map.quantities)
        needed = _numbers("sequence", "frequency_hz", *_PHASES, *self._also)
        self._device = MappedDevice(registers, register_map, needed)
        self._clock = clock

    async def read(self) -> GridReading:
        """Measures; see the port."""
        values = await self._device.read("sequence", "frequency_hz", *_PHASES, *self._also)
        return GridReading(
            time_s=self._clock(),
            sequence=int(_number(values["sequence"])),
            frequency_hz=_number(values["frequency_hz"]),
            voltages_v=_phases(values),
            **{name: _number(values[name]) for name in self._also},
        )


def _phases(values: Mapping[str, Value]) -> tuple[float, float, float]:
    l1, l2, l3 = (_number(values[name]) for name in _PHASES)
    return l1, l2, l3
