"""What speaks against power at an EVSE: one place that looks at every device and names the first fault."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from v2g.iso15118.view import Demand, Stage
from v2g.kernel.fault import Fault
from v2g.power.inverter import InverterFault, InverterRating, InverterState
from v2g.power.safety_inputs import Alarm, alarms
from v2g.station.config.settings import EvseSettings
from v2g.station.readings import Readings
from v2g.station.safety.cable_check import MIN_RESISTANCE_OHM

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.plug import Plug

OVER_VOLTAGE = 1.1
"""The output may exceed the car's maximum by this factor: 110 % (IEC 61851-23)."""
OVER_CURRENT, OVER_CURRENT_A = 1.1, 5.0
"""The current may exceed what the car allows by this factor or this much, whichever is more."""
NO_POWER_W = 250.0
"""Power at the meter that is no charging or discharging of an AC car: what the station itself draws is below it."""
FOLLOWS_S, FEEDS_S = 5.0, 1.0
"""How long an AC car may take to follow its limit (IEC 61851-1, Table A.6), and how long one may feed without leave.
The inverter has as long to follow its set-point."""
UNASKED, UNASKED_W = 0.05, 500.0
"""The inverter may deliver this share of its rating, or this much, more than it was told."""
DIFFERS, DIFFERS_W, DIFFERS_S = 0.1, 500.0, 10.0
"""Meter and inverter may differ by this share of the rating, or this much, for so long: readings are never of the same
instant, and a meter on the other side of the inverter does not see its losses."""
LASTS_S = 0.05
"""So long a measurement is beyond its limit before it is a fault: one odd sample is none."""

_CLOSED = (Stage.PRECHARGE, Stage.ENERGY)
"""The contactor has been seen closed before these."""
_ALARMS = {
    Alarm.EMERGENCY_STOP: Fault.EMERGENCY_STOP,
    Alarm.RESIDUAL_CURRENT: Fault.RESIDUAL_CURRENT,
    Alarm.DOOR: Fault.DOOR,
    Alarm.STALE: Fault.SAFETY_INPUTS_LOST,
}
_INVERTER = {
    InverterFault.GRID_LOST: Fault.ISLANDING,
    InverterFault.OVER_CURRENT: Fault.OVER_CURRENT,
    InverterFault.OVER_VOLTAGE: Fault.OVER_VOLTAGE,
    InverterFault.OVER_TEMPERATURE: Fault.OVER_TEMPERATURE,
}
"""The others are `Fault.INVERTER_FAULT`."""

_CONNECTED = (Stage.PRECHARGE, Stage.READY, Stage.ENERGY)
_AFTER_PRECHARGE = (Stage.READY, Stage.ENERGY)
Found = tuple[Fault, str]


@dataclass(slots=True)
class _Lasting:
    """One odd measurement is no fault: what is found must last."""

    fault: Fault | None = None
    since_s: float = 0.0

    def step(self, found: Found | None, seen_s: float, lasts_s: float) -> Found | None:
        """`found`, once measurements have shown it for `lasts_s`. `seen_s`: the time of the measurement."""
        fault = None if found is None else found[0]
        if fault is not self.fault:
            self.fault, self.since_s = fault, seen_s
        return found if seen_s - self.since_s >= lasts_s else None


