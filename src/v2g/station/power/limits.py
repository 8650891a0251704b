"""The one place that sets the power: a wish, the bounds of everyone concerned, and which of them binds.

Positive power charges the vehicle, negative feeds the grid. Bounds are magnitudes for each direction. The same inputs
give the same decision.
"""

from collections.abc import Iterable
from enum import Enum, auto
from math import inf, isfinite
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from v2g.kernel.units import kvar, kw


class Holds(Enum):
    """For how long a bound holds, and so who has to know of it."""

    ALWAYS = auto()
    """As long as the station is what it is: ratings, EVSE, site, permissions. An order by hand is checked against
    these, and no car is promised more."""
    FOR_NOW = auto()
    """As long as its cause lasts: heat, grid, operator. The car learns of it, its schedule follows, the meter is
    watched."""
    AT_ONCE = auto()
    """For this set-point only: ramps, the rest between two directions, a current times the voltage of this moment."""
    CAR = auto()
    """What the car itself states; it knows already."""


class Bound(Struct, frozen=True):
    """What one source allows. A direction that it says nothing about is unbounded."""

    source: str
    """The source by name, as a person reads it: `EV maximum discharge current`."""
    charge_w: float = inf
    discharge_w: float = inf
    detail: str = ""
    """What makes it so just now: `20 A at 401 V`."""
    holds: Holds = Holds.FOR_NOW

    def of(self, direction: float) -> float:
        """The magnitude allowed in the direction of `direction`'s sign."""
        return self.charge_w if direction > 0 else self.discharge_w

    def behind(self, loss_w: float) -> "Bound":
        """The same bound at the vehicle's side of an inverter that loses `loss_w`; nothing stays nothing."""
        if not loss_w:
            return self
        discharge_w = self.discharge_w + loss_w if self.discharge_w else 0.0
        return Bound(self.source, max(self.charge_w - loss_w, 0.0), discharge_w, self.detail, self.holds)

    def __str__(self) -> str:
        return f"{self.source} ({self.detail})" if self.detail else self.source


class Wish(Struct, frozen=True):
    """A power that somebody wants, before anyone's limits."""

    power_w: float
    by: str
    """Who wants it, as a person reads it."""


NOTHING = Bound("nothing is decided yet", 0.0, 0.0)


class Allowed(Struct, frozen=True):
    """The tightest bound in each direction."""

    charge: Bound = NOTHING
    discharge: Bound = NOTHING

    @property
    def charge_w(self) -> float:
        return _allowed(self.charge, 1.0)

    @property
    def discharge_w(self) -> float:
        return _allowed(self.discharge, -1.0)

    def of(self, direction: float) -> Bound:
        """The bound in the direction of `direction`'s sign."""
        return self.charge if direction > 0 else self.discharge


class Decision(Struct, frozen=True):
    """The power, why it is not what was wished for, what would bind next, and what the station allows at all.

    Everything that lets energy flow reads this value: the set-point, the limits and the schedule given to the car, the
    duty cycle, and the limits that the supervisor enforces at the meter.
    """

    power_w: float = 0.0
    wish_w: float = 0.0
    wished_by: str = "nobody"
    binding: Bound | None = None
    """None if the wish itself decides."""
    runners_up: tuple[Bound, ...] = ()
    """The next tighter bounds in the same direction, the tightest first."""
    reactive_var: float = 0.0
    """Positive as drawn by an inductive load."""
    reactive_by: str = ""
    allowed: Allowed = Allowed()
    """What the station allows now, whatever the car wishes and states."""
    lasting: Allowed = Allowed()
    """What the station allows at most, in the best of circumstances."""

    @property
    def limited(self) -> bool:
        return self.binding is not None

    @property
    def sentence(self) -> str:
        """For a person: `discharging 4.2 kW of 6.0 kW wished by dispatch, limited by: EV maximum discharge current`."""
        verb, wish, power = _verb(self.wish_w), _power(self.wish_w), _power(self.power_w)
        if self.binding is None:
            return f"{verb} {wish} wished by {self.wished_by}"
        if wish == power:  # 3.1 kW of 3.1 kW is no limit to a reader
            wish, power = f"{abs(self.wish_w):.0f} W", f"{abs(self.power_w):.0f} W"
        return f"{verb} {power} of {wish} wished by {self.wished_by}, limited by: {self.binding}"

    @property
    def explanation(self) -> str:
        """The sentence, what would bind next, and the reactive power."""
        parts = [self.sentence]
        if self.runners_up:
            following = self.runners_up[0]
            parts.append(f"next limit: {following}, {_power(following.of(self.wish_w))}")
        if self.reactive_by:
            side = "drawing" if self.reactive_var > 0 else "giving"
            parts.append(f"{side} {kvar(abs(self.reactive_var))} by {self.reactive_by}")
        return "; ".join(parts)


