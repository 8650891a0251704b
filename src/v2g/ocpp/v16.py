"""The messages of OCPP 1.6, by `tools/make_ocpp_types.py`. Do not edit.

Names and order are those of the OCA's schemas. What is absent is `UNSET`.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from v2g.ocpp.base import Message, Type

Time = Annotated[datetime, Meta(tz=True)]
MOST = 2**53 - 1
"""Beyond it, peers do not agree on what a whole number of JSON is (RFC 8259)."""
Whole = Annotated[int, Meta(ge=-MOST, le=MOST)]
Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text40 = Annotated[str, Meta(max_length=40)]
Text50 = Annotated[str, Meta(max_length=50)]
Text128 = Annotated[str, Meta(max_length=128)]
Text255 = Annotated[str, Meta(max_length=255)]
Text500 = Annotated[str, Meta(max_length=500)]
Text512 = Annotated[str, Meta(max_length=512)]
Text800 = Annotated[str, Meta(max_length=800)]
Text5500 = Annotated[str, Meta(max_length=5500)]
Text10000 = Annotated[str, Meta(max_length=10000)]


CertificateSignedStatusEnumType = Literal["Accepted", "Rejected"]

HashAlgorithmEnumType = Literal["SHA256", "SHA384", "SHA512"]

DeleteCertificateStatusEnumType = Literal["Accepted", "Failed", "NotFound"]

MessageTriggerEnumType = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargePointCertificate",
    "StatusNotification",
]

TriggerMessageStatusEnumType = Literal["Accepted", "Rejected", "NotImplemented"]

CertificateUseEnumType = Literal["CentralSystemRootCertificate", "ManufacturerRootCertificate"]

GetInstalledCertificateStatusEnumType = Literal["Accepted", "NotFound"]

LogEnumType = Literal["DiagnosticsLog", "SecurityLog"]


class LogParametersType(Type, frozen=True, kw_only=True):
    remoteLocation: Text512
    oldestTimestamp: Time | UnsetType = UNSET
    latestTimestamp: Time | UnsetType = UNSET


LogStatusEnumType = Literal["Accepted", "Rejected", "AcceptedCanceled"]

InstallCertificateStatusEnumType = Literal["Accepted", "Failed", "Rejected"]

UploadLogStatusEnumType = Literal[
    "BadMessage", "Idle", "NotSupportedOperation", "PermissionDenied", "Uploaded", "UploadFailure", "Uploading"
]

GenericStatusEnumType = Literal["Accepted", "Rejected"]

FirmwareStatusEnumType = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "DownloadScheduled",
    "DownloadPaused",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
    "InstallRebooting",
    "InstallScheduled",
    "InstallVerificationFailed",
    "InvalidSignature",
    "SignatureVerified",
]


class FirmwareType(Type, frozen=True, kw_only=True):
    location: Text512
    retrieveDateTime: Time
    installDateTime: Time | UnsetType = UNSET
    signingCertificate: Text5500
    signature: Text800


UpdateFirmwareStatusEnumType = Literal[
    "Accepted", "Rejected", "AcceptedCanceled", "InvalidCertificate", "RevokedCertificate"
]


class IdTagInfo(Type, frozen=True, kw_only=True):
    expiryDate: Time | UnsetType = UNSET
    parentIdTag: Text20 | UnsetType = UNSET
    status: Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]


class ChargingSchedulePeriod(Type, frozen=True, kw_only=True):
    startPeriod: Whole
    limit: float
    numberPhases: Whole | UnsetType = UNSET


class ConfigurationKey(Type, frozen=True, kw_only=True):
    key: Text50
    readonly: bool
    value: Text500 | UnsetType = UNSET


class MeterValuesRequestSampledValue(Type, frozen=True, kw_only=True):
    value: str
    context: (
        Literal[
            "Interruption.Begin",
            "Interruption.End",
            "Sample.Clock",
            "Sample.Periodic",
            "Transaction.Begin",
            "Transaction.End",
            "Trigger",
            "Other",
        ]
        | UnsetType
    ) = UNSET
    format: Literal["Raw", "SignedData"] | UnsetType = UNSET
    measurand: (
        Literal[
            "Energy.Active.Export.Register",
            "Energy.Active.Import.Register",
            "Energy.Reactive.Export.Register",
            "Energy.Reactive.Import.Register",
            "Energy.Active.Export.Interval",
            "Energy.Active.Import.Interval",
            "Energy.Reactive.Export.Interval",
            "Energy.Reactive.Import.Interval",
            "Power.Active.Export",
            "Power.Active.Import",
            "Power.Offered",
            "Power.Reactive.Export",
            "Power.Reactive.Import",
            "Power.Factor",
            "Current.Import",
            "Current.Export",
            "Current.Offered",
            "Voltage",
            "Frequency",
            "Temperature",
            "SoC",
            "RPM",
        ]
        | UnsetType
    ) = UNSET
    phase: Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"] | UnsetType = UNSET
    location: Literal["Cable", "EV", "Inlet", "Outlet", "Body"] | UnsetType = UNSET
    unit: (
        Literal[
            "Wh",
            "kWh",
            "varh",
            "kvarh",
            "W",
            "kW",
            "VA",
            "kVA",
            "var",
            "kvar",
            "A",
            "V",
            "K",
            "Celcius",
            "Celsius",
            "Fahrenheit",
            "Percent",
            "Hertz",
        ]
        | UnsetType
    ) = UNSET


class StopTransactionRequestSampledValue(Type, frozen=True, kw_only=True):
    value: str
    context: (
        Literal[
            "Interruption.Begin",
            "Interruption.End",
            "Sample.Clock",
            "Sample.Periodic",
            "Transaction.Begin",
            "Transaction.End",
            "Trigger",
            "Other",
        ]
        | UnsetType
    ) = UNSET
    format: Literal["Raw", "SignedData"] | UnsetType = UNSET
    measurand: (
        Literal[
            "Energy.Active.Export.Register",
            "Energy.Active.Import.Register",
            "Energy.Reactive.Export.Register",
            "Energy.Reactive.Import.Register",
            "Energy.Active.Export.Interval",
            "Energy.Active.Import.Interval",
            "Energy.Reactive.Export.Interval",
            "Energy.Reactive.Import.Interval",
            "Power.Active.Export",
            "Power.Active.Import",
            "Power.Offered",
            "Power.Reactive.Export",
            "Power.Reactive.Import",
            "Power.Factor",
            "Current.Import",
            "Current.Export",
            "Current.Offered",
            "Voltage",
            "Frequency",
            "Temperature",
            "SoC",
            "RPM",
        ]
        | UnsetType
    ) = UNSET
    phase: Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"] | UnsetType = UNSET
    location: Literal["Cable", "EV", "Inlet", "Outlet", "Body"] | UnsetType = UNSET
    unit: (
        Literal[
            "Wh",
            "kWh",
            "varh",
            "kvarh",
            "W",
            "kW",
            "VA",
            "kVA",
            "var",
            "kvar",
            "A",
            "V",
            "K",
            "Celcius",
            "Celsius",
            "Fahrenheit",
            "Percent",
        ]
        | UnsetType
    ) = UNSET


class CertificateHashDataType(Type, frozen=True, kw_only=True):
    hashAlgorithm: HashAlgorithmEnumType
    issuerNameHash: Text128
    issuerKeyHash: Text128
    serialNumber: Text40


class LocalAuthorizationList(Type, frozen=True, kw_only=True):
    idTag: Text20
    idTagInfo: IdTagInfo | UnsetType = UNSET


class ChargingSchedule(Type, frozen=True, kw_only=True):
    duration: Whole | UnsetType = UNSET
    startSchedule: Time | UnsetType = UNSET
    chargingRateUnit: Literal["A", "W"]
    chargingSchedulePeriod: tuple[ChargingSchedulePeriod, ...]
    minChargingRate: float | UnsetType = UNSET


class MeterValue(Type, frozen=True, kw_only=True):
    timestamp: Time
    sampledValue: Annotated[tuple[MeterValuesRequestSampledValue, ...], Meta(min_length=1)]


class TransactionData(Type, frozen=True, kw_only=True):
    timestamp: Time
    sampledValue: tuple[StopTransactionRequestSampledValue, ...]


class ChargingProfile(Type, frozen=True, kw_only=True):
    chargingProfileId: Whole
    transactionId: Whole | UnsetType = UNSET
    stackLevel: Whole
    chargingProfilePurpose: Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]
    chargingProfileKind: Literal["Absolute", "Recurring", "Relative"]
    recurrencyKind: Literal["Daily", "Weekly"] | UnsetType = UNSET
    validFrom: Time | UnsetType = UNSET
    validTo: Time | UnsetType = UNSET
    chargingSchedule: ChargingSchedule


class CsChargingProfiles(Type, frozen=True, kw_only=True):
    chargingProfileId: Whole
    transactionId: Whole | UnsetType = UNSET
    stackLevel: Whole
    chargingProfilePurpose: Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]
    chargingProfileKind: Literal["Absolute", "Recurring", "Relative"]
    recurrencyKind: Literal["Daily", "Weekly"] | UnsetType = UNSET
    validFrom: Time | UnsetType = UNSET
    validTo: Time | UnsetType = UNSET
    chargingSchedule: ChargingSchedule


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    idTag: Text20


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    idTagInfo: IdTagInfo


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    chargePointVendor: Text20
    chargePointModel: Text20
    chargePointSerialNumber: Text25 | UnsetType = UNSET
    chargeBoxSerialNumber: Text25 | UnsetType = UNSET
    firmwareVersion: Text50 | UnsetType = UNSET
    iccid: Text20 | UnsetType = UNSET
    imsi: Text20 | UnsetType = UNSET
    meterType: Text25 | UnsetType = UNSET
    meterSerialNumber: Text25 | UnsetType = UNSET


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Pending", "Rejected"]
    currentTime: Time
    interval: Whole


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    reservationId: Whole


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected"]


class CertificateSignedRequest(Message, frozen=True, kw_only=True):
    certificateChain: Text10000


class CertificateSignedResponse(Message, frozen=True, kw_only=True):
    status: CertificateSignedStatusEnumType


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    type: Literal["Inoperative", "Operative"]


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected", "Scheduled"]


class ChangeConfigurationRequest(Message, frozen=True, kw_only=True):
    key: Text50
    value: Text500


class ChangeConfigurationResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected", "RebootRequired", "NotSupported"]


class ClearCacheRequest(Message, frozen=True, kw_only=True):
    pass


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected"]


class ClearChargingProfileRequest(Message, frozen=True, kw_only=True):
    id: Whole | UnsetType = UNSET
    connectorId: Whole | UnsetType = UNSET
    chargingProfilePurpose: Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"] | UnsetType = UNSET
    stackLevel: Whole | UnsetType = UNSET


class ClearChargingProfileResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Unknown"]


class DataTransferRequest(Message, frozen=True, kw_only=True):
    vendorId: Text255
    messageId: Text50 | UnsetType = UNSET
    data: str | UnsetType = UNSET


class DataTransferResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"]
    data: str | UnsetType = UNSET


class DeleteCertificateRequest(Message, frozen=True, kw_only=True):
    certificateHashData: CertificateHashDataType


class DeleteCertificateResponse(Message, frozen=True, kw_only=True):
    status: DeleteCertificateStatusEnumType


class DiagnosticsStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: Literal["Idle", "Uploaded", "UploadFailed", "Uploading"]


class DiagnosticsStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class ExtendedTriggerMessageRequest(Message, frozen=True, kw_only=True):
    requestedMessage: MessageTriggerEnumType
    connectorId: Whole | UnsetType = UNSET


class ExtendedTriggerMessageResponse(Message, frozen=True, kw_only=True):
    status: TriggerMessageStatusEnumType


class FirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: Literal[
        "Downloaded", "DownloadFailed", "Downloading", "Idle", "InstallationFailed", "Installing", "Installed"
    ]


class FirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class GetCompositeScheduleRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    duration: Whole
    chargingRateUnit: Literal["A", "W"] | UnsetType = UNSET


class GetCompositeScheduleResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected"]
    connectorId: Whole | UnsetType = UNSET
    scheduleStart: Time | UnsetType = UNSET
    chargingSchedule: ChargingSchedule | UnsetType = UNSET


class GetConfigurationRequest(Message, frozen=True, kw_only=True):
    key: tuple[Text50, ...] | UnsetType = UNSET


class GetConfigurationResponse(Message, frozen=True, kw_only=True):
    configurationKey: tuple[ConfigurationKey, ...] | UnsetType = UNSET
    unknownKey: tuple[Text50, ...] | UnsetType = UNSET


class GetDiagnosticsRequest(Message, frozen=True, kw_only=True):
    location: str
    retries: Whole | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET
    startTime: Time | UnsetType = UNSET
    stopTime: Time | UnsetType = UNSET


class GetDiagnosticsResponse(Message, frozen=True, kw_only=True):
    fileName: Text255 | UnsetType = UNSET


class GetInstalledCertificateIdsRequest(Message, frozen=True, kw_only=True):
    certificateType: CertificateUseEnumType


class GetInstalledCertificateIdsResponse(Message, frozen=True, kw_only=True):
    certificateHashData: Annotated[tuple[CertificateHashDataType, ...], Meta(min_length=1)] | UnsetType = UNSET
    status: GetInstalledCertificateStatusEnumType


class GetLocalListVersionRequest(Message, frozen=True, kw_only=True):
    pass


class GetLocalListVersionResponse(Message, frozen=True, kw_only=True):
    listVersion: Whole


class GetLogRequest(Message, frozen=True, kw_only=True):
    log: LogParametersType
    logType: LogEnumType
    requestId: Whole
    retries: Whole | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET


class GetLogResponse(Message, frozen=True, kw_only=True):
    status: LogStatusEnumType
    filename: Text255 | UnsetType = UNSET


class HeartbeatRequest(Message, frozen=True, kw_only=True):
    pass


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    currentTime: Time


class InstallCertificateRequest(Message, frozen=True, kw_only=True):
    certificateType: CertificateUseEnumType
    certificate: Text5500


class InstallCertificateResponse(Message, frozen=True, kw_only=True):
    status: InstallCertificateStatusEnumType


class LogStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: UploadLogStatusEnumType
    requestId: Whole | UnsetType = UNSET


class LogStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    transactionId: Whole | UnsetType = UNSET
    meterValue: Annotated[tuple[MeterValue, ...], Meta(min_length=1)]


class MeterValuesResponse(Message, frozen=True, kw_only=True):
    pass


class RemoteStartTransactionRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole | UnsetType = UNSET
    idTag: Text20
    chargingProfile: ChargingProfile | UnsetType = UNSET


class RemoteStartTransactionResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected"]


class RemoteStopTransactionRequest(Message, frozen=True, kw_only=True):
    transactionId: Whole


class RemoteStopTransactionResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected"]


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    expiryDate: Time
    idTag: Text20
    parentIdTag: Text20 | UnsetType = UNSET
    reservationId: Whole


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]


class ResetRequest(Message, frozen=True, kw_only=True):
    type: Literal["Hard", "Soft"]


class ResetResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected"]


class SecurityEventNotificationRequest(Message, frozen=True, kw_only=True):
    type: Text50
    timestamp: Time
    techInfo: Text255 | UnsetType = UNSET


class SecurityEventNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class SendLocalListRequest(Message, frozen=True, kw_only=True):
    listVersion: Whole
    localAuthorizationList: tuple[LocalAuthorizationList, ...] | UnsetType = UNSET
    updateType: Literal["Differential", "Full"]


class SendLocalListResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Failed", "NotSupported", "VersionMismatch"]


class SetChargingProfileRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    csChargingProfiles: CsChargingProfiles


class SetChargingProfileResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected", "NotSupported"]


class SignCertificateRequest(Message, frozen=True, kw_only=True):
    csr: Text5500


class SignCertificateResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType


class SignedFirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: FirmwareStatusEnumType
    requestId: Whole | UnsetType = UNSET


class SignedFirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class SignedUpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    retries: Whole | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET
    requestId: Whole
    firmware: FirmwareType


class SignedUpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    status: UpdateFirmwareStatusEnumType


class StartTransactionRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    idTag: Text20
    meterStart: Whole
    reservationId: Whole | UnsetType = UNSET
    timestamp: Time


class StartTransactionResponse(Message, frozen=True, kw_only=True):
    idTagInfo: IdTagInfo
    transactionId: Whole


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole
    errorCode: Literal[
        "ConnectorLockFailure",
        "EVCommunicationError",
        "GroundFailure",
        "HighTemperature",
        "InternalError",
        "LocalListConflict",
        "NoError",
        "OtherError",
        "OverCurrentFailure",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ReaderFailure",
        "ResetFailure",
        "UnderVoltage",
        "OverVoltage",
        "WeakSignal",
    ]
    info: Text50 | UnsetType = UNSET
    status: Literal[
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEVSE",
        "SuspendedEV",
        "Finishing",
        "Reserved",
        "Unavailable",
        "Faulted",
    ]
    timestamp: Time | UnsetType = UNSET
    vendorId: Text255 | UnsetType = UNSET
    vendorErrorCode: Text50 | UnsetType = UNSET


class StatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class StopTransactionRequest(Message, frozen=True, kw_only=True):
    idTag: Text20 | UnsetType = UNSET
    meterStop: Whole
    timestamp: Time
    transactionId: Whole
    reason: (
        Literal[
            "EmergencyStop",
            "EVDisconnected",
            "HardReset",
            "Local",
            "Other",
            "PowerLoss",
            "Reboot",
            "Remote",
            "SoftReset",
            "UnlockCommand",
            "DeAuthorized",
        ]
        | UnsetType
    ) = UNSET
    transactionData: tuple[TransactionData, ...] | UnsetType = UNSET


class StopTransactionResponse(Message, frozen=True, kw_only=True):
    idTagInfo: IdTagInfo | UnsetType = UNSET


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    requestedMessage: Literal[
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ]
    connectorId: Whole | UnsetType = UNSET


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    status: Literal["Accepted", "Rejected", "NotImplemented"]


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    connectorId: Whole


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    status: Literal["Unlocked", "UnlockFailed", "NotSupported"]


class UpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    location: str
    retries: Whole | UnsetType = UNSET
    retrieveDate: Time
    retryInterval: Whole | UnsetType = UNSET


class UpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    pass


CALLS: dict[str, tuple[type[Message], type[Message]]] = {
    "Authorize": (AuthorizeRequest, AuthorizeResponse),
    "BootNotification": (BootNotificationRequest, BootNotificationResponse),
    "CancelReservation": (CancelReservationRequest, CancelReservationResponse),
    "CertificateSigned": (CertificateSignedRequest, CertificateSignedResponse),
    "ChangeAvailability": (ChangeAvailabilityRequest, ChangeAvailabilityResponse),
    "ChangeConfiguration": (ChangeConfigurationRequest, ChangeConfigurationResponse),
    "ClearCache": (ClearCacheRequest, ClearCacheResponse),
    "ClearChargingProfile": (ClearChargingProfileRequest, ClearChargingProfileResponse),
    "DataTransfer": (DataTransferRequest, DataTransferResponse),
    "DeleteCertificate": (DeleteCertificateRequest, DeleteCertificateResponse),
    "DiagnosticsStatusNotification": (DiagnosticsStatusNotificationRequest, DiagnosticsStatusNotificationResponse),
    "ExtendedTriggerMessage": (ExtendedTriggerMessageRequest, ExtendedTriggerMessageResponse),
    "FirmwareStatusNotification": (FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse),
    "GetCompositeSchedule": (GetCompositeScheduleRequest, GetCompositeScheduleResponse),
    "GetConfiguration": (GetConfigurationRequest, GetConfigurationResponse),
    "GetDiagnostics": (GetDiagnosticsRequest, GetDiagnosticsResponse),
    "GetInstalledCertificateIds": (GetInstalledCertificateIdsRequest, GetInstalledCertificateIdsResponse),
    "GetLocalListVersion": (GetLocalListVersionRequest, GetLocalListVersionResponse),
    "GetLog": (GetLogRequest, GetLogResponse),
    "Heartbeat": (HeartbeatRequest, HeartbeatResponse),
    "InstallCertificate": (InstallCertificateRequest, InstallCertificateResponse),
    "LogStatusNotification": (LogStatusNotificationRequest, LogStatusNotificationResponse),
    "MeterValues": (MeterValuesRequest, MeterValuesResponse),
    "RemoteStartTransaction": (RemoteStartTransactionRequest, RemoteStartTransactionResponse),
    "RemoteStopTransaction": (RemoteStopTransactionRequest, RemoteStopTransactionResponse),
    "ReserveNow": (ReserveNowRequest, ReserveNowResponse),
    "Reset": (ResetRequest, ResetResponse),
    "SecurityEventNotification": (SecurityEventNotificationRequest, SecurityEventNotificationResponse),
    "SendLocalList": (SendLocalListRequest, SendLocalListResponse),
    "SetChargingProfile": (SetChargingProfileRequest, SetChargingProfileResponse),
    "SignCertificate": (SignCertificateRequest, SignCertificateResponse),
    "SignedFirmwareStatusNotification": (
        SignedFirmwareStatusNotificationRequest,
        SignedFirmwareStatusNotificationResponse,
    ),
    "SignedUpdateFirmware": (SignedUpdateFirmwareRequest, SignedUpdateFirmwareResponse),
    "StartTransaction": (StartTransactionRequest, StartTransactionResponse),
    "StatusNotification": (StatusNotificationRequest, StatusNotificationResponse),
    "StopTransaction": (StopTransactionRequest, StopTransactionResponse),
    "TriggerMessage": (TriggerMessageRequest, TriggerMessageResponse),
    "UnlockConnector": (UnlockConnectorRequest, UnlockConnectorResponse),
    "UpdateFirmware": (UpdateFirmwareRequest, UpdateFirmwareResponse),
}
"""Action -> its request and its response."""

SENDS: dict[str, type[Message]] = {}
"""Messages that have no response (SEND)."""
