"""AC_ChargeLoop: the inverter is in the car; the station sets the target power, measures, and holds the contactor."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.station import der_charge_loop
from v2g.iso15118.d20.station.heard import heard
from v2g.iso15118.d20.station.metering import meter_info
from v2g.iso15118.d20.station.status import evse_status
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.numbers import why_not
from v2g.iso15118.service import ControlMode
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Demand, Limits, Stage, StationView
from v2g.messages.iso20.ac import (
    AC_ChargeLoopRes,
    BPT_Dynamic_AC_CLReqControlMode,
    BPT_Dynamic_AC_CLResControlMode,
    BPT_Scheduled_AC_CLReqControlMode,
    BPT_Scheduled_AC_CLResControlMode,
    Dynamic_AC_CLReqControlMode,
    Dynamic_AC_CLResControlMode,
    Scheduled_AC_CLReqControlMode,
    Scheduled_AC_CLResControlMode,
)
from v2g.messages.iso20.types import ResponseCode

_KINDS = {
    (ControlMode.SCHEDULED, False): (Scheduled_AC_CLReqControlMode, Scheduled_AC_CLResControlMode),
    (ControlMode.SCHEDULED, True): (BPT_Scheduled_AC_CLReqControlMode, BPT_Scheduled_AC_CLResControlMode),
    (ControlMode.DYNAMIC, False): (Dynamic_AC_CLReqControlMode, Dynamic_AC_CLResControlMode),
    (ControlMode.DYNAMIC, True): (BPT_Dynamic_AC_CLReqControlMode, BPT_Dynamic_AC_CLResControlMode),
}


def answer(request: Any, session: Session, view: StationView) -> Reply:
    if session.selected.service.der:
        return der_charge_loop.answer(request, session, view)
    control, selected = request.CLReqControlMode, session.selected
    expected, kind = _KINDS[selected.mode, selected.service.bidirectional]
    if type(control) is not expected:
        raise Refusal(
            ResponseCode.FAILED,
            f"{type(control).__name__}, the selected service demands {expected.__name__}",
        )
    limits = car_limits(control, session.car.limits)
    if (reason := why_not(limits, dc=False)) is not None:
        raise Refusal(ResponseCode.FAILED, reason)
    present_w = total_w(control, "EVPresentActivePower")
    wish_w = target_w = None
    target_var = None if view.target_var is None else limit(view.target_var)
    if selected.mode is ControlMode.SCHEDULED:  # the car follows the schedule that it chose, not a target of ours
        wish_w = present_w
    else:
        target_w, target_var = limit(view.target_w or 0.0), limit(view.target_var or 0.0)
    if view.target_w is not None:
        target_w = limit(view.target_w)
    demand = Demand(Stage.ENERGY, selected.service, selected.mode, wish_w=wish_w)
    turns = session.car.turns + 1
    said = heard(session.car, control, request.DisplayParameters, limits=limits)
    car = replace(said, turns=turns, present_w=present_w)
    session = replace(session, car=car, demand=demand)
    meter, session = meter_info(request.MeterInfoRequested, session, view)
    response = AC_ChargeLoopRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEStatus=evse_status(view, confirms=session.confirms),
        MeterInfo=meter,
        CLResControlMode=kind(
            EVSETargetActivePower=target_w,
            EVSETargetReactivePower=target_var,
            EVSEPresentActivePower=shown(view.power_w),
        ),
    )
    return Reply(response, Phase.CHARGE_LOOP, session)


def car_limits(
    control: Scheduled_AC_CLReqControlMode | Dynamic_AC_CLReqControlMode,
    before: Limits,
) -> Limits:
    """The car's limits of now, over all phases; what a scheduled request leaves out stays as it was."""

    def newer(element: str, old: float) -> float:
        return old if getattr(control, element) is None else total_w(control, element)

    changed = {
        "charge_w": newer("EVMaximumChargePower", before.charge_w),
        "charge_min_w": newer("EVMinimumChargePower", before.charge_min_w),
    }
    if isinstance(control, BPT_Scheduled_AC_CLReqControlMode | BPT_Dynamic_AC_CLReqControlMode):
        changed |= {
            "discharge_w": abs(newer("EVMaximumDischargePower", before.discharge_w)),
            "discharge_min_w": abs(newer("EVMinimumDischargePower", before.discharge_min_w)),
        }
    return replace(before, **changed)
