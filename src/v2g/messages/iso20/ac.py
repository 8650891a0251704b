"""ISO 15118-20 AC messages."""

from __future__ import annotations

from typing import Annotated

import v2g.messages.iso20.ac as ac
from v2g.exi.facets import REF, REQUIRED, Type, element
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:AC"


# Messages


@element
class AC_ChargeParameterDiscoveryReq(ct.ChargeParameterDiscoveryReq):
    AC_CPDReqEnergyTransferMode: Annotated[ac.AC_CPDReqEnergyTransferMode, REF]


@element
class AC_ChargeParameterDiscoveryRes(ct.ChargeParameterDiscoveryRes):
    AC_CPDResEnergyTransferMode: Annotated[ac.AC_CPDResEnergyTransferMode, REF]


@element
class AC_ChargeLoopReq(ct.ChargeLoopReq):
    CLReqControlMode: Annotated[ct.CLReqControlMode, REF] = REQUIRED


@element
class AC_ChargeLoopRes(ct.ChargeLoopRes):
    EVSETargetFrequency: ct.RationalNumber | None = None
    CLResControlMode: Annotated[ct.CLResControlMode, REF] = REQUIRED


# Charge parameter discovery


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


# Charge loop


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
