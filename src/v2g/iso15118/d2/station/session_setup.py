"""SessionSetup: a new session, or a paused one of the same car.

The id that the car names is all that identifies a paused session [V2G2-753]: it proves nothing, so the car gets nothing
by it but the same offers, and is authorised again like any other.
"""

from dataclasses import replace
from typing import Any

from v2g.iso15118.car import CarState
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.paused import Paused, binding
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import Authorization, StationView
from v2g.kernel import chance

_NO_EVSE_ID = "ZZ00000"
"""What ISO 15118-2 says without a valid EVSE id."""


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    evcc_id = body(request).EVCCID.hex().upper()
    codes, paused = to.messages.ResponseCode, session.paused
    if paused is not None and _resumes(request, evcc_id, session, paused, view):  # [V2G2-754]
        session = replace(
            session,
            session_id=paused.session_id,
            resumed=paused.selection,
            by_contract=paused.by_contract,
            car=CarState(evcc_id),
        )
        code = codes.OK_OldSessionJoined
    else:  # [V2G2-756]; 64 bits from the system's generator [V2G2-835]
        session = replace(session, session_id=chance.octets(8), car=CarState(evcc_id))
        code = codes.OK_NewSessionEstablished
    kind = to.messages.SessionSetupRes
    clock = "EVSETimeStamp" if "EVSETimeStamp" in kind.__struct_fields__ else "DateTimeNow"
    response = kind(ResponseCode=code, EVSEID=evse_id(to, session), **{clock: view.unix_s})
    return Reply(to.message(session.session_id, response), Phase.SERVICE_DISCOVERY, session)


def evse_id(to: Dialect, session: Session) -> Any:
    """As text; DIN has octets, of which one zero stands for an EVSE without an id after DIN SPEC 91286."""
    if not to.renegotiates:
        return bytes(1)
    named = session.offer.evse_id
    return named if 7 <= len(named) <= 37 else _NO_EVSE_ID


def _resumes(request: Any, evcc_id: str, session: Session, paused: Paused, view: StationView) -> bool:
    proved = b"" if session.peer is None else binding(paused.session_id, session.peer)
    return (
        request.Header.SessionID == paused.session_id
        and paused.car.evcc_id == evcc_id
        and paused.binding == proved
        and view.authorization is not Authorization.REJECTED
        and paused.selection.service in session.offer.services
        and (session.offer.contracts is not None or not paused.by_contract)
    )
