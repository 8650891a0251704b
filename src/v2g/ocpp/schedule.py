"""What the installed profiles ask of an EVSE at an instant, and over a time: the composite schedule (K01, K08)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from msgspec import Struct, UnsetType
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.profile_rules import SETPOINT_MODES, EvseTraits, Installed, Running

DAY_S = 86_400
RECURS_S = {"Daily": DAY_S, "Weekly": 7 * DAY_S}


class Order(Struct, frozen=True):
    """What a back end asks of one EVSE. Magnitudes; nothing is discharged unless a profile says so."""

    charge_w: float = inf
    discharge_w: float = 0.0
    setpoint_w: float | None = None
    """Positive charges the vehicle."""
    mode: v21.OperationModeEnumType = "ChargingOnly"
    charge_by: str = ""
    """The profile that limits charging; empty if none does."""
    by: str = ""
    """The profile of the transaction that gives mode and set-point; empty if there is none."""


FREE = Order()
"""Without any profile: charging without a limit (K06.FR.02), no discharge."""


class _Segment(Struct, frozen=True):
    """A period of a profile in absolute time: from <= t < to."""

    from_s: float
    to_s: float
    order: Order


class _Course:
    """The periods of one profile, made as they are asked for."""

    def __init__(self, segments: Iterator[_Segment]) -> None:
        self._segments = segments
        self._current = next(segments, None)

    def after(self, at_s: float) -> _Segment | None:
        """The first period that ends after this instant. Instants only ever rise."""
        current = self._current
        while current is not None and current.to_s <= at_s:
            current = self._current = next(self._segments, None)
        return current


@dataclass(frozen=True, slots=True)
class Instant:
    """When, and how long the back end has been away."""

    unix_s: float
    offline_s: float = 0.0


def order(installed: Iterable[Installed], evse: EvseTraits, share: int, running: Running | None, at: Instant) -> Order:
    """What holds for the EVSE now. `share`: among how many EVSEs the station's own limit is divided."""
    _, found = next(_sweep(_stacks(installed, evse, share, running, at, at.unix_s + 1), at.unix_s, at.unix_s + 1))
    return found


def composite(
    installed: Iterable[Installed], evse: EvseTraits, share: int, running: Running | None, at: Instant, duration_s: int
) -> Iterator[tuple[int, Order]]:
    """Offset from now in seconds and what holds from there on, as far as it is known now."""
    end_s = at.unix_s + duration_s
    for start_s, found in _sweep(_stacks(installed, evse, share, running, at, end_s), at.unix_s, end_s):
        yield round(start_s - at.unix_s), found


def usable(installed: Installed, running: Running | None, at: Instant) -> bool:
    """Whether the profile counts at all now: its transaction, and how long the back end has been away."""
    profile = installed.profile
    if profile.chargingProfilePurpose == "TxProfile" and (running is None or running.id != profile.transactionId):
        return False
    return at.offline_s <= given(profile.maxOfflineDuration, inf)


_Stack = list[_Course]
"""Profiles of which the first with a period now counts: the highest stack level first."""


def _stacks(
    installed: Iterable[Installed], evse: EvseTraits, share: int, running: Running | None, at: Instant, end_s: float
) -> tuple[_Stack, _Stack]:
    """First those of the transaction, of which TxProfile beats TxDefaultProfile; then the station's own limit."""
    ranked: list[tuple[tuple[bool, int], _Course]] = []
    station: list[tuple[int, _Course]] = []
    for each in installed:
        profile = each.profile
        if each.evse not in (0, evse.id) or not usable(each, running, at):
            continue
        segments = _segments(each, evse, running, at.unix_s, end_s)
        if profile.chargingProfilePurpose == "ChargingStationMaxProfile":
            station.append((profile.stackLevel, _Course(_shared(segments, share))))
        else:
            is_tx = profile.chargingProfilePurpose == "TxProfile"
            ranked.append(((is_tx, profile.stackLevel), _Course(segments)))
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    station.sort(key=lambda pair: pair[0], reverse=True)
    return [course for _, course in ranked], [course for _, course in station]


def _shared(segments: Iterator[_Segment], share: int) -> Iterator[_Segment]:
    for each in segments:
        yield replace(each, order=replace(each.order, charge_w=each.order.charge_w / share))


def _sweep(stacks: tuple[_Stack, _Stack], start_s: float, end_s: float) -> Iterator[tuple[float, Order]]:
    """Every instant at which what holds changes, and what holds from there on: from change to change, where only
    those periods are looked at that no higher profile hides."""
    at_s, before = start_s, None
    while at_s < end_s:
        tx, tx_until_s = _first(stacks[0], at_s)
        station, station_until_s = _first(stacks[1], at_s)
        now = _combined(tx, station)
        if now != before:
            yield at_s, now
        before, at_s = now, min(tx_until_s, station_until_s)


