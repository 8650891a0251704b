"""OCTT, blocks C to F: authorisation, local list, transactions, remote control.

The token of these cases is the name of the car: the station has no reader. What needs one is not applicable.
"""

from typing import Any

from msgspec import UNSET

from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.tester import Tester, refuse, silent
from v2g.ocpp import v21

READER = "the station has no reader: a car is authorised by its name, and stops what it has started"
TX, AUTH, CACHE, LIST = "TxCtrlr", "AuthCtrlr", "AuthCacheCtrlr", "LocalAuthListCtrlr"


def token(tester: Tester) -> dict[str, str]:
    """The car's name as this version has it."""
    return {"idToken": tester.car, "type": "EVCCID" if tester.link.subprotocol == "ocpp2.1" else "Central"}


def answer(tester: Tester, status: v21.AuthorizationStatusEnumType, **more: Any) -> None:
    """What the back end says of every token from now on."""
    info = v21.IdTokenInfoType(status=status, **more)
    tester.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=info)


def no_energy(tester: Tester, seconds: float = 40.0) -> None:
    tester.run(seconds)
    tester.true(not tester.since("TransactionEvent"), "a transaction has started")
    tester.true(abs(tester.link.power_w(1)) < 100.0, "energy flows")


# C


@case("TC_C_02_CS", status="Invalid")
@case("TC_C_06_CS", status="Blocked")
@case("TC_C_07_CS", status="Expired")
@case("TC_C_56_CS", status="Unknown")
def refused_by_the_back_end(tester: Tester, status: Any) -> None:
    answer(tester, status)
    tester.link.plug_in(1, tester.car)
    tester.await_("Authorize", 60)
    no_energy(tester)


def known(tester: Tester, status: Any = "Accepted", **more: Any) -> None:
    """The cache knows the car's name with this status: it was here before."""
    answer(tester, "Accepted")
    tester.charge()
    tester.answers["TransactionEvent"] = v21.TransactionEventResponse(
        idTokenInfo=v21.IdTokenInfoType(status=status, **more)
    )
    tester.link.car_stops(1)
    tester.await_("TransactionEvent", 60, eventType="Ended")
    tester.link.plug_out(1)
    tester.run(5)
    del tester.answers["TransactionEvent"]
    tester.heard.clear()
    tester._read.clear()
    tester._mark = 0


@case("TC_C_08_CS", shows="TC_C_33_CS TC_C_34_CS")
@case("TC_C_33_CS")
@case("TC_C_34_CS")
def start_from_the_cache(tester: Tester) -> None:
    known(tester)
    tester.charge()
    tester.true(not tester.since("Authorize"), "a cached token is asked about again")


@case("TC_C_09_CS", status="Invalid")
@case("TC_C_10_CS", status="Blocked")
@case("TC_C_11_CS", status="Expired")
def not_from_the_cache(tester: Tester, status: Any) -> None:
    known(tester, status)
    answer(tester, status)
    tester.link.plug_in(1, tester.car)
    tester.await_("Authorize", 60)
    no_energy(tester)


@case("TC_C_12_CS")
def cached_as_invalid_but_accepted_now(tester: Tester) -> None:
    known(tester, "Invalid")
    tester.charge()
    tester.true(tester.since("Authorize"), "the back end is not asked")


@case("TC_C_57_CS")
def the_cache_alone_decides(tester: Tester) -> None:
    known(tester, "Invalid")
    tester.put(CACHE, "DisablePostAuthorize", "true")
    tester.link.plug_in(1, tester.car)
    no_energy(tester)
    tester.true(not tester.since("Authorize"), "the back end is asked")


@case("TC_C_16_CS")
def a_cached_token_that_the_back_end_refuses(tester: Tester) -> None:
    known(tester)
    refused = v21.IdTokenInfoType(status="Invalid")
    tester.answers["TransactionEvent"] = v21.TransactionEventResponse(idTokenInfo=refused)
    tester.link.plug_in(1, tester.car)
    tester.await_("TransactionEvent", 60, eventType="Started")
    tester.await_("TransactionEvent", 90, eventType="Ended", transactionInfo__stoppedReason="DeAuthorized")


