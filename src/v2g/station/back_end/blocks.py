"""All functional blocks of this station."""

from collections.abc import Callable

from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.der_block import DerControl

BLOCKS: tuple[Callable[[ChargingStation], Block], ...] = (DerControl,)
