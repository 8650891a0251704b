"""Whether a charging profile can be installed: the rules of blocks K and Q, each with OCPP's reason code."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.base import given

MODES: tuple[v21.OperationModeEnumType, ...] = ("ChargingOnly", "CentralSetpoint", "CentralFrequency", "Idle")
"""Operation modes of a Tx profile that this station follows; the first one also of ChargingStationMaxProfile."""
SETPOINT_MODES = ("CentralSetpoint", "CentralFrequency")
HIGHEST_STACK_LEVEL = 20
MOST_PROFILES = 100
PURPOSES: tuple[v21.ChargingProfilePurposeEnumType, ...] = (
    "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile",
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


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile and where it applies; EVSE 0 is the whole station."""

    evse: int
    profile: v21.ChargingProfileType

    @property
    def name(self) -> str:
        """For a person: `TxProfile 7`."""
        return f"{self.profile.chargingProfilePurpose} {self.profile.id}"


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
) -> Refusal | None:
    """The first rule that the profile breaks, or None. `others`: the profiles that stay beside it."""
    return next(_findings(new, evses, running, tuple(others), negative_limits), None)


def _findings(
    new: Installed,
    evses: Mapping[int, EvseTraits],
    running: Mapping[int, Running],
    others: tuple[Installed, ...],
    negative_limits: bool,
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
    limit, discharge, setpoint = (given(each, None) for each in (period.limit, period.dischargeLimit, period.setpoint))
    if mode not in MODES or (purpose == "ChargingStationMaxProfile" and mode != "ChargingOnly"):  # K01.FR.111, 114
        yield Refusal("InvalidOperationMode", f"{mode} is not supported for {purpose}")
    elif mode == "ChargingOnly":
        negative = limit is not None and limit < 0
        extension = negative_limits and purpose == "TxProfile" and schedule.chargingRateUnit == "W"
        if limit is None or discharge is not None or setpoint is not None or (negative and not extension):
            yield Refusal("InvalidSchedule", "ChargingOnly has a limit of at least 0 and no set-point")
        if negative and not all(evse.v2x for evse in evses):
            yield Refusal("InvalidSchedule", "this EVSE may not discharge")
    elif mode == "Idle":
        if any(each is not None for each in (limit, discharge, setpoint)):  # Q10.FR.02
            yield Refusal("InvalidSchedule", "Idle has neither limit nor set-point")
    elif setpoint is None:
        yield Refusal("InvalidSchedule", f"{mode} needs a setpoint")
    elif not _least(discharge) <= setpoint <= _most(limit):  # V2X.05
        yield Refusal("InvalidSchedule", "the setpoint is outside dischargeLimit and limit")
    elif (limit is not None and limit < 0) or (setpoint < 0 and not all(evse.v2x for evse in evses)):
        yield Refusal("InvalidSchedule", "this EVSE may not discharge" if setpoint < 0 else "the limit is below 0")


def _least(discharge: float | None) -> float:
    return -inf if discharge is None else discharge


def _most(limit: float | None) -> float:
    return inf if limit is None else limit
