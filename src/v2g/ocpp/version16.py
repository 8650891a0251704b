"""OCPP 1.6, charging only, as the same requests and responses of 2.1 that everybody above speaks.

A transaction event becomes StartTransaction, MeterValues, StatusNotification or StopTransaction. The back end numbers
the transactions; which of ours has which number survives a restart. Discharge cannot be ordered.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from v2g.ocpp import v16, v21
from v2g.ocpp.base import Message, convert, encode
from v2g.ocpp.configuration16 import ASKED, answered, written
from v2g.ocpp.store import Store
from v2g.ocpp.version import Called, Invalid, Subprotocol, Version, validated

KIND = "transaction16"
LONGEST_TAG = 20
MOST_KNOWN = 100
"""Transactions whose end the back end has not answered; the oldest are forgotten."""
NO_TAG = "NoAuthorization"
Plain = dict[str, Any]
"""A message as what JSON can hold."""

CODES = {
    "FormatViolation": "FormationViolation",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
    "MessageTypeNotSupported": "NotSupported",
    "RpcFrameworkError": "GenericError",
}
"""Error codes that 1.6 spells in another way, or does not have."""
_SAME_REASONS = ("DeAuthorized", "EmergencyStop", "EVDisconnected", "Local", "PowerLoss", "Reboot", "Remote")
_REASONS = {"ImmediateReset": "HardReset"} | {each: each for each in _SAME_REASONS}
_STATES = {"EVConnected": "Preparing", "Idle": "Finishing"}
_TRIGGERS = {"DiagnosticsStatusNotification": "LogStatusNotification",
             "SignChargePointCertificate": "SignChargingStationCertificate"}  # fmt: skip
_ROOTS = {"CentralSystemRootCertificate": "CSMSRootCertificate"}


class Known(msgspec.Struct):
    """A transaction as both sides know it."""

    evse: int
    tag: str
    number: int | None = None
    """The back end's; None before it has answered."""


class Version16(Version):
    """One station's 1.6. It has to be the same object for all connections of a process."""

    subprotocol: Subprotocol = "ocpp1.6"
    is_21 = False
    replaces_rivals = True

    def __init__(self, store: Store, evses: int = 1) -> None:
        """`evses`: how many the station has, which 1.6 calls connectors."""
        self.evses = evses
        self._store, self._starts = store, 0
        self._known: dict[str, Known] = {}
        for (kind, key), value in list(store.found.items()):
            if kind == KIND:
                try:
                    self._known[key] = msgspec.json.decode(value, type=Known)
                except ValueError:  # of another release of this software
                    store.put(KIND, key, None)

    def write_call(self, action: str, request: Message) -> tuple[str, bytes]:
        """A call of the station; raises `Invalid` for what 1.6 cannot say."""
        if action not in _CALLS:
            raise Invalid("NotSupported", f"ocpp1.6 has no {action}")
        wire, payload = _CALLS[action](self, _plain(request))
        return wire, _checked(v16.CALLS[wire][0], payload)

    def read_answer(self, action: str, request: Message, payload: bytes | Raw) -> Message:
        """The response to a call of the station. Raises `Invalid`."""
        wire, _ = _CALLS[action](self, _plain(request))
        found = _plain(validated(v16.CALLS[wire][1], payload))
        found = _ANSWERS.get(wire, _nothing)(self, _plain(request), found)
        return _converted(v21.CALLS[action][1], found)

    def read_call(self, action: str, payload: bytes | Raw) -> Called:
        """A call of the back end. Raises `Invalid`."""
        if action not in v16.CALLS:
            raise Invalid("NotImplemented", f"there is no action {action[:50]!r} in ocpp1.6")
        if action not in _REQUESTS:
            raise Invalid("NotSupported", f"this station does not offer {action}")
        asked = _plain(validated(v16.CALLS[action][0], payload))
        meant, request = _REQUESTS[action](self, asked)
        return Called(meant, _converted(v21.CALLS[meant][0], request), action, asked)

    def write_answer(self, called: Called, response: Message) -> bytes:
        """The response to a call of the back end. Raises `Invalid`."""
        wire = called.wire or called.action
        return _checked(v16.CALLS[wire][1], _RESPONSES.get(wire, _same)(self, called.asked, _plain(response)))

    def sees_discharge(self, *, extension: bool) -> bool:
        """1.6 charges only."""
        return False

    def code(self, code: str) -> str:
        """An error code as 1.6 writes it."""
        return CODES.get(code, code)

    # Transactions

    def begin(self, transaction: str, evse: int, tag: str) -> None:
        """A transaction that the back end hears of next."""
        if transaction not in self._known:
            self._keep(transaction, Known(evse, tag))
        while len(self._known) > MOST_KNOWN:
            self.over(next(iter(self._known)))

    def number(self, transaction: str, number: int) -> None:
        """The back end has numbered it."""
        if transaction in self._known:
            known = self._known[transaction]
            self._keep(transaction, Known(known.evse, known.tag, number))

    def known(self, transaction: str) -> Known:
        """Raises `Invalid` if the back end has given it no number."""
        found = self._known.get(transaction)
        if found is None or found.number is None:
            raise Invalid("GenericError", f"the back end has given transaction {transaction} no number")
        return found

    def over(self, transaction: str) -> None:
        """The back end knows that it has ended."""
        if self._known.pop(transaction, None) is not None:
            self._store.put(KIND, transaction, None)

    def ours(self, number: int | None, evse: int) -> str:
        """Our id of the back end's transaction; None for the one at the EVSE; one that nobody has if there is none."""
        for id, each in reversed(self._known.items()):  # one whose end was never answered may be there still
            if each.number == number if number is not None else each.evse == evse:
                return id
        return f"unknown {number}"

    def next_start(self) -> int:
        """The id of a remote start, which 1.6 does not have."""
        self._starts += 1
        return self._starts

    def _keep(self, transaction: str, known: Known) -> None:
        self._known[transaction] = known
        self._store.put(KIND, transaction, msgspec.json.encode(known))


