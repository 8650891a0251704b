"""The state of the whole station at one instant, as one frozen value: what status, trace, demo and operators read."""

from math import isfinite

from msgspec import Struct

from v2g.iso15118.view import Stage, Stop
from v2g.kernel.units import kw
from v2g.pilot.duty import LEAST_A
from v2g.station.access import Answer
from v2g.station.cable import offered_a
from v2g.station.evse import Evse
from v2g.station.readings import coolant_c
from v2g.station.safety.grid_status import GridStatus
from v2g.station.unified import unified


class BoundSnapshot(Struct, frozen=True):
    """A limit, and what it allows in the direction of the wish."""

    source: str
    detail: str
    allows_w: float


class Explanation(Struct, frozen=True):
    """Why the power of an EVSE is what it is."""

    evse: int
    why: str
    power_w: float = 0.0
    reactive_var: float = 0.0
    """Positive as drawn."""
    wish_w: float = 0.0
    wished_by: str = ""
    limited: bool = False
    bounds: tuple[BoundSnapshot, ...] = ()
    """The binding one first, then the next tighter ones."""


class LocalSnapshot(Struct, frozen=True, kw_only=True):
    """What clients of the local API ask of an EVSE; None is what nobody asks for."""

    setpoint_w: float | None
    grid_setpoint_w: float | None
    """What a grid operator's system asks for, which holds over `setpoint_w`."""
    mode: str
    charge_limit_w: float | None
    charge_limit_a: float | None
    discharge_limit_w: float | None
    min_soc_percent: int
    """0: nobody asks for one."""
    departure_in_s: float | None
    need_wh: float | None
    left_s: dict[str, float | None]
    """Of each part that is asked for: how long it still holds; None until the session ends."""
    phases: int | None
    ended: str
    """What ended last, and why."""


class EvseSnapshot(Struct, frozen=True, kw_only=True):
    """One EVSE, in V, A, W, Wh, Hz, per cent and degrees Celsius; None is what nobody knows."""

    evse: int
    evse_id: str
    phase: str
    stage: str
    in_session: bool
    """Whether what follows is of the car that is here now. If not, of the last one; None before the first."""
    session: str | None
    evcc_id: str | None
    certificate: str | None
    service: str | None
    mode: str | None
    soc_percent: int | None
    ready: bool
    not_ready_because: str | None
    not_ready_fault: str | None
    """The code with which a car would be refused."""
    contactor_closed: bool | None
    voltage_v: float | None
    current_a: float | None
    power_w: float | None
    meter_w: float | None
    wish_w: float | None
    target_w: float | None
    allowed_charge_w: float
    """What the station allows now, whatever the car wishes."""
    allowed_discharge_w: float
    limits_lost: str | None
    """Why the operator's limits are not known, and the remedy."""
    explanation: str | None
    limited_by: str | None
    frequency_hz: float | None
    voltages_v: tuple[float, ...] | None
    grid: GridStatus | None
    pilot: str | None
    pilot_duty: float | None
    """As commanded, 0 to 1."""
    pilot_measured_duty: float | None
    matched_car: str | None
    coolant_c: float | None
    temperature_c: float | None
    charged_wh: float
    discharged_wh: float
    import_wh: float | None
    """What the meter shows."""
    export_wh: float | None
    plugged: bool | None
    """Whether a car is at the cable; None: nobody knows."""
    awaits_authorisation: bool
    phases: int | None
    """In use; None for direct current."""
    switches_phases: bool
    phase_switch: str | None
    """The switch that is wanted or under way; None if there is none."""
    rated_charge_w: float
    """Of the inverter; of the EVSE while none is known. A magnitude, as is the next."""
    rated_discharge_w: float
    reactive_var: float | None
    """At the meter, positive as drawn."""
    local: LocalSnapshot
    messages: int
    limited_s: dict[str, float]
    """Seconds for which each limit held the power below the wish, in this visit."""
    result: str | None
    fault: str | None
    fault_codes: tuple[str, ...]
    """What others call the fault (`v2g.station.unified`)."""


class StationSnapshot(Struct, frozen=True, kw_only=True):
    """All EVSEs. `sequence` grows with every change; equal numbers mean equal states."""

    sequence: int
    unix_s: int
    evses: tuple[EvseSnapshot, ...]


