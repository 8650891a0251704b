"""How the contactor of an EVSE is switched: each time wears it."""

from dataclasses import dataclass
from math import inf

from v2g.station.config.settings import Wear
from v2g.station.readings import Readings

MOST, EVERY_S = 8, 30.0
"""A contactor closes at most this often at once for one car, and then once in this time."""
_RESTS = f"the contactor has closed {MOST} times for this car in a short time, and rests for up to {EVERY_S:g} s"


@dataclass(slots=True)
class Contacts:
    """Since when it has been closed, or open again, in one visit. As the readings show it; what is not known changes
    nothing."""

    closed_s: float = -inf
    """Since when it is closed, if it is."""
    opened_s: float = -inf
    """Since when it is open again."""
    closed: bool = False

    def step(self, readings: Readings, now: float) -> None:
        """`readings`: fresh ones."""
        if readings.seen_closed and not self.closed:
            self.closed, self.closed_s = True, now
        elif readings.seen_open and self.closed:
            self.closed, self.opened_s = False, now

    def on_s(self, now: float) -> float:
        """For how long it has been closed; infinite if it is not."""
        return now - self.closed_s if self.closed else inf

    def rests(self, wear: Wear, now: float) -> bool:
        """Whether it stays open to spare it."""
        return not self.closed and now - self.opened_s < wear.least_off_s


@dataclass(slots=True)
class Closings:
    """How often it was commanded to close since the car was plugged in, whatever the car does in between: it may begin
    session after session, renegotiate, or play with its S2."""

    rests: str = ""
    """Why it stays open for now; empty if it need not."""
    _closed: bool = False
    _paid_s: float = -inf
    """When all closings so far are made up for."""

    def step(self, now: float, *, closed: bool) -> str:
        """Why it has to rest, if that is new. `closed`: as commanded from now on."""
        if closed and not self._closed:
            self._paid_s = max(self._paid_s, now) + EVERY_S
        before, self._closed = self.rests, closed
        spent = not closed and self._paid_s - now > (MOST - 1) * EVERY_S
        self.rests = _RESTS if spent else ""
        return "" if before else self.rests

    def forget(self) -> None:
        """The car is gone."""
        self._paid_s, self.rests = -inf, ""
