"""Grid support: the standards' figures, monotone, bounded, explained."""

from itertools import pairwise
from math import inf, isfinite, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.curve import interpolate
from v2g.grid.protection import Cause, State, Verdict
from v2g.grid.reactive import Lock
from v2g.grid.sample import GridSample
from v2g.grid.settings import GridCode, SettingsError, Value
from v2g.grid.support import GridSupport, Support

RATING = Rating(apparent_va=10_000, charge_w=10_000, discharge_w=10_000, reactive_max_var=6_000)
QUIET: dict[str, Value] = {"islanding.probe_enabled": False, "ramp_rate.pu_per_s": 10}
CAT3 = settings.load("ieee1547-cat3").with_settings(QUIET)
NAMES = settings.names()


def sample(voltage_pu: float = 1.0, frequency_hz: float = 60.0) -> GridSample:
    return GridSample(0.0, 0, (voltage_pu,) * 3, frequency_hz)


def running(share: float) -> Verdict:
    """In service, as far as the ramp into it has come."""
    return Verdict(State.RUN, "", "", None, share)


def settle(
    code: GridCode, at: GridSample, wish_w: float = -5_000, *, seconds: float = 300.0, dt_s: float = 0.1
) -> Support:
    """Operation in a sound grid, then `at` until everything has settled."""
    support = GridSupport(code, RATING)
    for _ in range(100):
        support.step(sample(frequency_hz=code.nominal_hz), wish_w, dt_s)
    result = support.step(at, wish_w, dt_s)
    for _ in range(round(seconds / dt_s)):
        result = support.step(at, wish_w, dt_s)
    return result


# Frequency droop


@pytest.mark.parametrize("wish_w", [-5_000.0, 5_000.0])
@pytest.mark.parametrize("frequency_hz", [59.2, 59.7, 60.3, 60.9])
def test_droop_follows_the_formula_of_the_standard(frequency_hz: float, wish_w: float) -> None:
    beyond_hz = frequency_hz - 60 + (-0.036 if frequency_hz > 60 else 0.036)
    expected_w = wish_w + 10_000 * beyond_hz / (60 * 0.05)
    settled = settle(CAT3, sample(frequency_hz=frequency_hz), wish_w)
    assert settled.wish_w == pytest.approx(expected_w, abs=0.5)
    assert settled.wished_by == "frequency droop"
    assert settled.power_w == pytest.approx(min(max(expected_w, -10_000), 10_000), abs=0.5)


def test_droop_crosses_zero_and_has_made_90_percent_after_the_response_time() -> None:
    support = GridSupport(CAT3, RATING)
    support.step(sample(), -1_000, 10)
    powers = [support.step(sample(frequency_hz=60.9), -1_000, 0.05).wish_w for _ in range(100)]
    assert powers[0] < 0 < powers[-1]
    assert powers[-1] + 1_000 == pytest.approx(0.9 * 10_000 * 0.864 / 3, rel=0.01)


def test_droop_at_50_hz() -> None:
    code = settings.load("en50549-1").with_settings(QUIET)
    assert settle(code, sample(frequency_hz=50.7)).wish_w == pytest.approx(-5_000 + 0.4 * 0.5 * 10_000, abs=1)


def test_the_power_before_the_disturbance_is_held() -> None:
    support = GridSupport(CAT3, RATING)
    for _ in range(100):
        support.step(sample(), -5_000, 0.1)
    for _ in range(600):
        result = support.step(sample(frequency_hz=60.636), 0.0 - 9_000, 0.1)
    assert result.wish_w == pytest.approx(-5_000 + 2_000, abs=1)
    for _ in range(600):
        result = support.step(sample(), -9_000, 0.1)
    assert (result.wish_w, result.wished_by) == (-9_000, "dispatch")


