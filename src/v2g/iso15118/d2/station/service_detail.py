"""ServiceDetail: the charge service has no parameter sets, and there is no other [V2G2-464]."""

from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.service_discovery import CHARGE_SERVICE
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso2 import ResponseCode, ServiceDetailRes, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    asked = body(request).ServiceID
    if asked != CHARGE_SERVICE:
        raise Refusal(ResponseCode.FAILED_ServiceIDInvalid, f"service {asked} was not offered, only {CHARGE_SERVICE}")
    response = ServiceDetailRes(ResponseCode=ResponseCode.OK, ServiceID=asked)
    return Reply(to.message(session.session_id, response), Phase.SERVICE, session)