# Calls of the station


def _boot(version: Version16, said: Plain) -> tuple[str, Plain]:
    station = said["chargingStation"]
    return "BootNotification", _given(
        chargePointVendor=station["vendorName"][:20],
        chargePointModel=station["model"],
        chargePointSerialNumber=station.get("serialNumber"),
        firmwareVersion=station.get("firmwareVersion"),
    )


def _authorize(version: Version16, said: Plain) -> tuple[str, Plain]:
    return "Authorize", {"idTag": _tag(said["idToken"])}


def _status(version: Version16, said: Plain) -> tuple[str, Plain]:
    status = said["connectorStatus"]
    return "StatusNotification", _status_of(said["evseId"], "Preparing" if status == "Occupied" else status, said)


def _meter_values(version: Version16, said: Plain) -> tuple[str, Plain]:
    return "MeterValues", {"connectorId": said["evseId"], "meterValue": [_values(each) for each in said["meterValue"]]}


def _transaction_event(version: Version16, said: Plain) -> tuple[str, Plain]:
    info, meter = said["transactionInfo"], said.get("meterValue", [])
    id, register = info["transactionId"], round(_register(meter) or 0)
    if said["eventType"] == "Started":
        evse, tag = said["evse"]["id"], _tag(said["idToken"])
        version.begin(id, evse, tag)
        return "StartTransaction", _given(
            connectorId=evse,
            idTag=tag,
            meterStart=register,
            timestamp=said["timestamp"],
            reservationId=said.get("reservationId"),
        )
    known = version.known(id)
    if said["eventType"] == "Ended":
        data = [_values(each, "Hertz") for each in meter]
        return "StopTransaction", _given(
            transactionId=known.number,
            idTag=known.tag,
            meterStop=register,
            timestamp=said["timestamp"],
            reason=_REASONS.get(info.get("stoppedReason", "Local"), "Other"),
            transactionData=data or None,
        )
    state = info.get("chargingState", "EVConnected")
    if said["triggerReason"] == "ChargingStateChanged" or not meter:
        return "StatusNotification", _status_of(known.evse, _STATES.get(state, state), said)
    values = [_values(each) for each in meter]
    return "MeterValues", {"connectorId": known.evse, "transactionId": known.number, "meterValue": values}


def _status_of(evse: int, status: str, said: Plain) -> Plain:
    error = "OtherError" if status == "Faulted" else "NoError"
    return {"connectorId": evse, "errorCode": error, "status": status, "timestamp": said["timestamp"]}


def _alike(wire: str, *names: str) -> Callable[[Version16, Plain], tuple[str, Plain]]:
    """A call that has the same fields in both versions. `wire`: its action in 1.6."""
    return lambda version, said: (wire, {name: said[name] for name in names if name in said})


