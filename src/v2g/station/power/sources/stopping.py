"""The station has asked the car to stop or to pause."""

from collections.abc import Iterator

from v2g.iso15118.service import ControlMode
from v2g.iso15118.view import Stop
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Stopping(Source):
    """No power. An AC car converts for itself, so its meter is watched too.

    A car with a schedule of its own that is asked to pause may take a minute to begin, and goes on until then
    [V2G20-1850].
    """

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if situation.stop is Stop.NONE:
            return
        mode = situation.demand.mode
        begins_later = mode is ControlMode.SCHEDULED and situation.stop is Stop.PAUSE
        watched = not situation.dc and mode is not None and not begins_later
        yield Bound("station is stopping", 0.0, 0.0, holds=Holds.FOR_NOW if watched else Holds.AT_ONCE)
