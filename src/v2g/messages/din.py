"""DIN SPEC 70121: the message set of 2012 (DC charging)."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.din as din
from v2g.exi.facets import (
    ATTRIBUTE,
    CHOICE,
    ID,
    REF,
    REQUIRED,
    Base64Binary,
    Byte,
    Enumeration,
    HexBinary,
    Int,
    Length,
    Long,
    Occurs,
    Range,
    Short,
    Type,
    UnsignedByte,
    UnsignedInt,
    UnsignedShort,
    element,
)
from v2g.messages import mantissa
from v2g.messages import xmldsig as ds

NAMESPACE = "urn:din:70121:2012:MsgDataTypes"

MeterStatus = Short
PMax = Short
PercentValue = Annotated[int, Range(0, 100)]
FaultMsg = Annotated[str, Length(0, 64)]
ServiceName = Annotated[str, Length(0, 32)]
ServiceScope = Annotated[str, Length(0, 32)]
GenChallenge = str
Certificate = Annotated[Base64Binary, Length(0, 1200)]
RootCertificateID = Annotated[str, Length(0, 40)]
DHParams = Annotated[Base64Binary, Length(0, 256)]
PrivateKey = Annotated[Base64Binary, Length(0, 128)]
SigMeterReading = Annotated[Base64Binary, Length(0, 32)]
SessionID = Annotated[HexBinary, Length(0, 8)]
EvccID = Annotated[HexBinary, Length(0, 8)]
EvseID = Annotated[HexBinary, Length(0, 32)]
ServiceID = UnsignedShort
ContractID = Annotated[str, Length(0, 24)]
MeterID = Annotated[str, Length(0, 32)]
SAID = Short
TariffDescription = Annotated[str, Length(0, 32)]
UnitMultiplier = Annotated[int, Range(-3, 3)]


class Value(Enumeration):
    bool = auto()
    byte = auto()
    short = auto()
    int = auto()
    physicalValue = auto()
    string = auto()


class EVSEProcessing(Enumeration):
    Finished = auto()
    Ongoing = auto()


class EVSENotification(Enumeration):
    None_ = "None"
    StopCharging = auto()
    ReNegotiation = auto()


class ServiceCategory(Enumeration):
    EVCharging = auto()
    Internet = auto()
    ContractCertificate = auto()
    OtherCustom = auto()


class EVSESupportedEnergyTransfer(Enumeration):
    AC_single_phase_core = auto()
    AC_three_phase_core = auto()
    DC_core = auto()
    DC_extended = auto()
    DC_combo_core = auto()
    DC_dual = auto()
    AC_core1p_DC_extended = auto()
    AC_single_DC_core = auto()
    AC_single_phase_three_phase_core_DC_extended = auto()
    AC_core3p_DC_extended = auto()


class EVRequestedEnergyTransfer(Enumeration):
    AC_single_phase_core = auto()
    AC_three_phase_core = auto()
    DC_core = auto()
    DC_extended = auto()
    DC_combo_core = auto()
    DC_unique = auto()


class CostKind(Enumeration):
    relativePricePercentage = auto()
    RenewableGenerationPercentage = auto()
    CarbonDioxideEmission = auto()


class PaymentOption(Enumeration):
    Contract = auto()
    ExternalPayment = auto()


class FaultCode(Enumeration):
    ParsingError = auto()
    NoTLSRootCertificatAvailable = auto()
    UnknownError = auto()


class ResponseCode(Enumeration):
    OK = auto()
    OK_NewSessionEstablished = auto()
    OK_OldSessionJoined = auto()
    OK_CertificateExpiresSoon = auto()
    FAILED = auto()
    FAILED_SequenceError = auto()
    FAILED_ServiceIDInvalid = auto()
    FAILED_UnknownSession = auto()
    FAILED_ServiceSelectionInvalid = auto()
    FAILED_PaymentSelectionInvalid = auto()
    FAILED_CertificateExpired = auto()
    FAILED_SignatureError = auto()
    FAILED_NoCertificateAvailable = auto()
    FAILED_CertChainError = auto()
    FAILED_ChallengeInvalid = auto()
    FAILED_ContractCanceled = auto()
    FAILED_WrongChargeParameter = auto()
    FAILED_PowerDeliveryNotApplied = auto()
    FAILED_TariffSelectionInvalid = auto()
    FAILED_ChargingProfileInvalid = auto()
    FAILED_EVSEPresentVoltageToLow = auto()
    FAILED_MeteringSignatureNotValid = auto()
    FAILED_WrongEnergyTransferType = auto()


class UnitSymbol(Enumeration):
    h = auto()
    m = auto()
    s = auto()
    A = auto()
    Ah = auto()
    V = auto()
    VA = auto()
    W = auto()
    W_s = "W/s"
    Wh = auto()


class DC_EVSEStatusCode(Enumeration):
    EVSE_NotReady = auto()
    EVSE_Ready = auto()
    EVSE_Shutdown = auto()
    EVSE_UtilityInterruptEvent = auto()
    EVSE_IsolationMonitoringActive = auto()
    EVSE_EmergencyShutdown = auto()
    EVSE_Malfunction = auto()
    Reserved_8 = auto()
    Reserved_9 = auto()
    Reserved_A = auto()
    Reserved_B = auto()
    Reserved_C = auto()


class IsolationLevel(Enumeration):
    Invalid = auto()
    Valid = auto()
    Warning = auto()
    Fault = auto()


class DC_EVErrorCode(Enumeration):
    NO_ERROR = auto()
    FAILED_RESSTemperatureInhibit = auto()
    FAILED_EVShiftPosition = auto()
    FAILED_ChargerConnectorLockFault = auto()
    FAILED_EVRESSMalfunction = auto()
    FAILED_ChargingCurrentdifferential = auto()
    FAILED_ChargingVoltageOutOfRange = auto()
    Reserved_A = auto()
    Reserved_B = auto()
    Reserved_C = auto()
    FAILED_ChargingSystemIncompatibility = auto()
    NoData = auto()


@element
class V2G_Message(Type):
    __namespace__ = "urn:din:70121:2012:MsgDef"

    Header: MessageHeader
    Body: din.Body


class Body(Type):
    __namespace__ = "urn:din:70121:2012:MsgDef"

    BodyElement: Annotated[BodyBase | None, REF] = None


@element("BodyElement")
class BodyBase(Type):
    __namespace__ = "urn:din:70121:2012:MsgDef"
    __abstract__ = True


class Service(Type):
    ServiceTag: din.ServiceTag
    FreeService: bool


class ServiceTagList(Type):
    Service: Annotated[list[din.Service], Occurs(1, None)]


class ServiceTag(Type):
    ServiceID: din.ServiceID
    ServiceName: din.ServiceName | None = None
    ServiceCategory: din.ServiceCategory = REQUIRED
    ServiceScope: din.ServiceScope | None = None


class SelectedServiceList(Type):
    SelectedService: Annotated[list[din.SelectedService], Occurs(1, None)]


class SelectedService(Type):
    ServiceID: din.ServiceID
    ParameterSetID: Short | None = None


class ServiceParameterList(Type):
    ParameterSet: Annotated[list[din.ParameterSet], Occurs(1, None)]


class ParameterSet(Type):
    ParameterSetID: Short
    Parameter: Annotated[list[din.Parameter], Occurs(1, None)]


class Parameter(Type):
    boolValue: Annotated[bool | None, CHOICE] = None
    byteValue: Annotated[Byte | None, CHOICE] = None
    shortValue: Annotated[Short | None, CHOICE] = None
    intValue: Annotated[Int | None, CHOICE] = None
    physicalValue: Annotated[PhysicalValue | None, CHOICE] = None
    stringValue: Annotated[str | None, CHOICE] = None
    Name: Annotated[str, ATTRIBUTE] = REQUIRED
    ValueType: Annotated[Value, ATTRIBUTE] = REQUIRED


@element
class ServiceCharge(Service):
    EnergyTransferType: EVSESupportedEnergyTransfer


class CertificateChain(Type):
    Certificate: din.Certificate
    SubCertificates: din.SubCertificates | None = None


class SubCertificates(Type):
    Certificate: Annotated[list[din.Certificate], Occurs(1, None)]


class ListOfRootCertificateIDs(Type):
    RootCertificateID: Annotated[list[din.RootCertificateID], Occurs(1, None)]


class MeterInfo(Type):
    MeterID: din.MeterID
    MeterReading: PhysicalValue | None = None
    SigMeterReading: din.SigMeterReading | None = None
    MeterStatus: din.MeterStatus | None = None
    TMeter: Long | None = None


class PhysicalValue(Type):
    """`Value * 10**Multiplier` of a unit."""

    Multiplier: UnitMultiplier
    Unit: UnitSymbol | None = None
    Value: Short = REQUIRED

    @classmethod
    def of(cls, value: float, unit: UnitSymbol | None = None) -> PhysicalValue:
        """The nearest number to `value`, with an error of at most half a unit of the last digit. Raises ValueError for
        what has no room: beyond 32 767 000, or not a number."""
        multiplier, number = mantissa.split(value)
        return cls(multiplier, unit, number)

    @property
    def value(self) -> float:
        """The number as a float, correctly rounded."""
        return mantissa.join(self.Multiplier, self.Value)


class Notification(Type):
    FaultCode: din.FaultCode
    FaultMsg: din.FaultMsg | None = None


@element
class SASchedules(Type):
    __abstract__ = True


@element(substitutes=SASchedules)
class SAScheduleList(SASchedules):
    SAScheduleTuple: Annotated[list[din.SAScheduleTuple], Occurs(1, None)]


class SAScheduleTuple(Type):
    SAScheduleTupleID: SAID
    PMaxSchedule: din.PMaxSchedule
    SalesTariff: din.SalesTariff | None = None


class SalesTariff(Type):
    SalesTariffID: SAID
    SalesTariffDescription: TariffDescription | None = None
    NumEPriceLevels: UnsignedByte = REQUIRED
    SalesTariffEntry: Annotated[list[din.SalesTariffEntry], REF, Occurs(1, None)] = REQUIRED
    Id: ID = REQUIRED


class PMaxSchedule(Type):
    PMaxScheduleID: SAID
    PMaxScheduleEntry: Annotated[list[din.PMaxScheduleEntry], REF, Occurs(1, None)]


@element
class Entry(Type):
    __abstract__ = True

    TimeInterval: Annotated[Interval, REF]


@element(substitutes=Entry)
class SalesTariffEntry(Entry):
    EPriceLevel: UnsignedByte
    ConsumptionCost: Annotated[list[din.ConsumptionCost], Occurs(0, None)] = []


@element(substitutes=Entry)
class PMaxScheduleEntry(Entry):
    PMax: din.PMax


@element("TimeInterval")
class Interval(Type):
    __abstract__ = True


@element(substitutes=Interval)
class RelativeTimeInterval(Interval):
    start: UnsignedInt
    duration: UnsignedInt | None = None


class ConsumptionCost(Type):
    startValue: UnsignedInt
    Cost: Annotated[list[din.Cost], Occurs(0, None)] = []


class Cost(Type):
    costKind: CostKind
    amount: UnsignedInt
    amountMultiplier: UnitMultiplier | None = None


@element
class EVSEStatus(Type):
    __abstract__ = True


@element(substitutes=EVSEStatus)
class AC_EVSEStatus(EVSEStatus):
    PowerSwitchClosed: bool
    RCD: bool
    NotificationMaxDelay: UnsignedInt
    EVSENotification: din.EVSENotification


@element
class EVStatus(Type):
    __abstract__ = True


@element(substitutes=EVSEStatus)
class DC_EVSEStatus(EVSEStatus):
    EVSEIsolationStatus: IsolationLevel | None = None
    EVSEStatusCode: DC_EVSEStatusCode = REQUIRED
    NotificationMaxDelay: UnsignedInt = REQUIRED
    EVSENotification: din.EVSENotification = REQUIRED


@element(substitutes=EVStatus)
class DC_EVStatus(EVStatus):
    EVReady: bool
    EVCabinConditioning: bool | None = None
    EVRESSConditioning: bool | None = None
    EVErrorCode: DC_EVErrorCode = REQUIRED
    EVRESSSOC: PercentValue = REQUIRED


@element
class EVChargeParameter(Type):
    __abstract__ = True


@element(substitutes=EVChargeParameter)
class AC_EVChargeParameter(EVChargeParameter):
    DepartureTime: UnsignedInt
    EAmount: PhysicalValue
    EVMaxVoltage: PhysicalValue
    EVMaxCurrent: PhysicalValue
    EVMinCurrent: PhysicalValue


@element(substitutes=EVChargeParameter)
class DC_EVChargeParameter(EVChargeParameter):
    DC_EVStatus: din.DC_EVStatus
    EVMaximumCurrentLimit: PhysicalValue
    EVMaximumPowerLimit: PhysicalValue | None = None
    EVMaximumVoltageLimit: PhysicalValue = REQUIRED
    EVEnergyCapacity: PhysicalValue | None = None
    EVEnergyRequest: PhysicalValue | None = None
    FullSOC: PercentValue | None = None
    BulkSOC: PercentValue | None = None


@element
class EVSEChargeParameter(Type):
    __abstract__ = True


@element(substitutes=EVSEChargeParameter)
class AC_EVSEChargeParameter(EVSEChargeParameter):
    AC_EVSEStatus: din.AC_EVSEStatus
    EVSEMaxVoltage: PhysicalValue
    EVSEMaxCurrent: PhysicalValue
    EVSEMinCurrent: PhysicalValue


@element(substitutes=EVSEChargeParameter)
class DC_EVSEChargeParameter(EVSEChargeParameter):
    DC_EVSEStatus: din.DC_EVSEStatus
    EVSEMaximumCurrentLimit: PhysicalValue
    EVSEMaximumPowerLimit: PhysicalValue | None = None
    EVSEMaximumVoltageLimit: PhysicalValue = REQUIRED
    EVSEMinimumCurrentLimit: PhysicalValue = REQUIRED
    EVSEMinimumVoltageLimit: PhysicalValue = REQUIRED
    EVSECurrentRegulationTolerance: PhysicalValue | None = None
    EVSEPeakCurrentRipple: PhysicalValue = REQUIRED
    EVSEEnergyToBeDelivered: PhysicalValue | None = None


@element
class EVPowerDeliveryParameter(Type):
    __abstract__ = True


@element(substitutes=EVPowerDeliveryParameter)
class DC_EVPowerDeliveryParameter(EVPowerDeliveryParameter):
    DC_EVStatus: din.DC_EVStatus
    BulkChargingComplete: bool | None = None
    ChargingComplete: bool = REQUIRED


class ChargingProfile(Type):
    SAScheduleTupleID: SAID
    ProfileEntry: Annotated[list[din.ProfileEntry], Occurs(1, None)]


class ProfileEntry(Type):
    ChargingProfileEntryStart: UnsignedInt
    ChargingProfileEntryMaxPower: PMax


class PaymentOptions(Type):
    PaymentOption: Annotated[list[din.PaymentOption], Occurs(1, None)]


class MessageHeader(Type):
    __namespace__ = "urn:din:70121:2012:MsgHeader"

    SessionID: din.SessionID
    Notification: din.Notification | None = None
    Signature: Annotated[ds.Signature | None, REF] = None


class BodyContent(BodyBase):
    """The types of the namespace MsgBody."""

    __namespace__ = "urn:din:70121:2012:MsgBody"


@element(substitutes=BodyBase)
class SessionSetupReq(BodyContent):
    EVCCID: EvccID


@element(substitutes=BodyBase)
class SessionSetupRes(BodyContent):
    ResponseCode: din.ResponseCode
    EVSEID: EvseID
    DateTimeNow: Long | None = None


@element(substitutes=BodyBase)
class ServiceDiscoveryReq(BodyContent):
    ServiceScope: din.ServiceScope | None = None
    ServiceCategory: din.ServiceCategory | None = None


@element(substitutes=BodyBase)
class ServiceDiscoveryRes(BodyContent):
    ResponseCode: din.ResponseCode
    PaymentOptions: din.PaymentOptions
    ChargeService: ServiceCharge
    ServiceList: ServiceTagList | None = None


@element(substitutes=BodyBase)
class ServiceDetailReq(BodyContent):
    ServiceID: din.ServiceID


@element(substitutes=BodyBase)
class ServiceDetailRes(BodyContent):
    ResponseCode: din.ResponseCode
    ServiceID: din.ServiceID
    ServiceParameterList: din.ServiceParameterList | None = None


@element(substitutes=BodyBase)
class ServicePaymentSelectionReq(BodyContent):
    SelectedPaymentOption: PaymentOption
    SelectedServiceList: din.SelectedServiceList


@element(substitutes=BodyBase)
class ServicePaymentSelectionRes(BodyContent):
    ResponseCode: din.ResponseCode


@element(substitutes=BodyBase)
class PaymentDetailsReq(BodyContent):
    ContractID: din.ContractID
    ContractSignatureCertChain: CertificateChain


@element(substitutes=BodyBase)
class PaymentDetailsRes(BodyContent):
    ResponseCode: din.ResponseCode
    GenChallenge: din.GenChallenge
    DateTimeNow: Long


@element(substitutes=BodyBase)
class ContractAuthenticationReq(BodyContent):
    GenChallenge: din.GenChallenge | None = None
    Id: ID | None = None


@element(substitutes=BodyBase)
class ContractAuthenticationRes(BodyContent):
    ResponseCode: din.ResponseCode
    EVSEProcessing: din.EVSEProcessing


@element(substitutes=BodyBase)
class ChargeParameterDiscoveryReq(BodyContent):
    EVRequestedEnergyTransferType: EVRequestedEnergyTransfer
    EVChargeParameter: Annotated[din.EVChargeParameter, REF]


@element(substitutes=BodyBase)
class ChargeParameterDiscoveryRes(BodyContent):
    ResponseCode: din.ResponseCode
    EVSEProcessing: din.EVSEProcessing
    SASchedules: Annotated[din.SASchedules, REF]
    EVSEChargeParameter: Annotated[din.EVSEChargeParameter, REF]


@element(substitutes=BodyBase)
class PowerDeliveryReq(BodyContent):
    ReadyToChargeState: bool
    ChargingProfile: din.ChargingProfile | None = None
    EVPowerDeliveryParameter: Annotated[din.EVPowerDeliveryParameter | None, REF] = None


@element(substitutes=BodyBase)
class PowerDeliveryRes(BodyContent):
    ResponseCode: din.ResponseCode
    EVSEStatus: Annotated[din.EVSEStatus, REF]


@element(substitutes=BodyBase)
class ChargingStatusReq(BodyContent): ...


@element(substitutes=BodyBase)
class ChargingStatusRes(BodyContent):
    ResponseCode: din.ResponseCode
    EVSEID: EvseID
    SAScheduleTupleID: SAID
    EVSEMaxCurrent: PhysicalValue | None = None
    MeterInfo: din.MeterInfo | None = None
    ReceiptRequired: bool = REQUIRED
    AC_EVSEStatus: din.AC_EVSEStatus = REQUIRED


@element(substitutes=BodyBase)
class MeteringReceiptReq(BodyContent):
    SessionID: din.SessionID
    SAScheduleTupleID: SAID | None = None
    MeterInfo: din.MeterInfo = REQUIRED
    Id: ID | None = None


@element(substitutes=BodyBase)
class MeteringReceiptRes(BodyContent):
    ResponseCode: din.ResponseCode
    AC_EVSEStatus: din.AC_EVSEStatus


@element(substitutes=BodyBase)
class SessionStopReq(BodyContent): ...


@element(substitutes=BodyBase)
class SessionStopRes(BodyContent):
    ResponseCode: din.ResponseCode


@element(substitutes=BodyBase)
class CertificateUpdateReq(BodyContent):
    ContractSignatureCertChain: CertificateChain
    ContractID: din.ContractID
    ListOfRootCertificateIDs: din.ListOfRootCertificateIDs
    DHParams: din.DHParams
    Id: ID | None = None


@element(substitutes=BodyBase)
class CertificateUpdateRes(BodyContent):
    ResponseCode: din.ResponseCode
    ContractSignatureCertChain: CertificateChain
    ContractSignatureEncryptedPrivateKey: PrivateKey
    DHParams: din.DHParams
    ContractID: din.ContractID
    RetryCounter: Short
    Id: ID


@element(substitutes=BodyBase)
class CertificateInstallationReq(BodyContent):
    OEMProvisioningCert: Certificate
    ListOfRootCertificateIDs: din.ListOfRootCertificateIDs
    DHParams: din.DHParams
    Id: ID | None = None


@element(substitutes=BodyBase)
class CertificateInstallationRes(BodyContent):
    ResponseCode: din.ResponseCode
    ContractSignatureCertChain: CertificateChain
    ContractSignatureEncryptedPrivateKey: PrivateKey
    DHParams: din.DHParams
    ContractID: din.ContractID
    Id: ID


@element(substitutes=BodyBase)
class CableCheckReq(BodyContent):
    DC_EVStatus: din.DC_EVStatus


@element(substitutes=BodyBase)
class CableCheckRes(BodyContent):
    ResponseCode: din.ResponseCode
    DC_EVSEStatus: din.DC_EVSEStatus
    EVSEProcessing: din.EVSEProcessing


@element(substitutes=BodyBase)
class PreChargeReq(BodyContent):
    DC_EVStatus: din.DC_EVStatus
    EVTargetVoltage: PhysicalValue
    EVTargetCurrent: PhysicalValue


@element(substitutes=BodyBase)
class PreChargeRes(BodyContent):
    ResponseCode: din.ResponseCode
    DC_EVSEStatus: din.DC_EVSEStatus
    EVSEPresentVoltage: PhysicalValue


@element(substitutes=BodyBase)
class CurrentDemandReq(BodyContent):
    DC_EVStatus: din.DC_EVStatus
    EVTargetCurrent: PhysicalValue
    EVMaximumVoltageLimit: PhysicalValue | None = None
    EVMaximumCurrentLimit: PhysicalValue | None = None
    EVMaximumPowerLimit: PhysicalValue | None = None
    BulkChargingComplete: bool | None = None
    ChargingComplete: bool = REQUIRED
    RemainingTimeToFullSoC: PhysicalValue | None = None
    RemainingTimeToBulkSoC: PhysicalValue | None = None
    EVTargetVoltage: PhysicalValue = REQUIRED


@element(substitutes=BodyBase)
class CurrentDemandRes(BodyContent):
    ResponseCode: din.ResponseCode
    DC_EVSEStatus: din.DC_EVSEStatus
    EVSEPresentVoltage: PhysicalValue
    EVSEPresentCurrent: PhysicalValue
    EVSECurrentLimitAchieved: bool
    EVSEVoltageLimitAchieved: bool
    EVSEPowerLimitAchieved: bool
    EVSEMaximumVoltageLimit: PhysicalValue | None = None
    EVSEMaximumCurrentLimit: PhysicalValue | None = None
    EVSEMaximumPowerLimit: PhysicalValue | None = None


@element(substitutes=BodyBase)
class WeldingDetectionReq(BodyContent):
    DC_EVStatus: din.DC_EVStatus


@element(substitutes=BodyBase)
class WeldingDetectionRes(BodyContent):
    ResponseCode: din.ResponseCode
    DC_EVSEStatus: din.DC_EVSEStatus
    EVSEPresentVoltage: PhysicalValue
