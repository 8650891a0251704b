"""MeterInfo, and the receipt that a station may ask for: the reading, signed with the contract's key [V2G2-903]."""

from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.car.authorization import SIGNED_ID
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
    """The reading that came last. A car without a contract has nothing to sign it with."""
    info = session.reading or to.messages.MeterInfo("")
    tuple_id = None if session.schedule is None else session.schedule.tuple_id
    receipt = to.messages.MeteringReceiptReq(session.session_id, tuple_id, info)
    if session.contract is None:
        return to.message(session.session_id, receipt)
    from v2g.iso15118.signature import sign

    receipt.Id = SIGNED_ID
    signature = sign("iso2", [("MeteringReceiptReq", receipt)], session.contract.key)
    return to.message(session.session_id, receipt, signature)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    session = heeding(to, session, body(response).EVSEStatus)
    return session.to(Phase.DC_CHARGE_LOOP if session.intent.service.dc else Phase.AC_CHARGE_LOOP)
