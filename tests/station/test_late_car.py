"""A depot states in which time a car must have followed: the contactor opens if it has not."""

from collections.abc import Callable
from dataclasses import replace as changed

import pytest
from tests.station.scene import INTENT, fault_of, in_the_loop, texts
from tests.station.test_limits_hold import AC, metered_w, session
from tests.station.test_mute_car import EVSE

from v2g.bench.sim.world import Grid, World
from v2g.iso15118.service import ControlMode, Service
from v2g.kernel.fault import Fault
from v2g.kernel.within import NEVER, Overdue, Within
from v2g.power.contactor import ContactorReading
from v2g.power.meter import MeterReading
from v2g.station.power.situation import BackEndOrder, Injection
from v2g.station.readings import Readings
from v2g.station.safety.late import LONGEST_REST_S, REST_S, Late

WITHIN_S, OPEN_WITHIN_S = 0.3, 0.5
FULL_W, LESS_W = 16 * 3 * 230, 8 * 3 * 230
"""By duty cycle."""


BOTH = Within(WITHIN_S, WITHIN_S)


def order(power_w: float, within: Within = BOTH) -> BackEndOrder:
    return BackEndOrder(charge_w=power_w, charge_by="TxProfile 7", within=within)


def drawing(charger_ramp_w_per_s: float) -> World:
    """A car that does not talk charges at full power."""
    world = World(EVSE, INTENT)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    world.run(20.0)
    assert world.plant.charger_power_w == pytest.approx(FULL_W, rel=0.01)
    world.plant.settings = changed(world.plant.settings, charger_ramp_w_per_s=charger_ramp_w_per_s)
    return world


def opened_after_s(world: World, seconds: float) -> float | None:
    """When the contactor has opened; None if it has not within that time."""
    began_s = world.now
    world.run(seconds, until=lambda: not world.contactor.closed)
    return None if world.contactor.closed else world.now - began_s


@pytest.mark.parametrize("pace_w_s", [300.0, 0.0])
def test_the_contactor_opens_for_a_slow_car_and_for_a_deaf_one(pace_w_s: float) -> None:
    world = drawing(pace_w_s)
    world.evse.back_end = order(LESS_W)
    after_s = opened_after_s(world, 5.0)
    assert after_s is not None
    assert after_s <= OPEN_WITHIN_S
    assert fault_of(world) is Fault.OVER_CURRENT
    assert any(
        "the EV draws 11.0 kW, and not 5.52 kW within 0.3 s, limit: TxProfile 7" in each for each in texts(world)
    )


def test_a_car_that_follows_in_time_is_left_alone() -> None:
    world = drawing(100_000.0)
    world.evse.back_end = order(LESS_W)
    assert opened_after_s(world, 5.0) is None
    assert world.plant.charger_power_w == pytest.approx(LESS_W, rel=0.01)


@pytest.mark.parametrize(("pace_w_s", "late"), [(20_000.0, False), (1_000.0, True), (0.0, True)])
def test_orders_that_fall_one_after_the_other_each_leave_their_time(pace_w_s: float, late: bool) -> None:
    """A car that reaches each one in time is always beyond the latest one."""
    world = drawing(pace_w_s)
    began_s = world.now
    for step in range(1, 8):
        world.evse.back_end = order(FULL_W - 1_000.0 * step, Within(charge_s=0.8))
        world.run(0.25, until=lambda: not world.contactor.closed)
    assert world.contactor.closed is not late
    assert world.now - began_s <= 2.0


@pytest.mark.parametrize(("first_s", "then_s"), [(60.0, WITHIN_S), (WITHIN_S, 3.0)])
def test_an_order_has_its_own_time_whatever_the_one_before_it_stated(first_s: float, then_s: float) -> None:
    world = drawing(0.0)
    world.evse.back_end = order(FULL_W, Within(charge_s=first_s))
    world.run(5.0)
    world.evse.back_end = order(LESS_W, Within(charge_s=then_s))
    after_s = opened_after_s(world, 10.0)
    assert after_s is not None
    assert then_s <= after_s <= then_s + OPEN_WITHIN_S - WITHIN_S


@pytest.mark.parametrize(("first_s", "then_s", "after_s"), [(60.0, 0.5, 1.5), (0.5, 60.0, 0.5)])
def test_the_same_order_with_another_time_can_only_be_stricter(first_s: float, then_s: float, after_s: float) -> None:
    overdue = Overdue()
    overdue.step(FULL_W, (FULL_W, 0.0), Within(charge_s=first_s), 0.0)
    found_s = None
    for tenth in range(1, 30):
        within = Within(charge_s=first_s if tenth < 11 else then_s)
        if found_s is None and overdue.step(FULL_W, (LESS_W, 0.0), within, tenth / 10) is not None:
            found_s = tenth / 10
    assert found_s == pytest.approx(after_s, abs=0.15)


def test_a_car_that_flows_the_other_way_is_not_late() -> None:
    """It shall feed less, and draws what its electronics need."""
    world = session(AC, Service.AC_BPT, ControlMode.DYNAMIC, -6_000.0)
    world.evse.back_end = BackEndOrder(setpoint_w=-6_000.0, discharge_w=11_000.0, by="TxProfile 7")
    world.run(5.0)
    world.evse.back_end = changed(world.evse.back_end, setpoint_w=-2_000.0, within=Within(discharge_s=WITHIN_S))
    world.run(0.2)
    world.plant.settings = changed(world.plant.settings, charger_ramp_w_per_s=0.0)
    world.plant.charger_power_w = 400.0
    assert opened_after_s(world, 2.0) is None


