"""OCTT, blocks A, B and P: provisioning, variables, reports, reset, offline. And G: availability."""

from datetime import UTC, datetime
from typing import Any

from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.tester import INTERVAL_S, Tester
from v2g.ocpp import v21

COMM, THRESHOLD = "OCPPCommCtrlr", "OfflineThreshold"
NOBODY, NOTHING = "UnknownComponent", "UnknownVariable"


def boot_answer(tester: Tester, status: v21.RegistrationStatusEnumType, interval: int) -> v21.BootNotificationResponse:
    now = datetime.fromtimestamp(int(tester.link.unix_s()), UTC)
    return v21.BootNotificationResponse(currentTime=now, interval=interval, status=status)


def variable(name: str, component: str = COMM, **more: Any) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": name}, **more}


def read(tester: Tester, *rows: dict[str, Any]) -> list[Any]:
    return list(tester.ask("GetVariables", getVariableData=list(rows)).getVariableResult)


def write(tester: Tester, *rows: dict[str, Any]) -> list[Any]:
    return list(tester.ask("SetVariables", setVariableData=list(rows)).setVariableResult)


# B01 to B03


@case("TC_B_01_CS", boots=False)
def boot_accepted(tester: Tester) -> None:
    boot = tester.await_("BootNotification")
    tester.true(boot.chargingStation.model and boot.chargingStation.vendorName, "model or vendor is missing")
    tester.await_("StatusNotification", connectorStatus="Available")
    tester.await_("Heartbeat", INTERVAL_S + 30.0)


@case("TC_B_02_CS", boots=False)
def boot_pending(tester: Tester) -> None:
    tester.answers["BootNotification"] = boot_answer(tester, "Pending", 60)
    tester.await_("BootNotification")
    tester.put(COMM, THRESHOLD, "300", status="Accepted")
    tester.equal(tester.get(COMM, THRESHOLD), "300", THRESHOLD)
    tester.check("GetBaseReport", requestId=1, reportBase="FullInventory")
    tester.parts("NotifyReport", request=1)
    token = {"idToken": "A", "type": "Central"}
    tester.check("RequestStartTransaction", "Rejected", idToken=token, remoteStartId=1, evseId=1)
    del tester.answers["BootNotification"]
    tester.check("TriggerMessage", requestedMessage="BootNotification")
    tester.await_("BootNotification", 20, reason="Triggered")
    tester.await_("StatusNotification", connectorStatus="Available")


@case("TC_B_03_CS", boots=False)
def boot_rejected(tester: Tester) -> None:
    tester.answers["BootNotification"] = boot_answer(tester, "Rejected", 20)
    tester.await_("BootNotification")
    del tester.answers["BootNotification"]
    tester.never("BootNotification", 15)
    tester.await_("BootNotification", 20)
    tester.await_("StatusNotification", connectorStatus="Available")


@case("TC_B_30_CS", boots=False)
def security_error_when_rejected(tester: Tester) -> None:
    tester.answers["BootNotification"] = boot_answer(tester, "Rejected", 60)
    tester.await_("BootNotification")
    tester.run(1)
    tester.check("GetBaseReport", "SecurityError", requestId=1, reportBase="FullInventory")


# B05 and B06


@case("TC_B_06_CS")
def read_one(tester: Tester) -> None:
    [row] = read(tester, variable(THRESHOLD))
    tester.equal(row.attributeStatus, "Accepted", "attributeStatus")
    tester.true(row.attributeValue.isdigit(), "attributeValue is no number")


@case("TC_B_07_CS")
def read_several(tester: Tester) -> None:
    rows = read(tester, variable(THRESHOLD), variable("AuthorizeRemoteStart", "AuthCtrlr"))
    tester.true([row.attributeStatus for row in rows] == ["Accepted"] * 2, "not both are accepted")


@case("TC_B_32_CS", row=variable(THRESHOLD, "Nobody"), status=NOBODY)
@case("TC_B_33_CS", row=variable("Nothing"), status=NOTHING)
@case("TC_B_34_CS", row=variable(THRESHOLD, attributeType="Target"), status="NotSupportedAttributeType")
def cannot_be_read(tester: Tester, row: dict[str, Any], status: str) -> None:
    tester.equal(read(tester, row)[0].attributeStatus, status, "attributeStatus")


@case("TC_B_09_CS")
def write_one(tester: Tester) -> None:
    tester.put(COMM, THRESHOLD, "123", status="Accepted")
    tester.equal(tester.get(COMM, THRESHOLD), "123", THRESHOLD)


