"""DC_CableCheck: asked again until the station has tested the cable's insulation."""

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso20.dc import DC_CableCheckReq, DC_CableCheckRes
from v2g.messages.iso20.types import Processing


def request(session: CarSession, vehicle: VehicleState) -> DC_CableCheckReq:
    return DC_CableCheckReq(header(session, vehicle))


def take(response: DC_CableCheckRes, asked: DC_CableCheckReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    return session.to(Phase.PRECHARGE) if response.EVSEProcessing is Processing.Finished else session