@pytest.mark.parametrize(("frequency_hz", "most_w"), [(59.95, 9_953), (59.0, 6_787), (57.2, 787), (57.05, 287)])
def test_a_car_that_comes_at_low_frequency_may_charge_with_the_rest(frequency_hz: float, most_w: float) -> None:
    """It had no power before: the droop takes from its rated power, and does not ask it to feed."""
    for wish_w in (10_000.0, 500.0, 0.0):
        support = GridSupport(CAT3, RATING)
        powers = [support.step(sample(frequency_hz=frequency_hz), wish_w, 0.1) for _ in range(600)]
        assert powers[-1].power_w == pytest.approx(min(wish_w, most_w), abs=1)
        assert powers[-1].droop is not None
        assert powers[-1].droop.charge_w == pytest.approx(most_w, abs=1)
        assert all(each.power_w <= wish_w for each in powers)


def test_a_car_that_comes_at_high_frequency_may_feed_the_rest_only() -> None:
    support = GridSupport(CAT3, RATING)
    powers = [support.step(sample(frequency_hz=60.636), -10_000, 0.1).power_w for _ in range(600)]
    assert powers[-1] == pytest.approx(-8_000, abs=1)


def test_before_service_the_droop_only_limits() -> None:
    waiting = Verdict(State.WAIT, "", "enter service", Cause.SERVICE, 0.0, load=True)
    for frequency_hz, wish_w, power_w in ((60.5, 0.0, 0.0), (60.5, 3_000.0, 3_000.0), (59.0, 9_000.0, 6_787.0)):
        support = GridSupport(CAT3, RATING)
        for _ in range(600):
            result = support.step(sample(frequency_hz=frequency_hz), wish_w, 0.1, waiting)
        assert result.power_w == pytest.approx(power_w, abs=1)


def test_the_measured_power_is_what_is_held() -> None:
    support = GridSupport(CAT3, RATING)
    for _ in range(600):
        result = support.step(replace(sample(frequency_hz=60.636), power_w=-2_000.0), -5_000, 0.1)
    assert result.wish_w == pytest.approx(0, abs=1)


def test_a_wish_that_helps_more_than_the_droop_asks_for_passes() -> None:
    assert settle(CAT3, sample(frequency_hz=60.3), 5_000).wish_w > 5_000
    support = GridSupport(CAT3, RATING)
    for _ in range(100):
        support.step(sample(), -5_000, 0.1)
    for _ in range(100):
        result = support.step(sample(frequency_hz=60.3), 9_000, 0.1)
    assert (result.wish_w, result.wished_by) == (9_000, "dispatch")


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_droop_is_monotone_and_flat_in_the_deadband(name: str, data: st.DataObject) -> None:
    code = settings.load(name)
    near = st.floats(code.nominal_hz - 3, code.nominal_hz + 3)
    low_hz, high_hz = sorted((data.draw(near), data.draw(near)))
    droop = code.frequency_droop
    assert droop.response(low_hz, code.nominal_hz) <= droop.response(high_hz, code.nominal_hz)
    if abs(low_hz - code.nominal_hz) < droop.over_deadband_hz - 1e-6:
        assert droop.response(low_hz, code.nominal_hz) == 0


# Priorities (IEEE 1547.1-2020, tables 38 and 39: volt-watt with P2 = 0.2 pu and 0; 5.13)


@pytest.mark.parametrize(
    ("variant", "p2_pu", "expected"),
    [
        ("a", 0.2, (0.5, 0.4, 0.3, 0.4, 0.4, 0.6, 0.5, 0.7)),
        ("b", 0.0, (0.5, 0.25, 0.15, 0.25, 0.25, 0.45, 0.5, 0.7)),
    ],
)
@pytest.mark.parametrize("mode", ["volt_var", "constant_var", "constant_power_factor", "watt_var"])
def test_low_frequency_goes_beyond_the_limit_of_active_power(
    variant: str, p2_pu: float, expected: tuple[float, ...], mode: str
) -> None:
    changes: dict[str, Value] = {
        **QUIET, "volt_watt.enabled": True, "volt_watt.p2_pu": p2_pu, "reactive.mode": mode,
        "active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.5,
    }  # fmt: skip
    support = GridSupport(settings.load("ieee1547-cat3", variant).with_settings(changes), RATING)
    steps = [(1.0, 60), (1.09, 60), (1.09, 60.33), (1.09, 60), (1.09, 59.36), (1.0, 59.36), (1.0, 60), (1.0, 59.36)]
    for (voltage_pu, frequency_hz), fed_pu in zip(steps, expected, strict=True):
        for _ in range(600):
            result = support.step(sample(voltage_pu, frequency_hz), -10_000, 0.1)
        assert -result.power_w / 10_000 == pytest.approx(fed_pu, abs=0.006), (voltage_pu, frequency_hz)


