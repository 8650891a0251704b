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
    detail: str = ""
    """What makes it so just now: `20 A at 401 V`."""

    def of(self, direction: float) -> float:
        """The magnitude allowed in the direction of `direction`'s sign."""
        return self.charge_w if direction > 0 else self.discharge_w

    def __str__(self) -> str:
        return f"{self.source} ({self.detail})" if self.detail else self.source


@dataclass(frozen=True, slots=True)
class Decision:
    """The power, why it is not what was wished for, and what would bind next."""

    power_w: float
    wish_w: float
    wished_by: str
    binding: Bound | None
    """None where the wish itself decides."""
    runners_up: tuple[Bound, ...] = ()
    """The next tighter bounds in the same direction, the tightest first."""
    reactive_var: float = 0.0
    """Positive as drawn by an inductive load."""
    reactive_by: str = ""

    @property
    def limited(self) -> bool:
        return self.binding is not None

    @property
    def sentence(self) -> str:
        """For a person: `discharging 4.2 kW of 6.0 kW wished by dispatch, limited by: EV maximum discharge current`."""
        wish = f"{_power(self.wish_w)} wished by {self.wished_by}"
        if self.binding is None:
            return f"{_verb(self.wish_w)} {wish}"
        return f"{_verb(self.wish_w)} {_power(self.power_w)} of {wish}, limited by: {self.binding}"

    @property
    def explanation(self) -> str:
        """The sentence, what would bind next, and the reactive power."""
        parts = [self.sentence]
        if self.runners_up:
            following = self.runners_up[0]
            parts.append(f"next limit: {following}, {_power(following.of(self.wish_w))}")
        if self.reactive_by:
            side = "drawing" if self.reactive_var > 0 else "giving"
            parts.append(f"{side} {abs(self.reactive_var) / 1000:.1f} kvar by {self.reactive_by}")
        return "; ".join(parts)


def decide(
    wish_w: float, wished_by: str, bounds: Iterable[Bound], *, reactive_var: float = 0.0, reactive_by: str = ""
) -> Decision:
    """Hold the wish to the tightest bound in its direction.

    A wish or a bound that is not a number allows nothing: the unknown is not a permission.
    """
    reactive = (reactive_var, reactive_by) if isfinite(reactive_var) else (0.0, f"{reactive_by}: no valid value")
    if not isfinite(wish_w):
        return Decision(0.0, 0.0, wished_by, Bound(f"{wished_by}: no valid wish", 0.0, 0.0), (), *reactive)
    ranked = sorted(bounds, key=lambda bound: _allowed(bound, wish_w))
    allowed = _allowed(ranked[0], wish_w) if ranked else inf
    if wish_w == 0.0 or allowed >= abs(wish_w):
        finite = (bound for bound in ranked if wish_w and _allowed(bound, wish_w) < inf)
        return Decision(wish_w, wish_w, wished_by, None, tuple(finite)[:_RUNNERS_UP], *reactive)
    power_w = allowed if wish_w > 0 else -allowed
    following = (bound for bound in ranked[1:] if _allowed(bound, wish_w) < inf)
    return Decision(power_w + 0.0, wish_w, wished_by, ranked[0], tuple(following)[:_RUNNERS_UP], *reactive)


_RUNNERS_UP = 3
"""A person wants to know what comes next, not everything."""


def _allowed(bound: Bound, wish_w: float) -> float:
    allowed = bound.of(wish_w)
    return max(0.0, allowed) if allowed == allowed else 0.0  # NaN is not equal to itself


def _power(power_w: float) -> str:
    return f"{abs(power_w) / 1000:.1f} kW"


def _verb(power_w: float) -> str:
    return "charging" if power_w > 0 else "discharging" if power_w < 0 else "idle at"