def _transfer(version: Version16, said: Plain) -> tuple[str, Plain]:
    data = said.get("data")
    text = data if isinstance(data, str) or data is None else msgspec.json.encode(data).decode()
    return "DataTransfer", _given(vendorId=said["vendorId"], messageId=said.get("messageId"), data=text)


_CALLS: dict[str, Callable[[Version16, Plain], tuple[str, Plain]]] = {
    "BootNotification": _boot,
    "Heartbeat": _alike("Heartbeat"),
    "Authorize": _authorize,
    "StatusNotification": _status,
    "MeterValues": _meter_values,
    "TransactionEvent": _transaction_event,
    "DataTransfer": _transfer,
    "SecurityEventNotification": _alike("SecurityEventNotification", "type", "timestamp", "techInfo"),
    "SignCertificate": _alike("SignCertificate", "csr"),
    "LogStatusNotification": _alike("LogStatusNotification", "status", "requestId"),
    "FirmwareStatusNotification": _alike("SignedFirmwareStatusNotification", "status", "requestId"),
}


# Their answers


def _nothing(version: Version16, said: Plain, found: Plain) -> Plain:
    return {}


def _all(version: Version16, said: Plain, found: Plain) -> Plain:
    return found


def _token_info(version: Version16, said: Plain, found: Plain) -> Plain:
    info = found.get("idTagInfo")
    if info is None:
        return {}
    parent = info.get("parentIdTag")
    group = None if parent is None else {"idToken": parent, "type": "Central"}
    return {
        "idTokenInfo": _given(status=info["status"], cacheExpiryDateTime=info.get("expiryDate"), groupIdToken=group)
    }


def _started(version: Version16, said: Plain, found: Plain) -> Plain:
    version.number(said["transactionInfo"]["transactionId"], found["transactionId"])
    return _token_info(version, said, found)


def _stopped(version: Version16, said: Plain, found: Plain) -> Plain:
    version.over(said["transactionInfo"]["transactionId"])
    return _token_info(version, said, found)


_ANSWERS: dict[str, Callable[[Version16, Plain, Plain], Plain]] = {
    "BootNotification": _all,
    "Heartbeat": _all,
    "DataTransfer": _all,
    "SignCertificate": _all,
    "Authorize": _token_info,
    "StartTransaction": _started,
    "StopTransaction": _stopped,
}


# Calls of the back end


def _remote_start(version: Version16, asked: Plain) -> tuple[str, Plain]:
    token, profile = {"idToken": asked["idTag"], "type": "Central"}, asked.get("chargingProfile")
    found = _given(evseId=asked.get("connectorId") or None, idToken=token, remoteStartId=version.next_start())
    if profile is not None:
        found["chargingProfile"] = _profile(version, profile, asked.get("connectorId", 0), starts=True)
    return "RequestStartTransaction", found


