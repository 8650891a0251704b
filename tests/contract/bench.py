"""A plant on the bench of the contract suites: its own process behind real TCP, with the drivers on this side."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.contract.simulators import Simulator

from v2g.bench.sim.vehicle_side import VehicleSide
from v2g.io.modbus import ModbusConnection
from v2g.power.contactor import Contactor
from v2g.power.drivers.register_map import RegisterContactor, RegisterMeter
from v2g.power.inverter import OFF, Inverter, InverterMode, InverterReading, InverterSetpoint, InverterState
from v2g.power.meter import Meter
from v2g.power.registers.port import Registers

T = TypeVar("T")
PERIOD_S = 0.02
"""How often a bench repeats its commands."""


async def until(
    sample: Callable[[], Awaitable[T]], holds: Callable[[T], bool], within_s: float, *, period_s: float = PERIOD_S
) -> T:
    """Samples until `holds`; fails with the last sample after `within_s`."""
    deadline = time.monotonic() + within_s
    while not holds(value := await sample()):
        assert time.monotonic() < deadline, f"after {within_s} s still {value}"
        await asyncio.sleep(period_s)
    return value


class PlantBench:
    """A plant in its own process, a driver for its inverter, and what the rest of a station and a car would do.

    Made inside the event loop.
    """

    def __init__(self, process: Simulator, driver: Callable[[Registers], Inverter]) -> None:
        station = ModbusConnection(process.host, process.port)
        car = ModbusConnection(process.host, process.port)
        self.inverter: Inverter = driver(station.unit(1, "inverter"))
        self.meter: Meter = RegisterMeter(station.unit(2, "meter"))
        self.contactor: Contactor = RegisterContactor(station.unit(5, "contactor"))
        self.vehicle = VehicleSide(car.unit(4, "vehicle"))

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
