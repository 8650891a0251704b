"""SessionStop: terminate, or pause where there is something to take up again."""

from dataclasses import replace

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.iso15118.view import Stop
from v2g.messages.iso20.common import ChargingSession, SessionStopReq, SessionStopRes


def request(session: CarSession, vehicle: VehicleState) -> SessionStopReq:
    stop = session.stop
    pausing = stop is not None and stop.kind is Stop.PAUSE and session.selection is not None
    failed = stop is not None and stop.fault is not None
    return SessionStopReq(
        header(session, vehicle),
        ChargingSession=ChargingSession.Pause if pausing else ChargingSession.Terminate,
        EVTerminationExplanation=stop.reason[:160] if stop is not None and failed else None,
    )


def take(response: SessionStopRes, asked: SessionStopReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    return replace(session, command=Command()).to(Phase.ENDED)
