"""ChargingStatus: the on-board charger follows EVSEMaxCurrent and the schedule, within its own limits."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession, Report
from v2g.iso15118.d2.car.charge_parameter_discovery import phases
from v2g.iso15118.d2.car.metering import meter_in
from v2g.iso15118.d2.car.status import heeding
from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST_A
from v2g.iso15118.vehicle import VehicleState


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    return to.message(session.session_id, to.messages.ChargingStatusReq())


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said = body(response)
    most_a = min(stated(said.EVSEMaxCurrent, MOST_A, session.limits.charge_a), session.limits.charge_a)
    allowed_w = max(0.0, most_a) * session.limits.voltage_max_v * phases(session)
    charger_w = min(max(0.0, session.scheduled_w(vehicle)), allowed_w)
    session = replace(
        session,
        command=replace(session.command, charger_w=charger_w),
        report=Report(power_w=vehicle.power_w, meter=meter_in(session, said.MeterInfo)),
        reading=said.MeterInfo or session.reading,
        loops=session.loops + 1,
    )
    return heeding(to, session, said.AC_EVSEStatus).to(Phase.RECEIPT if said.ReceiptRequired else Phase.AC_CHARGE_LOOP)
