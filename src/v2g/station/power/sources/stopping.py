"""The station has asked the car to stop or to pause."""

from collections.abc import Iterator

from v2g.iso15118.view import Stop
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Stopping(Source):
    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if situation.stop is not Stop.NONE:
            yield Bound("station is stopping", 0.0, 0.0, holds=Holds.AT_ONCE)
