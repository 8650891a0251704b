"""The device model of this station: its controllers, its EVSEs, and what their variables say."""

from collections.abc import Callable, Iterable

from v2g.ocpp.device_model import MOST_ITEMS, Variable
from v2g.ocpp.network import PASSWORD_LENGTHS, Networks
from v2g.ocpp.outbox import ATTEMPTS, INTERVAL_S
from v2g.ocpp.profile_rules import HIGHEST_STACK_LEVEL, MODES, MOST_PROFILES
from v2g.station.config.settings import EvseSettings
from v2g.station.evse import Evse


def variables(evses: Iterable[Evse], status: Callable[[int], str], networks: Networks) -> list[Variable]:
    """All variables with their first values."""
    found = [
        _text("OCPPCommCtrlr", "FileTransferProtocols", "HTTPS"),
        *_of_networks(networks),
        _number("OCPPCommCtrlr", "HeartbeatInterval", 86_400, low=10, high=604_800, unit="s"),
        _number("OCPPCommCtrlr", "OfflineThreshold", 60, low=0, high=86_400, unit="s"),
        _fixed("OCPPCommCtrlr", "MessageAttempts", ATTEMPTS, "TransactionEvent"),
        _fixed("OCPPCommCtrlr", "MessageAttemptInterval", int(INTERVAL_S), "TransactionEvent"),
        _number("OCPPCommCtrlr", "RetryBackOffWaitMinimum", 3, low=1, high=3_600, unit="s"),
        _number("OCPPCommCtrlr", "RetryBackOffRandomRange", 5, low=0, high=3_600, unit="s"),
        _number("OCPPCommCtrlr", "RetryBackOffRepeatTimes", 5, low=0, high=20),
        _number("TxCtrlr", "EVConnectionTimeOut", 60, low=1, high=3_600, unit="s"),
        _text("TxCtrlr", "TxStartPoint", "PowerPathClosed"),
        _text("TxCtrlr", "TxStopPoint", "EVConnected,Authorized"),
        _text("TxCtrlr", "StopTxOnEVSideDisconnect", "true", "boolean"),
        _text("TxCtrlr", "StopTxOnInvalidId", "true", "boolean"),
        _number("SampledDataCtrlr", "TxUpdatedInterval", 60, low=0, high=86_400, unit="s"),
        Variable("AuthCtrlr", "AuthorizeRemoteStart", "false", "boolean", "ReadWrite"),
        _text("ClockCtrlr", "TimeSource", "NTP"),
        _number("SmartChargingCtrlr", "LimitChangeSignificance", 1, low=0, high=100, unit="Percent"),
        _fixed("SmartChargingCtrlr", "ProfileStackLevel", HIGHEST_STACK_LEVEL),
        _fixed("SmartChargingCtrlr", "Entries", MOST_PROFILES, "ChargingProfiles"),
        _fixed("SmartChargingCtrlr", "PeriodsPerSchedule", 1024),
        _text("SmartChargingCtrlr", "RateUnit", "A,W", "MemberList"),
        Variable("SmartChargingCtrlr", "DischargeByNegativeLimit", "false", "boolean", "ReadWrite"),
        _text("SmartChargingCtrlr", "OpensForLateCar", "true", "boolean"),
        *(
            _text("SmartChargingCtrlr", "SupportsFeature", each, "boolean", name)
            for name, each in (("DynamicProfiles", "true"), ("MaxOfflineDuration", "true"), ("UseLocalTime", "false"),
                               ("RandomizedDelay", "false"), ("LimitAtSoC", "false"))
        ),
    ]  # fmt: skip
    for evse in evses:
        found += _of_evse(evse, status)
    found += _of_station(
        [each.evse for each in found if (each.component, each.name) == ("EVSE", "AvailabilityState")], status
    )
    return found


def _of_networks(networks: Networks) -> list[Variable]:
    comm, security, order = "OCPPCommCtrlr", "SecurityCtrlr", networks.configured
    return [
        Variable(comm, "NetworkConfigurationPriority", order, "SequenceList", "ReadWrite", check=networks.why_not),
        Variable(comm, "NetworkProfileConnectionAttempts", "3", "integer", "ReadWrite", low=1, high=100),
        Variable(comm, "WebSocketPingInterval", "10", "integer", "ReadWrite", unit="s", low=0, high=3_600),
        Variable(comm, "ActiveNetworkProfile", order.partition(",")[0], "integer"),
        Variable(security, "SecurityProfile", "0", "integer"),
        Variable(security, "AllowSecurityProfileDowngrade", "false", "boolean"),
        Variable(security, "BasicAuthPassword", "", "string", "WriteOnly", high=PASSWORD_LENGTHS[-1], check=_password),
    ]


