"""PreCharge: the station comes to the battery's voltage, and the car closes its contactor."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import PRECHARGE_TOLERANCE_V, CarSession
from v2g.iso15118.d2.car.status import dc_ev_status, heeding
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState

_CURRENT_A = 1.0
"""The station holds it to 2 A at most."""


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    asked = to.messages.PreChargeReq(
        dc_ev_status(to, session, vehicle),
        EVTargetVoltage=to.shown(vehicle.battery_voltage_v, "V"),
        EVTargetCurrent=to.shown(_CURRENT_A, "A"),
    )
    return to.message(session.session_id, asked)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said = body(response)
    voltage_v, target_v = said.EVSEPresentVoltage.value, body(asked).EVTargetVoltage.value
    matches = abs(voltage_v - target_v) <= PRECHARGE_TOLERANCE_V or session.intent.believe_precharge
    # Once closed it stays closed: from then on the station measures the battery itself.
    was_closed = session.command.contactor_closed
    session = replace(
        heeding(to, session, said.DC_EVSEStatus),
        command=replace(session.command, contactor_closed=was_closed or matches, target_v=target_v),
        report=replace(session.report, voltage_v=voltage_v),
    )
    return replace(session.to(Phase.PRECHARGED), ready=was_closed and vehicle.contactor_closed)
