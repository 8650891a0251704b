"""A set-point that must be reached within a time: what a site states, and what its stations hold their cars to."""

from math import inf

from msgspec import Struct

from v2g.kernel.ceiling import Ceiling

TOLERATED, TOLERATED_W = 0.02, 100.0
"""A car regulates no better than to this share of its limit, or this much."""


class Within(Struct, frozen=True):
    """The times in which a car must draw, and feed, no more than its set-point; None: as long as cars may take.

    A car that flows the other way is not late."""

    charge_s: float | None = None
    discharge_s: float | None = None

    def __bool__(self) -> bool:
        return self != NEVER

    def and_of(self, other: "Within") -> "Within":
        """The shorter time of both in each direction."""
        return Within(_shorter(self.charge_s, other.charge_s), _shorter(self.discharge_s, other.discharge_s))

    def hastens(self, before: "Within") -> bool:
        """Whether it leaves less time than `before` in a direction."""
        return self.and_of(before) != before


NEVER = Within()


class Overdue:
    """Whether a car is late. Set-points that fall one after the other each give it the time that they state."""

    def __init__(self) -> None:
        self._charge, self._discharge = _Way(), _Way()

    def step(self, power_w: float, limits_w: tuple[float, float], within: Within, now: float) -> float | None:
        """The limit beyond which it still is in the direction in which it flows; None if it is not late. `limits_w`:
        of charging and discharging, magnitudes. Positive power charges."""
        charge = self._charge.step(power_w, limits_w[0], within.charge_s, now)
        discharge = self._discharge.step(-power_w, limits_w[1], within.discharge_s, now)
        return discharge if charge is None else charge

    def clear(self) -> None:
        """Nothing flows."""
        self._charge, self._discharge = _Way(), _Way()


class _Way:
    """One direction; powers are positive in it."""

    def __init__(self) -> None:
        self._ceiling: Ceiling | None = None

    def step(self, power_w: float, limit_w: float, within_s: float | None, now: float) -> float | None:
        if within_s is None:
            self._ceiling = None
            return None
        if self._ceiling is None:
            self._ceiling = Ceiling(within_s)
            self._ceiling.step(inf, now)
        self._ceiling.window_s = within_s
        limit_w = self._ceiling.step(limit_w, now)
        return limit_w if power_w > limit_w + tolerated_w(limit_w) else None


def tolerated_w(limit_w: float) -> float:
    """By how much a car may be beyond its set-point."""
    return max(TOLERATED * limit_w, TOLERATED_W)


def _shorter(one_s: float | None, other_s: float | None) -> float | None:
    return min((each for each in (one_s, other_s) if each is not None), default=None)
