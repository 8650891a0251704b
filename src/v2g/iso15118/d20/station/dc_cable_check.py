"""DC_CableCheck: the station tests the cable's insulation; the contactor is closed for it."""

from v2g.iso15118 import power_path
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.dc import DC_CableCheckReq, DC_CableCheckRes
from v2g.messages.iso20.types import Processing, ResponseCode


def answer(request: DC_CableCheckReq, session: Session, view: StationView) -> Reply:
    session, passed = power_path.check_cable(session, view)
    processing = Processing.Finished if passed else Processing.Ongoing
    response = DC_CableCheckRes(Header=header(session, view), ResponseCode=ResponseCode.OK, EVSEProcessing=processing)
    return Reply(response, Phase.PRECHARGE if passed else Phase.CABLE_CHECK, session)
