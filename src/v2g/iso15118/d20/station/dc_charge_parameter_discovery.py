"""DC_ChargeParameterDiscovery: the limits of both sides, in the flavour of the selected service."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d20.numbers import limit, stated
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.numbers import MOST_A, MOST_V, MOST_W, why_not
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Limits, StationView
from v2g.messages.iso20.dc import (
    BPT_DC_CPDReqEnergyTransferMode,
    BPT_DC_CPDResEnergyTransferMode,
    DC_ChargeParameterDiscoveryReq,
    DC_ChargeParameterDiscoveryRes,
    DC_CPDReqEnergyTransferMode,
    DC_CPDResEnergyTransferMode,
)
from v2g.messages.iso20.types import ResponseCode


def answer(request: DC_ChargeParameterDiscoveryReq, session: Session, view: StationView) -> Reply:
    mode, bidirectional = request.DC_CPDReqEnergyTransferMode, session.selected.service.bidirectional
    if isinstance(mode, BPT_DC_CPDReqEnergyTransferMode) != bidirectional:
        raise Refusal(
            ResponseCode.FAILED_WrongChargeParameter,
            f"{type(mode).__name__} does not fit the selected service {session.selected.service.name}",
        )
    car, own = car_limits(mode), view.lasting or view.limits
    if (reason := why_not(car, dc=True)) is not None:
        raise Refusal(ResponseCode.FAILED_WrongChargeParameter, reason)  # [V2G20-2272]
    if car.voltage_max_v < own.voltage_min_v or car.voltage_min_v > own.voltage_max_v:
        raise Refusal(
            ResponseCode.FAILED_WrongChargeParameter,
            f"the car takes {car.voltage_min_v:g} to {car.voltage_max_v:g} V and up to {car.charge_w:g} W, "
            f"the station gives {own.voltage_min_v:g} to {own.voltage_max_v:g} V",
        )
    ramp = session.offer.ramp_w_per_s
    limits: dict[str, Any] = {
        "EVSEMaximumChargePower": limit(own.charge_w),
        "EVSEMinimumChargePower": limit(own.charge_min_w),
        "EVSEMaximumChargeCurrent": limit(own.charge_a),
        "EVSEMinimumChargeCurrent": limit(own.charge_min_a),
        "EVSEMaximumVoltage": limit(own.voltage_max_v),
        "EVSEMinimumVoltage": limit(own.voltage_min_v),
        "EVSEPowerRampLimitation": None if ramp is None else limit(ramp),
    }
    parameters: DC_CPDResEnergyTransferMode
    if bidirectional:
        parameters = BPT_DC_CPDResEnergyTransferMode(
            **limits,
            EVSEMaximumDischargePower=limit(own.discharge_w),
            EVSEMinimumDischargePower=limit(own.discharge_min_w),
            EVSEMaximumDischargeCurrent=limit(own.discharge_a),
            EVSEMinimumDischargeCurrent=limit(own.discharge_min_a),
        )
    else:
        parameters = DC_CPDResEnergyTransferMode(**limits)
    state = replace(session.car, limits=car, soc_target_percent=mode.TargetSOC)
    return Reply(
        DC_ChargeParameterDiscoveryRes(
            Header=header(session, view),
            ResponseCode=ResponseCode.OK,
            DC_CPDResEnergyTransferMode=parameters,
        ),
        Phase.SCHEDULE_EXCHANGE,
        replace(session, car=state, promised=own),
    )


def car_limits(mode: DC_CPDReqEnergyTransferMode) -> Limits:
    """The car's limits. Discharge values are magnitudes here; some cars send them negative."""
    limits = Limits(
        charge_w=stated(mode.EVMaximumChargePower, MOST_W),
        charge_a=stated(mode.EVMaximumChargeCurrent, MOST_A),
        charge_min_w=stated(mode.EVMinimumChargePower, MOST_W),
        charge_min_a=stated(mode.EVMinimumChargeCurrent, MOST_A),
        voltage_min_v=stated(mode.EVMinimumVoltage, MOST_V),
        voltage_max_v=stated(mode.EVMaximumVoltage, MOST_V),
    )
    if isinstance(mode, BPT_DC_CPDReqEnergyTransferMode):
        limits = replace(
            limits,
            discharge_w=abs(stated(mode.EVMaximumDischargePower, MOST_W)),
            discharge_a=abs(stated(mode.EVMaximumDischargeCurrent, MOST_A)),
            discharge_min_w=abs(stated(mode.EVMinimumDischargePower, MOST_W)),
            discharge_min_a=abs(stated(mode.EVMinimumDischargeCurrent, MOST_A)),
        )
    return limits
