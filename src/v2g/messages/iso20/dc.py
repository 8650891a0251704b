"""ISO 15118-20 DC messages."""

from __future__ import annotations

from typing import Annotated

import v2g.messages.iso20.dc as dc
from v2g.exi.facets import REF, REQUIRED, Type, element
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:DC"


# Messages


@element
class DC_ChargeParameterDiscoveryReq(ct.ChargeParameterDiscoveryReq):
    DC_CPDReqEnergyTransferMode: Annotated[dc.DC_CPDReqEnergyTransferMode, REF]


@element
class DC_ChargeParameterDiscoveryRes(ct.ChargeParameterDiscoveryRes):
    DC_CPDResEnergyTransferMode: Annotated[dc.DC_CPDResEnergyTransferMode, REF]


@element
class DC_CableCheckReq(ct.V2GRequest): ...


@element
class DC_CableCheckRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing


@element
class DC_PreChargeReq(ct.V2GRequest):
    EVProcessing: ct.Processing
    EVPresentVoltage: ct.RationalNumber
    EVTargetVoltage: ct.RationalNumber


@element
class DC_PreChargeRes(ct.V2GResponse):
    EVSEPresentVoltage: ct.RationalNumber


@element
class DC_ChargeLoopReq(ct.ChargeLoopReq):
    EVPresentVoltage: ct.RationalNumber = REQUIRED
    CLReqControlMode: Annotated[ct.CLReqControlMode, REF] = REQUIRED


@element
class DC_ChargeLoopRes(ct.ChargeLoopRes):
    EVSEPresentCurrent: ct.RationalNumber = REQUIRED
    EVSEPresentVoltage: ct.RationalNumber = REQUIRED
    EVSEPowerLimitAchieved: bool = REQUIRED
    EVSECurrentLimitAchieved: bool = REQUIRED
    EVSEVoltageLimitAchieved: bool = REQUIRED
    CLResControlMode: Annotated[ct.CLResControlMode, REF] = REQUIRED


@element
class DC_WeldingDetectionReq(ct.V2GRequest):
    EVProcessing: ct.Processing


@element
class DC_WeldingDetectionRes(ct.V2GResponse):
    EVSEPresentVoltage: ct.RationalNumber


# Charge parameter discovery


@element
class DC_CPDReqEnergyTransferMode(Type):
    EVMaximumChargePower: ct.RationalNumber
    EVMinimumChargePower: ct.RationalNumber
    EVMaximumChargeCurrent: ct.RationalNumber
    EVMinimumChargeCurrent: ct.RationalNumber
    EVMaximumVoltage: ct.RationalNumber
    EVMinimumVoltage: ct.RationalNumber
    TargetSOC: ct.PercentValue | None = None


@element
class DC_CPDResEnergyTransferMode(Type):
    EVSEMaximumChargePower: ct.RationalNumber
    EVSEMinimumChargePower: ct.RationalNumber
    EVSEMaximumChargeCurrent: ct.RationalNumber
    EVSEMinimumChargeCurrent: ct.RationalNumber
    EVSEMaximumVoltage: ct.RationalNumber
    EVSEMinimumVoltage: ct.RationalNumber
    EVSEPowerRampLimitation: ct.RationalNumber | None = None


@element(substitutes=DC_CPDReqEnergyTransferMode)
class BPT_DC_CPDReqEnergyTransferMode(DC_CPDReqEnergyTransferMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargeCurrent: ct.RationalNumber = REQUIRED
    EVMinimumDischargeCurrent: ct.RationalNumber = REQUIRED


@element(substitutes=DC_CPDResEnergyTransferMode)
class BPT_DC_CPDResEnergyTransferMode(DC_CPDResEnergyTransferMode):
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargeCurrent: ct.RationalNumber = REQUIRED
    EVSEMinimumDischargeCurrent: ct.RationalNumber = REQUIRED


# Charge loop


@element(substitutes=ct.CLReqControlMode)
class Scheduled_DC_CLReqControlMode(ct.Scheduled_CLReqControlMode):
    EVTargetCurrent: ct.RationalNumber = REQUIRED
    EVTargetVoltage: ct.RationalNumber = REQUIRED
    EVMaximumChargePower: ct.RationalNumber | None = None
    EVMinimumChargePower: ct.RationalNumber | None = None
    EVMaximumChargeCurrent: ct.RationalNumber | None = None
    EVMaximumVoltage: ct.RationalNumber | None = None
    EVMinimumVoltage: ct.RationalNumber | None = None


@element(substitutes=ct.CLResControlMode)
class Scheduled_DC_CLResControlMode(ct.Scheduled_CLResControlMode):
    EVSEMaximumChargePower: ct.RationalNumber | None = None
    EVSEMinimumChargePower: ct.RationalNumber | None = None
    EVSEMaximumChargeCurrent: ct.RationalNumber | None = None
    EVSEMaximumVoltage: ct.RationalNumber | None = None


@element(substitutes=Scheduled_DC_CLReqControlMode)
class BPT_Scheduled_DC_CLReqControlMode(Scheduled_DC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber | None = None
    EVMinimumDischargePower: ct.RationalNumber | None = None
    EVMaximumDischargeCurrent: ct.RationalNumber | None = None


@element(substitutes=Scheduled_DC_CLResControlMode)
class BPT_Scheduled_DC_CLResControlMode(Scheduled_DC_CLResControlMode):
    EVSEMaximumDischargePower: ct.RationalNumber | None = None
    EVSEMinimumDischargePower: ct.RationalNumber | None = None
    EVSEMaximumDischargeCurrent: ct.RationalNumber | None = None
    EVSEMinimumVoltage: ct.RationalNumber | None = None


@element(substitutes=ct.CLReqControlMode)
class Dynamic_DC_CLReqControlMode(ct.Dynamic_CLReqControlMode):
    EVMaximumChargePower: ct.RationalNumber = REQUIRED
    EVMinimumChargePower: ct.RationalNumber = REQUIRED
    EVMaximumChargeCurrent: ct.RationalNumber = REQUIRED
    EVMaximumVoltage: ct.RationalNumber = REQUIRED
    EVMinimumVoltage: ct.RationalNumber = REQUIRED


@element(substitutes=ct.CLResControlMode)
class Dynamic_DC_CLResControlMode(ct.Dynamic_CLResControlMode):
    EVSEMaximumChargePower: ct.RationalNumber = REQUIRED
    EVSEMinimumChargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumChargeCurrent: ct.RationalNumber = REQUIRED
    EVSEMaximumVoltage: ct.RationalNumber = REQUIRED


@element(substitutes=Dynamic_DC_CLReqControlMode)
class BPT_Dynamic_DC_CLReqControlMode(Dynamic_DC_CLReqControlMode):
    EVMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVMaximumDischargeCurrent: ct.RationalNumber = REQUIRED
    EVMaximumV2XEnergyRequest: ct.RationalNumber | None = None
    EVMinimumV2XEnergyRequest: ct.RationalNumber | None = None


@element(substitutes=Dynamic_DC_CLResControlMode)
class BPT_Dynamic_DC_CLResControlMode(Dynamic_DC_CLResControlMode):
    EVSEMaximumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMinimumDischargePower: ct.RationalNumber = REQUIRED
    EVSEMaximumDischargeCurrent: ct.RationalNumber = REQUIRED
    EVSEMinimumVoltage: ct.RationalNumber = REQUIRED
