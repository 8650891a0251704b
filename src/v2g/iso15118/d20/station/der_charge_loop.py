"""AC_ChargeLoop of AC_DER_IEC and AC_DER_SAE: targets of active and reactive power, and the car's answer."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d20 import der_iec, der_sae
from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.station.heard import heard
from v2g.iso15118.d20.station.metering import meter_info
from v2g.iso15118.d20.station.status import evse_status
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.der import CarDer
from v2g.iso15118.numbers import why_not
from v2g.iso15118.service import ControlMode
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Demand, Limits, Stage, StationView
from v2g.messages.iso20 import ac_der_iec as iec
from v2g.messages.iso20 import ac_der_sae as sae
from v2g.messages.iso20.types import ResponseCode

Request = iec.AC_ChargeLoopReq | sae.AC_ChargeLoopReq


def answer(request: Request, session: Session, view: StationView) -> Reply:
    module = iec if isinstance(request, iec.AC_ChargeLoopReq) else sae
    control, selected, inverter = request.CLReqControlMode, session.selected, session.car.der
    scheduled = selected.mode is ControlMode.SCHEDULED
    expected = module.DER_Scheduled_AC_CLReqControlMode if scheduled else module.DER_Dynamic_AC_CLReqControlMode
    if type(control) is not expected or inverter is None:
        raise Refusal(
            ResponseCode.FAILED, f"{type(control).__name__}, the selected service demands {expected.__name__}"
        )
    limits = car_limits(control, session.car.limits)
    if (reason := why_not(limits, dc=False)) is not None:
        raise Refusal(ResponseCode.FAILED, reason)
    if module is sae:
        inverter = _judged(inverter, control)
    present_w = total_w(control, "EVPresentActivePower")
    demand = Demand(Stage.ENERGY, selected.service, selected.mode, wish_w=present_w if scheduled else None)
    said = heard(session.car, control, request.DisplayParameters, limits=limits, der=inverter)
    car = replace(said, turns=said.turns + 1, present_w=present_w)
    session = replace(session, car=car, demand=demand)
    meter, session = meter_info(request.MeterInfoRequested, session, view)
    response = module.AC_ChargeLoopRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEStatus=evse_status(view, confirms=session.confirms),
        MeterInfo=meter,
        CLResControlMode=_control(module, session, view, inverter),
    )
    return Reply(response, Phase.CHARGE_LOOP, session)


def _judged(inverter: CarDer, control: Any) -> CarDer:
    """Once its answer was wrong it is not believed again in this session."""
    return inverter if inverter.lacking else der_sae.echoed(inverter, control.EnabledModes, control.DERAlarmStatus)


def _control(module: Any, session: Session, view: StationView, inverter: CarDer) -> Any:
    """The same elements in both variants, but for the settings that travel in the loop."""
    scheduled = session.selected.mode is ControlMode.SCHEDULED
    own, target_w = session.within_promise(view.limits), view.target_w
    if target_w is None and not scheduled:
        target_w = 0.0
    elements: dict[str, Any] = {
        "EVSETargetActivePower": None if target_w is None else limit(target_w),
        "EVSETargetReactivePower": None if view.target_var is None else limit(view.target_var),
        "EVSEPresentActivePower": shown(view.power_w),
        "EVSEMaximumChargePower": limit(own.charge_w),
        "EVSEMaximumDischargePower": limit(own.discharge_w),
    }
    if module is iec:
        elements["DSOQSetpoint"] = der_iec.q_setpoint(inverter.given, inverter.rating)
    else:
        elements["DERControlCLRes"] = der_sae.unchanged(inverter.given)
    kind = module.DER_Scheduled_AC_CLResControlMode if scheduled else module.DER_Dynamic_AC_CLResControlMode
    return kind(**elements)


def car_limits(control: Any, before: Limits) -> Limits:
    """The car's limits of now, over all phases; what a request leaves out stays as it was."""

    def newer(element: str, old: float) -> float:
        return old if getattr(control, element) is None else abs(total_w(control, element))

    charge_w = before.charge_w
    if control.EVMaximumChargePower is not None:
        charge_w = total_w(control, "EVMaximumChargePower")
    return replace(
        before,
        charge_w=charge_w,
        charge_min_w=newer("EVMinimumChargePower", before.charge_min_w),
        discharge_w=newer("EVMaximumDischargePower", before.discharge_w),
        discharge_min_w=newer("EVMinimumDischargePower", before.discharge_min_w),
    )