IDLE = Decision()
"""Before anything is known: no power in either direction."""


def decide(wish: Wish, bounds: Iterable[Bound], *, reactive_var: float = 0.0, reactive_by: str = "") -> Decision:
    """Hold the wish to the tightest bound in its direction.

    A wish or a bound that is not a number allows nothing: the unknown is not a permission.
    """
    wish_w = wish.power_w
    if not isfinite(reactive_var):
        reactive_var, reactive_by = 0.0, f"{reactive_by}: no valid value"
    bounds = [
        bound if bound.charge_w >= 0.0 and bound.discharge_w >= 0.0 else _without_nonsense(bound) for bound in bounds
    ]
    always = [bound for bound in bounds if bound.holds is _ALWAYS]
    now = [bound for bound in bounds if bound.holds is _FOR_NOW or bound.holds is _ALWAYS]
    rest = (reactive_var, reactive_by, _tightest(now), _tightest(always))
    if not isfinite(wish_w):
        return Decision(0.0, 0.0, wish.by, Bound(f"{wish.by}: no valid wish", 0.0, 0.0), (), *rest)
    if wish_w == 0.0:
        return Decision(0.0, 0.0, wish.by, None, (), *rest)
    magnitude = _CHARGE_W if wish_w > 0 else _DISCHARGE_W
    following = tuple([bound for bound in sorted(bounds, key=magnitude)[: _RUNNERS_UP + 1] if magnitude(bound) < inf])
    most_w = magnitude(following[0]) if following else inf
    if most_w >= abs(wish_w):
        return Decision(wish_w, wish_w, wish.by, None, following[:_RUNNERS_UP], *rest)
    power_w = most_w if wish_w > 0 else -most_w
    return Decision(power_w + 0.0, wish_w, wish.by, following[0], following[1:], *rest)


_ALWAYS, _FOR_NOW = Holds.ALWAYS, Holds.FOR_NOW
_CHARGE_W, _DISCHARGE_W = attrgetter("charge_w"), attrgetter("discharge_w")


def _without_nonsense(bound: Bound) -> Bound:
    """What is negative or not a number allows nothing."""
    charge_w = bound.charge_w if bound.charge_w >= 0.0 else 0.0
    discharge_w = bound.discharge_w if bound.discharge_w >= 0.0 else 0.0
    return replace(bound, charge_w=charge_w, discharge_w=discharge_w)


def _tightest(bounds: list[Bound]) -> Allowed:
    """The first of the tightest in each direction; nothing is allowed if there are none."""
    return Allowed(min(bounds, key=_CHARGE_W, default=NOTHING), min(bounds, key=_DISCHARGE_W, default=NOTHING))


_RUNNERS_UP = 3
"""A person wants to know what comes next, not everything."""


def _allowed(bound: Bound, direction: float) -> float:
    allowed = bound.of(direction)
    return max(0.0, allowed) if allowed == allowed else 0.0  # NaN is not equal to itself


def _power(power_w: float) -> str:
    return kw(abs(power_w))


def _verb(power_w: float) -> str:
    return "charging" if power_w > 0 else "discharging" if power_w < 0 else "idle at"