@case("TC_B_10_CS")
def write_several(tester: Tester) -> None:
    rows = write(
        tester,
        variable(THRESHOLD, attributeValue="123"),
        variable("EVConnectionTimeOut", "TxCtrlr", attributeValue="77"),
    )
    tester.true([row.attributeStatus for row in rows] == ["Accepted"] * 2, "not both are accepted")


@case("TC_B_35_CS", row=variable(THRESHOLD, "Nobody"), status=NOBODY)
@case("TC_B_36_CS", row=variable("Nothing"), status=NOTHING)
@case("TC_B_37_CS", row=variable(THRESHOLD, attributeType="Target"), status="NotSupportedAttributeType")
@case("TC_B_39_CS", row=variable("DateTime", "ClockCtrlr"), status="Rejected")
def cannot_be_written(tester: Tester, row: dict[str, Any], status: str) -> None:
    tester.equal(write(tester, row | {"attributeValue": "1"})[0].attributeStatus, status, "attributeStatus")


@case("TC_B_11_CS")
def bad_values(tester: Tester) -> None:
    for row in (
        variable(THRESHOLD, attributeValue="-1"),
        variable(THRESHOLD, attributeValue="abc"),
        variable("Enabled", "LocalAuthListCtrlr", attributeValue="maybe"),
    ):
        tester.equal(write(tester, row)[0].attributeStatus, "Rejected", str(row))


# B07 and B08


def report(tester: Tester, base: str) -> list[Any]:
    tester.check("GetBaseReport", requestId=8, reportBase=base)
    parts = tester.parts("NotifyReport", request=8)
    tester.true([part.seqNo for part in parts] == list(range(len(parts))), "seqNo does not count from 0")
    return [row for part in parts for row in part.reportData]


@case("TC_B_12_CS")
def configuration_inventory(tester: Tester) -> None:
    rows = report(tester, "ConfigurationInventory")
    fixed = [row.variable.name for row in rows if all(each.mutability == "ReadOnly" for each in row.variableAttribute)]
    tester.true(not fixed, f"{fixed[:3]} cannot be configured")


REQUIRED = {
    "OCPPCommCtrlr": "FileTransferProtocols OfflineThreshold MessageAttempts MessageAttemptInterval MessageTimeout "
    "NetworkConfigurationPriority NetworkProfileConnectionAttempts ResetRetries UnlockOnEVSideDisconnect "
    "RetryBackOffRepeatTimes RetryBackOffRandomRange RetryBackOffWaitMinimum WebSocketPingInterval",
    "SecurityCtrlr": "OrganizationName CertificateEntries SecurityProfile",
    "ClockCtrlr": "DateTime TimeSource",
    "AuthCtrlr": "AuthorizeRemoteStart LocalAuthorizeOffline LocalPreAuthorize",
    "TxCtrlr": "EVConnectionTimeOut StopTxOnEVSideDisconnect TxStartPoint TxStopPoint StopTxOnInvalidId",
    "SampledDataCtrlr": "TxStartedMeasurands TxUpdatedMeasurands TxUpdatedInterval TxEndedMeasurands TxEndedInterval",
    "AlignedDataCtrlr": "Measurands Interval TxEndedMeasurands TxEndedInterval",
    "DeviceDataCtrlr": "ItemsPerMessage BytesPerMessage",
    "ChargingStation": "Available AvailabilityState SupplyPhases",
    "EVSE": "Available AvailabilityState SupplyPhases Power",
    "Connector": "Available AvailabilityState SupplyPhases ConnectorType",
}
"""What every station has (2.0.1 part 2, referenced components; part 1)."""


@case("TC_B_13_CS")
@case("TC_B_53_CS")
def full_inventory(tester: Tester) -> None:
    names = {(row.component.name, row.variable.name) for row in report(tester, "FullInventory")}
    missing = [f"{at}.{name}" for at, listed in REQUIRED.items() for name in listed.split() if (at, name) not in names]
    tester.true(not missing, f"{', '.join(missing)} missing")


@case("TC_B_14_CS")
@case("TC_B_15_CS")
def summary_inventory(tester: Tester) -> None:
    reply = tester.check("GetBaseReport", ("Accepted", "NotSupported"), requestId=8, reportBase="SummaryInventory")
    if reply.status == "Accepted":
        tester.parts("NotifyReport", request=8)


def custom(tester: Tester, status: str = "Accepted", **asked: Any) -> list[Any]:
    tester.check("GetReport", status, requestId=8, **asked)
    if status != "Accepted":
        return []
    return [row for part in tester.parts("NotifyReport", request=8) for row in part.reportData]


