"""What stands against power at an EVSE: one place that looks at every device and names the first fault.

Supervision is keyed to what the hardware is (contactor closed, current flowing) and to what the station has decided,
never to a list of phases of a protocol.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from v2g.iso15118.car import CarState
from v2g.iso15118.service import ControlMode
from v2g.iso15118.view import Demand, Stage
from v2g.kernel.ceiling import Ceiling
from v2g.kernel.fault import Fault
from v2g.kernel.units import exact_kw, kohm, kw, signed_kw
from v2g.power.inverter import HOLDS_WITHIN_S, InverterFault, InverterRating, InverterState
from v2g.power.meter import NO_POWER_W
from v2g.station.config.settings import EvseSettings
from v2g.station.power.limits import IDLE, Decision
from v2g.station.power.sources.duty_cycle import volts_times_phases
from v2g.station.power.sources.silence import SILENT_S
from v2g.station.readings import Readings
from v2g.station.safety.alarms import alarms
from v2g.station.safety.cable_check import least_ohm
from v2g.station.safety.excess import Excess
from v2g.station.safety.meter_watch import MeterWatch
from v2g.station.timeouts import CAR_FOLLOWS_S, CLEARS_S, DIFFERS_S, FEEDS_S, FOLLOWS_S, LASTS_S, RENEGOTIATES_S

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.plug import Plug

OVER_VOLTAGE = 1.1
"""The output may exceed the car's maximum by this factor: 110 % (IEC 61851-23)."""
OVER_CURRENT, OVER_CURRENT_A = 1.1, 5.0
"""The current may exceed what the car allows by this factor or this much, whichever is more."""
FALLS_A_PER_S = 100.0
"""How fast the inverter follows a lower current limit of a DC car."""
UNASKED, UNASKED_W = 0.05, 500.0
"""The inverter may deliver this share of its rating, or this much, more than it was commanded."""
DIFFERS, DIFFERS_W = 0.1, 500.0
"""Meter and inverter may differ by this share of the rating, or this much: readings are never of the same instant, and
a meter on the other side of the inverter does not see its losses."""

_INVERTER = {
    InverterFault.GRID_LOST: Fault.ISLANDING,
    InverterFault.OVER_CURRENT: Fault.OVER_CURRENT,
    InverterFault.OVER_VOLTAGE: Fault.OVER_VOLTAGE,
    InverterFault.OVER_TEMPERATURE: Fault.OVER_TEMPERATURE,
}
"""The others are `Fault.INVERTER_FAULT`."""

_CONNECTED = (Stage.PRECHARGE, Stage.READY, Stage.ENERGY)
"""The car is connected to the inverter; before, the cable alone is tested."""
Found = tuple[Fault, str]


@dataclass(slots=True)
class _Lasting:
    """Debounce: a finding becomes a fault only after it has persisted."""

    since_s: float | None = None
    found_s: float = 0.0

    def step(self, found: Found | None, seen_s: float, lasts_s: float, clears_s: float = 0.0) -> Found | None:
        """`found`, once measurements have shown it for `lasts_s`. `seen_s`: the time of the measurement.

        Measurements without it for up to `clears_s` do not end it: it may come and go.
        """
        if found is None:
            if self.since_s is not None and seen_s - self.found_s >= clears_s:
                self.since_s = None
            return None
        if self.since_s is None:  # another fault instead is none the less one
            self.since_s = seen_s
        self.found_s = seen_s
        return found if seen_s - self.since_s >= lasts_s else None


@dataclass(frozen=True, slots=True)
class Watched:
    """What the power path is compared with: what the conversation wants, what the car states, what is decided."""

    demand: Demand
    car: CarState = CarState()
    decision: Decision = IDLE
    silent_s: float = 0.0
    """Since its last request."""


