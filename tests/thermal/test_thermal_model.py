"""The masses: where they settle, how fast, and that they are stable for any step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.thermal.model import Load, Masses, ThermalState, after, flow_after

MASSES = Masses()
COLD = ThermalState(20, 20, 20)
celsius = st.floats(-40, 85)
loads = st.builds(Load, st.floats(0, 1500), st.floats(-100, 100), celsius, st.floats(0, 1))
states = st.builds(ThermalState, celsius, celsius, celsius, st.floats(0, 1))


def test_it_settles_where_the_heat_flows_balance() -> None:
    state = after(20_000, COLD, Load(990, 80, 20, 1.0), MASSES)
    assert state.flow == pytest.approx(1)
    assert state.coolant_c == pytest.approx(20 + 990 / 66, abs=0.1)
    assert state.module_c == pytest.approx(state.coolant_c + 990 / 40, abs=0.1)
    assert state.contactor_c == pytest.approx(20 + 0.0003 * 80**2 / 0.08, abs=0.1)


def test_without_flow_the_module_gets_much_warmer() -> None:
    flowing, still = (after(120, COLD, Load(500, 0, 20, pump), MASSES).module_c for pump in (1.0, 0.0))
    assert still > flowing + 15


def test_the_flow_lags_behind_the_pump() -> None:
    assert flow_after(MASSES.pump_lag_s, 0.0, 1.0, MASSES) == pytest.approx(0.632, abs=0.001)
    assert flow_after(100, 1.0, 0.0, MASSES) == pytest.approx(0, abs=1e-6)


@given(states, loads, st.floats(0, 50))
def test_heat_stays_between_its_sources(state: ThermalState, load: Load, dt_s: float) -> None:
    later = after(dt_s, state, load, MASSES)
    warmest = max(state.module_c, state.coolant_c, load.ambient_c)
    rise_k = load.loss_w / MASSES.still_w_per_k
    assert min(state.module_c, state.coolant_c, load.ambient_c) - 1e-6 <= later.module_c <= warmest + 2 * rise_k + 1e-6
    assert 0 <= later.flow <= 1


@given(states, loads, st.floats(0, 30), st.sampled_from(["module_c", "coolant_c", "contactor_c"]), st.floats(0, 30))
def test_warmer_now_is_warmer_later(state: ThermalState, load: Load, dt_s: float, part: str, by_k: float) -> None:
    warmer = replace(state, **{part: getattr(state, part) + by_k})
    one, other = after(dt_s, state, load, MASSES), after(dt_s, warmer, load, MASSES)
    assert other.module_c >= one.module_c - 1e-9
    assert other.coolant_c >= one.coolant_c - 1e-9
    assert other.contactor_c >= one.contactor_c - 1e-9
