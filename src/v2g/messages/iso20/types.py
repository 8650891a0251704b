"""ISO 15118-20 CommonTypes: what the message sets of -20 share."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.iso20.types as ct
from v2g.exi.facets import (
    REF,
    REQUIRED,
    Base64Binary,
    Byte,
    Enumeration,
    HexBinary,
    Length,
    Occurs,
    Range,
    Short,
    Type,
    UnsignedInt,
    UnsignedLong,
    UnsignedShort,
    element,
)
from v2g.messages import mantissa
from v2g.messages import xmldsig as ds

NAMESPACE = "urn:iso:std:iso:15118:-20:CommonTypes"

NumericID = Annotated[int, Range(1, 4294967295)]
SessionID = Annotated[HexBinary, Length(8, 8)]
PercentValue = Annotated[int, Range(0, 100)]
Identifier = Annotated[str, Length(0, 255)]
Name = Annotated[str, Length(0, 80)]
Description = Annotated[str, Length(0, 160)]
MeterID = Annotated[str, Length(0, 32)]
MeterSignature = Annotated[Base64Binary, Length(0, 64)]


class EvseNotification(Enumeration):
    Pause = auto()
    ExitStandby = auto()
    Terminate = auto()
    ScheduleRenegotiation = auto()
    ServiceRenegotiation = auto()
    MeteringConfirmation = auto()


class Processing(Enumeration):
    Finished = auto()
    Ongoing = auto()
    Ongoing_WaitingForCustomerInteraction = auto()


class ResponseCode(Enumeration):
    OK = auto()
    OK_CertificateExpiresSoon = auto()
    OK_NewSessionEstablished = auto()
    OK_OldSessionJoined = auto()
    OK_PowerToleranceConfirmed = auto()
    WARNING_AuthorizationSelectionInvalid = auto()
    WARNING_CertificateExpired = auto()
    WARNING_CertificateNotYetValid = auto()
    WARNING_CertificateRevoked = auto()
    WARNING_CertificateValidationError = auto()
    WARNING_ChallengeInvalid = auto()
    WARNING_EIMAuthorizationFailure = auto()
    WARNING_eMSPUnknown = auto()
    WARNING_EVPowerProfileViolation = auto()
    WARNING_GeneralPnCAuthorizationError = auto()
    WARNING_NoCertificateAvailable = auto()
    WARNING_NoContractMatchingPCIDFound = auto()
    WARNING_PowerToleranceNotConfirmed = auto()
    WARNING_ScheduleRenegotiationFailed = auto()
    WARNING_StandbyNotAllowed = auto()
    WARNING_WPT = auto()
    FAILED = auto()
    FAILED_AssociationError = auto()
    FAILED_ContactorError = auto()
    FAILED_EVPowerProfileInvalid = auto()
    FAILED_EVPowerProfileViolation = auto()
    FAILED_MeteringSignatureNotValid = auto()
    FAILED_NoEnergyTransferServiceSelected = auto()
    FAILED_NoServiceRenegotiationSupported = auto()
    FAILED_PauseNotAllowed = auto()
    FAILED_PowerDeliveryNotApplied = auto()
    FAILED_PowerToleranceNotConfirmed = auto()
    FAILED_ScheduleRenegotiation = auto()
    FAILED_ScheduleSelectionInvalid = auto()
    FAILED_SequenceError = auto()
    FAILED_ServiceIDInvalid = auto()
    FAILED_ServiceSelectionInvalid = auto()
    FAILED_SignatureError = auto()
    FAILED_UnknownSession = auto()
    FAILED_WrongChargeParameter = auto()


# Messages


class MessageHeader(Type):
    SessionID: ct.SessionID
    TimeStamp: UnsignedLong
    Signature: Annotated[ds.Signature | None, REF] = None


class V2GMessage(Type):
    __abstract__ = True

    Header: MessageHeader


class V2GRequest(V2GMessage):
    __abstract__ = True


class V2GResponse(V2GMessage):
    __abstract__ = True

    ResponseCode: ct.ResponseCode


class ChargeParameterDiscoveryReq(V2GRequest):
    __abstract__ = True


class ChargeParameterDiscoveryRes(V2GResponse):
    __abstract__ = True


class ChargeLoopReq(V2GRequest):
    __abstract__ = True

    DisplayParameters: ct.DisplayParameters | None = None
    MeterInfoRequested: bool = REQUIRED


class ChargeLoopRes(V2GResponse):
    __abstract__ = True

    EVSEStatus: ct.EVSEStatus | None = None
    MeterInfo: ct.MeterInfo | None = None
    Receipt: ct.Receipt | None = None


# Control modes of the charge loop: heads of the substitution groups, and what their members have in common


@element
class CLReqControlMode(Type):
    __abstract__ = True


@element
class CLResControlMode(Type):
    __abstract__ = True


class Scheduled_CLReqControlMode(CLReqControlMode):
    __abstract__ = True

    EVTargetEnergyRequest: RationalNumber | None = None
    EVMaximumEnergyRequest: RationalNumber | None = None
    EVMinimumEnergyRequest: RationalNumber | None = None


class Scheduled_CLResControlMode(CLResControlMode):
    __abstract__ = True


class Dynamic_CLReqControlMode(CLReqControlMode):
    __abstract__ = True

    DepartureTime: UnsignedInt | None = None
    EVTargetEnergyRequest: RationalNumber = REQUIRED
    EVMaximumEnergyRequest: RationalNumber = REQUIRED
    EVMinimumEnergyRequest: RationalNumber = REQUIRED


class Dynamic_CLResControlMode(CLResControlMode):
    __abstract__ = True

    DepartureTime: UnsignedInt | None = None
    MinimumSOC: PercentValue | None = None
    TargetSOC: PercentValue | None = None
    AckMaxDelay: UnsignedShort | None = None


# Common types


class DisplayParameters(Type):
    PresentSOC: PercentValue | None = None
    MinimumSOC: PercentValue | None = None
    TargetSOC: PercentValue | None = None
    MaximumSOC: PercentValue | None = None
    RemainingTimeToMinimumSOC: UnsignedInt | None = None
    RemainingTimeToTargetSOC: UnsignedInt | None = None
    RemainingTimeToMaximumSOC: UnsignedInt | None = None
    ChargingComplete: bool | None = None
    BatteryEnergyCapacity: RationalNumber | None = None
    InletHot: bool | None = None


class EVSEStatus(Type):
    NotificationMaxDelay: UnsignedShort
    EVSENotification: EvseNotification


class RationalNumber(Type):
    """`Value * 10**Exponent`; ISO 15118-20 limits the exponent to -3..3."""

    Exponent: Byte
    Value: Short

    @classmethod
    def of(cls, value: float) -> RationalNumber:
        """The nearest number to `value`, with an error of at most half a unit of the last digit. Raises ValueError for
        what has no room: beyond 32 767 000, or not a number."""
        return cls(*mantissa.split(value))

    @property
    def value(self) -> float:
        """The number as a float, correctly rounded."""
        return mantissa.join(self.Exponent, self.Value)


class MeterInfo(Type):
    MeterID: ct.MeterID
    ChargedEnergyReadingWh: UnsignedLong
    BPT_DischargedEnergyReadingWh: UnsignedLong | None = None
    CapacitiveEnergyReadingVARh: UnsignedLong | None = None
    BPT_InductiveEnergyReadingVARh: UnsignedLong | None = None
    MeterSignature: ct.MeterSignature | None = None
    MeterStatus: Short | None = None
    MeterTimestamp: UnsignedLong | None = None


# Receipts


class DetailedCost(Type):
    Amount: RationalNumber
    CostPerUnit: RationalNumber


class DetailedTax(Type):
    TaxRuleID: NumericID
    Amount: RationalNumber


class Receipt(Type):
    TimeAnchor: UnsignedLong
    EnergyCosts: DetailedCost | None = None
    OccupancyCosts: DetailedCost | None = None
    AdditionalServicesCosts: DetailedCost | None = None
    OverstayCosts: DetailedCost | None = None
    TaxCosts: Annotated[list[DetailedTax], Occurs(0, 10)] = []


class ListOfRootCertificateIDs(Type):
    RootCertificateID: Annotated[list[ds.X509IssuerSerial], Occurs(1, 20)]