@dataclass(slots=True)
class Supervisor:
    """The safety supervision of one EVSE."""

    settings: EvseSettings
    rating: InverterRating | None = None
    guard: "GridGuard | None" = None
    plug: "Plug | None" = None
    _beyond: _Lasting = field(default_factory=_Lasting)
    _feeds: _Lasting = field(default_factory=_Lasting)
    _unasked: _Lasting = field(default_factory=_Lasting)
    _differs: _Lasting = field(default_factory=_Lasting)
    _charge_a: Ceiling = field(default_factory=lambda: Ceiling(CAR_FOLLOWS_S))
    _discharge_a: Ceiling = field(default_factory=lambda: Ceiling(CAR_FOLLOWS_S))
    _voltage_v: Ceiling = field(default_factory=lambda: Ceiling(CAR_FOLLOWS_S))
    _meter: MeterWatch = field(init=False)
    _stated_w: float | None = None
    """The power that the car states."""
    _drawn: Excess = field(default_factory=Excess)
    _fed: Excess = field(default_factory=Excess)
    """At the meter of an AC car, at the inverter for a DC car."""
    _seen_closed: bool = False
    """Since the contactor was wanted closed."""

    def __post_init__(self) -> None:
        capability = self.settings.capability
        self._meter = MeterWatch(max(DIFFERS * capability.charge_w, DIFFERS_W))

    def rest(self) -> None:
        """Nothing is wanted of the power path: what was seen of it is over."""
        self._seen_closed, self._stated_w = False, None
        for each in (self._charge_a, self._discharge_a, self._voltage_v, self._drawn, self._fed):
            each.clear()

    def alarm(self, readings: Readings, now: float) -> Found | None:
        """The most urgent alarm of the safety inputs, if there are any."""
        if self.settings.safety is None or not (raised := alarms(readings.safety, now)):
            return None
        return raised[0].fault, str(raised[0])

    def cable(self, stage: Stage, readings: Readings, now: float) -> Found | None:
        """What stands against this stage at the cable; an alarm first, for it takes the pilot away itself.

        After a stall the stale readings say nothing of the devices: the stall is what is wrong.
        """
        if readings.unwatched is not None:
            return Fault.STALLED, readings.unwatched
        found = self.alarm(readings, now)
        return found if found is not None or self.plug is None else self.plug.why_not(stage, readings.seen_closed)

    def hardware(self, readings: Readings, now: float, *, dc: bool) -> Found | None:
        """The first device that does not do its part, or the grid if that is out of its limits; None if all is well.

        `readings`: fresh ones.
        """
        contactor, inverter = readings.contactor, readings.inverter
        if (alarm := self.alarm(readings, now)) is not None:
            return alarm
        if self.plug is not None and (flaw := self.plug.pilot.why_not_ready) is not None:
            return Fault.PILOT, flaw
        if contactor is None:
            return Fault.CONTACTOR, "no reading of the contactor"
        if contactor.fault is not None:
            return Fault.CONTACTOR, f"the {contactor.name} reports {contactor.fault}"
        if self.settings.ccid is not None and (readings.ccid is None or readings.ccid.fault is not None):
            found = "no reading of the CCID" if readings.ccid is None else f"the CCID reports {readings.ccid.fault}"
            return Fault.CONTACTOR, found
        if self.plug is not None and self.plug.closings.rests:
            return Fault.REQUEST_REFUSED, self.plug.closings.rests
        if (unheld := self._lock(readings)) is not None:
            return unheld
        if self.guard is not None and self.guard.trip is not None:
            return self.guard.trip
        if dc and (inverter is None or self.rating is None):
            return Fault.INVERTER_LOST, "no reading of the inverter"
        if dc and inverter is not None and inverter.state is InverterState.FAULT:
            reported = sorted(inverter.faults)
            fault = next((_INVERTER[each] for each in reported if each in _INVERTER), Fault.INVERTER_FAULT)
            return fault, f"the inverter reports {', '.join(reported) or 'a fault'}"
        if dc and readings.held is not None and readings.held.disobeys:
            return Fault.INVERTER_FAULT, f"the inverter does not hold what was commanded: {readings.held.differs}"
        if readings.meter is None:
            return Fault.METER_LOST, "no reading of the meter"
        return self._meter.step(readings, self._stated_w) if self.settings.inverter is None else None

    def _lock(self, readings: Readings) -> Found | None:
        """The plug is held as long as the contactor is closed."""
        lock = readings.lock
        if self.settings.lock is None:
            return None
        if lock is None:
            return Fault.CONNECTOR_LOCK, "no reading of the connector lock"
        if lock.fault is not None:
            return Fault.CONNECTOR_LOCK, f"the connector lock reports {lock.fault}"
        if readings.seen_closed and not lock.locked:
            return Fault.CONNECTOR_LOCK, "the contactor is closed and the plug is not locked"
        return None

    def power_path(self, watched: Watched, readings: Readings, now: float) -> Found | None:
        """What stands against going on, or None. `readings`: fresh ones."""
        demand, self._stated_w = watched.demand, watched.car.present_w
        dc = demand.service is not None and demand.service.dc
        if (found := self.cable(demand.stage, readings, now)) is not None:
            return found
        found = self.hardware(readings, now, dc=dc) or self._contactor(demand, readings)
        if found is None and dc:
            found = (
                self._insulation(demand, readings)
                or self._limits(watched, readings, now)
                or self._obeys(watched, readings, now)
                or self._agree(demand, readings, now)
            )
        elif found is None:
            found = self._at_the_meter(watched, readings, now)
        return found

    def _contactor(self, demand: Demand, readings: Readings) -> Found | None:
        """Closed again, a contactor that opened by itself would join two voltages that nobody has made equal."""
        contactor = readings.contactor
        if contactor is None or demand.stage not in _CONNECTED:
            self._seen_closed = False
        elif contactor.closed:
            self._seen_closed = True
        elif self._seen_closed or demand.stage is Stage.PRECHARGE:
            return Fault.CONTACTOR, "the contactor has opened by itself"
        return None

    def _insulation(self, demand: Demand, readings: Readings) -> Found | None:
        """The insulation is watched as long as the car is connected to the inverter, not in the cable check alone."""
        if demand.stage not in _CONNECTED:
            return None
        if readings.isolation is None:
            return Fault.CABLE_CHECK, "no reading of the isolation monitor"
        if readings.isolation.resistance_ohm < least_ohm(demand.service):
            return Fault.CABLE_CHECK, f"insulation resistance {kohm(readings.isolation.resistance_ohm)}"
        return None

    def _limits(self, watched: Watched, readings: Readings, now: float) -> Found | None:
        """Beyond what the car stated, whatever the inverter was commanded. A lower limit binds once it can be
        followed."""
        inverter, car = readings.inverter, watched.car.limits
        if inverter is None or watched.demand.stage not in _CONNECTED:
            return self._beyond.step(None, now, 0.0)
        self._charge_a.window_s = CAR_FOLLOWS_S + self.settings.capability.charge_a / FALLS_A_PER_S
        self._discharge_a.window_s = CAR_FOLLOWS_S + self.settings.capability.discharge_a / FALLS_A_PER_S
        charge_a, discharge_a = self._charge_a.step(car.charge_a, now), self._discharge_a.step(car.discharge_a, now)
        stated_a = charge_a if inverter.current_a > 0 else discharge_a
        highest_a = max(stated_a * OVER_CURRENT, stated_a + OVER_CURRENT_A)
        highest_v = self._voltage_v.step(car.voltage_max_v, now) * OVER_VOLTAGE
        found: Found | None = None
        if inverter.voltage_v > highest_v:
            text = f"{inverter.voltage_v:.0f} V at the output, the car allows {highest_v:.0f} V"
            found = Fault.OVER_VOLTAGE, text
        elif abs(inverter.current_a) > highest_a:
            found = Fault.OVER_CURRENT, f"{inverter.current_a:.0f} A, the car allows {stated_a:g} A"
        return self._beyond.step(found, inverter.time_s, LASTS_S, CLEARS_S)

    def _obeys(self, watched: Watched, readings: Readings, now: float) -> Found | None:
        """More power than the inverter was commanded, or in the other direction; less may be the battery's doing."""
        inverter, rating, commanded_w = readings.inverter, self.rating, watched.decision.power_w
        if inverter is None or rating is None or not self._carries(watched.demand, readings):
            return self._unasked.step(None, now, 0.0)
        flows_w = inverter.power_w
        tolerance_w = max(UNASKED * rating.charge_power_max_w, UNASKED_W)
        highest_w = max(commanded_w, 0.0) + tolerance_w
        lowest_w = min(commanded_w, 0.0) - tolerance_w
        drew_much = self._drawn.step(flows_w, highest_w, inverter.time_s, FOLLOWS_S)
        fed_much = self._fed.step(-flows_w, -lowest_w, inverter.time_s, FOLLOWS_S)
        beyond = not lowest_w <= flows_w <= highest_w
        if not (beyond or drew_much or fed_much):
            return self._unasked.step(None, inverter.time_s, FOLLOWS_S)
        text = f"the inverter delivers {signed_kw(flows_w)}, commanded {signed_kw(commanded_w)}"
        if drew_much or fed_much:
            return Fault.INVERTER_FAULT, f"again and again: {text}"
        own = self.settings.capability
        falls_s = HOLDS_WITHIN_S + max(own.charge_a, own.discharge_a) / FALLS_A_PER_S
        if watched.silent_s > SILENT_S + falls_s:  # of a car that says nothing nobody knows whether it is well
            return Fault.INVERTER_FAULT, f"{text}, and the EV has been silent for {watched.silent_s:.1f} s"
        return self._unasked.step((Fault.INVERTER_FAULT, text), inverter.time_s, FOLLOWS_S)

    def _agree(self, demand: Demand, readings: Readings, now: float) -> Found | None:
        """Meter and inverter measure the same power: what differs is stuck, wired the wrong way, or elsewhere."""
        inverter, meter, rating = readings.inverter, readings.meter, self.rating
        if inverter is None or meter is None or rating is None or not self._carries(demand, readings):
            return self._differs.step(None, now, 0.0)
        metered_w, converted_w, found = meter.power_w, inverter.ac_power_w, None
        if abs(metered_w - converted_w) > max(DIFFERS * rating.charge_power_max_w, DIFFERS_W):
            text = f"the meter shows {signed_kw(metered_w)}, the inverter {signed_kw(converted_w)}"
            found = Fault.METER_LOST, text
        return self._differs.step(found, min(meter.time_s, inverter.time_s), DIFFERS_S)

    def _carries(self, demand: Demand, readings: Readings) -> bool:
        """Whether the way from inverter to car is closed and no test voltage is on it."""
        return readings.seen_closed and demand.stage in (Stage.READY, Stage.ENERGY)

    def _at_the_meter(self, watched: Watched, readings: Readings, now: float) -> Found | None:
        """AC: the vehicle converts, and may do something else than it was asked. As long as the contactor is closed."""
        meter, demand = readings.meter, watched.demand
        if meter is None or not readings.seen_closed:
            self._feeds.step(None, now, 0.0)
            return self._beyond.step(None, now, 0.0)
        energy, allowed, lasting = demand.stage is Stage.ENERGY, watched.decision.allowed, watched.decision.lasting
        charge_w = allowed.charge_w if energy else 0.0
        if energy and demand.mode is None and self.plug is not None:  # it follows what the duty cycle says by now
            charge_w = max(charge_w, self.plug.pilot.announced_a * volts_times_phases(self.settings, meter))
        discharge_w = allowed.discharge_w if energy else 0.0
        follows_s = RENEGOTIATES_S if energy and demand.mode is ControlMode.SCHEDULED else FOLLOWS_S
        power_w, seen_s, metered = meter.power_w, meter.time_s, kw(abs(meter.power_w))

        draws = Fault.OVER_CURRENT, f"the EV draws {metered} of {exact_kw(charge_w)}, limit: {allowed.charge}"
        highest_w = charge_w * OVER_CURRENT + NO_POWER_W
        drew_much = self._drawn.step(power_w, highest_w, seen_s, follows_s)
        drawn = self._beyond.step(draws if power_w > highest_w else None, seen_s, follows_s)

        feeds = Fault.OVER_CURRENT, f"the EV feeds {metered} of {exact_kw(discharge_w)}, limit: {allowed.discharge}"
        if not (demand.service is not None and demand.service.bidirectional and lasting.discharge_w > 0):
            feeds, follows_s = (Fault.AUTHORIZATION, f"the EV feeds {metered} without permission"), FEEDS_S
        highest_w = discharge_w * OVER_CURRENT + NO_POWER_W
        fed_much = self._fed.step(-power_w, highest_w, seen_s, follows_s)
        fed = self._feeds.step(feeds if -power_w > highest_w else None, seen_s, follows_s)

        if drawn is not None or fed is not None:
            return drawn or fed
        if drew_much or fed_much:
            fault, text = draws if drew_much else feeds
            return fault, f"again and again: {text}"
        return None
