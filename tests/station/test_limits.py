"""The decision on power: bounded, named, deterministic, and never above any bound."""

from math import copysign, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.grid_sensor import GridReading
from v2g.station.config.settings import PlanStep
from v2g.station.power.limits import Bound, Wish, decide
from v2g.station.power.sources.plan import droop_w, planned

powers = st.floats(-100_000, 100_000)
magnitudes = st.one_of(st.floats(0, 100_000), st.just(inf))
bounds = st.lists(st.builds(Bound, st.text(min_size=1, max_size=5), magnitudes, magnitudes), max_size=8)


@given(powers, bounds)
def test_never_above_any_bound_and_never_against_the_wish(wish: float, given_bounds: list[Bound]) -> None:
    decision = decide(Wish(wish, "dispatch"), given_bounds)
    for bound in given_bounds:
        assert -bound.discharge_w <= decision.power_w <= bound.charge_w
    assert abs(decision.power_w) <= abs(wish)
    assert decision.power_w == 0 or copysign(1, decision.power_w) == copysign(1, wish)
    assert decision.limited == (decision.power_w != wish)
    if decision.binding is not None:
        assert decision.binding.source in decision.sentence


@given(powers, bounds)
def test_the_order_of_the_bounds_does_not_matter(wish: float, given_bounds: list[Bound]) -> None:
    assert decide(Wish(wish, "x"), given_bounds).power_w == decide(Wish(wish, "x"), reversed(given_bounds)).power_w


@given(powers, powers, bounds)
def test_a_larger_wish_never_gives_less(first: float, second: float, given_bounds: list[Bound]) -> None:
    low, high = sorted((first, second))
    assert decide(Wish(low, "x"), given_bounds).power_w <= decide(Wish(high, "x"), given_bounds).power_w


@pytest.mark.parametrize("wish", [nan, inf, -inf])
def test_what_is_not_a_number_is_not_a_wish(wish: float) -> None:
    decision = decide(Wish(wish, "dispatch"), [Bound("any", 1000, 1000)])
    assert decision.power_w == 0.0
    assert decision.limited


@pytest.mark.parametrize("unknown", [nan, -5.0])
def test_a_bound_that_is_not_a_magnitude_allows_nothing(unknown: float) -> None:
    decision = decide(Wish(-5_000, "dispatch"), [Bound("meter", discharge_w=unknown), Bound("station", 9_000, 9_000)])
    assert decision.power_w == 0.0
    assert decision.binding is not None
    assert decision.binding.source == "meter"


def test_the_sentence() -> None:
    decision = decide(Wish(-9_000, "dispatch plan"), [Bound("EV maximum discharge current", discharge_w=7_200)])
    assert decision.sentence == (
        "discharging 7.2 kW of 9.0 kW wished by dispatch plan, limited by: EV maximum discharge current"
    )
    assert decide(Wish(5_000, "the EV"), []).sentence == "charging 5.0 kW wished by the EV"


PLAN = (
    PlanStep(power_w=8_000, for_s=5),
    PlanStep(power_w=-4_000, for_s=10),
    PlanStep(follow="frequency", base_w=-2_000),
)


@pytest.mark.parametrize(
    ("elapsed_s", "expected_w"), [(0, 8_000), (4.999, 8_000), (5, -4_000), (14.9, -4_000), (15, -2_000), (1e6, -2_000)]
)
def test_the_plan_goes_step_by_step(elapsed_s: float, expected_w: float) -> None:
    grid = GridReading(0.0, 1, 50.0, (230.0, 230.0, 230.0))
    assert planned(PLAN, elapsed_s, grid).power_w == expected_w


DROOP = PlanStep(follow="frequency", base_w=-3_000, w_per_hz=20_000, nominal_hz=60.0, deadband_hz=0.036)


@given(st.floats(55, 65), st.floats(55, 65))
def test_droop_rises_with_the_frequency(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert droop_w(DROOP, low) <= droop_w(DROOP, high)


@given(st.floats(-0.036, 0.036))
def test_nothing_moves_in_the_deadband(deviation_hz: float) -> None:
    assert droop_w(DROOP, 60.0 + deviation_hz) == pytest.approx(-3_000, abs=1e-6)
