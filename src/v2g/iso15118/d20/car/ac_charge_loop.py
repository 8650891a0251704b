"""AC_ChargeLoop: the station sets the power, the on-board charger follows it within its own limits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from v2g.iso15118.car_session import CarSession, Report
from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.car import der, needs
from v2g.iso15118.d20.car.notification import heeding, meter_in, wrong_flavour
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import ControlMode
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso20.ac import (
    AC_ChargeLoopReq,
    BPT_Dynamic_AC_CLReqControlMode,
    BPT_Dynamic_AC_CLResControlMode,
    BPT_Scheduled_AC_CLReqControlMode,
    BPT_Scheduled_AC_CLResControlMode,
    Dynamic_AC_CLReqControlMode,
    Dynamic_AC_CLResControlMode,
    Scheduled_AC_CLReqControlMode,
    Scheduled_AC_CLResControlMode,
)

_EXPECTED: Mapping[
    tuple[ControlMode, bool], type[Scheduled_AC_CLResControlMode] | type[Dynamic_AC_CLResControlMode]
] = {
    (ControlMode.SCHEDULED, False): Scheduled_AC_CLResControlMode,
    (ControlMode.SCHEDULED, True): BPT_Scheduled_AC_CLResControlMode,
    (ControlMode.DYNAMIC, False): Dynamic_AC_CLResControlMode,
    (ControlMode.DYNAMIC, True): BPT_Dynamic_AC_CLResControlMode,
}


def request(session: CarSession, vehicle: VehicleState) -> AC_ChargeLoopReq | der.LoopReq:
    if session.intent.service.der:
        return der.loop(session, vehicle)
    return AC_ChargeLoopReq(
        header(session, vehicle),
        DisplayParameters=needs.display(session, vehicle),
        MeterInfoRequested=session.wants_meter,
        CLReqControlMode=_control(session, vehicle),
    )


def take(
    response: Any, asked: AC_ChargeLoopReq | der.LoopReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    control = response.CLResControlMode
    wanted: type[Any] = _EXPECTED[session.intent.mode, session.bidirectional]
    if session.intent.service.der:
        wanted = der.expected(session)
    if not isinstance(control, wanted) or type(control) is not wanted:
        raise wrong_flavour(control, wanted)
    target = control.EVSETargetReactivePower
    present_w = vehicle.power_w
    if control.EVSEPresentActivePower is not None:
        present_w = total_w(control, "EVSEPresentActivePower")
    return replace(
        heeding(session, response.EVSEStatus),
        command=replace(
            session.command,
            charger_w=charger_w(control, session, vehicle),
            charger_var=None if target is None else total_w(control, "EVSETargetReactivePower"),
            der=session.der,
            der_rating=session.der_rating,
        ),
        report=Report(power_w=present_w, meter=meter_in(session, response.MeterInfo)),
        reading=response.MeterInfo or session.reading,
        loops=session.loops + 1,
    ).to(Phase.CHARGE_LOOP)


def charger_w(control: Any, session: CarSession, vehicle: VehicleState) -> float:
    """The set-point of the on-board charger: the station's target or, without one, the schedule; within own limits."""
    if control.EVSETargetActivePower is not None:
        target_w = total_w(control, "EVSETargetActivePower")
    else:
        target_w = session.scheduled_w(vehicle)
    own = session.own_limits(vehicle)
    return min(max(target_w, -own.discharge_w), own.charge_w)


def _control(session: CarSession, vehicle: VehicleState) -> Scheduled_AC_CLReqControlMode | Dynamic_AC_CLReqControlMode:
    limits = session.own_limits(vehicle)
    energies = needs.energies(session, vehicle)
    elements = {
        "EVMaximumChargePower": limit(limits.charge_w),
        "EVMinimumChargePower": limit(limits.charge_min_w),
        "EVPresentActivePower": shown(vehicle.power_w),
        "EVPresentReactivePower": shown(der.present_var(session, vehicle)),
    }
    discharge = {
        "EVMaximumDischargePower": limit(limits.discharge_w),
        "EVMinimumDischargePower": limit(limits.discharge_min_w),
    }
    if session.intent.mode is ControlMode.SCHEDULED:
        if session.bidirectional:
            return BPT_Scheduled_AC_CLReqControlMode(**energies, **elements, **discharge)
        return Scheduled_AC_CLReqControlMode(**energies, **elements)
    departure_s = needs.departure_s(session, vehicle)
    if session.bidirectional:
        return BPT_Dynamic_AC_CLReqControlMode(
            DepartureTime=departure_s, **energies, **elements, **discharge, **needs.v2x_energies(session, vehicle)
        )
    return Dynamic_AC_CLReqControlMode(DepartureTime=departure_s, **energies, **elements)
