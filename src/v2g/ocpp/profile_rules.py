"""Whether a charging profile can be installed: the rules of blocks K and Q, each with OCPP's reason code."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

from msgspec import UNSET

from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import given

MODES: tuple[v21.OperationModeEnumType, ...] = (
    "ChargingOnly", "CentralSetpoint", "CentralFrequency", "ExternalSetpoint", "ExternalLimits", "LocalFrequency",
    "LocalLoadBalancing", "Idle",
)  # fmt: skip
"""Operation modes of a Tx profile that this station follows; the first one also of the other purposes."""
SETPOINT_MODES = ("CentralSetpoint", "CentralFrequency", "ExternalSetpoint")
HIGHEST_STACK_LEVEL = 20
MOST_PROFILES = 100
DEPOT, LONGEST_BINDING = "v2g.depot", 80
"""Vendor of the customData in which a depot names what binds a set-point."""
LEAST_WITHIN_S, MOST_WITHIN_S = 0.1, 60.0
"""Of the time in which a car must have followed, in the same customData."""
CHARGES, FEEDS = "charge", "discharge"
"""The direction (`way`) of which that is; without one it is of both."""
PURPOSES: tuple[v21.ChargingProfilePurposeEnumType, ...] = (
    "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile", "PriorityCharging", "LocalGeneration",
)  # fmt: skip
_BY_PHASE = ("limit_L2", "limit_L3", "dischargeLimit_L2", "dischargeLimit_L3", "setpoint_L2", "setpoint_L3")


@dataclass(frozen=True, slots=True)
class EvseTraits:
    """What the rules need to know of an EVSE."""

    id: int
    dc: bool
    v2x: bool
    """Whether a vehicle may be discharged here."""
    phases: int = 3
    one_or_three: bool = False
    """Whether it can leave out L2 and L3."""
    nominal_v: float = 230.0
    charge_w: float = inf
    """The most that it can carry, whatever a profile says."""
    discharge_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """A transaction at an EVSE."""

    id: str
    since_s: float
    """Unix time at which a relative schedule begins: connected and authorised."""
    priority: bool = False
    """Whether it charges with priority (K21)."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile and where it applies; EVSE 0 is the whole station."""

    evse: int
    profile: v21.ChargingProfileType
    source: str = "CSO"
    """Who has set it: the back end, or an external system (EMS, SO)."""

    @property
    def name(self) -> str:
        """For a person: `TxProfile 7`, and what binds if a depot of this project says so: `TxProfile 7 (node T1)`."""
        binding = _of_depot(self.profile.chargingSchedule[0].chargingSchedulePeriod[0], "binding")
        known = isinstance(binding, str) and 0 < len(binding) <= LONGEST_BINDING and binding.isprintable()
        why = f" ({binding})" if known else ""
        return f"{self.profile.chargingProfilePurpose} {self.profile.id}{why}"


def within(period: v21.ChargingSchedulePeriodType) -> Within:
    """The times in which a car must have followed, if a depot of this project states any."""
    stated_s, way = _of_depot(period, "within"), _of_depot(period, "way")
    known = isinstance(stated_s, int | float) and not isinstance(stated_s, bool)
    if not known or not LEAST_WITHIN_S <= stated_s <= MOST_WITHIN_S:
        return NEVER
    return Within(None if way == FEEDS else float(stated_s), None if way == CHARGES else float(stated_s))


