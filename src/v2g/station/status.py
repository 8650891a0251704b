"""What the operator may see of a EVSE, and why its power is what it is."""

from typing import Any

from v2g.station.evse import Evse


def status(evse: Evse, now: float) -> dict[str, Any]:
    """The EVSE as it is now, in V, A, W, Wh, Hz and degrees Celsius; None is what nobody knows."""
    conversation, car, readings = evse.conversation, evse.car, evse.fresh(now)
    inverter, contactor, meter, grid = readings.inverter, readings.contactor, readings.meter, readings.grid
    decision, guard, plug, report = evse.decision, evse.guard, evse.plug, evse.report
    match = None if plug is None else plug.match
    evse.account(now)
    binding = None if decision is None else decision.binding
    missing = evse.missing(now)
    return {
        "evse": evse.settings.id,
        "evse_id": evse.settings.evse_id,
        "phase": "IDLE" if conversation is None else conversation.phase,
        "stage": evse.demand.stage.name,
        "session": report.session_id,
        "evcc_id": report.evcc_id,
        "service": report.service,
        "mode": report.mode,
        "soc_percent": car.soc_percent,
        "ready": missing is None,
        "not_ready_because": None if missing is None else missing[1],
        "contactor_closed": None if contactor is None else contactor.closed,
        "voltage_v": None if inverter is None else inverter.voltage_v,
        "current_a": None if inverter is None else inverter.current_a,
        "power_w": evse.power_w(now),
        "meter_w": None if meter is None else meter.power_w,
        "wish_w": None if decision is None else decision.wish_w,
        "target_w": None if decision is None else decision.power_w,
        "explanation": None if decision is None else decision.explanation,
        "limited_by": None if binding is None else binding.source,
        "frequency_hz": None if grid is None else grid.frequency_hz,
        "voltages_v": None if grid is None else list(grid.voltages_v),
        "grid": None if guard is None else guard.status(),
        "pilot": None if plug is None else plug.pilot.finding.name,
        "pilot_duty": None if plug is None else plug.pilot.duty,
        "matched_car": None if match is None else match.car.hex(":").upper(),
        "coolant_c": None if readings.safety is None else readings.safety.coolant_c,
        "temperature_c": None if inverter is None else inverter.temperature_c,
        "charged_wh": report.charged_wh,
        "discharged_wh": report.discharged_wh,
        "messages": report.messages,
        "limited_s": evse.decider.limited_s,
        "result": report.result,
        "fault": report.fault,
    }


def explain(evse: Evse, now: float) -> dict[str, Any]:
    """Why the power is what it is, in a sentence and in figures."""
    decision = evse.decision
    if decision is None:
        missing = evse.missing(now)
        session = "no car is connected"
        if evse.conversation is not None:
            session = f"the session is in {evse.conversation.phase}"
        return {"evse": evse.settings.id, "why": f"idle: {session}" + (f"; {missing[1]}" if missing else "")}
    bounds = [each for each in (decision.binding, *decision.runners_up) if each is not None]
    return {
        "evse": evse.settings.id,
        "why": decision.explanation,
        "power_w": decision.power_w,
        "reactive_var": decision.reactive_var,
        "wish_w": decision.wish_w,
        "wished_by": decision.wished_by,
        "limited": decision.limited,
        "bounds": [
            {"source": each.source, "detail": each.detail, "allows_w": each.of(decision.wish_w)} for each in bounds
        ],
    }
