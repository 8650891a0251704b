"""DC_PreCharge: the station comes to the battery's voltage, the car closes its contactor, then it says Finished."""

from dataclasses import replace

from v2g.iso15118.car_session import PRECHARGE_TOLERANCE_V, CarSession
from v2g.iso15118.d20.numbers import shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso20.dc import DC_PreChargeReq, DC_PreChargeRes
from v2g.messages.iso20.types import Processing


def request(session: CarSession, vehicle: VehicleState) -> DC_PreChargeReq:
    closed = session.command.contactor_closed and vehicle.contactor_closed
    return DC_PreChargeReq(
        header(session, vehicle),
        EVProcessing=Processing.Finished if closed else Processing.Ongoing,
        EVPresentVoltage=shown(vehicle.inlet_voltage_v),
        EVTargetVoltage=shown(vehicle.battery_voltage_v),
    )


def take(response: DC_PreChargeRes, asked: DC_PreChargeReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    voltage_v, target_v = response.EVSEPresentVoltage.value, asked.EVTargetVoltage.value
    matches = abs(voltage_v - target_v) <= PRECHARGE_TOLERANCE_V or session.intent.believe_precharge
    # Once closed it stays closed: from then on the station measures the battery itself.
    closed = session.command.contactor_closed or matches
    session = replace(
        session,
        command=replace(session.command, contactor_closed=closed, target_v=target_v),
        report=replace(session.report, voltage_v=voltage_v),
    )
    return session.to(Phase.PRECHARGED if asked.EVProcessing is Processing.Finished else Phase.PRECHARGING)