def _of_depot(period: v21.ChargingSchedulePeriodType, name: str) -> Any:
    data = period.customData if isinstance(period.customData, dict) else {}
    return data.get(name) if data.get("vendorId") == DEPOT else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a profile is not installed."""

    code: str
    text: str = ""


def why_not(
    new: Installed,
    evses: Mapping[int, EvseTraits],
    running: Mapping[int, Running],
    others: Iterable[Installed],
    *,
    negative_limits: bool,
    load_balancing: str = "UnsupportedParam",
) -> Refusal | None:
    """The first rule that the profile breaks, or None. `others`: the profiles that stay beside it. `load_balancing`:
    the reason code why the station cannot balance loads, empty if it can."""
    return next(_findings(new, evses, running, tuple(others), negative_limits, load_balancing), None)


def _findings(
    new: Installed,
    evses: Mapping[int, EvseTraits],
    running: Mapping[int, Running],
    others: tuple[Installed, ...],
    negative_limits: bool,
    load_balancing: str,
) -> Iterator[Refusal]:
    profile, purpose = new.profile, new.profile.chargingProfilePurpose
    if new.evse and new.evse not in evses:
        yield Refusal("UnknownEvse", f"there is no EVSE {new.evse}")
        return
    if purpose not in PURPOSES:  # K01.FR.22 and 120
        yield Refusal("UnsupportedPurpose", f"{purpose} cannot be set here")
        return
    concerned = list(evses.values()) if new.evse == 0 else [evses[new.evse]]
    if purpose == "ChargingStationMaxProfile" and new.evse:
        yield Refusal("InvalidProfile", "ChargingStationMaxProfile is for EVSE 0")
    if purpose == "TxProfile":
        yield from _transaction(new, running)
    if profile.stackLevel > HIGHEST_STACK_LEVEL:
        yield Refusal("InvalidStackLevel", f"the highest is {HIGHEST_STACK_LEVEL}")
    if len(others) >= MOST_PROFILES:
        yield Refusal("OutOfMemory", f"at most {MOST_PROFILES} profiles")
    for other in others:
        if rivals(new, other):  # K01.FR.39, 52, 53
            yield Refusal("DuplicateProfile", f"profile {other.profile.id} has stack level {profile.stackLevel} too")
    yield from _kind(profile)
    if len(profile.chargingSchedule) > 1:
        yield Refusal("InvalidSchedule", "only one schedule can be followed")
    schedule = profile.chargingSchedule[0]
    yield from _schedule(schedule, concerned)
    for period in schedule.chargingSchedulePeriod:
        if period.operationMode == "LocalLoadBalancing" and load_balancing:
            yield Refusal(load_balancing, "loads cannot be balanced")
        yield from _period(period, purpose, schedule, concerned, negative_limits)


def _transaction(new: Installed, running: Mapping[int, Running]) -> Iterator[Refusal]:
    here = running.get(new.evse)
    if here is None or here.id != new.profile.transactionId:  # K01.FR.03, 09, 33
        yield Refusal("TxNotFound", f"no such transaction at EVSE {new.evse}")


def rivals(new: Installed, other: Installed) -> bool:
    """Whether both would count at the same time: same purpose, stack level and place."""
    mine, its = new.profile, other.profile
    same = mine.chargingProfilePurpose == its.chargingProfilePurpose and mine.stackLevel == its.stackLevel
    if not same or mine.id == its.id:
        return False
    if mine.chargingProfilePurpose == "TxProfile":
        return mine.transactionId == its.transactionId
    return new.evse == other.evse or 0 in (new.evse, other.evse)


def _kind(profile: v21.ChargingProfileType) -> Iterator[Refusal]:
    kind, schedule = profile.chargingProfileKind, profile.chargingSchedule[0]
    starts, periods = bool(schedule.startSchedule), schedule.chargingSchedulePeriod
    if kind == "Dynamic":
        if len(profile.chargingSchedule) > 1 or len(periods) > 1:  # K28.FR.03
            yield Refusal("InvalidSchedule", "a Dynamic profile has one schedule of one period")
    elif profile.dynUpdateInterval or profile.dynUpdateTime:  # K01.FR.122
        yield Refusal("InvalidProfile", f"dynUpdateInterval and dynUpdateTime are for Dynamic, not for {kind}")
    if kind in ("Absolute", "Recurring") and not starts:
        yield Refusal("InvalidSchedule", f"{kind} needs startSchedule")
    if kind == "Relative" and starts:
        yield Refusal("InvalidSchedule", "Relative has no startSchedule")
    if kind == "Recurring" and not profile.recurrencyKind:
        yield Refusal("InvalidProfile", "Recurring needs recurrencyKind")
    starts_s = [period.startPeriod for period in periods]
    if starts_s[0] != 0 or any(after <= before for before, after in pairwise(starts_s)):
        yield Refusal("InvalidSchedule", "the first period starts at 0 and each later one after the one before")


def _schedule(schedule: v21.ChargingScheduleType, evses: Iterable[EvseTraits]) -> Iterator[Refusal]:
    if schedule.useLocalTime or schedule.randomizedDelay or schedule.limitAtSoC:  # K01.FR.123-125
        yield Refusal("InvalidSchedule", "useLocalTime, randomizedDelay and limitAtSoC are not supported")
    if schedule.chargingRateUnit == "A" and any(evse.dc for evse in evses):  # K01.FR.26
        yield Refusal("UnsupportedRateUnit", "an EVSE with DC is limited in W")


def _period(
    period: v21.ChargingSchedulePeriodType,
    purpose: str,
    schedule: v21.ChargingScheduleType,
    evses: Iterable[EvseTraits],
    negative_limits: bool,
) -> Iterator[Refusal]:
    mode = given(period.operationMode, "ChargingOnly")
    if any(getattr(period, name) is not UNSET for name in _BY_PHASE):
        yield Refusal("PhaseConflict", "limits and set-points of single phases are not supported")
    if given(period.numberPhases, 0) and any(evse.dc for evse in evses) and purpose != "ChargingStationMaxProfile":
        yield Refusal("NoPhaseForDC", "numberPhases is for AC")  # K01.FR.44
    if (to_use := given(period.phaseToUse, 0)) and not all(_uses(to_use, each) for each in evses):  # K01.FR.48
        yield Refusal("InvalidSchedule", "phaseToUse is for one phase, and that is phase 1 here")
    is_tx, v2x = purpose in ("TxProfile", "TxDefaultProfile"), all(evse.v2x for evse in evses)
    if mode not in MODES or (not is_tx and mode != "ChargingOnly"):  # K01.FR.111, 114
        yield Refusal("InvalidOperationMode", f"{mode} is not supported for {purpose}")
    elif mode not in ("ChargingOnly", "CentralSetpoint", "CentralFrequency", "Idle") and not v2x:
        yield Refusal("InvalidOperationMode", "this EVSE may not discharge")
    elif period.evseSleep is True and mode != "Idle":  # K01.FR.126
        yield Refusal("InvalidSchedule", "evseSleep is not supported")
    elif mode == "ChargingOnly":
        yield from _charging_only(period, purpose, schedule, negative_limits, v2x)
    elif mode == "LocalFrequency":
        yield from _local_frequency(period, schedule)
    else:
        yield from _fields(period, mode, v2x)


def _uses(phase: int, evse: EvseTraits) -> bool:
    """Whether a car at the EVSE can be on this phase alone (K01.FR.46)."""
    return phase == 1 and not evse.dc and (evse.phases == 1 or evse.one_or_three)


_FIELDS = {
    "CentralSetpoint": ("limit", "dischargeLimit", "setpoint", "setpointReactive"),
    "CentralFrequency": ("limit", "dischargeLimit", "setpoint"),
    "ExternalSetpoint": ("limit", "dischargeLimit"),
    "ExternalLimits": (),
    "LocalLoadBalancing": ("limit", "dischargeLimit"),
    "LocalFrequency": (),
    "Idle": (),
}
"""What a period of a mode may have (Q, 2.2); the first one with a set-point has to have it."""
_NAMES = ("limit", "dischargeLimit", "setpoint", "setpointReactive")


def _fields(period: v21.ChargingSchedulePeriodType, mode: str, v2x: bool) -> Iterator[Refusal]:
    strange = [name for name in _NAMES if getattr(period, name) is not UNSET and name not in _FIELDS[mode]]
    if strange:  # Q08.FR.04, Q10.FR.02
        yield Refusal("InvalidSchedule", f"{mode} has no {', '.join(strange)}")
    limit, discharge, setpoint = (given(each, None) for each in (period.limit, period.dischargeLimit, period.setpoint))
    if limit is not None and limit < 0:
        yield Refusal("InvalidSchedule", "the limit is below 0")
    if "setpoint" not in _FIELDS[mode]:
        return
    if setpoint is None:
        yield Refusal("InvalidSchedule", f"{mode} needs a setpoint")
    elif not _least(discharge) <= setpoint <= _most(limit):  # V2X.05
        yield Refusal("InvalidSchedule", "the setpoint is outside dischargeLimit and limit")
    elif setpoint < 0 and not v2x:
        yield Refusal("InvalidSchedule", "this EVSE may not discharge")


def _local_frequency(period: v21.ChargingSchedulePeriodType, schedule: v21.ChargingScheduleType) -> Iterator[Refusal]:
    yield from _fields(period, "LocalFrequency", v2x=True)
    if period.v2xBaseline is UNSET or len(given(period.v2xFreqWattCurve, ())) < 2:  # Q08.FR.03
        yield Refusal("NoFreqWattCurve", f"schedule {schedule.id}, period {period.startPeriod}")
    if schedule.chargingRateUnit != "W":
        yield Refusal("UnsupportedRateUnit", "LocalFrequency is in W")


def _charging_only(
    period: v21.ChargingSchedulePeriodType,
    purpose: str,
    schedule: v21.ChargingScheduleType,
    negative_limits: bool,
    v2x: bool,
) -> Iterator[Refusal]:
    limit = given(period.limit, None)
    negative = limit is not None and limit < 0
    extension = negative_limits and purpose == "TxProfile" and schedule.chargingRateUnit == "W"
    others = [name for name in _NAMES if name != "limit" and getattr(period, name) is not UNSET]
    if limit is None or others or (negative and not extension):
        yield Refusal("InvalidSchedule", "ChargingOnly has a limit of at least 0 and no set-point")
    if negative and not v2x:
        yield Refusal("InvalidSchedule", "this EVSE may not discharge")


def _least(discharge: float | None) -> float:
    return -inf if discharge is None else discharge


def _most(limit: float | None) -> float:
    return inf if limit is None else limit
