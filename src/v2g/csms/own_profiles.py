"""Charging profiles that a CSMS sets for the depot itself: they are requests to the site.

ChargingStationMaxProfile limits the site; TxDefaultProfile with CentralSetpoint (2.1) asks for a power. One of each, on
stack level 0, for the EVSE 0, in W.
"""

from collections.abc import Iterator
from math import inf
from typing import Protocol

from v2g.depot.desk import RequestError, read
from v2g.depot.request import AnyRequest, LimitRequest, ScheduleRequest
from v2g.ocpp import v21
from v2g.ocpp.base import given

BY = "CSMS, profile "
_KINDS: dict[str, type[AnyRequest]] = {
    "ChargingStationMaxProfile": LimitRequest,
    "TxDefaultProfile": ScheduleRequest,
}
"""What a profile of each purpose becomes."""


class Requests(Protocol):
    """Where they arrive. `put` raises `RequestError` if a request cannot be taken."""

    def put(self, request: AnyRequest) -> None: ...
    def withdraw(self, by: str) -> None: ...
    def held(self) -> list[AnyRequest]: ...


class RefusedError(RequestError):
    """A profile cannot be followed. `code` is OCPP's reason code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def set_profile(asked: v21.SetChargingProfileRequest, requests: Requests, now: float) -> v21.SetChargingProfileResponse:
    """Take a profile, or refuse it with the reason."""
    try:
        request = _request_of(asked, now)
        rivals = [each for each in requests.held() if isinstance(each, type(request)) and each.by != request.by]
        if rivals:
            raise RefusedError("DuplicateProfile", f"{rivals[0].by} has this purpose; clear it first")
        requests.put(request)
    except RequestError as error:
        code = error.code if isinstance(error, RefusedError) else "InvalidSchedule"
        info = v21.StatusInfoType(reasonCode=code, additionalInfo=str(error)[:1024])
        return v21.SetChargingProfileResponse(status="Rejected", statusInfo=info)
    return v21.SetChargingProfileResponse(status="Accepted")


def clear_profiles(asked: v21.ClearChargingProfileRequest, requests: Requests) -> v21.ClearChargingProfileResponse:
    """Forget what the CSMS names, by its id or by criteria."""
    id = given(asked.chargingProfileId, None)
    where = given(asked.chargingProfileCriteria, v21.ClearChargingProfileType())
    purpose = given(where.chargingProfilePurpose, None)
    kind = None if purpose is None else _KINDS.get(purpose)
    elsewhere = given(where.evseId, 0) != 0 or given(where.stackLevel, 0) != 0

    def named(each: AnyRequest) -> bool:
        if id is not None:
            return each.by == f"{BY}{id}"
        return not elsewhere and (purpose is None or (kind is not None and isinstance(each, kind)))

    found = [each.by for each in requests.held() if named(each)]
    for by in found:
        requests.withdraw(by)
    return v21.ClearChargingProfileResponse(status="Accepted" if found else "Unknown")


def _request_of(asked: v21.SetChargingProfileRequest, now: float) -> AnyRequest:
    profile = asked.chargingProfile
    if asked.evseId != 0:
        raise RefusedError("InvalidValue", "the depot has no EVSEs of its own; set it for EVSE 0")
    kind = _KINDS.get(profile.chargingProfilePurpose)
    if kind is None or given(profile.transactionId, None) is not None:
        raise RefusedError("InvalidProfile", f"{profile.chargingProfilePurpose}: the depot follows {', '.join(_KINDS)}")
    if profile.stackLevel != 0:
        raise RefusedError("InvalidStackLevel", "only stack level 0")
    if profile.chargingProfileKind not in ("Absolute", "Dynamic"):
        raise RefusedError("InvalidProfile", f"{profile.chargingProfileKind}: the depot follows Absolute and Dynamic")
    if given(profile.maxOfflineDuration, None) is not None:
        raise RefusedError("InvalidProfile", "maxOfflineDuration is not followed; say by duration how long it holds")
    [schedule, *more] = profile.chargingSchedule
    if more or schedule.chargingRateUnit != "W":
        raise RefusedError("InvalidSchedule", "one schedule, in W")
    start = given(schedule.startSchedule, None)
    start_s = now if start is None else start.timestamp()
    until_s, valid_to = start_s + given(schedule.duration, inf), given(profile.validTo, None)
    if valid_to is not None:
        until_s = min(until_s, valid_to.timestamp())
    valid_from = given(profile.validFrom, None)
    return read(
        {
            "type": "limit" if kind is LimitRequest else "schedule",
            "steps": list(_steps(schedule.chargingSchedulePeriod, start_s, limits=kind is LimitRequest)),
            "from_unix_s": -inf if valid_from is None else valid_from.timestamp(),
            "until_unix_s": until_s,
        },
        f"{BY}{profile.id}",
        now,
    )


def _steps(
    periods: tuple[v21.ChargingSchedulePeriodType, ...], start_s: float, *, limits: bool
) -> Iterator[dict[str, object]]:
    for each in periods:
        from_s = start_s + each.startPeriod
        charge_w, discharge_w, power_w = (
            given(value, None) for value in (each.limit, each.dischargeLimit, each.setpoint)
        )
        if limits and charge_w is None and discharge_w is None:
            raise RefusedError("InvalidSchedule", "a period needs limit or dischargeLimit")
        if limits:
            yield {
                "from_unix_s": from_s,
                "charge_w": charge_w,
                "discharge_w": None if discharge_w is None else -discharge_w + 0.0,
            }
        elif power_w is None or given(each.operationMode, None) != "CentralSetpoint":
            raise RefusedError("InvalidOperationMode", "a period needs CentralSetpoint and setpoint")
        else:
            yield {"from_unix_s": from_s, "power_w": power_w}
