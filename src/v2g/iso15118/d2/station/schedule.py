"""The schedule that the car is offered, once for each tariff, and the charging profile that it answers with."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.session import Refusal, Session
from v2g.iso15118.view import Offer, Slot, StationView
from v2g.messages.iso2 import ResponseCode

TUPLE_ID = 1
"""The first; tariffs are in the same order in a resumed session, so the numbers are, too [V2G2-741]."""
MOST_TUPLES = 3
ENTRY_S = 86_400
"""The longest duration of an entry."""
FARTHEST_S = 16_777_214
"""The latest start of an entry."""
MOST_ENTRIES, DIN_MOST_ENTRIES = 1024, 12
"""Of a schedule; the latter [V2G-DC-329]."""
ROUNDING_W = 1.0
DIN_MOST_W = 32_767
"""PMax of DIN has 16 bits and no multiplier: more is said as this, and the limits of CurrentDemandRes say the rest."""


def slots(view: StationView, departure_s: int | None, *, feeds: bool) -> tuple[Slot, ...]:
    """What the station can promise: exactly until the departure [V2G2-303], or else as long as it knows, at least a day
    [V2G2-304]. Empty while it is not known. `feeds`: whether the car may be discharged."""
    if not view.schedule:
        return ()
    known = [each if feeds else replace(each, discharge_w=0.0) for each in view.schedule]
    due_s = min(departure_s, FARTHEST_S) if departure_s else max(ENTRY_S, sum(each.duration_s for each in known))
    kept: list[Slot] = []
    for each in [*known, replace(known[-1], duration_s=due_s)]:
        left_s = due_s - sum(slot.duration_s for slot in kept)
        whole, rest_s = divmod(min(each.duration_s, left_s), ENTRY_S)
        kept += [replace(each, duration_s=ENTRY_S)] * whole
        kept += [replace(each, duration_s=rest_s)] * bool(rest_s)
    return tuple(kept)


def written(to: Dialect, offered: tuple[Slot, ...], most_entries: int | None, tariffs: Sequence[Any] = (None,)) -> Any:
    """As the message has it, one tuple for each tariff; None while nothing is known. DIN wants a tuple even then: one
    without power."""
    if not offered:
        if to.renegotiates:
            return None
        offered = (Slot(duration_s=1, charge_w=0.0, discharge_w=0.0),)
    most = MOST_ENTRIES if to.renegotiates else DIN_MOST_ENTRIES
    entries = offered[: min(most_entries or most, most)]
    starts = [sum(slot.duration_s for slot in entries[:index]) for index in range(len(entries))]
    messages = to.messages
    last = len(entries) - 1
    listed = [
        messages.PMaxScheduleEntry(
            TimeInterval=messages.RelativeTimeInterval(start_s, slot.duration_s if index == last else None),
            PMax=to.limit(slot.charge_w, "W") if to.renegotiates else min(int(slot.charge_w), DIN_MOST_W),
        )
        for index, (start_s, slot) in enumerate(zip(starts, entries, strict=True))
    ]
    named = {} if to.renegotiates else {"PMaxScheduleID": TUPLE_ID}
    return messages.SAScheduleList(
        [
            messages.SAScheduleTuple(
                number, messages.PMaxSchedule(**named, PMaxScheduleEntry=listed), SalesTariff=tariff
            )
            for number, tariff in enumerate(tariffs, TUPLE_ID)
        ]
    )


def phase_current_a(power_w: float, most_a: float, offer: Offer) -> float:
    """The current on each phase that stands for this power on all phases of the outlet, whatever the car uses."""
    return max(0.0, min(power_w / (offer.nominal_voltage_v * offer.phases), most_a))


def check_profile(profile: Any, tuple_id: int | None, session: Session) -> None:
    """Raise `Refusal` if the car names a tuple that was not offered [V2G2-479], or plans more than the schedule allows
    at some time [V2G2-478]. After the end of the schedule nothing is promised, so nothing may be planned."""
    if tuple_id is not None and tuple_id not in session.tuples:
        reason = f"schedule tuple {tuple_id} was not offered, only {', '.join(map(str, session.tuples))}"
        raise Refusal(ResponseCode.FAILED_TariffSelectionInvalid, reason)
    if profile is None:
        return
    for start_s, end_s, power_w in _pieces(profile.ProfileEntry):
        for slot in _slots_between(session.schedule, start_s, end_s):
            if not 0.0 <= power_w <= slot.charge_w + ROUNDING_W:
                raise Refusal(
                    ResponseCode.FAILED_ChargingProfileInvalid,
                    f"the profile plans {power_w:g} W from {start_s} s, the schedule allows {slot.charge_w:g} W",
                )


def _pieces(entries: list[Any]) -> Iterator[tuple[int, int | None, float]]:
    """Start, end (None: open) and power of each entry, in the order of time."""
    ordered = sorted(entries, key=lambda entry: int(entry.ChargingProfileEntryStart))
    for entry, following in pairwise([*ordered, None]):
        power = entry.ChargingProfileEntryMaxPower
        end_s = None if following is None else following.ChargingProfileEntryStart
        yield entry.ChargingProfileEntryStart, end_s, float(getattr(power, "value", power))


def _slots_between(schedule: tuple[Slot, ...], start_s: int, end_s: int | None) -> Iterator[Slot]:
    """An open end is that of the schedule."""
    begin_s = 0
    for slot in schedule:
        if (end_s is None or begin_s < end_s) and begin_s + slot.duration_s > start_s:
            yield slot
        begin_s += slot.duration_s
    if start_s >= begin_s or (end_s is not None and end_s > begin_s):
        yield Slot(1, charge_w=0.0, discharge_w=0.0)
