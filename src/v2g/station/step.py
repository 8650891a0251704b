"""What a call of an `Evse` brings about."""

from dataclasses import dataclass

from v2g.station.event import Event
from v2g.station.orders import SAFE, Orders


@dataclass(frozen=True, slots=True)
class Step:
    """Payloads for the car, in order; what the hardware should be from now on; what happened."""

    send: tuple[tuple[int, bytes], ...] = ()
    """Payload type and payload."""
    orders: Orders = SAFE
    events: tuple[Event, ...] = ()
