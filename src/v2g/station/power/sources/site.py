"""What the site's transformer or connection leaves this EVSE: its share of `site` (`v2g.station.site`)."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Site(Source):
    """What flows through the meter counts, not what the vehicle gets."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if (site := situation.site) is not None:
            share = situation.settings.phases / situation.wired  # a phase carries no more than its part of it
            yield Bound(site.source, site.charge_w * share, site.discharge_w * share, site.detail, site.holds).behind(
                situation.loss_w
            )
