"""The limiter: what it allows, why, and that it is bounded, monotone and calm."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.thermal.limiter import Allowance, Measured, ThermalLimiter, ThermalReadings
from v2g.thermal.settings import Band, ThermalSettings

CHARGE_W, DISCHARGE_W = 30_000.0, 20_000.0
SETTINGS = ThermalSettings(look_ahead_s=0)
celsius = st.floats(-60, 110)


def limiter(settings: ThermalSettings = SETTINGS) -> ThermalLimiter:
    return ThermalLimiter(settings, charge_w=CHARGE_W, discharge_w=DISCHARGE_W)


def readings(
    now: float = 0.0,
    *,
    module: float = 30,
    contactor: float = 30,
    coolant: float = 30,
    ambient: float = 25,
    flow: float | None = None,
    loss_w: float = 0.0,
) -> ThermalReadings:
    return ThermalReadings(
        module=Measured(now, module),
        contactor=Measured(now, contactor),
        coolant=Measured(now, coolant),
        ambient=Measured(now, ambient),
        flow=None if flow is None else Measured(now, flow),
        loss_w=loss_w,
    )


def share(allowance: Allowance) -> float:
    assert allowance.charge_w / CHARGE_W == pytest.approx(allowance.discharge_w / DISCHARGE_W)
    return allowance.charge_w / CHARGE_W


def test_in_the_middle_everything_is_allowed_both_ways() -> None:
    allowance = limiter().step(readings(), 0.0)
    assert (allowance.charge_w, allowance.discharge_w, allowance.why) == (CHARGE_W, DISCHARGE_W, None)


@pytest.mark.parametrize(
    ("part", "value", "expected", "why"),
    [
        ("coolant", 61, 0.4, "coolant is 6 K too warm"),
        ("module", 76, 0.5, "power module is 6 K too warm"),
        ("contactor", 80, 0.5, "contactor is 5 K too warm"),
        ("ambient", 60, 0.5, "ambient air is 10 K too warm"),
        ("ambient", -35, 0.5, "ambient air is 5 K too cold"),
        ("module", 82, 0.0, "power module is 12 K too warm"),
        ("coolant", 90, 0.0, "coolant is 35 K too warm"),
        ("ambient", -41, 0.0, "ambient air is 11 K too cold"),
        ("ambient", 85, 0.0, "ambient air is 35 K too warm"),
    ],
)
def test_derating_and_its_reason(part: str, value: float, expected: float, why: str) -> None:
    allowance = limiter().step(readings(**{part: value}), 0.0)
    assert share(allowance) == pytest.approx(expected)
    assert allowance.why == why


@pytest.mark.parametrize("part", ["module", "contactor", "coolant", "ambient"])
@pytest.mark.parametrize("value", [-40.5, 85.5, 300, nan, inf])
def test_outside_the_window_there_is_no_power_or_the_safe_share(part: str, value: float) -> None:
    allowance = limiter().step(readings(**{part: value}), 0.0)
    if -60 <= value <= 200:
        assert share(allowance) == 0
    else:
        assert share(allowance) == SETTINGS.stale_share
        assert allowance.why is not None
        assert allowance.why.endswith("sensor is stale")


def test_one_stale_sensor_leaves_the_safe_share_and_two_leave_nothing() -> None:
    subject = limiter()
    subject.step(readings(0.0), 0.0)
    fresh = readings(5.0)
    one = subject.step(replace(fresh, module=Measured(0.0, 30)), 5.0)
    assert share(one) == pytest.approx(0.2)
    assert (one.why, one.pump) == ("power module sensor is stale", 1.0)
    two = subject.step(replace(fresh, module=Measured(0.0, 30), coolant=None), 5.0)
    assert (share(two), two.why) == (0, "power module sensor is stale, coolant sensor is stale")
    assert share(limiter().step(ThermalReadings(), 0.0)) == 0


def test_a_reading_from_the_future_is_none() -> None:
    allowance = limiter().step(replace(readings(1.0), module=Measured(4.0, 30)), 1.0)
    assert allowance.why == "power module sensor is stale"


def test_parts_without_a_band_have_no_sensor() -> None:
    bare = ThermalSettings(contactor=None, coolant=None, ambient=None)
    allowance = limiter(bare).step(ThermalReadings(module=Measured(0, 40)), 0.0)
    assert (share(allowance), allowance.why) == (1, None)


def test_the_allowance_falls_at_once_and_recovers_slowly() -> None:
    subject = limiter()
    subject.step(readings(0.0), 0.0)
    assert share(subject.step(readings(0.1, coolant=65), 0.1)) == 0
    allowance = subject.step(readings(1.1, coolant=40), 1.1)
    assert share(allowance) == pytest.approx(SETTINGS.recovery_per_s)
    assert allowance.why == "recovering from: coolant is 10 K too warm"
    for second in range(2, 60):
        allowance = subject.step(readings(second, coolant=40), second)
    assert (share(allowance), allowance.why) == (1, None)


def test_what_gets_too_warm_is_limited_before_it_is() -> None:
    settings = ThermalSettings(look_ahead_s=20)
    hot = readings(module=68, coolant=54, loss_w=1500)
    allowance = limiter(settings).step(hot, 0.0)
    assert share(allowance) < 1
    assert allowance.why is not None
    assert allowance.why.startswith("power module gets ")
    assert limiter().step(hot, 0.0).why is None


def test_without_an_ambient_sensor_the_radiator_counts_for_nothing() -> None:
    known = replace(readings(module=60, coolant=54.95, ambient=0), contactor=None)
    with_air = ThermalSettings(look_ahead_s=60, contactor=None)
    without = ThermalSettings(look_ahead_s=60, contactor=None, ambient=None)
    assert limiter(with_air).step(known, 0.0).why is None
    assert limiter(without).step(replace(known, ambient=None), 0.0).why == "coolant gets 1 K too warm"


def test_the_ramp_follows_the_flow() -> None:
    modelled = limiter()
    ramps = [modelled.step(readings(second, loss_w=900), second).ramp_w_per_s for second in range(0, 40, 2)]
    assert ramps[0] == pytest.approx(1_000)  # without flow
    assert ramps == sorted(ramps)
    assert ramps[-1] == pytest.approx(10_000, rel=0.01)
    measured = limiter(ThermalSettings(flow_sensor=True))
    assert measured.step(readings(0.0, flow=0.5, loss_w=900), 0.0).ramp_w_per_s == pytest.approx(5_500)
    lost = measured.step(readings(1.0, loss_w=900), 1.0)
    assert lost.ramp_w_per_s == pytest.approx(1_000)
    assert lost.why == "coolant flow sensor is stale"


def test_the_pump_runs_for_losses_and_for_heat() -> None:
    def pump(**values: float) -> float:
        return limiter().step(readings(**values), 0.0).pump

    assert pump() == 0
    assert pump(loss_w=300) == pytest.approx(0.5)
    assert pump(loss_w=2000) == 1
    assert pump(loss_w=nan) == 1
    assert pump(module=55) == pytest.approx(0.5)
    assert pump(coolant=55) == 1


@given(celsius, celsius, celsius, celsius, st.floats(0, 2000))
def test_the_allowance_is_bounded(
    module: float, contactor: float, coolant: float, ambient: float, loss_w: float
) -> None:
    allowance = limiter(ThermalSettings()).step(
        readings(module=module, contactor=contactor, coolant=coolant, ambient=ambient, loss_w=loss_w), 0.0
    )
    assert 0 <= allowance.charge_w <= CHARGE_W
    assert 0 <= allowance.discharge_w <= DISCHARGE_W
    assert 0 < allowance.ramp_w_per_s <= 10_000
    assert 0 <= allowance.pump <= 1
    assert (allowance.why is None) == (share(allowance) == 1)
    if not all(-40 <= each <= 85 for each in (module, contactor, coolant, ambient)):
        assert share(allowance) == 0


@given(
    st.lists(st.floats(20, 90), max_size=10),
    st.sampled_from(["module", "contactor", "coolant", "ambient"]),
    st.floats(-20, 90),
    st.floats(0, 20),
)
def test_warmer_is_never_more(history: list[float], part: str, value: float, by_k: float) -> None:
    shares, pumps = [], []
    for last in (value, value + by_k):
        subject = limiter(ThermalSettings())
        for second, before in enumerate(history):
            subject.step(readings(second, **{part: before}), second)
        allowance = subject.step(readings(len(history), **{part: last}), len(history))
        shares.append(share(allowance))
        pumps.append(allowance.pump)
    assert shares[1] <= shares[0] + 1e-9
    assert pumps[1] >= pumps[0] - 1e-9


@given(
    st.sampled_from([("module", 70), ("module", 82), ("coolant", 60), ("contactor", 80), ("ambient", -35)]),
    st.lists(st.floats(-0.9, 0.9), min_size=10, max_size=60),
)
def test_noise_below_the_hysteresis_does_not_chatter(where: tuple[str, float], noise_k: Sequence[float]) -> None:
    part, value = where
    subject = limiter(ThermalSettings(look_ahead_s=0, recovery_per_s=100))
    allowed = [share(subject.step(readings(i, **{part: value + each}), i)) for i, each in enumerate(noise_k)]
    moves = [after - before for before, after in pairwise(allowed) if after != before]
    assert all(move < 0 for move in moves)  # never up again: noise cannot make it swing


@pytest.mark.parametrize(
    ("settings", "finding"),
    [
        (ThermalSettings(module=Band(full_to_c=80, none_above_c=70)), "module: the temperatures must rise"),
        (ThermalSettings(coolant=Band(full_from_c=50, full_to_c=45)), "coolant: the temperatures must rise"),
        (ThermalSettings(pump_from_c=60), "coolant.full_to_c: the pump would start too late"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: ThermalSettings, finding: str) -> None:
    assert any(each.startswith(finding) for each in settings.findings())
    with pytest.raises(ValueError, match=finding):
        limiter(settings)


def test_settings_beyond_the_window_cannot_be_read() -> None:
    with pytest.raises(msgspec.ValidationError, match="none_above_c"):
        msgspec.convert({"module": {"full_to_c": 70, "none_above_c": 90}}, ThermalSettings)
    assert not list(ThermalSettings().findings())
