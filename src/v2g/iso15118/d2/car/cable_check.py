"""CableCheck: asked again until the station has tested the cable's insulation."""

from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.car.status import dc_ev_status, heeding
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    return to.message(session.session_id, to.messages.CableCheckReq(dc_ev_status(to, session, vehicle)))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said = body(response)
    session = heeding(to, session, said.DC_EVSEStatus)
    return session.to(Phase.PRECHARGE) if said.EVSEProcessing is to.messages.EVSEProcessing.Finished else session