def _first(stack: _Stack, at_s: float) -> tuple[Order | None, float]:
    """The order of the highest profile that has a period at this instant, and until when nothing else is."""
    until_s = inf
    for course in stack:
        segment = course.after(at_s)
        if segment is None:
            continue
        if segment.from_s <= at_s:
            return segment.order, min(until_s, segment.to_s)
        until_s = min(until_s, segment.from_s)
    return None, until_s


def _combined(tx: Order | None, station: Order | None) -> Order:
    """The lower limit of both; a set-point stays within it (K08.FR.08)."""
    if station is None:
        return FREE if tx is None else tx
    if tx is None:
        return station
    if station.charge_w >= tx.charge_w:
        return tx
    setpoint = None if tx.setpoint_w is None else min(tx.setpoint_w, station.charge_w)
    return replace(tx, charge_w=station.charge_w, charge_by=station.charge_by, setpoint_w=setpoint)


def _segments(
    installed: Installed, evse: EvseTraits, running: Running | None, from_s: float, to_s: float
) -> Iterator[_Segment]:
    """The periods of a profile that touch the time from `from_s` to `to_s`, in order."""
    profile, name = installed.profile, installed.name
    schedule = profile.chargingSchedule[0]
    unit = schedule.chargingRateUnit
    first_s = max(from_s, _unix(profile.validFrom, -inf))
    last_s = min(to_s, _unix(profile.validTo, inf))
    duration_s: float = given(schedule.duration, inf)
    periods = schedule.chargingSchedulePeriod
    orders: list[Order | None] = [None] * len(periods)
    for start_s, length_s in _starts(profile, schedule, running, first_s, last_s):
        end_s = start_s + min(duration_s, length_s)
        elapsed_s = first_s - start_s
        current = bisect_right(periods, elapsed_s, key=lambda period: period.startPeriod) - 1
        for index in range(max(0, current), len(periods)):
            period = periods[index]
            begin_s = start_s + period.startPeriod
            if begin_s >= last_s:
                break
            following = periods[index + 1].startPeriod if index + 1 < len(periods) else inf
            until_s = min(start_s + following, end_s)
            begin_s, until_s = max(begin_s, first_s), min(until_s, last_s)
            if begin_s < until_s:
                held = orders[index]
                if held is None:
                    held = orders[index] = _order(period, unit, name, evse)
                yield _Segment(begin_s, until_s, held)


def _starts(
    profile: v21.ChargingProfileType,
    schedule: v21.ChargingScheduleType,
    running: Running | None,
    first_s: float,
    last_s: float,
) -> Iterator[tuple[float, float]]:
    """When the schedule starts, and how long it lasts at most."""
    match profile.chargingProfileKind:
        case "Absolute":
            yield _unix(schedule.startSchedule, inf), inf
        case "Relative":
            yield (first_s if running is None else running.since_s), inf
        case "Dynamic":
            yield _unix(profile.dynUpdateTime, inf), inf
        case "Recurring":
            every_s = RECURS_S[given(profile.recurrencyKind, "Daily")]
            start_s = _unix(schedule.startSchedule, inf)
            if start_s < last_s:
                start_s += max(0, (first_s - start_s) // every_s) * every_s
                while start_s < last_s:
                    yield start_s, every_s
                    start_s += every_s


def _order(period: v21.ChargingSchedulePeriodType, unit: str, name: str, evse: EvseTraits) -> Order:
    """What a period says, in W."""
    factor = 1.0
    if unit == "A":
        factor = evse.nominal_v * min(given(period.numberPhases, 0) or evse.phases, evse.phases)
    mode: v21.OperationModeEnumType = given(period.operationMode, "ChargingOnly")
    limit_w = given(period.limit, inf) * factor
    if mode == "Idle":
        return Order(0.0, 0.0, 0.0, mode, name, name)
    if mode in SETPOINT_MODES:
        setpoint_w = given(period.setpoint, 0.0) * factor
        most_w = -given(period.dischargeLimit, -inf) * factor
        # No set-point below zero: no order to discharge.
        return Order(limit_w, most_w if setpoint_w < 0 else 0.0, setpoint_w, mode, name, name)
    if limit_w < 0:  # the extension of 2.0.1: a negative limit in W
        return Order(0.0, -limit_w, limit_w, "CentralSetpoint", name, name)
    return Order(limit_w, 0.0, None, mode, name, name)


def _unix(time: datetime | UnsetType, otherwise: float) -> float:
    return time.timestamp() if isinstance(time, datetime) else otherwise


def timestamp(unix_s: float) -> datetime:
    """A time as a message carries it: whole seconds, UTC."""
    return datetime.fromtimestamp(int(unix_s), UTC)
