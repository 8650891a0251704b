"""What the DERControls that are active, and the default control behind them, ask of a depot.

IEEE 2030.5 counts what is generated positive. Each mode holds until its event is over; then the default control's value
does, if it has one. Limits of several modes hold beside each other.
"""

from collections.abc import Mapping
from math import inf

from msgspec import Struct

from v2g.depot.request import Limit
from v2g.languages.plant import Ratings

TARGET, FIXED = "opModTargetW", "opModFixedW"
"""A power in W; in percent of the rating of its direction."""
MOST_PCT, MOST_W, LOAD_W = "opModMaxLimW", "opModMaxLimWInject", "opModMaxLimWAbsorb"
EXPORT, IMPORT, GENERATION, LOAD = "opModExpLimW", "opModImpLimW", "opModGenLimW", "opModLoadLimW"
CONNECT = "opModConnect"
"""With opModEnergize: 0 lets nothing flow."""

Values = Mapping[str, float]
"""By mode, in W, percent, or 0 and 1."""


class Event(Struct, frozen=True):
    """A DERControl that is active."""

    values: Values
    until_s: float
    """By the depot's clock."""


class Controls:
    """All that holds."""

    def __init__(self, ratings: Ratings) -> None:
        self._ratings = ratings
        self.events: dict[str, Event] = {}
        """By mRID; a later one holds over the ones before."""
        self.default: Values = {}

    def start(self, mrid: str, event: Event) -> None:
        """An event becomes active, or is another one than before. Its modes supersede those of events before it."""
        self.events.pop(mrid, None)
        for id, each in self.events.items():
            left = {mode: value for mode, value in each.values.items() if mode not in event.values}
            self.events[id] = Event(left, each.until_s)
        self.events[mrid] = event

    def end(self, mrid: str | None, now: float) -> None:
        """It is over; None: all of them."""
        for each in list(self.events):
            if mrid in (None, each) or self.events[each].until_s <= now:
                del self.events[each]

    def power(self, now: float) -> tuple[float, float, float | None] | None:
        """What is asked for, until when, and what from then on; None if nothing is. Positive draws from the grid."""
        asking = [
            each for each in self.events.values() if self._power_w(each.values) is not None and each.until_s > now
        ]
        then_w = self._power_w(self.default)
        if asking:
            power_w = self._power_w(asking[-1].values)
            assert power_w is not None
            return power_w, asking[-1].until_s, then_w
        return None if then_w is None else (then_w, inf, None)

    def limits(self, now: float) -> tuple[Limit, ...]:
        """One after the other, as events end."""
        ends = sorted({each.until_s for each in self.events.values() if now < each.until_s < inf})
        steps = tuple(self._limit(at) for at in (now, *ends))
        return steps if any(each.charge_w is not None or each.discharge_w is not None for each in steps) else ()

    def _limit(self, at: float) -> Limit:
        held = dict(self.default)
        for each in self.events.values():
            if each.until_s > at:
                held |= each.values
        if held.get(CONNECT, 1.0) == 0.0:
            return Limit(at, 0.0, 0.0)
        fed = [held[each] for each in (MOST_W, EXPORT, GENERATION) if each in held]
        if MOST_PCT in held:
            fed.append(held[MOST_PCT] / 100.0 * self._ratings.discharge_w)
        drawn = [held[each] for each in (LOAD_W, IMPORT, LOAD) if each in held]
        return Limit(at, max(min(drawn), 0.0) if drawn else None, max(min(fed), 0.0) if fed else None)

    def _power_w(self, values: Values) -> float | None:
        if TARGET in values:
            generated_w = values[TARGET]
        elif FIXED in values:
            rating_w = self._ratings.discharge_w if values[FIXED] > 0.0 else self._ratings.charge_w
            generated_w = values[FIXED] / 100.0 * rating_w
        else:
            return None
        return 0.0 - max(-self._ratings.charge_w, min(self._ratings.discharge_w, generated_w))
