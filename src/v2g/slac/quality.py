"""How good the link is, over time, and a warning while it is too weak."""

from collections import deque
from typing import NamedTuple

from v2g.slac.attenuation import SENT_DBM
from v2g.slac.event import Event, SignalBack, SignalWeak

WEAKEST_DBM = -60.0
HYSTERESIS_DB = 3.0
"""A weak signal must get better by this before it counts as back."""
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

    def sample(self, now: float, attenuation_db: float) -> list[Event]:
        """Take a measurement in; returns the warning, or that it is over."""
        signal_dbm = SENT_DBM - attenuation_db
        self.trend.append(Sample(now, attenuation_db, signal_dbm))
        if not self.weak and signal_dbm < self._weakest_dbm:
            self.weak = True
            return [SignalWeak(signal_dbm, self._weakest_dbm)]
        if self.weak and signal_dbm >= self._weakest_dbm + HYSTERESIS_DB:
            self.weak = False
            return [SignalBack(signal_dbm)]
        return []
