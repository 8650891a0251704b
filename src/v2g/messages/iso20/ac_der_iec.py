"""ISO 15118-20 Amendment 1: AC charging with DER functions, IEC variant."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.iso20.ac_der_iec as ac_der_iec
from v2g.exi.facets import (
    CHOICE,
    REF,
    REQUIRED,
    Enumeration,
    Occurs,
    Type,
    UnsignedByte,
    UnsignedInt,
    UnsignedShort,
    element,
)
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:AC-DER-IEC"


class PowerFactorExcitation(Enumeration):
    OverExcited = auto()
    UnderExcited = auto()


class CurveDataPointsUnit(Enumeration):
    V = auto()
    Hz = auto()
    W = auto()
    s = auto()
    var = auto()


class LockValueUnit(Enumeration):
    V = auto()
    Hz = auto()
    W = auto()
    s = auto()
    var = auto()


class PowerReference(Enumeration):
    MaximumDischargePower = auto()
    MomentaryPower = auto()


class EvOperatingMode(Enumeration):
    GridFollowing = auto()
    GridForming = auto()


class GridConnectionMode(Enumeration):
    GridConnected = auto()
    GridIslanded = auto()


@element
class AC_ChargeParameterDiscoveryReq(ct.ChargeParameterDiscoveryReq):
    AC_CPDReqEnergyTransferMode: Annotated[ac_der_iec.AC_CPDReqEnergyTransferMode, REF]


@element
class AC_ChargeParameterDiscoveryRes(ct.ChargeParameterDiscoveryRes):
    AC_CPDResEnergyTransferMode: Annotated[ac_der_iec.AC_CPDResEnergyTransferMode, REF]


@element
class AC_ChargeLoopReq(ct.ChargeLoopReq):
    CLReqControlMode: Annotated[ct.CLReqControlMode, REF] = REQUIRED


@element
class AC_ChargeLoopRes(ct.ChargeLoopRes):
    EVSETargetFrequency: ct.RationalNumber | None = None
    CLResControlMode: Annotated[ct.CLResControlMode, REF] = REQUIRED


class SetpointExcitation(Type):
    SetpointValue: ct.RationalNumber
    Excitation: PowerFactorExcitation | None = None


class DataTuple(Type):
    xValue: ct.RationalNumber
    yValue: SetpointExcitation


class CurveDataPointsList(Type):
    CurveDataPoint: Annotated[list[DataTuple], Occurs(2, 10)]


class DERCurve(Type):
    xUnit: CurveDataPointsUnit
    yUnit: CurveDataPointsUnit
    CurveDataPoints: CurveDataPointsList
    MinCosPhi: ct.RationalNumber | None = None
    LockValueUnit: ac_der_iec.LockValueUnit | None = None
    LockInValue: ct.RationalNumber | None = None
    LockOutValue: ct.RationalNumber | None = None
    PT1ResponseReactivePower: bool = REQUIRED
    StepResponseTimeConstantReactivePower: ct.RationalNumber = REQUIRED
    IntentionalDelay: ct.RationalNumber | None = None


class FrequencyWatt(Type):
    Fstart: ct.RationalNumber
    Fstop: ct.RationalNumber
    IntentionalDelayFstop: UnsignedShort | None = None
    Slope: ct.RationalNumber = REQUIRED
    DeactivationTime: UnsignedShort | None = None
    IntentionalDelayPowerControl: UnsignedShort | None = None
    PowerReference: ac_der_iec.PowerReference = REQUIRED
    HysteresisControl: bool = REQUIRED
    PowerUpRamp: UnsignedShort | None = None
    PT1ResponseActivePower: bool = REQUIRED
    StepResponseTimeConstantActivePower: ct.RationalNumber = REQUIRED


class VoltWatt(Type):
    PowerReference: ac_der_iec.PowerReference
    UStart: ct.RationalNumber
    UStop: ct.RationalNumber
    PT1ResponseActivePower: bool
    StepResponseTimeConstantActivePower: ct.RationalNumber
    IntentionalDelayPowerControl: UnsignedInt | None = None


class FaultRideThrough(Type):
    VoltageLimitStartFRT: ct.RationalNumber
    VoltageLimitStopFRT: ct.RationalNumber | None = None
    VoltageRecoveryLimit: ct.RationalNumber | None = None
    VoltageRideThroughPositiveCurveKFactor: ct.RationalNumber | None = None
    VoltageRideThroughNegativeCurveKFactor: ct.RationalNumber | None = None
    PT1ResponseActivePower: bool = REQUIRED
    StepResponseTimeConstantActivePower: ct.RationalNumber = REQUIRED
    PT1ResponseReactivePower: bool = REQUIRED
    StepResponseTimeConstantReactivePower: ct.RationalNumber = REQUIRED


class ZeroCurrent(Type):
    OverVoltageLimit: ct.RationalNumber | None = None
    UnderVoltageLimit: ct.RationalNumber | None = None
    OverVoltageRecoveryLimit: ct.RationalNumber | None = None
    UnderVoltageRecoveryLimit: ct.RationalNumber | None = None
    PT1ResponseActivePower: bool = REQUIRED
    StepResponseTimeConstantActivePower: ct.RationalNumber = REQUIRED
    PT1ResponseReactivePower: bool = REQUIRED
    StepResponseTimeConstantReactivePower: ct.RationalNumber = REQUIRED


class ReactivePowerSupport(Type):
    VoltVar: Annotated[DERCurve | None, CHOICE] = None
    WattVar: Annotated[DERCurve | None, CHOICE] = None
    WattCosPhi: Annotated[DERCurve | None, CHOICE] = None


class ActivePowerSupport(Type):
    UnderFrequencyWatt: FrequencyWatt | None = None
    OverFrequencyWatt: FrequencyWatt | None = None
    VoltWatt: ac_der_iec.VoltWatt | None = None


@element
class AC_CPDReqEnergyTransferMode(Type):
    EVMaximumChargePower: ct.RationalNumber
    EVMaximumChargePower_L2: ct.RationalNumber | None = None
    EVMaximumChargePower_L3: ct.RationalNumber | None = None
    EVMinimumChargePower: ct.RationalNumber = REQUIRED
    EVMinimumChargePower_L2: ct.RationalNumber | None = None
    EVMinimumChargePower_L3: ct.RationalNumber | None = None


@element
class AC_CPDResEnergyTransferMode(Type):
    EVSEMaximumChargePower: ct.RationalNumber
    EVSEMaximumChargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L3: ct.RationalNumber | None = None
    EVSEMinimumChargePower: ct.RationalNumber = REQUIRED
    EVSEMinimumChargePower_L2: ct.RationalNumber | None = None
    EVSEMinimumChargePower_L3: ct.RationalNumber | None = None
    EVSENominalFrequency: ct.RationalNumber = REQUIRED
    MaximumPowerAsymmetry: ct.RationalNumber | None = None
    EVSEPowerRampLimitation: ct.RationalNumber | None = None
    EVSEPresentActivePower: ct.RationalNumber | None = None
    EVSEPresentActivePower_L2: ct.RationalNumber | None = None
    EVSEPresentActivePower_L3: ct.RationalNumber | None = None


@element(substitutes=ct.CLReqControlMode)
class Dynamic_AC_CLReqControlMode(ct.Dynamic_CLReqControlMode):
    EVMaximumChargePower: ct.RationalNumber = REQUIRED
    EVMaximumChargePower_L2: ct.RationalNumber | None = None
    EVMaximumChargePower_L3: ct.RationalNumber | None = None
    EVMinimumChargePower: ct.RationalNumber = REQUIRED
    EVMinimumChargePower_L2: ct.RationalNumber | None = None
    EVMinimumChargePower_L3: ct.RationalNumber | None = None
    EVPresentActivePower: ct.RationalNumber = REQUIRED
    EVPresentActivePower_L2: ct.RationalNumber | None = None
    EVPresentActivePower_L3: ct.RationalNumber | None = None
    EVPresentReactivePower: ct.RationalNumber = REQUIRED
    EVPresentReactivePower_L2: ct.RationalNumber | None = None
    EVPresentReactivePower_L3: ct.RationalNumber | None = None


@element(substitutes=ct.CLReqControlMode)
class Scheduled_AC_CLReqControlMode(ct.Scheduled_CLReqControlMode):
    EVMaximumChargePower: ct.RationalNumber | None = None
    EVMaximumChargePower_L2: ct.RationalNumber | None = None
    EVMaximumChargePower_L3: ct.RationalNumber | None = None
    EVMinimumChargePower: ct.RationalNumber | None = None
    EVMinimumChargePower_L2: ct.RationalNumber | None = None
    EVMinimumChargePower_L3: ct.RationalNumber | None = None
    EVPresentActivePower: ct.RationalNumber = REQUIRED
    EVPresentActivePower_L2: ct.RationalNumber | None = None
    EVPresentActivePower_L3: ct.RationalNumber | None = None
    EVPresentReactivePower: ct.RationalNumber | None = None
    EVPresentReactivePower_L2: ct.RationalNumber | None = None
    EVPresentReactivePower_L3: ct.RationalNumber | None = None


@element(substitutes=ct.CLResControlMode)
class Dynamic_AC_CLResControlMode(ct.Dynamic_CLResControlMode):
    EVSETargetActivePower: ct.RationalNumber = REQUIRED
    EVSETargetActivePower_L2: ct.RationalNumber | None = None
    EVSETargetActivePower_L3: ct.RationalNumber | None = None
    EVSETargetReactivePower: ct.RationalNumber | None = None
    EVSETargetReactivePower_L2: ct.RationalNumber | None = None
    EVSETargetReactivePower_L3: ct.RationalNumber | None = None
    EVSEPresentActivePower: ct.RationalNumber | None = None
    EVSEPresentActivePower_L2: ct.RationalNumber | None = None
    EVSEPresentActivePower_L3: ct.RationalNumber | None = None


@element(substitutes=ct.CLResControlMode)
class Scheduled_AC_CLResControlMode(ct.Scheduled_CLResControlMode):
    EVSETargetActivePower: ct.RationalNumber | None = None
    EVSETargetActivePower_L2: ct.RationalNumber | None = None
    EVSETargetActivePower_L3: ct.RationalNumber | None = None
    EVSETargetReactivePower: ct.RationalNumber | None = None
    EVSETargetReactivePower_L2: ct.RationalNumber | None = None
    EVSETargetReactivePower_L3: ct.RationalNumber | None = None
    EVSEPresentActivePower: ct.RationalNumber | None = None
    EVSEPresentActivePower_L2: ct.RationalNumber | None = None
    EVSEPresentActivePower_L3: ct.RationalNumber | None = None


class EVReactivePowerLimits(Type):
    EVMaximumChargeReactivePower: ct.RationalNumber
    EVMaximumChargeReactivePower_L2: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower_L3: ct.RationalNumber | None = None
    EVMinimumChargeReactivePower: ct.RationalNumber | None = None
    EVMinimumChargeReactivePower_L2: ct.RationalNumber | None = None
    EVMinimumChargeReactivePower_L3: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargeReactivePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargeReactivePower: ct.RationalNumber | None = None
    EVMinimumDischargeReactivePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargeReactivePower_L3: ct.RationalNumber | None = None


class DSOQSetpoint(Type):
    DSOQSetpointValue: ct.RationalNumber
    DSOQSetpointValue_L2: ct.RationalNumber | None = None
    DSOQSetpointValue_L3: ct.RationalNumber | None = None
    PT1ResponseReactivePower: bool = REQUIRED
    StepResponseTimeConstantReactivePower: ct.RationalNumber = REQUIRED


class DERControl(Type):
    OvervoltageFaultRideThrough: FaultRideThrough | None = None
    UndervoltageFaultRideThrough: FaultRideThrough | None = None
    ZeroCurrent: ac_der_iec.ZeroCurrent | None = None
    ReactivePowerSupport: ac_der_iec.ReactivePowerSupport | None = None
    ActivePowerSupport: ac_der_iec.ActivePowerSupport | None = None
    MaximumLevelDCInjection: ct.RationalNumber | None = None


class DSOCosPhiSetpoint(Type):
    DSOCosPhiSetpointValue: ct.RationalNumber
    DSOCosPhiSetpointValue_L2: ct.RationalNumber | None = None
    DSOCosPhiSetpointValue_L3: ct.RationalNumber | None = None
    Excitation: PowerFactorExcitation = REQUIRED
    PT1ResponseReactivePower: bool = REQUIRED
    StepResponseTimeConstantReactivePower: ct.RationalNumber = REQUIRED


@element(substitutes=AC_CPDReqEnergyTransferMode)
class BPT_AC_CPDReqEnergyTransferMode(AC_CPDReqEnergyTransferMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None


@element(substitutes=AC_CPDResEnergyTransferMode)
class BPT_AC_CPDResEnergyTransferMode(AC_CPDResEnergyTransferMode):
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVSEMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMinimumDischargePower_L3: ct.RationalNumber | None = None


@element(substitutes=AC_CPDReqEnergyTransferMode)
class DER_AC_CPDReqEnergyTransferMode(AC_CPDReqEnergyTransferMode):
    EVProcessing: ct.Processing = REQUIRED
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    EVSessionTotalDischargeEnergyAvailable: ct.RationalNumber | None = None
    EVReactivePowerLimits: ac_der_iec.EVReactivePowerLimits | None = None


@element(substitutes=AC_CPDResEnergyTransferMode)
class DER_AC_CPDResEnergyTransferMode(AC_CPDResEnergyTransferMode):
    EVSENominalChargePower: ct.RationalNumber = REQUIRED
    EVSENominalChargePower_L2: ct.RationalNumber | None = None
    EVSENominalChargePower_L3: ct.RationalNumber | None = None
    EVSENominalDischargePower: ct.RationalNumber = REQUIRED
    EVSENominalDischargePower_L2: ct.RationalNumber | None = None
    EVSENominalDischargePower_L3: ct.RationalNumber | None = None
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVOperatingMode: EvOperatingMode = REQUIRED
    GridConnectionMode: ac_der_iec.GridConnectionMode = REQUIRED
    DERControl: ac_der_iec.DERControl = REQUIRED


@element(substitutes=Scheduled_AC_CLReqControlMode)
class BPT_Scheduled_AC_CLReqControlMode(Scheduled_AC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber | None = None
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber | None = None
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None


@element(substitutes=Scheduled_AC_CLResControlMode)
class BPT_Scheduled_AC_CLResControlMode(Scheduled_AC_CLResControlMode): ...


@element(substitutes=Dynamic_AC_CLReqControlMode)
class BPT_Dynamic_AC_CLReqControlMode(Dynamic_AC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    EVMaximumV2XEnergyRequest: ct.RationalNumber | None = None
    EVMinimumV2XEnergyRequest: ct.RationalNumber | None = None


@element(substitutes=Dynamic_AC_CLResControlMode)
class BPT_Dynamic_AC_CLResControlMode(Dynamic_AC_CLResControlMode): ...


@element(substitutes=Dynamic_AC_CLReqControlMode)
class DER_Dynamic_AC_CLReqControlMode(Dynamic_AC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower_L2: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower_L3: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower_L3: ct.RationalNumber | None = None
    GridEventCondition: UnsignedByte = REQUIRED
    EVMaximumV2XEnergyRequest: ct.RationalNumber | None = None
    EVMinimumV2XEnergyRequest: ct.RationalNumber | None = None
    EVSessionTotalDischargeEnergyAvailable: ct.RationalNumber | None = None


@element(substitutes=Dynamic_AC_CLResControlMode)
class DER_Dynamic_AC_CLResControlMode(Dynamic_AC_CLResControlMode):
    EVSEMaximumChargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumChargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L3: ct.RationalNumber | None = None
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    DSOMaximumDischargePower: ct.RationalNumber | None = None
    DSOMaximumDischargePower_L2: ct.RationalNumber | None = None
    DSOMaximumDischargePower_L3: ct.RationalNumber | None = None
    DSOQSetpoint: ac_der_iec.DSOQSetpoint | None = None
    DSOCosPhiSetpoint: ac_der_iec.DSOCosPhiSetpoint | None = None


@element(substitutes=Scheduled_AC_CLReqControlMode)
class DER_Scheduled_AC_CLReqControlMode(Scheduled_AC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower_L2: ct.RationalNumber | None = None
    EVMaximumChargeReactivePower_L3: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargeReactivePower_L3: ct.RationalNumber | None = None
    GridEventCondition: UnsignedByte = REQUIRED


@element(substitutes=Scheduled_AC_CLResControlMode)
class DER_Scheduled_AC_CLResControlMode(Scheduled_AC_CLResControlMode):
    EVSEMaximumChargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumChargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L3: ct.RationalNumber | None = None
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    DSOMaximumDischargePower: ct.RationalNumber | None = None
    DSOMaximumDischargePower_L2: ct.RationalNumber | None = None
    DSOMaximumDischargePower_L3: ct.RationalNumber | None = None
    DSOQSetpoint: ac_der_iec.DSOQSetpoint | None = None
    DSOCosPhiSetpoint: ac_der_iec.DSOCosPhiSetpoint | None = None