not_here("StopTxOnInvalidId is always true", "TC_C_15_CS", "TC_C_17_CS", "TC_C_18_CS")


@case("TC_C_32_CS")
def the_cache_survives_a_reboot(tester: Tester) -> None:
    known(tester)
    tester.link.reboot()
    tester.booted()
    start_from_what_it_knows(tester)


def start_from_what_it_knows(tester: Tester) -> None:
    tester.mark()
    count = len(tester.since("Authorize"))
    tester.charge()
    tester.true(len(tester.since("Authorize")) == count, "the back end is asked")


@case("TC_C_36_CS")
def no_local_authorisation(tester: Tester) -> None:
    known(tester)
    tester.put(AUTH, "LocalPreAuthorize", "false")
    tester.charge()
    tester.true(tester.since("Authorize"), "the back end is not asked")


@case("TC_C_37_CS")
def the_cache_is_cleared(tester: Tester) -> None:
    known(tester)
    tester.check("ClearCache")
    tester.charge()
    tester.true(tester.since("Authorize"), "the back end is not asked")


@case("TC_C_38_CS")
def there_is_no_cache_to_clear(tester: Tester) -> None:
    tester.put(CACHE, "Enabled", "false")
    tester.check("ClearCache", "Rejected")


@case("TC_C_46_CS")
def the_cache_forgets(tester: Tester) -> None:
    tester.put(CACHE, "LifeTime", "30")
    known(tester)
    tester.run(40)
    tester.charge()
    tester.true(tester.since("Authorize"), "the back end is not asked")


not_here(READER, *(f"TC_C_{number:02}_CS" for number in (4, 5, 13, 14, 39, 41, 42, 44, 47, 48, 49)))


@case("TC_C_45_CS")
def a_master_pass_starts_nothing(tester: Tester) -> None:
    tester.put(AUTH, "MasterPassGroupId", "MASTER")
    answer(tester, "Accepted", groupIdToken=v21.IdTokenType(idToken="MASTER", type="Central"))
    tester.link.plug_in(1, tester.car)
    tester.await_("Authorize", 60)
    no_energy(tester)


@case("TC_C_26_CS", offline="true", starts=True)
def unknown_token_offline(tester: Tester, offline: str, starts: bool) -> None:
    tester.put(AUTH, "OfflineTxForUnknownIdEnabled", offline)
    tester.link.cut()
    tester.link.plug_in(1, tester.car)
    tester.run(40)
    tester.opened()
    tester.link.restore()
    tester.await_("TransactionEvent", 30, eventType="Started", offline=True)


# Plug & Charge


def contract_judged(tester: Tester, certificate: Any, status: Any) -> None:
    """What the back end says of a contract, and of its eMAID."""
    info = v21.IdTokenInfoType(status=status)
    tester.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=info, certificateStatus=certificate)


@case("TC_C_50_CS", contracts=True, certificate="Accepted", status="Accepted", good=True)
@case("TC_C_51_CS", contracts=True, certificate="CertificateRevoked", status="Invalid", good=False)
def contract_that_the_station_can_judge(tester: Tester, certificate: Any, status: Any, good: bool) -> None:
    contract_judged(tester, certificate, status)
    tester.link.plug_in(1, tester.car, contract="known")
    asked = tester.await_("Authorize", 60)
    tester.equal(asked.idToken.type, "eMAID", "idToken.type")
    tester.true(asked.iso15118CertificateHashData, "iso15118CertificateHashData is missing")
    tester.equal(asked.certificate, UNSET, "certificate")
    if good:
        tester.await_("TransactionEvent", 60, eventType="Started", idToken__type="eMAID")
    else:
        no_energy(tester)


