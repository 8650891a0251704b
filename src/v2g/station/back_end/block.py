"""A functional block of OCPP beside the core: what it answers, and what it looks at in every step."""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from v2g.station.back_end.charging_station import ChargingStation, Handler


class Block:
    """A block has its state, its handlers by action (`handlers`), and a look at things (`step`)."""

    first: ClassVar[bool] = False
    """Whether it looks before the orders are given, because they depend on it."""

    def __init__(self, station: "ChargingStation") -> None:
        self.station = station
        self.handlers: dict[str, Handler] = {}

    def step(self) -> None:
        """Time has passed: `station.now`, `station.unix_s`."""

    def accepted(self) -> None:
        """The back end has accepted the station (BootNotification)."""

    def disconnected(self) -> None:
        """The connection is gone."""
