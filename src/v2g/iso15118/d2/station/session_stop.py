"""SessionStop: terminate or pause. The power path is off and open from here on."""

from dataclasses import replace
from typing import Any

from v2g.iso15118 import power_path
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.view import Demand, StationView
from v2g.messages.iso2 import ChargingSession


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply | Wait:
    delivered = session.phase in (Phase.STOPPING, Phase.WELDING_DETECTION)
    if to.renegotiates and delivered and (wait := power_path.awaits_rest(session, view)) is not None:
        return wait
    if getattr(body(request), "ChargingSession", None) is ChargingSession.Pause:
        if not (session.offer.pause_allowed and session.selection):
            raise Refusal(Code.FAILED, "a session can be paused once its charge parameters are known")
        session = replace(session, pausing=True)
    response = to.messages.SessionStopRes(ResponseCode=to.messages.ResponseCode.OK)
    return Reply(to.message(session.session_id, response), Phase.ENDED, replace(session, demand=Demand()))