@case("TC_C_52_CS", contracts=True, certificate="Accepted", status="Accepted", good=True)
@case("TC_C_53_CS", contracts=True, certificate="CertChainError", status="Invalid", good=False)
def contract_that_the_back_end_judges(tester: Tester, certificate: Any, status: Any, good: bool) -> None:
    tester.put("ISO15118Ctrlr", "CentralContractValidationAllowed", "true")
    contract_judged(tester, certificate, status)
    tester.link.plug_in(1, tester.car, contract="unknown")
    asked = tester.await_("Authorize", 60)
    tester.true("BEGIN CERTIFICATE" in str(asked.certificate), "certificate is missing")
    if good:
        tester.await_("TransactionEvent", 60, eventType="Started", idToken__type="eMAID")
    else:
        no_energy(tester)


@case("TC_C_54_CS", contracts=True, offline="true")
@case("TC_C_55_CS", contracts=True, offline="false")
def contract_while_the_back_end_is_away(tester: Tester, offline: str) -> None:
    tester.put("ISO15118Ctrlr", "ContractValidationOffline", offline)
    tester.put(AUTH, "OfflineTxForUnknownIdEnabled", "true")
    tester.link.cut()
    tester.link.plug_in(1, tester.car, contract="known")
    if offline == "false":
        no_energy(tester)
        return
    tester.run(40)
    tester.opened()
    tester.link.restore()
    tester.await_("TransactionEvent", 30, eventType="Started", offline=True, idToken__type="eMAID")


# D


def send_list(tester: Tester, version: int, *rows: Any, status: str = "Accepted", kind: str = "Full") -> None:
    entries = [{"idToken": {"idToken": name, "type": "Central"}} | (
        {} if state is None else {"idTokenInfo": {"status": state}}) for name, state in rows]  # fmt: skip
    tester.check(
        "SendLocalList", status, versionNumber=version, updateType=kind, localAuthorizationList=entries or None
    )


@case("TC_D_01_CS", "TC_D_08_CS")
def full_list(tester: Tester) -> None:
    send_list(tester, 3, ("A", "Accepted"), ("B", "Blocked"))
    tester.equal(tester.ask("GetLocalListVersion").versionNumber, 3, "versionNumber")


@case("TC_D_02_CS", rows=(("B", "Accepted"),))
@case("TC_D_03_CS", rows=(("A", None),))
@case("TC_D_05_CS", rows=())
def differential_list(tester: Tester, rows: Any) -> None:
    send_list(tester, 3, ("A", "Accepted"), ("C", "Accepted"))
    send_list(tester, 4, *rows, kind="Differential")
    tester.equal(tester.ask("GetLocalListVersion").versionNumber, 4, "versionNumber")


@case("TC_D_04_CS")
def empty_list(tester: Tester) -> None:
    send_list(tester, 3, ("A", "Accepted"))
    send_list(tester, 4)
    tester.equal(tester.ask("GetLocalListVersion").versionNumber, 0, "versionNumber")


@case("TC_D_06_CS")
def version_mismatch(tester: Tester) -> None:
    send_list(tester, 3, ("A", "Accepted"))
    send_list(tester, 2, ("A", "Accepted"), status="VersionMismatch", kind="Differential")


@case("TC_D_07_CS")
def the_list_survives_a_reboot(tester: Tester) -> None:
    send_list(tester, 3, ("A", "Accepted"))
    tester.link.reboot()
    tester.booted()
    tester.equal(tester.ask("GetLocalListVersion").versionNumber, 3, "versionNumber")


@case("TC_D_10_CS")
def no_list(tester: Tester) -> None:
    tester.put(LIST, "Enabled", "false")
    tester.equal(tester.ask("GetLocalListVersion").versionNumber, 0, "versionNumber")


# E


