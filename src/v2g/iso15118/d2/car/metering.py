"""MeterInfo, and the receipt that a station may ask for."""

from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.car.status import heeding
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Meter


def meter_in(session: CarSession, info: Any) -> Meter | None:
    """The meter's reading, or the earlier one if the station gave none."""
    if info is None or info.MeterReading is None:
        return session.report.meter
    return Meter(info.MeterID, info.MeterReading, 0, info.MeterReading)


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    """The reading that came last, unsigned: this car has no contract."""
    meter = session.report.meter
    info = to.messages.MeterInfo("" if meter is None else meter.meter_id, None if meter is None else meter.total_wh)
    receipt = to.messages.MeteringReceiptReq(SessionID=session.session_id, MeterInfo=info)
    return to.message(session.session_id, receipt)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    session = heeding(to, session, body(response).EVSEStatus)
    return session.to(Phase.DC_CHARGE_LOOP if session.intent.service.dc else Phase.AC_CHARGE_LOOP)
