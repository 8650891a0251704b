"""The one place that sets the power: a wish, the bounds of everyone concerned, and which of them binds.

Positive power charges the vehicle, negative feeds the grid. Bounds are magnitudes for each direction. The same inputs
give the same decision.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite


@dataclass(frozen=True, slots=True)
class Bound:
    """What one source allows. A direction that it says nothing about is unbounded."""

    source: str
    """The source by name, as a person reads it: `EV maximum discharge current`."""
    charge_w: float = inf
    discharge_w: float = inf

    def of(self, direction: float) -> float:
        """The magnitude allowed in the direction of `direction`'s sign."""
        return self.charge_w if direction > 0 else self.discharge_w


@dataclass(frozen=True, slots=True)
class Decision:
    """The power, why it is not what was wished for, and what would bind next."""

    power_w: float
    wish_w: float
    wished_by: str
    binding: Bound | None
    """None where the wish itself decides."""
    runner_up: Bound | None
    """The next tighter bound in the same direction."""

    @property
    def limited(self) -> bool:
        return self.binding is not None

    @property
    def sentence(self) -> str:
        """For a person: `discharging 4.2 kW of 6.0 kW wished by dispatch, limited by: EV maximum discharge current`."""
        wish = f"{_power(self.wish_w)} wished by {self.wished_by}"
        if self.binding is None:
            return f"{_verb(self.wish_w)} {wish}"
        return f"{_verb(self.wish_w)} {_power(self.power_w)} of {wish}, limited by: {self.binding.source}"


def decide(wish_w: float, wished_by: str, bounds: Iterable[Bound]) -> Decision:
    """Hold the wish to the tightest bound in its direction.

    A wish or a bound that is not a number allows nothing: the unknown is not a permission.
    """
    if not isfinite(wish_w):
        return Decision(0.0, 0.0, wished_by, Bound(f"{wished_by}: no valid wish", 0.0, 0.0), None)
    ranked = sorted(bounds, key=lambda bound: _allowed(bound, wish_w))
    tightest = ranked[0] if ranked else None
    magnitude = abs(wish_w)
    if wish_w == 0.0 or tightest is None or _allowed(tightest, wish_w) >= magnitude:
        return Decision(wish_w, wish_w, wished_by, None, tightest)
    allowed = _allowed(tightest, wish_w)
    power_w = allowed if wish_w > 0 else -allowed
    return Decision(power_w + 0.0, wish_w, wished_by, tightest, ranked[1] if len(ranked) > 1 else None)


def _allowed(bound: Bound, wish_w: float) -> float:
    allowed = bound.of(wish_w)
    return max(0.0, allowed) if allowed == allowed else 0.0  # NaN is not equal to itself


def _power(power_w: float) -> str:
    return f"{abs(power_w) / 1000:.1f} kW"


def _verb(power_w: float) -> str:
    return "charging" if power_w > 0 else "discharging" if power_w < 0 else "idle at"