@case("TC_E_01_CS", "TC_E_03_CS")
def start_point(tester: Tester) -> None:
    tester.equal(tester.get(TX, "TxStartPoint"), "PowerPathClosed", "TxStartPoint")
    tester.link.plug_in(1, tester.car)
    tester.await_("StatusNotification", 20, connectorStatus="Occupied")
    started = tester.await_("TransactionEvent", 60, eventType="Started")
    tester.equal(started.triggerReason, ("Authorized", "CablePluggedIn"), "triggerReason")
    tester.await_("TransactionEvent", 90, transactionInfo__chargingState="Charging")


not_here("TxStartPoint is PowerPathClosed", *(f"TC_E_{number:02}_CS" for number in (2, 9, 10, 11, 12, 13)))
not_here("TxStopPoint is EVConnected,Authorized", *(f"TC_E_{number:02}_CS" for number in (8, 19, 22)))
not_here("a car that is unplugged ends its transaction (StopTxOnEVSideDisconnect is true)", "TC_E_26_CS", "TC_E_27_CS")
not_here(READER, *(f"TC_E_{number:02}_CS" for number in (4, 5, 6, 7, 38, 45, 52)))


@case("TC_E_16_CS", "TC_E_39_CS")
def deauthorised(tester: Tester) -> None:
    tester.charge()
    refused = v21.IdTokenInfoType(status="Invalid")
    tester.answers["TransactionEvent"] = v21.TransactionEventResponse(idTokenInfo=refused)
    tester.check("TriggerMessage", requestedMessage="TransactionEvent", evse={"id": 1})
    tester.await_("TransactionEvent", 90, eventType="Ended", transactionInfo__stoppedReason="DeAuthorized")


@case("TC_E_17_CS", "TC_E_20_CS", "TC_E_24_CS", "TC_E_37_CS", "TC_E_54_CS")
def unplugged_at_the_car(tester: Tester) -> None:
    tester.charge()
    tester.link.plug_out(1)
    ended = tester.await_("TransactionEvent", 60, eventType="Ended")
    tester.equal(ended.triggerReason, ("EVCommunicationLost", "EVDeparted"), "triggerReason")
    tester.equal(ended.transactionInfo.stoppedReason, "EVDisconnected", "stoppedReason")
    tester.await_("StatusNotification", 20, connectorStatus="Available")


not_here("the cable is unlocked once the car is gone (UnlockOnEVSideDisconnect is true)", "TC_E_25_CS")


@case("TC_E_14_CS", "TC_E_15_CS")
@case("TC_E_46_CS")
def the_car_ends_charging(tester: Tester) -> None:
    tester.charge()
    ended = tester.stop()
    tester.equal(ended.triggerReason, "StopAuthorized", "triggerReason")
    tester.equal(ended.transactionInfo.stoppedReason, ("StoppedByEV", "Local"), "stoppedReason")


@case("TC_E_21_CS", "TC_E_35_CS")
@case("TC_F_08_CS")
def remote_stop(tester: Tester) -> None:
    transaction = tester.charge()
    tester.check("RequestStopTransaction", transactionId=transaction)
    ended = tester.await_("TransactionEvent", 90, eventType="Ended")
    tester.equal(ended.triggerReason, "RemoteStop", "triggerReason")
    tester.equal(ended.transactionInfo.stoppedReason, "Remote", "stoppedReason")


def status_of(tester: Tester, transaction: str | None, ongoing: Any, queued: bool) -> None:
    reply = tester.ask("GetTransactionStatus", transactionId=transaction)
    tester.true(
        (reply.ongoingIndicator is ongoing or (ongoing is None and not reply.ongoingIndicator)), "ongoingIndicator"
    )
    tester.equal(reply.messagesInQueue, queued, "messagesInQueue")


@case("TC_E_28_CS")
def status_of_an_unknown_transaction(tester: Tester) -> None:
    status_of(tester, "unknown", False, False)


@case("TC_E_30_CS")
def status_while_it_runs(tester: Tester) -> None:
    transaction = tester.charge()
    tester.run(3)
    status_of(tester, transaction, True, False)


