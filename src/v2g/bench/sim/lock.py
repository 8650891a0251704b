"""A simulated connector lock behind a remote I/O module: a motor, a bolt, and a switch at either end of its way."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from v2g.bench.sim.modbus_server import Unit
from v2g.power.lock import MOVES_WITHIN_S
from v2g.power.quantity import Value
from v2g.power.registers.map import shipped

MOVES_S = 0.3
"""From one end to the other."""


class Broken(StrEnum):
    """What can be wrong with a lock."""

    JAMMED = "jammed"
    """The bolt stays where it is."""
    SLOW = "slow"
    """It arrives, but later than a lock may."""
    FEEDBACK_LOST = "feedback-lost"
    """The wires of both switches are broken."""


class LockModule:
    """The bolt, from 0 (unlocked) to 1 (locked). It keeps its position when nobody commands it."""

    def __init__(self, clock: Callable[[], float], *, broken: Broken | None = None, bolt: float = 0.0) -> None:
        """`bolt`: where it is at the start, driven to that end."""
        self.broken = broken
        """May be changed while it runs."""
        self.bolt = bolt
        self.driven = bolt == 1.0
        self._clock = clock
        self._moved_s = clock()
        self.unit = Unit(shipped("lock"), self._measure, self._obey)

    def command(self, locked: bool) -> None:
        """What a write of the coil does."""
        self._move()
        self.driven = locked

    def _move(self) -> None:
        now = self._clock()
        took_s, self._moved_s = now - self._moved_s, now
        if self.broken is not Broken.JAMMED:
            way = took_s / (2 * MOVES_WITHIN_S if self.broken is Broken.SLOW else MOVES_S)
            self.bolt = min(self.bolt + way, 1.0) if self.driven else max(self.bolt - way, 0.0)

    def _measure(self) -> Mapping[str, Value]:
        self._move()
        seen = self.broken is not Broken.FEEDBACK_LOST
        return {
            "switch_locked": float(seen and self.bolt == 1.0),
            "switch_unlocked": float(seen and self.bolt == 0.0),
            "driven": float(self.driven),
        }

    def _obey(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.command(values["lock"] == 1)
        return {}
