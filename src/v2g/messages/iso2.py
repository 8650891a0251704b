"""ISO 15118-2: the message set of 2013 (AC and DC charging)."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.iso2 as iso2
from v2g.exi.facets import (
    ATTRIBUTE,
    CHOICE,
    CONTENT,
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
    UnsignedLong,
    UnsignedShort,
    element,
)
from v2g.messages import mantissa
from v2g.messages import xmldsig as ds

NAMESPACE = "urn:iso:15118:2:2013:MsgDataTypes"
QUALIFIED_ATTRIBUTES = True

PercentValue = Annotated[int, Range(0, 100)]
FaultMsg = Annotated[str, Length(0, 64)]
ServiceName = Annotated[str, Length(0, 32)]
ServiceScope = Annotated[str, Length(0, 64)]
MaxNumPhases = Annotated[int, Range(1, 3)]
MeterStatus = Short
GenChallenge = Annotated[Base64Binary, Length(16, 16)]
Certificate = Annotated[Base64Binary, Length(0, 800)]
DHpublickey = Annotated[Base64Binary, Length(0, 65)]
PrivateKey = Annotated[Base64Binary, Length(0, 48)]
SigMeterReading = Annotated[Base64Binary, Length(0, 64)]
SessionID = Annotated[HexBinary, Length(0, 8)]
EvccID = Annotated[HexBinary, Length(0, 6)]
EvseID = Annotated[str, Length(7, 37)]
ServiceID = UnsignedShort
EMAIDString = Annotated[str, Length(14, 15)]
MeterID = Annotated[str, Length(0, 32)]
SAID = Annotated[int, Range(1, 255)]
TariffDescription = Annotated[str, Length(0, 32)]
IntervalStart = Annotated[int, Range(0, 16777214)]
IntervalDuration = Annotated[int, Range(0, 86400)]
UnitMultiplier = Annotated[int, Range(-3, 3)]


class EVSEProcessing(Enumeration):
    Finished = auto()
    Ongoing = auto()
    Ongoing_WaitingForCustomerInteraction = auto()


class EVSENotification(Enumeration):
    None_ = "None"
    StopCharging = auto()
    ReNegotiation = auto()


class ChargeProgress(Enumeration):
    Start = auto()
    Stop = auto()
    Renegotiate = auto()


class ChargingSession(Enumeration):
    Terminate = auto()
    Pause = auto()


class ServiceCategory(Enumeration):
    EVCharging = auto()
    Internet = auto()
    ContractCertificate = auto()
    OtherCustom = auto()


class Value(Enumeration):
    bool = auto()
    byte = auto()
    short = auto()
    int = auto()
    physicalValue = auto()
    string = auto()


class EnergyTransferMode(Enumeration):
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
    FAILED_MeteringSignatureNotValid = auto()
    FAILED_NoChargeServiceSelected = auto()
    FAILED_WrongEnergyTransferMode = auto()
    FAILED_ContactorError = auto()
    FAILED_CertificateNotAllowedAtThisEVSE = auto()
    FAILED_CertificateRevoked = auto()


class UnitSymbol(Enumeration):
    h = auto()
    m = auto()
    s = auto()
    A = auto()
    V = auto()
    W = auto()
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
    No_IMD = auto()


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


# Namespace MsgDataTypes


class Service(Type):
    ServiceID: iso2.ServiceID
    ServiceName: iso2.ServiceName | None = None
    ServiceCategory: iso2.ServiceCategory = REQUIRED
    ServiceScope: iso2.ServiceScope | None = None
    FreeService: bool = REQUIRED


class ServiceList(Type):
    Service: Annotated[list[iso2.Service], Occurs(1, 8)]


class SelectedServiceList(Type):
    SelectedService: Annotated[list[iso2.SelectedService], Occurs(1, 16)]


class SelectedService(Type):
    ServiceID: iso2.ServiceID
    ParameterSetID: Short | None = None


class ServiceParameterList(Type):
    ParameterSet: Annotated[list[iso2.ParameterSet], Occurs(1, 255)]


class ParameterSet(Type):
    ParameterSetID: Short
    Parameter: Annotated[list[iso2.Parameter], Occurs(1, 16)]


class Parameter(Type):
    boolValue: Annotated[bool | None, CHOICE] = None
    byteValue: Annotated[Byte | None, CHOICE] = None
    shortValue: Annotated[Short | None, CHOICE] = None
    intValue: Annotated[Int | None, CHOICE] = None
    physicalValue: Annotated[PhysicalValue | None, CHOICE] = None
    stringValue: Annotated[str | None, CHOICE] = None
    Name: Annotated[str, ATTRIBUTE] = REQUIRED


class ChargeService(Service):
    SupportedEnergyTransferMode: iso2.SupportedEnergyTransferMode = REQUIRED


class SupportedEnergyTransferMode(Type):
    EnergyTransferMode: Annotated[list[iso2.EnergyTransferMode], Occurs(1, 6)]


class ContractSignatureEncryptedPrivateKey(Type):
    value: Annotated[PrivateKey, CONTENT]
    Id: ID


class DiffieHellmanPublickey(Type):
    value: Annotated[DHpublickey, CONTENT]
    Id: ID


class EMAID(Type):
    value: Annotated[EMAIDString, CONTENT]
    Id: ID


class CertificateChain(Type):
    Certificate: iso2.Certificate
    SubCertificates: iso2.SubCertificates | None = None
    Id: ID | None = None


class SubCertificates(Type):
    Certificate: Annotated[list[iso2.Certificate], Occurs(1, 4)]


class ListOfRootCertificateIDs(Type):
    RootCertificateID: Annotated[list[ds.X509IssuerSerial], Occurs(1, 20)]


class MeterInfo(Type):
    MeterID: iso2.MeterID
    MeterReading: UnsignedLong | None = None
    SigMeterReading: iso2.SigMeterReading | None = None
    MeterStatus: iso2.MeterStatus | None = None
    TMeter: Long | None = None


class PhysicalValue(Type):
    """`Value * 10**Multiplier` of a unit."""

    Multiplier: UnitMultiplier
    Unit: UnitSymbol
    Value: Short

    @classmethod
    def of(cls, value: float, unit: UnitSymbol) -> PhysicalValue:
        """The nearest number to `value`, with an error of at most half a unit of the last digit. Raises ValueError for
        what has no room: beyond 32 767 000, or not a number."""
        multiplier, number = mantissa.split(value)
        return cls(multiplier, unit, number)

    @property
    def value(self) -> float:
        """The number as a float, correctly rounded."""
        return mantissa.join(self.Multiplier, self.Value)


class Notification(Type):
    FaultCode: iso2.FaultCode
    FaultMsg: iso2.FaultMsg | None = None


@element
class SASchedules(Type):
    __abstract__ = True


@element(substitutes=SASchedules)
class SAScheduleList(SASchedules):
    SAScheduleTuple: Annotated[list[iso2.SAScheduleTuple], Occurs(1, 3)]


class SAScheduleTuple(Type):
    SAScheduleTupleID: SAID
    PMaxSchedule: iso2.PMaxSchedule
    SalesTariff: iso2.SalesTariff | None = None


class SalesTariff(Type):
    SalesTariffID: SAID
    SalesTariffDescription: TariffDescription | None = None
    NumEPriceLevels: UnsignedByte | None = None
    SalesTariffEntry: Annotated[list[iso2.SalesTariffEntry], REF, Occurs(1, 1024)] = REQUIRED
    Id: ID | None = None


class PMaxSchedule(Type):
    PMaxScheduleEntry: Annotated[list[iso2.PMaxScheduleEntry], REF, Occurs(1, 1024)]


@element
class Entry(Type):
    __abstract__ = True

    TimeInterval: Annotated[Interval, REF]


@element(substitutes=Entry)
class SalesTariffEntry(Entry):
    EPriceLevel: UnsignedByte | None = None
    ConsumptionCost: Annotated[list[iso2.ConsumptionCost], Occurs(0, 3)] = []


@element(substitutes=Entry)
class PMaxScheduleEntry(Entry):
    PMax: PhysicalValue


@element("TimeInterval")
class Interval(Type):
    __abstract__ = True


@element(substitutes=Interval)
class RelativeTimeInterval(Interval):
    start: IntervalStart
    duration: IntervalDuration | None = None


class ConsumptionCost(Type):
    startValue: PhysicalValue
    Cost: Annotated[list[iso2.Cost], Occurs(1, 3)]


class Cost(Type):
    costKind: CostKind
    amount: UnsignedInt
    amountMultiplier: UnitMultiplier | None = None


@element
class EVSEStatus(Type):
    __abstract__ = True

    NotificationMaxDelay: UnsignedShort
    EVSENotification: iso2.EVSENotification


@element(substitutes=EVSEStatus)
class AC_EVSEStatus(EVSEStatus):
    RCD: bool


@element
class EVStatus(Type):
    __abstract__ = True


@element(substitutes=EVSEStatus)
class DC_EVSEStatus(EVSEStatus):
    EVSEIsolationStatus: IsolationLevel | None = None
    EVSEStatusCode: DC_EVSEStatusCode = REQUIRED


@element(substitutes=EVStatus)
class DC_EVStatus(EVStatus):
    EVReady: bool
    EVErrorCode: DC_EVErrorCode
    EVRESSSOC: PercentValue


@element
class EVChargeParameter(Type):
    __abstract__ = True

    DepartureTime: UnsignedInt | None = None


@element(substitutes=EVChargeParameter)
class AC_EVChargeParameter(EVChargeParameter):
    EAmount: PhysicalValue = REQUIRED
    EVMaxVoltage: PhysicalValue = REQUIRED
    EVMaxCurrent: PhysicalValue = REQUIRED
    EVMinCurrent: PhysicalValue = REQUIRED


@element(substitutes=EVChargeParameter)
class DC_EVChargeParameter(EVChargeParameter):
    DC_EVStatus: iso2.DC_EVStatus = REQUIRED
    EVMaximumCurrentLimit: PhysicalValue = REQUIRED
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
    AC_EVSEStatus: iso2.AC_EVSEStatus
    EVSENominalVoltage: PhysicalValue
    EVSEMaxCurrent: PhysicalValue


@element(substitutes=EVSEChargeParameter)
class DC_EVSEChargeParameter(EVSEChargeParameter):
    DC_EVSEStatus: iso2.DC_EVSEStatus
    EVSEMaximumCurrentLimit: PhysicalValue
    EVSEMaximumPowerLimit: PhysicalValue
    EVSEMaximumVoltageLimit: PhysicalValue
    EVSEMinimumCurrentLimit: PhysicalValue
    EVSEMinimumVoltageLimit: PhysicalValue
    EVSECurrentRegulationTolerance: PhysicalValue | None = None
    EVSEPeakCurrentRipple: PhysicalValue = REQUIRED
    EVSEEnergyToBeDelivered: PhysicalValue | None = None


@element
class EVPowerDeliveryParameter(Type):
    __abstract__ = True


@element(substitutes=EVPowerDeliveryParameter)
class DC_EVPowerDeliveryParameter(EVPowerDeliveryParameter):
    DC_EVStatus: iso2.DC_EVStatus
    BulkChargingComplete: bool | None = None
    ChargingComplete: bool = REQUIRED


class ChargingProfile(Type):
    ProfileEntry: Annotated[list[iso2.ProfileEntry], Occurs(1, 24)]


class ProfileEntry(Type):
    ChargingProfileEntryStart: UnsignedInt
    ChargingProfileEntryMaxPower: PhysicalValue
    ChargingProfileEntryMaxNumberOfPhasesInUse: MaxNumPhases | None = None


class PaymentOptionList(Type):
    PaymentOption: Annotated[list[iso2.PaymentOption], Occurs(1, 2)]


# Namespaces MsgHeader and MsgBody


class MessageHeader(Type):
    __namespace__ = "urn:iso:15118:2:2013:MsgHeader"

    SessionID: iso2.SessionID
    Notification: iso2.Notification | None = None
    Signature: Annotated[ds.Signature | None, REF] = None


class Body(Type):
    __namespace__ = "urn:iso:15118:2:2013:MsgBody"

    BodyElement: Annotated[BodyBase | None, REF] = None


@element("BodyElement")
class BodyBase(Type):
    __namespace__ = "urn:iso:15118:2:2013:MsgBody"
    __abstract__ = True


@element(substitutes=BodyBase)
class SessionSetupReq(BodyBase):
    EVCCID: EvccID


@element(substitutes=BodyBase)
class SessionSetupRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    EVSEID: EvseID
    EVSETimeStamp: Long | None = None


@element(substitutes=BodyBase)
class ServiceDiscoveryReq(BodyBase):
    ServiceScope: iso2.ServiceScope | None = None
    ServiceCategory: iso2.ServiceCategory | None = None


@element(substitutes=BodyBase)
class ServiceDiscoveryRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    PaymentOptionList: iso2.PaymentOptionList
    ChargeService: iso2.ChargeService
    ServiceList: iso2.ServiceList | None = None


@element(substitutes=BodyBase)
class ServiceDetailReq(BodyBase):
    ServiceID: iso2.ServiceID


@element(substitutes=BodyBase)
class ServiceDetailRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    ServiceID: iso2.ServiceID
    ServiceParameterList: iso2.ServiceParameterList | None = None


@element(substitutes=BodyBase)
class PaymentServiceSelectionReq(BodyBase):
    SelectedPaymentOption: PaymentOption
    SelectedServiceList: iso2.SelectedServiceList


@element(substitutes=BodyBase)
class PaymentServiceSelectionRes(BodyBase):
    ResponseCode: iso2.ResponseCode


@element(substitutes=BodyBase)
class PaymentDetailsReq(BodyBase):
    eMAID: EMAIDString
    ContractSignatureCertChain: CertificateChain


@element(substitutes=BodyBase)
class PaymentDetailsRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    GenChallenge: iso2.GenChallenge
    EVSETimeStamp: Long


@element(substitutes=BodyBase)
class AuthorizationReq(BodyBase):
    GenChallenge: iso2.GenChallenge | None = None
    Id: ID | None = None


@element(substitutes=BodyBase)
class AuthorizationRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    EVSEProcessing: iso2.EVSEProcessing


@element(substitutes=BodyBase)
class ChargeParameterDiscoveryReq(BodyBase):
    MaxEntriesSAScheduleTuple: UnsignedShort | None = None
    RequestedEnergyTransferMode: EnergyTransferMode = REQUIRED
    EVChargeParameter: Annotated[iso2.EVChargeParameter, REF] = REQUIRED


@element(substitutes=BodyBase)
class ChargeParameterDiscoveryRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    EVSEProcessing: iso2.EVSEProcessing
    SASchedules: Annotated[iso2.SASchedules | None, REF] = None
    EVSEChargeParameter: Annotated[iso2.EVSEChargeParameter, REF] = REQUIRED


@element(substitutes=BodyBase)
class PowerDeliveryReq(BodyBase):
    ChargeProgress: iso2.ChargeProgress
    SAScheduleTupleID: SAID
    ChargingProfile: iso2.ChargingProfile | None = None
    EVPowerDeliveryParameter: Annotated[iso2.EVPowerDeliveryParameter | None, REF] = None


@element(substitutes=BodyBase)
class PowerDeliveryRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    EVSEStatus: Annotated[iso2.EVSEStatus, REF]


@element(substitutes=BodyBase)
class MeteringReceiptReq(BodyBase):
    SessionID: iso2.SessionID
    SAScheduleTupleID: SAID | None = None
    MeterInfo: iso2.MeterInfo = REQUIRED
    Id: ID | None = None


@element(substitutes=BodyBase)
class MeteringReceiptRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    EVSEStatus: Annotated[iso2.EVSEStatus, REF]


@element(substitutes=BodyBase)
class SessionStopReq(BodyBase):
    ChargingSession: iso2.ChargingSession


@element(substitutes=BodyBase)
class SessionStopRes(BodyBase):
    ResponseCode: iso2.ResponseCode


@element(substitutes=BodyBase)
class CertificateUpdateReq(BodyBase):
    ContractSignatureCertChain: CertificateChain
    eMAID: EMAIDString
    ListOfRootCertificateIDs: iso2.ListOfRootCertificateIDs
    Id: ID


@element(substitutes=BodyBase)
class CertificateUpdateRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    SAProvisioningCertificateChain: CertificateChain
    ContractSignatureCertChain: CertificateChain
    ContractSignatureEncryptedPrivateKey: iso2.ContractSignatureEncryptedPrivateKey
    DHpublickey: DiffieHellmanPublickey
    eMAID: EMAID
    RetryCounter: Short | None = None


@element(substitutes=BodyBase)
class CertificateInstallationReq(BodyBase):
    OEMProvisioningCert: Certificate
    ListOfRootCertificateIDs: iso2.ListOfRootCertificateIDs
    Id: ID


@element(substitutes=BodyBase)
class CertificateInstallationRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    SAProvisioningCertificateChain: CertificateChain
    ContractSignatureCertChain: CertificateChain
    ContractSignatureEncryptedPrivateKey: iso2.ContractSignatureEncryptedPrivateKey
    DHpublickey: DiffieHellmanPublickey
    eMAID: EMAID


@element(substitutes=BodyBase)
class ChargingStatusReq(BodyBase): ...


@element(substitutes=BodyBase)
class ChargingStatusRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    EVSEID: EvseID
    SAScheduleTupleID: SAID
    EVSEMaxCurrent: PhysicalValue | None = None
    MeterInfo: iso2.MeterInfo | None = None
    ReceiptRequired: bool | None = None
    AC_EVSEStatus: iso2.AC_EVSEStatus = REQUIRED


@element(substitutes=BodyBase)
class CableCheckReq(BodyBase):
    DC_EVStatus: iso2.DC_EVStatus


@element(substitutes=BodyBase)
class CableCheckRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    DC_EVSEStatus: iso2.DC_EVSEStatus
    EVSEProcessing: iso2.EVSEProcessing


@element(substitutes=BodyBase)
class PreChargeReq(BodyBase):
    DC_EVStatus: iso2.DC_EVStatus
    EVTargetVoltage: PhysicalValue
    EVTargetCurrent: PhysicalValue


@element(substitutes=BodyBase)
class PreChargeRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    DC_EVSEStatus: iso2.DC_EVSEStatus
    EVSEPresentVoltage: PhysicalValue


@element(substitutes=BodyBase)
class CurrentDemandReq(BodyBase):
    DC_EVStatus: iso2.DC_EVStatus
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
class CurrentDemandRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    DC_EVSEStatus: iso2.DC_EVSEStatus
    EVSEPresentVoltage: PhysicalValue
    EVSEPresentCurrent: PhysicalValue
    EVSECurrentLimitAchieved: bool
    EVSEVoltageLimitAchieved: bool
    EVSEPowerLimitAchieved: bool
    EVSEMaximumVoltageLimit: PhysicalValue | None = None
    EVSEMaximumCurrentLimit: PhysicalValue | None = None
    EVSEMaximumPowerLimit: PhysicalValue | None = None
    EVSEID: EvseID = REQUIRED
    SAScheduleTupleID: SAID = REQUIRED
    MeterInfo: iso2.MeterInfo | None = None
    ReceiptRequired: bool | None = None


@element(substitutes=BodyBase)
class WeldingDetectionReq(BodyBase):
    DC_EVStatus: iso2.DC_EVStatus


@element(substitutes=BodyBase)
class WeldingDetectionRes(BodyBase):
    ResponseCode: iso2.ResponseCode
    DC_EVSEStatus: iso2.DC_EVSEStatus
    EVSEPresentVoltage: PhysicalValue


# Namespace MsgDef


@element
class V2G_Message(Type):
    __namespace__ = "urn:iso:15118:2:2013:MsgDef"

    Header: MessageHeader
    Body: iso2.Body
