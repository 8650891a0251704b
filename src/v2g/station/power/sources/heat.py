"""What the temperatures leave (`v2g.station.safety.heat`)."""

from collections.abc import Iterator

from msgspec.structs import replace

from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Heat(Source):
    def bounds(self, situation: Situation) -> Iterator[Bound]:
        heat = situation.heat
        if heat is None:
            return
        yield heat.bound
        if situation.energy and (ramp := heat.ramp(situation.before_w, situation.dt_s)) is not None:
            yield replace(ramp, holds=Holds.AT_ONCE)
