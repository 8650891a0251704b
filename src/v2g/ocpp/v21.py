"""The messages of OCPP 2.1, by `tools/make_ocpp_types.py`. Do not edit.

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
Text3 = Annotated[str, Meta(max_length=3)]
Text6 = Annotated[str, Meta(max_length=6)]
Text8 = Annotated[str, Meta(max_length=8)]
Text16 = Annotated[str, Meta(max_length=16)]
Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text32 = Annotated[str, Meta(max_length=32)]
Text36 = Annotated[str, Meta(max_length=36)]
Text40 = Annotated[str, Meta(max_length=40)]
Text48 = Annotated[str, Meta(max_length=48)]
Text50 = Annotated[str, Meta(max_length=50)]
Text60 = Annotated[str, Meta(max_length=60)]
Text64 = Annotated[str, Meta(max_length=64)]
Text80 = Annotated[str, Meta(max_length=80)]
Text88 = Annotated[str, Meta(max_length=88)]
Text100 = Annotated[str, Meta(max_length=100)]
Text128 = Annotated[str, Meta(max_length=128)]
Text160 = Annotated[str, Meta(max_length=160)]
Text200 = Annotated[str, Meta(max_length=200)]
Text255 = Annotated[str, Meta(max_length=255)]
Text256 = Annotated[str, Meta(max_length=256)]
Text500 = Annotated[str, Meta(max_length=500)]
Text512 = Annotated[str, Meta(max_length=512)]
Text800 = Annotated[str, Meta(max_length=800)]
Text1000 = Annotated[str, Meta(max_length=1000)]
Text1024 = Annotated[str, Meta(max_length=1024)]
Text2000 = Annotated[str, Meta(max_length=2000)]
Text2500 = Annotated[str, Meta(max_length=2500)]
Text5500 = Annotated[str, Meta(max_length=5500)]
Text10000 = Annotated[str, Meta(max_length=10000)]
Text11000 = Annotated[str, Meta(max_length=11000)]
Text17000 = Annotated[str, Meta(max_length=17000)]
Text18000 = Annotated[str, Meta(max_length=18000)]
Text32768 = Annotated[str, Meta(max_length=32768)]


GenericStatusEnumType = Literal["Accepted", "Rejected"]


class StatusInfoType(Type, frozen=True, kw_only=True):
    reasonCode: Text20
    additionalInfo: Text1024 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class PeriodicEventStreamParamsType(Type, frozen=True, kw_only=True):
    interval: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    values: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


HashAlgorithmEnumType = Literal["SHA256", "SHA384", "SHA512"]


class AdditionalInfoType(Type, frozen=True, kw_only=True):
    additionalIdToken: Text255
    type: Text50
    customData: CustomData | UnsetType = UNSET


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

DayOfWeekEnumType = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

EnergyTransferModeEnumType = Literal[
    "AC_single_phase",
    "AC_two_phase",
    "AC_three_phase",
    "DC",
    "AC_BPT",
    "AC_BPT_DER",
    "AC_DER",
    "DC_BPT",
    "DC_ACDP",
    "DC_ACDP_BPT",
    "WPT",
]

EvseKindEnumType = Literal["AC", "DC"]

MessageFormatEnumType = Literal["ASCII", "HTML", "URI", "UTF8", "QRCODE"]


class TaxRateType(Type, frozen=True, kw_only=True):
    type: Text20
    tax: float
    stack: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


BatterySwapEventEnumType = Literal["BatteryIn", "BatteryOut", "BatteryOutTimeout"]


class BatteryDataType(Type, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    serialNumber: Text50
    soC: Annotated[float, Meta(ge=0, le=100)]
    soH: Annotated[float, Meta(ge=0, le=100)]
    productionDate: Time | UnsetType = UNSET
    vendorInfo: Text500 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


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
    iccid: Text20 | UnsetType = UNSET
    imsi: Text20 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


RegistrationStatusEnumType = Literal["Accepted", "Pending", "Rejected"]

CancelReservationStatusEnumType = Literal["Accepted", "Rejected"]

CertificateSigningUseEnumType = Literal["ChargingStationCertificate", "V2GCertificate", "V2G20Certificate"]

CertificateSignedStatusEnumType = Literal["Accepted", "Rejected"]

OperationalStatusEnumType = Literal["Inoperative", "Operative"]


class EVSEType(Type, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    connectorId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


ChangeAvailabilityStatusEnumType = Literal["Accepted", "Rejected", "Scheduled"]

TariffChangeStatusEnumType = Literal[
    "Accepted", "Rejected", "TooManyElements", "ConditionNotSupported", "TxNotFound", "NoCurrencyChange"
]

ClearCacheStatusEnumType = Literal["Accepted", "Rejected"]

ChargingProfilePurposeEnumType = Literal[
    "ChargingStationExternalConstraints",
    "ChargingStationMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
    "PriorityCharging",
    "LocalGeneration",
]

ClearChargingProfileStatusEnumType = Literal["Accepted", "Unknown"]

DERControlEnumType = Literal[
    "EnterService",
    "FreqDroop",
    "FreqWatt",
    "FixedPFAbsorb",
    "FixedPFInject",
    "FixedVar",
    "Gradients",
    "HFMustTrip",
    "HFMayTrip",
    "HVMustTrip",
    "HVMomCess",
    "HVMayTrip",
    "LimitMaxDischarge",
    "LFMustTrip",
    "LVMustTrip",
    "LVMomCess",
    "LVMayTrip",
    "PowerMonitoringMustTrip",
    "VoltVar",
    "VoltWatt",
    "WattPF",
    "WattVar",
]

DERControlStatusEnumType = Literal["Accepted", "Rejected", "NotSupported", "NotFound"]

ClearMessageStatusEnumType = Literal["Accepted", "Unknown", "Rejected"]

TariffClearStatusEnumType = Literal["Accepted", "Rejected", "NoTariff"]

ClearMonitoringStatusEnumType = Literal["Accepted", "Rejected", "NotFound"]

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

CertificateStatusSourceEnumType = Literal["CRL", "OCSP"]

CertificateStatusEnumType = Literal["Good", "Revoked", "Unknown", "Failed"]

GetCertificateStatusEnumType = Literal["Accepted", "Failed"]

GetChargingProfileStatusEnumType = Literal["Accepted", "NoProfiles"]

ChargingRateUnitEnumType = Literal["W", "A"]

OperationModeEnumType = Literal[
    "Idle",
    "ChargingOnly",
    "CentralSetpoint",
    "ExternalSetpoint",
    "ExternalLimits",
    "CentralFrequency",
    "LocalFrequency",
    "LocalLoadBalancing",
]


class V2XFreqWattPointType(Type, frozen=True, kw_only=True):
    frequency: float
    power: float
    customData: CustomData | UnsetType = UNSET


class V2XSignalWattPointType(Type, frozen=True, kw_only=True):
    signal: Whole
    power: float
    customData: CustomData | UnsetType = UNSET


MessagePriorityEnumType = Literal["AlwaysFront", "InFront", "NormalCycle"]

MessageStateEnumType = Literal["Charging", "Faulted", "Idle", "Unavailable", "Suspended", "Discharging"]

GetDisplayMessagesStatusEnumType = Literal["Accepted", "Unknown"]

GetCertificateIdUseEnumType = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "V2GCertificateChain",
    "ManufacturerRootCertificate",
    "OEMRootCertificate",
]

GetInstalledCertificateStatusEnumType = Literal["Accepted", "NotFound"]

LogEnumType = Literal["DiagnosticsLog", "SecurityLog", "DataCollectorLog"]


class LogParametersType(Type, frozen=True, kw_only=True):
    remoteLocation: Text2000
    oldestTimestamp: Time | UnsetType = UNSET
    latestTimestamp: Time | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


LogStatusEnumType = Literal["Accepted", "Rejected", "AcceptedCanceled"]

MonitoringCriterionEnumType = Literal["ThresholdMonitoring", "DeltaMonitoring", "PeriodicMonitoring"]


class VariableType(Type, frozen=True, kw_only=True):
    name: Text50
    instance: Text50 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


ComponentCriterionEnumType = Literal["Active", "Available", "Enabled", "Problem"]

TariffGetStatusEnumType = Literal["Accepted", "Rejected", "NoTariff"]

TariffKindEnumType = Literal["DefaultTariff", "DriverTariff"]

AttributeEnumType = Literal["Actual", "Target", "MinSet", "MaxSet"]

GetVariableStatusEnumType = Literal[
    "Accepted", "Rejected", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"
]

InstallCertificateUseEnumType = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "ManufacturerRootCertificate",
    "CSMSRootCertificate",
    "OEMRootCertificate",
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

LocationEnumType = Literal["Body", "Cable", "EV", "Inlet", "Outlet", "Upstream"]

MeasurandEnumType = Literal[
    "Current.Export",
    "Current.Export.Offered",
    "Current.Export.Minimum",
    "Current.Import",
    "Current.Import.Offered",
    "Current.Import.Minimum",
    "Current.Offered",
    "Display.PresentSOC",
    "Display.MinimumSOC",
    "Display.TargetSOC",
    "Display.MaximumSOC",
    "Display.RemainingTimeToMinimumSOC",
    "Display.RemainingTimeToTargetSOC",
    "Display.RemainingTimeToMaximumSOC",
    "Display.ChargingComplete",
    "Display.BatteryEnergyCapacity",
    "Display.InletHot",
    "Energy.Active.Export.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Interval",
    "Energy.Active.Import.Register",
    "Energy.Active.Import.CableLoss",
    "Energy.Active.Import.LocalGeneration.Register",
    "Energy.Active.Net",
    "Energy.Active.Setpoint.Interval",
    "Energy.Apparent.Export",
    "Energy.Apparent.Import",
    "Energy.Apparent.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Import.Register",
    "Energy.Reactive.Net",
    "EnergyRequest.Target",
    "EnergyRequest.Minimum",
    "EnergyRequest.Maximum",
    "EnergyRequest.Minimum.V2X",
    "EnergyRequest.Maximum.V2X",
    "EnergyRequest.Bulk",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Active.Setpoint",
    "Power.Active.Residual",
    "Power.Export.Minimum",
    "Power.Export.Offered",
    "Power.Factor",
    "Power.Import.Offered",
    "Power.Import.Minimum",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
    "Voltage.Minimum",
    "Voltage.Maximum",
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
    signedMeterData: Text32768
    signingMethod: Text50 | UnsetType = UNSET
    encodingMethod: Text50
    publicKey: Text2500 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class UnitOfMeasureType(Type, frozen=True, kw_only=True):
    unit: Text20 | UnsetType = UNSET
    multiplier: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


NotifyAllowedEnergyTransferStatusEnumType = Literal["Accepted", "Rejected"]

CostKindEnumType = Literal["CarbonDioxideEmission", "RelativePricePercentage", "RenewableGenerationPercentage"]


class RationalNumberType(Type, frozen=True, kw_only=True):
    exponent: Whole
    value: Whole
    customData: CustomData | UnsetType = UNSET


class ChargingLimitType(Type, frozen=True, kw_only=True):
    chargingLimitSource: Text20
    isLocalGeneration: bool | UnsetType = UNSET
    isGridCritical: bool | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class LimitAtSoCType(Type, frozen=True, kw_only=True):
    soc: Annotated[int, Meta(ge=0, le=100)]
    limit: float
    customData: CustomData | UnsetType = UNSET


class PriceLevelScheduleEntryType(Type, frozen=True, kw_only=True):
    duration: Whole
    priceLevel: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class RelativeTimeIntervalType(Type, frozen=True, kw_only=True):
    start: Whole
    duration: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


GridEventFaultEnumType = Literal[
    "CurrentImbalance",
    "LocalEmergency",
    "LowInputPower",
    "OverCurrent",
    "OverFrequency",
    "OverVoltage",
    "PhaseRotation",
    "RemoteEmergency",
    "UnderFrequency",
    "UnderVoltage",
    "VoltageImbalance",
]

ControlModeEnumType = Literal["ScheduledControl", "DynamicControl"]

IslandingDetectionEnumType = Literal[
    "NoAntiIslandingSupport",
    "RoCoF",
    "UVP_OVP",
    "UFP_OFP",
    "VoltageVectorShift",
    "ZeroCrossingDetection",
    "OtherPassive",
    "ImpedanceMeasurement",
    "ImpedanceAtFrequency",
    "SlipModeFrequencyShift",
    "SandiaFrequencyShift",
    "SandiaVoltageShift",
    "FrequencyJump",
    "RCLQFactor",
    "OtherActive",
]

MobilityNeedsModeEnumType = Literal["EVCC", "EVCC_SECC"]


class ACChargingParametersType(Type, frozen=True, kw_only=True):
    energyAmount: float
    evMinCurrent: float
    evMaxCurrent: float
    evMaxVoltage: float
    customData: CustomData | UnsetType = UNSET


class DCChargingParametersType(Type, frozen=True, kw_only=True):
    evMaxCurrent: float
    evMaxVoltage: float
    evMaxPower: float | UnsetType = UNSET
    evEnergyCapacity: float | UnsetType = UNSET
    energyAmount: float | UnsetType = UNSET
    stateOfCharge: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    fullSoC: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    bulkSoC: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class V2XChargingParametersType(Type, frozen=True, kw_only=True):
    minChargePower: float | UnsetType = UNSET
    minChargePower_L2: float | UnsetType = UNSET
    minChargePower_L3: float | UnsetType = UNSET
    maxChargePower: float | UnsetType = UNSET
    maxChargePower_L2: float | UnsetType = UNSET
    maxChargePower_L3: float | UnsetType = UNSET
    minDischargePower: float | UnsetType = UNSET
    minDischargePower_L2: float | UnsetType = UNSET
    minDischargePower_L3: float | UnsetType = UNSET
    maxDischargePower: float | UnsetType = UNSET
    maxDischargePower_L2: float | UnsetType = UNSET
    maxDischargePower_L3: float | UnsetType = UNSET
    minChargeCurrent: float | UnsetType = UNSET
    maxChargeCurrent: float | UnsetType = UNSET
    minDischargeCurrent: float | UnsetType = UNSET
    maxDischargeCurrent: float | UnsetType = UNSET
    minVoltage: float | UnsetType = UNSET
    maxVoltage: float | UnsetType = UNSET
    evTargetEnergyRequest: float | UnsetType = UNSET
    evMinEnergyRequest: float | UnsetType = UNSET
    evMaxEnergyRequest: float | UnsetType = UNSET
    evMinV2XEnergyRequest: float | UnsetType = UNSET
    evMaxV2XEnergyRequest: float | UnsetType = UNSET
    targetSoC: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class EVPriceRuleType(Type, frozen=True, kw_only=True):
    energyFee: float
    powerRangeStart: float
    customData: CustomData | UnsetType = UNSET


class EVPowerScheduleEntryType(Type, frozen=True, kw_only=True):
    duration: Whole
    power: float
    customData: CustomData | UnsetType = UNSET


NotifyEVChargingNeedsStatusEnumType = Literal["Accepted", "Rejected", "Processing", "NoChargingProfile"]

EventNotificationEnumType = Literal[
    "HardWiredNotification", "HardWiredMonitor", "PreconfiguredMonitor", "CustomMonitor"
]

EventTriggerEnumType = Literal["Alerting", "Delta", "Periodic"]

MonitorEnumType = Literal[
    "UpperThreshold",
    "LowerThreshold",
    "Delta",
    "Periodic",
    "PeriodicClockAligned",
    "TargetDelta",
    "TargetDeltaRelative",
]


class StreamDataElementType(Type, frozen=True, kw_only=True):
    t: float
    v: Text2500
    customData: CustomData | UnsetType = UNSET


DataEnumType = Literal[
    "string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList"
]

MutabilityEnumType = Literal["ReadOnly", "WriteOnly", "ReadWrite"]

PaymentStatusEnumType = Literal["Settled", "Canceled", "Rejected", "Failed"]


class AddressType(Type, frozen=True, kw_only=True):
    name: Text50
    address1: Text100
    address2: Text100 | UnsetType = UNSET
    city: Text100
    postalCode: Text20 | UnsetType = UNSET
    country: Text50
    customData: CustomData | UnsetType = UNSET


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

ChargingProfileStatusEnumType = Literal["Accepted", "Rejected"]


class ChargingScheduleUpdateType(Type, frozen=True, kw_only=True):
    limit: float | UnsetType = UNSET
    limit_L2: float | UnsetType = UNSET
    limit_L3: float | UnsetType = UNSET
    dischargeLimit: Annotated[float, Meta(le=0)] | UnsetType = UNSET
    dischargeLimit_L2: Annotated[float, Meta(le=0)] | UnsetType = UNSET
    dischargeLimit_L3: Annotated[float, Meta(le=0)] | UnsetType = UNSET
    setpoint: float | UnsetType = UNSET
    setpoint_L2: float | UnsetType = UNSET
    setpoint_L3: float | UnsetType = UNSET
    setpointReactive: float | UnsetType = UNSET
    setpointReactive_L2: float | UnsetType = UNSET
    setpointReactive_L3: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


ChargingProfileKindEnumType = Literal["Absolute", "Recurring", "Relative", "Dynamic"]

RecurrencyKindEnumType = Literal["Daily", "Weekly"]

DERUnitEnumType = Literal["Not_Applicable", "PctMaxW", "PctMaxVar", "PctWAvail", "PctVarAvail", "PctEffectiveV"]

PowerDuringCessationEnumType = Literal["Active", "Reactive"]


class DERCurvePointsType(Type, frozen=True, kw_only=True):
    x: float
    y: float
    customData: CustomData | UnsetType = UNSET


class HysteresisType(Type, frozen=True, kw_only=True):
    hysteresisHigh: float | UnsetType = UNSET
    hysteresisLow: float | UnsetType = UNSET
    hysteresisDelay: float | UnsetType = UNSET
    hysteresisGradient: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ReactivePowerParamsType(Type, frozen=True, kw_only=True):
    vRef: float | UnsetType = UNSET
    autonomousVRefEnable: bool | UnsetType = UNSET
    autonomousVRefTimeConstant: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class EnterServiceType(Type, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    highVoltage: float
    lowVoltage: float
    highFreq: float
    lowFreq: float
    delay: float | UnsetType = UNSET
    randomDelay: float | UnsetType = UNSET
    rampRate: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class FixedPFType(Type, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    displacement: float
    excitation: bool
    startTime: Time | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class FreqDroopType(Type, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    overFreq: float
    underFreq: float
    overDroop: float
    underDroop: float
    responseTime: float
    startTime: Time | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GradientType(Type, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    gradient: float
    softGradient: float
    customData: CustomData | UnsetType = UNSET


RequestStartStopStatusEnumType = Literal["Accepted", "Rejected"]

ReservationUpdateStatusEnumType = Literal["Expired", "Removed", "NoTransaction"]

ReserveNowStatusEnumType = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]

ResetEnumType = Literal["Immediate", "OnIdle", "ImmediateAndResume"]

ResetStatusEnumType = Literal["Accepted", "Rejected", "Scheduled"]

UpdateEnumType = Literal["Differential", "Full"]

SendLocalListStatusEnumType = Literal["Accepted", "Failed", "VersionMismatch"]

TariffSetStatusEnumType = Literal[
    "Accepted", "Rejected", "TooManyElements", "ConditionNotSupported", "DuplicateTariffId"
]

DisplayMessageStatusEnumType = Literal[
    "Accepted",
    "NotSupportedMessageFormat",
    "Rejected",
    "NotSupportedPriority",
    "NotSupportedState",
    "UnknownTransaction",
    "LanguageNotSupported",
]

MonitoringBaseEnumType = Literal["All", "FactoryDefault", "HardWiredOnly"]

APNAuthenticationEnumType = Literal["PAP", "CHAP", "NONE", "AUTO"]

OCPPInterfaceEnumType = Literal[
    "Wired0", "Wired1", "Wired2", "Wired3", "Wireless0", "Wireless1", "Wireless2", "Wireless3", "Any"
]

OCPPTransportEnumType = Literal["SOAP", "JSON"]

OCPPVersionEnumType = Literal["OCPP12", "OCPP15", "OCPP16", "OCPP20", "OCPP201", "OCPP21"]

VPNEnumType = Literal["IKEv2", "IPSec", "L2TP", "PPTP"]

SetNetworkProfileStatusEnumType = Literal["Accepted", "Rejected", "Failed"]

SetMonitoringStatusEnumType = Literal[
    "Accepted", "UnknownComponent", "UnknownVariable", "UnsupportedMonitorType", "Rejected", "Duplicate"
]

SetVariableStatusEnumType = Literal[
    "Accepted", "Rejected", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType", "RebootRequired"
]

ConnectorStatusEnumType = Literal["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]

ChargingStateEnumType = Literal["EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE", "Idle"]

CostDimensionEnumType = Literal[
    "Energy", "MaxCurrent", "MinCurrent", "MaxPower", "MinPower", "IdleTIme", "ChargingTime"
]

PreconditioningStatusEnumType = Literal["Unknown", "Ready", "NotReady", "Preconditioning"]

ReasonEnumType = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "MasterPass",
    "Local",
    "LocalOutOfCredit",
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
    "ReqEnergyTransferRejected",
]

TariffCostEnumType = Literal["NormalCost", "MinCost", "MaxCost"]

TransactionEventEnumType = Literal["Ended", "Started", "Updated"]

TriggerReasonEnumType = Literal[
    "AbnormalCondition",
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "CostLimitReached",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "EVDeparted",
    "EVDetected",
    "LimitSet",
    "MeterValueClock",
    "MeterValuePeriodic",
    "OperationModeChanged",
    "RemoteStart",
    "RemoteStop",
    "ResetCommand",
    "RunningCost",
    "SignedDataReceived",
    "SoCLimitReached",
    "StopAuthorized",
    "TariffChanged",
    "TariffNotAccepted",
    "TimeLimitReached",
    "Trigger",
    "TxResumed",
    "UnlockCommand",
]


class TotalUsageType(Type, frozen=True, kw_only=True):
    energy: float
    chargingTime: Whole
    idleTime: Whole
    reservationTime: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TotalPriceType(Type, frozen=True, kw_only=True):
    exclTax: float | UnsetType = UNSET
    inclTax: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TransactionLimitType(Type, frozen=True, kw_only=True):
    maxCost: float | UnsetType = UNSET
    maxEnergy: float | UnsetType = UNSET
    maxTime: Whole | UnsetType = UNSET
    maxSoC: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


MessageTriggerEnumType = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargingStationCertificate",
    "SignV2GCertificate",
    "SignV2G20Certificate",
    "StatusNotification",
    "TransactionEvent",
    "SignCombinedCertificate",
    "PublishFirmwareStatusNotification",
    "CustomTrigger",
]

TriggerMessageStatusEnumType = Literal["Accepted", "Rejected", "NotImplemented"]

UnlockStatusEnumType = Literal["Unlocked", "UnlockFailed", "OngoingAuthorizedTransaction", "UnknownConnector"]

UnpublishFirmwareStatusEnumType = Literal["DownloadOngoing", "NoFirmware", "Unpublished"]


class FirmwareType(Type, frozen=True, kw_only=True):
    location: Text2000
    retrieveDateTime: Time
    installDateTime: Time | UnsetType = UNSET
    signingCertificate: Text5500 | UnsetType = UNSET
    signature: Text800 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


UpdateFirmwareStatusEnumType = Literal[
    "Accepted", "Rejected", "AcceptedCanceled", "InvalidCertificate", "RevokedCertificate"
]

PriorityChargingStatusEnumType = Literal["Accepted", "Rejected", "NoProfile"]


class ConstantStreamDataType(Type, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    params: PeriodicEventStreamParamsType
    variableMonitoringId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class OCSPRequestDataType(Type, frozen=True, kw_only=True):
    hashAlgorithm: HashAlgorithmEnumType
    issuerNameHash: Text128
    issuerKeyHash: Text128
    serialNumber: Text40
    responderURL: Text2000
    customData: CustomData | UnsetType = UNSET


class CertificateHashDataType(Type, frozen=True, kw_only=True):
    hashAlgorithm: HashAlgorithmEnumType
    issuerNameHash: Text128
    issuerKeyHash: Text128
    serialNumber: Text40
    customData: CustomData | UnsetType = UNSET


class IdTokenType(Type, frozen=True, kw_only=True):
    additionalInfo: Annotated[tuple[AdditionalInfoType, ...], Meta(min_length=1)] | UnsetType = UNSET
    idToken: Text255
    type: Text20
    customData: CustomData | UnsetType = UNSET


class TariffConditionsFixedType(Type, frozen=True, kw_only=True):
    startTimeOfDay: str | UnsetType = UNSET
    endTimeOfDay: str | UnsetType = UNSET
    dayOfWeek: Annotated[tuple[DayOfWeekEnumType, ...], Meta(min_length=1, max_length=7)] | UnsetType = UNSET
    validFromDate: str | UnsetType = UNSET
    validToDate: str | UnsetType = UNSET
    evseKind: EvseKindEnumType | UnsetType = UNSET
    paymentBrand: Text20 | UnsetType = UNSET
    paymentRecognition: Text20 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TariffConditionsType(Type, frozen=True, kw_only=True):
    startTimeOfDay: str | UnsetType = UNSET
    endTimeOfDay: str | UnsetType = UNSET
    dayOfWeek: Annotated[tuple[DayOfWeekEnumType, ...], Meta(min_length=1, max_length=7)] | UnsetType = UNSET
    validFromDate: str | UnsetType = UNSET
    validToDate: str | UnsetType = UNSET
    evseKind: EvseKindEnumType | UnsetType = UNSET
    minEnergy: float | UnsetType = UNSET
    maxEnergy: float | UnsetType = UNSET
    minCurrent: float | UnsetType = UNSET
    maxCurrent: float | UnsetType = UNSET
    minPower: float | UnsetType = UNSET
    maxPower: float | UnsetType = UNSET
    minTime: Whole | UnsetType = UNSET
    maxTime: Whole | UnsetType = UNSET
    minChargingTime: Whole | UnsetType = UNSET
    maxChargingTime: Whole | UnsetType = UNSET
    minIdleTime: Whole | UnsetType = UNSET
    maxIdleTime: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class MessageContentType(Type, frozen=True, kw_only=True):
    format: MessageFormatEnumType
    language: Text8 | UnsetType = UNSET
    content: Text1024
    customData: CustomData | UnsetType = UNSET


class PriceType(Type, frozen=True, kw_only=True):
    exclTax: float | UnsetType = UNSET
    inclTax: float | UnsetType = UNSET
    taxRates: Annotated[tuple[TaxRateType, ...], Meta(min_length=1, max_length=5)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChargingStationType(Type, frozen=True, kw_only=True):
    serialNumber: Text25 | UnsetType = UNSET
    model: Text20
    modem: ModemType | UnsetType = UNSET
    vendorName: Text50
    firmwareVersion: Text50 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ComponentType(Type, frozen=True, kw_only=True):
    evse: EVSEType | UnsetType = UNSET
    name: Text50
    instance: Text50 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearChargingProfileType(Type, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    chargingProfilePurpose: ChargingProfilePurposeEnumType | UnsetType = UNSET
    stackLevel: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChargingProfileCriterionType(Type, frozen=True, kw_only=True):
    chargingProfilePurpose: ChargingProfilePurposeEnumType | UnsetType = UNSET
    stackLevel: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    chargingProfileId: Annotated[tuple[Whole, ...], Meta(min_length=1)] | UnsetType = UNSET
    chargingLimitSource: Annotated[tuple[Text20, ...], Meta(min_length=1, max_length=4)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearTariffsResultType(Type, frozen=True, kw_only=True):
    statusInfo: StatusInfoType | UnsetType = UNSET
    tariffId: Text60 | UnsetType = UNSET
    status: TariffClearStatusEnumType
    customData: CustomData | UnsetType = UNSET


class ClearMonitoringResultType(Type, frozen=True, kw_only=True):
    status: ClearMonitoringStatusEnumType
    id: Annotated[int, Meta(ge=0, le=MOST)]
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChargingSchedulePeriodType(Type, frozen=True, kw_only=True):
    startPeriod: Whole
    limit: float | UnsetType = UNSET
    limit_L2: float | UnsetType = UNSET
    limit_L3: float | UnsetType = UNSET
    numberPhases: Annotated[int, Meta(ge=0, le=3)] | UnsetType = UNSET
    phaseToUse: Annotated[int, Meta(ge=0, le=3)] | UnsetType = UNSET
    dischargeLimit: Annotated[float, Meta(le=0)] | UnsetType = UNSET
    dischargeLimit_L2: Annotated[float, Meta(le=0)] | UnsetType = UNSET
    dischargeLimit_L3: Annotated[float, Meta(le=0)] | UnsetType = UNSET
    setpoint: float | UnsetType = UNSET
    setpoint_L2: float | UnsetType = UNSET
    setpoint_L3: float | UnsetType = UNSET
    setpointReactive: float | UnsetType = UNSET
    setpointReactive_L2: float | UnsetType = UNSET
    setpointReactive_L3: float | UnsetType = UNSET
    preconditioningRequest: bool | UnsetType = UNSET
    evseSleep: bool | UnsetType = UNSET
    v2xBaseline: float | UnsetType = UNSET
    operationMode: OperationModeEnumType | UnsetType = UNSET
    v2xFreqWattCurve: Annotated[tuple[V2XFreqWattPointType, ...], Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    v2xSignalWattCurve: Annotated[tuple[V2XSignalWattPointType, ...], Meta(min_length=1, max_length=20)] | UnsetType = (
        UNSET
    )
    customData: CustomData | UnsetType = UNSET


class TariffAssignmentType(Type, frozen=True, kw_only=True):
    tariffId: Text60
    tariffKind: TariffKindEnumType
    validFrom: Time | UnsetType = UNSET
    evseIds: Annotated[tuple[Annotated[int, Meta(ge=0, le=MOST)], ...], Meta(min_length=1)] | UnsetType = UNSET
    idTokens: Annotated[tuple[Text255, ...], Meta(min_length=1)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SampledValueType(Type, frozen=True, kw_only=True):
    value: float
    measurand: MeasurandEnumType | UnsetType = UNSET
    context: ReadingContextEnumType | UnsetType = UNSET
    phase: PhaseEnumType | UnsetType = UNSET
    location: LocationEnumType | UnsetType = UNSET
    signedMeterValue: SignedMeterValueType | UnsetType = UNSET
    unitOfMeasure: UnitOfMeasureType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CostType(Type, frozen=True, kw_only=True):
    costKind: CostKindEnumType
    amount: Whole
    amountMultiplier: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class AdditionalSelectedServicesType(Type, frozen=True, kw_only=True):
    serviceFee: RationalNumberType
    serviceName: Text80
    customData: CustomData | UnsetType = UNSET


class OverstayRuleType(Type, frozen=True, kw_only=True):
    overstayFee: RationalNumberType
    overstayRuleDescription: Text32 | UnsetType = UNSET
    startTime: Whole
    overstayFeePeriod: Whole
    customData: CustomData | UnsetType = UNSET


class PriceRuleType(Type, frozen=True, kw_only=True):
    parkingFeePeriod: Whole | UnsetType = UNSET
    carbonDioxideEmission: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    renewableGenerationPercentage: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    energyFee: RationalNumberType
    parkingFee: RationalNumberType | UnsetType = UNSET
    powerRangeStart: RationalNumberType
    customData: CustomData | UnsetType = UNSET


class TaxRuleType(Type, frozen=True, kw_only=True):
    taxRuleID: Annotated[int, Meta(ge=0, le=MOST)]
    taxRuleName: Text100 | UnsetType = UNSET
    taxIncludedInPrice: bool | UnsetType = UNSET
    appliesToEnergyFee: bool
    appliesToParkingFee: bool
    appliesToOverstayFee: bool
    appliesToMinimumMaximumCost: bool
    taxRate: RationalNumberType
    customData: CustomData | UnsetType = UNSET


class PriceLevelScheduleType(Type, frozen=True, kw_only=True):
    priceLevelScheduleEntries: Annotated[tuple[PriceLevelScheduleEntryType, ...], Meta(min_length=1, max_length=100)]
    timeAnchor: Time
    priceScheduleId: Annotated[int, Meta(ge=0, le=MOST)]
    priceScheduleDescription: Text32 | UnsetType = UNSET
    numberOfPriceLevels: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class DERChargingParametersType(Type, frozen=True, kw_only=True):
    evSupportedDERControl: Annotated[tuple[DERControlEnumType, ...], Meta(min_length=1)] | UnsetType = UNSET
    evOverExcitedMaxDischargePower: float | UnsetType = UNSET
    evOverExcitedPowerFactor: float | UnsetType = UNSET
    evUnderExcitedMaxDischargePower: float | UnsetType = UNSET
    evUnderExcitedPowerFactor: float | UnsetType = UNSET
    maxApparentPower: float | UnsetType = UNSET
    maxChargeApparentPower: float | UnsetType = UNSET
    maxChargeApparentPower_L2: float | UnsetType = UNSET
    maxChargeApparentPower_L3: float | UnsetType = UNSET
    maxDischargeApparentPower: float | UnsetType = UNSET
    maxDischargeApparentPower_L2: float | UnsetType = UNSET
    maxDischargeApparentPower_L3: float | UnsetType = UNSET
    maxChargeReactivePower: float | UnsetType = UNSET
    maxChargeReactivePower_L2: float | UnsetType = UNSET
    maxChargeReactivePower_L3: float | UnsetType = UNSET
    minChargeReactivePower: float | UnsetType = UNSET
    minChargeReactivePower_L2: float | UnsetType = UNSET
    minChargeReactivePower_L3: float | UnsetType = UNSET
    maxDischargeReactivePower: float | UnsetType = UNSET
    maxDischargeReactivePower_L2: float | UnsetType = UNSET
    maxDischargeReactivePower_L3: float | UnsetType = UNSET
    minDischargeReactivePower: float | UnsetType = UNSET
    minDischargeReactivePower_L2: float | UnsetType = UNSET
    minDischargeReactivePower_L3: float | UnsetType = UNSET
    nominalVoltage: float | UnsetType = UNSET
    nominalVoltageOffset: float | UnsetType = UNSET
    maxNominalVoltage: float | UnsetType = UNSET
    minNominalVoltage: float | UnsetType = UNSET
    evInverterManufacturer: Text50 | UnsetType = UNSET
    evInverterModel: Text50 | UnsetType = UNSET
    evInverterSerialNumber: Text50 | UnsetType = UNSET
    evInverterSwVersion: Text50 | UnsetType = UNSET
    evInverterHwVersion: Text50 | UnsetType = UNSET
    evIslandingDetectionMethod: Annotated[tuple[IslandingDetectionEnumType, ...], Meta(min_length=1)] | UnsetType = (
        UNSET
    )
    evIslandingTripTime: float | UnsetType = UNSET
    evMaximumLevel1DCInjection: float | UnsetType = UNSET
    evDurationLevel1DCInjection: float | UnsetType = UNSET
    evMaximumLevel2DCInjection: float | UnsetType = UNSET
    evDurationLevel2DCInjection: float | UnsetType = UNSET
    evReactiveSusceptance: float | UnsetType = UNSET
    evSessionTotalDischargeEnergyAvailable: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class EVAbsolutePriceScheduleEntryType(Type, frozen=True, kw_only=True):
    duration: Whole
    evPriceRule: Annotated[tuple[EVPriceRuleType, ...], Meta(min_length=1, max_length=8)]
    customData: CustomData | UnsetType = UNSET


class EVPowerScheduleType(Type, frozen=True, kw_only=True):
    evPowerScheduleEntries: Annotated[tuple[EVPowerScheduleEntryType, ...], Meta(min_length=1, max_length=1024)]
    timeAnchor: Time
    customData: CustomData | UnsetType = UNSET


class VariableMonitoringType(Type, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    transaction: bool
    value: float
    type: MonitorEnumType
    severity: Annotated[int, Meta(ge=0, le=MOST)]
    eventNotificationType: EventNotificationEnumType
    customData: CustomData | UnsetType = UNSET


class VariableCharacteristicsType(Type, frozen=True, kw_only=True):
    unit: Text16 | UnsetType = UNSET
    dataType: DataEnumType
    minLimit: float | UnsetType = UNSET
    maxLimit: float | UnsetType = UNSET
    maxElements: Annotated[int, Meta(ge=1, le=MOST)] | UnsetType = UNSET
    valuesList: Text1000 | UnsetType = UNSET
    supportsMonitoring: bool
    customData: CustomData | UnsetType = UNSET


class VariableAttributeType(Type, frozen=True, kw_only=True):
    type: AttributeEnumType | UnsetType = UNSET
    value: Text2500 | UnsetType = UNSET
    mutability: MutabilityEnumType | UnsetType = UNSET
    persistent: bool | UnsetType = UNSET
    constant: bool | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class FixedVarType(Type, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    setpoint: float
    unit: DERUnitEnumType
    startTime: Time | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class VoltageParamsType(Type, frozen=True, kw_only=True):
    hv10MinMeanValue: float | UnsetType = UNSET
    hv10MinMeanTripDelay: float | UnsetType = UNSET
    powerDuringCessation: PowerDuringCessationEnumType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class EnterServiceGetType(Type, frozen=True, kw_only=True):
    enterService: EnterServiceType
    id: Text36
    customData: CustomData | UnsetType = UNSET


class FixedPFGetType(Type, frozen=True, kw_only=True):
    fixedPF: FixedPFType
    id: Text36
    isDefault: bool
    isSuperseded: bool
    customData: CustomData | UnsetType = UNSET


class FreqDroopGetType(Type, frozen=True, kw_only=True):
    freqDroop: FreqDroopType
    id: Text36
    isDefault: bool
    isSuperseded: bool
    customData: CustomData | UnsetType = UNSET


class GradientGetType(Type, frozen=True, kw_only=True):
    gradient: GradientType
    id: Text36
    customData: CustomData | UnsetType = UNSET


class APNType(Type, frozen=True, kw_only=True):
    apn: Text2000
    apnUserName: Text50 | UnsetType = UNSET
    apnPassword: Text64 | UnsetType = UNSET
    simPin: Whole | UnsetType = UNSET
    preferredNetwork: Text6 | UnsetType = UNSET
    useOnlyPreferredNetwork: bool | UnsetType = UNSET
    apnAuthentication: APNAuthenticationEnumType
    customData: CustomData | UnsetType = UNSET


class VPNType(Type, frozen=True, kw_only=True):
    server: Text2000
    user: Text50
    group: Text50 | UnsetType = UNSET
    password: Text64
    key: Text255
    type: VPNEnumType
    customData: CustomData | UnsetType = UNSET


class CostDimensionType(Type, frozen=True, kw_only=True):
    type: CostDimensionEnumType
    volume: float
    customData: CustomData | UnsetType = UNSET


class TransactionType(Type, frozen=True, kw_only=True):
    transactionId: Text36
    chargingState: ChargingStateEnumType | UnsetType = UNSET
    timeSpentCharging: Whole | UnsetType = UNSET
    stoppedReason: ReasonEnumType | UnsetType = UNSET
    remoteStartId: Whole | UnsetType = UNSET
    operationMode: OperationModeEnumType | UnsetType = UNSET
    tariffId: Text60 | UnsetType = UNSET
    transactionLimit: TransactionLimitType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CertificateStatusRequestInfoType(Type, frozen=True, kw_only=True):
    certificateHashData: CertificateHashDataType
    source: CertificateStatusSourceEnumType
    urls: Annotated[tuple[Text2000, ...], Meta(min_length=1, max_length=5)]
    customData: CustomData | UnsetType = UNSET


class CertificateStatusType(Type, frozen=True, kw_only=True):
    certificateHashData: CertificateHashDataType
    source: CertificateStatusSourceEnumType
    status: CertificateStatusEnumType
    nextUpdate: Time
    customData: CustomData | UnsetType = UNSET


class CertificateHashDataChainType(Type, frozen=True, kw_only=True):
    certificateHashData: CertificateHashDataType
    certificateType: GetCertificateIdUseEnumType
    childCertificateHashData: (
        Annotated[tuple[CertificateHashDataType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET
    customData: CustomData | UnsetType = UNSET


class TariffFixedPriceType(Type, frozen=True, kw_only=True):
    conditions: TariffConditionsFixedType | UnsetType = UNSET
    priceFixed: float
    customData: CustomData | UnsetType = UNSET


class TariffEnergyPriceType(Type, frozen=True, kw_only=True):
    priceKwh: float
    conditions: TariffConditionsType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TariffTimePriceType(Type, frozen=True, kw_only=True):
    priceMinute: float
    conditions: TariffConditionsType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class IdTokenInfoType(Type, frozen=True, kw_only=True):
    status: AuthorizationStatusEnumType
    cacheExpiryDateTime: Time | UnsetType = UNSET
    chargingPriority: Whole | UnsetType = UNSET
    groupIdToken: IdTokenType | UnsetType = UNSET
    language1: Text8 | UnsetType = UNSET
    language2: Text8 | UnsetType = UNSET
    evseId: Annotated[tuple[Annotated[int, Meta(ge=0, le=MOST)], ...], Meta(min_length=1)] | UnsetType = UNSET
    personalMessage: MessageContentType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TotalCostType(Type, frozen=True, kw_only=True):
    currency: Text3
    typeOfCost: TariffCostEnumType
    fixed: PriceType | UnsetType = UNSET
    energy: PriceType | UnsetType = UNSET
    chargingTime: PriceType | UnsetType = UNSET
    idleTime: PriceType | UnsetType = UNSET
    reservationTime: PriceType | UnsetType = UNSET
    reservationFixed: PriceType | UnsetType = UNSET
    total: TotalPriceType
    customData: CustomData | UnsetType = UNSET


class ComponentVariableType(Type, frozen=True, kw_only=True):
    component: ComponentType
    variable: VariableType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetVariableDataType(Type, frozen=True, kw_only=True):
    attributeType: AttributeEnumType | UnsetType = UNSET
    component: ComponentType
    variable: VariableType
    customData: CustomData | UnsetType = UNSET


class GetVariableResultType(Type, frozen=True, kw_only=True):
    attributeStatus: GetVariableStatusEnumType
    attributeStatusInfo: StatusInfoType | UnsetType = UNSET
    attributeType: AttributeEnumType | UnsetType = UNSET
    attributeValue: Text2500 | UnsetType = UNSET
    component: ComponentType
    variable: VariableType
    customData: CustomData | UnsetType = UNSET


class MessageInfoType(Type, frozen=True, kw_only=True):
    display: ComponentType | UnsetType = UNSET
    id: Annotated[int, Meta(ge=0, le=MOST)]
    priority: MessagePriorityEnumType
    state: MessageStateEnumType | UnsetType = UNSET
    startDateTime: Time | UnsetType = UNSET
    endDateTime: Time | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET
    message: MessageContentType
    messageExtra: Annotated[tuple[MessageContentType, ...], Meta(min_length=1, max_length=4)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class EventDataType(Type, frozen=True, kw_only=True):
    eventId: Annotated[int, Meta(ge=0, le=MOST)]
    timestamp: Time
    trigger: EventTriggerEnumType
    cause: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    actualValue: Text2500
    techCode: Text50 | UnsetType = UNSET
    techInfo: Text500 | UnsetType = UNSET
    cleared: bool | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET
    component: ComponentType
    variableMonitoringId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    eventNotificationType: EventNotificationEnumType
    variable: VariableType
    severity: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetMonitoringDataType(Type, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    periodicEventStream: PeriodicEventStreamParamsType | UnsetType = UNSET
    transaction: bool | UnsetType = UNSET
    value: float
    type: MonitorEnumType
    severity: Annotated[int, Meta(ge=0, le=MOST)]
    component: ComponentType
    variable: VariableType
    customData: CustomData | UnsetType = UNSET


class SetMonitoringResultType(Type, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    statusInfo: StatusInfoType | UnsetType = UNSET
    status: SetMonitoringStatusEnumType
    type: MonitorEnumType
    component: ComponentType
    variable: VariableType
    severity: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class SetVariableDataType(Type, frozen=True, kw_only=True):
    attributeType: AttributeEnumType | UnsetType = UNSET
    attributeValue: Text2500
    component: ComponentType
    variable: VariableType
    customData: CustomData | UnsetType = UNSET


class SetVariableResultType(Type, frozen=True, kw_only=True):
    attributeType: AttributeEnumType | UnsetType = UNSET
    attributeStatus: SetVariableStatusEnumType
    attributeStatusInfo: StatusInfoType | UnsetType = UNSET
    component: ComponentType
    variable: VariableType
    customData: CustomData | UnsetType = UNSET


class CompositeScheduleType(Type, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    duration: Whole
    scheduleStart: Time
    chargingRateUnit: ChargingRateUnitEnumType
    chargingSchedulePeriod: Annotated[tuple[ChargingSchedulePeriodType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class MeterValueType(Type, frozen=True, kw_only=True):
    sampledValue: Annotated[tuple[SampledValueType, ...], Meta(min_length=1)]
    timestamp: Time
    customData: CustomData | UnsetType = UNSET


class ConsumptionCostType(Type, frozen=True, kw_only=True):
    startValue: float
    cost: Annotated[tuple[CostType, ...], Meta(min_length=1, max_length=3)]
    customData: CustomData | UnsetType = UNSET


class OverstayRuleListType(Type, frozen=True, kw_only=True):
    overstayPowerThreshold: RationalNumberType | UnsetType = UNSET
    overstayRule: Annotated[tuple[OverstayRuleType, ...], Meta(min_length=1, max_length=5)]
    overstayTimeThreshold: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class PriceRuleStackType(Type, frozen=True, kw_only=True):
    duration: Whole
    priceRule: Annotated[tuple[PriceRuleType, ...], Meta(min_length=1, max_length=8)]
    customData: CustomData | UnsetType = UNSET


class EVAbsolutePriceScheduleType(Type, frozen=True, kw_only=True):
    timeAnchor: Time
    currency: Text3
    evAbsolutePriceScheduleEntries: Annotated[
        tuple[EVAbsolutePriceScheduleEntryType, ...], Meta(min_length=1, max_length=1024)
    ]
    priceAlgorithm: Text2000
    customData: CustomData | UnsetType = UNSET


class MonitoringDataType(Type, frozen=True, kw_only=True):
    component: ComponentType
    variable: VariableType
    variableMonitoring: Annotated[tuple[VariableMonitoringType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class ReportDataType(Type, frozen=True, kw_only=True):
    component: ComponentType
    variable: VariableType
    variableAttribute: Annotated[tuple[VariableAttributeType, ...], Meta(min_length=1, max_length=4)]
    variableCharacteristics: VariableCharacteristicsType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class FixedVarGetType(Type, frozen=True, kw_only=True):
    fixedVar: FixedVarType
    id: Text36
    isDefault: bool
    isSuperseded: bool
    customData: CustomData | UnsetType = UNSET


class DERCurveType(Type, frozen=True, kw_only=True):
    curveData: Annotated[tuple[DERCurvePointsType, ...], Meta(min_length=1, max_length=10)]
    hysteresis: HysteresisType | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    reactivePowerParams: ReactivePowerParamsType | UnsetType = UNSET
    voltageParams: VoltageParamsType | UnsetType = UNSET
    yUnit: DERUnitEnumType
    responseTime: float | UnsetType = UNSET
    startTime: Time | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NetworkConnectionProfileType(Type, frozen=True, kw_only=True):
    apn: APNType | UnsetType = UNSET
    ocppVersion: OCPPVersionEnumType | UnsetType = UNSET
    ocppInterface: OCPPInterfaceEnumType
    ocppTransport: OCPPTransportEnumType
    messageTimeout: Whole
    ocppCsmsUrl: Text2000
    securityProfile: Annotated[int, Meta(ge=0, le=MOST)]
    identity: Text48 | UnsetType = UNSET
    basicAuthPassword: Text64 | UnsetType = UNSET
    vpn: VPNType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChargingPeriodType(Type, frozen=True, kw_only=True):
    dimensions: Annotated[tuple[CostDimensionType, ...], Meta(min_length=1)] | UnsetType = UNSET
    tariffId: Text60 | UnsetType = UNSET
    startPeriod: Time
    customData: CustomData | UnsetType = UNSET


class TariffFixedType(Type, frozen=True, kw_only=True):
    prices: Annotated[tuple[TariffFixedPriceType, ...], Meta(min_length=1)]
    taxRates: Annotated[tuple[TaxRateType, ...], Meta(min_length=1, max_length=5)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TariffEnergyType(Type, frozen=True, kw_only=True):
    prices: Annotated[tuple[TariffEnergyPriceType, ...], Meta(min_length=1)]
    taxRates: Annotated[tuple[TaxRateType, ...], Meta(min_length=1, max_length=5)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TariffTimeType(Type, frozen=True, kw_only=True):
    prices: Annotated[tuple[TariffTimePriceType, ...], Meta(min_length=1)]
    taxRates: Annotated[tuple[TaxRateType, ...], Meta(min_length=1, max_length=5)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class AuthorizationData(Type, frozen=True, kw_only=True):
    idToken: IdTokenType
    idTokenInfo: IdTokenInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SalesTariffEntryType(Type, frozen=True, kw_only=True):
    relativeTimeInterval: RelativeTimeIntervalType
    ePriceLevel: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    consumptionCost: Annotated[tuple[ConsumptionCostType, ...], Meta(min_length=1, max_length=3)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class AbsolutePriceScheduleType(Type, frozen=True, kw_only=True):
    timeAnchor: Time
    priceScheduleID: Annotated[int, Meta(ge=0, le=MOST)]
    priceScheduleDescription: Text160 | UnsetType = UNSET
    currency: Text3
    language: Text8
    priceAlgorithm: Text2000
    minimumCost: RationalNumberType | UnsetType = UNSET
    maximumCost: RationalNumberType | UnsetType = UNSET
    priceRuleStacks: Annotated[tuple[PriceRuleStackType, ...], Meta(min_length=1, max_length=1024)]
    taxRules: Annotated[tuple[TaxRuleType, ...], Meta(min_length=1, max_length=10)] | UnsetType = UNSET
    overstayRuleList: OverstayRuleListType | UnsetType = UNSET
    additionalSelectedServices: (
        Annotated[tuple[AdditionalSelectedServicesType, ...], Meta(min_length=1, max_length=5)] | UnsetType
    ) = UNSET
    customData: CustomData | UnsetType = UNSET


class EVEnergyOfferType(Type, frozen=True, kw_only=True):
    evAbsolutePriceSchedule: EVAbsolutePriceScheduleType | UnsetType = UNSET
    evPowerSchedule: EVPowerScheduleType
    customData: CustomData | UnsetType = UNSET


class DERCurveGetType(Type, frozen=True, kw_only=True):
    curve: DERCurveType
    id: Text36
    curveType: DERControlEnumType
    isDefault: bool
    isSuperseded: bool
    customData: CustomData | UnsetType = UNSET


class LimitMaxDischargeType(Type, frozen=True, kw_only=True):
    priority: Annotated[int, Meta(ge=0, le=MOST)]
    pctMaxDischargePower: float | UnsetType = UNSET
    powerMonitoringMustTrip: DERCurveType | UnsetType = UNSET
    startTime: Time | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CostDetailsType(Type, frozen=True, kw_only=True):
    chargingPeriods: Annotated[tuple[ChargingPeriodType, ...], Meta(min_length=1)] | UnsetType = UNSET
    totalCost: TotalCostType
    totalUsage: TotalUsageType
    failureToCalculate: bool | UnsetType = UNSET
    failureReason: Text500 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TariffType(Type, frozen=True, kw_only=True):
    tariffId: Text60
    description: Annotated[tuple[MessageContentType, ...], Meta(min_length=1, max_length=10)] | UnsetType = UNSET
    currency: Text3
    energy: TariffEnergyType | UnsetType = UNSET
    validFrom: Time | UnsetType = UNSET
    chargingTime: TariffTimeType | UnsetType = UNSET
    idleTime: TariffTimeType | UnsetType = UNSET
    fixedFee: TariffFixedType | UnsetType = UNSET
    reservationTime: TariffTimeType | UnsetType = UNSET
    reservationFixed: TariffFixedType | UnsetType = UNSET
    minCost: PriceType | UnsetType = UNSET
    maxCost: PriceType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SalesTariffType(Type, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    salesTariffDescription: Text32 | UnsetType = UNSET
    numEPriceLevels: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    salesTariffEntry: Annotated[tuple[SalesTariffEntryType, ...], Meta(min_length=1, max_length=1024)]
    customData: CustomData | UnsetType = UNSET


class ChargingNeedsType(Type, frozen=True, kw_only=True):
    acChargingParameters: ACChargingParametersType | UnsetType = UNSET
    derChargingParameters: DERChargingParametersType | UnsetType = UNSET
    evEnergyOffer: EVEnergyOfferType | UnsetType = UNSET
    requestedEnergyTransfer: EnergyTransferModeEnumType
    dcChargingParameters: DCChargingParametersType | UnsetType = UNSET
    v2xChargingParameters: V2XChargingParametersType | UnsetType = UNSET
    availableEnergyTransfer: Annotated[tuple[EnergyTransferModeEnumType, ...], Meta(min_length=1)] | UnsetType = UNSET
    controlMode: ControlModeEnumType | UnsetType = UNSET
    mobilityNeedsMode: MobilityNeedsModeEnumType | UnsetType = UNSET
    departureTime: Time | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class LimitMaxDischargeGetType(Type, frozen=True, kw_only=True):
    id: Text36
    isDefault: bool
    isSuperseded: bool
    limitMaxDischarge: LimitMaxDischargeType
    customData: CustomData | UnsetType = UNSET


class ChargingScheduleType(Type, frozen=True, kw_only=True):
    id: Whole
    limitAtSoC: LimitAtSoCType | UnsetType = UNSET
    startSchedule: Time | UnsetType = UNSET
    duration: Whole | UnsetType = UNSET
    chargingRateUnit: ChargingRateUnitEnumType
    minChargingRate: float | UnsetType = UNSET
    powerTolerance: float | UnsetType = UNSET
    signatureId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    digestValue: Text88 | UnsetType = UNSET
    useLocalTime: bool | UnsetType = UNSET
    chargingSchedulePeriod: Annotated[tuple[ChargingSchedulePeriodType, ...], Meta(min_length=1, max_length=1024)]
    randomizedDelay: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    salesTariff: SalesTariffType | UnsetType = UNSET
    absolutePriceSchedule: AbsolutePriceScheduleType | UnsetType = UNSET
    priceLevelSchedule: PriceLevelScheduleType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChargingProfileType(Type, frozen=True, kw_only=True):
    id: Whole
    stackLevel: Annotated[int, Meta(ge=0, le=MOST)]
    chargingProfilePurpose: ChargingProfilePurposeEnumType
    chargingProfileKind: ChargingProfileKindEnumType
    recurrencyKind: RecurrencyKindEnumType | UnsetType = UNSET
    validFrom: Time | UnsetType = UNSET
    validTo: Time | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET
    maxOfflineDuration: Whole | UnsetType = UNSET
    chargingSchedule: Annotated[tuple[ChargingScheduleType, ...], Meta(min_length=1, max_length=3)]
    invalidAfterOfflineDuration: bool | UnsetType = UNSET
    dynUpdateInterval: Whole | UnsetType = UNSET
    dynUpdateTime: Time | UnsetType = UNSET
    priceScheduleSignature: Text256 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class AFRRSignalRequest(Message, frozen=True, kw_only=True):
    timestamp: Time
    signal: Whole
    customData: CustomData | UnsetType = UNSET


class AFRRSignalResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class AdjustPeriodicEventStreamRequest(Message, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    params: PeriodicEventStreamParamsType
    customData: CustomData | UnsetType = UNSET


class AdjustPeriodicEventStreamResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    idToken: IdTokenType
    certificate: Text10000 | UnsetType = UNSET
    iso15118CertificateHashData: (
        Annotated[tuple[OCSPRequestDataType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET
    customData: CustomData | UnsetType = UNSET


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    idTokenInfo: IdTokenInfoType
    certificateStatus: AuthorizeCertificateStatusEnumType | UnsetType = UNSET
    allowedEnergyTransfer: Annotated[tuple[EnergyTransferModeEnumType, ...], Meta(min_length=1)] | UnsetType = UNSET
    tariff: TariffType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class BatterySwapRequest(Message, frozen=True, kw_only=True):
    batteryData: Annotated[tuple[BatteryDataType, ...], Meta(min_length=1)]
    eventType: BatterySwapEventEnumType
    idToken: IdTokenType
    requestId: Whole
    customData: CustomData | UnsetType = UNSET


class BatterySwapResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    chargingStation: ChargingStationType
    reason: BootReasonEnumType
    customData: CustomData | UnsetType = UNSET


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    currentTime: Time
    interval: Whole
    status: RegistrationStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    reservationId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CertificateSignedRequest(Message, frozen=True, kw_only=True):
    certificateChain: Text10000
    certificateType: CertificateSigningUseEnumType | UnsetType = UNSET
    requestId: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CertificateSignedResponse(Message, frozen=True, kw_only=True):
    status: CertificateSignedStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    evse: EVSEType | UnsetType = UNSET
    operationalStatus: OperationalStatusEnumType
    customData: CustomData | UnsetType = UNSET


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    status: ChangeAvailabilityStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ChangeTransactionTariffRequest(Message, frozen=True, kw_only=True):
    tariff: TariffType
    transactionId: Text36
    customData: CustomData | UnsetType = UNSET


class ChangeTransactionTariffResponse(Message, frozen=True, kw_only=True):
    status: TariffChangeStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearCacheRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    status: ClearCacheStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearChargingProfileRequest(Message, frozen=True, kw_only=True):
    chargingProfileId: Whole | UnsetType = UNSET
    chargingProfileCriteria: ClearChargingProfileType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearChargingProfileResponse(Message, frozen=True, kw_only=True):
    status: ClearChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearDERControlRequest(Message, frozen=True, kw_only=True):
    isDefault: bool
    controlType: DERControlEnumType | UnsetType = UNSET
    controlId: Text36 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearDERControlResponse(Message, frozen=True, kw_only=True):
    status: DERControlStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearDisplayMessageRequest(Message, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class ClearDisplayMessageResponse(Message, frozen=True, kw_only=True):
    status: ClearMessageStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearTariffsRequest(Message, frozen=True, kw_only=True):
    tariffIds: Annotated[tuple[Text60, ...], Meta(min_length=1)] | UnsetType = UNSET
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearTariffsResponse(Message, frozen=True, kw_only=True):
    clearTariffsResult: Annotated[tuple[ClearTariffsResultType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class ClearVariableMonitoringRequest(Message, frozen=True, kw_only=True):
    id: Annotated[tuple[Annotated[int, Meta(ge=0, le=MOST)], ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class ClearVariableMonitoringResponse(Message, frozen=True, kw_only=True):
    clearMonitoringResult: Annotated[tuple[ClearMonitoringResultType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class ClearedChargingLimitRequest(Message, frozen=True, kw_only=True):
    chargingLimitSource: Text20
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ClearedChargingLimitResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ClosePeriodicEventStreamRequest(Message, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class ClosePeriodicEventStreamResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class CostUpdatedRequest(Message, frozen=True, kw_only=True):
    totalCost: float
    transactionId: Text36
    customData: CustomData | UnsetType = UNSET


class CostUpdatedResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class CustomerInformationRequest(Message, frozen=True, kw_only=True):
    customerCertificate: CertificateHashDataType | UnsetType = UNSET
    idToken: IdTokenType | UnsetType = UNSET
    requestId: Annotated[int, Meta(ge=0, le=MOST)]
    report: bool
    clear: bool
    customerIdentifier: Text64 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class CustomerInformationResponse(Message, frozen=True, kw_only=True):
    status: CustomerInformationStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class DataTransferRequest(Message, frozen=True, kw_only=True):
    messageId: Text50 | UnsetType = UNSET
    data: Any | UnsetType = UNSET
    vendorId: Text255
    customData: CustomData | UnsetType = UNSET


class DataTransferResponse(Message, frozen=True, kw_only=True):
    status: DataTransferStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    data: Any | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class DeleteCertificateRequest(Message, frozen=True, kw_only=True):
    certificateHashData: CertificateHashDataType
    customData: CustomData | UnsetType = UNSET


class DeleteCertificateResponse(Message, frozen=True, kw_only=True):
    status: DeleteCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class FirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: FirmwareStatusEnumType
    requestId: Whole | UnsetType = UNSET
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class FirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class Get15118EVCertificateRequest(Message, frozen=True, kw_only=True):
    iso15118SchemaVersion: Text50
    action: CertificateActionEnumType
    exiRequest: Text11000
    maximumContractCertificateChains: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    prioritizedEMAIDs: Annotated[tuple[Text255, ...], Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class Get15118EVCertificateResponse(Message, frozen=True, kw_only=True):
    status: Iso15118EVCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    exiResponse: Text17000
    remainingContracts: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetBaseReportRequest(Message, frozen=True, kw_only=True):
    requestId: Whole
    reportBase: ReportBaseEnumType
    customData: CustomData | UnsetType = UNSET


class GetBaseReportResponse(Message, frozen=True, kw_only=True):
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetCertificateChainStatusRequest(Message, frozen=True, kw_only=True):
    certificateStatusRequests: Annotated[tuple[CertificateStatusRequestInfoType, ...], Meta(min_length=1, max_length=4)]
    customData: CustomData | UnsetType = UNSET


class GetCertificateChainStatusResponse(Message, frozen=True, kw_only=True):
    certificateStatus: Annotated[tuple[CertificateStatusType, ...], Meta(min_length=1, max_length=4)]
    customData: CustomData | UnsetType = UNSET


class GetCertificateStatusRequest(Message, frozen=True, kw_only=True):
    ocspRequestData: OCSPRequestDataType
    customData: CustomData | UnsetType = UNSET


class GetCertificateStatusResponse(Message, frozen=True, kw_only=True):
    status: GetCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    ocspResult: Text18000 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetChargingProfilesRequest(Message, frozen=True, kw_only=True):
    requestId: Whole
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    chargingProfile: ChargingProfileCriterionType
    customData: CustomData | UnsetType = UNSET


class GetChargingProfilesResponse(Message, frozen=True, kw_only=True):
    status: GetChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetCompositeScheduleRequest(Message, frozen=True, kw_only=True):
    duration: Whole
    chargingRateUnit: ChargingRateUnitEnumType | UnsetType = UNSET
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class GetCompositeScheduleResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    schedule: CompositeScheduleType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetDERControlRequest(Message, frozen=True, kw_only=True):
    requestId: Whole
    isDefault: bool | UnsetType = UNSET
    controlType: DERControlEnumType | UnsetType = UNSET
    controlId: Text36 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetDERControlResponse(Message, frozen=True, kw_only=True):
    status: DERControlStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetDisplayMessagesRequest(Message, frozen=True, kw_only=True):
    id: Annotated[tuple[Annotated[int, Meta(ge=0, le=MOST)], ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    priority: MessagePriorityEnumType | UnsetType = UNSET
    state: MessageStateEnumType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetDisplayMessagesResponse(Message, frozen=True, kw_only=True):
    status: GetDisplayMessagesStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetInstalledCertificateIdsRequest(Message, frozen=True, kw_only=True):
    certificateType: Annotated[tuple[GetCertificateIdUseEnumType, ...], Meta(min_length=1)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetInstalledCertificateIdsResponse(Message, frozen=True, kw_only=True):
    status: GetInstalledCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    certificateHashDataChain: Annotated[tuple[CertificateHashDataChainType, ...], Meta(min_length=1)] | UnsetType = (
        UNSET
    )
    customData: CustomData | UnsetType = UNSET


class GetLocalListVersionRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class GetLocalListVersionResponse(Message, frozen=True, kw_only=True):
    versionNumber: Whole
    customData: CustomData | UnsetType = UNSET


class GetLogRequest(Message, frozen=True, kw_only=True):
    log: LogParametersType
    logType: LogEnumType
    requestId: Whole
    retries: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetLogResponse(Message, frozen=True, kw_only=True):
    status: LogStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    filename: Text255 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetMonitoringReportRequest(Message, frozen=True, kw_only=True):
    componentVariable: Annotated[tuple[ComponentVariableType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    monitoringCriteria: (
        Annotated[tuple[MonitoringCriterionEnumType, ...], Meta(min_length=1, max_length=3)] | UnsetType
    ) = UNSET
    customData: CustomData | UnsetType = UNSET


class GetMonitoringReportResponse(Message, frozen=True, kw_only=True):
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetPeriodicEventStreamRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class GetPeriodicEventStreamResponse(Message, frozen=True, kw_only=True):
    constantStreamData: Annotated[tuple[ConstantStreamDataType, ...], Meta(min_length=1)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetReportRequest(Message, frozen=True, kw_only=True):
    componentVariable: Annotated[tuple[ComponentVariableType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    componentCriteria: (
        Annotated[tuple[ComponentCriterionEnumType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET
    customData: CustomData | UnsetType = UNSET


class GetReportResponse(Message, frozen=True, kw_only=True):
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetTariffsRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class GetTariffsResponse(Message, frozen=True, kw_only=True):
    status: TariffGetStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    tariffAssignments: Annotated[tuple[TariffAssignmentType, ...], Meta(min_length=1)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetTransactionStatusRequest(Message, frozen=True, kw_only=True):
    transactionId: Text36 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class GetTransactionStatusResponse(Message, frozen=True, kw_only=True):
    ongoingIndicator: bool | UnsetType = UNSET
    messagesInQueue: bool
    customData: CustomData | UnsetType = UNSET


class GetVariablesRequest(Message, frozen=True, kw_only=True):
    getVariableData: Annotated[tuple[GetVariableDataType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class GetVariablesResponse(Message, frozen=True, kw_only=True):
    getVariableResult: Annotated[tuple[GetVariableResultType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class HeartbeatRequest(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    currentTime: Time
    customData: CustomData | UnsetType = UNSET


class InstallCertificateRequest(Message, frozen=True, kw_only=True):
    certificateType: InstallCertificateUseEnumType
    certificate: Text10000
    customData: CustomData | UnsetType = UNSET


class InstallCertificateResponse(Message, frozen=True, kw_only=True):
    status: InstallCertificateStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class LogStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: UploadLogStatusEnumType
    requestId: Whole | UnsetType = UNSET
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class LogStatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    meterValue: Annotated[tuple[MeterValueType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class MeterValuesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyAllowedEnergyTransferRequest(Message, frozen=True, kw_only=True):
    transactionId: Text36
    allowedEnergyTransfer: Annotated[tuple[EnergyTransferModeEnumType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class NotifyAllowedEnergyTransferResponse(Message, frozen=True, kw_only=True):
    status: NotifyAllowedEnergyTransferStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyChargingLimitRequest(Message, frozen=True, kw_only=True):
    chargingSchedule: Annotated[tuple[ChargingScheduleType, ...], Meta(min_length=1)] | UnsetType = UNSET
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    chargingLimit: ChargingLimitType
    customData: CustomData | UnsetType = UNSET


class NotifyChargingLimitResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyCustomerInformationRequest(Message, frozen=True, kw_only=True):
    data: Text512
    tbc: bool | UnsetType = UNSET
    seqNo: Annotated[int, Meta(ge=0, le=MOST)]
    generatedAt: Time
    requestId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class NotifyCustomerInformationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyDERAlarmRequest(Message, frozen=True, kw_only=True):
    controlType: DERControlEnumType
    gridEventFault: GridEventFaultEnumType | UnsetType = UNSET
    alarmEnded: bool | UnsetType = UNSET
    timestamp: Time
    extraInfo: Text200 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyDERAlarmResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyDERStartStopRequest(Message, frozen=True, kw_only=True):
    controlId: Text36
    started: bool
    timestamp: Time
    supersededIds: Annotated[tuple[Text36, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyDERStartStopResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyDisplayMessagesRequest(Message, frozen=True, kw_only=True):
    messageInfo: Annotated[tuple[MessageInfoType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    tbc: bool | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyDisplayMessagesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyEVChargingNeedsRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=1, le=MOST)]
    maxScheduleTuples: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    chargingNeeds: ChargingNeedsType
    timestamp: Time | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyEVChargingNeedsResponse(Message, frozen=True, kw_only=True):
    status: NotifyEVChargingNeedsStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyEVChargingScheduleRequest(Message, frozen=True, kw_only=True):
    timeBase: Time
    chargingSchedule: ChargingScheduleType
    evseId: Annotated[int, Meta(ge=1, le=MOST)]
    selectedChargingScheduleId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    powerToleranceAcceptance: bool | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyEVChargingScheduleResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyEventRequest(Message, frozen=True, kw_only=True):
    generatedAt: Time
    tbc: bool | UnsetType = UNSET
    seqNo: Annotated[int, Meta(ge=0, le=MOST)]
    eventData: Annotated[tuple[EventDataType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class NotifyEventResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyMonitoringReportRequest(Message, frozen=True, kw_only=True):
    monitor: Annotated[tuple[MonitoringDataType, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Whole
    tbc: bool | UnsetType = UNSET
    seqNo: Annotated[int, Meta(ge=0, le=MOST)]
    generatedAt: Time
    customData: CustomData | UnsetType = UNSET


class NotifyMonitoringReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyPeriodicEventStream(Message, frozen=True, kw_only=True):
    data: Annotated[tuple[StreamDataElementType, ...], Meta(min_length=1)]
    id: Annotated[int, Meta(ge=0, le=MOST)]
    pending: Annotated[int, Meta(ge=0, le=MOST)]
    basetime: Time
    customData: CustomData | UnsetType = UNSET


class NotifyPriorityChargingRequest(Message, frozen=True, kw_only=True):
    transactionId: Text36
    activated: bool
    customData: CustomData | UnsetType = UNSET


class NotifyPriorityChargingResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifyReportRequest(Message, frozen=True, kw_only=True):
    requestId: Whole
    generatedAt: Time
    reportData: Annotated[tuple[ReportDataType, ...], Meta(min_length=1)] | UnsetType = UNSET
    tbc: bool | UnsetType = UNSET
    seqNo: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class NotifyReportResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class NotifySettlementRequest(Message, frozen=True, kw_only=True):
    transactionId: Text36 | UnsetType = UNSET
    pspRef: Text255
    status: PaymentStatusEnumType
    statusInfo: Text500 | UnsetType = UNSET
    settlementAmount: float
    settlementTime: Time
    receiptId: Text50 | UnsetType = UNSET
    receiptUrl: Text2000 | UnsetType = UNSET
    vatCompany: AddressType | UnsetType = UNSET
    vatNumber: Text20 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifySettlementResponse(Message, frozen=True, kw_only=True):
    receiptUrl: Text2000 | UnsetType = UNSET
    receiptId: Text50 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class NotifyWebPaymentStartedRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    timeout: Whole
    customData: CustomData | UnsetType = UNSET


class NotifyWebPaymentStartedResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class OpenPeriodicEventStreamRequest(Message, frozen=True, kw_only=True):
    constantStreamData: ConstantStreamDataType
    customData: CustomData | UnsetType = UNSET


class OpenPeriodicEventStreamResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class PublishFirmwareRequest(Message, frozen=True, kw_only=True):
    location: Text2000
    retries: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    checksum: Text32
    requestId: Annotated[int, Meta(ge=0, le=MOST)]
    retryInterval: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class PublishFirmwareResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class PublishFirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: PublishFirmwareStatusEnumType
    location: Annotated[tuple[Text2000, ...], Meta(min_length=1)] | UnsetType = UNSET
    requestId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class PublishFirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class PullDynamicScheduleUpdateRequest(Message, frozen=True, kw_only=True):
    chargingProfileId: Whole
    customData: CustomData | UnsetType = UNSET


class PullDynamicScheduleUpdateResponse(Message, frozen=True, kw_only=True):
    scheduleUpdate: ChargingScheduleUpdateType | UnsetType = UNSET
    status: ChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ReportChargingProfilesRequest(Message, frozen=True, kw_only=True):
    requestId: Whole
    chargingLimitSource: Text20
    chargingProfile: Annotated[tuple[ChargingProfileType, ...], Meta(min_length=1)]
    tbc: bool | UnsetType = UNSET
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class ReportChargingProfilesResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ReportDERControlRequest(Message, frozen=True, kw_only=True):
    curve: Annotated[tuple[DERCurveGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    enterService: Annotated[tuple[EnterServiceGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    fixedPFAbsorb: Annotated[tuple[FixedPFGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    fixedPFInject: Annotated[tuple[FixedPFGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    fixedVar: Annotated[tuple[FixedVarGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    freqDroop: Annotated[tuple[FreqDroopGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    gradient: Annotated[tuple[GradientGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    limitMaxDischarge: (
        Annotated[tuple[LimitMaxDischargeGetType, ...], Meta(min_length=1, max_length=24)] | UnsetType
    ) = UNSET
    requestId: Whole
    tbc: bool | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ReportDERControlResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class RequestBatterySwapRequest(Message, frozen=True, kw_only=True):
    idToken: IdTokenType
    requestId: Whole
    customData: CustomData | UnsetType = UNSET


class RequestBatterySwapResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class RequestStartTransactionRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=1, le=MOST)] | UnsetType = UNSET
    groupIdToken: IdTokenType | UnsetType = UNSET
    idToken: IdTokenType
    remoteStartId: Whole
    chargingProfile: ChargingProfileType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class RequestStartTransactionResponse(Message, frozen=True, kw_only=True):
    status: RequestStartStopStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    transactionId: Text36 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class RequestStopTransactionRequest(Message, frozen=True, kw_only=True):
    transactionId: Text36
    customData: CustomData | UnsetType = UNSET


class RequestStopTransactionResponse(Message, frozen=True, kw_only=True):
    status: RequestStartStopStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ReservationStatusUpdateRequest(Message, frozen=True, kw_only=True):
    reservationId: Annotated[int, Meta(ge=0, le=MOST)]
    reservationUpdateStatus: ReservationUpdateStatusEnumType
    customData: CustomData | UnsetType = UNSET


class ReservationStatusUpdateResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    id: Annotated[int, Meta(ge=0, le=MOST)]
    expiryDateTime: Time
    connectorType: Text20 | UnsetType = UNSET
    idToken: IdTokenType
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    groupIdToken: IdTokenType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    status: ReserveNowStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ResetRequest(Message, frozen=True, kw_only=True):
    type: ResetEnumType
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class ResetResponse(Message, frozen=True, kw_only=True):
    status: ResetStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SecurityEventNotificationRequest(Message, frozen=True, kw_only=True):
    type: Text50
    timestamp: Time
    techInfo: Text255 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SecurityEventNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class SendLocalListRequest(Message, frozen=True, kw_only=True):
    localAuthorizationList: Annotated[tuple[AuthorizationData, ...], Meta(min_length=1)] | UnsetType = UNSET
    versionNumber: Whole
    updateType: UpdateEnumType
    customData: CustomData | UnsetType = UNSET


class SendLocalListResponse(Message, frozen=True, kw_only=True):
    status: SendLocalListStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetChargingProfileRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    chargingProfile: ChargingProfileType
    customData: CustomData | UnsetType = UNSET


class SetChargingProfileResponse(Message, frozen=True, kw_only=True):
    status: ChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetDERControlRequest(Message, frozen=True, kw_only=True):
    isDefault: bool
    controlId: Text36
    controlType: DERControlEnumType
    curve: DERCurveType | UnsetType = UNSET
    enterService: EnterServiceType | UnsetType = UNSET
    fixedPFAbsorb: FixedPFType | UnsetType = UNSET
    fixedPFInject: FixedPFType | UnsetType = UNSET
    fixedVar: FixedVarType | UnsetType = UNSET
    freqDroop: FreqDroopType | UnsetType = UNSET
    gradient: GradientType | UnsetType = UNSET
    limitMaxDischarge: LimitMaxDischargeType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetDERControlResponse(Message, frozen=True, kw_only=True):
    status: DERControlStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    supersededIds: Annotated[tuple[Text36, ...], Meta(min_length=1, max_length=24)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetDefaultTariffRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    tariff: TariffType
    customData: CustomData | UnsetType = UNSET


class SetDefaultTariffResponse(Message, frozen=True, kw_only=True):
    status: TariffSetStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetDisplayMessageRequest(Message, frozen=True, kw_only=True):
    message: MessageInfoType
    customData: CustomData | UnsetType = UNSET


class SetDisplayMessageResponse(Message, frozen=True, kw_only=True):
    status: DisplayMessageStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetMonitoringBaseRequest(Message, frozen=True, kw_only=True):
    monitoringBase: MonitoringBaseEnumType
    customData: CustomData | UnsetType = UNSET


class SetMonitoringBaseResponse(Message, frozen=True, kw_only=True):
    status: GenericDeviceModelStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetMonitoringLevelRequest(Message, frozen=True, kw_only=True):
    severity: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class SetMonitoringLevelResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetNetworkProfileRequest(Message, frozen=True, kw_only=True):
    configurationSlot: Whole
    connectionData: NetworkConnectionProfileType
    customData: CustomData | UnsetType = UNSET


class SetNetworkProfileResponse(Message, frozen=True, kw_only=True):
    status: SetNetworkProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SetVariableMonitoringRequest(Message, frozen=True, kw_only=True):
    setMonitoringData: Annotated[tuple[SetMonitoringDataType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class SetVariableMonitoringResponse(Message, frozen=True, kw_only=True):
    setMonitoringResult: Annotated[tuple[SetMonitoringResultType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class SetVariablesRequest(Message, frozen=True, kw_only=True):
    setVariableData: Annotated[tuple[SetVariableDataType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class SetVariablesResponse(Message, frozen=True, kw_only=True):
    setVariableResult: Annotated[tuple[SetVariableResultType, ...], Meta(min_length=1)]
    customData: CustomData | UnsetType = UNSET


class SignCertificateRequest(Message, frozen=True, kw_only=True):
    csr: Text5500
    certificateType: CertificateSigningUseEnumType | UnsetType = UNSET
    hashRootCertificate: CertificateHashDataType | UnsetType = UNSET
    requestId: Whole | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class SignCertificateResponse(Message, frozen=True, kw_only=True):
    status: GenericStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    timestamp: Time
    connectorStatus: ConnectorStatusEnumType
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    connectorId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class StatusNotificationResponse(Message, frozen=True, kw_only=True):
    customData: CustomData | UnsetType = UNSET


class TransactionEventRequest(Message, frozen=True, kw_only=True):
    costDetails: CostDetailsType | UnsetType = UNSET
    eventType: TransactionEventEnumType
    meterValue: Annotated[tuple[MeterValueType, ...], Meta(min_length=1)] | UnsetType = UNSET
    timestamp: Time
    triggerReason: TriggerReasonEnumType
    seqNo: Annotated[int, Meta(ge=0, le=MOST)]
    offline: bool | UnsetType = UNSET
    numberOfPhasesUsed: Annotated[int, Meta(ge=0, le=3)] | UnsetType = UNSET
    cableMaxCurrent: Whole | UnsetType = UNSET
    reservationId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    preconditioningStatus: PreconditioningStatusEnumType | UnsetType = UNSET
    evseSleep: bool | UnsetType = UNSET
    transactionInfo: TransactionType
    evse: EVSEType | UnsetType = UNSET
    idToken: IdTokenType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TransactionEventResponse(Message, frozen=True, kw_only=True):
    totalCost: float | UnsetType = UNSET
    chargingPriority: Whole | UnsetType = UNSET
    idTokenInfo: IdTokenInfoType | UnsetType = UNSET
    transactionLimit: TransactionLimitType | UnsetType = UNSET
    updatedPersonalMessage: MessageContentType | UnsetType = UNSET
    updatedPersonalMessageExtra: (
        Annotated[tuple[MessageContentType, ...], Meta(min_length=1, max_length=4)] | UnsetType
    ) = UNSET
    customData: CustomData | UnsetType = UNSET


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    evse: EVSEType | UnsetType = UNSET
    requestedMessage: MessageTriggerEnumType
    customTrigger: Text50 | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    status: TriggerMessageStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    evseId: Annotated[int, Meta(ge=0, le=MOST)]
    connectorId: Annotated[int, Meta(ge=0, le=MOST)]
    customData: CustomData | UnsetType = UNSET


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    status: UnlockStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class UnpublishFirmwareRequest(Message, frozen=True, kw_only=True):
    checksum: Text32
    customData: CustomData | UnsetType = UNSET


class UnpublishFirmwareResponse(Message, frozen=True, kw_only=True):
    status: UnpublishFirmwareStatusEnumType
    customData: CustomData | UnsetType = UNSET


class UpdateDynamicScheduleRequest(Message, frozen=True, kw_only=True):
    chargingProfileId: Whole
    scheduleUpdate: ChargingScheduleUpdateType
    customData: CustomData | UnsetType = UNSET


class UpdateDynamicScheduleResponse(Message, frozen=True, kw_only=True):
    status: ChargingProfileStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class UpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    retries: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    retryInterval: Whole | UnsetType = UNSET
    requestId: Whole
    firmware: FirmwareType
    customData: CustomData | UnsetType = UNSET


class UpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    status: UpdateFirmwareStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class UsePriorityChargingRequest(Message, frozen=True, kw_only=True):
    transactionId: Text36
    activate: bool
    customData: CustomData | UnsetType = UNSET


class UsePriorityChargingResponse(Message, frozen=True, kw_only=True):
    status: PriorityChargingStatusEnumType
    statusInfo: StatusInfoType | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class VatNumberValidationRequest(Message, frozen=True, kw_only=True):
    vatNumber: Text20
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    customData: CustomData | UnsetType = UNSET


class VatNumberValidationResponse(Message, frozen=True, kw_only=True):
    company: AddressType | UnsetType = UNSET
    statusInfo: StatusInfoType | UnsetType = UNSET
    vatNumber: Text20
    evseId: Annotated[int, Meta(ge=0, le=MOST)] | UnsetType = UNSET
    status: GenericStatusEnumType
    customData: CustomData | UnsetType = UNSET


CALLS: dict[str, tuple[type[Message], type[Message]]] = {
    "AFRRSignal": (AFRRSignalRequest, AFRRSignalResponse),
    "AdjustPeriodicEventStream": (AdjustPeriodicEventStreamRequest, AdjustPeriodicEventStreamResponse),
    "Authorize": (AuthorizeRequest, AuthorizeResponse),
    "BatterySwap": (BatterySwapRequest, BatterySwapResponse),
    "BootNotification": (BootNotificationRequest, BootNotificationResponse),
    "CancelReservation": (CancelReservationRequest, CancelReservationResponse),
    "CertificateSigned": (CertificateSignedRequest, CertificateSignedResponse),
    "ChangeAvailability": (ChangeAvailabilityRequest, ChangeAvailabilityResponse),
    "ChangeTransactionTariff": (ChangeTransactionTariffRequest, ChangeTransactionTariffResponse),
    "ClearCache": (ClearCacheRequest, ClearCacheResponse),
    "ClearChargingProfile": (ClearChargingProfileRequest, ClearChargingProfileResponse),
    "ClearDERControl": (ClearDERControlRequest, ClearDERControlResponse),
    "ClearDisplayMessage": (ClearDisplayMessageRequest, ClearDisplayMessageResponse),
    "ClearTariffs": (ClearTariffsRequest, ClearTariffsResponse),
    "ClearVariableMonitoring": (ClearVariableMonitoringRequest, ClearVariableMonitoringResponse),
    "ClearedChargingLimit": (ClearedChargingLimitRequest, ClearedChargingLimitResponse),
    "ClosePeriodicEventStream": (ClosePeriodicEventStreamRequest, ClosePeriodicEventStreamResponse),
    "CostUpdated": (CostUpdatedRequest, CostUpdatedResponse),
    "CustomerInformation": (CustomerInformationRequest, CustomerInformationResponse),
    "DataTransfer": (DataTransferRequest, DataTransferResponse),
    "DeleteCertificate": (DeleteCertificateRequest, DeleteCertificateResponse),
    "FirmwareStatusNotification": (FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse),
    "Get15118EVCertificate": (Get15118EVCertificateRequest, Get15118EVCertificateResponse),
    "GetBaseReport": (GetBaseReportRequest, GetBaseReportResponse),
    "GetCertificateChainStatus": (GetCertificateChainStatusRequest, GetCertificateChainStatusResponse),
    "GetCertificateStatus": (GetCertificateStatusRequest, GetCertificateStatusResponse),
    "GetChargingProfiles": (GetChargingProfilesRequest, GetChargingProfilesResponse),
    "GetCompositeSchedule": (GetCompositeScheduleRequest, GetCompositeScheduleResponse),
    "GetDERControl": (GetDERControlRequest, GetDERControlResponse),
    "GetDisplayMessages": (GetDisplayMessagesRequest, GetDisplayMessagesResponse),
    "GetInstalledCertificateIds": (GetInstalledCertificateIdsRequest, GetInstalledCertificateIdsResponse),
    "GetLocalListVersion": (GetLocalListVersionRequest, GetLocalListVersionResponse),
    "GetLog": (GetLogRequest, GetLogResponse),
    "GetMonitoringReport": (GetMonitoringReportRequest, GetMonitoringReportResponse),
    "GetPeriodicEventStream": (GetPeriodicEventStreamRequest, GetPeriodicEventStreamResponse),
    "GetReport": (GetReportRequest, GetReportResponse),
    "GetTariffs": (GetTariffsRequest, GetTariffsResponse),
    "GetTransactionStatus": (GetTransactionStatusRequest, GetTransactionStatusResponse),
    "GetVariables": (GetVariablesRequest, GetVariablesResponse),
    "Heartbeat": (HeartbeatRequest, HeartbeatResponse),
    "InstallCertificate": (InstallCertificateRequest, InstallCertificateResponse),
    "LogStatusNotification": (LogStatusNotificationRequest, LogStatusNotificationResponse),
    "MeterValues": (MeterValuesRequest, MeterValuesResponse),
    "NotifyAllowedEnergyTransfer": (NotifyAllowedEnergyTransferRequest, NotifyAllowedEnergyTransferResponse),
    "NotifyChargingLimit": (NotifyChargingLimitRequest, NotifyChargingLimitResponse),
    "NotifyCustomerInformation": (NotifyCustomerInformationRequest, NotifyCustomerInformationResponse),
    "NotifyDERAlarm": (NotifyDERAlarmRequest, NotifyDERAlarmResponse),
    "NotifyDERStartStop": (NotifyDERStartStopRequest, NotifyDERStartStopResponse),
    "NotifyDisplayMessages": (NotifyDisplayMessagesRequest, NotifyDisplayMessagesResponse),
    "NotifyEVChargingNeeds": (NotifyEVChargingNeedsRequest, NotifyEVChargingNeedsResponse),
    "NotifyEVChargingSchedule": (NotifyEVChargingScheduleRequest, NotifyEVChargingScheduleResponse),
    "NotifyEvent": (NotifyEventRequest, NotifyEventResponse),
    "NotifyMonitoringReport": (NotifyMonitoringReportRequest, NotifyMonitoringReportResponse),
    "NotifyPriorityCharging": (NotifyPriorityChargingRequest, NotifyPriorityChargingResponse),
    "NotifyReport": (NotifyReportRequest, NotifyReportResponse),
    "NotifySettlement": (NotifySettlementRequest, NotifySettlementResponse),
    "NotifyWebPaymentStarted": (NotifyWebPaymentStartedRequest, NotifyWebPaymentStartedResponse),
    "OpenPeriodicEventStream": (OpenPeriodicEventStreamRequest, OpenPeriodicEventStreamResponse),
    "PublishFirmware": (PublishFirmwareRequest, PublishFirmwareResponse),
    "PublishFirmwareStatusNotification": (
        PublishFirmwareStatusNotificationRequest,
        PublishFirmwareStatusNotificationResponse,
    ),
    "PullDynamicScheduleUpdate": (PullDynamicScheduleUpdateRequest, PullDynamicScheduleUpdateResponse),
    "ReportChargingProfiles": (ReportChargingProfilesRequest, ReportChargingProfilesResponse),
    "ReportDERControl": (ReportDERControlRequest, ReportDERControlResponse),
    "RequestBatterySwap": (RequestBatterySwapRequest, RequestBatterySwapResponse),
    "RequestStartTransaction": (RequestStartTransactionRequest, RequestStartTransactionResponse),
    "RequestStopTransaction": (RequestStopTransactionRequest, RequestStopTransactionResponse),
    "ReservationStatusUpdate": (ReservationStatusUpdateRequest, ReservationStatusUpdateResponse),
    "ReserveNow": (ReserveNowRequest, ReserveNowResponse),
    "Reset": (ResetRequest, ResetResponse),
    "SecurityEventNotification": (SecurityEventNotificationRequest, SecurityEventNotificationResponse),
    "SendLocalList": (SendLocalListRequest, SendLocalListResponse),
    "SetChargingProfile": (SetChargingProfileRequest, SetChargingProfileResponse),
    "SetDERControl": (SetDERControlRequest, SetDERControlResponse),
    "SetDefaultTariff": (SetDefaultTariffRequest, SetDefaultTariffResponse),
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
    "UpdateDynamicSchedule": (UpdateDynamicScheduleRequest, UpdateDynamicScheduleResponse),
    "UpdateFirmware": (UpdateFirmwareRequest, UpdateFirmwareResponse),
    "UsePriorityCharging": (UsePriorityChargingRequest, UsePriorityChargingResponse),
    "VatNumberValidation": (VatNumberValidationRequest, VatNumberValidationResponse),
}
"""Action -> its request and its response."""

SENDS: dict[str, type[Message]] = {
    "NotifyPeriodicEventStream": NotifyPeriodicEventStream,
}
"""Messages that have no response (SEND)."""
