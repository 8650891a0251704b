"""AC_ChargeParameterDiscovery: the limits of both sides, in the flavour of the selected service."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.station import der_charge_parameters
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.numbers import why_not
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Limits, StationView
from v2g.messages.iso20.ac import (
    AC_ChargeParameterDiscoveryRes,
    AC_CPDReqEnergyTransferMode,
    AC_CPDResEnergyTransferMode,
    BPT_AC_CPDReqEnergyTransferMode,
    BPT_AC_CPDResEnergyTransferMode,
)
from v2g.messages.iso20.types import ResponseCode


def answer(request: Any, session: Session, view: StationView) -> Reply:
    if session.selected.service.der:
        return der_charge_parameters.answer(request, session, view)
    mode, bidirectional = request.AC_CPDReqEnergyTransferMode, session.selected.service.bidirectional
    if isinstance(mode, BPT_AC_CPDReqEnergyTransferMode) != bidirectional:
        raise Refusal(
            ResponseCode.FAILED_WrongChargeParameter,
            f"{type(mode).__name__} does not fit the selected service {session.selected.service.name}",
        )
    car, own = car_limits(mode), view.lasting or view.limits
    if (reason := why_not(car, dc=False)) is not None:
        raise Refusal(ResponseCode.FAILED_WrongChargeParameter, reason)  # [V2G20-1619]
    ramp = session.offer.ramp_w_per_s
    limits: dict[str, Any] = {
        "EVSEMaximumChargePower": limit(own.charge_w),
        "EVSEMinimumChargePower": limit(own.charge_min_w),
        "EVSENominalFrequency": shown(session.offer.nominal_frequency_hz),
        "EVSEPowerRampLimitation": None if ramp is None else limit(ramp),
        "EVSEPresentActivePower": shown(view.power_w),
    }
    parameters: AC_CPDResEnergyTransferMode
    if bidirectional:
        parameters = BPT_AC_CPDResEnergyTransferMode(
            **limits,
            EVSEMaximumDischargePower=limit(own.discharge_w),
            EVSEMinimumDischargePower=limit(own.discharge_min_w),
        )
    else:
        parameters = AC_CPDResEnergyTransferMode(**limits)
    return Reply(
        AC_ChargeParameterDiscoveryRes(
            Header=header(session, view),
            ResponseCode=ResponseCode.OK,
            AC_CPDResEnergyTransferMode=parameters,
        ),
        Phase.SCHEDULE_EXCHANGE,
        replace(session, car=replace(session.car, limits=car), promised=own),
    )


def car_limits(mode: AC_CPDReqEnergyTransferMode) -> Limits:
    """The car's limits over all phases. Discharge values are magnitudes here; some cars send them negative."""
    limits = Limits(
        charge_w=total_w(mode, "EVMaximumChargePower"),
        charge_min_w=total_w(mode, "EVMinimumChargePower"),
    )
    if isinstance(mode, BPT_AC_CPDReqEnergyTransferMode):
        limits = replace(
            limits,
            discharge_w=abs(total_w(mode, "EVMaximumDischargePower")),
            discharge_min_w=abs(total_w(mode, "EVMinimumDischargePower")),
        )
    return limits
