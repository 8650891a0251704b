"""ServiceDetail: what a service may be chosen with. The charge service has no parameter sets."""

from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.service_discovery import CHARGE_SERVICE
from v2g.iso15118.d2.station.value_added import parameter_sets
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso2 import ResponseCode, ServiceDetailRes, ServiceParameterList, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    asked, added = body(request).ServiceID, parameter_sets(session.offer)
    if asked != CHARGE_SERVICE and asked not in added:  # [V2G2-464]
        reason = f"service {asked} was not offered, only {[CHARGE_SERVICE, *added]}"
        raise Refusal(ResponseCode.FAILED_ServiceIDInvalid, reason)
    response = ServiceDetailRes(
        ResponseCode=ResponseCode.OK,
        ServiceID=asked,
        ServiceParameterList=ServiceParameterList(added[asked]) if asked in added else None,
    )
    return Reply(to.message(session.session_id, response), Phase.SERVICE, session)
