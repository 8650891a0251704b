"""What clients of the local API ask of this EVSE (docs/local-api.md), at the meter's side of the inverter.

Nothing here lifts a bound of anybody else. A set-point of the back end comes first; so does the operator's. That of a
grid operator's system (docs/grid-languages.md) comes before those of the house.
"""

from collections.abc import Iterator

from v2g.iso15118.service import ControlMode
from v2g.kernel.units import kwh
from v2g.pilot.duty import LEAST_A
from v2g.station.power.limits import Bound, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source
from v2g.station.power.sources.departure import MARGIN
from v2g.station.power.sources.duty_cycle import follows, volts_times_phases

_ROUNDING = 1.0 + 1e-9
"""So that a current, made a power and a current again, is not below itself."""


class Local(Source):
    def wish(self, situation: Situation) -> Wish | None:
        order, own = situation.local, situation.settings.capability
        # A car with a wish of its own, or none at all, follows limits; see `bounds`.
        if situation.demand.wish_w is not None or situation.demand.mode is not ControlMode.DYNAMIC:
            return None
        if _steered(situation):
            return None
        if order.power_w is not None:
            return Wish(order.power_w - situation.loss_w if order.power_w else 0.0, order.power_by)
        match order.mode:
            case "charge":
                return Wish(own.charge_w, order.mode_by)
            case "discharge":
                return Wish(-own.discharge_w, order.mode_by)
            case "pause":
                return Wish(0.0, order.mode_by)
        return Wish(own.charge_w, f"the departure that {order.departure_by} stated") if _is_due(situation) else None

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        order = situation.local
        if order.mode == "pause":
            yield Bound(f"pause by {order.mode_by}", 0.0, 0.0)
        if order.limit_by:
            by_current_w = order.charge_a * volts_times_phases(situation.settings, situation.readings.meter)
            most_w = min(order.charge_w, by_current_w * _ROUNDING)
            yield Bound(f"limit of {order.limit_by}", most_w, order.discharge_w).behind(situation.loss_w)
        if situation.demand.mode is not ControlMode.DYNAMIC:
            if order.power_w is not None:
                charge_w, discharge_w = max(_spared_w(situation), order.power_w), max(0.0, -order.power_w)
                yield Bound(f"set-point of {order.power_by}", charge_w, discharge_w).behind(situation.loss_w)
            elif order.mode == "discharge":
                yield Bound(f"discharge by {order.mode_by}", charge_w=0.0)
            elif order.mode == "charge":
                yield Bound(f"charge by {order.mode_by}", discharge_w=0.0)
        yield from _reserve(situation)


def _spared_w(situation: Situation) -> float:
    """What a set-point leaves a car that follows the duty cycle and has begun just now, to spare the contactor."""
    settings = situation.settings
    if not follows(situation) or situation.on_s >= settings.wear.least_on_s:
        return 0.0
    return LEAST_A * volts_times_phases(settings, situation.readings.meter) * _ROUNDING


def _reserve(situation: Situation) -> Iterator[Bound]:
    """What must stay in the battery."""
    order, soc = situation.local, situation.car.soc_percent
    if order.min_soc_percent and (soc is None or soc <= order.min_soc_percent) and situation.energy:
        detail = f"{order.min_soc_percent} %" if soc is not None else "the EV does not report its own"
        yield Bound(f"minimum state of charge of {order.min_soc_by}", discharge_w=0.0, detail=detail)
    if situation.energy and _is_due(situation):
        need = "an unknown energy" if order.need_wh is None else kwh(order.need_wh)
        left_s = max(0.0, (order.departure_s or 0.0) - situation.now)
        detail = f"{need} in {left_s / 60:.0f} min"
        yield Bound(f"departure that {order.departure_by} stated", discharge_w=0.0, detail=detail)


def _is_due(situation: Situation) -> bool:
    """Whether the car needs all the time that is left to charge; also if nobody knows what it needs."""
    order = situation.local
    if order.departure_s is None:
        return False
    if order.need_wh is None:
        return True
    charge_w = min(situation.car.limits.charge_w, situation.settings.capability.charge_w)
    return order.need_wh > 0 and (order.departure_s - situation.now) * charge_w <= order.need_wh * 3600 * MARGIN


def _steered(situation: Situation) -> bool:
    """Whether the back end has a set-point."""
    order = situation.back_end
    return order is not None and order.setpoint_w is not None and situation.now <= order.until_s
