"""DC_CableCheck: the station tests the cable's insulation; the contactor is closed for it."""

from dataclasses import replace

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Check, Demand, Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20.dc import DC_CableCheckReq, DC_CableCheckRes
from v2g.messages.iso20.types import Processing, ResponseCode


def answer(request: DC_CableCheckReq, session: Session, view: StationView) -> Reply:
    demand = Demand(Stage.CABLE_CHECK, session.selected.service, session.selected.mode)
    # What is reported before the check was ever asked for belongs to an earlier session.
    started = session.demand.stage is Stage.CABLE_CHECK
    session = replace(session, demand=demand)
    if started and view.cable_check is Check.FAILED:
        raise Refusal(ResponseCode.FAILED, "the cable check failed", Fault.CABLE_CHECK)
    if started and view.cable_check is Check.PASSED:
        response = DC_CableCheckRes(
            Header=header(session, view),
            ResponseCode=ResponseCode.OK,
            EVSEProcessing=Processing.Finished,
        )
        return Reply(response, Phase.PRECHARGE, session)
    response = DC_CableCheckRes(
        Header=header(session, view), ResponseCode=ResponseCode.OK, EVSEProcessing=Processing.Ongoing
    )
    return Reply(response, Phase.CABLE_CHECK, session)
