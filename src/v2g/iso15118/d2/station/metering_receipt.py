"""MeteringReceipt: the car signs the reading that it was given [V2G2-903]; here the signature is verified."""

from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.authorization import check_signature
from v2g.iso15118.d2.station.metering import repeats
from v2g.iso15118.d2.station.status import ac_status, dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import MeterInfo, MeteringReceiptRes, ResponseCode, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    asked, invalid = body(request), ResponseCode.FAILED_MeteringSignatureNotValid  # [V2G2-481]
    given = session.reading
    named = asked.SessionID == session.session_id
    if not (named and isinstance(given, MeterInfo) and repeats(asked.MeterInfo, given)):
        raise Refusal(invalid, "the receipt is not about the reading that was given", Fault.REQUEST_REFUSED)
    check_signature(request, asked, session.chain[0], "MeteringReceiptReq", invalid)
    dc = session.selected.service.dc
    status = dc_status(to, session, view) if dc else ac_status(to, session, view)
    response = MeteringReceiptRes(ResponseCode=ResponseCode.OK, EVSEStatus=status)
    following = Phase.DC_CHARGE_LOOP if dc else Phase.AC_CHARGE_LOOP
    return Reply(to.message(session.session_id, response), following, session)