@pytest.mark.parametrize("limit_pu", [0.66, 0.33, 0.0])
@pytest.mark.parametrize(("frequency_hz", "change_pu"), [(59.0, 0.321), (61.0, -0.321)])
def test_limit_of_active_power_with_frequency(limit_pu: float, frequency_hz: float, change_pu: float) -> None:
    changes: dict[str, Value] = {"active_power_limit.enabled": True, "active_power_limit.fed_pu": limit_pu}
    support = GridSupport(CAT3.with_settings(changes), RATING)
    for at in (sample(), sample(frequency_hz=frequency_hz)):
        for _ in range(1_000):
            result = support.step(at, -10_000, 0.1)
    assert -result.power_w / 10_000 == pytest.approx(limit_pu + change_pu, abs=0.001)


def test_the_power_returns_on_a_gradient_after_a_disturbance() -> None:
    """VDE-AR-N 4105: 10 % a minute, between 49.8 and 50.2 Hz."""
    code = settings.load("vde-4105").with_settings(QUIET)
    support = GridSupport(code, RATING)
    powers = []
    for second in range(400):
        frequency_hz = 51.0 if 10 <= second < 100 else 50.0
        powers.append(support.step(sample(frequency_hz=frequency_hz), -9_000, 1.0).power_w)
    assert powers[99] == pytest.approx(-9_000 + 0.8 / 2.5 * 10_000, abs=1)
    back_s = next(second for second in range(100, 400) if powers[second] <= -8_500) - 100
    assert back_s == pytest.approx((0.32 - 0.05) / 0.0016, abs=2)
    assert max(before - after for before, after in pairwise(powers[100:300])) < 0.0017 * 10_000


# Active power


@pytest.mark.parametrize(("voltage_pu", "drawn_w"), [(1.04, -10_000), (1.075, 0), (1.10, 10_000)])
def test_volt_watt_may_demand_power_to_be_drawn(voltage_pu: float, drawn_w: float) -> None:
    """IEEE 1547.1-2020, table 32, absorbing: from 1.05 pu to 1.10 pu all the way to the rated power drawn."""
    code = CAT3.with_settings({"volt_watt.enabled": True, "volt_watt.v1_pu": 1.05, "volt_watt.p2_pu": -1.0})
    settled = settle(code, sample(voltage_pu), -10_000)
    assert settled.power_w == pytest.approx(drawn_w, abs=1)
    assert settled.wished_by == ("volt-watt" if drawn_w > 0 else "dispatch")


@pytest.mark.parametrize(("voltage_pu", "fed_pu"), [(1.05, 1.0), (1.08, 0.5), (1.09, 0.25), (1.12, 0.0)])
def test_volt_watt(voltage_pu: float, fed_pu: float) -> None:
    code = CAT3.with_settings({"volt_watt.enabled": True, "volt_watt.p2_pu": 0.0})
    settled = settle(code, sample(voltage_pu), -10_000)
    assert -settled.power_w == pytest.approx(10_000 * fed_pu, abs=1)
    if fed_pu < 1:
        assert settled.binding is not None
        assert (settled.binding.source, settled.binding.detail) == ("volt-watt", f"{voltage_pu:.2f} pu")
        assert settle(code, sample(voltage_pu), 10_000).power_w == 10_000


