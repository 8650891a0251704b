"""The configuration keys of OCPP 1.6 as variables of the device model."""

from typing import Any

VARIABLES: dict[str, tuple[str, str, str]] = {
    "AuthorizeRemoteTxRequests": ("AuthCtrlr", "AuthorizeRemoteStart", ""),
    "ChargeProfileMaxStackLevel": ("SmartChargingCtrlr", "ProfileStackLevel", ""),
    "ChargingScheduleMaxPeriods": ("SmartChargingCtrlr", "PeriodsPerSchedule", ""),
    "ConnectionTimeOut": ("TxCtrlr", "EVConnectionTimeOut", ""),
    "HeartbeatInterval": ("OCPPCommCtrlr", "HeartbeatInterval", ""),
    "LocalAuthorizeOffline": ("AuthCtrlr", "LocalAuthorizeOffline", ""),
    "LocalPreAuthorize": ("AuthCtrlr", "LocalPreAuthorize", ""),
    "MaxChargingProfilesInstalled": ("SmartChargingCtrlr", "Entries", "ChargingProfiles"),
    "MeterValueSampleInterval": ("SampledDataCtrlr", "TxUpdatedInterval", ""),
    "StopTransactionOnEVSideDisconnect": ("TxCtrlr", "StopTxOnEVSideDisconnect", ""),
    "StopTransactionOnInvalidId": ("TxCtrlr", "StopTxOnInvalidId", ""),
    "TransactionMessageAttempts": ("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"),
    "TransactionMessageRetryInterval": ("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"),
    "WebSocketPingInterval": ("OCPPCommCtrlr", "WebSocketPingInterval", ""),
    "SecurityProfile": ("SecurityCtrlr", "SecurityProfile", ""),
    "AuthorizationKey": ("SecurityCtrlr", "BasicAuthPassword", ""),
}
"""Key -> component, variable and its instance."""
WRITABLE = frozenset(
    (
        "AuthorizationKey",
        "ConnectionTimeOut",
        "HeartbeatInterval",
        "LocalAuthorizeOffline",
        "LocalPreAuthorize",
        "MeterValueSampleInterval",
        "WebSocketPingInterval",
    )
)
FIXED = {
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ClockAlignedDataInterval": "0",
    "GetConfigurationMaxKeys": "50",
    "MeterValuesAlignedData": "",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Energy.Active.Export.Register,Power.Active.Import,SoC",
    "ResetRetries": "0",
    "StopTxnAlignedData": "",
    "StopTxnSampledData": "Energy.Active.Import.Register,Energy.Active.Export.Register",
    "SupportedFeatureProfiles": "Core,SmartCharging,RemoteTrigger,LocalAuthListManagement,Reservation",
    "UnlockConnectorOnEVSideDisconnect": "true",
}
"""Keys that always have the same value here."""
_CONNECTORS = "NumberOfConnectors"
LONGEST_VALUE = 500


def _variable(key: str) -> dict[str, Any]:
    component, name, instance = VARIABLES[key]
    return {
        "component": {"name": component}, "variable": {"name": name} | ({"instance": instance} if instance else {})
    }  # fmt: skip


ASKED = {"getVariableData": [_variable(key) for key in VARIABLES]}
"""GetVariables of everything that 1.6 can ask for, in the order of `VARIABLES`."""


def answered(keys: list[str] | None, results: list[dict[str, Any]], evses: int) -> dict[str, Any]:
    """GetConfiguration.conf from the results of `ASKED`. `keys`: the ones asked for; all if there are none."""
    values = FIXED | {_CONNECTORS: str(evses)}
    for key, result in zip(VARIABLES, results, strict=True):
        if result["attributeStatus"] == "Accepted":
            values[key] = result.get("attributeValue", "")
        elif key == "AuthorizationKey":
            values[key] = ""  # it can be written only
    known = {key.lower(): key for key in values}
    chosen = [known[key.lower()] for key in keys or values if key.lower() in known]
    rows = [
        {"key": key, "readonly": key not in WRITABLE, "value": values[key][:LONGEST_VALUE]}
        for key in dict.fromkeys(chosen)
    ]
    unknown = [key for key in keys or () if key.lower() not in known]
    return ({"configurationKey": rows} if rows else {}) | ({"unknownKey": unknown} if unknown else {})


def written(key: str, value: str) -> dict[str, Any]:
    """SetVariables for ChangeConfiguration; a key that is not known is a variable that nobody has."""
    known = {each.lower(): each for each in VARIABLES}
    found = known.get(key.lower())
    place = {"component": {"name": "Unknown"}, "variable": {"name": key}} if found is None else _variable(found)
    return {"setVariableData": [place | {"attributeValue": value}]}
