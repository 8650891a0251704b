"""Who gets how much of what the site's transformer or connection may carry."""

from v2g.station.config.settings import Settings
from v2g.station.power.limits import Bound, Holds


def shares(settings: Settings) -> dict[int, Bound]:
    """Each EVSE's share of the site's limit, by its id, whatever the others do; empty without a site limit."""
    site, count = settings.site, len(settings.evses)
    if site is None:
        return {}
    detail = f"a share of 1/{count}" if count > 1 else ""
    bound = Bound("site limit", site.charge_w / count, site.discharge_w / count, detail, Holds.ALWAYS)
    return {evse.id: bound for evse in settings.evses}
