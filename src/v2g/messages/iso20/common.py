"""ISO 15118-20 CommonMessages: the messages of every -20 session, whatever the energy transfer."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.iso20.common as common
from v2g.exi.facets import (
    ATTRIBUTE,
    CHOICE,
    ID,
    OPTIONAL_CHOICE,
    REQUIRED,
    Base64Binary,
    Byte,
    Enumeration,
    Int,
    Length,
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
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:CommonMessages"
QUALIFIED_ATTRIBUTES = True

GenChallenge = Annotated[Base64Binary, Length(16, 16)]
ServiceID = UnsignedShort
MaxSupportingPointsScheduleTuple = Annotated[int, Range(12, 1024)]
DhPublicKey = Annotated[Base64Binary, Length(133, 133)]
Secp521_EncryptedPrivateKey = Annotated[Base64Binary, Length(94, 94)]
X448_EncryptedPrivateKey = Annotated[Base64Binary, Length(84, 84)]
Tpm_EncryptedPrivateKey = Annotated[Base64Binary, Length(206, 206)]
Currency = Annotated[str, Length(0, 3)]
Language = Annotated[str, Length(0, 3)]
Certificate = Annotated[Base64Binary, Length(0, 1600)]


class Authorization(Enumeration):
    EIM = auto()
    PnC = auto()


class ChargeProgress(Enumeration):
    Start = auto()
    Stop = auto()
    Standby = auto()
    ScheduleRenegotiation = auto()


class ChannelSelection(Enumeration):
    Charge = auto()
    Discharge = auto()


class EcdhCurve(Enumeration):
    SECP521 = auto()
    X448 = auto()


class ChargingSession(Enumeration):
    Pause = auto()
    Terminate = auto()
    ServiceRenegotiation = auto()


class EvCheckInStatus(Enumeration):
    CheckIn = auto()
    Processing = auto()
    Completed = auto()


class EvCheckOutStatus(Enumeration):
    CheckOut = auto()
    Processing = auto()
    Completed = auto()


class EvseCheckOutStatus(Enumeration):
    Scheduled = auto()
    Completed = auto()


class ParkingMethod(Enumeration):
    AutoParking = auto()
    MVGuideManual = auto()
    Manual = auto()


class PowerToleranceAcceptance(Enumeration):
    PowerToleranceNotConfirmed = auto()
    PowerToleranceConfirmed = auto()


# Messages


@element
class SessionSetupReq(ct.V2GRequest):
    EVCCID: ct.Identifier


@element
class SessionSetupRes(ct.V2GResponse):
    EVSEID: ct.Identifier


@element
class AuthorizationSetupReq(ct.V2GRequest): ...


@element
class AuthorizationSetupRes(ct.V2GResponse):
    AuthorizationServices: Annotated[list[Authorization], Occurs(1, 2)]
    CertificateInstallationService: bool
    EIM_ASResAuthorizationMode: Annotated[common.EIM_ASResAuthorizationMode | None, CHOICE] = None
    PnC_ASResAuthorizationMode: Annotated[common.PnC_ASResAuthorizationMode | None, CHOICE] = None


@element
class AuthorizationReq(ct.V2GRequest):
    SelectedAuthorizationService: Authorization
    EIM_AReqAuthorizationMode: Annotated[common.EIM_AReqAuthorizationMode | None, CHOICE] = None
    PnC_AReqAuthorizationMode: Annotated[common.PnC_AReqAuthorizationMode | None, CHOICE] = None


@element
class AuthorizationRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing


@element
class ServiceDiscoveryReq(ct.V2GRequest):
    SupportedServiceIDs: ServiceIDList | None = None


@element
class ServiceDiscoveryRes(ct.V2GResponse):
    ServiceRenegotiationSupported: bool
    EnergyTransferServiceList: ServiceList
    VASList: ServiceList | None = None


@element
class ServiceDetailReq(ct.V2GRequest):
    ServiceID: common.ServiceID


@element
class ServiceDetailRes(ct.V2GResponse):
    ServiceID: common.ServiceID
    ServiceParameterList: common.ServiceParameterList


@element
class ServiceSelectionReq(ct.V2GRequest):
    SelectedEnergyTransferService: SelectedService
    SelectedVASList: SelectedServiceList | None = None


@element
class ServiceSelectionRes(ct.V2GResponse): ...


@element
class ScheduleExchangeReq(ct.V2GRequest):
    MaximumSupportingPoints: MaxSupportingPointsScheduleTuple
    Dynamic_SEReqControlMode: Annotated[common.Dynamic_SEReqControlMode | None, CHOICE] = None
    Scheduled_SEReqControlMode: Annotated[common.Scheduled_SEReqControlMode | None, CHOICE] = None


@element
class ScheduleExchangeRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    GoToPause: bool | None = None
    Dynamic_SEResControlMode: Annotated[common.Dynamic_SEResControlMode | None, CHOICE] = None
    Scheduled_SEResControlMode: Annotated[common.Scheduled_SEResControlMode | None, CHOICE] = None


@element
class PowerDeliveryReq(ct.V2GRequest):
    EVProcessing: ct.Processing
    ChargeProgress: common.ChargeProgress
    EVPowerProfile: common.EVPowerProfile | None = None
    BPT_ChannelSelection: ChannelSelection | None = None


@element
class PowerDeliveryRes(ct.V2GResponse):
    EVSEStatus: ct.EVSEStatus | None = None


@element
class MeteringConfirmationReq(ct.V2GRequest):
    SignedMeteringData: common.SignedMeteringData


@element
class MeteringConfirmationRes(ct.V2GResponse): ...


@element
class SessionStopReq(ct.V2GRequest):
    ChargingSession: common.ChargingSession
    EVTerminationCode: ct.Name | None = None
    EVTerminationExplanation: ct.Description | None = None


@element
class SessionStopRes(ct.V2GResponse): ...


@element
class CertificateInstallationReq(ct.V2GRequest):
    OEMProvisioningCertificateChain: SignedCertificateChain
    ListOfRootCertificateIDs: ct.ListOfRootCertificateIDs
    MaximumContractCertificateChains: UnsignedByte
    PrioritizedEMAIDs: EMAIDList | None = None


@element
class CertificateInstallationRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    CPSCertificateChain: CertificateChain
    SignedInstallationData: common.SignedInstallationData
    RemainingContractCertificateChains: UnsignedByte


@element
class VehicleCheckInReq(ct.V2GRequest):
    EVCheckInStatus: EvCheckInStatus
    ParkingMethod: common.ParkingMethod
    VehicleFrame: Short | None = None
    DeviceOffset: Short | None = None
    VehicleTravel: Short | None = None


@element
class VehicleCheckInRes(ct.V2GResponse):
    ParkingSpace: Short | None = None
    DeviceLocation: Short | None = None
    TargetDistance: Short | None = None


@element
class VehicleCheckOutReq(ct.V2GRequest):
    EVCheckOutStatus: EvCheckOutStatus
    CheckOutTime: UnsignedLong


@element
class VehicleCheckOutRes(ct.V2GResponse):
    EVSECheckOutStatus: EvseCheckOutStatus


# Authorization


class PnC_ASResAuthorizationMode(Type):
    GenChallenge: common.GenChallenge
    SupportedProviders: SupportedProvidersList | None = None


class SupportedProvidersList(Type):
    ProviderID: Annotated[list[ct.Name], Occurs(1, 128)]


class EIM_ASResAuthorizationMode(Type): ...


class PnC_AReqAuthorizationMode(Type):
    GenChallenge: common.GenChallenge
    ContractCertificateChain: common.ContractCertificateChain
    Id: ID


class EIM_AReqAuthorizationMode(Type): ...


# Services and their parameters


class ServiceIDList(Type):
    ServiceID: Annotated[list[common.ServiceID], Occurs(1, 16)]


class Service(Type):
    ServiceID: common.ServiceID
    FreeService: bool


class ServiceList(Type):
    Service: Annotated[list[common.Service], Occurs(1, 8)]


class SelectedService(Type):
    ServiceID: common.ServiceID
    ParameterSetID: common.ServiceID


class SelectedServiceList(Type):
    SelectedService: Annotated[list[common.SelectedService], Occurs(1, 16)]


class Parameter(Type):
    boolValue: Annotated[bool | None, CHOICE] = None
    byteValue: Annotated[Byte | None, CHOICE] = None
    shortValue: Annotated[Short | None, CHOICE] = None
    intValue: Annotated[Int | None, CHOICE] = None
    rationalNumber: Annotated[ct.RationalNumber | None, CHOICE] = None
    finiteString: Annotated[ct.Name | None, CHOICE] = None
    Name: Annotated[ct.Name, ATTRIBUTE] = REQUIRED


class ParameterSet(Type):
    ParameterSetID: ServiceID
    Parameter: Annotated[list[common.Parameter], Occurs(1, 32)]


class ServiceParameterList(Type):
    ParameterSet: Annotated[list[common.ParameterSet], Occurs(1, 32)]


# Schedules, requested and offered


class ScheduleTuple(Type):
    ScheduleTupleID: ct.NumericID
    ChargingSchedule: common.ChargingSchedule
    DischargingSchedule: common.ChargingSchedule | None = None


class ChargingSchedule(Type):
    PowerSchedule: common.PowerSchedule
    AbsolutePriceSchedule: Annotated[common.AbsolutePriceSchedule | None, OPTIONAL_CHOICE] = None
    PriceLevelSchedule: Annotated[common.PriceLevelSchedule | None, OPTIONAL_CHOICE] = None


class Scheduled_SEReqControlMode(Type):
    DepartureTime: UnsignedInt | None = None
    EVTargetEnergyRequest: ct.RationalNumber | None = None
    EVMaximumEnergyRequest: ct.RationalNumber | None = None
    EVMinimumEnergyRequest: ct.RationalNumber | None = None
    EVEnergyOffer: common.EVEnergyOffer | None = None


class Scheduled_SEResControlMode(Type):
    ScheduleTuple: Annotated[list[common.ScheduleTuple], Occurs(1, 3)]


class Dynamic_SEReqControlMode(Type):
    DepartureTime: UnsignedInt
    MinimumSOC: ct.PercentValue | None = None
    TargetSOC: ct.PercentValue | None = None
    EVTargetEnergyRequest: ct.RationalNumber = REQUIRED
    EVMaximumEnergyRequest: ct.RationalNumber = REQUIRED
    EVMinimumEnergyRequest: ct.RationalNumber = REQUIRED
    EVMaximumV2XEnergyRequest: ct.RationalNumber | None = None
    EVMinimumV2XEnergyRequest: ct.RationalNumber | None = None


class Dynamic_SEResControlMode(Type):
    DepartureTime: UnsignedInt | None = None
    MinimumSOC: ct.PercentValue | None = None
    TargetSOC: ct.PercentValue | None = None
    AbsolutePriceSchedule: Annotated[common.AbsolutePriceSchedule | None, OPTIONAL_CHOICE] = None
    PriceLevelSchedule: Annotated[common.PriceLevelSchedule | None, OPTIONAL_CHOICE] = None


# What is signed besides certificates and prices


@element
class SignedInstallationData(Type):
    ContractCertificateChain: common.ContractCertificateChain
    ECDHCurve: EcdhCurve
    DHPublicKey: DhPublicKey
    SECP521_EncryptedPrivateKey: Annotated[Secp521_EncryptedPrivateKey | None, CHOICE] = None
    X448_EncryptedPrivateKey: Annotated[common.X448_EncryptedPrivateKey | None, CHOICE] = None
    TPM_EncryptedPrivateKey: Annotated[Tpm_EncryptedPrivateKey | None, CHOICE] = None
    Id: ID = REQUIRED


@element
class SignedMeteringData(Type):
    SessionID: ct.SessionID
    MeterInfo: ct.MeterInfo
    Receipt: ct.Receipt | None = None
    Dynamic_SMDTControlMode: Annotated[common.Dynamic_SMDTControlMode | None, CHOICE] = None
    Scheduled_SMDTControlMode: Annotated[common.Scheduled_SMDTControlMode | None, CHOICE] = None
    Id: ID = REQUIRED


class Scheduled_SMDTControlMode(Type):
    SelectedScheduleTupleID: ct.NumericID


class Dynamic_SMDTControlMode(Type): ...


class TargetPosition(Type):
    TargetOffsetX: UnsignedShort
    TargetOffsetY: UnsignedShort


# Power over time


class PowerSchedule(Type):
    TimeAnchor: UnsignedLong
    AvailableEnergy: ct.RationalNumber | None = None
    PowerTolerance: ct.RationalNumber | None = None
    PowerScheduleEntries: PowerScheduleEntryList = REQUIRED


class PowerScheduleEntryList(Type):
    PowerScheduleEntry: Annotated[list[common.PowerScheduleEntry], Occurs(1, 1024)]


class PowerScheduleEntry(Type):
    Duration: UnsignedInt
    Power: ct.RationalNumber
    Power_L2: ct.RationalNumber | None = None
    Power_L3: ct.RationalNumber | None = None


# Prices


class PriceSchedule(Type):
    __abstract__ = True

    TimeAnchor: UnsignedLong
    PriceScheduleID: ct.NumericID
    PriceScheduleDescription: ct.Description | None = None


class PriceLevelSchedule(PriceSchedule):
    NumberOfPriceLevels: UnsignedByte = REQUIRED
    PriceLevelScheduleEntries: PriceLevelScheduleEntryList = REQUIRED
    Id: ID | None = None


class PriceLevelScheduleEntryList(Type):
    PriceLevelScheduleEntry: Annotated[list[common.PriceLevelScheduleEntry], Occurs(1, 1024)]


class PriceLevelScheduleEntry(Type):
    Duration: UnsignedInt
    PriceLevel: UnsignedByte


class AbsolutePriceSchedule(PriceSchedule):
    Currency: common.Currency = REQUIRED
    Language: common.Language = REQUIRED
    PriceAlgorithm: ct.Identifier = REQUIRED
    MinimumCost: ct.RationalNumber | None = None
    MaximumCost: ct.RationalNumber | None = None
    TaxRules: TaxRuleList | None = None
    PriceRuleStacks: PriceRuleStackList = REQUIRED
    OverstayRules: OverstayRuleList | None = None
    AdditionalSelectedServices: AdditionalServiceList | None = None
    Id: ID | None = None


class TaxRuleList(Type):
    TaxRule: Annotated[list[common.TaxRule], Occurs(1, 10)]


class TaxRule(Type):
    TaxRuleID: ct.NumericID
    TaxRuleName: ct.Name | None = None
    TaxRate: ct.RationalNumber = REQUIRED
    TaxIncludedInPrice: bool | None = None
    AppliesToEnergyFee: bool = REQUIRED
    AppliesToParkingFee: bool = REQUIRED
    AppliesToOverstayFee: bool = REQUIRED
    AppliesMinimumMaximumCost: bool = REQUIRED


class PriceRuleStackList(Type):
    PriceRuleStack: Annotated[list[common.PriceRuleStack], Occurs(1, 1024)]


class PriceRuleStack(Type):
    Duration: UnsignedInt
    PriceRule: Annotated[list[common.PriceRule], Occurs(1, 8)]


class PriceRule(Type):
    EnergyFee: ct.RationalNumber
    ParkingFee: ct.RationalNumber | None = None
    ParkingFeePeriod: UnsignedInt | None = None
    CarbonDioxideEmission: UnsignedShort | None = None
    RenewableGenerationPercentage: UnsignedByte | None = None
    PowerRangeStart: ct.RationalNumber = REQUIRED


class OverstayRuleList(Type):
    OverstayTimeThreshold: UnsignedInt | None = None
    OverstayPowerThreshold: ct.RationalNumber | None = None
    OverstayRule: Annotated[list[common.OverstayRule], Occurs(1, 5)] = REQUIRED


class OverstayRule(Type):
    OverstayRuleDescription: ct.Description | None = None
    StartTime: UnsignedInt = REQUIRED
    OverstayFee: ct.RationalNumber = REQUIRED
    OverstayFeePeriod: UnsignedInt = REQUIRED


class AdditionalServiceList(Type):
    AdditionalService: Annotated[list[common.AdditionalService], Occurs(1, 5)]


class AdditionalService(Type):
    ServiceName: ct.Name
    ServiceFee: ct.RationalNumber


# The power profile and the energy offer of the car


class EVPowerProfileEntryList(Type):
    EVPowerProfileEntry: Annotated[list[PowerScheduleEntry], Occurs(1, 2048)]


class EVPowerProfile(Type):
    TimeAnchor: UnsignedLong
    Dynamic_EVPPTControlMode: Annotated[common.Dynamic_EVPPTControlMode | None, CHOICE] = None
    Scheduled_EVPPTControlMode: Annotated[common.Scheduled_EVPPTControlMode | None, CHOICE] = None
    EVPowerProfileEntries: EVPowerProfileEntryList = REQUIRED


class Scheduled_EVPPTControlMode(Type):
    SelectedScheduleTupleID: ct.NumericID
    PowerToleranceAcceptance: common.PowerToleranceAcceptance | None = None


class Dynamic_EVPPTControlMode(Type): ...


class EVEnergyOffer(Type):
    EVPowerSchedule: common.EVPowerSchedule
    EVAbsolutePriceSchedule: common.EVAbsolutePriceSchedule


class EVPowerSchedule(Type):
    TimeAnchor: UnsignedLong
    EVPowerScheduleEntries: EVPowerScheduleEntryList


class EVPowerScheduleEntryList(Type):
    EVPowerScheduleEntry: Annotated[list[common.EVPowerScheduleEntry], Occurs(1, 1024)]


class EVPowerScheduleEntry(Type):
    Duration: UnsignedInt
    Power: ct.RationalNumber


class EVAbsolutePriceSchedule(Type):
    TimeAnchor: UnsignedLong
    Currency: common.Currency
    PriceAlgorithm: ct.Identifier
    EVPriceRuleStacks: EVPriceRuleStackList


class EVPriceRuleStackList(Type):
    EVPriceRuleStack: Annotated[list[common.EVPriceRuleStack], Occurs(1, 1024)]


class EVPriceRuleStack(Type):
    Duration: UnsignedInt
    EVPriceRule: Annotated[list[common.EVPriceRule], Occurs(1, 8)]


class EVPriceRule(Type):
    EnergyFee: ct.RationalNumber
    PowerRangeStart: ct.RationalNumber


# Certificates


class EMAIDList(Type):
    EMAID: Annotated[list[ct.Identifier], Occurs(1, 8)]


class SubCertificates(Type):
    Certificate: Annotated[list[common.Certificate], Occurs(1, 3)]


class CertificateChain(Type):
    Certificate: common.Certificate
    SubCertificates: common.SubCertificates | None = None


class SignedCertificateChain(Type):
    Certificate: common.Certificate
    SubCertificates: common.SubCertificates | None = None
    Id: ID = REQUIRED


class ContractCertificateChain(Type):
    Certificate: common.Certificate
    SubCertificates: common.SubCertificates
