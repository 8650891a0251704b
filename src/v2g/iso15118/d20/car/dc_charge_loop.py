"""DC_ChargeLoop: the car says what it can take and, in scheduled mode, what it wants; the station moves the energy."""

from collections.abc import Mapping
from dataclasses import replace

from v2g.iso15118.car_session import CarSession, Report
from v2g.iso15118.d20.car import needs
from v2g.iso15118.d20.car.notification import heeding, meter_in, wrong_flavour
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import ControlMode
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Limits
from v2g.messages.iso20.dc import (
    BPT_Dynamic_DC_CLReqControlMode,
    BPT_Dynamic_DC_CLResControlMode,
    BPT_Scheduled_DC_CLReqControlMode,
    BPT_Scheduled_DC_CLResControlMode,
    DC_ChargeLoopReq,
    DC_ChargeLoopRes,
    Dynamic_DC_CLReqControlMode,
    Dynamic_DC_CLResControlMode,
    Scheduled_DC_CLReqControlMode,
    Scheduled_DC_CLResControlMode,
)
from v2g.messages.iso20.types import RationalNumber

_EXPECTED: Mapping[
    tuple[ControlMode, bool], type[Scheduled_DC_CLResControlMode] | type[Dynamic_DC_CLResControlMode]
] = {
    (ControlMode.SCHEDULED, False): Scheduled_DC_CLResControlMode,
    (ControlMode.SCHEDULED, True): BPT_Scheduled_DC_CLResControlMode,
    (ControlMode.DYNAMIC, False): Dynamic_DC_CLResControlMode,
    (ControlMode.DYNAMIC, True): BPT_Dynamic_DC_CLResControlMode,
}


def request(session: CarSession, vehicle: VehicleState) -> DC_ChargeLoopReq:
    return DC_ChargeLoopReq(
        header(session, vehicle),
        DisplayParameters=needs.display(session, vehicle),
        MeterInfoRequested=session.wants_meter,
        EVPresentVoltage=shown(vehicle.battery_voltage_v),
        CLReqControlMode=_control(session, vehicle),
    )


def take(response: DC_ChargeLoopRes, asked: DC_ChargeLoopReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    control = response.CLResControlMode
    wanted = _EXPECTED[session.intent.mode, session.bidirectional]
    if not isinstance(control, wanted) or type(control) is not wanted:
        raise wrong_flavour(control, wanted)
    voltage_v, current_a = response.EVSEPresentVoltage.value, response.EVSEPresentCurrent.value
    command = session.command
    if isinstance(asked.CLReqControlMode, Scheduled_DC_CLReqControlMode):
        command = replace(
            command,
            target_a=asked.CLReqControlMode.EVTargetCurrent.value,
            target_v=asked.CLReqControlMode.EVTargetVoltage.value,
        )
    return replace(
        heeding(session, response.EVSEStatus),
        command=command,
        limits=_newer(control, session.limits),
        report=Report(voltage_v, current_a, voltage_v * current_a, meter_in(session, response.MeterInfo)),
        reading=response.MeterInfo or session.reading,
        loops=session.loops + 1,
    ).to(Phase.CHARGE_LOOP)


def _control(session: CarSession, vehicle: VehicleState) -> Scheduled_DC_CLReqControlMode | Dynamic_DC_CLReqControlMode:
    limits = session.own_limits(vehicle)
    energies = needs.energies(session, vehicle)
    elements = {
        "EVMaximumChargePower": limit(limits.charge_w),
        "EVMinimumChargePower": limit(limits.charge_min_w),
        "EVMaximumChargeCurrent": limit(limits.charge_a),
        "EVMaximumVoltage": limit(limits.voltage_max_v),
        "EVMinimumVoltage": limit(limits.voltage_min_v),
    }
    discharge = {
        "EVMaximumDischargePower": limit(limits.discharge_w),
        "EVMinimumDischargePower": limit(limits.discharge_min_w),
        "EVMaximumDischargeCurrent": limit(limits.discharge_a),
    }
    if session.intent.mode is ControlMode.SCHEDULED:
        target = {
            "EVTargetCurrent": limit(session.target_a(vehicle)),
            "EVTargetVoltage": limit(limits.voltage_max_v),
        }
        if session.bidirectional:
            return BPT_Scheduled_DC_CLReqControlMode(**energies, **elements, **target, **discharge)
        return Scheduled_DC_CLReqControlMode(**energies, **elements, **target)
    departure_s = needs.departure_s(session, vehicle)
    if session.bidirectional:
        return BPT_Dynamic_DC_CLReqControlMode(
            DepartureTime=departure_s, **energies, **elements, **discharge, **needs.v2x_energies(session, vehicle)
        )
    return Dynamic_DC_CLReqControlMode(DepartureTime=departure_s, **energies, **elements)


def _newer(control: Scheduled_DC_CLResControlMode | Dynamic_DC_CLResControlMode, before: Limits) -> Limits:
    """The station's limits of now; what a scheduled response leaves out stays as it was."""

    def newer(value: RationalNumber | None, old: float) -> float:
        return old if value is None else abs(value.value)

    limits = replace(
        before,
        charge_w=newer(control.EVSEMaximumChargePower, before.charge_w),
        charge_a=newer(control.EVSEMaximumChargeCurrent, before.charge_a),
        voltage_max_v=newer(control.EVSEMaximumVoltage, before.voltage_max_v),
    )
    if isinstance(control, BPT_Scheduled_DC_CLResControlMode | BPT_Dynamic_DC_CLResControlMode):
        limits = replace(
            limits,
            discharge_w=newer(control.EVSEMaximumDischargePower, before.discharge_w),
            discharge_a=newer(control.EVSEMaximumDischargeCurrent, before.discharge_a),
        )
    return limits
