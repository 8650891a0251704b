"""What a back end may ask of the station: one function for each action, request in, response out."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from v2g.iso15118.view import Stage
from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.device_model import few, report_parts
from v2g.ocpp.profile_rules import Refusal, Running
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end import network
from v2g.station.back_end.authorization import Authorization
from v2g.station.back_end.authorizer import Grant
from v2g.station.back_end.certificates import TRIGGERS, Certificates
from v2g.station.back_end.charging_station import ChargingStation, Handler
from v2g.station.back_end.files import Files
from v2g.station.back_end.publishing import Publishing
from v2g.station.back_end.transactions import sampled
from v2g.station.restart import INSTALLS

MOST_INFO = 512
"""Characters that 2.0.1 leaves to a reason."""


def _info(code: str, text: str = "") -> v21.StatusInfoType:
    return v21.StatusInfoType(reasonCode=code[:20], additionalInfo=text[:1024] or UNSET)


def _refused(refusal: Refusal | None) -> v21.StatusInfoType | UnsetType:
    return UNSET if refusal is None else _info(refusal.code, refusal.text)


# Remote control


def _start(station: ChargingStation, asked: v21.RequestStartTransactionRequest) -> Message:
    reply = v21.RequestStartTransactionResponse
    if station.registered != "Accepted":  # B02.FR.05
        return reply(status="Rejected", statusInfo=_info("NotReady", "the station is not registered"))
    chosen = given(asked.evseId, None)
    if (repeated := _started(station, asked)) is not None:
        return repeated
    free = [id for id in station.trackers if _free(station, id, asked.idToken)]
    waiting = [id for id in free if station.trackers[id].connected]
    id = chosen if chosen is not None else next(iter(waiting or free), None)
    if id is None or id not in free:
        return reply(status="Rejected", statusInfo=_info("TxInProgress", "no such EVSE is free"))
    profile = given(asked.chargingProfile, None)
    if profile is not None and (refusal := _refused_at_start(station, id, profile)) is not None:
        return reply(status="Rejected", statusInfo=_refused(refusal))
    until_s = station.now + station.model.number("TxCtrlr", "EVConnectionTimeOut")
    authorizer = station.authorizers[id]
    grant = Grant(asked.idToken, asked.remoteStartId, until_s, profile=profile)
    if station.model.flag("AuthCtrlr", "AuthorizeRemoteStart"):
        authorizer.refused = None
        station.block(Authorization).remote(id, grant)
    elif not station.block(Authorization).reservations.may_use(id, grant.token, None):
        return reply(status="Rejected", statusInfo=_info("Reserved", f"EVSE {id} is reserved for somebody else"))
    else:
        authorizer.refused = None
        station.take(id, grant)
    return reply(status="Accepted")


def _free(station: ChargingStation, id: int, token: v21.IdTokenType) -> bool:
    """Whether a remote start may take an EVSE: nobody else's remote start waits there for its car."""
    authorizer = station.authorizers[id]
    grant = authorizer.granted(station.now)
    kept = grant is not None and grant.remote_start is not None and grant.token != token
    return station.trackers[id].running is None and authorizer.operative and not kept


def _started(station: ChargingStation, asked: v21.RequestStartTransactionRequest) -> Message | None:
    """The answer to a remote start that comes again, because the first answer was lost, say: one car may charge by it,
    and not a second one at another EVSE."""
    for id, authorizer in station.authorizers.items():
        grant = authorizer.grant
        if grant is None or (grant.remote_start, grant.token) != (asked.remoteStartId, asked.idToken):
            continue
        running = station.running.get(id)
        if asked.evseId is UNSET or (asked.evseId == id and running is None):
            known = UNSET if running is None else running.id
            return v21.RequestStartTransactionResponse(status="Accepted", transactionId=known)
    return None


def _refused_at_start(station: ChargingStation, id: int, profile: v21.ChargingProfileType) -> Refusal | None:
    """Why the profile of a remote start cannot be followed by the transaction that it is for, or None: that must not
    begin without its limits."""
    if profile.chargingProfilePurpose != "TxProfile":
        return Refusal("InvalidProfile", "a remote start brings a TxProfile")
    to_come = Running("to come", station.unix_s)
    return station.profiles.why_not(id, replace(profile, transactionId=to_come.id), {id: to_come})


def _stop(station: ChargingStation, asked: v21.RequestStopTransactionRequest) -> Message:
    for tracker in station.trackers.values():
        if tracker.running is not None and tracker.running.id == asked.transactionId:
            tracker.stopped = "RemoteStop", "Remote"
            tracker.stop(station.now)
            return v21.RequestStopTransactionResponse(status="Accepted")
    return v21.RequestStopTransactionResponse(status="Rejected", statusInfo=_info("TxNotFound"))


