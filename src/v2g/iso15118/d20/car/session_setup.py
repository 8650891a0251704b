"""SessionSetup: a new session, or a paused one taken up again at the same station."""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import NO_SESSION
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import SessionSetupReq, SessionSetupRes
from v2g.messages.iso20.types import MessageHeader, ResponseCode


def request(session: CarSession, vehicle: VehicleState) -> SessionSetupReq:
    paused = session.resumable
    session_id = NO_SESSION if paused is None else paused.session_id
    return SessionSetupReq(MessageHeader(session_id, vehicle.unix_s), EVCCID=session.intent.evcc_id)


def take(response: SessionSetupRes, asked: SessionSetupReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    session_id, paused = response.Header.SessionID, session.resumable
    if session_id == NO_SESSION:
        raise Abandon("the station gave no session id", Fault.UNKNOWN_SESSION, in_order=False)
    session = replace(session, session_id=session_id)
    if response.ResponseCode is not ResponseCode.OK_OldSessionJoined:
        return session.to(Phase.AUTHORIZATION_SETUP)
    if paused is None or session_id != paused.session_id:
        raise Abandon(
            f"the station joined session {session_id.hex().upper()}, which this car did not ask for",
            Fault.UNKNOWN_SESSION,
            in_order=False,
        )
    # Authorization and service stay valid [V2G20-1032], [V2G20-1844].
    return replace(session, resumed=True, selection=paused.selection).to(Phase.CHARGE_PARAMETERS)