def _remote_stop(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "RequestStopTransaction", {"transactionId": version.ours(asked["transactionId"], 0)}


def _availability(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "ChangeAvailability", {"operationalStatus": asked["type"]} | _place(asked)


def _reset(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "Reset", {"type": "Immediate" if asked["type"] == "Hard" else "OnIdle"}


def _unlock(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "UnlockConnector", {"evseId": asked["connectorId"], "connectorId": 1}


def _trigger(version: Version16, asked: Plain) -> tuple[str, Plain]:
    what = asked["requestedMessage"]
    return "TriggerMessage", {"requestedMessage": _TRIGGERS.get(what, what)} | _place(asked)


def _get_configuration(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "GetVariables", ASKED


def _change_configuration(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "SetVariables", written(asked["key"], asked["value"])


def _set_profile(version: Version16, asked: Plain) -> tuple[str, Plain]:
    evse = asked["connectorId"]
    return "SetChargingProfile", {
        "evseId": evse, "chargingProfile": _profile(version, asked["csChargingProfiles"], evse)
    }  # fmt: skip


def _clear_profile(version: Version16, asked: Plain) -> tuple[str, Plain]:
    if "id" in asked:
        return "ClearChargingProfile", {"chargingProfileId": asked["id"]}
    purpose = asked.get("chargingProfilePurpose")
    criteria = _given(
        evseId=asked.get("connectorId"),
        stackLevel=asked.get("stackLevel"),
        chargingProfilePurpose=None if purpose is None else purpose.replace("ChargePoint", "ChargingStation"),
    )
    return "ClearChargingProfile", {"chargingProfileCriteria": criteria}


def _composite(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "GetCompositeSchedule", _given(
        evseId=asked["connectorId"], duration=asked["duration"], chargingRateUnit=asked.get("chargingRateUnit")
    )


def _reserve(version: Version16, asked: Plain) -> tuple[str, Plain]:
    return "ReserveNow", _given(
        id=asked["reservationId"],
        expiryDateTime=asked["expiryDate"],
        evseId=asked["connectorId"] or None,
        idToken={"idToken": asked["idTag"], "type": "Central"},
    )


def _local_list(version: Version16, asked: Plain) -> tuple[str, Plain]:
    rows = [
        {"idToken": {"idToken": each["idTag"], "type": "Central"}} | _token_info(version, {}, each)
        for each in asked.get("localAuthorizationList", [])
    ]
    found = {"versionNumber": asked["listVersion"], "updateType": asked["updateType"]}
    return "SendLocalList", found | ({"localAuthorizationList": rows} if rows else {})


def _root(action: str) -> Callable[[Version16, Plain], tuple[str, Plain]]:
    def read(version: Version16, asked: Plain) -> tuple[str, Plain]:
        kind = _ROOTS.get(asked["certificateType"], asked["certificateType"])
        return action, asked | {"certificateType": kind if action == "InstallCertificate" else [kind]}

    return read


def _unchanged(action: str) -> Callable[[Version16, Plain], tuple[str, Plain]]:
    return lambda version, asked: (action, asked)


_REQUESTS: dict[str, Callable[[Version16, Plain], tuple[str, Plain]]] = {
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "ChangeAvailability": _availability,
    "ChangeConfiguration": _change_configuration,
    "GetConfiguration": _get_configuration,
    "ClearCache": _unchanged("ClearCache"),
    "DataTransfer": _unchanged("DataTransfer"),
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "TriggerMessage": _trigger,
    "ExtendedTriggerMessage": _trigger,
    "SetChargingProfile": _set_profile,
    "ClearChargingProfile": _clear_profile,
    "GetCompositeSchedule": _composite,
    "ReserveNow": _reserve,
    "CancelReservation": _unchanged("CancelReservation"),
    "GetLocalListVersion": _unchanged("GetLocalListVersion"),
    "SendLocalList": _local_list,
    "CertificateSigned": _unchanged("CertificateSigned"),
    "InstallCertificate": _root("InstallCertificate"),
    "GetInstalledCertificateIds": _root("GetInstalledCertificateIds"),
    "DeleteCertificate": _unchanged("DeleteCertificate"),
    "GetLog": _unchanged("GetLog"),
    "SignedUpdateFirmware": _unchanged("UpdateFirmware"),
}


# Our answers


def _same(version: Version16, asked: Plain, found: Plain) -> Plain:
    return {name: value for name, value in found.items() if name in ("status", "data", "filename")}


def _only(**words: str) -> Callable[[Version16, Plain, Plain], Plain]:
    """The status alone, some of which have another name in 1.6."""
    return lambda version, asked, found: {"status": words.get(found["status"], found["status"])}


def _configuration(version: Version16, asked: Plain, found: Plain) -> Plain:
    return answered(asked.get("key"), found["getVariableResult"], version.evses)


def _configured(version: Version16, asked: Plain, found: Plain) -> Plain:
    status = found["setVariableResult"][0]["attributeStatus"]
    return {"status": status if status in ("Accepted", "Rejected", "RebootRequired") else "NotSupported"}


def _schedule(version: Version16, asked: Plain, found: Plain) -> Plain:
    if found["status"] != "Accepted":
        return {"status": "Rejected"}
    schedule = found["schedule"]
    periods = [
        {"startPeriod": each["startPeriod"], "limit": max(0.0, each.get("limit", 0.0))}
        for each in schedule["chargingSchedulePeriod"]
    ]
    start, unit = schedule["scheduleStart"], schedule["chargingRateUnit"]
    written = {"duration": schedule["duration"], "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    return {
        "status": "Accepted", "connectorId": asked["connectorId"], "scheduleStart": start, "chargingSchedule": written
    }  # fmt: skip


def _list_version(version: Version16, asked: Plain, found: Plain) -> Plain:
    return {"listVersion": found["versionNumber"]}


def _installed(version: Version16, asked: Plain, found: Plain) -> Plain:
    chains = [each["certificateHashData"] for each in found.get("certificateHashDataChain", [])]
    return {"status": found["status"]} | ({"certificateHashData": chains} if chains else {})


_RESPONSES: dict[str, Callable[[Version16, Plain, Plain], Plain]] = {
    "GetConfiguration": _configuration,
    "ChangeConfiguration": _configured,
    "GetCompositeSchedule": _schedule,
    "GetLocalListVersion": _list_version,
    "GetInstalledCertificateIds": _installed,
    "Reset": _only(Scheduled="Accepted"),
    "ClearChargingProfile": _only(),
    "UnlockConnector": _only(OngoingAuthorizedTransaction="UnlockFailed", UnknownConnector="NotSupported"),
}


# Parts


def _profile(version: Version16, asked: Plain, evse: int, *, starts: bool = False) -> Plain:
    schedule = dict(asked["chargingSchedule"])
    kind, start = asked["chargingProfileKind"], schedule.pop("startSchedule", None)
    if kind == "Absolute" and start is None:  # 1.6 means the start of charging then
        kind = "Relative"
    if any(period["limit"] < 0 for period in schedule["chargingSchedulePeriod"]):
        raise Invalid("PropertyConstraintViolation", "OCPP 1.6 charges only: a limit is at least 0")
    schedule |= {"id": asked["chargingProfileId"]} | ({} if kind == "Relative" else {"startSchedule": start})
    purpose = asked["chargingProfilePurpose"].replace("ChargePoint", "ChargingStation")
    found: Plain = {
        name: asked[name] for name in ("stackLevel", "recurrencyKind", "validFrom", "validTo") if name in asked
    }
    found |= {"id": asked["chargingProfileId"], "chargingProfilePurpose": purpose, "chargingProfileKind": kind}
    if purpose == "TxProfile" and not starts:
        found["transactionId"] = version.ours(asked.get("transactionId"), evse)
    return found | {"chargingSchedule": [schedule]}


def _place(asked: Plain) -> Plain:
    evse = asked.get("connectorId") or None
    return {} if evse is None else {"evse": {"id": evse}}


def _tag(token: Plain) -> str:
    text: str = token["idToken"] or NO_TAG
    if len(text) > LONGEST_TAG:
        raise Invalid("PropertyConstraintViolation", f"OCPP 1.6 has tokens of at most {LONGEST_TAG} characters: {text}")
    return text


def _register(meter: list[Plain]) -> float | None:
    for each in meter:
        for value in each["sampledValue"]:
            if value.get("measurand", _IMPORT) == _IMPORT:
                found: float = value["value"]
                return found
    return None


_IMPORT = "Energy.Active.Import.Register"
_MEASURANDS = frozenset(
    ("Energy.Active.Export.Register", _IMPORT, "Energy.Reactive.Export.Register", "Energy.Reactive.Import.Register",
     "Power.Active.Export", "Power.Active.Import", "Power.Offered", "Current.Import", "Current.Export",
     "Current.Offered", "Voltage", "Frequency", "SoC")
)  # fmt: skip


def _values(meter: Plain, *unknown_units: str) -> Plain:
    """Sampled values, as far as 1.6 has names for them; values are text there."""
    found = []
    for each in meter["sampledValue"]:
        unit = each.get("unitOfMeasure", {}).get("unit", "Wh")
        if each.get("measurand", _IMPORT) in _MEASURANDS and unit not in unknown_units:
            row = {name: each[name] for name in ("context", "measurand", "phase", "location") if name in each}
            found.append(row | {"value": f"{each['value']:.10g}", "unit": unit})
    if not found:
        raise Invalid("GenericError", "OCPP 1.6 has none of these measurands")
    return {"timestamp": meter["timestamp"], "sampledValue": found}


def _given(**fields: Any) -> Plain:
    return {name: value for name, value in fields.items() if value is not None}


def _plain(message: Message) -> Plain:
    found: Plain = msgspec.json.decode(encode(message))
    return found


def _checked(kind: type[Message], payload: Plain) -> bytes:
    written = msgspec.json.encode(payload)
    validated(kind, written)
    return written


def _converted(kind: type[Message], found: Plain) -> Message:
    try:
        message: Message = convert(found, kind)
    except msgspec.ValidationError as error:
        raise Invalid("PropertyConstraintViolation", f"{kind.__name__}: {error}") from error
    return message
