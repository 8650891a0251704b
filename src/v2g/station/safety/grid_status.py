"""What the operator may see of an EVSE's grid protection."""

from msgspec import Struct


class GridStatus(Struct, frozen=True):
    """What the grid code says."""

    code: str
    nominal_hz: float
    state: str
    element: str
    why: str
    share: float
    """Of the rated power that may be exchanged."""
    ride_through: str
    reactive_mode: str
    set_point_delay_s: float | None = None
    """How late the inverter follows; None until it has been measured."""
    feeds_not: str = ""
    """Why nothing is fed whatever the grid is like; empty if it may be."""
