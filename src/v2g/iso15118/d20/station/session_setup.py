"""SessionSetup: a new session, or an old one taken up again by the same car."""

import hmac
from dataclasses import replace

from v2g.iso15118.car import CarState
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.paused import Paused, binding
from v2g.iso15118.service import Selection
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import Authorization, Offer, StationView
from v2g.kernel import chance
from v2g.messages.iso20.common import SessionSetupReq, SessionSetupRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: SessionSetupReq, session: Session, view: StationView) -> Reply:
    paused = session.paused
    resumes = (
        paused is not None
        and session.peer is not None  # without TLS nothing proves that it is the same car
        and request.Header.SessionID == paused.session_id
        and hmac.compare_digest(paused.binding, binding(paused.session_id, session.peer))  # [V2G20-2545]
        and paused.car.evcc_id == request.EVCCID
        and view.authorization is not Authorization.REJECTED
        and _is_offered(paused.selection, session.offer)  # the configuration may be another one since
        and _pays(paused, session.offer, view)
    )
    if resumes and paused is not None:
        session = replace(
            session,
            session_id=paused.session_id,
            car=replace(paused.car, evcc_id=request.EVCCID),
            offered=tuple(each for each in paused.offered if each in session.offer.services),
            selection=paused.selection,
            returned=True,
            by_contract=paused.by_contract,
            chain=paused.chain,
            schedule_id=paused.schedule_id,
        )
        code, following = ResponseCode.OK_OldSessionJoined, Phase.CHARGE_PARAMETERS
    else:
        # The check failed, or there was nothing to join [V2G20-2626].
        # 64 bits from the system's generator; at least 58 are due [V2G20-2621].
        session = replace(session, session_id=chance.octets(8), car=CarState(evcc_id=request.EVCCID))
        code, following = ResponseCode.OK_NewSessionEstablished, Phase.AUTHORIZATION_SETUP
    return Reply(
        SessionSetupRes(Header=header(session, view), ResponseCode=code, EVSEID=session.offer.evse_id),
        following,
        session,
    )


def _pays(paused: Paused, offer: Offer, view: StationView) -> bool:
    """Whether the contract is still good, if it is one that pays. If not, the car learns so in a new session."""
    if not paused.by_contract:
        return True
    if offer.contracts is None or not paused.chain:
        return False
    return offer.contracts.judge(paused.chain, D20.name, view.unix_s).flaw is None


def _is_offered(selection: Selection, offer: Offer) -> bool:
    return selection.service in offer.services and selection.mode in offer.modes