def test_active_power_limit_within_30_s() -> None:
    code = CAT3.with_settings({"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.3})
    settled = settle(code, sample(), -10_000, seconds=30)
    assert -settled.power_w == pytest.approx(3_000, abs=100)
    assert settled.binding is not None
    assert (settled.binding.source, settled.binding.detail) == ("active power limit", "30%")


def test_ramp_rate_and_the_ramp_into_service() -> None:
    support = GridSupport(CAT3.with_settings({"ramp_rate.pu_per_s": 0.1}), RATING)
    first = support.step(sample(), -10_000, 1.0)
    assert first.binding is not None
    assert (first.power_w, first.binding.source) == (-1_000, "ramp rate")
    assert support.step(sample(), -10_000, 1.0).power_w == -2_000
    assert support.step(sample(), -500, 1.0).power_w == -500, "it falls at once"
    assert support.step(sample(), 10_000, 1.0).power_w == 1_000, "and rises from zero on the other side"
    entering = GridSupport(CAT3, RATING).step(sample(), -10_000, 1.0, running(0.25))
    assert entering.power_w == -2_500
    assert entering.binding is not None
    assert entering.binding.source == "enter service ramp"


# Reactive power; the standard's sign is that of feeding, ours that of drawing


@pytest.mark.parametrize(
    ("voltage_pu", "injected_pu"), [(0.90, 0.44), (0.95, 0.22), (1.0, 0.0), (1.05, -0.22), (1.09, -0.44)]
)
def test_volt_var_category_b(voltage_pu: float, injected_pu: float) -> None:
    settled = settle(CAT3.with_settings({"reactive.mode": "volt_var"}), sample(voltage_pu))
    assert settled.reactive_var == pytest.approx(-10_000 * injected_pu, abs=1)
    assert settled.reactive_by == "volt-var"


def test_volt_var_category_a_and_its_response_time() -> None:
    code = settings.load("ieee1547-cat3", "a").with_settings({**QUIET, "reactive.mode": "volt_var"})
    assert settle(code, sample(0.85)).reactive_var == pytest.approx(-2_500, abs=1)
    assert settle(code, sample(0.85), seconds=9.9).reactive_var == pytest.approx(-2_250, abs=15)


def test_the_reference_voltage_follows_the_mean_and_stays_in_its_bounds() -> None:
    code = CAT3.with_settings({"reactive.mode": "volt_var", "volt_var.autonomous": True})
    assert settle(code, sample(1.03), seconds=3_000).reactive_var == pytest.approx(0, abs=20)
    bounded = settle(code, sample(1.09), seconds=6_000).reactive_var
    assert bounded == pytest.approx(10_000 * 0.44 * (0.04 - 0.02) / 0.06, abs=20)


@pytest.mark.parametrize(("wish_w", "drawn_var"), [(-2_000, 0), (-7_500, 2_200), (7_500, -2_200), (-9_000, 3_520)])
def test_watt_var(wish_w: float, drawn_var: float) -> None:
    settled = settle(CAT3.with_settings({"reactive.mode": "watt_var"}), sample(), wish_w)
    assert settled.reactive_var == pytest.approx(drawn_var, abs=60 if wish_w == -9_000 else 1)


@pytest.mark.parametrize(("excitation", "sign"), [("absorbing", 1), ("injecting", -1)])
@pytest.mark.parametrize("wish_w", [-5_000.0, 5_000.0])
def test_constant_power_factor(excitation: str, sign: int, wish_w: float) -> None:
    changes: dict[str, Value] = {
        "constant_power_factor.power_factor": 0.9,
        "constant_power_factor.excitation": excitation,
        "constant_power_factor.drawn_power_factor": 0.9,
        "constant_power_factor.drawn_excitation": excitation,
    }
    settled = settle(CAT3.with_settings(changes), sample(), wish_w)
    assert settled.reactive_var == pytest.approx(sign * 5_000 * sqrt(1 / 0.81 - 1), abs=1)


def test_a_power_factor_for_each_direction() -> None:
    changes: dict[str, Value] = {
        "constant_power_factor.power_factor": 0.95,
        "constant_power_factor.excitation": "injecting",
        "constant_power_factor.drawn_power_factor": 0.9,
    }
    code = CAT3.with_settings(changes)
    assert settle(code, sample(), -5_000).reactive_var == pytest.approx(-5_000 * sqrt(1 / 0.95**2 - 1), abs=1)
    assert settle(code, sample(), 5_000).reactive_var == pytest.approx(5_000 * sqrt(1 / 0.9**2 - 1), abs=1)


def test_reactive_power_as_far_as_the_inverter_goes() -> None:
    code = CAT3.with_settings({"reactive.mode": "constant_var", "constant_var.injected_pu": 0.55})
    assert settle(code, sample()).reactive_var == pytest.approx(-5_500, abs=1)
    assert settle(code.with_settings({"constant_var.injected_pu": 0.9}), sample()).reactive_var == -6_000


@pytest.mark.parametrize(("wish_w", "drawn_var"), [(-1_500, 0), (-2_500, 3_000)])
def test_volt_var_is_locked_below_a_share_of_the_power(wish_w: float, drawn_var: float) -> None:
    code = settings.load("en50549-1").with_settings({**QUIET, "reactive.mode": "volt_var"})
    settled = settle(code, sample(1.09, 50.0), wish_w)
    assert settled.reactive_var == pytest.approx(drawn_var, abs=1)


@pytest.mark.parametrize(("voltage_pu", "drawn_var"), [(1.04, 0), (1.06, 1_980)])
def test_watt_var_is_locked_below_a_voltage(voltage_pu: float, drawn_var: float) -> None:
    code = settings.load("en50549-1").with_settings({**QUIET, "reactive.mode": "watt_var"})
    settled = settle(code, sample(voltage_pu, 50.0), -8_000)
    assert settled.reactive_var == pytest.approx(drawn_var, abs=1)


def test_a_lock_holds_between_its_thresholds() -> None:
    lock = Lock()
    assert [lock.step(value, 0.2, 0.05) for value in (0.1, 0.2, 0.1, 0.05, 0.1)] == [False, True, True, False, False]


def test_constant_reactive_power() -> None:
    code = CAT3.with_settings({"reactive.mode": "constant_var", "constant_var.injected_pu": 0.3})
    assert settle(code, sample()).reactive_var == pytest.approx(-3_000, abs=1)


def test_a_change_of_mode_is_ramped() -> None:
    support = GridSupport(
        CAT3.with_settings({"reactive.mode": "constant_var", "constant_var.injected_pu": 0.4}), RATING
    )
    for _ in range(1_000):
        support.step(sample(1.09), -5_000, 0.1)
    support.adjust({"reactive.mode": "volt_var", "volt_var.response_s": 1.0, "reactive.transition_s": 20})
    drawn = [support.step(sample(1.09), -5_000, 0.1).reactive_var for _ in range(250)]
    assert drawn[0] == pytest.approx(-4_000, abs=100)
    assert drawn[99] == pytest.approx((-4_000 + 4_400) / 2, abs=100)
    assert drawn[-1] == pytest.approx(4_400, abs=1)
    steps = [abs(after - before) for before, after in pairwise(drawn)]
    assert max(steps) < 120
    with pytest.raises(SettingsError):
        support.adjust({"reactive.mode": "both"})


# Apparent power


def test_reactive_power_goes_before_active_power_in_its_category() -> None:
    settled = settle(CAT3.with_settings({"reactive.mode": "volt_var"}), sample(1.09), -10_000)
    assert settled.reactive_var == pytest.approx(4_400, abs=1)
    assert -settled.power_w == pytest.approx(sqrt(10_000**2 - 4_400**2), abs=1)
    assert settled.binding is not None
    assert (settled.binding.source, settled.binding.detail) == ("apparent power", "10 kVA with +4.4 kvar")


def test_beyond_its_category_active_power_goes_first() -> None:
    capability = settings.load("ieee1547-cat3", "a").capability
    assert capability.reactive_var(4_400, -10_000, RATING) == 2_500
    assert capability.reactive_var(4_400, -9_500, RATING) == pytest.approx(sqrt(10_000**2 - 9_500**2))
    assert capability.reactive_var(9_000, -1_000, RATING) == 6_000
    assert capability.reactive_var(-4_400, -10_000, RATING) == -4_400


voltages = st.floats(0.5, 1.3)
frequencies = st.floats(56, 63)
wishes = st.floats(-20_000, 20_000)
modes = st.sampled_from(["constant_power_factor", "constant_var", "volt_var", "watt_var"])


@given(st.lists(st.tuples(voltages, frequencies, wishes), min_size=1, max_size=30), modes, st.floats(0, 1))
def test_whatever_happens_stays_within_the_rating(
    series: list[tuple[float, float, float]], mode: str, share: float
) -> None:
    code = settings.load("ieee1547-cat3").with_settings({"reactive.mode": mode, "volt_watt.enabled": True})
    first, second = GridSupport(code, RATING), GridSupport(code, RATING)
    for voltage_pu, frequency_hz, wish_w in series:
        at = sample(voltage_pu, frequency_hz)
        result = first.step(at, wish_w, 0.1, running(share))
        assert result == second.step(at, wish_w, 0.1, running(share))
        assert isfinite(result.wish_w)
        assert -share * 10_000 - 1e-6 <= result.power_w <= 10_000 + 1e-6
        assert result.power_w**2 + result.reactive_var**2 <= 10_000**2 * (1 + 1e-9)
        assert abs(result.reactive_var) <= RATING.reactive_max_var
        assert result.wished_by
        assert result.reactive_by
        assert all(limit.source and limit.charge_w >= 0 and limit.discharge_w >= 0 for limit in result.limits)


@given(st.floats(0.8, 1.2), st.floats(0.8, 1.2), st.sampled_from(NAMES))
def test_curves_are_monotone(first_pu: float, second_pu: float, name: str) -> None:
    code = settings.load(name).with_settings({"volt_watt.enabled": True})
    low_pu, high_pu = sorted((first_pu, second_pu))
    assert code.volt_var.injected_pu(low_pu, 1.0) >= code.volt_var.injected_pu(high_pu, 1.0)
    assert code.volt_watt.fed_pu(low_pu) >= code.volt_watt.fed_pu(high_pu)
    assert code.watt_var.injected_pu(low_pu - 1) >= code.watt_var.injected_pu(high_pu - 1)
    assert abs(code.volt_var.injected_pu(low_pu, 1.0)) <= max(code.capability.inject_pu, code.capability.absorb_pu)
    assert 0 <= code.volt_watt.fed_pu(low_pu) <= 1


@given(st.floats(-2, 2))
def test_a_curve_stays_between_its_points_and_steps_where_two_share_their_x(x: float) -> None:
    assert interpolate(x, (0, 1.0), (1, 1.0), (1, 0.0)) == (1.0 if x <= 1 else 0.0)


@pytest.mark.parametrize(
    "broken", [None, sample(nan), sample(frequency_hz=nan), sample(voltage_pu=9.0), sample(0.01, nan)]
)
def test_without_a_measurement_nothing_is_allowed(broken: GridSample | None) -> None:
    support = GridSupport(CAT3, RATING)
    support.step(sample(), -5_000, 0.1)
    result = support.step(broken, -5_000, 0.1)
    assert (result.power_w, result.reactive_var) == (0.0, 0.0)
    assert result.limits[0].discharge_w == result.limits[0].charge_w == 0
    assert "grid measurement" in result.limits[0].source


@pytest.mark.parametrize("wish_w", [nan, inf, -inf])
def test_what_is_no_wish_gives_nothing(wish_w: float) -> None:
    assert GridSupport(CAT3, RATING).step(sample(), wish_w, 0.1).power_w == 0


@pytest.mark.parametrize(
    ("state", "back_w"), [(State.CEASE, -10_000.0), (State.TRIP, -1_000.0), (State.WAIT, -1_000.0)]
)
def test_what_the_protection_stops_is_named_and_how_it_comes_back(state: State, back_w: float) -> None:
    support = GridSupport(CAT3.with_settings({"ramp_rate.pu_per_s": 1.0, "reactive.mode": "volt_var"}), RATING)
    for _ in range(50):
        support.step(sample(), -10_000, 0.1, running(1.0))
    stopped = support.step(sample(0.2, nan), -10_000, 0.1, Verdict(state, "undervoltage", "uv2", Cause.VOLTAGE))
    assert (stopped.power_w, stopped.reactive_var) == (0.0, 0.0)
    assert stopped.wish_w == -10_000
    assert stopped.binding is not None
    assert (stopped.binding.source, stopped.binding.detail) == ("grid protection, uv2", "undervoltage")
    assert support.step(sample(), -10_000, 0.1, running(1.0)).power_w == pytest.approx(back_w)