EVSE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "AvailabilityState"}}


@case("TC_B_16_CS", asked={"componentCriteria": ["Active"]})
@case("TC_B_17_CS", asked={"componentVariable": [EVSE]})
@case("TC_B_18_CS", asked={"componentCriteria": ["Available"], "componentVariable": [EVSE]})
@case("TC_B_54_CS", asked={"componentVariable": [variable("MessageAttempts")]})
@case(
    "TC_B_55_CS",
    asked={
        "componentVariable": [
            {"component": {"name": COMM}, "variable": {"name": "MessageAttempts", "instance": "TransactionEvent"}}
        ]
    },
)
@case("TC_B_56_CS", asked={"componentVariable": [{"component": {"name": "EVSE"}, "variable": {"name": "Power"}}]})
def custom_report(tester: Tester, asked: dict[str, Any]) -> None:  # fmt: skip
    rows = custom(tester, **asked)
    wanted = asked.get("componentVariable")
    if wanted:
        tester.true({row.variable.name for row in rows} == {wanted[0]["variable"]["name"]}, "another variable")


@case("TC_B_19_CS")
def custom_report_of_nothing(tester: Tester) -> None:
    custom(tester, "EmptyResultSet", componentCriteria=["Problem"])


# B11 and B12


@case("TC_B_20_CS")
def reset_of_an_idle_station(tester: Tester) -> None:
    tester.check("Reset", type="OnIdle")
    tester.await_("BootNotification", 60, reason=("RemoteReset", "ScheduledReset"))
    tester.await_("StatusNotification", connectorStatus="Available")


@case("TC_B_21_CS")
def reset_on_idle_waits_for_the_transaction(tester: Tester) -> None:
    tester.charge()
    tester.check("Reset", "Scheduled", type="OnIdle")
    tester.never("BootNotification", 10)
    tester.stop()
    tester.await_("BootNotification", 60, reason=("RemoteReset", "ScheduledReset"))


@case("TC_B_22_CS")
def reset_at_once_ends_the_transaction(tester: Tester) -> None:
    tester.charge()
    tester.check("Reset", ("Accepted", "Rejected"), type="Immediate")
    tester.await_("TransactionEvent", 60, eventType="Ended", transactionInfo__stoppedReason="ImmediateReset")
    tester.await_("BootNotification", 60, reason="RemoteReset")


@case("TC_B_23_CS")
def unavailable_survives_a_reset(tester: Tester) -> None:
    tester.check("ChangeAvailability", operationalStatus="Inoperative", evse={"id": 1})
    tester.check("Reset", type="OnIdle")
    tester.await_("BootNotification", 60)
    tester.await_("StatusNotification", connectorStatus="Unavailable")


@case("TC_B_28_CS")
def reset_of_an_evse_is_not_supported(tester: Tester) -> None:
    tester.check("Reset", "Rejected", type="OnIdle", evseId=1)


@case("TC_B_29_CS")
def reset_of_an_evse_in_a_transaction_is_not_supported(tester: Tester) -> None:
    tester.charge()
    tester.check("Reset", "Rejected", type="Immediate", evseId=1)


not_here("a single EVSE cannot be reset; TC_B_28 and TC_B_29 show that it says so", *(
    f"TC_B_{number}_CS" for number in (25, 26, 27)))  # fmt: skip


@case("TC_B_41_CS", evses=2)
def reset_on_idle_waits_for_all_transactions(tester: Tester) -> None:
    tester.charge(1)
    tester.charge(2)
    tester.check("Reset", "Scheduled", type="OnIdle")
    tester.stop(1)
    tester.never("BootNotification", 10)
    tester.stop(2)
    tester.await_("BootNotification", 60)


# B04


@case("TC_B_51_CS", away_s=40, reports=True)
@case("TC_B_52_CS", away_s=10, reports=False)
def back_after_offline(tester: Tester, away_s: float, reports: bool) -> None:
    tester.put(COMM, THRESHOLD, "30")
    tester.link.cut()
    tester.run(away_s)
    tester.opened()
    tester.mark()
    tester.link.restore()
    if reports:
        tester.await_("StatusNotification", 30, connectorStatus="Available")
    else:
        tester.never("StatusNotification", 20)


@case("TC_B_57_CS")
def it_connects_again(tester: Tester) -> None:
    tester.link.cut()
    tester.run(5)
    tester.opened()
    tester.link.restore()
    tester.get(COMM, THRESHOLD)


