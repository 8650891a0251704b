"""How late the event loop is: whether this process looked at its hardware as often as it meant to."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from v2g.kernel.distribution import Distribution

BEAT_S = 0.05
LATE_S = 0.2
"""A stall worth a line in the trace; the loop is late by a few milliseconds at most."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which the event loop did nothing that was due."""

    lasted_s: float
    busy_s: float
    """Processor time of this process meanwhile."""

    def __str__(self) -> str:
        if self.busy_s < self.lasted_s / 2:
            return (
                f"this process did not run for {self.lasted_s:.1f} s: it was stopped, or the machine had no time for it"
            )
        return f"this process was busy with something else for {self.lasted_s:.1f} s"


class Pulse:
    """Beats in the running loop until `close`, and measures how late each beat is.

    After a stall the loop may run other callbacks before its timers. So everyone who must know asks `check` first.
    """

    def __init__(self, busy_s: Callable[[], float] = time.process_time) -> None:
        self._loop = asyncio.get_running_loop()
        self._processor_s = busy_s
        self._busy_s, self._due_s = busy_s(), 0.0
        self._timer = self._wind()
        self.lag_s = 0.0
        """How late the loop was when it was looked at last."""
        self.lags = Distribution()
        """Of all beats."""
        self.last: Stall | None = None
        """The latest stall."""

    def check(self) -> Stall | None:
        """The latest stall, including one that ends just now; the same object for everyone who asks."""
        now = self._loop.time()
        self.lag_s = max(now - self._due_s, 0.0)
        if self.lag_s >= LATE_S:
            before_s, self._due_s, self._busy_s = self._busy_s, now + BEAT_S, self._processor_s()
            self.last = Stall(self.lag_s, self._busy_s - before_s)
        return self.last

    def excuse(self) -> None:
        """What has just kept the loop was meant to: it is no stall."""
        self._due_s, self._busy_s = self._loop.time() + BEAT_S, self._processor_s()

    def close(self) -> None:
        """Beat no more."""
        self._timer.cancel()

    def _beat(self) -> None:
        self.check()
        self.lags.add(self.lag_s)
        self._busy_s = self._processor_s()
        self._timer = self._wind()

    def _wind(self) -> asyncio.TimerHandle:
        """At instants that others also keep: what is due at the same time wakes the process once."""
        self._due_s = (self._loop.time() // BEAT_S + 1) * BEAT_S
        return self._loop.call_at(self._due_s, self._beat)