def _availability(station: ChargingStation, asked: v21.ChangeAvailabilityRequest) -> Message:
    place = given(asked.evse, None)
    chosen = list(station.evses) if place is None or place.id == 0 else [place.id]
    if any(id not in station.evses for id in chosen):
        return v21.ChangeAvailabilityResponse(status="Rejected", statusInfo=_info("UnknownEvse"))
    operative = asked.operationalStatus == "Operative"
    for id in chosen:
        station.set_operative(id, operative)
    busy = not operative and any(station.trackers[id].running is not None for id in chosen)
    return v21.ChangeAvailabilityResponse(status="Scheduled" if busy else "Accepted")


def _reset(station: ChargingStation, asked: v21.ResetRequest) -> Message:
    """Only of the whole station, and not before every transaction is over (B12): OnIdle waits for the cars, Immediate
    ends their sessions in order. Meanwhile the reason stands in the response. A station that would not start again goes
    on."""
    if given(asked.evseId, 0):
        return v21.ResetResponse(status="Rejected", statusInfo=_info("UnsupportedParam", "only the whole station"))
    if asked.type not in ("Immediate", "OnIdle"):
        return v21.ResetResponse(status="Rejected", statusInfo=_info("UnsupportedParam", asked.type))
    if station.installing:
        info = _info("FwUpdateInProgress", INSTALLS)
        return v21.ResetResponse(status="Rejected", statusInfo=info)
    if why := station.pending_reset.why_not_start():
        text = f"the station would not start again: {why}"[:MOST_INFO]
        return v21.ResetResponse(status="Rejected", statusInfo=_info("InternalError", text))
    busy = [id for id, evse in station.evses.items() if evse.demand.stage is not Stage.OFF]
    busy = sorted({*busy, *station.running})
    why = f"the back end asks for a reset ({asked.type})"
    if not busy:
        station.restart("RemoteReset", why)
        return v21.ResetResponse(status="Accepted")
    info = _info("TxInProgress", f"energy is being transferred at EVSE {', '.join(map(str, busy))}")
    station.pending_reset.why = why
    if asked.type == "OnIdle":
        return v21.ResetResponse(status="Scheduled", statusInfo=info)
    station.stop_all("ResetCommand", "ImmediateReset")
    return v21.ResetResponse(status="Accepted", statusInfo=info)


def _unlock(station: ChargingStation, asked: v21.UnlockConnectorRequest) -> Message:
    if asked.evseId not in station.evses or asked.connectorId != 1:
        return v21.UnlockConnectorResponse(status="UnknownConnector")
    if station.trackers[asked.evseId].running is not None:  # F05
        return v21.UnlockConnectorResponse(status="OngoingAuthorizedTransaction")
    evse = station.evses[asked.evseId]
    lock = evse.fresh(station.now).lock
    freed = evse.settings.lock is None or (lock is not None and not lock.locked)
    return v21.UnlockConnectorResponse(status="Unlocked" if freed else "UnlockFailed")


def _trigger(station: ChargingStation, asked: v21.TriggerMessageRequest) -> Message:
    place = given(asked.evse, None)
    chosen = list(station.evses) if place is None or place.id == 0 else [place.id]
    if any(id not in station.evses for id in chosen):
        return v21.TriggerMessageResponse(status="Rejected", statusInfo=_info("UnknownEvse"))
    match asked.requestedMessage:
        case "BootNotification" if station.registered != "Accepted":  # F06.FR.17
            station.boot("Triggered")
        case "Heartbeat":
            station.call("Heartbeat", v21.HeartbeatRequest())
        case "StatusNotification":
            station.connectors.report_again()
        case "MeterValues":
            for id in chosen:
                evse = station.evses[id]
                values = sampled(None, evse.fresh(station.now).meter, evse.car.soc_percent, "Trigger")
                if values:
                    value = v21.MeterValueType(sampledValue=values, timestamp=timestamp(station.unix_s))
                    station.call("MeterValues", v21.MeterValuesRequest(evseId=id, meterValue=(value,)))
        case "TransactionEvent":
            events = [station.trackers[id].triggered(station.now, station.unix_s) for id in chosen]
            for event in events:
                if event is not None:
                    station.event(event)
        case "SignChargingStationCertificate" | "SignV2GCertificate" | "SignV2G20Certificate":
            station.block(Certificates).sign(TRIGGERS[asked.requestedMessage])
        case "SignCombinedCertificate":
            return v21.TriggerMessageResponse(status="NotImplemented")
        case "LogStatusNotification":
            station.block(Files).status("log")
        case "PublishFirmwareStatusNotification":
            station.block(Publishing).status()
        case "FirmwareStatusNotification":
            station.block(Files).status("firmware")
        case "BootNotification":
            return v21.TriggerMessageResponse(status="Rejected", statusInfo=_info("NotEnabled", "it is accepted"))
        case _:
            return v21.TriggerMessageResponse(status="NotImplemented")
    return v21.TriggerMessageResponse(status="Accepted")


# The device model


def _get_variables(station: ChargingStation, asked: v21.GetVariablesRequest) -> Message:
    few(asked.getVariableData)
    return v21.GetVariablesResponse(getVariableResult=tuple(map(station.model.get, asked.getVariableData)))


