"""ContractAuthentication, by external means all the same: Ongoing while nobody knows, FAILED if refused."""

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Code, Refusal, Reply, Session
from v2g.iso15118.view import Authorization, StationView
from v2g.kernel.fault import Fault
from v2g.messages.din import ContractAuthenticationRes, EVSEProcessing, ResponseCode, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    if view.authorization is Authorization.REJECTED:
        raise Refusal(Code.FAILED, "the car may not use this station", Fault.AUTHORIZATION)
    accepted = view.authorization is Authorization.ACCEPTED
    response = ContractAuthenticationRes(
        ResponseCode=ResponseCode.OK, EVSEProcessing=EVSEProcessing.Finished if accepted else EVSEProcessing.Ongoing
    )
    following = Phase.CHARGE_PARAMETERS if accepted else Phase.AUTHORIZATION
    return Reply(to.message(session.session_id, response), following, session)
