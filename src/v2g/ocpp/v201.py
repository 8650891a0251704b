"""The messages of OCPP 2.0.1, by `tools/make_ocpp_types.py`. Do not edit.

Names and order are those of the OCA's schemas. What is absent is `UNSET`.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from v2g.ocpp.base import CustomData, Message, Type

Time = Annotated[datetime, Meta(tz=True)]
MOST = 2**53 - 1
"""Beyond it, peers do not agree on what a whole number of JSON is (RFC 8259)."""
Whole = Annotated[int, Meta(ge=-MOST, le=MOST)]
Text6 = Annotated[str, Meta(max_length=6)]
Text8 = Annotated[str, Meta(max_length=8)]
Text16 = Annotated[str, Meta(max_length=16)]
Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text32 = Annotated[str, Meta(max_length=32)]
Text36 = Annotated[str, Meta(max_length=36)]
Text40 = Annotated[str, Meta(max_length=40)]
Text50 = Annotated[str, Meta(max_length=50)]
Text64 = Annotated[str, Meta(max_length=64)]
Text128 = Annotated[str, Meta(max_length=128)]
Text255 = Annotated[str, Meta(max_length=255)]
Text500 = Annotated[str, Meta(max_length=500)]
Text512 = Annotated[str, Meta(max_length=512)]
Text800 = Annotated[str, Meta(max_length=800)]
Text1000 = Annotated[str, Meta(max_length=1000)]
Text2500 = Annotated[str, Meta(max_length=2500)]
Text5500 = Annotated[str, Meta(max_length=5500)]
Text5600 = Annotated[str, Meta(max_length=5600)]
Text10000 = Annotated[str, Meta(max_length=10000)]


HashAlgorithmEnumType = Literal["SHA256", "SHA384", "SHA512"]

IdTokenEnumType = Literal[
    "Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization"
]


class AdditionalInfoType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    additionalIdToken: Text36
    type: Text50


AuthorizationStatusEnumType = Literal[
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
]

AuthorizeCertificateStatusEnumType = Literal[
    "Accepted",
    "SignatureError",
    "CertificateExpired",
    "CertificateRevoked",
    "NoCertificateAvailable",
    "CertChainError",
    "ContractCancelled",
]

MessageFormatEnumType = Literal["ASCII", "HTML", "URI", "UTF8"]

BootReasonEnumType = Literal[
    "ApplicationReset",
    "FirmwareUpdate",
    "LocalReset",
    "PowerUp",
    "RemoteReset",
    "ScheduledReset",
    "Triggered",
    "Unknown",
    "Watchdog",
]


class ModemType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    iccid: Text20 | UnsetType = UNSET
    imsi: Text20 | UnsetType = UNSET


RegistrationStatusEnumType = Literal["Accepted", "Pending", "Rejected"]


class StatusInfoType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    reasonCode: Text20
    additionalInfo: Text512 | UnsetType = UNSET


CancelReservationStatusEnumType = Literal["Accepted", "Rejected"]

CertificateSigningUseEnumType = Literal["ChargingStationCertificate", "V2GCertificate"]

CertificateSignedStatusEnumType = Literal["Accepted", "Rejected"]

OperationalStatusEnumType = Literal["Inoperative", "Operative"]


class EVSEType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole
    connectorId: Whole | UnsetType = UNSET


ChangeAvailabilityStatusEnumType = Literal["Accepted", "Rejected", "Scheduled"]

ClearCacheStatusEnumType = Literal["Accepted", "Rejected"]

ChargingProfilePurposeEnumType = Literal[
    "ChargingStationExternalConstraints", "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"
]

ClearChargingProfileStatusEnumType = Literal["Accepted", "Unknown"]

ClearMessageStatusEnumType = Literal["Accepted", "Unknown"]

ClearMonitoringStatusEnumType = Literal["Accepted", "Rejected", "NotFound"]

ChargingLimitSourceEnumType = Literal["EMS", "Other", "SO", "CSO"]

CustomerInformationStatusEnumType = Literal["Accepted", "Rejected", "Invalid"]

DataTransferStatusEnumType = Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"]

DeleteCertificateStatusEnumType = Literal["Accepted", "Failed", "NotFound"]

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

CertificateActionEnumType = Literal["Install", "Update"]

Iso15118EVCertificateStatusEnumType = Literal["Accepted", "Failed"]

ReportBaseEnumType = Literal["ConfigurationInventory", "FullInventory", "SummaryInventory"]

GenericDeviceModelStatusEnumType = Literal["Accepted", "Rejected", "NotSupported", "EmptyResultSet"]

GetCertificateStatusEnumType = Literal["Accepted", "Failed"]

GetChargingProfileStatusEnumType = Literal["Accepted", "NoProfiles"]

ChargingRateUnitEnumType = Literal["W", "A"]

GenericStatusEnumType = Literal["Accepted", "Rejected"]


class ChargingSchedulePeriodType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    startPeriod: Whole
    limit: float
    numberPhases: Whole | UnsetType = UNSET
    phaseToUse: Whole | UnsetType = UNSET


MessagePriorityEnumType = Literal["AlwaysFront", "InFront", "NormalCycle"]

MessageStateEnumType = Literal["Charging", "Faulted", "Idle", "Unavailable"]

GetDisplayMessagesStatusEnumType = Literal["Accepted", "Unknown"]

GetCertificateIdUseEnumType = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "V2GCertificateChain",
    "ManufacturerRootCertificate",
]

GetInstalledCertificateStatusEnumType = Literal["Accepted", "NotFound"]

LogEnumType = Literal["DiagnosticsLog", "SecurityLog"]


class LogParametersType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    remoteLocation: Text512
    oldestTimestamp: Time | UnsetType = UNSET
    latestTimestamp: Time | UnsetType = UNSET


LogStatusEnumType = Literal["Accepted", "Rejected", "AcceptedCanceled"]

MonitoringCriterionEnumType = Literal["ThresholdMonitoring", "DeltaMonitoring", "PeriodicMonitoring"]


class VariableType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    name: Text50
    instance: Text50 | UnsetType = UNSET


ComponentCriterionEnumType = Literal["Active", "Available", "Enabled", "Problem"]

AttributeEnumType = Literal["Actual", "Target", "MinSet", "MaxSet"]

GetVariableStatusEnumType = Literal[
    "Accepted", "Rejected", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"
]

InstallCertificateUseEnumType = Literal[
    "V2GRootCertificate", "MORootCertificate", "CSMSRootCertificate", "ManufacturerRootCertificate"
]

InstallCertificateStatusEnumType = Literal["Accepted", "Rejected", "Failed"]

UploadLogStatusEnumType = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
    "AcceptedCanceled",
]

LocationEnumType = Literal["Body", "Cable", "EV", "Inlet", "Outlet"]

MeasurandEnumType = Literal[
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Active.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Net",
    "Energy.Apparent.Net",
    "Energy.Apparent.Import",
    "Energy.Apparent.Export",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
]

PhaseEnumType = Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"]

ReadingContextEnumType = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Other",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
]


class SignedMeterValueType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    signedMeterData: Text2500
    signingMethod: Text50
    encodingMethod: Text50
    publicKey: Text2500


class UnitOfMeasureType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    unit: Text20 | UnsetType = UNSET
    multiplier: Whole | UnsetType = UNSET


CostKindEnumType = Literal["CarbonDioxideEmission", "RelativePricePercentage", "RenewableGenerationPercentage"]


class RelativeTimeIntervalType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    start: Whole
    duration: Whole | UnsetType = UNSET


EnergyTransferModeEnumType = Literal["DC", "AC_single_phase", "AC_two_phase", "AC_three_phase"]


class ACChargingParametersType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    energyAmount: Whole
    evMinCurrent: Whole
    evMaxCurrent: Whole
    evMaxVoltage: Whole


class DCChargingParametersType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evMaxCurrent: Whole
    evMaxVoltage: Whole
    energyAmount: Whole | UnsetType = UNSET
    evMaxPower: Whole | UnsetType = UNSET
    stateOfCharge: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    evEnergyCapacity: Whole | UnsetType = UNSET
    fullSoC: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    bulkSoC: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET


NotifyEVChargingNeedsStatusEnumType = Literal["Accepted", "Rejected", "Processing"]

EventNotificationEnumType = Literal[
    "HardWiredNotification", "HardWiredMonitor", "PreconfiguredMonitor", "CustomMonitor"
]

EventTriggerEnumType = Literal["Alerting", "Delta", "Periodic"]

MonitorEnumType = Literal["UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"]

DataEnumType = Literal[
    "string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList"
]

MutabilityEnumType = Literal["ReadOnly", "WriteOnly", "ReadWrite"]

PublishFirmwareStatusEnumType = Literal[
    "Idle",
    "DownloadScheduled",
    "Downloading",
    "Downloaded",
    "Published",
    "DownloadFailed",
    "DownloadPaused",
    "InvalidChecksum",
    "ChecksumVerified",
    "PublishFailed",
]

ChargingProfileKindEnumType = Literal["Absolute", "Recurring", "Relative"]

RecurrencyKindEnumType = Literal["Daily", "Weekly"]

RequestStartStopStatusEnumType = Literal["Accepted", "Rejected"]

ReservationUpdateStatusEnumType = Literal["Expired", "Removed"]

ConnectorEnumType = Literal[
    "cCCS1",
    "cCCS2",
    "cG105",
    "cTesla",
    "cType1",
    "cType2",
    "s309-1P-16A",
    "s309-1P-32A",
    "s309-3P-16A",
    "s309-3P-32A",
    "sBS1361",
    "sCEE-7-7",
    "sType2",
    "sType3",
    "Other1PhMax16A",
    "Other1PhOver16A",
    "Other3Ph",
    "Pan",
    "wInductive",
    "wResonant",
    "Undetermined",
    "Unknown",
]

ReserveNowStatusEnumType = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]

ResetEnumType = Literal["Immediate", "OnIdle"]

ResetStatusEnumType = Literal["Accepted", "Rejected", "Scheduled"]

UpdateEnumType = Literal["Differential", "Full"]

SendLocalListStatusEnumType = Literal["Accepted", "Failed", "VersionMismatch"]

ChargingProfileStatusEnumType = Literal["Accepted", "Rejected"]

DisplayMessageStatusEnumType = Literal[
    "Accepted",
    "NotSupportedMessageFormat",
    "Rejected",
    "NotSupportedPriority",
    "NotSupportedState",
    "UnknownTransaction",
]

MonitoringBaseEnumType = Literal["All", "FactoryDefault", "HardWiredOnly"]

APNAuthenticationEnumType = Literal["CHAP", "NONE", "PAP", "AUTO"]

OCPPInterfaceEnumType = Literal[
    "Wired0", "Wired1", "Wired2", "Wired3", "Wireless0", "Wireless1", "Wireless2", "Wireless3"
]

OCPPTransportEnumType = Literal["JSON", "SOAP"]

OCPPVersionEnumType = Literal["OCPP12", "OCPP15", "OCPP16", "OCPP20"]

VPNEnumType = Literal["IKEv2", "IPSec", "L2TP", "PPTP"]

SetNetworkProfileStatusEnumType = Literal["Accepted", "Rejected", "Failed"]

SetMonitoringStatusEnumType = Literal[
    "Accepted", "UnknownComponent", "UnknownVariable", "UnsupportedMonitorType", "Rejected", "Duplicate"
]

SetVariableStatusEnumType = Literal[
    "Accepted", "Rejected", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType", "RebootRequired"
]

ConnectorStatusEnumType = Literal["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]

ChargingStateEnumType = Literal["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"]

ReasonEnumType = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
]

TransactionEventEnumType = Literal["Ended", "Started", "Updated"]

TriggerReasonEnumType = Literal[
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "MeterValueClock",
    "MeterValuePeriodic",
    "TimeLimitReached",
    "Trigger",
    "UnlockCommand",
    "StopAuthorized",
    "EVDeparted",
    "EVDetected",
    "RemoteStop",
    "RemoteStart",
    "AbnormalCondition",
    "SignedDataReceived",
    "ResetCommand",
]

MessageTriggerEnumType = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargingStationCertificate",
    "SignV2GCertificate",
    "StatusNotification",
    "TransactionEvent",
    "SignCombinedCertificate",
    "PublishFirmwareStatusNotification",
]

TriggerMessageStatusEnumType = Literal["Accepted", "Rejected", "NotImplemented"]

UnlockStatusEnumType = Literal["Unlocked", "UnlockFailed", "OngoingAuthorizedTransaction", "UnknownConnector"]

UnpublishFirmwareStatusEnumType = Literal["DownloadOngoing", "NoFirmware", "Unpublished"]


class FirmwareType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    location: Text512
    retrieveDateTime: Time
    installDateTime: Time | UnsetType = UNSET
    signingCertificate: Text5500 | UnsetType = UNSET
    signature: Text800 | UnsetType = UNSET


UpdateFirmwareStatusEnumType = Literal[
    "Accepted", "Rejected", "AcceptedCanceled", "InvalidCertificate", "RevokedCertificate"
]


class OCSPRequestDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    hashAlgorithm: HashAlgorithmEnumType
    issuerNameHash: Text128
    issuerKeyHash: Text128
    serialNumber: Text40
    responderURL: Text512


class CertificateHashDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    hashAlgorithm: HashAlgorithmEnumType
    issuerNameHash: Text128
    issuerKeyHash: Text128
    serialNumber: Text40


class IdTokenType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    additionalInfo: Annotated[tuple[AdditionalInfoType, ...], Meta(min_length=1)] | UnsetType = UNSET
    idToken: Text36
    type: IdTokenEnumType


class MessageContentType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    format: MessageFormatEnumType
    language: Text8 | UnsetType = UNSET
    content: Text512


class ChargingStationType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    serialNumber: Text25 | UnsetType = UNSET
    model: Text20
    modem: ModemType | UnsetType = UNSET
    vendorName: Text50
    firmwareVersion: Text50 | UnsetType = UNSET


class ComponentType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evse: EVSEType | UnsetType = UNSET
    name: Text50
    instance: Text50 | UnsetType = UNSET


class ClearChargingProfileType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evseId: Whole | UnsetType = UNSET
    chargingProfilePurpose: ChargingProfilePurposeEnumType | UnsetType = UNSET
    stackLevel: Whole | UnsetType = UNSET


class ClearMonitoringResultType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ClearMonitoringStatusEnumType
    id: Whole
    statusInfo: StatusInfoType | UnsetType = UNSET


class ChargingProfileCriterionType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingProfilePurpose: ChargingProfilePurposeEnumType | UnsetType = UNSET
    stackLevel: Whole | UnsetType = UNSET
    chargingProfileId: Annotated[tuple[Whole, ...], Meta(min_length=1)] | UnsetType = UNSET
    chargingLimitSource: (
        Annotated[tuple[ChargingLimitSourceEnumType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET


class ChargingLimitType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingLimitSource: ChargingLimitSourceEnumType
    isGridCritical: bool | UnsetType = UNSET


class CompositeScheduleType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingSchedulePeriod: Annotated[tuple[ChargingSchedulePeriodType, ...], Meta(min_length=1)]
    evseId: Whole
    duration: Whole
    scheduleStart: Time
    chargingRateUnit: ChargingRateUnitEnumType


class SampledValueType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    value: float
    context: ReadingContextEnumType | UnsetType = UNSET
    measurand: MeasurandEnumType | UnsetType = UNSET
    phase: PhaseEnumType | UnsetType = UNSET
    location: LocationEnumType | UnsetType = UNSET
    signedMeterValue: SignedMeterValueType | UnsetType = UNSET
    unitOfMeasure: UnitOfMeasureType | UnsetType = UNSET


class CostType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    costKind: CostKindEnumType
    amount: Whole
    amountMultiplier: Whole | UnsetType = UNSET


class ChargingNeedsType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    acChargingParameters: ACChargingParametersType | UnsetType = UNSET
    dcChargingParameters: DCChargingParametersType | UnsetType = UNSET
    requestedEnergyTransfer: EnergyTransferModeEnumType
    departureTime: Time | UnsetType = UNSET


class VariableMonitoringType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole
    transaction: bool
    value: float
    type: MonitorEnumType
    severity: Whole


class VariableCharacteristicsType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    unit: Text16 | UnsetType = UNSET
    dataType: DataEnumType
    minLimit: float | UnsetType = UNSET
    maxLimit: float | UnsetType = UNSET
    valuesList: Text1000 | UnsetType = UNSET
    supportsMonitoring: bool


class VariableAttributeType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    type: AttributeEnumType | UnsetType = UNSET
    value: Text2500 | UnsetType = UNSET
    mutability: MutabilityEnumType | UnsetType = UNSET
    persistent: bool | UnsetType = UNSET
    constant: bool | UnsetType = UNSET


class APNType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    apn: Text512
    apnUserName: Text20 | UnsetType = UNSET
    apnPassword: Text20 | UnsetType = UNSET
    simPin: Whole | UnsetType = UNSET
    preferredNetwork: Text6 | UnsetType = UNSET
    useOnlyPreferredNetwork: bool | UnsetType = UNSET
    apnAuthentication: APNAuthenticationEnumType


class VPNType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    server: Text512
    user: Text20
    group: Text20 | UnsetType = UNSET
    password: Text20
    key: Text255
    type: VPNEnumType


class TransactionType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    transactionId: Text36
    chargingState: ChargingStateEnumType | UnsetType = UNSET
    timeSpentCharging: Whole | UnsetType = UNSET
    stoppedReason: ReasonEnumType | UnsetType = UNSET
    remoteStartId: Whole | UnsetType = UNSET


class CertificateHashDataChainType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    certificateHashData: CertificateHashDataType
    certificateType: GetCertificateIdUseEnumType
    childCertificateHashData: (
        Annotated[tuple[CertificateHashDataType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET


class IdTokenInfoType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: AuthorizationStatusEnumType
    cacheExpiryDateTime: Time | UnsetType = UNSET
    chargingPriority: Whole | UnsetType = UNSET
    language1: Text8 | UnsetType = UNSET
    evseId: Annotated[tuple[Whole, ...], Meta(min_length=1)] | UnsetType = UNSET
    groupIdToken: IdTokenType | UnsetType = UNSET
    language2: Text8 | UnsetType = UNSET
    personalMessage: MessageContentType | UnsetType = UNSET


class ComponentVariableType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    component: ComponentType
    variable: VariableType | UnsetType = UNSET


class GetVariableDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    attributeType: AttributeEnumType | UnsetType = UNSET
    component: ComponentType
    variable: VariableType


class GetVariableResultType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    attributeStatusInfo: StatusInfoType | UnsetType = UNSET
    attributeStatus: GetVariableStatusEnumType
    attributeType: AttributeEnumType | UnsetType = UNSET
    attributeValue: Text2500 | UnsetType = UNSET
    component: ComponentType
    variable: VariableType


class MessageInfoType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    display: ComponentType | UnsetType = UNSET
    id: Whole
    priority: MessagePriorityEnumType
    state: MessageStateEnumType | UnsetType = UNSET
    startDateTime: Time | UnsetType = UNSET
    endDateTime: Time | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET
    message: MessageContentType


class EventDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    eventId: Whole
    timestamp: Time
    trigger: EventTriggerEnumType
    cause: Whole | UnsetType = UNSET
    actualValue: Text2500
    techCode: Text50 | UnsetType = UNSET
    techInfo: Text500 | UnsetType = UNSET
    cleared: bool | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET
    component: ComponentType
    variableMonitoringId: Whole | UnsetType = UNSET
    eventNotificationType: EventNotificationEnumType
    variable: VariableType


class SetMonitoringDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole | UnsetType = UNSET
    transaction: bool | UnsetType = UNSET
    value: float
    type: MonitorEnumType
    severity: Whole
    component: ComponentType
    variable: VariableType


class SetMonitoringResultType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole | UnsetType = UNSET
    statusInfo: StatusInfoType | UnsetType = UNSET
    status: SetMonitoringStatusEnumType
    type: MonitorEnumType
    component: ComponentType
    variable: VariableType
    severity: Whole


class SetVariableDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    attributeType: AttributeEnumType | UnsetType = UNSET
    attributeValue: Text1000
    component: ComponentType
    variable: VariableType


class SetVariableResultType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    attributeType: AttributeEnumType | UnsetType = UNSET
    attributeStatus: SetVariableStatusEnumType
    attributeStatusInfo: StatusInfoType | UnsetType = UNSET
    component: ComponentType
    variable: VariableType


class MeterValueType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    sampledValue: Annotated[tuple[SampledValueType, ...], Meta(min_length=1)]
    timestamp: Time


class ConsumptionCostType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    startValue: float
    cost: Annotated[tuple[CostType, ...], Meta(min_length=1, max_length=3)]


class MonitoringDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    component: ComponentType
    variable: VariableType
    variableMonitoring: Annotated[tuple[VariableMonitoringType, ...], Meta(min_length=1)]


class ReportDataType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    component: ComponentType
    variable: VariableType
    variableAttribute: Annotated[tuple[VariableAttributeType, ...], Meta(min_length=1, max_length=4)]
    variableCharacteristics: VariableCharacteristicsType | UnsetType = UNSET


class NetworkConnectionProfileType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    apn: APNType | UnsetType = UNSET
    ocppVersion: OCPPVersionEnumType
    ocppTransport: OCPPTransportEnumType
    ocppCsmsUrl: Text512
    messageTimeout: Whole
    securityProfile: Whole
    ocppInterface: OCPPInterfaceEnumType
    vpn: VPNType | UnsetType = UNSET


class AuthorizationData(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    idToken: IdTokenType
    idTokenInfo: IdTokenInfoType | UnsetType = UNSET


class SalesTariffEntryType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    relativeTimeInterval: RelativeTimeIntervalType
    ePriceLevel: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    consumptionCost: Annotated[tuple[ConsumptionCostType, ...], Meta(min_length=1, max_length=3)] | UnsetType = UNSET


class SalesTariffType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole
    salesTariffDescription: Text32 | UnsetType = UNSET
    numEPriceLevels: Whole | UnsetType = UNSET
    salesTariffEntry: Annotated[tuple[SalesTariffEntryType, ...], Meta(min_length=1, max_length=1024)]


class ChargingScheduleType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole
    startSchedule: Time | UnsetType = UNSET
    duration: Whole | UnsetType = UNSET
    chargingRateUnit: ChargingRateUnitEnumType
    chargingSchedulePeriod: Annotated[tuple[ChargingSchedulePeriodType, ...], Meta(min_length=1, max_length=1024)]
    minChargingRate: float | UnsetType = UNSET
    salesTariff: SalesTariffType | UnsetType = UNSET


class ChargingProfileType(Type, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole
    stackLevel: Whole
    chargingProfilePurpose: ChargingProfilePurposeEnumType
    chargingProfileKind: ChargingProfileKindEnumType
    recurrencyKind: RecurrencyKindEnumType | UnsetType = UNSET
    validFrom: Time | UnsetType = UNSET
    validTo: Time | UnsetType = UNSET
    chargingSchedule: Annotated[tuple[ChargingScheduleType, ...], Meta(min_length=1, max_length=3)]
    transactionId: Text36 | UnsetType = UNSET


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    idToken: IdTokenType
    certificate: Text5500 | UnsetType = UNSET
    iso15118CertificateHashData: (
        Annotated[tuple[OCSPRequestDataType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    idTokenInfo: IdTokenInfoType
    certificateStatus: AuthorizeCertificateStatusEnumType | UnsetType = UNSET


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingStation: ChargingStationType
    reason: BootReasonEnumType


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    currentTime: Time
    interval: Whole
    status: RegistrationStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    reservationId: Whole


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class CertificateSignedRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    certificateChain: Text10000
    certificateType: CertificateSigningUseEnumType | UnsetType = UNSET


class CertificateSignedResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: CertificateSignedStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evse: EVSEType | UnsetType = UNSET
    operationalStatus: OperationalStatusEnumType


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ChangeAvailabilityStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ClearCacheRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ClearCacheStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ClearChargingProfileRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingProfileId: Whole | UnsetType = UNSET
    chargingProfileCriteria: ClearChargingProfileType | UnsetType = UNSET


class ClearChargingProfileResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ClearChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ClearDisplayMessageRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole


class ClearDisplayMessageResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ClearMessageStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ClearVariableMonitoringRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Annotated[tuple[Whole, ...], Meta(min_length=1)]


class ClearVariableMonitoringResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    clearMonitoringResult: Annotated[tuple[ClearMonitoringResultType, ...], Meta(min_length=1)]


class ClearedChargingLimitRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingLimitSource: ChargingLimitSourceEnumType
    evseId: Whole | UnsetType = UNSET


class ClearedChargingLimitResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class CostUpdatedRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    totalCost: float
    transactionId: Text36


class CostUpdatedResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class CustomerInformationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    customerCertificate: CertificateHashDataType | UnsetType = UNSET
    idToken: IdTokenType | UnsetType = UNSET
    requestId: Whole
    report: bool
    clear: bool
    customerIdentifier: Text64 | UnsetType = UNSET


class CustomerInformationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: CustomerInformationStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class DataTransferRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    messageId: Text50 | UnsetType = UNSET
    data: Any | UnsetType = UNSET
    vendorId: Text255


class DataTransferResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: DataTransferStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    data: Any | UnsetType = UNSET


class DeleteCertificateRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    certificateHashData: CertificateHashDataType


class DeleteCertificateResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: DeleteCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class FirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: FirmwareStatusEnumType
    requestId: Whole | UnsetType = UNSET


class FirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class Get15118EVCertificateRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    iso15118SchemaVersion: Text50
    action: CertificateActionEnumType
    exiRequest: Text5600


class Get15118EVCertificateResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: Iso15118EVCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    exiResponse: Text5600


class GetBaseReportRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    requestId: Whole
    reportBase: ReportBaseEnumType


class GetBaseReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class GetCertificateStatusRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    ocspRequestData: OCSPRequestDataType


class GetCertificateStatusResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GetCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    ocspResult: Text5500 | UnsetType = UNSET


class GetChargingProfilesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    requestId: Whole
    evseId: Whole | UnsetType = UNSET
    chargingProfile: ChargingProfileCriterionType


class GetChargingProfilesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GetChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class GetCompositeScheduleRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    duration: Whole
    chargingRateUnit: ChargingRateUnitEnumType | UnsetType = UNSET
    evseId: Whole


class GetCompositeScheduleResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    schedule: CompositeScheduleType | UnsetType = UNSET


class GetDisplayMessagesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Annotated[tuple[Whole, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    priority: MessagePriorityEnumType | UnsetType = UNSET
    state: MessageStateEnumType | UnsetType = UNSET


class GetDisplayMessagesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GetDisplayMessagesStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class GetInstalledCertificateIdsRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    certificateType: Annotated[tuple[GetCertificateIdUseEnumType, ...], Meta(min_length=1)] | UnsetType = UNSET


class GetInstalledCertificateIdsResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GetInstalledCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    certificateHashDataChain: Annotated[tuple[CertificateHashDataChainType, ...], Meta(min_length=1)] | UnsetType = (
        UNSET
    )


class GetLocalListVersionRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class GetLocalListVersionResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    versionNumber: Whole


class GetLogRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    log: LogParametersType
    logType: LogEnumType
    requestId: Whole
    retries: Whole | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET


class GetLogResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: LogStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    filename: Text255 | UnsetType = UNSET


class GetMonitoringReportRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    componentVariable: Annotated[tuple[ComponentVariableType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    monitoringCriteria: (
        Annotated[tuple[MonitoringCriterionEnumType, ...], Meta(min_length=1, max_length=3)] | UnsetType
    ) = UNSET


class GetMonitoringReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class GetReportRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    componentVariable: Annotated[tuple[ComponentVariableType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    componentCriteria: (
        Annotated[tuple[ComponentCriterionEnumType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET


class GetReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class GetTransactionStatusRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET


class GetTransactionStatusResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    ongoingIndicator: bool | UnsetType = UNSET
    messagesInQueue: bool


class GetVariablesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    getVariableData: Annotated[tuple[GetVariableDataType, ...], Meta(min_length=1)]


class GetVariablesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    getVariableResult: Annotated[tuple[GetVariableResultType, ...], Meta(min_length=1)]


class HeartbeatRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    currentTime: Time


class InstallCertificateRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    certificateType: InstallCertificateUseEnumType
    certificate: Text5500


class InstallCertificateResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: InstallCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class LogStatusNotificationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: UploadLogStatusEnumType
    requestId: Whole | UnsetType = UNSET


class LogStatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evseId: Whole
    meterValue: Annotated[tuple[MeterValueType, ...], Meta(min_length=1)]


class MeterValuesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyChargingLimitRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    chargingSchedule: Annotated[tuple[ChargingScheduleType, ...], Meta(min_length=1)] | UnsetType = UNSET
    evseId: Whole | UnsetType = UNSET
    chargingLimit: ChargingLimitType


class NotifyChargingLimitResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyCustomerInformationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    data: Text512
    tbc: bool | UnsetType = UNSET
    seqNo: Whole
    generatedAt: Time
    requestId: Whole


class NotifyCustomerInformationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyDisplayMessagesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    messageInfo: Annotated[tuple[MessageInfoType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    tbc: bool | UnsetType = UNSET


class NotifyDisplayMessagesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyEVChargingNeedsRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    maxScheduleTuples: Whole | UnsetType = UNSET
    chargingNeeds: ChargingNeedsType
    evseId: Whole


class NotifyEVChargingNeedsResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: NotifyEVChargingNeedsStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class NotifyEVChargingScheduleRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    timeBase: Time
    chargingSchedule: ChargingScheduleType
    evseId: Whole


class NotifyEVChargingScheduleResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class NotifyEventRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    generatedAt: Time
    tbc: bool | UnsetType = UNSET
    seqNo: Whole
    eventData: Annotated[tuple[EventDataType, ...], Meta(min_length=1)]


class NotifyEventResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyMonitoringReportRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    monitor: Annotated[tuple[MonitoringDataType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    tbc: bool | UnsetType = UNSET
    seqNo: Whole
    generatedAt: Time


class NotifyMonitoringReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyReportRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    requestId: Whole
    generatedAt: Time
    reportData: Annotated[tuple[ReportDataType, ...], Meta(min_length=1)] | UnsetType = UNSET
    tbc: bool | UnsetType = UNSET
    seqNo: Whole


class NotifyReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class PublishFirmwareRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    location: Text512
    retries: Whole | UnsetType = UNSET
    checksum: Text32
    requestId: Whole
    retryInterval: Whole | UnsetType = UNSET


class PublishFirmwareResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class PublishFirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: PublishFirmwareStatusEnumType
    location: Annotated[tuple[Text512, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole | UnsetType = UNSET


class PublishFirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ReportChargingProfilesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    requestId: Whole
    chargingLimitSource: ChargingLimitSourceEnumType
    chargingProfile: Annotated[tuple[ChargingProfileType, ...], Meta(min_length=1)]
    tbc: bool | UnsetType = UNSET
    evseId: Whole


class ReportChargingProfilesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class RequestStartTransactionRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evseId: Whole | UnsetType = UNSET
    groupIdToken: IdTokenType | UnsetType = UNSET
    idToken: IdTokenType
    remoteStartId: Whole
    chargingProfile: ChargingProfileType | UnsetType = UNSET


class RequestStartTransactionResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: RequestStartStopStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET


class RequestStopTransactionRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    transactionId: Text36


class RequestStopTransactionResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: RequestStartStopStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ReservationStatusUpdateRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    reservationId: Whole
    reservationUpdateStatus: ReservationUpdateStatusEnumType


class ReservationStatusUpdateResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    id: Whole
    expiryDateTime: Time
    connectorType: ConnectorEnumType | UnsetType = UNSET
    idToken: IdTokenType
    evseId: Whole | UnsetType = UNSET
    groupIdToken: IdTokenType | UnsetType = UNSET


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ReserveNowStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class ResetRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    type: ResetEnumType
    evseId: Whole | UnsetType = UNSET


class ResetResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ResetStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SecurityEventNotificationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    type: Text50
    timestamp: Time
    techInfo: Text255 | UnsetType = UNSET


class SecurityEventNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class SendLocalListRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    localAuthorizationList: Annotated[tuple[AuthorizationData, ...], Meta(min_length=1)] | UnsetType = UNSET
    versionNumber: Whole
    updateType: UpdateEnumType


class SendLocalListResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: SendLocalListStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SetChargingProfileRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evseId: Whole
    chargingProfile: ChargingProfileType


class SetChargingProfileResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: ChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SetDisplayMessageRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    message: MessageInfoType


class SetDisplayMessageResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: DisplayMessageStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SetMonitoringBaseRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    monitoringBase: MonitoringBaseEnumType


class SetMonitoringBaseResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SetMonitoringLevelRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    severity: Whole


class SetMonitoringLevelResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SetNetworkProfileRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    configurationSlot: Whole
    connectionData: NetworkConnectionProfileType


class SetNetworkProfileResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: SetNetworkProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class SetVariableMonitoringRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    setMonitoringData: Annotated[tuple[SetMonitoringDataType, ...], Meta(min_length=1)]


class SetVariableMonitoringResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    setMonitoringResult: Annotated[tuple[SetMonitoringResultType, ...], Meta(min_length=1)]


class SetVariablesRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    setVariableData: Annotated[tuple[SetVariableDataType, ...], Meta(min_length=1)]


class SetVariablesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    setVariableResult: Annotated[tuple[SetVariableResultType, ...], Meta(min_length=1)]


class SignCertificateRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    csr: Text5500
    certificateType: CertificateSigningUseEnumType | UnsetType = UNSET


class SignCertificateResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    timestamp: Time
    connectorStatus: ConnectorStatusEnumType
    evseId: Whole
    connectorId: Whole


class StatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class TransactionEventRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    eventType: TransactionEventEnumType
    meterValue: Annotated[tuple[MeterValueType, ...], Meta(min_length=1)] | UnsetType = UNSET
    timestamp: Time
    triggerReason: TriggerReasonEnumType
    seqNo: Whole
    offline: bool | UnsetType = UNSET
    numberOfPhasesUsed: Whole | UnsetType = UNSET
    cableMaxCurrent: Whole | UnsetType = UNSET
    reservationId: Whole | UnsetType = UNSET
    transactionInfo: TransactionType
    evse: EVSEType | UnsetType = UNSET
    idToken: IdTokenType | UnsetType = UNSET


class TransactionEventResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    totalCost: float | UnsetType = UNSET
    chargingPriority: Whole | UnsetType = UNSET
    idTokenInfo: IdTokenInfoType | UnsetType = UNSET
    updatedPersonalMessage: MessageContentType | UnsetType = UNSET


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evse: EVSEType | UnsetType = UNSET
    requestedMessage: MessageTriggerEnumType


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: TriggerMessageStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    evseId: Whole
    connectorId: Whole


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: UnlockStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


class UnpublishFirmwareRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    checksum: Text32


class UnpublishFirmwareResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: UnpublishFirmwareStatusEnumType


class UpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    retries: Whole | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET
    requestId: Whole
    firmware: FirmwareType


class UpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET
    status: UpdateFirmwareStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET


CALLS: dict[str, tuple[type[Message], type[Message]]] = {
    "Authorize": (AuthorizeRequest, AuthorizeResponse),
    "BootNotification": (BootNotificationRequest, BootNotificationResponse),
    "CancelReservation": (CancelReservationRequest, CancelReservationResponse),
    "CertificateSigned": (CertificateSignedRequest, CertificateSignedResponse),
    "ChangeAvailability": (ChangeAvailabilityRequest, ChangeAvailabilityResponse),
    "ClearCache": (ClearCacheRequest, ClearCacheResponse),
    "ClearChargingProfile": (ClearChargingProfileRequest, ClearChargingProfileResponse),
    "ClearDisplayMessage": (ClearDisplayMessageRequest, ClearDisplayMessageResponse),
    "ClearVariableMonitoring": (ClearVariableMonitoringRequest, ClearVariableMonitoringResponse),
    "ClearedChargingLimit": (ClearedChargingLimitRequest, ClearedChargingLimitResponse),
    "CostUpdated": (CostUpdatedRequest, CostUpdatedResponse),
    "CustomerInformation": (CustomerInformationRequest, CustomerInformationResponse),
    "DataTransfer": (DataTransferRequest, DataTransferResponse),
    "DeleteCertificate": (DeleteCertificateRequest, DeleteCertificateResponse),
    "FirmwareStatusNotification": (FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse),
    "Get15118EVCertificate": (Get15118EVCertificateRequest, Get15118EVCertificateResponse),
    "GetBaseReport": (GetBaseReportRequest, GetBaseReportResponse),
    "GetCertificateStatus": (GetCertificateStatusRequest, GetCertificateStatusResponse),
    "GetChargingProfiles": (GetChargingProfilesRequest, GetChargingProfilesResponse),
    "GetCompositeSchedule": (GetCompositeScheduleRequest, GetCompositeScheduleResponse),
    "GetDisplayMessages": (GetDisplayMessagesRequest, GetDisplayMessagesResponse),
    "GetInstalledCertificateIds": (GetInstalledCertificateIdsRequest, GetInstalledCertificateIdsResponse),
    "GetLocalListVersion": (GetLocalListVersionRequest, GetLocalListVersionResponse),
    "GetLog": (GetLogRequest, GetLogResponse),
    "GetMonitoringReport": (GetMonitoringReportRequest, GetMonitoringReportResponse),
    "GetReport": (GetReportRequest, GetReportResponse),
    "GetTransactionStatus": (GetTransactionStatusRequest, GetTransactionStatusResponse),
    "GetVariables": (GetVariablesRequest, GetVariablesResponse),
    "Heartbeat": (HeartbeatRequest, HeartbeatResponse),
    "InstallCertificate": (InstallCertificateRequest, InstallCertificateResponse),
    "LogStatusNotification": (LogStatusNotificationRequest, LogStatusNotificationResponse),
    "MeterValues": (MeterValuesRequest, MeterValuesResponse),
    "NotifyChargingLimit": (NotifyChargingLimitRequest, NotifyChargingLimitResponse),
    "NotifyCustomerInformation": (NotifyCustomerInformationRequest, NotifyCustomerInformationResponse),
    "NotifyDisplayMessages": (NotifyDisplayMessagesRequest, NotifyDisplayMessagesResponse),
    "NotifyEVChargingNeeds": (NotifyEVChargingNeedsRequest, NotifyEVChargingNeedsResponse),
    "NotifyEVChargingSchedule": (NotifyEVChargingScheduleRequest, NotifyEVChargingScheduleResponse),
    "NotifyEvent": (NotifyEventRequest, NotifyEventResponse),
    "NotifyMonitoringReport": (NotifyMonitoringReportRequest, NotifyMonitoringReportResponse),
    "NotifyReport": (NotifyReportRequest, NotifyReportResponse),
    "PublishFirmware": (PublishFirmwareRequest, PublishFirmwareResponse),
    "PublishFirmwareStatusNotification": (
        PublishFirmwareStatusNotificationRequest,
        PublishFirmwareStatusNotificationResponse,
    ),
    "ReportChargingProfiles": (ReportChargingProfilesRequest, ReportChargingProfilesResponse),
    "RequestStartTransaction": (RequestStartTransactionRequest, RequestStartTransactionResponse),
    "RequestStopTransaction": (RequestStopTransactionRequest, RequestStopTransactionResponse),
    "ReservationStatusUpdate": (ReservationStatusUpdateRequest, ReservationStatusUpdateResponse),
    "ReserveNow": (ReserveNowRequest, ReserveNowResponse),
    "Reset": (ResetRequest, ResetResponse),
    "SecurityEventNotification": (SecurityEventNotificationRequest, SecurityEventNotificationResponse),
    "SendLocalList": (SendLocalListRequest, SendLocalListResponse),
    "SetChargingProfile": (SetChargingProfileRequest, SetChargingProfileResponse),
    "SetDisplayMessage": (SetDisplayMessageRequest, SetDisplayMessageResponse),
    "SetMonitoringBase": (SetMonitoringBaseRequest, SetMonitoringBaseResponse),
    "SetMonitoringLevel": (SetMonitoringLevelRequest, SetMonitoringLevelResponse),
    "SetNetworkProfile": (SetNetworkProfileRequest, SetNetworkProfileResponse),
    "SetVariableMonitoring": (SetVariableMonitoringRequest, SetVariableMonitoringResponse),
    "SetVariables": (SetVariablesRequest, SetVariablesResponse),
    "SignCertificate": (SignCertificateRequest, SignCertificateResponse),
    "StatusNotification": (StatusNotificationRequest, StatusNotificationResponse),
    "TransactionEvent": (TransactionEventRequest, TransactionEventResponse),
    "TriggerMessage": (TriggerMessageRequest, TriggerMessageResponse),
    "UnlockConnector": (UnlockConnectorRequest, UnlockConnectorResponse),
    "UnpublishFirmware": (UnpublishFirmwareRequest, UnpublishFirmwareResponse),
    "UpdateFirmware": (UpdateFirmwareRequest, UpdateFirmwareResponse),
}
"""Action -> its request and its response."""

SENDS: dict[str, type[Message]] = {}
"""Messages that have no response (SEND)."""