@case("TC_E_32_CS")
def status_when_it_is_over(tester: Tester) -> None:
    transaction = tester.charge()
    tester.stop()
    status_of(tester, transaction, False, False)


@case("TC_E_34_CS")
def status_of_the_queue(tester: Tester) -> None:
    status_of(tester, None, None, False)


@case("TC_E_29_CS", named=True, over=False)
@case("TC_E_31_CS", named=True, over=True)
@case("TC_E_33_CS", named=False, over=False)
def status_with_a_queue(tester: Tester, named: bool, over: bool) -> None:
    transaction = tester.charge()
    tester.answers["TransactionEvent"] = refuse
    if over:
        tester.link.car_stops(1)
    tester.check("TriggerMessage", ("Accepted", "Rejected"), requestedMessage="TransactionEvent", evse={"id": 1})
    tester.run(25)
    status_of(tester, transaction if named else None, (not over) if named else None, True)


@case("TC_E_40_CS")
def link_lost_in_a_transaction(tester: Tester) -> None:
    transaction = tester.charge()
    tester.link.cut()
    tester.run(90)
    tester.opened()
    tester.link.restore()
    event = tester.await_("TransactionEvent", 30, offline=True)
    tester.equal(event.transactionInfo.transactionId, transaction, "transactionId")
    tester.never("TransactionEvent", 5, eventType="Ended")


@case("TC_E_41_CS", how=silent, times=9)
@case("TC_E_50_CS", how=refuse, times=9)
@case("TC_E_42_CS", how=silent, times=1)
@case("TC_E_51_CS", how=refuse, times=1)
def event_that_is_not_answered(tester: Tester, how: Any, times: int) -> None:
    """`times`: how often the answer is missing; more often than the station tries means for ever."""
    tester.charge()
    tester.run(5)
    attempts = int(tester.get("OCPPCommCtrlr", "MessageAttempts", instance="TransactionEvent"))
    tester.put("SampledDataCtrlr", "TxUpdatedInterval", "0")
    left = [times]
    seen: list[int] = []

    def answer_later(request: Any) -> v21.TransactionEventResponse:
        seen.append(request.seqNo)
        if left[0] > 0 and request.seqNo == seen[0]:
            left[0] -= 1
            how(request)
        return v21.TransactionEventResponse()

    tester.answers["TransactionEvent"] = answer_later
    tester.check("TriggerMessage", requestedMessage="TransactionEvent", evse={"id": 1})
    tester.run(400)
    expected = min(times + 1, attempts)
    tester.true(seen.count(seen[0]) == expected, f"{seen.count(seen[0])} attempts, expected {expected}")


@case("TC_E_43_CS", "TC_E_44_CS")
def transaction_while_offline(tester: Tester) -> None:
    known(tester)
    tester.link.cut()
    tester.link.plug_in(1, tester.car)
    tester.run(60)
    tester.link.car_stops(1)
    tester.run(20)
    tester.opened()
    tester.link.restore()
    tester.await_("TransactionEvent", 30, eventType="Started", offline=True)
    ended = tester.await_("TransactionEvent", 30, eventType="Ended", offline=True)
    seqs = [each.seqNo for each in tester.since("TransactionEvent") if each.offline is True]
    tester.true(seqs == list(range(len(seqs))) and ended.seqNo == seqs[-1], f"seqNo: {seqs}")


# F


def remote(tester: Tester, status: str = "Accepted", evse: int = 1, id: int = 7, **more: Any) -> Any:
    asked = {"idToken": {"idToken": "APP-1", "type": "Central"}, "remoteStartId": id, "evseId": evse}
    return tester.check("RequestStartTransaction", status, **asked, **more)


@case("TC_F_01_CS")
def remote_start_with_the_cable_first(tester: Tester) -> None:
    tester.answers["Authorize"] = silent
    tester.link.plug_in(1, tester.car)
    tester.run(8)
    remote(tester)
    tester.await_("TransactionEvent", 90, eventType="Started", transactionInfo__remoteStartId=7)


