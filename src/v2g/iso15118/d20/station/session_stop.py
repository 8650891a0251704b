"""SessionStop: terminate, pause, or choose the service again. The power path is off and open from here on."""

from dataclasses import replace

from v2g.iso15118.d20.table import TABLE, Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Code, Refusal, Reply, Session
from v2g.iso15118.view import Demand, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import ChargingSession, SessionStopReq, SessionStopRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: SessionStopReq, session: Session, view: StationView) -> Reply:
    following = Phase.ENDED
    match request.ChargingSession:
        case ChargingSession.ServiceRenegotiation:
            following = Phase.SERVICE_DISCOVERY
            if following not in TABLE[Phase(session.phase)]["SessionStopReq"]:
                reason = "a service can be chosen again after PowerDelivery(Stop) only"
                raise Refusal(Code.SEQUENCE_ERROR, reason, Fault.SEQUENCE_ERROR)
            # The session and its authorization stay, nothing else does [V2G20-1643], [V2G20-1847].
            session = Session(
                session.offer,
                session.phase,
                session.session_id,
                session.peer,
                car=session.car,
                by_contract=session.by_contract,
                chain=session.chain,
                schedule_id=session.schedule_id,
            )
        case ChargingSession.Pause:
            if not (session.offer.pause_allowed and session.selection):
                raise Refusal(ResponseCode.FAILED_PauseNotAllowed, "a session can be paused once a service is selected")
            session = replace(session, pausing=True)
    response = SessionStopRes(Header=header(session, view), ResponseCode=ResponseCode.OK)
    return Reply(response, following, replace(session, demand=Demand()))
