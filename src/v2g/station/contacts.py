"""Since when the contactor of an EVSE has been closed, or open again, in one visit: each switching wears it."""

from dataclasses import dataclass
from math import inf

from v2g.station.config.settings import Wear
from v2g.station.readings import Readings


@dataclass(slots=True)
class Contacts:
    """As the readings show it; what is not known changes nothing."""

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
