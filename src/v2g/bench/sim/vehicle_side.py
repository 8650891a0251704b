"""The vehicle's own access to the simulated plant: its battery, its contactor, its on-board charger.

Stands for the vehicle's internal bus. A vehicle that stops commanding loses its contactor after a second.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from v2g.power.quantity import Kind
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, parse
from v2g.power.registers.port import Registers

_MEASUREMENTS = (
    "soc",
    "capacity_wh",
    "energy_wh",
    "battery_voltage_v",
    "inlet_voltage_v",
    "current_a",
    "charger_power_w",
)


def vehicle_map() -> RegisterMap:
    """The registers of the plant's unit for the vehicle."""
    return parse((files("v2g.bench.sim") / "registers" / "vehicle.yaml").read_text(), "vehicle.yaml")


@dataclass(frozen=True, slots=True)
class VehicleReading:
    """What the vehicle measures, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    soc: float
    """0..1"""
    capacity_wh: float
    energy_wh: float
    """Stored now."""
    battery_voltage_v: float
    """At the battery's terminals, on its side of the vehicle's contactor."""
    inlet_voltage_v: float
    """DC, on the station's side of the vehicle's contactor."""
    current_a: float
    """Into the battery."""
    charger_power_w: float
    """Of the on-board charger, at the AC side."""


class VehicleSide:
    """The vehicle's side of the plant, through `registers` of its unit 4. Positive charges.

    The charger's set-point acts while the station's contactor is closed.
    """

    def __init__(self, registers: Registers, *, clock: Callable[[], float] = time.monotonic) -> None:
        needed = dict.fromkeys(_MEASUREMENTS, Kind.NUMBER)
        self._device = RegisterDevice(registers, vehicle_map())
        self._device.require(needed)
        self._clock = clock

    async def read(self) -> VehicleReading:
        """Measures. Raises `PowerError`."""
        values = await self._device.read(*_MEASUREMENTS)
        numbers = {name: value for name, value in values.items() if isinstance(value, float)}
        return VehicleReading(time_s=self._clock(), **numbers)

    async def command(
        self, *, contactor_closed: bool, charger_power_w: float = 0.0, charger_reactive_var: float = 0.0
    ) -> None:
        """Drives the vehicle's contactor and sets its on-board charger; a level to be repeated. Raises `PowerError`."""
        await self._device.write(
            {
                "contactor_closed": float(contactor_closed),
                "charger_set_w": charger_power_w,
                "charger_reactive_set_var": charger_reactive_var,
            }
        )
