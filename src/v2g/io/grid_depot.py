"""What an adapter of a grid's language sees of a depot, and how it asks."""

from typing import Protocol

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel, Desk
from v2g.depot.dispatch import Dispatch
from v2g.depot.request import AnyRequest
from v2g.depot.view import Site


class Depot(Protocol):
    """What is shown and asked."""

    site: Site
    dispatch: Dispatch | None
    desk: Desk

    def now(self) -> float: ...
    def put(self, channel: Channel, request: AnyRequest) -> None: ...
    def withdraw(self, by: str, channel: Channel) -> bool: ...


def ratings_of(configuration: Configuration) -> tuple[float, float]:
    """What the depot can draw and feed: its EVSEs together, as far as its connection carries them. Magnitudes in W."""
    evses = [evse for station in configuration.stations for evse in station.evses]
    connection = configuration.feeders[0]
    most_w = connection.charge_w if connection.discharge_w is None else connection.discharge_w
    return (
        min(sum(each.charge_w for each in evses), connection.charge_w),
        min(sum(each.discharge_w for each in evses), most_w),
    )
