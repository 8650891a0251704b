"""What the hardware should be, from what the conversation wants and what was decided. Orders are levels."""

from dataclasses import replace
from math import isfinite

from v2g.iso15118.car import CarState
from v2g.iso15118.view import Demand, Limits, Stage
from v2g.kernel.fault import Fault
from v2g.power.inverter import NO_CURRENT_A, OFF, InverterMode, InverterRating, InverterSetpoint
from v2g.station.config.settings import EvseSettings
from v2g.station.offer import limits_of
from v2g.station.orders import Orders
from v2g.station.power.limits import Allowed, Decision
from v2g.station.power.situation import OperatorLimits
from v2g.station.readings import Readings
from v2g.station.safety.cable_check import TEST_CURRENT_A, CableCheck, test_voltage_v
from v2g.station.visit import Visit

BREAK_S = 0.05
"""How long the contactor may wait for the inverter to bring the current down before it breaks it."""
AT_ONCE = (Fault.ISLANDING, Fault.GRID, Fault.GRID_SENSOR_LOST, Fault.PILOT, Fault.UNPLUGGED, Fault.RESIDUAL_CURRENT)
"""The contactor waits for nothing then: someone may believe the grid is dead or be holding the plug. It opens more
slowly than the inverter switches off, so that it seldom breaks a current."""


class PowerPath:
    """Inverter and contactor of one EVSE."""

    def __init__(self) -> None:
        self._off_since: float | None = None
        self._breaks = True
        """The contactor is commanded open, whatever flows."""
        self._lasting: Allowed | None = None
        self._rating: InverterRating | None = None
        self._limits = Limits()
        """Of what lasts with this rating: they seldom change."""

    def orders(
        self,
        visit: Visit,
        demand: Demand,
        settings: EvseSettings,
        rating: InverterRating | None,
        operator: OperatorLimits,
        readings: Readings,
        now: float,
    ) -> Orders:
        """For this demand. `readings`: fresh ones."""
        if demand.stage is Stage.OFF:
            return self._off(visit, operator, readings, now)
        limits = self._lasting_limits(settings, rating, visit.decider.decision.lasting)
        self._off_since = None
        car = CarState() if visit.conversation is None else visit.conversation.car
        match demand.stage:
            case Stage.CABLE_CHECK:
                return _checking(visit, demand, car, limits, readings, now)
            case Stage.PRECHARGE:
                volts = min(demand.voltage_v, limits.voltage_max_v)
                raise_to = InverterSetpoint(mode=InverterMode.VOLTAGE, voltage_v=volts, current_a=TEST_CURRENT_A)
                return Orders(raise_to, contactor_closed=True)
            case _:
                set_point = _set_point(demand, car, limits, operator, visit.decider.decision)
                return Orders(set_point, contactor_closed=True)

    def _lasting_limits(self, settings: EvseSettings, rating: InverterRating | None, lasting: Allowed) -> Limits:
        if lasting != self._lasting or rating is not self._rating:
            self._lasting, self._rating, self._limits = lasting, rating, limits_of(settings, rating, lasting)
        return self._limits

    def _off(self, visit: Visit, operator: OperatorLimits, readings: Readings, now: float) -> Orders:
        """Power first, contactor next: it breaks a current only if the inverter does not take it away in time. What a
        car drew by the duty cycle it takes away itself, in a time that the control pilot keeps."""
        visit.check = None
        if self._off_since is None:
            self._off_since, self._breaks = now, False
        carrying = readings.inverter is not None and abs(readings.inverter.current_a) >= NO_CURRENT_A
        waits = now - self._off_since < BREAK_S and (visit.trip is None or visit.trip[0] not in AT_ONCE)
        waits = (visit.winds_down and visit.trip is None) or (waits and carrying and readings.seen_closed)
        self._breaks = self._breaks or not waits  # an opening contactor is not closed again
        return Orders(_idle_inverter(operator), contactor_closed=not self._breaks)


def _idle_inverter(operator: OperatorLimits) -> InverterSetpoint:
    """Off; the limits that the operator set stand in its registers all the same."""
    charge_w, discharge_w = operator.charge_w, operator.discharge_w
    if not (isfinite(charge_w) or isfinite(discharge_w)):
        return OFF
    return replace(
        OFF,
        charge_limit_w=charge_w if isfinite(charge_w) else 0.0,
        discharge_limit_w=discharge_w if isfinite(discharge_w) else 0.0,
    )


def _checking(visit: Visit, demand: Demand, car: CarState, limits: Limits, readings: Readings, now: float) -> Orders:
    if visit.check is None:
        visit.check = CableCheck(test_voltage_v(car.limits.voltage_max_v, limits.voltage_max_v), now, demand.service)
    wanted = visit.check.step(readings.inverter, readings.contactor, readings.isolation, readings.self_test_since, now)
    return Orders(wanted.inverter, wanted.contactor_closed, wanted.self_test)


def _set_point(
    demand: Demand, car: CarState, limits: Limits, operator: OperatorLimits, decision: Decision
) -> InverterSetpoint:
    """The numbers of the car are held to what the EVSE can do before they reach a driver."""
    if demand.service is None or not demand.service.dc:
        return OFF
    highest_v = min(car.limits.voltage_max_v, limits.voltage_max_v)
    if demand.stage is Stage.ENERGY and demand.wish_w is not None and demand.voltage_v > 0:
        highest_v = min(highest_v, demand.voltage_v)  # the car plans: that is the voltage it wants at most
    return InverterSetpoint(
        mode=InverterMode.POWER,
        voltage_v=highest_v,
        minimum_voltage_v=min(max(car.limits.voltage_min_v, limits.voltage_min_v), highest_v),
        power_w=decision.power_w,
        reactive_var=decision.reactive_var,
        charge_limit_w=min(limits.charge_w, operator.charge_w),
        discharge_limit_w=min(limits.discharge_w, operator.discharge_w),
    )
