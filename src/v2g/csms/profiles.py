"""The charging profiles by which a depot steers a station, made so that silence is safe.

A bottom profile is always there (TxDefaultProfile, ChargingOnly, the lowest stack level): without any a station may
charge without a limit (K06.FR.02). Above it a TxProfile has the set-point of the moment. It lapses `setpoint_s` after
its last renewal and `offline_s` after the station has lost its connection, and the bottom profile holds again.
"""

from enum import Enum
from functools import lru_cache

from msgspec import UNSET, UnsetType

from v2g.depot.configuration import Silence
from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import CustomData
from v2g.ocpp.profile_rules import CHARGES, DEPOT, FEEDS, LONGEST_BINDING
from v2g.ocpp.schedule import timestamp

FIRST_ID = 730_000
"""Profiles of the depot have ids from here on: the bottom one, then one for each EVSE."""
MOST_IDS = 10_001
REPORT = FIRST_ID
"""The number of the depot's own request for a station's profiles."""
LIMITING = ("ChargingStationMaxProfile", "ChargingStationExternalConstraints")
"""Purposes of profiles that can only lower what a station does."""
BOTTOM, ABOVE = 0, 1
"""Stack levels."""
EARLIER_S = 60
"""An Absolute schedule begins this much before it is sent, so that a clock that is late does not delay it."""


class Manner(Enum):
    """How a station can be steered."""

    SETPOINT = "Dynamic profile with a set-point"
    DYNAMIC_LIMIT = "Dynamic profile with a limit"
    LIMIT = "a new profile for each limit"


def bottom(silence: Silence) -> v21.SetChargingProfileRequest:
    """The profile that holds when no other does: for all EVSEs, for ever."""
    period = v21.ChargingSchedulePeriodType(startPeriod=0, limit=silence.safe_w)
    profile = v21.ChargingProfileType(
        id=FIRST_ID,
        stackLevel=BOTTOM,
        chargingProfilePurpose="TxDefaultProfile",
        chargingProfileKind="Relative",
        chargingSchedule=(v21.ChargingScheduleType(id=1, chargingRateUnit="W", chargingSchedulePeriod=(period,)),),
    )
    return v21.SetChargingProfileRequest(evseId=0, chargingProfile=profile)


def for_transaction(
    evse: int,
    transaction: str,
    power_w: float,
    manner: Manner,
    silence: Silence,
    unix_s: float,
    *,
    offline: bool,
    binding: str = "",
    within: Within = NEVER,
) -> v21.SetChargingProfileRequest:
    """A transaction's set-point. `offline`: whether the station knows `maxOfflineDuration`. `binding`: what binds it,
    for the station's own explanations. `within`: the times in which the car must have followed."""
    dynamic = manner is not Manner.LIMIT
    schedule = v21.ChargingScheduleType(
        id=1,
        chargingRateUnit="W",
        duration=silence.setpoint_s + (0 if dynamic else EARLIER_S),
        startSchedule=UNSET if dynamic else timestamp(unix_s - EARLIER_S),
        chargingSchedulePeriod=(_period(power_w, manner, _named(binding, within)),),
    )
    profile = v21.ChargingProfileType(
        id=id_of(evse),
        stackLevel=ABOVE,
        chargingProfilePurpose="TxProfile",
        chargingProfileKind="Dynamic" if dynamic else "Absolute",
        transactionId=transaction,
        maxOfflineDuration=silence.offline_s if offline else UNSET,
        chargingSchedule=(schedule,),
    )
    return v21.SetChargingProfileRequest(evseId=evse, chargingProfile=profile)


def asked() -> v21.GetChargingProfilesRequest:
    """Which profiles a station has of a back end."""
    criterion = v21.ChargingProfileCriterionType(chargingLimitSource=("CSO",))
    return v21.GetChargingProfilesRequest(requestId=REPORT, chargingProfile=criterion)


@lru_cache(maxsize=4096)
def update(
    evse: int, power_w: float, manner: Manner, binding: str = "", within: Within = NEVER
) -> v21.UpdateDynamicScheduleRequest:
    """Another set-point of a Dynamic profile, or the same one again, which renews it (K28)."""
    named = _named(binding, within)
    if manner is Manner.SETPOINT:
        changed = v21.ChargingScheduleUpdateType(setpoint=power_w, customData=named)
    else:
        changed = v21.ChargingScheduleUpdateType(limit=power_w, customData=named)
    return v21.UpdateDynamicScheduleRequest(chargingProfileId=id_of(evse), scheduleUpdate=changed)


def is_own(id: object) -> bool:
    """Whether this charging profile is one of the depot's."""
    return isinstance(id, int | float) and FIRST_ID <= id < FIRST_ID + MOST_IDS


def id_of(evse: int) -> int:
    """The id of the TxProfile at an EVSE."""
    return FIRST_ID + evse


def _period(power_w: float, manner: Manner, named: CustomData | UnsetType) -> v21.ChargingSchedulePeriodType:
    if manner is Manner.SETPOINT:  # no limits beside it (Q03.FR.02)
        return v21.ChargingSchedulePeriodType(
            startPeriod=0, operationMode="CentralSetpoint", setpoint=power_w, customData=named
        )
    return v21.ChargingSchedulePeriodType(startPeriod=0, limit=power_w, customData=named)


def _named(binding: str, within: Within) -> CustomData | UnsetType:
    data: dict[str, str | float] = {"binding": binding[:LONGEST_BINDING]} if binding else {}
    within_s = within.charge_s or within.discharge_s  # a site states the same one for both
    if within_s is not None:
        data["within"] = within_s
    if (within.charge_s is None) != (within.discharge_s is None):
        data["way"] = FEEDS if within.charge_s is None else CHARGES
    return CustomData(vendorId=DEPOT, **data) if data else UNSET
