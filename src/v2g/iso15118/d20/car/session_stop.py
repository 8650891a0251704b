"""SessionStop: terminate, pause if there is something to take up again, or go back to the choice of a service."""

from dataclasses import replace

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.iso15118.view import Stop
from v2g.messages.iso20.common import ChargingSession, SessionStopReq, SessionStopRes


def request(session: CarSession, vehicle: VehicleState) -> SessionStopReq:
    stop, kind = session.stop, ChargingSession.Terminate
    failed = stop is not None and stop.fault is not None
    if stop is not None and stop.renegotiates:  # [V2G20-1476]
        kind = ChargingSession.ServiceRenegotiation
    elif stop is not None and stop.kind is Stop.PAUSE and session.selection is not None:
        kind = ChargingSession.Pause
    return SessionStopReq(
        header(session, vehicle),
        ChargingSession=kind,
        EVTerminationExplanation=stop.reason[:160] if stop is not None and failed else None,
    )


def take(response: SessionStopRes, asked: SessionStopReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    if asked.ChargingSession is ChargingSession.ServiceRenegotiation:  # [V2G20-1477], [V2G20-1969]
        chosen_again = replace(session, stop=None, selection=None, schedule=None, renegotiate=False, loops=0)
        return replace(chosen_again, command=Command()).to(Phase.SERVICE_DISCOVERY)
    return replace(session, command=Command()).to(Phase.ENDED)