class Deaf:
    """A car that always draws full power, and what the EVSE makes of that."""

    def __init__(self) -> None:
        self.late, self.now = Late(wired=3), 0.0

    def opens(self) -> bool:
        """Whether an order is found not to be followed."""
        found = False
        for _ in range(6):
            self.now += 0.1
            meter = MeterReading(self.now, 0.0, 0.0, FULL_W, 0.0, (230.0,) * 3, 50.0)
            readings = Readings(meter=meter, contactor=ContactorReading(self.now, True, True, None))
            self.late.step(order(LESS_W), 3, readings, self.now, mute=True)
            found |= self.late.why(self.now) is not None
        return found

    def rested_s(self, replug: bool) -> float:
        """For how long from now on nothing is charged; `replug`: a car is plugged in meanwhile."""
        if replug:
            self.late.plugged()
        began_s = self.now
        while self.late.why(self.now) is not None:
            self.now += 1.0
        return self.now - began_s


@pytest.mark.parametrize("replug", [False, True])
def test_a_replug_shortens_the_rest_and_forgets_nothing(replug: bool) -> None:
    deaf, rests_s = Deaf(), []
    for _ in range(4):
        assert deaf.opens()
        rests_s.append(deaf.rested_s(replug))
    most_s = REST_S if replug else 8 * REST_S
    assert rests_s == [pytest.approx(min(REST_S * 2**number, most_s), abs=1.5) for number in range(4)]
    assert deaf.opens()
    assert deaf.rested_s(replug=False) == pytest.approx(16 * REST_S, abs=1.5)


def test_an_hour_without_an_opening_is_a_new_beginning() -> None:
    deaf = Deaf()
    for _ in range(2):
        assert deaf.opens()
        deaf.now += LONGEST_REST_S + 1.0
    assert deaf.opens()
    assert deaf.rested_s(replug=False) == pytest.approx(REST_S, abs=1.5)


def test_without_a_time_cars_may_take_as_long_as_the_standard_says() -> None:
    world = drawing(2_000.0)
    world.evse.back_end = order(LESS_W, within=NEVER)
    assert opened_after_s(world, 10.0) is None


def test_it_charges_again_after_a_rest_that_is_longer_each_time() -> None:
    world = drawing(300.0)
    for rest_s in (REST_S, 2 * REST_S):
        world.evse.back_end = order(LESS_W)
        assert opened_after_s(world, 5.0) is not None
        world.evse.back_end = order(FULL_W, within=NEVER)
        began_s = world.now
        world.run(rest_s + 60.0, until=lambda: world.contactor.closed)
        assert world.contactor.closed
        assert world.now - began_s >= rest_s - WITHIN_S
        world.run(60.0, until=lambda: world.plant.charger_power_w > 0.99 * FULL_W)


@pytest.mark.parametrize(("service", "wish_w"), [(Service.AC, 9_000.0), (Service.AC_BPT, -6_000.0)])
def test_a_session_fails_within_the_time(service: Service, wish_w: float) -> None:
    world = session(AC, service, ControlMode.DYNAMIC, wish_w)
    world.plant.settings = changed(world.plant.settings, charger_ramp_w_per_s=0.0)
    world.evse.back_end = BackEndOrder(setpoint_w=0.0, by="TxProfile 7", within=BOTH)
    after_s = opened_after_s(world, 5.0)
    assert after_s is not None
    assert after_s <= OPEN_WITHIN_S
    assert fault_of(world) is Fault.OVER_CURRENT


def test_so_does_the_next_session_though_a_car_that_does_not_talk_would_still_rest() -> None:
    world = session(AC, Service.AC, ControlMode.DYNAMIC, 9_000.0)
    world.plant.settings = changed(world.plant.settings, charger_ramp_w_per_s=0.0)
    world.evse.back_end = BackEndOrder(setpoint_w=0.0, by="TxProfile 7", within=BOTH)
    assert opened_after_s(world, 5.0) is not None
    world.unplug()
    world.evse.back_end = BackEndOrder(setpoint_w=9_000.0, by="TxProfile 7")
    world.plant.settings = changed(world.plant.settings, charger_ramp_w_per_s=20_000.0)
    in_the_loop(world)
    assert metered_w(world) > 8_000.0
    world.plant.settings = changed(world.plant.settings, charger_ramp_w_per_s=0.0)
    world.evse.back_end = BackEndOrder(setpoint_w=0.0, by="TxProfile 7", within=BOTH)
    after_s = opened_after_s(world, 5.0)
    assert after_s is not None
    assert after_s <= OPEN_WITHIN_S


def low_frequency(world: World) -> None:
    """The droop asks for more than is fed."""
    world.grid_source = lambda now, plant: Grid(frequency_hz=49.5)


def an_operator(world: World) -> None:
    world.evse.visit.injection = Injection(-6_000.0)


@pytest.mark.parametrize("asks_more", [low_frequency, an_operator])
def test_the_station_asks_for_no_more_itself(asks_more: Callable[[World], None]) -> None:
    """It would open its contactor for a car that follows it."""
    world = session(AC, Service.AC_BPT, ControlMode.DYNAMIC, -6_000.0)
    world.evse.back_end = BackEndOrder(setpoint_w=-2_000.0, discharge_w=11_000.0, by="TxProfile 7")
    world.run(5.0)
    world.evse.back_end = changed(world.evse.back_end, within=BOTH)
    asks_more(world)
    assert opened_after_s(world, 5.0) is None
    assert world.plant.charger_power_w == pytest.approx(-2_000.0, rel=0.01)
