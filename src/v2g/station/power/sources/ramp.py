"""How fast the power may rise: `capability.ramp_w_per_s`. A fall is never ramped."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Ramp(Source):
    def bounds(self, situation: Situation) -> Iterator[Bound]:
        ramp_w_per_s, before_w = situation.settings.capability.ramp_w_per_s, situation.before_w
        if ramp_w_per_s is not None and situation.energy:
            rise_w = ramp_w_per_s * situation.dt_s
            charge_w, discharge_w = max(0.0, before_w + rise_w), max(0.0, rise_w - before_w)
            yield Bound("station power ramp", charge_w, discharge_w, holds=Holds.AT_ONCE)
