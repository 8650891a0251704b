"""ChargeParameterDiscovery: the limits of both sides, and the schedule that the car follows."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d2.car.current_demand import both_ways
from v2g.iso15118.d2.car.status import dc_ev_status, heeding
from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST_A, MOST_V, MOST_W
from v2g.iso15118.schedule import Schedule
from v2g.iso15118.tariff import accepted
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Limits, Slot
from v2g.kernel.durations import DAY_S
from v2g.kernel.fault import Fault


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    kind = to.messages.ChargeParameterDiscoveryReq
    parameters = _dc(to, session, vehicle) if session.intent.service.dc else _ac(to, session, vehicle)
    if to.renegotiates:
        mode = {"RequestedEnergyTransferMode": to.messages.EnergyTransferMode(session.energy_mode)}
    else:
        mode = {"EVRequestedEnergyTransferType": to.messages.EVRequestedEnergyTransfer(session.energy_mode)}
    return to.message(session.session_id, kind(**mode, EVChargeParameter=parameters))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said = body(response)
    dc, parameters = session.intent.service.dc, said.EVSEChargeParameter
    wanted = to.messages.DC_EVSEChargeParameter if dc else to.messages.AC_EVSEChargeParameter
    if type(parameters) is not wanted:
        raise _senseless(f"the station answers with {type(parameters).__name__}, not with {wanted.__name__}")
    limits = _dc_limits(parameters) if dc else _ac_limits(parameters, session)
    if dc and not limits.voltage_min_v <= vehicle.battery_voltage_v <= limits.voltage_max_v:
        raise Abandon(
            f"the battery has {vehicle.battery_voltage_v:.0f} V, the station gives {limits.voltage_min_v:g} to "
            f"{limits.voltage_max_v:g} V",
            Fault.REQUEST_REFUSED,
        )
    session = replace(session, limits=both_ways(limits, session) if dc else limits)
    if said.EVSEProcessing is not to.messages.EVSEProcessing.Finished:
        return session
    if type(said.SASchedules) is not to.messages.SAScheduleList:
        raise _senseless("the station has finished, and gives no schedule")
    offered = [each.SalesTariff for each in said.SASchedules.SAScheduleTuple] if to.renegotiates else []
    session = replace(
        session,
        schedule=_read(said.SASchedules, vehicle.unix_s, gives_w=session.limits.discharge_w if dc else 0.0),
        renegotiate=False,
        tariff=accepted("iso2", offered, response.Header.Signature, session.contract),
    )
    session = heeding(to, session, parameters.DC_EVSEStatus if dc else parameters.AC_EVSEStatus)
    return session.to(Phase.CABLE_CHECK if dc else Phase.POWER_DELIVERY)


def phases(session: CarSession) -> int:
    """How many phases the car charges on."""
    return 3 if session.energy_mode == "AC_three_phase_core" else 1


def _senseless(reason: str) -> Abandon:
    return Abandon(reason, Fault.SEQUENCE_ERROR, in_order=False)


def _departure(session: CarSession, vehicle: VehicleState) -> dict[str, int]:
    """Only if the driver named one: without, the station charges without delay [V2G2-761]."""
    leaves_s = session.intent.departure_unix_s
    return {} if leaves_s is None else {"DepartureTime": max(0, leaves_s - vehicle.unix_s)}


def _missing_wh(soc: float, vehicle: VehicleState) -> float:
    return max(0.0, (soc - vehicle.soc) * vehicle.capacity_wh)


def _dc(to: Dialect, session: CarSession, vehicle: VehicleState) -> Any:
    intent, limits = session.intent, session.intent.limits
    return to.messages.DC_EVChargeParameter(
        **(_departure(session, vehicle) if to.renegotiates else {}),
        DC_EVStatus=dc_ev_status(to, session, vehicle),
        EVMaximumCurrentLimit=to.limit(limits.charge_a, "A"),
        EVMaximumPowerLimit=to.limit(limits.charge_w, "W"),
        EVMaximumVoltageLimit=to.limit(limits.voltage_max_v, "V"),
        EVEnergyCapacity=to.shown(vehicle.capacity_wh, "Wh"),
        EVEnergyRequest=to.shown(_missing_wh(intent.soc_target, vehicle), "Wh"),
        FullSOC=round(intent.soc_max * 100),
        BulkSOC=round(intent.soc_target * 100),
    )


def _ac(to: Dialect, session: CarSession, vehicle: VehicleState) -> Any:
    limits = session.intent.limits
    volts = _NOMINAL_V * phases(session)
    most_a = min(limits.charge_w / volts, limits.charge_a) if limits.charge_a else limits.charge_w / volts
    return to.messages.AC_EVChargeParameter(
        **_departure(session, vehicle),
        EAmount=to.shown(_missing_wh(session.intent.soc_target, vehicle), "Wh"),
        EVMaxVoltage=to.shown(_HIGHEST_V, "V"),
        EVMaxCurrent=to.limit(most_a, "A"),
        EVMinCurrent=to.shown(limits.charge_min_w / volts, "A"),
    )


_NOMINAL_V, _HIGHEST_V = 230.0, 400.0
"""Between a phase and neutral, and the most that the on-board charger bears between two phases."""


def _dc_limits(parameters: Any) -> Limits:
    charge_a, voltage_max_v = (
        stated(parameters.EVSEMaximumCurrentLimit, MOST_A),
        stated(parameters.EVSEMaximumVoltageLimit, MOST_V),
    )
    return Limits(
        charge_w=stated(parameters.EVSEMaximumPowerLimit, MOST_W, charge_a * voltage_max_v),
        charge_a=charge_a,
        charge_min_a=stated(parameters.EVSEMinimumCurrentLimit, MOST_A),
        voltage_min_v=stated(parameters.EVSEMinimumVoltageLimit, MOST_V),
        voltage_max_v=voltage_max_v,
    )


def _ac_limits(parameters: Any, session: CarSession) -> Limits:
    charge_a, nominal_v = stated(parameters.EVSEMaxCurrent, MOST_A), stated(parameters.EVSENominalVoltage, MOST_V)
    return Limits(charge_w=charge_a * nominal_v * phases(session), charge_a=charge_a, voltage_max_v=nominal_v)


def _read(offered: Any, unix_s: int, *, gives_w: float) -> Schedule:
    """The first tuple; its last entry lasts a day if the station does not say how long. `gives_w`: what the car gives
    at most: PMax is about charging."""
    chosen = offered.SAScheduleTuple[0]
    entries = chosen.PMaxSchedule.PMaxScheduleEntry
    starts = [entry.TimeInterval.start for entry in entries]
    last_s = starts[-1] + (entries[-1].TimeInterval.duration or DAY_S)
    slots = []
    for entry, (before_s, after_s) in zip(entries, pairwise([*starts, last_s]), strict=True):
        most_w = max(0.0, float(getattr(entry.PMax, "value", entry.PMax)))
        slots.append(Slot(max(0, after_s - before_s), most_w, gives_w))
    return Schedule(chosen.SAScheduleTupleID, unix_s + starts[0], tuple(slots))
