"""A clock that says Unix time and never jumps, whatever is done to that of the machine."""

import time
from collections.abc import Callable

SLEW = 0.01
"""At most this many seconds a second, until it agrees with the clock of the machine."""


class SteadyClock:
    """Follows the wall clock slowly."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._then_s, self._now_s = monotonic(), wall()

    @property
    def late_s(self) -> float:
        """How far it is behind the clock of the machine, which was set since then; negative: ahead."""
        return self._wall() - self.now()

    def now(self) -> float:
        """Unix seconds, never less than before."""
        at_s = self._monotonic()
        passed_s, self._then_s = at_s - self._then_s, at_s
        late_s = self._wall() - (self._now_s + passed_s)
        self._now_s += passed_s + max(-SLEW * passed_s, min(SLEW * passed_s, late_s))
        return self._now_s
