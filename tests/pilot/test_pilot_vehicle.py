"""The car's side: when it closes and opens S2, and what it understands."""

import pytest

from v2g.pilot.duty import Meaning
from v2g.pilot.state import State
from v2g.pilot.timing import FOLLOW_S, STEP_EF_S, YIELD_S
from v2g.pilot.vehicle import VehiclePilot


class Driver:
    """A car and the duty cycle at its inlet, every 10 ms."""

    def __init__(self, vehicle: VehiclePilot | None = None, *, wants_energy: bool = True) -> None:
        self.vehicle = vehicle or VehiclePilot()
        self.vehicle.wants_energy = wants_energy
        self.now = 0.0

    def see(self, duty: float, seconds: float, *, until: State | None = None) -> float:
        """Lets time pass, at most `seconds`, until the car has this state; returns how long it took."""
        start = self.now
        while self.now - start < seconds and (until is None or self.vehicle.state is not until):
            self.now += 0.01
            self.vehicle.step(duty, self.now)
        return self.now - start


@pytest.mark.parametrize("duty", [0.05, 0.1, 0.5, 0.9])
def test_it_closes_s2_when_it_may_and_wants(duty: float) -> None:
    driver = Driver()
    driver.see(duty, 1.0)
    assert driver.vehicle.state is State.C
    idle = Driver(wants_energy=False)
    idle.see(duty, 1.0)
    assert idle.vehicle.state is State.B


@pytest.mark.parametrize("duty", [0.0, 0.02, 0.075, 0.98, 1.0])
def test_it_draws_nothing_without_a_duty_cycle_that_allows_it(duty: float) -> None:
    driver = Driver()
    driver.see(duty, 5.0)
    assert driver.vehicle.state is State.B
    assert driver.vehicle.meaning == Meaning()


@pytest.mark.parametrize("gone", [1.0, 0.0])
def test_it_opens_s2_in_time_when_the_pwm_is_gone(gone: float) -> None:
    driver = Driver()
    driver.see(0.05, 1.0)
    assert driver.see(gone, 10.0, until=State.B) < YIELD_S


def test_it_follows_another_current_in_time() -> None:
    driver = Driver()
    driver.see(0.5, 1.0)
    driver.see(0.25, FOLLOW_S - 1)
    assert driver.vehicle.meaning == Meaning(15)


def test_a_flicker_is_not_followed() -> None:
    driver = Driver()
    driver.see(0.5, 1.0)
    for _ in range(5):
        driver.see(1.0, 0.05)
        driver.see(0.5, 0.05)
    assert driver.vehicle.state is State.C


def test_a_car_that_needs_ventilation_says_so() -> None:
    driver = Driver(VehiclePilot(needs_ventilation=True))
    driver.see(0.5, 1.0)
    assert driver.vehicle.state is State.D


def test_a_sleeping_car_needs_state_f() -> None:
    driver = Driver(VehiclePilot(asleep=True))
    driver.see(0.05, 60.0)
    driver.see(0.0, 1.0)
    assert driver.see(0.05, 10.0, until=State.C) >= 10.0
    driver.see(0.0, STEP_EF_S)
    assert driver.see(0.05, 10.0, until=State.C) < 1.0
