"""DC_ChargeLoop: the station reports and moves energy, within the limits of both sides."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d20.numbers import limit, shown, stated
from v2g.iso15118.d20.station.heard import heard
from v2g.iso15118.d20.station.metering import meter_info
from v2g.iso15118.d20.station.status import evse_status
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.numbers import MOST_A, MOST_V, MOST_W, why_not
from v2g.iso15118.service import ControlMode
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Demand, Limits, Stage, StationView
from v2g.messages.iso20.dc import (
    BPT_Dynamic_DC_CLReqControlMode,
    BPT_Dynamic_DC_CLResControlMode,
    BPT_Scheduled_DC_CLReqControlMode,
    BPT_Scheduled_DC_CLResControlMode,
    DC_ChargeLoopReq,
    DC_ChargeLoopRes,
    Dynamic_DC_CLReqControlMode,
    Dynamic_DC_CLResControlMode,
    Scheduled_DC_CLReqControlMode,
    Scheduled_DC_CLResControlMode,
)
from v2g.messages.iso20.types import RationalNumber, ResponseCode

_EXPECTED = {
    (ControlMode.SCHEDULED, False): Scheduled_DC_CLReqControlMode,
    (ControlMode.SCHEDULED, True): BPT_Scheduled_DC_CLReqControlMode,
    (ControlMode.DYNAMIC, False): Dynamic_DC_CLReqControlMode,
    (ControlMode.DYNAMIC, True): BPT_Dynamic_DC_CLReqControlMode,
}
_AT_LIMIT = 0.99
"""A value within 1 % of its limit has reached it."""


def answer(request: DC_ChargeLoopReq, session: Session, view: StationView) -> Reply:
    control, selected = request.CLReqControlMode, session.selected
    expected = _EXPECTED[selected.mode, selected.service.bidirectional]
    if type(control) is not expected:
        raise Refusal(
            ResponseCode.FAILED,
            f"{type(control).__name__}, the selected service demands {expected.__name__}",
        )
    limits = car_limits(control, session.car.limits)
    if (reason := why_not(limits, dc=True)) is not None:
        raise Refusal(ResponseCode.FAILED, reason)
    wish_w: float | None = None
    voltage_v = limits.voltage_max_v
    if isinstance(control, Scheduled_DC_CLReqControlMode):
        voltage_v = stated(control.EVTargetVoltage, MOST_V)
        wish_w = stated(control.EVTargetCurrent, MOST_A) * view.voltage_v  # our own measurement, not the car's word
    demand = Demand(Stage.ENERGY, selected.service, selected.mode, voltage_v=voltage_v, wish_w=wish_w)
    car = heard(session.car, control, request.DisplayParameters, limits=limits)
    session = replace(session, car=car, demand=demand)

    own = session.within_promise(view.limits)
    meter, session = meter_info(request.MeterInfoRequested, session, view)
    response = DC_ChargeLoopRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEStatus=evse_status(view, confirms=session.confirms),
        MeterInfo=meter,
        EVSEPresentCurrent=shown(view.current_a),
        EVSEPresentVoltage=shown(view.voltage_v),
        EVSEPowerLimitAchieved=view.limited,
        EVSECurrentLimitAchieved=_reached(view.current_a, own),
        EVSEVoltageLimitAchieved=view.voltage_v >= _AT_LIMIT * own.voltage_max_v,
        CLResControlMode=_control(own, selected.mode, selected.service.bidirectional),
    )
    return Reply(response, Phase.CHARGE_LOOP, session)


def car_limits(
    control: Scheduled_DC_CLReqControlMode | Dynamic_DC_CLReqControlMode,
    before: Limits,
) -> Limits:
    """The car's limits of now; what a scheduled request leaves out stays as it was."""

    def newer(value: RationalNumber | None, old: float, most: float = MOST_W) -> float:
        return old if value is None else stated(value, most)

    def magnitude(value: RationalNumber | None, old: float, most: float = MOST_W) -> float:
        return abs(newer(value, old, most))  # some cars give discharging a negative sign

    changed = {
        "charge_w": newer(control.EVMaximumChargePower, before.charge_w),
        "charge_a": newer(control.EVMaximumChargeCurrent, before.charge_a, MOST_A),
        "charge_min_w": newer(control.EVMinimumChargePower, before.charge_min_w),
        "voltage_min_v": newer(control.EVMinimumVoltage, before.voltage_min_v, MOST_V),
        "voltage_max_v": newer(control.EVMaximumVoltage, before.voltage_max_v, MOST_V),
    }
    if isinstance(control, BPT_Scheduled_DC_CLReqControlMode | BPT_Dynamic_DC_CLReqControlMode):
        changed |= {
            "discharge_w": magnitude(control.EVMaximumDischargePower, before.discharge_w),
            "discharge_a": magnitude(control.EVMaximumDischargeCurrent, before.discharge_a, MOST_A),
            "discharge_min_w": magnitude(control.EVMinimumDischargePower, before.discharge_min_w),
        }
    return replace(before, **changed)


def _reached(current_a: float, own: Limits) -> bool:
    limit_a = own.charge_a if current_a >= 0 else own.discharge_a
    return limit_a > 0 and abs(current_a) >= _AT_LIMIT * limit_a


def _control(
    own: Limits, mode: ControlMode, bidirectional: bool
) -> Scheduled_DC_CLResControlMode | Dynamic_DC_CLResControlMode:
    limits: dict[str, Any] = {
        "EVSEMaximumChargePower": limit(own.charge_w),
        "EVSEMinimumChargePower": limit(own.charge_min_w),
        "EVSEMaximumChargeCurrent": limit(own.charge_a),
        "EVSEMaximumVoltage": limit(own.voltage_max_v),
    }
    if not bidirectional:
        kind = Dynamic_DC_CLResControlMode if mode is ControlMode.DYNAMIC else Scheduled_DC_CLResControlMode
        return kind(**limits)
    both = BPT_Dynamic_DC_CLResControlMode if mode is ControlMode.DYNAMIC else BPT_Scheduled_DC_CLResControlMode
    return both(
        **limits,
        EVSEMaximumDischargePower=limit(own.discharge_w),
        EVSEMinimumDischargePower=limit(own.discharge_min_w),
        EVSEMaximumDischargeCurrent=limit(own.discharge_a),
        EVSEMinimumVoltage=limit(own.voltage_min_v),
    )
