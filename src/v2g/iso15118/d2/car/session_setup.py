"""SessionSetup: a new session, or a paused one taken up again at the same station."""

import hashlib
from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarPaused, CarSession
from v2g.iso15118.d2.dialect import NO_SESSION, Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault

_LOCAL = 0x02
"""The bit of a MAC that nobody has assigned."""


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    paused = _resumable(session)
    session_id = NO_SESSION if paused is None else paused.session_id
    return to.message(session_id, to.messages.SessionSetupReq(EVCCID=evcc_mac(session.intent.evcc_id)))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    session_id, paused = response.Header.SessionID, _resumable(session)
    if not any(session_id):
        raise Abandon("the station gave no session id", Fault.UNKNOWN_SESSION, in_order=False)
    joined = body(response).ResponseCode.value == "OK_OldSessionJoined"
    if joined and (paused is None or session_id != paused.session_id):
        raise Abandon(
            f"the station joined session {session_id.hex().upper()}, which this car did not ask for",
            Fault.UNKNOWN_SESSION,
            in_order=False,
        )
    return replace(session, session_id=session_id, resumed=joined).to(Phase.SERVICE_DISCOVERY)


def evcc_mac(evcc_id: str) -> bytes:
    """The EVCCID of these editions, a MAC: as it is written, or else one made of a longer name."""
    digits = evcc_id.replace(":", "").replace("-", "")
    if len(digits) == 12 and all(each in "0123456789abcdefABCDEF" for each in digits):
        return bytes.fromhex(digits)
    made = hashlib.sha256(evcc_id.encode()).digest()[:6]
    return bytes([made[0] & 0xFC | _LOCAL]) + made[1:]


def _resumable(session: CarSession) -> CarPaused | None:
    """With TLS only at the station that proves to be the same; without, the id is all there is [V2G2-753]."""
    paused = session.paused
    return paused if paused is not None and paused.station == (session.station or b"") else None
