"""The vehicle behind the simulated car: one that is part of the simulated plant, and one that has a battery of its own.

Both implement `v2g.iso15118.vehicle.Vehicle`.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from v2g.bench.sim.battery import Battery, IntegratedBattery
from v2g.bench.sim.vehicle_side import VehicleReading, VehicleSide
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.power.errors import PowerError

POLL_S = 0.05
"""Between two exchanges with the plant: far below its watchdog."""
BATTERY_STALE_S = 0.5
"""Protects a simulated car whose plant has fallen silent: a reading older than this is no reading."""
CLOSED_V = 5.0
"""Across a closed contactor there is less than this."""


class OwnBattery:
    """A vehicle that integrates its battery from what the station reports, or with AC from what its charger is set to.

    Its contactor and charger obey at once and always.
    """

    def __init__(
        self,
        battery: Battery,
        *,
        dc: bool,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`dc`: whether the station converts. `clock` is monotonic, `wall` gives seconds since 1970 UTC."""
        self._battery = IntegratedBattery(battery)
        self._dc, self._clock, self._wall = dc, clock, wall
        self._command = Command()

    def state(self) -> VehicleState:
        """The battery as it must be by now."""
        battery = self._battery
        if not self._dc:
            self._follow_charger()
        return VehicleState(
            unix_s=int(self._wall()),
            soc=battery.battery.soc,
            capacity_wh=battery.battery.capacity_wh,
            battery_voltage_v=battery.voltage_v,
            inlet_voltage_v=battery.voltage_v if self._command.contactor_closed else 0.0,
            power_w=battery.voltage_v * battery.current_a,
            contactor_closed=self._command.contactor_closed,
        )

    def obey(self, command: Command) -> None:
        """Take the command for done."""
        self._command = command
        if not self._dc:
            self._follow_charger()
        elif not command.contactor_closed:
            self._battery.observe(self._clock(), 0.0)

    def observe(self, current_a: float, now: float) -> None:
        """Let the current that the station measured flow, while the contactor is closed."""
        if self._dc and self._command.contactor_closed:
            self._battery.observe(now, current_a)

    def _follow_charger(self) -> None:
        self._battery.observe(self._clock(), self._battery.battery.current_for_power_a(self._command.charger_w))


class PlantVehicle:
    """A vehicle whose battery, contactor and on-board charger are part of the simulated plant."""

    def __init__(
        self,
        side: VehicleSide,
        *,
        dc: bool,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`dc`: whether the station converts. `clock` is the one of `side`; `wall` gives seconds since 1970 UTC."""
        self._side, self._dc, self._clock, self._wall = side, dc, clock, wall
        self._command, self._obeyed = Command(), Command()
        self._reading: VehicleReading | None = None
        self._trouble = ""
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Read once, so that there is a state. Raises `PowerError` when there is no plant."""
        self._reading = await self._side.read()

    async def run(self) -> None:
        """Exchange with the plant until cancelled; then leave it with the contactor open and the charger off."""
        try:
            while True:
                self._wake.clear()
                with suppress(PowerError):
                    await self._exchange()
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()
        finally:
            with suppress(PowerError):
                await self._side.command(contactor_closed=False)

    def state(self) -> VehicleState:
        """The latest reading; `start` must have succeeded."""
        reading = self._reading
        assert reading is not None, "start comes first"
        closed = self._obeyed.contactor_closed
        stale = self._clock() - reading.time_s > BATTERY_STALE_S
        return VehicleState(
            unix_s=int(self._wall()),
            soc=reading.soc,
            capacity_wh=reading.capacity_wh,
            battery_voltage_v=reading.battery_voltage_v,
            inlet_voltage_v=reading.inlet_voltage_v,
            power_w=reading.battery_voltage_v * reading.current_a if self._dc else reading.charger_power_w,
            contactor_closed=closed and abs(reading.inlet_voltage_v - reading.battery_voltage_v) < CLOSED_V,
            fault=f"the battery is not known any more: {self._trouble or 'no answer'}" if stale else "",
        )

    def obey(self, command: Command) -> None:
        """Have the plant follow; a change goes out at once."""
        if command != self._command:
            self._command = command
            self._wake.set()

    def observe(self, current_a: float, now: float) -> None:
        """Nothing to do: the plant measures."""

    async def _exchange(self) -> None:
        command = self._command
        try:
            await self._side.command(
                contactor_closed=command.contactor_closed,
                charger_power_w=command.charger_w,
                charger_reactive_var=command.charger_var or 0.0,
            )
            self._obeyed = command
            self._reading = await self._side.read()
        except PowerError as error:
            self._trouble = str(error)
            raise
