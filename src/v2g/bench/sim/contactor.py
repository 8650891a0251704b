"""A simulated contactor behind a remote I/O module with a fieldbus watchdog."""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum

from v2g.bench.sim.modbus_server import Unit
from v2g.power.quantity import Value
from v2g.power.registers.map import shipped

WATCHDOG_S = 0.4
"""The coil drops when nobody has written it for this long."""
MECHANICAL_DELAY_S = 0.02
"""From the coil to the contacts and their feedback."""
STEP_S = 0.005


class Stuck(StrEnum):
    """A mechanical fault."""

    OPEN = "open"
    """Never closes."""
    CLOSED = "closed"
    """Welds when it closes first, and never opens again."""
    WELDED = "welded"
    """Is closed from the start, and never opens."""


class ContactorModule:
    """Coil, watchdog, contacts and feedback. `log(time_s, closed, cause)` hears of every movement of the contacts."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        stuck: Stuck | None = None,
        log: Callable[[float, bool, str], None] = lambda time_s, closed, cause: None,
    ) -> None:
        self.closed = stuck is Stuck.WELDED
        """Position of the main contacts."""
        self.driven = False
        """The coil is energised."""
        self.stuck = stuck
        """May be changed while it runs."""
        self._clock = clock
        self._log = log
        self._cause = "command"
        self._moves_at_s = 0.0
        self._written_s = 0.0
        self.unit = Unit(shipped("contactor"), self._measure, self._obey)

    def advance(self, now: float) -> None:
        """Lets the watchdog and the mechanics act until `now`."""
        if self.driven and now - self._written_s > WATCHDOG_S:
            self._drive(False, "watchdog")
        stays = self.stuck is Stuck.OPEN if self.driven else self.stuck in (Stuck.CLOSED, Stuck.WELDED)
        if self.closed != self.driven and now >= self._moves_at_s and not stays:
            self.closed = self.driven
            self._log(now, self.closed, self._cause)

    async def run(self) -> None:
        """Keeps the module in step with the clock, until cancelled."""
        while True:
            self.advance(self._clock())
            await asyncio.sleep(STEP_S)

    def _drive(self, driven: bool, cause: str) -> None:
        if driven != self.driven:
            self.driven, self._cause = driven, cause
            self._moves_at_s = self._clock() + MECHANICAL_DELAY_S

    def _measure(self) -> Mapping[str, Value]:
        self.advance(self._clock())
        return {"feedback": float(self.closed), "driven": float(self.driven)}

    def command(self, closed: bool) -> None:
        """What a write of the coil does."""
        self._written_s = self._clock()
        self._drive(closed, "command")

    def _obey(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.command(values["close"] == 1)
        return {}
