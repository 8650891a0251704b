"""The alarms of the safety inputs, and which of several counts: the first in the order of `Alarm`."""

from enum import StrEnum

from v2g.kernel.fault import Fault
from v2g.power.safety_inputs import SafetyReading
from v2g.station.readings import READING_STALE_S


class Alarm(StrEnum):
    """Why there must be no power, most urgent first."""

    EMERGENCY_STOP = "the emergency stop is pressed, or its loop is broken"
    RESIDUAL_CURRENT = "the residual-current device (CCID) has tripped"
    DOOR = "the door is open"
    STALE = "no fresh reading of the safety inputs"

    @property
    def fault(self) -> Fault:
        """Its code."""
        return _FAULTS[self]


_FAULTS = {
    Alarm.EMERGENCY_STOP: Fault.EMERGENCY_STOP,
    Alarm.RESIDUAL_CURRENT: Fault.RESIDUAL_CURRENT,
    Alarm.DOOR: Fault.DOOR,
    Alarm.STALE: Fault.SAFETY_INPUTS_LOST,
}


def alarms(reading: SafetyReading | None, now: float) -> tuple[Alarm, ...]:
    """The alarms at `now`, most urgent first. No reading, or a stale one, is an alarm."""
    if reading is None or abs(now - reading.time_s) > READING_STALE_S:
        return (Alarm.STALE,)
    raised = {
        Alarm.EMERGENCY_STOP: reading.emergency_stop,
        Alarm.RESIDUAL_CURRENT: reading.residual_current,
        Alarm.DOOR: reading.door_open,
    }
    return tuple(alarm for alarm in Alarm if raised.get(alarm, False))
