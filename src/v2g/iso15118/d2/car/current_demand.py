"""CurrentDemand: the car asks for the current that schedule and limits allow; for a negative one only if it is meant to
(SAE J2847/2)."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession, Report
from v2g.iso15118.d2.car.metering import meter_in
from v2g.iso15118.d2.car.status import dc_ev_status, heeding
from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST_A, MOST_V, MOST_W
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Limits


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    own = session.own_limits(vehicle)
    wanted = to.messages.CurrentDemandReq(
        dc_ev_status(to, session, vehicle),
        EVTargetCurrent=to.limit(_target_a(session, vehicle), "A"),
        EVMaximumVoltageLimit=to.limit(own.voltage_max_v, "V"),
        EVMaximumCurrentLimit=to.limit(own.charge_a, "A"),
        EVMaximumPowerLimit=to.limit(own.charge_w, "W"),
        ChargingComplete=vehicle.soc >= session.intent.soc_max,
        EVTargetVoltage=to.limit(min(own.voltage_max_v, session.limits.voltage_max_v), "V"),
    )
    return to.message(session.session_id, wanted)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said, wanted = body(response), body(asked)
    voltage_v, current_a = said.EVSEPresentVoltage.value, said.EVSEPresentCurrent.value
    meter = meter_in(session, getattr(said, "MeterInfo", None))
    session = replace(
        session,
        command=replace(session.command, target_a=wanted.EVTargetCurrent.value, target_v=wanted.EVTargetVoltage.value),
        limits=_newer(said, session.limits),
        report=Report(voltage_v, current_a, voltage_v * current_a, meter),
        reading=getattr(said, "MeterInfo", None) or session.reading,
        loops=session.loops + 1,
    )
    receipt = getattr(said, "ReceiptRequired", None)
    return heeding(to, session, said.DC_EVSEStatus).to(Phase.RECEIPT if receipt else Phase.DC_CHARGE_LOOP)


def _target_a(session: CarSession, vehicle: VehicleState) -> float:
    target_a = session.target_a(vehicle)
    return target_a if session.intent.negative_current else max(0.0, target_a)


def both_ways(limits: Limits, session: CarSession) -> Limits:
    """The station's limits in ChargeParameterDiscoveryRes as a car reads them that asks for a negative current: what
    the inverter can do. Those of the loop are about charging; what the station allows of the other direction is not
    said, but held at the inverter."""
    if not session.intent.negative_current:
        return limits
    return replace(limits, discharge_w=limits.charge_w, discharge_a=limits.charge_a)


def _newer(said: Any, before: Limits) -> Limits:
    return replace(
        before,
        charge_w=max(0.0, stated(said.EVSEMaximumPowerLimit, MOST_W, before.charge_w)),
        charge_a=max(0.0, stated(said.EVSEMaximumCurrentLimit, MOST_A, before.charge_a)),
        voltage_max_v=stated(said.EVSEMaximumVoltageLimit, MOST_V, before.voltage_max_v),
    )
