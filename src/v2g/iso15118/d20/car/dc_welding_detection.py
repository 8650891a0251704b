"""DC_WeldingDetection: with both contactors open, the station's voltage must go away."""

from dataclasses import replace

from v2g.iso15118.car_session import CarSession, Stopping
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20.dc import DC_WeldingDetectionReq, DC_WeldingDetectionRes
from v2g.messages.iso20.types import Processing

SAFE_V = 60.0
"""DC voltages up to this may be touched (IEC 61851-23)."""
TRIES = 20


def request(session: CarSession, vehicle: VehicleState) -> DC_WeldingDetectionReq:
    cleared = session.tries > 0 and session.report.voltage_v < SAFE_V
    return DC_WeldingDetectionReq(
        header(session, vehicle),
        EVProcessing=Processing.Finished if cleared or session.tries >= TRIES else Processing.Ongoing,
    )


def take(
    response: DC_WeldingDetectionRes, asked: DC_WeldingDetectionReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    voltage_v = response.EVSEPresentVoltage.value
    stop = session.stop
    if voltage_v >= SAFE_V and session.tries >= TRIES:
        reason = f"a contactor may be welded: {voltage_v:.0f} V at the station with the vehicle's contactor open"
        stop = Stopping(Stop.TERMINATE, reason, Fault.CONTACTOR)
    return replace(
        session,
        stop=stop,
        report=replace(session.report, voltage_v=voltage_v),
        ready=asked.EVProcessing is Processing.Finished,
    ).again()
