"""Decides the power of one EVSE, again and again while energy may flow: whose wish, whose bounds, one set-point."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fmod, isfinite
from typing import TYPE_CHECKING

from v2g.iso15118.car import CarState
from v2g.iso15118.d20.secc.answers.power_delivery import NO_CURRENT_A
from v2g.iso15118.view import Demand, Stop
from v2g.power.inverter import InverterRating
from v2g.station.config.settings import EvseSettings
from v2g.station.operator_command import Injection, OperatorLimits
from v2g.station.power import dispatch
from v2g.station.power.limits import Bound, Decision, decide
from v2g.station.power.reversal import Interlock
from v2g.station.readings import Readings
from v2g.station.safety.supervisor import NO_POWER_W

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.heat import Heat

MOST_LOSS, IDLE_LOSS_W = 0.1, 300.0
"""No inverter loses more; a measurement that says so is not believed."""
RESOLUTION = 10.0
"""Of set-points, in W and var."""
DEPARTURE_MARGIN = 1.1
"""Discharging ends when the time left is this many times what the car's energy need takes at full power."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision rests on."""

    demand: Demand
    car: CarState
    readings: Readings
    """Fresh ones only."""
    rating: InverterRating | None
    stop: Stop
    heat: "Heat | None" = None


class Decider:
    """The power of one EVSE. `decision` is the latest one, None while no energy may flow."""

    def __init__(self, evse: EvseSettings, site: Bound | None = None) -> None:
        """`site`: this EVSE's share of what the site's transformer may carry."""
        self.settings = evse
        self.decision: Decision | None = None
        self.limited_s: dict[str, float] = {}
        """Seconds for which each bound held the power below the wish, in this session."""
        self.injection: Injection | None = None
        self.operator = OperatorLimits()
        self._site = site
        self._interlock = Interlock()
        self._energy_since: float | None = None
        self._decided_at = 0.0
        self._departure: tuple[int | None, float] = (None, 0.0)
        """The car's departure time as it said it, and when it did."""

    def new_session(self) -> None:
        """Another car: the plan starts afresh, and what the operator asked of the last one is over."""
        self.decision = self.injection = self._energy_since = None
        self.limited_s = {}
        self._departure = (None, 0.0)

    def rest(self) -> None:
        """No energy may flow just now."""
        self.decision = None

    def decide(self, situation: Situation, guard: "GridGuard | None", now: float) -> Decision:
        """The decision at `now`. The same inputs at the same times give the same decisions."""
        if self._energy_since is None:
            self._energy_since = now
        if self.decision is None:
            self._decided_at = now
            if guard is not None:
                guard.begin(situation.rating if self._dc(situation) else None, now)
        wish_w, wished_by = self._wish(situation, now)
        bounds = list(self._bounds(situation, wish_w, now))
        reactive_var, reactive_by = 0.0, ""
        if guard is not None:
            # The grid counts at its side of the inverter, the set-point at the vehicle's.
            loss_w = self._loss_w(situation)
            fed_var = None if self.injection is None else self.injection.fed_var
            support = guard.support(wish_w + loss_w, now, fed_var)
            bounds += (
                Bound(each.source, max(each.charge_w - loss_w, 0.0), _with_loss(each.discharge_w, loss_w), each.detail)
                for each in support.limits
            )
            if support.wished_by != "dispatch":
                wish_w, wished_by = support.wish_w - loss_w, support.wished_by
            reactive_var, reactive_by = support.reactive_var, support.reactive_by
        resting = list(self._interlock.bounds(wish_w, *self._flow(situation)))
        if resting and guard is not None:
            guard.hold(0.0)  # after the rest the ramp begins at zero
        bounds += resting
        self.decision = decide(
            _whole(wish_w), wished_by, bounds, reactive_var=_whole(reactive_var), reactive_by=reactive_by
        )
        self._interlock.commanded(self.decision.power_w, now)
        if (binding := self.decision.binding) is not None:
            self.limited_s[binding.source] = self.limited_s.get(binding.source, 0.0) + now - self._decided_at
        self._decided_at = now
        return self.decision

    def allowed(self, direction: float, rating: InverterRating | None, heat: "Heat | None") -> Bound:
        """The tightest bound on an operator's command in the direction of `direction`'s sign: what holds whatever the
        car, the grid and earlier commands say."""
        bounds = [*self._station_bounds(), *([] if heat is None else [heat.bound])]
        if self.settings.inverter is not None:
            bounds += _rating_bounds(rating)
        return min(bounds, key=lambda bound: bound.of(direction))

    def _wish(self, situation: Situation, now: float) -> tuple[float, str]:
        if self.injection is not None and now >= self.injection.until_s:
            self.injection = None
        if self.injection is not None:
            return self.injection.power_w, "the operator"
        if situation.demand.wish_w is not None:
            return situation.demand.wish_w, "the EV"
        assert self._energy_since is not None
        return dispatch.wish_w(self.settings.dispatch, now - self._energy_since, situation.readings.grid)

    def _bounds(self, situation: Situation, wish_w: float, now: float) -> Iterator[Bound]:
        """Everyone's bounds, by name; the grid's and the interlock's come on top."""
        yield from self._station_bounds()
        yield Bound("operator charge limit", charge_w=self.operator.charge_w)
        yield Bound("operator discharge limit", discharge_w=self.operator.discharge_w)
        yield from self._car_bounds(situation, now)
        before_w, dt_s = 0.0 if self.decision is None else self.decision.power_w, now - self._decided_at
        if self.settings.capability.ramp_w_per_s is not None:  # a rise is ramped, a fall is not
            rise_w = self.settings.capability.ramp_w_per_s * dt_s
            yield Bound("station power ramp", max(0.0, before_w + rise_w), max(0.0, rise_w - before_w))
        if situation.heat is not None:
            yield from situation.heat.bounds(before_w, dt_s)
        if situation.stop is not Stop.NONE:
            yield Bound("station is stopping", 0.0, 0.0)
        if self._dc(situation):
            yield from self._current_bounds(situation)
            yield from _rating_bounds(situation.rating)

    def _station_bounds(self) -> Iterator[Bound]:
        evse = self.settings
        yield Bound("station charge power", charge_w=evse.capability.charge_w)
        yield Bound("station discharge power", discharge_w=evse.capability.discharge_w)
        if self._site is not None:
            yield self._site
        if not evse.access.discharge:
            yield Bound("no authorisation to discharge", discharge_w=0.0)
        if evse.grid_code is None:
            yield Bound("no grid protection", discharge_w=0.0)

    def _car_bounds(self, situation: Situation, now: float) -> Iterator[Bound]:
        demand, car = situation.demand, situation.car
        yield Bound("EV maximum charge power", charge_w=demand.car.charge_w)
        yield Bound("EV maximum discharge power", discharge_w=demand.car.discharge_w)
        if demand.service is None or not demand.service.bidirectional:
            yield Bound("selected service is not bidirectional", discharge_w=0.0)
        soc, floor = car.soc_percent, self.settings.soc_floor_percent
        if floor and soc is None:
            yield Bound("station's state-of-charge floor", discharge_w=0.0, detail="the EV does not tell its own")
        elif soc is not None and soc <= floor:
            yield Bound("station's state-of-charge floor", discharge_w=0.0, detail=f"{floor} %")
        if soc is not None and car.soc_min_percent is not None and soc <= car.soc_min_percent:
            yield Bound("EV minimum state of charge", discharge_w=0.0, detail=f"{car.soc_min_percent} %")
        if car.v2x_min_wh is not None and car.v2x_min_wh > 0:
            yield Bound("EV below its V2X energy window", discharge_w=0.0)
        if car.energy_max_wh is not None and car.energy_max_wh <= 0:
            yield Bound("EV battery full", charge_w=0.0)
        yield from self._departure_bounds(demand, car, now)

    def _departure_bounds(self, demand: Demand, car: CarState, now: float) -> Iterator[Bound]:
        """A car that leaves soon needs its energy first."""
        if car.departure_s != self._departure[0]:
            self._departure = car.departure_s, now
        if car.departure_s is None or not car.energy_target_wh or car.energy_target_wh < 0:
            return
        left_s = car.departure_s - (now - self._departure[1])
        charge_w = min(demand.car.charge_w, self.settings.capability.charge_w)
        if left_s * charge_w <= car.energy_target_wh * 3600 * DEPARTURE_MARGIN:
            detail = f"{car.energy_target_wh / 1000:.1f} kWh in {max(left_s, 0) / 60:.0f} min"
            yield Bound("EV departure need", discharge_w=0.0, detail=detail)

    def _current_bounds(self, situation: Situation) -> Iterator[Bound]:
        car, capability, inverter = situation.demand.car, self.settings.capability, situation.readings.inverter
        volts = 0.0 if inverter is None else inverter.voltage_v
        yield Bound("EV maximum charge current", car.charge_a * volts, detail=f"{car.charge_a:g} A")
        detail = f"{car.discharge_a:g} A"
        yield Bound("EV maximum discharge current", discharge_w=car.discharge_a * volts, detail=detail)
        yield Bound("station charge current", capability.charge_a * volts)
        yield Bound("station discharge current", discharge_w=capability.discharge_a * volts)
        if (rating := situation.rating) is not None:
            yield Bound("inverter charge current", rating.charge_current_max_a * volts)
            yield Bound("inverter discharge current", discharge_w=rating.discharge_current_max_a * volts)

    def _loss_w(self, situation: Situation) -> float:
        """What the inverter loses just now; nothing where the vehicle's own one converts."""
        inverter = situation.readings.inverter
        if inverter is None or not self._dc(situation):
            return 0.0
        return min(max(inverter.ac_power_w - inverter.power_w, 0.0), MOST_LOSS * abs(inverter.power_w) + IDLE_LOSS_W)

    @staticmethod
    def _dc(situation: Situation) -> bool:
        return situation.demand.service is not None and situation.demand.service.dc

    def _flow(self, situation: Situation) -> tuple[bool | None, float]:
        """Whether current flows, as far as that is known, and when it was seen."""
        inverter, meter = situation.readings.inverter, situation.readings.meter
        if self._dc(situation):
            return (None, 0.0) if inverter is None else (abs(inverter.current_a) >= NO_CURRENT_A, inverter.time_s)
        return (None, 0.0) if meter is None else (abs(meter.power_w) >= NO_POWER_W, meter.time_s)


def _with_loss(discharge_w: float, loss_w: float) -> float:
    """What the vehicle may give for the grid to get `discharge_w`; nothing stays nothing."""
    return discharge_w + loss_w if discharge_w else 0.0


def _whole(power: float) -> float:
    """Steps that are worth a write to the inverter, towards zero."""
    return power - fmod(power, RESOLUTION) if isfinite(power) else power  # `decide` judges the latter


def _rating_bounds(rating: InverterRating | None) -> Iterator[Bound]:
    if rating is None:
        yield Bound("inverter rating unknown", 0.0, 0.0)
    else:
        yield Bound("inverter charge power", charge_w=rating.charge_power_max_w)
        yield Bound("inverter discharge power", discharge_w=rating.discharge_power_max_w)