@case("TC_F_02_CS", first="true")
@case("TC_F_03_CS", first="false")
def remote_start_first(tester: Tester, first: str) -> None:
    tester.put(AUTH, "AuthorizeRemoteStart", first)
    remote(tester)
    if first == "true":
        tester.await_("Authorize", 20, idToken__idToken="APP-1")
    tester.link.plug_in(1, tester.car)
    started = tester.await_("TransactionEvent", 90, eventType="Started")
    tester.equal(started.triggerReason, "RemoteStart", "triggerReason")
    tester.equal(started.transactionInfo.remoteStartId, 7, "remoteStartId")


@case("TC_F_04_CS")
def remote_start_without_a_car(tester: Tester) -> None:
    tester.put(TX, "EVConnectionTimeOut", "10")
    remote(tester)
    answer(tester, "Unknown")
    tester.run(15)
    tester.link.plug_in(1, tester.car)
    no_energy(tester)


@case("TC_F_05_CS", running=True, connector=1, status="OngoingAuthorizedTransaction")
@case("TC_F_06_CS", "TC_F_07_CS", running=False, connector=1, status="Unlocked")
@case("TC_F_10_CS", running=False, connector=9, status="UnknownConnector")
def unlock(tester: Tester, running: bool, connector: int, status: str) -> None:
    if running:
        tester.charge()
    tester.check("UnlockConnector", status, evseId=1, connectorId=connector)
    tester.never("TransactionEvent", 5, eventType="Ended")


@case("TC_F_09_CS")
def remote_stop_of_nothing(tester: Tester) -> None:
    tester.check("RequestStopTransaction", "Rejected", transactionId="unknown")


def trigger(tester: Tester, what: str, status: str = "Accepted", **more: Any) -> None:
    tester.check("TriggerMessage", status, requestedMessage=what, **more)


@case("TC_F_11_CS", place={"id": 1})
@case("TC_F_12_CS", place=None)
def trigger_meter_values(tester: Tester, place: Any) -> None:
    trigger(tester, "MeterValues", evse=place)
    tester.await_("MeterValues", 20, evseId=1, meterValue__sampledValue__context="Trigger")


@case("TC_F_13_CS", place={"id": 1})
@case("TC_F_14_CS", place=None)
def trigger_transaction_event(tester: Tester, place: Any) -> None:
    tester.charge()
    trigger(tester, "TransactionEvent", evse=place)
    tester.await_("TransactionEvent", 20, triggerReason="Trigger")


@case("TC_F_15_CS", what="LogStatusNotification")
@case("TC_F_17_CS", what="FirmwareStatusNotification", evse={"id": 1})
@case("TC_F_18_CS", what="FirmwareStatusNotification")
def trigger_status_when_idle(tester: Tester, what: str, **more: Any) -> None:
    trigger(tester, what, **more)
    tester.await_(what, 20, status="Idle")


@case("TC_F_20_CS")
def trigger_heartbeat(tester: Tester) -> None:
    trigger(tester, "Heartbeat")
    tester.await_("Heartbeat", 20)


@case("TC_F_23_CS", plugged=False, status="Available")
@case("TC_F_24_CS", plugged=True, status="Occupied")
def trigger_status(tester: Tester, plugged: bool, status: str) -> None:
    if plugged:
        tester.charge()
    tester.mark()
    trigger(tester, "StatusNotification", evse={"id": 1, "connectorId": 1})
    tester.await_("StatusNotification", 20, connectorStatus=status)


@case("TC_F_26_CS")
def trigger_boot(tester: Tester) -> None:
    trigger(tester, "BootNotification", "Rejected")


@case("TC_F_27_CS")
def trigger_the_unknown(tester: Tester) -> None:
    trigger(tester, "SignCombinedCertificate", "NotImplemented")
