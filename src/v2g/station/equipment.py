"""What an EVSE needs besides, made once the station listens: loading it earlier would delay that."""

from typing import TYPE_CHECKING

from v2g.power.inverter import InverterRating
from v2g.station.config.settings import EvseSettings
from v2g.station.event import Event
from v2g.station.kept import KeptEvse

if TYPE_CHECKING:
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.heat import Heat
    from v2g.station.safety.plug import Plug


def equip(
    settings: EvseSettings,
    rating: InverterRating | None,
    kept: KeptEvse,
    there: "tuple[GridGuard | None, Plug | None, Heat | None]",
) -> "tuple[GridGuard | None, Plug | None, Heat | None, list[Event]]":
    """Guard, plug and heat, made if they are needed and not `there` yet; and what is to be reported of that."""
    guard, plug, heat = there
    events = list[Event]()
    if guard is None and settings.grid_code is not None:
        from v2g.station.safety.grid_guard import guard_of

        guard, lost = guard_of(settings, settings.grid_code, kept)
        events += lost
    if plug is None and settings.pilot is not None:
        from v2g.station.safety.plug import plug_of

        plug = plug_of(settings.pilot, settings.plc)
    if heat is None:
        from v2g.station.safety.heat import heat_of

        heat = heat_of(settings, rating)
    return guard, plug, heat, events
