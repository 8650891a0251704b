"""ISO 15118-20 ACDP messages."""

from __future__ import annotations

from enum import auto

import v2g.messages.iso20.acdp as acdp
from v2g.exi.facets import Enumeration, Short, Type, element
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:ACDP"


class CpStatus(Enumeration):
    StateA = auto()
    StateB = auto()
    StateC = auto()
    StateD = auto()
    StateE = auto()


class ErrorCode(Enumeration):
    OK_NoEVError = auto()
    FAILED = auto()
    FAILED_EmergencyEvent = auto()
    FAILED_Breaker = auto()
    FAILED_RESSTemperatureInhibit = auto()
    FAILED_RESS = auto()
    FAILED_ChargingCurrentDifferential = auto()
    FAILED_ChargingVoltageOutOfRange = auto()
    FAILED_Reserved1 = auto()
    FAILED_Reserved2 = auto()


class IsolationStatus(Enumeration):
    Invalid = auto()
    Safe = auto()
    Warning = auto()
    Fault = auto()


class ElectricalChargingDeviceStatus(Enumeration):
    State_A = auto()
    State_B = auto()
    State_C = auto()
    State_D = auto()


class MechanicalChargingDeviceStatus(Enumeration):
    Home = auto()
    Moving = auto()
    EndPosition = auto()


@element
class ACDP_VehiclePositioningReq(ct.V2GRequest):
    EVMobilityStatus: bool
    EVPositioningSupport: bool


@element
class ACDP_VehiclePositioningRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    EVSEPositioningSupport: bool
    EVRelativeXDeviation: Short
    EVRelativeYDeviation: Short
    ContactWindowXc: Short
    ContactWindowYc: Short
    EVInChargePosition: bool


@element
class ACDP_ConnectReq(ct.V2GRequest):
    EVElectricalChargingDeviceStatus: ElectricalChargingDeviceStatus


@element
class ACDP_DisconnectReq(ACDP_ConnectReq): ...


@element
class ACDP_ConnectRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    EVSEElectricalChargingDeviceStatus: ElectricalChargingDeviceStatus
    EVSEMechanicalChargingDeviceStatus: MechanicalChargingDeviceStatus


@element
class ACDP_DisconnectRes(ACDP_ConnectRes): ...


@element
class ACDP_SystemStatusReq(ct.V2GRequest):
    EVTechnicalStatus: acdp.EVTechnicalStatus


@element
class ACDP_SystemStatusRes(ct.V2GResponse):
    EVSEMechanicalChargingDeviceStatus: MechanicalChargingDeviceStatus
    EVSEReadyToCharge: bool
    EVSEIsolationStatus: IsolationStatus
    EVSEDisabled: bool
    EVSEUtilityInterruptEvent: bool
    EVSEEmergencyShutdown: bool
    EVSEMalfunction: bool
    EVInChargePosition: bool
    EVAssociationStatus: bool


class EVTechnicalStatus(Type):
    EVReadyToCharge: bool
    EVImmobilizationRequest: bool
    EVImmobilized: bool | None = None
    EVWLANStrength: ct.RationalNumber | None = None
    EVCPStatus: CpStatus | None = None
    EVSOC: ct.PercentValue | None = None
    EVErrorCode: ErrorCode | None = None
    EVTimeout: bool | None = None
