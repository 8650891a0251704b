"""What the installed profiles ask of an EVSE at an instant, and over a time: the composite schedule (K01, K08)."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from msgspec import Struct, UnsetType
from msgspec.structs import replace

from v2g.kernel.durations import DAY_S
from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.profile_rules import SETPOINT_MODES, EvseTraits, Installed, Running, within

MOST_CHANGES = 4096
"""Instants that a composite schedule looks at; beyond them it is not known."""
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
    drawn_var: float | None = None
    """Reactive power that is asked for, positive as an inductive load draws it; None leaves it to the grid code."""
    period: v21.ChargingSchedulePeriodType | None = None
    """What it was made of, for the modes whose set-point the station finds itself."""
    phases: int | None = None
    """On how many phases it counts, if those are fewer than the EVSE has (`numberPhases`)."""
    within: Within = NEVER
    """The times in which the car must have followed, if a depot of this project states any."""

    @property
    def may_discharge_w(self) -> float:
        """What a set-point below zero may be at most, whoever gives it: 0 without a profile for V2X."""
        if self.period is None or self.mode in ("ChargingOnly", "Idle"):
            return 0.0
        return -given(self.period.dischargeLimit, -inf)


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
    csms_first: bool = False
    """Of two set-points that of the back end counts, not that of an external system (SetpointPriority)."""


def _as_it_is(order: Order) -> Order:
    return order


def order(
    installed: Iterable[Installed],
    evse: EvseTraits,
    share: int,
    running: Running | None,
    at: Instant,
    resolve: Callable[[Order], Order] = _as_it_is,
) -> Order:
    """What holds for the EVSE now. `share`: among how many EVSEs the station's own limit is divided. `resolve`: finds
    the set-point of a period that has none."""
    stacks = _stacks(installed, evse, share, running, at, at.unix_s + 1)
    tx, *others = (_first(stack, at.unix_s)[0] for stack in stacks)
    return _combined(None if tx is None else resolve(tx), *others, csms_first=at.csms_first)


def composite(
    installed: Iterable[Installed], evse: EvseTraits, share: int, running: Running | None, at: Instant, duration_s: int
) -> Iterator[tuple[int, Order | None]]:
    """Offset from now in seconds and what holds from there on, as far as it is known now; None: not known any more."""
    end_s = at.unix_s + duration_s
    for start_s, found in _sweep(_stacks(installed, evse, share, running, at, end_s), at.unix_s, end_s):
        yield round(start_s - at.unix_s), found


def usable(installed: Installed, running: Running | None, at: Instant) -> bool:
    """Whether the profile counts at all now: its transaction, and how long the back end has been away."""
    profile = installed.profile
    if profile.chargingProfilePurpose == "TxProfile" and (running is None or running.id != profile.transactionId):
        return False
    if profile.chargingProfilePurpose == "PriorityCharging" and (running is None or not running.priority):
        return False
    return at.offline_s <= given(profile.maxOfflineDuration, inf)


_Stack = list[_Course]
"""Profiles of which the first with a period now counts: the highest stack level first."""


_RANKS = {"TxDefaultProfile": 0, "TxProfile": 1, "PriorityCharging": 2}
"""Of the purposes that say what a transaction does: the higher one counts."""
_OTHERS = ("ChargingStationMaxProfile", "ChargingStationExternalConstraints", "LocalGeneration")


def _stacks(
    installed: Iterable[Installed], evse: EvseTraits, share: int, running: Running | None, at: Instant, end_s: float
) -> tuple[_Stack, _Stack, _Stack, _Stack]:
    """First what the transaction does; then the station's own limit, external constraints, and local generation."""
    ranked: list[tuple[tuple[int, int], _Course]] = []
    others: dict[str, list[tuple[int, _Course]]] = {purpose: [] for purpose in _OTHERS}
    for each in installed:
        profile = each.profile
        if each.evse not in (0, evse.id) or not usable(each, running, at):
            continue
        segments = _segments(each, evse, running, at.unix_s, end_s)
        purpose = profile.chargingProfilePurpose
        if purpose in _RANKS:
            ranked.append(((_RANKS[purpose], profile.stackLevel), _Course(segments)))
        else:
            course = _Course(_shared(segments, share) if each.evse == 0 else segments)
            others[purpose].append((profile.stackLevel, course))
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    for courses in others.values():
        courses.sort(key=lambda pair: pair[0], reverse=True)
    station, external, generation = ([course for _, course in others[purpose]] for purpose in _OTHERS)
    return [course for _, course in ranked], station, external, generation


def _shared(segments: Iterator[_Segment], share: int) -> Iterator[_Segment]:
    """What holds for the whole station, as this EVSE's part."""
    for each in segments:
        whole = each.order
        setpoint_w = None if whole.setpoint_w is None else whole.setpoint_w / share
        drawn_var = None if whole.drawn_var is None else whole.drawn_var / share
        part = replace(
            whole,
            charge_w=whole.charge_w / share,
            discharge_w=whole.discharge_w / share,
            setpoint_w=setpoint_w,
            drawn_var=drawn_var,
        )
        yield replace(each, order=part)


