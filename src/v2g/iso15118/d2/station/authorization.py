"""Authorization by external means: the car waits until something positive is known, also if refused [V2G2-854]."""

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import Authorization, StationView
from v2g.messages.iso2 import AuthorizationRes, EVSEProcessing, ResponseCode, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    accepted = view.authorization is Authorization.ACCEPTED
    response = AuthorizationRes(
        ResponseCode=ResponseCode.OK,
        EVSEProcessing=(EVSEProcessing.Finished if accepted else EVSEProcessing.Ongoing_WaitingForCustomerInteraction),
    )
    following = Phase.CHARGE_PARAMETERS if accepted else Phase.AUTHORIZATION
    return Reply(to.message(session.session_id, response), following, session)