def evse_snapshot(evse: Evse, now: float) -> EvseSnapshot:
    """The EVSE as it is now."""
    visit, car, readings = evse.visit, evse.car, evse.fresh(now)
    inverter, contactor, meter, grid, pilot = (
        readings.inverter, readings.contactor, readings.meter, readings.grid, readings.pilot,
    )  # fmt: skip
    decision, guard, plug, report = evse.decision, evse.guard, evse.plug, visit.report
    match = None if plug is None else plug.match
    binding, energy = decision.binding, evse.demand.stage is Stage.ENERGY
    missing, rating, own = evse.why_not_ready(now), evse.rating, evse.settings.capability
    return EvseSnapshot(
        evse=evse.settings.id,
        evse_id=evse.settings.evse_id,
        phase="IDLE" if visit.conversation is None else visit.conversation.phase,
        stage=evse.demand.stage.name,
        in_session=evse.busy or evse.demand.stage.name != "OFF",
        session=report.session_id or None,
        evcc_id=report.evcc_id or None,
        certificate=visit.certificate,
        service=report.service or None,
        mode=report.mode or None,
        soc_percent=car.soc_percent,
        ready=missing is None,
        not_ready_because=None if missing is None else missing[1],
        not_ready_fault=None if missing is None else missing[0].code,
        contactor_closed=None if contactor is None else contactor.closed,
        voltage_v=None if inverter is None else inverter.voltage_v,
        current_a=None if inverter is None else inverter.current_a,
        power_w=readings.power_w,
        meter_w=None if meter is None else meter.power_w,
        wish_w=decision.wish_w if energy else None,
        target_w=decision.power_w if energy else None,
        allowed_charge_w=decision.allowed.charge_w,
        allowed_discharge_w=decision.allowed.discharge_w,
        limits_lost=evse.operator.remedy or None,
        explanation=decision.explanation if energy else None,
        limited_by=None if binding is None or not energy else binding.source,
        frequency_hz=None if grid is None else grid.frequency_hz,
        voltages_v=None if grid is None else tuple(grid.voltages_v),
        grid=None if guard is None else guard.status(),
        pilot=None if plug is None else plug.pilot.finding.name,
        pilot_duty=None if plug is None else plug.pilot.duty,
        pilot_measured_duty=None if pilot is None else pilot.duty,
        matched_car=None if match is None else match.car.hex(":").upper(),
        coolant_c=coolant_c(readings),
        temperature_c=None if inverter is None else inverter.temperature_c,
        charged_wh=report.charged_wh,
        discharged_wh=report.discharged_wh,
        import_wh=None if meter is None else meter.import_wh,
        export_wh=None if meter is None else meter.export_wh,
        plugged=True if evse.busy else None if plug is None else plug.pilot.connected,
        awaits_authorisation=evse.served and visit.verdict is not None and visit.verdict.answer is Answer.PENDING,
        phases=evse.settings.phases if evse.settings.inverter is None else None,
        switches_phases=evse.switch is not None,
        phase_switch=None if evse.switch is None else evse.switch.status or None,
        rated_charge_w=own.charge_w if rating is None else rating.charge_power_max_w,
        rated_discharge_w=own.discharge_w if rating is None else rating.discharge_power_max_w,
        reactive_var=None if meter is None else meter.reactive_var,
        local=_local(evse, now),
        messages=report.messages,
        limited_s=dict(visit.decider.limited_s),
        result=report.result or None,
        fault=report.fault,
        fault_codes=() if report.cause is None else unified(report.cause).codes,
    )


def explain(evse: Evse, now: float) -> Explanation:
    """Why the power is what it is, in a sentence and in figures."""
    decision = evse.decision
    if evse.demand.stage is not Stage.ENERGY:
        missing = evse.why_not_mute(now) if evse.mute else evse.why_not_ready(now)
        reasons = dict.fromkeys([_idle(evse, now), *(missing or ())[1:]])  # each once
        return Explanation(evse.settings.id, f"idle: {'; '.join(reasons)}")
    bounds = [each for each in (decision.binding, *decision.runners_up) if each is not None]
    return Explanation(
        evse.settings.id,
        decision.explanation,
        decision.power_w,
        decision.reactive_var,
        decision.wish_w,
        decision.wished_by,
        decision.limited,
        tuple(BoundSnapshot(each.source, each.detail, each.of(decision.wish_w)) for each in bounds),
    )


def _local(evse: Evse, now: float) -> LocalSnapshot:
    order = evse.local.order
    return LocalSnapshot(
        setpoint_w=order.setpoint_w,
        grid_setpoint_w=order.grid_setpoint_w,
        mode=order.mode,
        charge_limit_w=_finite(order.charge_w),
        charge_limit_a=_finite(order.charge_a),
        discharge_limit_w=_finite(order.discharge_w),
        min_soc_percent=order.min_soc_percent,
        departure_in_s=None if order.departure_s is None else max(0.0, order.departure_s - now),
        need_wh=order.need_wh,
        left_s={name: _finite(max(0.0, each.until_s - now)) for name, each in evse.local.held.items()},
        phases=order.phases,
        ended=evse.local.ended,
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _idle(evse: Evse, now: float) -> str:
    """What the car does meanwhile."""
    visit, plug, allowed = evse.visit, evse.plug, evse.decision.allowed
    if visit.conversation is not None:
        waits = visit.conversation.awaits_authorization and not visit.admitted
        why = "" if visit.verdict is None or not waits else f": {visit.verdict.reason}"
        return f"the session is in {visit.conversation.phase}{why}"
    if visit.trip is not None:
        return visit.trip[1]
    if plug is None or not plug.pilot.connected:
        return "no car is connected"
    if not evse.mute:
        return "a car is plugged in"
    if visit.stop is not Stop.NONE:
        return "the car does not talk, and has been stopped; it gets energy once it is plugged in again, or started"
    if evse.switch is not None and evse.switch.interrupts:
        return f"the car does not talk, and {evse.switch.status}"
    if visit.contacts.rests(evse.settings.wear, now):
        return "the car does not talk, and the contactor rests (wear.least_off_s)"
    if plug.pilot.announced_a:
        return "the car does not talk, and does not ask for energy"
    offered = offered_a(evse.settings, visit, evse.fresh(now).meter)
    if offered is not None and offered >= LEAST_A:
        return "the car does not talk, and gets no energy yet"  # the control pilot is between two signals, or worse
    least = f"less than a duty cycle can say, {LEAST_A:g} A on each phase"
    if visit.injection is not None and visit.injection.power_w < allowed.charge_w:
        return f"the car does not talk, and the operator's wish, {kw(visit.injection.power_w)}, is {least}"
    return f"the car does not talk, and the limit, {allowed.charge}, {kw(allowed.charge_w)}, is {least}"
