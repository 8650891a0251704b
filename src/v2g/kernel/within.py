"""A set-point that must be reached within a time: what a site states, and what its stations hold their cars to."""

from msgspec import Struct

TOLERATED, TOLERATED_W = 0.02, 100.0
"""A car regulates no better than to this share of its limit, or this much."""


class Within(Struct, frozen=True):
    """The times in which a car must draw, and feed, no more than its set-point; None: as long as cars may take.

    Who draws less than the set-point, or feeds instead of drawing, is not late."""

    charge_s: float | None = None
    discharge_s: float | None = None

    def __bool__(self) -> bool:
        return self != NEVER

    def and_of(self, other: "Within") -> "Within":
        """The shorter time in each direction."""
        return Within(_shorter(self.charge_s, other.charge_s), _shorter(self.discharge_s, other.discharge_s))


NEVER = Within()


def tolerated_w(limit_w: float) -> float:
    """By how much a car may be beyond its set-point."""
    return max(TOLERATED * limit_w, TOLERATED_W)


def _shorter(one_s: float | None, other_s: float | None) -> float | None:
    return min((each for each in (one_s, other_s) if each is not None), default=None)
