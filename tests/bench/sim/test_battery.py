"""The battery model: charge and energy agree, and a car can follow it from the station's readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.bench.sim.battery import Battery, IntegratedBattery

SOC = st.floats(0, 1)


def test_full_and_empty() -> None:
    assert Battery(60_000, 1).energy_wh == pytest.approx(60_000)
    assert Battery(60_000, 0).energy_wh == 0
    assert Battery(60_000, 0).ocv_v == pytest.approx(108 * 3.0)
    assert Battery(60_000, 1).ocv_v == pytest.approx(108 * 4.18)


@given(SOC, SOC)
def test_voltage_and_energy_rise_with_the_state_of_charge(one: float, other: float) -> None:
    low, high = Battery(60_000, min(one, other)), Battery(60_000, max(one, other))
    assert low.ocv_v <= high.ocv_v
    assert low.energy_wh <= high.energy_wh


@given(st.floats(0.05, 0.95), st.floats(-100, 100))
def test_stored_energy_is_voltage_times_current_over_time(soc: float, current_a: float) -> None:
    battery = Battery(60_000, soc)
    before_wh, moved_wh = battery.energy_wh, 0.0
    for _ in range(60):
        before_v = battery.ocv_v
        battery.step(1.0, current_a)
        moved_wh += (before_v + battery.ocv_v) / 2 * current_a / 3600
    assert battery.energy_wh - before_wh == pytest.approx(moved_wh, abs=0.02)
    assert battery.heat_wh == pytest.approx(current_a**2 * 0.08 * 60 / 3600)


@given(SOC, st.floats(-40_000, 100_000))
def test_the_current_for_a_power_gives_that_power(soc: float, power_w: float) -> None:
    battery = Battery(60_000, soc)
    current_a = battery.current_for_power_a(power_w)
    assert battery.terminal_v(current_a) * current_a == pytest.approx(power_w, abs=1e-3)


def test_no_power_beyond_what_the_battery_can_give() -> None:
    battery = Battery(60_000, 0.5)
    current_a = battery.current_for_power_a(-10e6)
    assert battery.terminal_v(current_a) * current_a == pytest.approx(-(battery.ocv_v**2) / (4 * 0.08))


@pytest.mark.parametrize(("soc", "current_a"), [(1.0, 50.0), (0.0, -50.0)])
def test_full_takes_no_more_and_empty_gives_no_more(soc: float, current_a: float) -> None:
    battery = Battery(60_000, soc)
    battery.step(3600, current_a)
    assert battery.soc == soc


@pytest.mark.parametrize(("capacity_wh", "soc"), [(60_000, 1.1), (60_000, -0.1), (0, 0.5), (float("nan"), 0.5)])
def test_an_impossible_battery_is_refused(capacity_wh: float, soc: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        Battery(capacity_wh, soc)


def test_an_integrated_battery_follows_the_stations_current() -> None:
    follower, battery = IntegratedBattery(Battery(60_000, 0.6)), Battery(60_000, 0.6)
    for second in range(61):
        follower.observe(100.0 + second, -25.0)
    battery.step(60, -25.0)
    assert follower.battery.soc == pytest.approx(battery.soc)
    assert follower.voltage_v == pytest.approx(battery.terminal_v(-25.0))


def test_an_integrated_battery_takes_silence_and_repetition_for_no_current() -> None:
    follower = IntegratedBattery(Battery(60_000, 0.6), longest_gap_s=2.0)
    follower.observe(0.0, -25.0)
    follower.observe(0.0, -25.0)
    follower.observe(3.0, -25.0)
    follower.observe(2.0, -25.0)
    assert follower.battery.soc == 0.6
