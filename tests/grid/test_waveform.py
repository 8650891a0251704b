"""Frequency, voltage and phase from a waveform: the accuracy that IEEE 1547-2018, table 3, asks for."""

from collections.abc import Iterator
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grid.waveforms import RATE_HZ, waveform

from v2g.grid.rocof import RocofWindow
from v2g.grid.waveform import WaveformEstimate, WaveformEstimator


def estimates(samples: Iterator[float], nominal_hz: float) -> Iterator[tuple[float, WaveformEstimate]]:
    estimator = WaveformEstimator(RATE_HZ, nominal_hz)
    for index, sample in enumerate(samples):
        estimator.feed(sample)
        if index % 32 == 0 and (estimate := estimator.estimate()) is not None:
            yield index / RATE_HZ, estimate


@pytest.mark.parametrize("nominal_hz", [50, 60])
@pytest.mark.parametrize("offset_hz", [-3.0, -0.7, 0.0, 0.2, 3.0])
def test_steady_state(nominal_hz: float, offset_hz: float) -> None:
    frequency_hz = nominal_hz + offset_hz
    last = None
    for _, last in estimates(waveform(lambda _: frequency_hz, 1.6), nominal_hz):
        assert last.frequency_hz == pytest.approx(frequency_hz, abs=0.1)
        assert abs(last.phase_jump_deg) < 5
    assert last is not None
    assert last.voltage_pu == pytest.approx(1.00375, abs=0.01)  # the harmonics count


@pytest.mark.parametrize("nominal_hz", [50, 60])
def test_a_step_of_frequency_is_followed_within_five_cycles(nominal_hz: float) -> None:
    stepped = waveform(lambda time_s: nominal_hz - (1.5 if time_s > 0.5 else 0.0), 1.0)
    late = [e for time_s, e in estimates(stepped, nominal_hz) if time_s > 0.5 + 5 / nominal_hz]
    assert late
    assert all(estimate.frequency_hz == pytest.approx(nominal_hz - 1.5, abs=0.1) for estimate in late)


@pytest.mark.parametrize("rate", [-3.0, 2.0])
def test_rate_of_change_of_frequency(rate: float) -> None:
    window, rates = RocofWindow(0.2), []
    for time_s, estimate in estimates(waveform(lambda t: 50 + rate * max(0.0, t - 0.5), 1.2), 50):
        rocof = window.step(time_s, estimate.frequency_hz)
        if time_s > 0.9:
            rates.append(rocof)
    assert rates == [pytest.approx(rate, abs=0.25)] * len(rates)
    assert rates


@pytest.mark.parametrize("nominal_hz", [50, 60])
@pytest.mark.parametrize("jump_deg", [-60, -25, 25, 60])
def test_a_phase_jump_is_seen_and_passes(nominal_hz: float, jump_deg: float) -> None:
    seen = [
        (time_s, estimate.phase_jump_deg)
        for time_s, estimate in estimates(
            waveform(lambda _: nominal_hz - 0.3, 1.0, jump_at_s=0.5, jump_deg=jump_deg), nominal_hz
        )
    ]
    assert max((jump for _, jump in seen), key=abs) == pytest.approx(jump_deg, abs=3)
    assert all(abs(jump) < 5 for time_s, jump in seen if time_s < 0.5 or time_s > 0.8)


@pytest.mark.parametrize("nominal_hz", [50, 60])
@pytest.mark.parametrize("jump_deg", [-11, -8, 5, 8, 11, 12, 14])
def test_a_small_jump_is_never_taken_for_one_of_the_other_direction(nominal_hz: float, jump_deg: float) -> None:
    """What it does to the frequency must not be taken for the frequency before it."""
    jumping = waveform(lambda _: nominal_hz, 1.2, jump_at_s=0.5, jump_deg=jump_deg)
    for _, estimate in estimates(jumping, nominal_hz):
        seen_deg = estimate.phase_jump_deg
        assert seen_deg == 0 or seen_deg == pytest.approx(jump_deg, abs=3)


def test_without_voltage_there_is_no_frequency() -> None:
    estimates_of_nothing = list(estimates(waveform(lambda _: 47.0, 0.3, voltage_pu=0.01), 50))
    assert all(estimate.frequency_hz == 50 for _, estimate in estimates_of_nothing)
    assert estimates_of_nothing[-1][1].voltage_pu < 0.02


def test_a_sample_that_is_no_number_begins_anew() -> None:
    estimator = WaveformEstimator(RATE_HZ, 50)
    for sample in waveform(lambda _: 50.0, 0.2):
        estimator.feed(sample)
    assert estimator.estimate() is not None
    estimator.feed(nan)
    assert estimator.estimate() is None
    for sample in waveform(lambda _: 50.0, 0.2):
        estimator.feed(sample)
    estimate = estimator.estimate()
    assert estimate is not None
    assert estimate.frequency_hz == pytest.approx(50, abs=0.1)


def test_too_few_samples_a_cycle() -> None:
    with pytest.raises(ValueError, match="fewer than 16"):
        WaveformEstimator(600, 50)


@settings(max_examples=20)
@given(st.floats(47, 53), st.floats(0.1, 1.3))
def test_the_frequency_does_not_depend_on_the_voltage(frequency_hz: float, voltage_pu: float) -> None:
    *_, (_, last) = estimates(waveform(lambda _: frequency_hz, 0.2, voltage_pu=voltage_pu), 50)
    assert last.frequency_hz == pytest.approx(frequency_hz, abs=0.1)
