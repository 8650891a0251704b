"""What the requests of every edition make of the power path: cable check, pre-charge, start and stop.

Each returns the changed session, or `Wait` while the hardware needs a moment; what cannot be is a `Refusal`.
"""

from dataclasses import replace

from v2g.iso15118.session import Code, Refusal, Session, Wait
from v2g.iso15118.view import Check, Demand, Stage, StationView
from v2g.kernel.fault import Fault

CONTACTOR_S = 1.4
"""How long PowerDelivery may wait for the contactor: its response is owed within 1.5 s."""

STATE_S = 1.0
"""How long an answer may wait for the control pilot to follow what the car says: it is read every 20 ms, and some cars
send first and switch then."""

_NOT_ASKED = Refusal(Code.FAILED, "the car does not ask for energy: the control pilot is in state B", Fault.PILOT)
_STILL_ASKS = Refusal(Code.FAILED, "the car still asks for energy: the control pilot is not in state B", Fault.PILOT)
_CONTACTOR_OPEN = Refusal(Code.CONTACTOR, "the contactor did not close in time", Fault.CONTACTOR)
_CONTACTOR_CLOSED = Refusal(Code.CONTACTOR, "the contactor did not open in time", Fault.CONTACTOR)
_STILL_CURRENT = Refusal(Code.FAILED, "the current did not fall to zero in time", Fault.INVERTER_FAULT)


def check_cable(session: Session, view: StationView) -> tuple[Session, bool]:
    """The session that wants the cable check, and whether the check is passed."""
    # What is reported before the check was ever asked for belongs to an earlier session.
    started = session.demand.stage is Stage.CABLE_CHECK
    demand = Demand(Stage.CABLE_CHECK, session.selected.service, session.selected.mode)
    if started and view.cable_check is Check.FAILED:
        raise Refusal(Code.FAILED, "the cable check failed", Fault.CABLE_CHECK)
    return replace(session, demand=demand), started and view.cable_check is Check.PASSED


def awaits_ready(session: Session, view: StationView) -> Wait | None:
    """Before the cable check: the car asks for energy by its pilot, or must begin to within `STATE_S`."""
    if session.demand.stage is Stage.CABLE_CHECK or view.asks_energy is not False:
        return None
    return Wait(session, STATE_S, _NOT_ASKED)


def awaits_rest(session: Session, view: StationView) -> Wait | None:
    """After the energy transfer: the car has stopped asking by its pilot, or must do so within `STATE_S`."""
    return Wait(session, STATE_S, _STILL_ASKS) if view.asks_energy else None


def precharge(session: Session, view: StationView, target_v: float) -> Session:
    """The session that wants this voltage at the output; it must be within the promise."""
    limits = session.promised or view.lasting or view.limits
    if session.offer.precharge_tolerance_v is None:
        target_v = min(max(0.0, target_v), limits.voltage_max_v)
    elif not 0 <= target_v <= limits.voltage_max_v:
        reason = f"pre-charge to {target_v:g} V is beyond the promised {limits.voltage_max_v:g} V"
        raise Refusal(Code.FAILED, reason)
    demand = Demand(Stage.PRECHARGE, session.selected.service, session.selected.mode, voltage_v=target_v)
    return replace(session, demand=demand)


def start(session: Session, view: StationView) -> Session | Wait:
    """The session with its contactor closed. Power follows the first request of the charge loop."""
    service, wanted = session.selected.service, session.demand
    if service.dc:
        if not view.contactor_closed:
            raise Refusal(Code.CONTACTOR, "the contactor is not closed", Fault.CONTACTOR)
        tolerance_v = session.offer.precharge_tolerance_v
        away_v = abs(view.voltage_v - wanted.voltage_v)
        if wanted.stage is Stage.PRECHARGE and tolerance_v is not None and away_v > tolerance_v:
            reason = f"pre-charge stands at {view.voltage_v:.0f} V, not at {wanted.voltage_v:.0f} V"
            raise Refusal(Code.NOT_APPLIED, reason, Fault.PRECHARGE)
    elif not view.contactor_closed:
        ready = Demand(Stage.READY, service, session.selected.mode)
        overdue = _NOT_ASKED if view.asks_energy is False else _CONTACTOR_OPEN
        return Wait(replace(session, demand=ready), CONTACTOR_S, overdue)
    return replace(
        session, demand=replace(wanted, stage=Stage.READY, service=service, mode=session.selected.mode, wish_w=None)
    )


def stop(session: Session, view: StationView) -> Session | Wait:
    """The session with no power any more; AC, with the contactor open."""
    session = replace(session, demand=Demand())
    if session.selected.service.dc:
        return session if view.current_gone else Wait(session, CONTACTOR_S, _STILL_CURRENT)
    return session if view.contactor_closed is False else Wait(session, CONTACTOR_S, _CONTACTOR_CLOSED)