@dataclass(slots=True)
class Supervisor:
    """The safety supervision of one EVSE."""

    settings: EvseSettings
    rating: InverterRating | None = None
    guard: "GridGuard | None" = None
    plug: "Plug | None" = None
    _beyond: _Lasting = field(default_factory=_Lasting)
    _unasked: _Lasting = field(default_factory=_Lasting)
    _differs: _Lasting = field(default_factory=_Lasting)

    def alarm(self, readings: Readings, now: float) -> Found | None:
        """The most urgent alarm of the safety inputs, where there are any."""
        if self.settings.safety is None or not (raised := alarms(readings.safety, now)):
            return None
        return _ALARMS[raised[0]], str(raised[0])

    def cable(self, stage: Stage, readings: Readings, now: float) -> Found | None:
        """What speaks against this stage at the cable; an alarm first, for it takes the pilot away itself."""
        found = self.alarm(readings, now)
        closed = readings.contactor is not None and readings.contactor.closed
        return found if found is not None or self.plug is None else self.plug.obstacle(stage, closed)

    def hardware(self, readings: Readings, now: float, *, dc: bool) -> Found | None:
        """The first device that does not do its part, or None. `readings`: fresh ones."""
        contactor, inverter = readings.contactor, readings.inverter
        if (alarm := self.alarm(readings, now)) is not None:
            return alarm
        if contactor is None:
            return Fault.CONTACTOR, "no reading of the contactor"
        if contactor.fault is not None:
            return Fault.CONTACTOR, f"the contactor reports {contactor.fault}"
        if self.settings.ccid is not None and (readings.ccid is None or readings.ccid.fault is not None):
            found = "no reading of the CCID" if readings.ccid is None else f"the CCID reports {readings.ccid.fault}"
            return Fault.CONTACTOR, found
        if self.guard is not None and self.guard.trip is not None:
            return self.guard.trip
        if dc and (inverter is None or self.rating is None):
            return Fault.INVERTER_LOST, "no reading of the inverter"
        if dc and inverter is not None and inverter.state is InverterState.FAULT:
            told = sorted(inverter.faults)
            fault = next((_INVERTER[each] for each in told if each in _INVERTER), Fault.INVERTER_FAULT)
            return fault, f"the inverter reports {', '.join(told) or 'a fault'}"
        if readings.meter is None:
            return Fault.METER_LOST, "no reading of the meter"
        return None

    def power_path(self, demand: Demand, readings: Readings, now: float, target_w: float = 0.0) -> Found | None:
        """What speaks against going on with `demand`, or None. `target_w`: what the inverter was told."""
        dc = demand.service is not None and demand.service.dc
        if (found := self.cable(demand.stage, readings, now)) is not None:
            return found
        found = self.hardware(readings, now, dc=dc)
        contactor = readings.contactor
        if found is None and demand.stage in _CLOSED and contactor is not None and not contactor.closed:
            # Closed again, it would join two voltages that nobody has made equal.
            return Fault.CONTACTOR, "the contactor has opened by itself"
        if found is None and dc:
            found = (
                self._insulation(demand, readings)
                or self._limits(demand, readings, now)
                or self._obeys(demand, readings, now, target_w)
                or self._agree(demand, readings, now)
            )
        elif found is None:
            found = self._at_the_meter(demand, readings, now)
        return found

    def _insulation(self, demand: Demand, readings: Readings) -> Found | None:
        """The insulation is watched as long as the car is connected to the inverter, not in the cable check alone."""
        if demand.stage not in _CONNECTED:
            return None
        if readings.isolation is None:
            return Fault.CABLE_CHECK, "no reading of the isolation monitor"
        if readings.isolation.resistance_ohm < MIN_RESISTANCE_OHM:
            return Fault.CABLE_CHECK, f"insulation of {readings.isolation.resistance_ohm / 1000:.0f} kOhm"
        return None

    def _limits(self, demand: Demand, readings: Readings, now: float) -> Found | None:
        """Beyond what the car stated, whatever the inverter was told."""
        inverter, car = readings.inverter, demand.car
        found: Found | None = None
        if inverter is not None and demand.stage in _CONNECTED:
            highest_v = car.voltage_max_v * OVER_VOLTAGE
            stated_a = car.charge_a if inverter.current_a > 0 else car.discharge_a
            highest_a = max(stated_a * OVER_CURRENT, stated_a + OVER_CURRENT_A)
            if highest_v and inverter.voltage_v > highest_v:
                found = (
                    Fault.OVER_VOLTAGE,
                    f"{inverter.voltage_v:.0f} V at the output, the car allows {highest_v:.0f} V",
                )
            elif abs(inverter.current_a) > highest_a:
                found = Fault.OVER_CURRENT, f"{inverter.current_a:.0f} A, the car allows {stated_a:g} A"
        return self._beyond.step(found, now if inverter is None else inverter.time_s, LASTS_S)

    def _obeys(self, demand: Demand, readings: Readings, now: float, target_w: float) -> Found | None:
        """More power than the inverter was told, or the other way; less may be the battery's doing."""
        inverter, rating = readings.inverter, self.rating
        if inverter is None or rating is None or demand.stage not in _AFTER_PRECHARGE:
            return self._unasked.step(None, now, 0.0)
        flows_w = inverter.power_w
        told_w = max(target_w, 0.0) if flows_w > 0 else max(-target_w, 0.0)
        found: Found | None = None
        if abs(flows_w) > told_w + max(UNASKED * rating.charge_power_max_w, UNASKED_W):
            text = f"the inverter delivers {flows_w / 1000:+.1f} kW, told {target_w / 1000:+.1f} kW"
            found = Fault.INVERTER_FAULT, text
        return self._unasked.step(found, inverter.time_s, FOLLOWS_S)

    def _agree(self, demand: Demand, readings: Readings, now: float) -> Found | None:
        """Meter and inverter measure the same power: what differs is stuck, wired the wrong way, or elsewhere."""
        inverter, meter, rating = readings.inverter, readings.meter, self.rating
        if inverter is None or meter is None or rating is None or demand.stage not in _AFTER_PRECHARGE:
            return self._differs.step(None, now, 0.0)
        metered_w, converted_w, found = meter.power_w, inverter.ac_power_w, None
        if abs(metered_w - converted_w) > max(DIFFERS * rating.charge_power_max_w, DIFFERS_W):
            text = f"the meter shows {metered_w / 1000:+.1f} kW, the inverter {converted_w / 1000:+.1f} kW"
            found = Fault.METER_LOST, text
        return self._differs.step(found, min(meter.time_s, inverter.time_s), DIFFERS_S)

    def _at_the_meter(self, demand: Demand, readings: Readings, now: float) -> Found | None:
        """AC: the vehicle converts, and may do something else than it is told."""
        evse, meter, service = self.settings, readings.meter, demand.service
        if meter is None or service is None or demand.stage not in _CLOSED:
            return self._beyond.step(None, now, 0.0)
        own = evse.capability
        may_feed = service.bidirectional and evse.may_feed
        highest_w = own.charge_w * OVER_CURRENT + NO_POWER_W
        lowest_w = (own.discharge_w * OVER_CURRENT if may_feed else 0.0) + NO_POWER_W
        if meter.power_w > highest_w:
            found = Fault.OVER_CURRENT, f"the EV draws {meter.power_w / 1000:.1f} kW of {own.charge_w / 1000:g} kW"
            return self._beyond.step(found, meter.time_s, FOLLOWS_S)
        if -meter.power_w > lowest_w and may_feed:
            found = Fault.OVER_CURRENT, f"the EV feeds {-meter.power_w / 1000:.1f} kW of {own.discharge_w / 1000:g} kW"
            return self._beyond.step(found, meter.time_s, FOLLOWS_S)
        if -meter.power_w > lowest_w:
            found = Fault.AUTHORIZATION, f"the EV feeds {-meter.power_w / 1000:.1f} kW without leave to"
            return self._beyond.step(found, meter.time_s, FEEDS_S)
        return self._beyond.step(None, now, 0.0)