def _password(value: str) -> str | None:
    if len(value) in PASSWORD_LENGTHS:
        return None
    return f"it has {PASSWORD_LENGTHS[0]} to {PASSWORD_LENGTHS[-1]} characters"


def _of_evse(evse: Evse, status: Callable[[int], str]) -> list[Variable]:
    id, settings, most = evse.settings.id, evse.settings, evse.settings.capability
    rows = [
        Variable("EVSE", "AvailabilityState", evse=id, read=lambda: status(id), values=_STATES, data_type="OptionList"),
        Variable("EVSE", "Available", "true", "boolean", evse=id),
        Variable("EVSE", "SupplyPhases", str(evse.wired), "integer", evse=id),
        Variable("EVSE", "Power", evse=id, data_type="decimal", unit="W", high=most.charge_w,
                 read=lambda: f"{evse.decision.power_w:g}"),
        Variable("Connector", "AvailabilityState", evse=id, read=lambda: status(id), values=_STATES,
                 data_type="OptionList"),
        Variable("Connector", "Available", "true", "boolean", evse=id),
        Variable("Connector", "SupplyPhases", str(evse.wired), "integer", evse=id),
        Variable("Connector", "ConnectorType", connector_of(settings), evse=id),
    ]  # fmt: skip
    if settings.inverter is None:
        switches = "false" if evse.switch is None else "true"
        rows.append(Variable("SmartChargingCtrlr", "ACPhaseSwitchingSupported", switches, "boolean", evse=id))
    if settings.may_feed:
        rows += [
            Variable("EVSE", "DischargePower", evse=id, data_type="decimal", unit="W", high=most.discharge_w,
                     read=lambda: f"{evse.decision.allowed.discharge_w:g}"),
            Variable("V2XChargingCtrlr", "Enabled", "true", "boolean", evse=id),
            Variable("V2XChargingCtrlr", "SupportedOperationModes", ",".join(MODES), "MemberList", evse=id),
            Variable("V2XChargingCtrlr", "SupportedEnergyTransferModes", ",".join(
                each for each in settings.services if each.endswith("_BPT")), "MemberList", evse=id),
        ]  # fmt: skip
    return rows


_STATES = "Available,Occupied,Reserved,Unavailable,Faulted"


def _text(component: str, name: str, value: str, kind: str = "string", instance: str = "") -> Variable:
    return Variable(component, name, value, kind, instance=instance)  # type: ignore[arg-type]


def _fixed(component: str, name: str, value: int, instance: str = "") -> Variable:
    return Variable(component, name, str(value), "integer", instance=instance)


def _number(component: str, name: str, value: int, *, low: int, high: int, unit: str = "") -> Variable:
    return Variable(component, name, str(value), "integer", "ReadWrite", unit, low, high)


def connector_of(settings: EvseSettings) -> str:
    """OCPP's word for the plug: a cable for direct current, a socket or a cable for alternating current."""
    if any(each.startswith("DC") for each in settings.services):
        return "cCCS2"
    return "cType2" if settings.lock is None else "sType2"


def _of_station(evses: list[int], status: Callable[[int], str]) -> list[Variable]:
    """What concerns the station as a whole."""

    def whole() -> str:
        found = {status(id) for id in evses}
        return found.pop() if len(found) == 1 else "Available" if "Available" in found else "Occupied"

    return [
        Variable("ChargingStation", "AvailabilityState", data_type="OptionList", values=_STATES, read=whole),
        _text("ChargingStation", "Available", "true", "boolean"),
        _text("ChargingStation", "SupplyPhases", "3", "integer"),
        _text("OCPPCommCtrlr", "MessageTimeout", "30", "integer", "Default"),
        _text("OCPPCommCtrlr", "ResetRetries", "0", "integer"),
        _text("OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "true", "boolean"),
        _text("OCPPCommCtrlr", "QueueAllMessages", "false", "boolean"),
        *(
            _text("DeviceDataCtrlr", name, value, "integer", action)
            for action in ("GetReport", "GetVariables", "SetVariables")
            for name, value in (("ItemsPerMessage", str(MOST_ITEMS)), ("BytesPerMessage", "1000000"))
        ),
    ]
