"""The inlet of a vehicle: plugs in, and closes switch S2 of the control pilot as the conversation wants."""

import asyncio
from contextlib import suppress

from v2g.bench.sim.pilot import Cable, PilotOperator
from v2g.iso15118.vehicle import Command, Vehicle, VehicleState
from v2g.kernel.errors import V2GError
from v2g.power.errors import PowerError

DIGITAL_WITHIN_S = 60.0
"""How long the car waits for 5 %."""
POLL_S = 0.05


class NoPilotError(V2GError):
    """The station does not offer high-level communication."""


class Inlet:
    """A `Vehicle` with a control pilot, which is simulated elsewhere."""

    def __init__(self, vehicle: Vehicle, pilot: PilotOperator) -> None:
        self._vehicle, self._pilot = vehicle, pilot
        self._ready = False
        self._wake = asyncio.Event()

    async def plug_in(self) -> None:
        """Plug in and wait for 5 %. Raises `PowerError` without a pilot, `NoPilotError` if it never says 5 %."""
        await self._pilot.act(Cable.SOUND)
        try:
            async with asyncio.timeout(DIGITAL_WITHIN_S):
                while not (await self._pilot.car())[2]:  # noqa: ASYNC110 - it is another process that knows
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            remedy = "look at the station's trace"
            raise NoPilotError(f"the control pilot has not said 5 % within {DIGITAL_WITHIN_S:g} s; {remedy}") from None

    async def run(self) -> None:
        """Let S2 follow until cancelled; then pull the connector."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                with suppress(PowerError):
                    await self._pilot.act(Cable.SOUND, wants_energy=self._ready)
        finally:
            with suppress(PowerError):
                await self._pilot.act(Cable.UNPLUGGED)

    def state(self) -> VehicleState:
        return self._vehicle.state()

    def obey(self, command: Command) -> None:
        if command.ready != self._ready:
            self._ready = command.ready
            self._wake.set()
        self._vehicle.obey(command)

    def observe(self, current_a: float, now: float) -> None:
        self._vehicle.observe(current_a, now)