def _set_variables(station: ChargingStation, asked: v21.SetVariablesRequest) -> Message:
    few(asked.setVariableData)
    results = tuple(map(station.model.set, asked.setVariableData))
    network.take_password(station)
    station.profiles.negative_limits = station.model.flag("SmartChargingCtrlr", "DischargeByNegativeLimit")
    return v21.SetVariablesResponse(setVariableResult=results)


def _base_report(station: ChargingStation, asked: v21.GetBaseReportRequest) -> Message:
    if asked.reportBase == "SummaryInventory":
        return v21.GetBaseReportResponse(status="NotSupported")
    writable = asked.reportBase == "ConfigurationInventory"
    for part in station.model.reports(asked.requestId, station.unix_s, writable_only=writable):
        station.call("NotifyReport", part)
    return v21.GetBaseReportResponse(status="Accepted")


def _report(station: ChargingStation, asked: v21.GetReportRequest) -> Message:
    few(given(asked.componentVariable, ()))
    found = station.model.find(asked)
    if not found:
        return v21.GetReportResponse(status="EmptyResultSet")
    for part in report_parts(found, asked.requestId, station.unix_s):
        station.call("NotifyReport", part)
    return v21.GetReportResponse(status="Accepted")


# Smart charging


def _set_profile(station: ChargingStation, asked: v21.SetChargingProfileRequest) -> Message:
    refusal = station.profiles.set(asked.evseId, asked.chargingProfile, station.running, station.unix_s)
    return v21.SetChargingProfileResponse(
        status="Accepted" if refusal is None else "Rejected", statusInfo=_refused(refusal)
    )


def _update_schedule(station: ChargingStation, asked: v21.UpdateDynamicScheduleRequest) -> Message:
    refusal = station.profiles.update(asked.chargingProfileId, asked.scheduleUpdate, station.running, station.unix_s)
    return v21.UpdateDynamicScheduleResponse(
        status="Accepted" if refusal is None else "Rejected", statusInfo=_refused(refusal)
    )


def _clear_profile(station: ChargingStation, asked: v21.ClearChargingProfileRequest) -> Message:
    found = station.profiles.clear(given(asked.chargingProfileId, None), given(asked.chargingProfileCriteria, None))
    return v21.ClearChargingProfileResponse(status="Accepted" if found else "Unknown")


def _get_profiles(station: ChargingStation, asked: v21.GetChargingProfilesRequest) -> Message:
    found = list(station.profiles.find(given(asked.evseId, None), asked.chargingProfile))
    if not found:
        return v21.GetChargingProfilesResponse(status="NoProfiles")
    for index, each in enumerate(found):
        station.call(
            "ReportChargingProfiles",
            v21.ReportChargingProfilesRequest(
                requestId=asked.requestId,
                chargingLimitSource=each.source,
                chargingProfile=(each.profile,),
                tbc=index + 1 < len(found),
                evseId=each.evse,
            ),
        )
    return v21.GetChargingProfilesResponse(status="Accepted")


def _composite(station: ChargingStation, asked: v21.GetCompositeScheduleRequest) -> Message:
    reply = v21.GetCompositeScheduleResponse
    unit: v21.ChargingRateUnitEnumType | None = given(asked.chargingRateUnit, None)
    if asked.evseId and asked.evseId not in station.evses:
        return reply(status="Rejected", statusInfo=_info("UnknownEvse"))
    dc = any(each.dc for id, each in station.profiles.evses.items() if asked.evseId in (0, id))
    if unit == "A" and dc:
        return reply(status="Rejected", statusInfo=_info("UnsupportedRateUnit", "an EVSE with DC is limited in W"))
    schedule = station.profiles.composite(asked.evseId, station.running, station.instant, max(1, asked.duration), unit)
    return reply(status="Accepted", schedule=replace(schedule, duration=min(asked.duration, schedule.duration)))


# The rest


def _transaction_status(station: ChargingStation, asked: v21.GetTransactionStatusRequest) -> Message:
    id = given(asked.transactionId, None)
    ongoing = UNSET if id is None else any(running.id == id for running in station.running.values())
    waits = station.outbox.waiting_for(id)
    return v21.GetTransactionStatusResponse(ongoingIndicator=ongoing, messagesInQueue=waits)


def _data_transfer(station: ChargingStation, asked: v21.DataTransferRequest) -> Message:
    return v21.DataTransferResponse(status="UnknownVendorId")


HANDLERS: dict[str, Handler] = {
    "RequestStartTransaction": _start,
    "RequestStopTransaction": _stop,
    "ChangeAvailability": _availability,
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "TriggerMessage": _trigger,
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
    "GetBaseReport": _base_report,
    "GetReport": _report,
    "SetNetworkProfile": network.set_profile,
    "SetChargingProfile": _set_profile,
    "UpdateDynamicSchedule": _update_schedule,
    "ClearChargingProfile": _clear_profile,
    "GetChargingProfiles": _get_profiles,
    "GetCompositeSchedule": _composite,
    "GetTransactionStatus": _transaction_status,
    "DataTransfer": _data_transfer,
}
"""Action -> what answers it. What is not here is answered with NotSupported."""
