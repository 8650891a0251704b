"""What a station may hold at most, on the disk before it is sent: so a controller that was killed is no loss.

Whoever starts next reads it. A station that is not back by then may still do what it was promised, until that lapses.
"""

from math import inf

from msgspec import Struct

WINDOW_S = 20.0
"""A promise is lowered to the most of this time: a set-point that goes up and down must not wait for the disk again."""
PATIENCE_S = 1.0
"""For the disk. After that a station gets as much of its set-point as it was promised already."""


class Promise(Struct, frozen=True):
    """The most that one EVSE may do each way; magnitudes."""

    charge_w: float = 0.0
    discharge_w: float = 0.0

    def covers(self, power_w: float) -> bool:
        """Whether a set-point is within it."""
        return -self.discharge_w <= power_w <= self.charge_w

    def within(self, power_w: float) -> float:
        """As much of a set-point as it covers."""
        return max(-self.discharge_w, min(power_w, self.charge_w))

    def with_(self, power_w: float) -> "Promise":
        """One that covers this set-point too."""
        return Promise(max(self.charge_w, power_w), max(self.discharge_w, -power_w))


NOTHING = Promise()


class Promises:
    """Of one EVSE: the latest promise, and the part of it that is surely on the disk."""

    def __init__(self) -> None:
        self.latest: Promise | None = None
        """None: nothing was kept of this transaction yet."""
        self._sure = NOTHING
        self._number, self._since_s = 0, -inf
        self._recent, self._turned_s = NOTHING, -inf

    def recalled(self, promise: Promise) -> None:
        """What an earlier process has kept."""
        self.latest = self._sure = self._recent = promise

    def lacks(self, power_w: float) -> bool:
        """Whether a set-point needs another promise."""
        return self.latest is None or not self.latest.covers(power_w)

    def kept(self, promise: Promise, number: int, now: float) -> None:
        """It was given to the ledger, with this number. What is lower holds from now on."""
        if self.latest is not None:
            self._sure = Promise(
                min(self._sure.charge_w, promise.charge_w), min(self._sure.discharge_w, promise.discharge_w)
            )
        self.latest, self._number, self._since_s = promise, number, now

    def sendable_w(self, power_w: float, committed: int, now: float) -> float | None:
        """What may be sent of a set-point, as the ledger has written so far; None: wait for it."""
        if self.latest is not None and self._number <= committed:
            self._sure = self.latest
        if self._sure.covers(power_w):
            return power_w
        waits = self.lacks(power_w) or now - self._since_s < PATIENCE_S
        return None if waits else self._sure.within(power_w)

    def lower(self, needed: Promise, committed: int, now: float) -> Promise | None:
        """The station may hold no more than `needed` now: the promise to be kept in the place of the latest, if it is
        time for a lower one, and the disk is not behind: otherwise what is promised must do for long."""
        self._recent = Promise(
            max(self._recent.charge_w, needed.charge_w), max(self._recent.discharge_w, needed.discharge_w)
        )
        if now - self._turned_s < WINDOW_S or self._number > committed:
            return None
        recent, self._recent, self._turned_s = self._recent, needed, now
        return recent if self.latest is not None and recent != self.latest else None


__all__ = ["NOTHING", "PATIENCE_S", "WINDOW_S", "Promise", "Promises"]
