"""Whether energy may be taken from a car here at all."""

from collections.abc import Iterator

from v2g.iso15118.service import Service
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Permission(Source):
    """No discharge without authorisation, without a grid code, or in a service that is not bidirectional."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        settings, service = situation.settings, situation.service
        if not settings.access.discharge:
            yield Bound("no authorisation to discharge", discharge_w=0.0, holds=Holds.ALWAYS)
        if settings.grid_code is None:
            yield Bound("no grid protection", discharge_w=0.0, holds=Holds.ALWAYS)
        if service is not None and not service.bidirectional:
            yield Bound("selected service is not bidirectional", discharge_w=0.0)


class IslandWatch(Source):
    """With AC the inverter is the car's: nothing here proves that it notices an island, so nothing is fed.

    `bench_ac_bpt: true` lifts this on a bench, where there is no grid to protect.
    """

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        settings = situation.settings
        station_converts = settings.inverter is not None
        ac = situation.service is Service.AC_BPT or not station_converts
        if ac and settings.grid_code is not None and not settings.bench_ac_bpt:
            detail = "the car's inverter is not supervised for islanding"
            yield Bound("AC discharge", discharge_w=0.0, detail=detail, holds=Holds.ALWAYS)
