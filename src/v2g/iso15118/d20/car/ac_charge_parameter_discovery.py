"""AC_ChargeParameterDiscovery: the limits of both sides, over all phases. Discharge limits are positive magnitudes."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.car import der
from v2g.iso15118.d20.car.notification import wrong_flavour
from v2g.iso15118.d20.numbers import limit
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Limits
from v2g.messages.iso20.ac import (
    AC_ChargeParameterDiscoveryReq,
    AC_CPDReqEnergyTransferMode,
    AC_CPDResEnergyTransferMode,
    BPT_AC_CPDReqEnergyTransferMode,
    BPT_AC_CPDResEnergyTransferMode,
)


def request(session: CarSession, vehicle: VehicleState) -> AC_ChargeParameterDiscoveryReq | der.DiscoveryReq:
    if session.intent.service.der:
        return der.discovery(session, vehicle)
    limits = session.intent.limits
    elements = {
        "EVMaximumChargePower": limit(limits.charge_w),
        "EVMinimumChargePower": limit(limits.charge_min_w),
    }
    mode: AC_CPDReqEnergyTransferMode
    if session.bidirectional:
        mode = BPT_AC_CPDReqEnergyTransferMode(
            **elements,
            EVMaximumDischargePower=limit(limits.discharge_w),
            EVMinimumDischargePower=limit(limits.discharge_min_w),
        )
    else:
        mode = AC_CPDReqEnergyTransferMode(**elements)
    return AC_ChargeParameterDiscoveryReq(header(session, vehicle), mode)


def take(
    response: Any,
    asked: AC_ChargeParameterDiscoveryReq | der.DiscoveryReq,
    session: CarSession,
    vehicle: VehicleState,
) -> CarSession:
    if session.intent.service.der:
        return der.take_settings(response, session)
    mode = response.AC_CPDResEnergyTransferMode
    wanted = BPT_AC_CPDResEnergyTransferMode if session.bidirectional else AC_CPDResEnergyTransferMode
    if type(mode) is not wanted:
        raise wrong_flavour(mode, wanted)
    limits = Limits(
        charge_w=total_w(mode, "EVSEMaximumChargePower"), charge_min_w=total_w(mode, "EVSEMinimumChargePower")
    )
    if isinstance(mode, BPT_AC_CPDResEnergyTransferMode):
        limits = replace(
            limits,
            discharge_w=abs(total_w(mode, "EVSEMaximumDischargePower")),
            discharge_min_w=abs(total_w(mode, "EVSEMinimumDischargePower")),
        )
    return replace(session, limits=limits).to(Phase.SCHEDULE_EXCHANGE)
