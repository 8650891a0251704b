"""The car's power profile must stay within the schedule that it was offered, at all times."""

from collections.abc import Iterator

from v2g.iso15118.session import Refusal, Session
from v2g.iso15118.view import Slot
from v2g.messages.iso20.common import EVPowerProfile, PowerScheduleEntry
from v2g.messages.iso20.types import ResponseCode

ROUNDING_W = 1.0
"""A RationalNumber of kilowatts carries its value to half a watt."""


def check_profile(profile: EVPowerProfile | None, session: Session) -> None:
    """Raise `Refusal` if the profile names a schedule that was not offered, or exceeds it at some time.

    A profile may end after the schedule: nothing was promised there, so nothing may be planned but zero.
    """
    if profile is None or not session.schedule:
        return
    chosen = profile.Scheduled_EVPPTControlMode
    if chosen is not None and chosen.SelectedScheduleTupleID not in session.tuples:
        raise Refusal(
            ResponseCode.FAILED_ScheduleSelectionInvalid,
            f"schedule tuple {chosen.SelectedScheduleTupleID} was not offered, "
            f"only {', '.join(map(str, session.tuples))}",
        )
    # Some cars give no anchor: their profile then starts with the schedule.
    offset_s = profile.TimeAnchor - session.schedule_from_s if profile.TimeAnchor else 0
    for start_s, end_s, power_w in _pieces(profile.EVPowerProfileEntries.EVPowerProfileEntry, offset_s):
        for slot in _slots_between(session.schedule, start_s, end_s):
            if not -slot.discharge_w - ROUNDING_W <= power_w <= slot.charge_w + ROUNDING_W:
                raise Refusal(
                    ResponseCode.FAILED_EVPowerProfileInvalid,
                    f"the profile plans {power_w:g} W from {start_s} s, "
                    f"the schedule allows {-slot.discharge_w:g} to {slot.charge_w:g} W",
                )


def _pieces(entries: list[PowerScheduleEntry], offset_s: int) -> Iterator[tuple[int, int, float]]:
    """Start and end, in seconds from the schedule's start, and power over all phases of each entry."""
    start_s = offset_s
    for entry in entries:
        phases = (entry.Power, entry.Power_L2, entry.Power_L3)
        yield start_s, start_s + entry.Duration, sum(each.value for each in phases if each is not None)
        start_s += entry.Duration


def _slots_between(schedule: tuple[Slot, ...], start_s: int, end_s: int) -> Iterator[Slot]:
    begin_s = 0
    for slot in schedule:
        if begin_s < end_s and begin_s + slot.duration_s > start_s:
            yield slot
        begin_s += slot.duration_s
    if end_s > begin_s:
        yield Slot(end_s - begin_s, charge_w=0.0, discharge_w=0.0)
