"""The schedule of ISO 15118-20 that the car was offered, and the power profile with which it answers."""

from collections.abc import Iterator
from itertools import accumulate, pairwise

from v2g.iso15118.d20.numbers import limit
from v2g.iso15118.schedule import Schedule
from v2g.iso15118.view import Slot
from v2g.messages.iso20.common import (
    ChargingSchedule,
    EVPowerProfileEntryList,
    PowerScheduleEntry,
    ScheduleTuple,
)


def profile(schedule: Schedule, wish_w: float) -> EVPowerProfileEntryList:
    """What the car plans: the wish, held to the schedule, for as long as that lasts."""
    return EVPowerProfileEntryList(
        [PowerScheduleEntry(Duration=seconds, Power=limit(power_w)) for seconds, power_w in schedule.plan(wish_w)]
    )


def read(offered: ScheduleTuple, unix_s: int) -> Schedule:
    """The schedule of an offered tuple. One that is over already counts from now: some stations give no real start."""
    slots = tuple(_merged(offered))
    anchor_s = offered.ChargingSchedule.PowerSchedule.TimeAnchor
    if anchor_s + sum(slot.duration_s for slot in slots) <= unix_s:
        anchor_s = unix_s
    return Schedule(offered.ScheduleTupleID, anchor_s, slots)


def _merged(offered: ScheduleTuple) -> Iterator[Slot]:
    """Charging and discharging schedule cut at the ends of either's entries; without an entry nothing may flow."""
    charge = _pieces(offered.ChargingSchedule)
    discharge = _pieces(offered.DischargingSchedule) if offered.DischargingSchedule is not None else []
    cuts = sorted({0, *(end_s for end_s, _ in charge), *(end_s for end_s, _ in discharge)})
    for begin_s, end_s in pairwise(cuts):
        yield Slot(end_s - begin_s, _at(charge, begin_s), _at(discharge, begin_s))


def _pieces(schedule: ChargingSchedule) -> list[tuple[int, float]]:
    """End, in seconds from the start, and power of each entry; some stations give discharging a negative sign."""
    entries = schedule.PowerSchedule.PowerScheduleEntries.PowerScheduleEntry
    powers_w = [
        abs(sum(each.value for each in (entry.Power, entry.Power_L2, entry.Power_L3) if each is not None))
        for entry in entries
    ]
    return list(zip(accumulate(entry.Duration for entry in entries), powers_w, strict=True))


def _at(pieces: list[tuple[int, float]], second: int) -> float:
    return next((power_w for end_s, power_w in pieces if second < end_s), 0.0)
