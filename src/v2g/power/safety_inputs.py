"""Port of the small inputs that stop a station: emergency stop, door, residual current, and the temperatures."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

LOST_WITHIN_S = 0.25
"""A device that is gone or silent raises `PowerError` within this time."""
STALE_S = 0.35
"""A reading older than this is an alarm of its own."""


class Alarm(StrEnum):
    """Why there must be no power, in the order of urgency."""

    EMERGENCY_STOP = "the emergency stop is pressed, or its loop is broken"
    RESIDUAL_CURRENT = "the residual-current device (CCID) has tripped"
    DOOR = "the door is open"
    STALE = "no fresh reading of the safety inputs"


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
    tells the station why. A lost link raises `PowerError` within `LOST_WITHIN_S`; a broken temperature sensor does not.
    """

    async def read(self) -> SafetyReading:
        """Reads. Raises `PowerError`."""
        ...


class CoolantPump(Protocol):
    """The coolant pump. After 5 s without any command it runs fully by itself: heat is the worse fault."""

    async def command(self, share: float) -> None:
        """Sets the speed, 0 to 1; a level to be repeated. Raises `PowerError`, and `ValueError` outside that range."""
        ...


def alarms(reading: SafetyReading | None, now: float) -> tuple[Alarm, ...]:
    """What speaks against power at `now`, most urgent first. No reading, or a stale one, is an alarm."""
    if reading is None or abs(now - reading.time_s) > STALE_S:
        return (Alarm.STALE,)
    raised = {
        Alarm.EMERGENCY_STOP: reading.emergency_stop,
        Alarm.RESIDUAL_CURRENT: reading.residual_current,
        Alarm.DOOR: reading.door_open,
    }
    return tuple(alarm for alarm, is_raised in raised.items() if is_raised)
