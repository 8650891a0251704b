"""DC_PreCharge: the station brings its output to the car's voltage before the car closes its own contactors."""

from dataclasses import replace

from v2g.iso15118.d20.numbers import MOST, shown, stated
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Demand, Stage, StationView
from v2g.messages.iso20.dc import DC_PreChargeReq, DC_PreChargeRes
from v2g.messages.iso20.types import Processing, ResponseCode


def answer(request: DC_PreChargeReq, session: Session, view: StationView) -> Reply:
    target_v, limits = stated(request.EVTargetVoltage, MOST), session.promised or view.lasting or view.limits
    if session.offer.precharge_tolerance_v is None:
        target_v = min(max(0.0, target_v), limits.voltage_max_v)
    elif not 0 <= target_v <= limits.voltage_max_v:
        raise Refusal(
            ResponseCode.FAILED,
            f"pre-charge to {target_v:g} V is beyond the promised {limits.voltage_max_v:g} V",
        )
    demand = Demand(Stage.PRECHARGE, session.selected.service, session.selected.mode, voltage_v=target_v)
    response = DC_PreChargeRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEPresentVoltage=shown(view.voltage_v),
    )
    finished = request.EVProcessing is Processing.Finished
    return Reply(response, Phase.PRECHARGED if finished else Phase.PRECHARGING, replace(session, demand=demand))
