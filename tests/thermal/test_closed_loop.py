"""Limiter and simulated heat in a closed loop: whatever power is asked for, nothing gets hotter than it may."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.heat import Heat
from v2g.bench.sim.plant_model import PlantInputs, PlantModel
from v2g.power.inverter import InverterFault, InverterMode, InverterSetpoint
from v2g.thermal.limiter import Allowance, ThermalLimiter
from v2g.thermal.settings import WARMEST_C, ThermalSettings

RATING_W = 30_000.0
STEP_S = 0.5


@dataclass
class Loop:
    """A station that follows requests as far as the limiter lets it."""

    heat: Heat
    limiter: ThermalLimiter
    now: float = 0.0
    power_w: float = 0.0
    warmest_c: float = -100.0

    def run(self, request_w: float, seconds: float) -> Allowance:
        for _ in range(max(1, round(seconds / STEP_S))):
            self.now += STEP_S
            loss_w = 90 + 0.03 * abs(self.power_w)
            current_a = self.power_w / 400
            allowance = self.limiter.step(self.heat.readings(self.now, loss_w=loss_w, current_a=current_a), self.now)
            self.heat.pump = allowance.pump
            wish_w = min(max(request_w, -allowance.discharge_w), allowance.charge_w)
            if wish_w * self.power_w >= 0 and abs(wish_w) <= abs(self.power_w):
                self.power_w = wish_w
            else:
                change_w = allowance.ramp_w_per_s * STEP_S
                self.power_w += min(max(wish_w - self.power_w, -change_w), change_w)
            self.heat.step(STEP_S, 90 + 0.03 * abs(self.power_w), self.power_w / 400)
            self.warmest_c = max(self.warmest_c, self.heat.state.module_c)
        return allowance


def loop(heat: Heat, thermal: ThermalSettings | None = None) -> Loop:
    return Loop(heat, ThermalLimiter(thermal or ThermalSettings(), charge_w=RATING_W, discharge_w=RATING_W))


requests = st.lists(st.tuples(st.floats(-40_000, 40_000), st.floats(1, 200)), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(requests, st.floats(-40, 70), st.booleans(), st.integers(0, 1000))
def test_the_module_never_exceeds_its_limit(
    course: list[tuple[float, float]], ambient_c: float, pump_stuck: bool, seed: int
) -> None:
    noise = random.Random(seed)
    subject = loop(Heat(ambient_c, noise_k=lambda: noise.gauss(0, 0.3)))
    subject.heat.faults.pump_stuck = pump_stuck
    for request_w, seconds in course:
        subject.run(request_w, seconds)
        assert abs(subject.power_w) <= RATING_W
        assert subject.heat.state.contactor_c <= WARMEST_C
    assert subject.warmest_c <= WARMEST_C


@pytest.mark.parametrize("request_w", [RATING_W, -RATING_W])
@pytest.mark.parametrize("ambient_c", [-40, 20, 45, 60, 70])
def test_full_power_for_hours_settles_in_the_derating_band(request_w: float, ambient_c: float) -> None:
    subject = loop(Heat(ambient_c))
    allowance = subject.run(request_w, 7_200)
    assert subject.warmest_c <= 82
    swing: list[float] = []
    for _ in range(60):
        swing.append(subject.run(request_w, 10).charge_w)
    assert max(swing) - min(swing) <= 0.05 * RATING_W  # it settles: no hunting
    if ambient_c == 20:
        assert allowance.charge_w == RATING_W


def test_turning_from_charging_to_feeding_waits_for_the_pump() -> None:
    subject = loop(Heat(25))
    subject.run(RATING_W, 60)
    warm = subject.now
    while subject.power_w > -0.99 * RATING_W:
        subject.run(-RATING_W, STEP_S)
    warm_s = subject.now - warm
    cold_subject = loop(Heat(25))
    while cold_subject.power_w > -0.99 * RATING_W:
        cold_subject.run(-RATING_W, STEP_S)
    assert warm_s == pytest.approx(6, abs=1)  # 60 kW at the full ramp: the coolant flows already
    assert cold_subject.now > 6  # half the way takes longer, because it does not yet


def test_a_pump_that_does_not_run_is_found_and_leaves_a_safe_share() -> None:
    subject = loop(Heat(25), ThermalSettings(flow_sensor=True))
    assert subject.run(RATING_W, 120).why is None
    subject.heat.faults.pump_stuck = True
    allowance = subject.run(RATING_W, 30)
    assert allowance.why == "coolant flow does not follow the pump's command"
    assert allowance.charge_w == 0.2 * RATING_W
    subject.run(RATING_W, 3_600)
    assert subject.warmest_c <= WARMEST_C
    subject.heat.faults.pump_stuck = False
    assert subject.run(RATING_W, 600).charge_w > 0.9 * RATING_W


def test_a_silent_sensor_leaves_a_safe_share() -> None:
    for sensor in ("module", "contactor", "coolant", "ambient"):
        subject = loop(Heat(50))
        subject.run(RATING_W, 600)
        subject.heat.faults.silent.add(sensor)
        allowance = subject.run(RATING_W, 3_600)
        assert allowance.charge_w <= 0.2 * RATING_W
        assert subject.warmest_c <= WARMEST_C


def test_the_plant_follows_the_heat_and_does_not_trip() -> None:
    plant, heat = PlantModel(Battery(60_000, 0.5)), Heat(60)
    limiter = ThermalLimiter(ThermalSettings(), charge_w=RATING_W, discharge_w=RATING_W)
    battery_v = plant.battery.ocv_v
    plant.step(1.0, PlantInputs(InverterSetpoint(InverterMode.VOLTAGE, voltage_v=battery_v, current_a=2)))
    for tenth in range(1, 600):
        loss_w = plant.ac_power_w - plant.power_w
        allowance = limiter.step(heat.readings(tenth / 10, loss_w=loss_w, current_a=plant.current_a), tenth / 10)
        heat.pump = allowance.pump
        setpoint = InverterSetpoint(
            InverterMode.POWER, voltage_v=450, power_w=30_000, charge_limit_w=allowance.charge_w
        )
        plant.step(0.1, PlantInputs(setpoint, station_contactor_closed=True, vehicle_contactor_closed=True))
        heat.follow(plant, 0.1)
    assert plant.temperature_c == heat.state.module_c > 62
    assert InverterFault.OVER_TEMPERATURE not in plant.faults
    assert plant.power_w == pytest.approx(allowance.charge_w, rel=0.03)
