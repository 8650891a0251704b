"""A V2G station through a real day of grid frequency: every decision that it takes, on a battery that follows."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import CAR, OUTLET

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.plant_model import RATING
from v2g.iso15118.car import CarState
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Demand, Stage
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import InverterReading, InverterState
from v2g.power.meter import MeterReading
from v2g.station.config.settings import GridCodeSettings, PlanStep
from v2g.station.power.decider import Decider
from v2g.station.power.situation import Situation
from v2g.station.power.sources import make
from v2g.station.readings import Readings
from v2g.station.safety.grid_guard import GridGuard

NOMINAL_HZ = 60.0
PROMPT = GridCodeSettings(
    name="ieee1547-cat3",
    settings={"enter_service.delay_s": 0.0, "enter_service.ramp_s": 0.0, "measurement.stale_s": 1.0},
)
FOLLOW = PlanStep(follow="frequency", nominal_hz=NOMINAL_HZ, w_per_hz=200_000.0, deadband_hz=0.01)
FOLLOWS_S = 0.1
"""From a set-point to the meter."""
DEMAND = Demand(stage=Stage.ENERGY, service=Service.DC_BPT, mode=ControlMode.DYNAMIC)


@pytest.mark.parametrize("hours", [4, pytest.param(24, marks=pytest.mark.proof)])
def test_a_day_of_frequency(
    hours: int, frequency_day: list[float], record_property: Callable[[str, object], None]
) -> None:
    of_a_day = hours / 24
    frequency = frequency_day[: hours * 3600]
    evse = changed(OUTLET, nominal_hz=NOMINAL_HZ, grid_code=PROMPT, dispatch=(FOLLOW,), soc_floor_percent=20)
    battery, decider, guard = Battery(60_000.0, 0.5), Decider(make(evse)), GridGuard(evse, PROMPT)
    current_a = charged_wh = given_wh = 0.0
    changes = last = 0
    started = time.process_time()
    for second, per_unit in enumerate(frequency, 1):
        now, frequency_hz = float(second), per_unit * NOMINAL_HZ
        volts = battery.terminal_v(current_a)
        inverter = InverterReading(
            now, InverterState.ON, frozenset(), volts, current_a, volts * current_a, volts * current_a, 0.0, 30.0
        )
        meter = MeterReading(now, 0.0, 0.0, volts * current_a, 0.0, (230.0, 230.0, 230.0), frequency_hz)
        grid = GridReading(now, second, frequency_hz, (230.0, 230.0, 230.0))
        readings = Readings(inverter=inverter, meter=meter, grid=grid)
        guard.step(readings, now)
        assert guard.verdict.may_exchange or second == 1, guard.verdict
        car = CarState(limits=CAR, soc_percent=round(battery.soc * 100))
        decision = decider.decide(Situation(now, evse, DEMAND, Service.DC_BPT, car, readings, RATING, guard, None))
        assert -CAR.discharge_w <= decision.power_w <= CAR.charge_w
        current_a = battery.current_for_power_a(decision.power_w)
        battery.step(1.0, current_a)
        power_w = decision.power_w
        followed = MeterReading(now + FOLLOWS_S, 0.0, 0.0, power_w, 0.0, (230.0, 230.0, 230.0), frequency_hz)
        guard.step(changed(readings, meter=followed), now + FOLLOWS_S)
        charged_wh += max(decision.power_w, 0.0) / 3600
        given_wh -= min(decision.power_w, 0.0) / 3600
        sign = (decision.power_w > 0) - (decision.power_w < 0)
        changes += sign * last < 0
        last = sign or last
    took_s = time.process_time() - started
    energy = f"{charged_wh / 1000:.1f} kWh charged, {given_wh / 1000:.1f} kWh given"
    outcome = f"{energy}, {changes} changes of sign, {took_s:.0f} s"
    record_property("day", outcome)
    print(outcome)
    assert len(frequency_day) == 86_400
    assert charged_wh > 5_000 * of_a_day
    assert given_wh > 5_000 * of_a_day
    assert 100 * of_a_day < changes < sum((a > 1) != (b > 1) for a, b in pairwise(frequency))
    assert 0.2 <= battery.soc <= 1.0