def _sweep(
    stacks: tuple[_Stack, _Stack, _Stack, _Stack], start_s: float, end_s: float
) -> Iterator[tuple[float, Order | None]]:
    """Every instant at which what holds changes, and what holds from there on: from change to change, where only
    those periods are looked at that no higher profile hides."""
    at_s, before, changes = start_s, None, 0
    orders: list[Order | None] = [None] * len(stacks)
    filled = [(place, stack) for place, stack in enumerate(stacks) if stack]
    while at_s < end_s:
        until_s = inf
        for place, stack in filled:
            orders[place], ends_s = _first(stack, at_s)
            until_s = min(until_s, ends_s)
        now = _combined(*orders)
        if now != before:
            yield at_s, now
        before, at_s, changes = now, until_s, changes + 1
        if changes == MOST_CHANGES and at_s < end_s:  # a short schedule may recur for years
            yield at_s, None
            return


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


def _combined(
    tx: Order | None,
    station: Order | None,
    external: Order | None = None,
    generation: Order | None = None,
    *,
    csms_first: bool = False,
) -> Order:
    """The lowest limit of all; a set-point stays within it (K08.FR.08). Local generation comes on top."""
    phases = min((each.phases for each in (tx, station, external) if each is not None and each.phases), default=None)
    if phases is not None:  # the fewest of all (K01.FR.140), and no phase gets more than each profile leaves it
        tx, station, external = (None if each is None else _on(each, phases) for each in (tx, station, external))
    found = tx or station or FREE
    if station is not None:
        found = _limited(found, station)
    if external is not None:
        if external.setpoint_w is not None and not (csms_first and found.setpoint_w is not None):
            found = _from_outside(found, external)
        found = _limited(found, external)
        if external.mode == "ExternalLimits" and external.discharge_w < found.discharge_w:
            setpoint_w = None if found.setpoint_w is None else max(found.setpoint_w, -external.discharge_w)
            stated = found.within.and_of(external.within)
            found = replace(found, discharge_w=external.discharge_w, setpoint_w=setpoint_w, within=stated)
    if generation is not None:
        found = replace(found, charge_w=found.charge_w + generation.charge_w)
    return found


def _on(order: Order, phases: int) -> Order:
    """The same current on each of fewer phases, in either direction."""
    share = min(1.0, phases / (order.phases or 3))
    setpoint_w = None if order.setpoint_w is None else order.setpoint_w * share
    return replace(
        order,
        charge_w=order.charge_w * share,
        discharge_w=order.discharge_w * share,
        setpoint_w=setpoint_w,
        phases=phases,
    )


def _limited(order: Order, limit: Order) -> Order:
    """No more than another profile's limit, and as soon."""
    order = replace(order, within=order.within.and_of(Within(limit.within.charge_s)))
    if limit.charge_w >= order.charge_w:
        return order
    setpoint_w = None if order.setpoint_w is None else min(order.setpoint_w, limit.charge_w)
    return replace(order, charge_w=limit.charge_w, charge_by=limit.charge_by, setpoint_w=setpoint_w)


def _from_outside(order: Order, external: Order) -> Order:
    """The set-point of an external system in the place of the back end's; discharge only as far as a profile for V2X
    allows it (Q06)."""
    assert external.setpoint_w is not None
    setpoint_w = max(external.setpoint_w, -order.may_discharge_w)
    return replace(
        order,
        setpoint_w=min(setpoint_w, order.charge_w),
        discharge_w=order.may_discharge_w if setpoint_w < 0 else 0.0,
        drawn_var=external.drawn_var,
        mode=external.mode,
        by=external.by,
        within=order.within.and_of(external.within),
    )


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
            # A start of the future: the clock was set back. What the schedule begins with holds until then.
            yield (first_s if running is None else min(running.since_s, first_s)), inf
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
    phases = min(given(period.numberPhases, 0) or evse.phases, evse.phases)  # if it is missing, all (K01.FR.49)
    found = _as_said(period, evse.nominal_v * phases if unit == "A" else 1.0, name)
    if stated := within(period):
        found = replace(found, within=stated)
    return replace(found, phases=phases) if evse.one_or_three and phases < evse.phases else found


def _as_said(period: v21.ChargingSchedulePeriodType, factor: float, name: str) -> Order:
    """What a period says, in W. `factor`: watts of its unit."""
    mode: v21.OperationModeEnumType = given(period.operationMode, "ChargingOnly")
    limit_w = given(period.limit, inf) * factor
    if mode == "Idle":
        return Order(0.0, 0.0, 0.0, mode, name, name)
    if mode in SETPOINT_MODES:
        setpoint_w = given(period.setpoint, 0.0) * factor
        most_w = -given(period.dischargeLimit, -inf) * factor
        reactive = given(period.setpointReactive, None)
        drawn_var = None if reactive is None else reactive * factor
        # No set-point below zero: no order to discharge.
        discharge_w = most_w if setpoint_w < 0 else 0.0
        return Order(limit_w, discharge_w, setpoint_w, mode, name, name, drawn_var, period)
    if mode == "ExternalLimits":
        return Order(limit_w, -given(period.dischargeLimit, 0.0) * factor, None, mode, name, name, None, period)
    if mode in ("LocalFrequency", "LocalLoadBalancing"):
        return Order(limit_w, 0.0, 0.0, mode, name, name, None, period)
    if limit_w < 0:  # the extension of 2.0.1: a negative limit in W
        return Order(0.0, -limit_w, limit_w, "CentralSetpoint", name, name)
    return Order(limit_w, 0.0, None, mode, name, name)


def _unix(time: datetime | UnsetType, otherwise: float) -> float:
    return time.timestamp() if isinstance(time, datetime) else otherwise


def timestamp(unix_s: float) -> datetime:
    """A time as a message carries it: whole seconds, UTC."""
    return datetime.fromtimestamp(int(unix_s), UTC)
