"""WeldingDetection: with both contactors open, the station's voltage must go away."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession, Stopping
from v2g.iso15118.d2.car.status import dc_ev_status
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault

SAFE_V = 20.0
TRIES = 20


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    return to.message(session.session_id, to.messages.WeldingDetectionReq(dc_ev_status(to, session, vehicle)))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    voltage_v, stop = body(response).EVSEPresentVoltage.value, session.stop
    last = session.tries + 1 >= TRIES
    if voltage_v > SAFE_V and last:
        reason = f"a contactor may be welded: {voltage_v:.0f} V at the station with the vehicle's contactor open"
        stop = Stopping(Stop.TERMINATE, reason, Fault.CONTACTOR)
    return replace(
        session,
        stop=stop,
        report=replace(session.report, voltage_v=voltage_v),
        ready=voltage_v <= SAFE_V or last,
    ).again()
