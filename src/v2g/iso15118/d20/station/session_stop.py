"""SessionStop: terminate or pause. In either case the power path is off and open from here on."""

from dataclasses import replace

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Demand, StationView
from v2g.messages.iso20.common import ChargingSession, SessionStopReq, SessionStopRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: SessionStopReq, session: Session, view: StationView) -> Reply:
    if request.ChargingSession is ChargingSession.ServiceRenegotiation:
        raise Refusal(
            ResponseCode.FAILED_NoServiceRenegotiationSupported, "ServiceDiscoveryRes said that it is not supported"
        )
    pausing = request.ChargingSession is ChargingSession.Pause
    if pausing and not (session.offer.pause_allowed and session.selection):
        raise Refusal(ResponseCode.FAILED_PauseNotAllowed, "a session can be paused once a service is selected")
    return Reply(
        SessionStopRes(Header=header(session, view), ResponseCode=ResponseCode.OK),
        Phase.ENDED,
        replace(session, demand=Demand(), pausing=pausing),
    )