@case("TC_B_43_CS")
def network_profile_refused(tester: Tester) -> None:
    data = {
        "ocppVersion": "OCPP20", "ocppInterface": "Wired0", "ocppTransport": "SOAP", "messageTimeout": 30,
        "ocppCsmsUrl": "http://no", "securityProfile": 2,
    }  # fmt: skip
    tester.check("SetNetworkProfile", ("Rejected", "Failed"), configurationSlot=99, connectionData=data)


not_here("it takes two back ends and a connection by their addresses: tests/ocpp/test_network.py", *(
    f"TC_B_{number}_CS" for number in (45, 46, 47, 49, 50)))  # fmt: skip


# G


def availability(tester: Tester, operative: bool, place: dict[str, int] | None, status: str = "Accepted") -> None:
    wanted = "Operative" if operative else "Inoperative"
    tester.check("ChangeAvailability", status, operationalStatus=wanted, evse=place)


AT_EVSE, AT_CONNECTOR = {"id": 1}, {"id": 1, "connectorId": 1}


@case("TC_G_01_CS")
def available_to_occupied(tester: Tester) -> None:
    tester.link.plug_in(1, tester.car)
    tester.await_("StatusNotification", 20, connectorStatus="Occupied")


@case("TC_G_02_CS")
def occupied_to_available(tester: Tester) -> None:
    tester.charge()
    tester.stop()
    tester.await_("StatusNotification", 20, connectorStatus="Available")


@case("TC_G_03_CS", place=AT_EVSE)
@case("TC_G_05_CS", place=None)
@case("TC_G_07_CS", place=AT_CONNECTOR)
def to_inoperative(tester: Tester, place: dict[str, int] | None) -> None:
    availability(tester, False, place)
    tester.await_("StatusNotification", 20, connectorStatus="Unavailable")


@case("TC_G_04_CS", place=AT_EVSE)
@case("TC_G_06_CS", place=None)
@case("TC_G_08_CS", place=AT_CONNECTOR)
def to_operative(tester: Tester, place: dict[str, int] | None) -> None:
    availability(tester, False, place)
    tester.await_("StatusNotification", 20, connectorStatus="Unavailable")
    availability(tester, True, place)
    tester.await_("StatusNotification", 20, connectorStatus="Available")


@case("TC_G_09_CS", place=AT_EVSE)
@case("TC_G_12_CS", place=None)
@case("TC_G_15_CS", place=AT_CONNECTOR)
def operative_already(tester: Tester, place: dict[str, int] | None) -> None:
    availability(tester, True, place)
    tester.never("StatusNotification", 5)


@case("TC_G_10_CS", place=AT_EVSE)
@case("TC_G_13_CS", place=None)
@case("TC_G_16_CS", place=AT_CONNECTOR)
def inoperative_already(tester: Tester, place: dict[str, int] | None) -> None:
    availability(tester, False, place)
    tester.await_("StatusNotification", 20, connectorStatus="Unavailable")
    availability(tester, False, place)
    tester.never("StatusNotification", 5)


@case("TC_G_11_CS", place=AT_EVSE)
@case("TC_G_14_CS", place=None)
@case("TC_G_17_CS", place=AT_CONNECTOR)
def inoperative_after_the_transaction(tester: Tester, place: dict[str, int] | None) -> None:
    tester.charge()
    availability(tester, False, place, "Scheduled")
    tester.never("StatusNotification", 5)
    tester.stop()
    tester.await_("StatusNotification", 20, connectorStatus="Unavailable")


@case("TC_G_18_CS", place=AT_EVSE)
@case("TC_G_19_CS", place=AT_CONNECTOR)
@case("TC_G_21_CS", place=None)
def inoperative_survives_a_reboot(tester: Tester, place: dict[str, int] | None) -> None:
    availability(tester, False, place)
    tester.await_("StatusNotification", 20, connectorStatus="Unavailable")
    tester.link.reboot()
    tester.await_("BootNotification", 60)
    tester.await_("StatusNotification", 20, connectorStatus="Unavailable")


not_here("the lock of the plug is the hardware's: tests/station/test_lock.py", "TC_G_20_CS")


# P


@case("TC_P_01_CS")
def data_of_an_unknown_vendor(tester: Tester) -> None:
    tester.check("DataTransfer", ("UnknownVendorId", "UnknownMessageId", "Rejected"), vendorId="x", messageId="y")


@case("TC_P_03_CS")
def custom_data_is_taken(tester: Tester) -> None:
    tester.check(
        "GetBaseReport", requestId=1, reportBase="ConfigurationInventory", customData={"vendorId": "x", "a": 1}
    )
