"""MeteringConfirmation: the car signs the reading that it was given; here the signature is verified."""

from dataclasses import replace

from v2g.iso15118.d20.station.signed import check_signature
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import MeteringConfirmationReq, MeteringConfirmationRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: MeteringConfirmationReq, session: Session, view: StationView) -> Reply:
    signed, invalid = request.SignedMeteringData, ResponseCode.FAILED_MeteringSignatureNotValid
    if not session.chain or session.reading is None:
        raise Refusal(invalid, "no reading was given to a car with a contract")
    if signed.SessionID != session.session_id or signed.MeterInfo != session.reading:
        raise Refusal(invalid, "the confirmation is not about the reading that was given")
    check_signature(request.Header, "SignedMeteringData", signed, session.chain[0], invalid)
    response = MeteringConfirmationRes(Header=header(session, view), ResponseCode=ResponseCode.OK)
    return Reply(response, Phase.CHARGE_LOOP, replace(session, confirms=False))
