"""ISO 15118-20 Amendment 1: AC charging with DER functions, SAE variant."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.iso20.ac_der_sae as ac_der_sae
from v2g.exi.facets import (
    REF,
    REQUIRED,
    Enumeration,
    Length,
    Occurs,
    Type,
    UnsignedInt,
    UnsignedLong,
    UnsignedShort,
    element,
)
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:AC-DER-SAE"

EvInverterSwVersion = Annotated[str, Length(0, 32)]
EvInverterHwVersion = Annotated[str, Length(0, 32)]
EvInverterManufacturer = Annotated[str, Length(0, 32)]
EvInverterModel = Annotated[str, Length(0, 32)]
EvInverterSerialNumber = Annotated[str, Length(0, 32)]


class PowerReference(Enumeration):
    MaximumActivePower = auto()
    MomentaryPower = auto()


class DerUnit(Enumeration):
    V = auto()
    Hz = auto()
    W = auto()
    s = auto()
    var = auto()
    PercentageEVMaximumConfiguredActivePower = auto()
    PercentageEVMaximumConfiguredReactivePower = auto()
    PercentageEVMaximumConfiguredApparentPower = auto()
    PercentageEVMaximumAvailableActivePower = auto()
    PercentageEVMaximumAvailableReactivePower = auto()
    PercentageV = auto()


class PowerFactorExcitation(Enumeration):
    OverExcited = auto()
    UnderExcited = auto()


class Ieee1547NormalCategory(Enumeration):
    CategoryA = auto()
    CategoryB = auto()


class Ieee1547AbnormalCategory(Enumeration):
    CategoryI = auto()
    CategoryII = auto()
    CategoryIII = auto()


class DerOperationalState(Enumeration):
    On = auto()
    Off = auto()


class DerConnectionStatus(Enumeration):
    Disconnected = auto()
    Connected = auto()


class RequiredDEROperatingMode(Enumeration):
    GridFollowing = auto()
    GridForming = auto()


class GridConnectionMode(Enumeration):
    GridConnected = auto()
    GridIslanded = auto()


@element
class AC_ChargeParameterDiscoveryReq(ct.ChargeParameterDiscoveryReq):
    AC_CPDReqEnergyTransferMode: Annotated[ac_der_sae.AC_CPDReqEnergyTransferMode, REF]


@element
class AC_ChargeParameterDiscoveryRes(ct.ChargeParameterDiscoveryRes):
    AC_CPDResEnergyTransferMode: Annotated[ac_der_sae.AC_CPDResEnergyTransferMode, REF]


@element
class AC_ChargeLoopReq(ct.ChargeLoopReq):
    CLReqControlMode: Annotated[ct.CLReqControlMode, REF] = REQUIRED


@element
class AC_ChargeLoopRes(ct.ChargeLoopRes):
    EVSETargetFrequency: ct.RationalNumber | None = None
    CLResControlMode: Annotated[ct.CLResControlMode, REF] = REQUIRED


class DataTuple(Type):
    xValue: ct.RationalNumber
    yValue: ct.RationalNumber


class FrequencyDroopSettings(Type):
    db: ct.RationalNumber
    DroopFactor: ct.RationalNumber
    DroopFactor_L2: ct.RationalNumber | None = None
    DroopFactor_L3: ct.RationalNumber | None = None
    PowerReference: ac_der_sae.PowerReference = REQUIRED
    PowerReference_L2: ac_der_sae.PowerReference | None = None
    PowerReference_L3: ac_der_sae.PowerReference | None = None
    OpenLoopResponseTime: ct.RationalNumber = REQUIRED


class CurveDataPointsList(Type):
    CurveDataPoint: Annotated[list[DataTuple], Occurs(2, 10)]


class DERCurve(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    xUnit: DerUnit = REQUIRED
    yUnit: DerUnit = REQUIRED
    CurveDataPoints: CurveDataPointsList = REQUIRED
    CurveDataPoints_L2: CurveDataPointsList | None = None
    CurveDataPoints_L3: CurveDataPointsList | None = None


class ConstantPowerFactor(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    PowerFactorValue: ct.RationalNumber = REQUIRED
    PowerFactorValue_L2: ct.RationalNumber | None = None
    PowerFactorValue_L3: ct.RationalNumber | None = None
    PowerFactorExcitation: ac_der_sae.PowerFactorExcitation = REQUIRED
    PowerFactorExcitation_L2: ac_der_sae.PowerFactorExcitation | None = None
    PowerFactorExcitation_L3: ac_der_sae.PowerFactorExcitation | None = None


class FrequencyDroop(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    OverFrequencyDroop: FrequencyDroopSettings | None = None
    UnderFrequencyDroop: FrequencyDroopSettings | None = None


class VoltVar(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    xUnit: DerUnit = REQUIRED
    yUnit: DerUnit = REQUIRED
    CurveDataPoints: CurveDataPointsList = REQUIRED
    CurveDataPoints_L2: CurveDataPointsList | None = None
    CurveDataPoints_L3: CurveDataPointsList | None = None
    OpenLoopResponseTime: ct.RationalNumber = REQUIRED
    TimeConstantPT1: UnsignedInt | None = None
    ReferenceVoltage: ct.RationalNumber = REQUIRED
    AutonomousReferenceVoltageAdjustmentEnable: bool = REQUIRED
    ReferenceVoltageAdjustmentTimeConstant: UnsignedInt = REQUIRED


class VoltWatt(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    xUnit: DerUnit = REQUIRED
    yUnit: DerUnit = REQUIRED
    CurveDataPoints: CurveDataPointsList = REQUIRED
    CurveDataPoints_L2: CurveDataPointsList | None = None
    CurveDataPoints_L3: CurveDataPointsList | None = None
    OpenLoopResponseTime: ct.RationalNumber = REQUIRED
    TimeConstantPT1: UnsignedInt | None = None


class WattVar(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    xUnit: DerUnit = REQUIRED
    yUnit: DerUnit = REQUIRED
    CurveDataPoints: CurveDataPointsList = REQUIRED
    CurveDataPoints_L2: CurveDataPointsList | None = None
    CurveDataPoints_L3: CurveDataPointsList | None = None
    OpenLoopResponseTime: ct.RationalNumber | None = None
    TimeConstantPT1: UnsignedInt | None = None


class ConstantWatt(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    WattSetpoint: ct.RationalNumber = REQUIRED
    WattSetpoint_L2: ct.RationalNumber | None = None
    WattSetpoint_L3: ct.RationalNumber | None = None
    Unit: DerUnit = REQUIRED


class ConstantVar(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    VarSetpoint: ct.RationalNumber = REQUIRED
    VarSetpoint_L2: ct.RationalNumber | None = None
    VarSetpoint_L3: ct.RationalNumber | None = None
    Unit: DerUnit = REQUIRED


class LimitMaxDischargePower(Type):
    Enable: bool
    Priority: UnsignedShort | None = None
    PercentageValue: UnsignedShort = REQUIRED
    PercentageValue_L2: UnsignedShort | None = None
    PercentageValue_L3: UnsignedShort | None = None
    OpenLoopResponseTime: ct.RationalNumber | None = None


class VoltageTrip(Type):
    OverVoltageMustTripCurve: DERCurve
    UnderVoltageMustTripCurve: DERCurve
    OverVoltageMomentaryCessationTripCurve: DERCurve | None = None
    UnderVoltageMomentaryCessationTripCurve: DERCurve | None = None
    OverVoltageMayTripCurve: DERCurve | None = None
    UnderVoltageMayTripCurve: DERCurve | None = None


class FrequencyTrip(Type):
    OverFrequencyMustTripCurve: DERCurve
    UnderFrequencyMustTripCurve: DERCurve
    OverFrequencyMayTripCurve: DERCurve | None = None
    UnderFrequencyMayTripCurve: DERCurve | None = None


class EnterServiceCPDRes(Type):
    PermitService: bool
    EnterServiceVoltageHigh: ct.RationalNumber
    EnterServiceVoltageLow: ct.RationalNumber
    EnterServiceFrequencyHigh: ct.RationalNumber
    EnterServiceFrequencyLow: ct.RationalNumber
    EnterServiceDelay: ct.RationalNumber | None = None
    EnterServiceRandomizedDelay: ct.RationalNumber | None = None
    EnterServiceRampTime: ct.RationalNumber | None = None


class EnterServiceCLRes(Type):
    PermitService: bool
    EnterServiceVoltageHigh: ct.RationalNumber | None = None
    EnterServiceVoltageLow: ct.RationalNumber | None = None
    EnterServiceFrequencyHigh: ct.RationalNumber | None = None
    EnterServiceFrequencyLow: ct.RationalNumber | None = None
    EnterServiceDelay: ct.RationalNumber | None = None
    EnterServiceRandomizedDelay: ct.RationalNumber | None = None
    EnterServiceRampTime: ct.RationalNumber | None = None


class ReactivePowerSupportCPDRes(Type):
    ConstantPowerFactor: ac_der_sae.ConstantPowerFactor
    VoltVar: ac_der_sae.VoltVar
    WattVar: ac_der_sae.WattVar
    ConstantVar: ac_der_sae.ConstantVar


class ReactivePowerSupportCLRes(Type):
    ConstantPowerFactor: ac_der_sae.ConstantPowerFactor | None = None
    VoltVar: ac_der_sae.VoltVar | None = None
    WattVar: ac_der_sae.WattVar | None = None
    ConstantVar: ac_der_sae.ConstantVar | None = None


class ActivePowerSupportCPDRes(Type):
    FrequencyDroop: ac_der_sae.FrequencyDroop
    VoltWatt: ac_der_sae.VoltWatt
    ConstantWatt: ac_der_sae.ConstantWatt
    LimitMaxDischargePower: ac_der_sae.LimitMaxDischargePower


class ActivePowerSupportCLRes(Type):
    FrequencyDroop: ac_der_sae.FrequencyDroop | None = None
    VoltWatt: ac_der_sae.VoltWatt | None = None
    ConstantWatt: ac_der_sae.ConstantWatt | None = None
    LimitMaxDischargePower: ac_der_sae.LimitMaxDischargePower | None = None


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


class DERControlCLRes(Type):
    VoltageTrip: ac_der_sae.VoltageTrip | None = None
    FrequencyTrip: ac_der_sae.FrequencyTrip | None = None
    EnterServiceCLRes: ac_der_sae.EnterServiceCLRes = REQUIRED
    ReactivePowerSupportCLRes: ac_der_sae.ReactivePowerSupportCLRes | None = None
    ActivePowerSupportCLRes: ac_der_sae.ActivePowerSupportCLRes | None = None


class EVApparentPowerLimits(Type):
    EVMaximumApparentPowerDuringChargingAndVarAbsorption: ct.RationalNumber
    EVMaximumApparentPowerDuringChargingAndVarAbsorption_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringChargingAndVarAbsorption_L3: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringChargingAndVarInjection: ct.RationalNumber = REQUIRED
    EVMaximumApparentPowerDuringChargingAndVarInjection_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringChargingAndVarInjection_L3: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarAbsorption: ct.RationalNumber = REQUIRED
    EVMaximumApparentPowerDuringDischargingAndVarAbsorption_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarAbsorption_L3: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarInjection: ct.RationalNumber = REQUIRED
    EVMaximumApparentPowerDuringDischargingAndVarInjection_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarInjection_L3: ct.RationalNumber | None = None


class DERControlCPDRes(Type):
    VoltageTrip: ac_der_sae.VoltageTrip
    FrequencyTrip: ac_der_sae.FrequencyTrip
    EnterServiceCPDRes: ac_der_sae.EnterServiceCPDRes
    ReactivePowerSupportCPDRes: ac_der_sae.ReactivePowerSupportCPDRes
    ActivePowerSupportCPDRes: ac_der_sae.ActivePowerSupportCPDRes


class EVReactivePowerLimits(Type):
    EVMaximumVarAbsorptionDuringCharging: ct.RationalNumber
    EVMaximumVarAbsorptionDuringCharging_L2: ct.RationalNumber | None = None
    EVMaximumVarAbsorptionDuringCharging_L3: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringCharging: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringCharging_L2: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringCharging_L3: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringCharging: ct.RationalNumber = REQUIRED
    EVMaximumVarInjectionDuringCharging_L2: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringCharging_L3: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringCharging: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringCharging_L2: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringCharging_L3: ct.RationalNumber | None = None
    EVMaximumVarAbsorptionDuringDischarging: ct.RationalNumber = REQUIRED
    EVMaximumVarAbsorptionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMaximumVarAbsorptionDuringDischarging_L3: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringDischarging: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringDischarging_L3: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringDischarging: ct.RationalNumber = REQUIRED
    EVMaximumVarInjectionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringDischarging_L3: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringDischarging: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringDischarging_L3: ct.RationalNumber | None = None
    EVReactiveSusceptance: ct.RationalNumber = REQUIRED
    EVReactiveSusceptance_L2: ct.RationalNumber | None = None
    EVReactiveSusceptance_L3: ct.RationalNumber | None = None


class EVExcitationLimits(Type):
    EVSpecifiedOverExcitedPowerFactor: ct.RationalNumber
    EVSpecifiedOverExcitedPowerFactor_L2: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedPowerFactor_L3: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedDischargePower: ct.RationalNumber = REQUIRED
    EVSpecifiedOverExcitedDischargePower_L2: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedDischargePower_L3: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedPowerFactor: ct.RationalNumber = REQUIRED
    EVSpecifiedUnderExcitedPowerFactor_L2: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedPowerFactor_L3: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedDischargePower: ct.RationalNumber = REQUIRED
    EVSpecifiedUnderExcitedDischargePower_L2: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedDischargePower_L3: ct.RationalNumber | None = None


class EVInverterDetails(Type):
    EVInverterSwVersion: EvInverterSwVersion
    EVInverterHwVersion: EvInverterHwVersion | None = None
    EVInverterManufacturer: EvInverterManufacturer = REQUIRED
    EVInverterModel: EvInverterModel = REQUIRED
    EVInverterSerialNumber: EvInverterSerialNumber = REQUIRED


class EVSEReactivePowerLimits(Type):
    EVSEMaximumVarAbsorptionDuringCharging: ct.RationalNumber
    EVSEMaximumVarAbsorptionDuringCharging_L2: ct.RationalNumber | None = None
    EVSEMaximumVarAbsorptionDuringCharging_L3: ct.RationalNumber | None = None
    EVSEMaximumVarInjectionDuringCharging: ct.RationalNumber = REQUIRED
    EVSEMaximumVarInjectionDuringCharging_L2: ct.RationalNumber | None = None
    EVSEMaximumVarInjectionDuringCharging_L3: ct.RationalNumber | None = None
    EVSEMaximumVarAbsorptionDuringDischarging: ct.RationalNumber = REQUIRED
    EVSEMaximumVarAbsorptionDuringDischarging_L2: ct.RationalNumber | None = None
    EVSEMaximumVarAbsorptionDuringDischarging_L3: ct.RationalNumber | None = None
    EVSEMaximumVarInjectionDuringDischarging: ct.RationalNumber = REQUIRED
    EVSEMaximumVarInjectionDuringDischarging_L2: ct.RationalNumber | None = None
    EVSEMaximumVarInjectionDuringDischarging_L3: ct.RationalNumber | None = None


class GridLimits(Type):
    GridNominalFrequency: ct.RationalNumber
    GridNominalVoltage: ct.RationalNumber
    GridNominalVoltageOffset: ct.RationalNumber
    GridMinFrequency: ct.RationalNumber | None = None
    GridMaxFrequency: ct.RationalNumber | None = None
    GridMaximumVoltage: ct.RationalNumber = REQUIRED
    GridMinimumVoltage: ct.RationalNumber = REQUIRED


class EVApparentPower(Type):
    EVMaximumApparentPowerDuringChargingAndVarAbsorption: ct.RationalNumber
    EVMaximumApparentPowerDuringChargingAndVarAbsorption_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringChargingAndVarAbsorption_L3: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringChargingAndVarInjection: ct.RationalNumber = REQUIRED
    EVMaximumApparentPowerDuringChargingAndVarInjection_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringChargingAndVarInjection_L3: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarAbsorption: ct.RationalNumber = REQUIRED
    EVMaximumApparentPowerDuringDischargingAndVarAbsorption_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarAbsorption_L3: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarInjection: ct.RationalNumber = REQUIRED
    EVMaximumApparentPowerDuringDischargingAndVarInjection_L2: ct.RationalNumber | None = None
    EVMaximumApparentPowerDuringDischargingAndVarInjection_L3: ct.RationalNumber | None = None


class EVReactivePower(Type):
    EVMaximumVarAbsorptionDuringCharging: ct.RationalNumber
    EVMaximumVarAbsorptionDuringCharging_L2: ct.RationalNumber | None = None
    EVMaximumVarAbsorptionDuringCharging_L3: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringCharging: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringCharging_L2: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringCharging_L3: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringCharging: ct.RationalNumber = REQUIRED
    EVMaximumVarInjectionDuringCharging_L2: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringCharging_L3: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringCharging: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringCharging_L2: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringCharging_L3: ct.RationalNumber | None = None
    EVMaximumVarAbsorptionDuringDischarging: ct.RationalNumber = REQUIRED
    EVMaximumVarAbsorptionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMaximumVarAbsorptionDuringDischarging_L3: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringDischarging: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMinimumVarAbsorptionDuringDischarging_L3: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringDischarging: ct.RationalNumber = REQUIRED
    EVMaximumVarInjectionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMaximumVarInjectionDuringDischarging_L3: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringDischarging: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringDischarging_L2: ct.RationalNumber | None = None
    EVMinimumVarInjectionDuringDischarging_L3: ct.RationalNumber | None = None


class EVExcitation(Type):
    EVSpecifiedOverExcitedPowerFactor: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedPowerFactor_L2: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedPowerFactor_L3: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedDischargePower: ct.RationalNumber = REQUIRED
    EVSpecifiedOverExcitedDischargePower_L2: ct.RationalNumber | None = None
    EVSpecifiedOverExcitedDischargePower_L3: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedPowerFactor: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedPowerFactor_L2: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedPowerFactor_L3: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedDischargePower: ct.RationalNumber = REQUIRED
    EVSpecifiedUnderExcitedDischargePower_L2: ct.RationalNumber | None = None
    EVSpecifiedUnderExcitedDischargePower_L3: ct.RationalNumber | None = None


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
    EVMinimumDischargePower: ct.RationalNumber | None = None
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    EVSessionTotalDischargeEnergyAvailable: ct.RationalNumber | None = None
    EVApparentPowerLimits: ac_der_sae.EVApparentPowerLimits = REQUIRED
    EVReactivePowerLimits: ac_der_sae.EVReactivePowerLimits = REQUIRED
    EVExcitationLimits: ac_der_sae.EVExcitationLimits = REQUIRED
    EVInverterDetails: ac_der_sae.EVInverterDetails = REQUIRED
    IEEE1547NormalCategory: Ieee1547NormalCategory = REQUIRED
    IEEE1547AbnormalCategory: Ieee1547AbnormalCategory = REQUIRED
    EVNominalVoltage: ct.RationalNumber = REQUIRED
    EVMaximumVoltage: ct.RationalNumber = REQUIRED
    EVMinimumVoltage: ct.RationalNumber = REQUIRED
    EVNominalVoltageOffset: ct.RationalNumber = REQUIRED
    J3072Certified: bool = REQUIRED
    J3072CertificationDate: UnsignedLong = REQUIRED
    EVUseableWattHours: UnsignedInt = REQUIRED
    EVUpdateTime: UnsignedLong = REQUIRED
    SupportedModes: UnsignedInt = REQUIRED
    EnabledModes: UnsignedInt = REQUIRED


@element(substitutes=AC_CPDResEnergyTransferMode)
class DER_AC_CPDResEnergyTransferMode(AC_CPDResEnergyTransferMode):
    EVSEProcessing: ct.Processing = REQUIRED
    EVSEStatus: ct.EVSEStatus | None = None
    DERControlCPDRes: ac_der_sae.DERControlCPDRes = REQUIRED
    EVSENominalChargePower: ct.RationalNumber | None = None
    EVSENominalChargePower_L2: ct.RationalNumber | None = None
    EVSENominalChargePower_L3: ct.RationalNumber | None = None
    EVSENominalDischargePower: ct.RationalNumber | None = None
    EVSENominalDischargePower_L2: ct.RationalNumber | None = None
    EVSENominalDischargePower_L3: ct.RationalNumber | None = None
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVSEReactivePowerLimits: ac_der_sae.EVSEReactivePowerLimits = REQUIRED
    GridLimits: ac_der_sae.GridLimits = REQUIRED
    RequiredDEROperatingMode: ac_der_sae.RequiredDEROperatingMode = REQUIRED
    GridConnectionMode: ac_der_sae.GridConnectionMode = REQUIRED
    EVSEUpdateTime: UnsignedLong = REQUIRED


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


@element(substitutes=Scheduled_AC_CLReqControlMode)
class DER_Scheduled_AC_CLReqControlMode(Scheduled_AC_CLReqControlMode):
    EVPresentVoltage: ct.RationalNumber = REQUIRED
    EVPresentFrequency: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower: ct.RationalNumber | None = None
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber | None = None
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    DEROperationalState: DerOperationalState = REQUIRED
    DERConnectionStatus: DerConnectionStatus = REQUIRED
    EVApparentPower: ac_der_sae.EVApparentPower | None = None
    EVReactivePower: ac_der_sae.EVReactivePower | None = None
    EVExcitation: ac_der_sae.EVExcitation | None = None
    EVUpdateTime: UnsignedLong = REQUIRED
    EVMinimumChargingDuration: UnsignedInt | None = None
    EVDurationMaximumChargeRate: UnsignedInt | None = None
    EVDurationMaximumDischargeRate: UnsignedInt | None = None
    DERAlarmStatus: UnsignedInt = REQUIRED
    EnabledModes: UnsignedInt = REQUIRED


@element(substitutes=Scheduled_AC_CLResControlMode)
class DER_Scheduled_AC_CLResControlMode(Scheduled_AC_CLResControlMode):
    DERControlCLRes: ac_der_sae.DERControlCLRes = REQUIRED
    EVSEMaximumChargePower: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L3: ct.RationalNumber | None = None
    EVSEMaximumDischargePower: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    RequiredDEROperatingMode: ac_der_sae.RequiredDEROperatingMode | None = None
    GridConnectionMode: ac_der_sae.GridConnectionMode | None = None


@element(substitutes=Dynamic_AC_CLReqControlMode)
class DER_Dynamic_AC_CLReqControlMode(Dynamic_AC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVMaximumDischargePower_L3: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower_L2: ct.RationalNumber | None = None
    EVMinimumDischargePower_L3: ct.RationalNumber | None = None
    EVPresentVoltage: ct.RationalNumber = REQUIRED
    EVPresentFrequency: ct.RationalNumber = REQUIRED
    EVSessionTotalDischargeEnergyAvailable: ct.RationalNumber | None = None
    EVApparentPower: ac_der_sae.EVApparentPower | None = None
    EVReactivePower: ac_der_sae.EVReactivePower | None = None
    EVExcitation: ac_der_sae.EVExcitation | None = None
    EVMaximumV2XEnergyRequest: ct.RationalNumber | None = None
    EVMinimumV2XEnergyRequest: ct.RationalNumber | None = None
    DEROperationalState: DerOperationalState = REQUIRED
    DERConnectionStatus: DerConnectionStatus = REQUIRED
    EVUpdateTime: UnsignedLong = REQUIRED
    EVMinimumChargingDuration: UnsignedInt = REQUIRED
    EVDurationMaximumChargeRate: UnsignedInt = REQUIRED
    EVDurationMaximumDischargeRate: UnsignedInt = REQUIRED
    DERAlarmStatus: UnsignedInt = REQUIRED
    EnabledModes: UnsignedInt = REQUIRED


@element(substitutes=Dynamic_AC_CLResControlMode)
class DER_Dynamic_AC_CLResControlMode(Dynamic_AC_CLResControlMode):
    DERControlCLRes: ac_der_sae.DERControlCLRes = REQUIRED
    EVSEMaximumChargePower: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumChargePower_L3: ct.RationalNumber | None = None
    EVSEMaximumDischargePower: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L2: ct.RationalNumber | None = None
    EVSEMaximumDischargePower_L3: ct.RationalNumber | None = None
    RequiredDEROperatingMode: ac_der_sae.RequiredDEROperatingMode | None = None
    GridConnectionMode: ac_der_sae.GridConnectionMode | None = None
