"""SessionStop: terminate, or pause if there is something to take up again."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.iso15118.view import Stop
from v2g.messages.iso2 import ChargingSession


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    stop = session.stop
    if not to.renegotiates:
        return to.message(session.session_id, to.messages.SessionStopReq())
    pauses = stop is not None and stop.kind is Stop.PAUSE and session.schedule is not None
    kind = ChargingSession.Pause if pauses else ChargingSession.Terminate
    return to.message(session.session_id, to.messages.SessionStopReq(kind))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    return replace(session, command=Command()).to(Phase.ENDED)
