"""A DC car that says nothing for a while gets and gives nothing, long before its session ends.

ISO 15118-2 and DIN SPEC 70121 let a car be silent for 60 s in the charge loop too ([V2G2-443], [V2G-DC-432]); the
station's inverter need not follow its last request for so long. An AC car converts by itself.
"""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

SILENT_S = 2.0
"""Eight times what a response may take there: a car asks again at once."""


class Silence(Source):
    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if situation.energy and situation.dc and situation.silent_s > SILENT_S:
            detail = f"no request for {SILENT_S:g} s"
            yield Bound("silence of the EV", charge_w=0.0, discharge_w=0.0, detail=detail, holds=Holds.AT_ONCE)
