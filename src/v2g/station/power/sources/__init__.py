"""Who wishes and who limits: one file each. A new limit is a file here, a row below, and a test."""

from collections.abc import Callable

from v2g.kernel.registry import Registry
from v2g.station.config.settings import EvseSettings
from v2g.station.power.source import Source
from v2g.station.power.sources.back_end import BackEnd
from v2g.station.power.sources.battery import Battery
from v2g.station.power.sources.capability import Capability
from v2g.station.power.sources.car import Car
from v2g.station.power.sources.car_inverter import CarInverter
from v2g.station.power.sources.departure import Departure
from v2g.station.power.sources.duty_cycle import DutyCycle
from v2g.station.power.sources.grid import Grid
from v2g.station.power.sources.heat import Heat
from v2g.station.power.sources.local import Local
from v2g.station.power.sources.operator import Operator
from v2g.station.power.sources.permission import Permission
from v2g.station.power.sources.plan import Plan
from v2g.station.power.sources.ramp import Ramp
from v2g.station.power.sources.rating import Rating
from v2g.station.power.sources.reversal import Reversal
from v2g.station.power.sources.silence import Silence
from v2g.station.power.sources.site import Site
from v2g.station.power.sources.stopping import Stopping

ROWS: tuple[Callable[[], Source], ...] = (
    Capability,
    Site,
    Permission,
    CarInverter,
    Operator,
    Car,
    Silence,
    Battery,
    Departure,
    DutyCycle,
    Local,
    BackEnd,
    Plan,
    Ramp,
    Heat,
    Stopping,
    Rating,
    Grid,
    Reversal,
)
"""Of several wishes the first one counts; of equal bounds the first one is named. The grid comes before the reversal,
which looks at what the grid has made of the wish."""


OUTSIDE: Registry[Callable[[EvseSettings], Source]] = Registry("v2g.wishes", "wish source", {})
"""Sources that other packages bring: `wishes` in the configuration names those that an EVSE asks."""


def make(settings: EvseSettings) -> list[Source]:
    """The sources of one visit. Those from outside come before the plan, so that their wish replaces it.

    Raises `RegistryError` for one that cannot be had.
    """
    sources = [row() for row in ROWS]
    place = ROWS.index(Plan)
    sources[place:place] = [OUTSIDE.load(name)(settings) for name in settings.wishes]
    return sources
