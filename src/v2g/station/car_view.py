"""What the conversation with the car sees of an EVSE: everything that lets energy flow comes from the decision."""

from math import inf

from v2g.iso15118.der import DerSettings
from v2g.iso15118.view import Authorization, Check, Meter, Slot, Stage, StationView
from v2g.power.inverter import NO_CURRENT_A, InverterRating
from v2g.power.meter import MeterReading
from v2g.station.config.settings import EvseSettings
from v2g.station.offer import limits_of
from v2g.station.readings import Readings
from v2g.station.timeouts import STOP_S
from v2g.station.visit import Visit

SCHEDULE_S = 86_400
"""How long the schedule that a car is offered lasts; it is renegotiated when a bound changes."""


def view_of(
    settings: EvseSettings,
    visit: Visit,
    readings: Readings,
    rating: InverterRating | None,
    now: float,
    unix_s: int,
    *,
    authorization: Authorization,
    target_w: float | None,
    renegotiate: bool,
    der: DerSettings | None,
    asks_energy: bool | None,
) -> StationView:
    """The view of one instant. `readings`: fresh ones."""
    inverter, contactor, meter = readings.inverter, readings.contactor, readings.meter
    decision = visit.decider.decision
    limits = limits_of(settings, rating, decision.allowed)
    return StationView(
        unix_s=unix_s,
        authorization=authorization,
        contract="" if visit.judged is None else visit.judged.contract or "",
        flaw=None if visit.verdict is None else visit.verdict.flaw,
        may_discharge=settings.may_feed and visit.verdict is not None and visit.verdict.discharge,
        limits=limits,
        lasting=limits_of(settings, rating, decision.lasting),
        cable_check=_check(visit),
        asks_energy=asks_energy,
        # What was seen before this car came is the end of an earlier session.
        contactor_closed=None if contactor is None or contactor.time_s < visit.since_s else contactor.closed,
        voltage_v=0.0 if inverter is None else inverter.voltage_v,
        current_a=0.0 if inverter is None else inverter.current_a,
        current_gone=inverter is not None and abs(inverter.current_a) < NO_CURRENT_A,
        power_w=readings.power_w or 0.0,
        metered_w=None if meter is None else meter.power_w,
        measured_s=-inf if inverter is None or meter is None else min(inverter.time_s, meter.time_s),
        commanded_w=decision.power_w,
        target_w=target_w,
        target_var=decision.reactive_var if decision.reactive_by else None,
        der=der,
        limited=decision.limited,
        stop=visit.stop,
        pause_in_s=max(0.0, visit.stop_by_s - STOP_S - now),
        renegotiate=renegotiate,
        choose_again=_choose_again(visit, der),
        meter=None if meter is None else _counted(settings, visit, meter),
        schedule=(Slot(SCHEDULE_S, limits.charge_w, limits.discharge_w),),
    )


def _choose_again(visit: Visit, der: DerSettings | None) -> bool:
    """Whether the grid code has changed since the car's inverter was given it, and energy flows."""
    conversation = visit.conversation
    if der is None or conversation is None or conversation.car.der is None:
        return False
    return conversation.demand.stage is Stage.ENERGY and conversation.car.der.given != der


def _check(visit: Visit) -> Check:
    check = visit.check
    if check is None:
        return Check.IDLE
    return Check.FAILED if check.failed else Check.PASSED if check.passed else Check.ONGOING


def _counted(settings: EvseSettings, visit: Visit, meter: MeterReading) -> Meter:
    """Energy of this visit in each direction [V2G20-902], and the reading itself [V2G2-902]."""
    total_wh = max(0, int(meter.import_wh))
    return Meter(settings.evse_id[:32], int(visit.report.charged_wh), int(visit.report.discharged_wh), total_wh)
