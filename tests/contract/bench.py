"""A plant on the bench of the contract suites: its own process, with the drivers on this side of a real line."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.contract.simulators import Simulator
from tests.stopwatch import Stopwatch

from v2g.bench.sim.vehicle_side import VehicleSide
from v2g.io.modbus import ModbusConnection
from v2g.power.address import MODBUS, parse
from v2g.power.contactor import Contactor
from v2g.power.drivers import make
from v2g.power.inverter import OFF, Inverter, InverterMode, InverterReading, InverterSetpoint, InverterState
from v2g.power.meter import Meter
from v2g.power.wiring import Wiring
from v2g.run.devices import Lines

T = TypeVar("T")
PERIOD_S = 0.02
"""How often a bench repeats its commands."""
CARRIERS = {
    "tcp": "modbus://{endpoint}?unit={{unit}}",
    "serial": "modbus+rtu://{line}?unit={{unit}}&baud=115200&parity=N",
    "can": "can://{line}?interface=slcan&bitrate=500000",
}
"""Addresses of a simulated device: `{endpoint}` of its process, `{line}` of the line or adapter that it makes."""
UNITS = {"inverter": 1, "meter": 2, "isolation": 3, "contactor": 5}
"""Of the plant's devices."""


async def until(
    sample: Callable[[], Awaitable[T]], holds: Callable[[T], bool], within_s: float, *, period_s: float = PERIOD_S
) -> T:
    """Samples until `holds`; fails with the last sample after `within_s` of the machine's own time."""
    watch = Stopwatch()
    while not holds(value := await sample()):
        assert watch.elapsed_s < within_s, f"after {within_s} s still {value}"
        await asyncio.sleep(period_s)
    return value


def line_for(address: str) -> str | None:
    """The scheme of the line that a simulator has to make for this address; None for TCP."""
    scheme = address.partition("://")[0]
    return None if scheme == MODBUS else scheme


class Wired:
    """The drivers of a simulated device at one of the addresses of `CARRIERS`.

    Made inside the event loop, as the daemon makes them: by the registry, from an address.
    """

    def __init__(self, address: str, process: Simulator) -> None:
        self._address = address.format(endpoint=process.endpoint, line=process.line_path)
        self._lines = Lines()

    def driver(
        self, kind: str, name: str | None = None, *, unit: int = 1, map_file: Path | None = None, device: str = ""
    ) -> Any:
        """The driver of a kind of device, the one that goes with the address if `name` is None. What it can do is that
        of the kind's port."""
        address = parse(self._address.format(unit=unit))
        return make(kind, name, Wiring(device or kind, address, self._lines, map_file))

    def close(self) -> None:
        """Gives up the line."""
        self._lines.close()


class PlantBench:
    """A plant in its own process, a driver for its inverter, and what the rest of a station and a car would do.

    Made inside the event loop.
    """

    def __init__(self, process: Simulator, wired: Wired, inverter: Inverter) -> None:
        self.inverter = inverter
        self.meter: Meter = wired.driver("meter", unit=UNITS["meter"])
        self.contactor: Contactor = wired.driver("contactor", unit=UNITS["contactor"])
        self._car = ModbusConnection(process.host, process.port)
        self.vehicle = VehicleSide(self._car.unit(4, "vehicle"))

    def close(self) -> None:
        """Lets the car go."""
        self._car.close()

    async def hold(
        self,
        setpoint: InverterSetpoint,
        holds: Callable[[InverterReading], bool],
        *,
        closed: bool = True,
        within_s: float = 3.0,
    ) -> InverterReading:
        """Commands `setpoint` and both contactors again and again until the reading `holds`."""

        async def sample() -> InverterReading:
            await self.contactor.command(closed=True)
            await self.vehicle.command(contactor_closed=closed)
            await self.inverter.command(setpoint)
            return await self.inverter.read()

        return await until(sample, holds, within_s)

    async def reset(self) -> None:
        """Off, open, and without fault."""

        async def sample() -> tuple[InverterState, bool]:
            await self.inverter.command(OFF)
            await self.contactor.command(closed=False)
            await self.vehicle.command(contactor_closed=False)
            return (await self.inverter.read()).state, (await self.contactor.read()).closed

        await until(sample, lambda sampled: sampled == (InverterState.OFF, False), within_s=1.0)

    async def deliver(self, power_w: float) -> InverterReading:
        """Goes through pre-charge and closing until `power_w` flows."""
        battery_v = (await self.vehicle.read()).battery_voltage_v
        precharge = InverterSetpoint(InverterMode.VOLTAGE, voltage_v=battery_v, current_a=2)
        await self.hold(precharge, lambda reading: abs(reading.voltage_v - battery_v) < 2, closed=False)
        setpoint = power(power_w)
        return await self.hold(setpoint, lambda reading: abs(reading.power_w - power_w) < 0.02 * abs(power_w))


def power(power_w: float) -> InverterSetpoint:
    """A power set-point with wide limits."""
    return InverterSetpoint(
        InverterMode.POWER,
        voltage_v=450,
        minimum_voltage_v=300,
        power_w=power_w,
        charge_limit_w=25_000,
        discharge_limit_w=25_000,
    )
