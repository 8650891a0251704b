"""Whether energy may be taken from a car here at all."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

_NOT_AUTHORISED = Bound("no authorisation to discharge", discharge_w=0.0, holds=Holds.ALWAYS)
_NO_PROTECTION = Bound("no grid protection", discharge_w=0.0, holds=Holds.ALWAYS)
_ONE_WAY = Bound("selected service is not bidirectional", discharge_w=0.0)


class Permission(Source):
    """No discharge without authorisation of the EVSE and of its car, without a grid code, or in a service that is not
    bidirectional."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        settings, service = situation.settings, situation.service
        if not settings.access.discharge:
            yield _NOT_AUTHORISED
        elif situation.charges_only:
            yield Bound(situation.charges_only, discharge_w=0.0, holds=Holds.ALWAYS)
        if settings.grid_code is None:
            yield _NO_PROTECTION
        if service is not None and not service.bidirectional:
            yield _ONE_WAY
