"""Port of the small inputs that stop a station: emergency stop, door, residual current, and the temperatures."""

from dataclasses import dataclass
from typing import Protocol

LOST_WITHIN_S = 0.25
"""A device that is gone or silent raises `PowerError` within this time."""


@dataclass(frozen=True, slots=True)
class SafetyReading:
    """What the inputs show, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    emergency_stop: bool
    door_open: bool
    residual_current: bool
    """The residual-current device (RCD, CCID) has tripped; it stays so until it is reset."""
    contactor_c: float | None
    coolant_c: float | None
    ambient_c: float | None
    """None: there is no such sensor, or its wire is broken."""
    flow: float | None
    """Of the coolant, as a share of the full flow; None without a sensor."""


class SafetyInputs(Protocol):
    """Inputs that are wired to fail safe: each loop is closed while all is well, and a broken wire is an alarm.

    The emergency stop and the residual-current device break the power in hardware, before any of this; the reading
    gives the station the reason. A lost link raises `PowerError` within `LOST_WITHIN_S`; a broken temperature sensor
    does not.
    """

    async def read(self) -> SafetyReading:
        """Reads. Raises `PowerError`."""
        ...


class CoolantPump(Protocol):
    """The coolant pump. After 5 s without any command it runs fully by itself: heat is the worse fault."""

    async def command(self, share: float) -> None:
        """Sets the speed, 0 to 1; a level to be repeated. Raises `PowerError`, and `ValueError` outside that range."""
        ...
