"""How good the link is, over time, and a warning while it is too weak."""

from collections import deque
from typing import NamedTuple

from v2g.slac.attenuation import SENT_DBM
from v2g.slac.event import Event, SignalBack, SignalTooWeak, SignalWeak

WEAKEST_DBM = -60.0
HYSTERESIS_DB = 3.0
"""A weak signal counts as strong enough again once it is this much better than the limit."""
TOO_WEAK_S = 5.0
"""A signal that stays weak for this long may soon be lost: `SignalTooWeak`."""
MOST_SAMPLES = 300
"""Ten minutes of those that a modem gives."""


class Sample(NamedTuple):
    """One measurement."""

    time_s: float
    attenuation_db: float
    signal_dbm: float


class Quality:
    """Keeps the latest measurements of one link and of those before it."""

    def __init__(self, weakest_dbm: float = WEAKEST_DBM) -> None:
        self.trend: deque[Sample] = deque(maxlen=MOST_SAMPLES)
        """Oldest first."""
        self.weak = False
        self._weakest_dbm = weakest_dbm
        self._too_weak_s: float | None = None
        """When a signal that is weak now will have been so for too long."""

    def sample(self, now: float, attenuation_db: float) -> list[Event]:
        """Take a measurement; returns the warning, or that it is over."""
        signal_dbm = SENT_DBM - attenuation_db
        self.trend.append(Sample(now, attenuation_db, signal_dbm))
        if not self.weak and signal_dbm < self._weakest_dbm:
            self.weak, self._too_weak_s = True, now + TOO_WEAK_S
            return [SignalWeak(signal_dbm, self._weakest_dbm)]
        if self.weak and signal_dbm >= self._weakest_dbm + HYSTERESIS_DB:
            self.end()
            return [SignalBack(signal_dbm)]
        return []

    def end(self) -> None:
        """There is no link to watch any more. The measurements are kept."""
        self.weak, self._too_weak_s = False, None

    def expire(self, now: float) -> list[Event]:
        """Time has passed: says once that the signal has been weak for too long."""
        if self._too_weak_s is None or now < self._too_weak_s:
            return []
        self._too_weak_s = None
        return [SignalTooWeak(self.trend[-1].signal_dbm, self._weakest_dbm, TOO_WEAK_S)]

    def next_deadline(self) -> float | None:
        """When `expire` is due; None while the signal is strong enough."""
        return self._too_weak_s
