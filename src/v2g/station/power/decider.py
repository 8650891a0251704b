"""Decides the power of one EVSE, again and again: whose wish, whose bounds, one decision."""

from collections.abc import Iterable
from math import fmod, isfinite

from v2g.station.power.limits import IDLE, Decision, Wish, decide
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

RESOLUTION = 10.0
"""Of set-points, in W and var: a smaller step is not worth a write to the inverter."""
_NOBODY = Wish(0.0, "nobody")


class Decider:
    """The power during one visit. `decision` is the latest one."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.decision: Decision = IDLE
        self.limited_s: dict[str, float] = {}
        """Seconds for which each bound held the power below the wish."""
        sources = tuple(sources)  # few take part in everything, and a decision is made at every reading
        self._wishing = [each.wish for each in sources if type(each).wish is not Source.wish]
        self._reshaping = [each.reshape for each in sources if type(each).reshape is not Source.reshape]
        self._bounding = [each.bounds for each in sources if type(each).bounds is not Source.bounds]
        self._hearing = [each.decided for each in sources if type(each).decided is not Source.decided]
        self._energy = False
        self._energy_since: float | None = None
        self._decided_at = 0.0

    def decide(self, situation: Situation) -> Decision:
        """The decision at `situation.now`. The same inputs at the same times give the same decisions."""
        now, energy = situation.now, situation.energy
        situation.begins, self._energy = energy and not self._energy, energy
        if energy and self._energy_since is None:
            self._energy_since = now
        if not energy or situation.begins:
            self._decided_at = now
        situation.energy_s = 0.0 if self._energy_since is None else now - self._energy_since
        situation.dt_s, situation.before_w = now - self._decided_at, self.decision.power_w
        self._decided_at = now
        wish = self._wish(situation) if energy else _NOBODY
        for reshape in self._reshaping:
            wish = reshape(wish, situation)
        situation.wish_w = wish.power_w
        bounds = [bound for bounds_of in self._bounding for bound in bounds_of(situation)]
        reactive_var, reactive_by = situation.reactive
        self.decision = decision = decide(
            Wish(_whole(wish.power_w), wish.by), bounds, reactive_var=_whole(reactive_var), reactive_by=reactive_by
        )
        for hear in self._hearing:
            hear(decision, situation)
        if (binding := decision.binding) is not None:
            self.limited_s[binding.source] = self.limited_s.get(binding.source, 0.0) + situation.dt_s
        return decision

    def _wish(self, situation: Situation) -> Wish:
        for wish_of in self._wishing:
            if (wish := wish_of(situation)) is not None:
                return wish
        return _NOBODY


def _whole(power: float) -> float:
    """A multiple of `RESOLUTION`, towards zero."""
    return power - fmod(power, RESOLUTION) if isfinite(power) else power  # `decide` judges the latter
