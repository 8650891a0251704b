"""How often the machine's clock was set while this process ran: the clock by which certificates and bills are dated."""

import time
from collections.abc import Callable

STEP_S = 1.0
"""A clock that is disciplined never moves as much between two looks."""


def _since_boot_s() -> float:
    """Unlike `time.monotonic`, it goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockSteps:
    """Compares the wall clock with one that nobody can set."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _since_boot_s) -> None:
        self._wall, self._steady = wall, steady
        self._ahead_s = wall() - steady()
        self.count = 0
        self.last_s = 0.0
        """The latest step, positive forward."""
        self.at_s: int | None = None
        """When it was seen, in Unix seconds of the clock as it was set."""

    def look(self) -> float:
        """The step since the last look, 0 if there was none."""
        wall_s = self._wall()
        before_s, self._ahead_s = self._ahead_s, wall_s - self._steady()
        step_s = self._ahead_s - before_s
        if abs(step_s) < STEP_S:
            return 0.0
        self.count, self.last_s, self.at_s = self.count + 1, step_s, int(wall_s)
        return step_s
