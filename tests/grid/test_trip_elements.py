"""Trip elements: times, independence, reset, the worst phase, the 10 minute mean."""

from collections.abc import Callable, Iterable
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.grid import settings
from v2g.grid.element import Element, Quantity, TenMinuteMean, Timer
from v2g.grid.protection import Protection, State, Verdict
from v2g.grid.sample import GridSample

TripAfter = Callable[..., tuple[float, str] | None]


def punctual(code: str) -> settings.GridCode:
    """The code with its whole delays."""
    return settings.load(code).with_settings({"measurement.reaction_s": 0.0})


@pytest.mark.parametrize(
    ("category", "voltage_pu", "frequency_hz", "expected_s", "element"),
    [
        ("cat1", 0.40, 60.0, 0.16, "uv2"),
        ("cat1", 0.60, 60.0, 2.0, "uv1"),
        ("cat1", 1.11, 60.0, 2.0, "ov1"),
        ("cat1", 1.21, 60.0, 0.16, "ov2"),
        ("cat2", 0.60, 60.0, 10.0, "uv1"),
        ("cat3", 0.40, 60.0, 2.0, "uv2"),
        ("cat3", 0.60, 60.0, 21.0, "uv1"),
        ("cat3", 0.87, 60.0, 21.0, "uv1"),
        ("cat3", 1.11, 60.0, 13.0, "ov1"),
        ("cat3", 1.21, 60.0, 0.16, "ov2"),
        ("cat3", 1.0, 62.1, 0.16, "of2"),
        ("cat3", 1.0, 61.3, 300.0, "of1"),
        ("cat3", 1.0, 58.4, 300.0, "uf1"),
        ("cat3", 1.0, 56.4, 0.16, "uf2"),
    ],
)
def test_measured_trip_times_of_opender(
    trip_after: TripAfter, category: str, voltage_pu: float, frequency_hz: float, expected_s: float, element: str
) -> None:
    protection = Protection(punctual(f"ieee1547-{category}"), in_service=True)
    assert trip_after(protection, voltage_pu, frequency_hz, within_s=301) == (expected_s, element)


@pytest.mark.parametrize(
    ("code", "voltage_pu", "frequency_hz", "expected_s", "element"),
    [
        ("en50549-1", 1.26, 50.0, 0.1, "ov2"),
        ("en50549-1", 0.79, 50.0, 1.5, "uv1"),
        ("en50549-1", 0.24, 50.0, 0.5, "uv2"),
        ("en50549-1", 1.0, 51.6, 0.1, "of1"),
        ("en50549-1", 1.0, 47.4, 0.1, "uf1"),
        ("vde-4105", 1.26, 50.0, 0.1, "ov2"),
        ("vde-4105", 0.79, 50.0, 3.0, "uv1"),
        ("vde-4105", 0.44, 50.0, 0.3, "uv2"),
        ("vde-4105", 1.0, 51.6, 0.1, "of1"),
        ("vde-4105", 1.0, 47.4, 0.1, "uf1"),
    ],
)
def test_trip_times_at_50_hz(
    trip_after: TripAfter, code: str, voltage_pu: float, frequency_hz: float, expected_s: float, element: str
) -> None:
    protection = Protection(punctual(code), in_service=True)
    assert trip_after(protection, voltage_pu, frequency_hz, within_s=4) == (expected_s, element)


@pytest.mark.parametrize("frequency_hz", [46.9, 63.1])
def test_outside_the_operating_window_no_code_helps(trip_after: TripAfter, frequency_hz: float) -> None:
    wide = {
        "trip.uf2.threshold_hz": 50,
        "trip.of2.threshold_hz": 66,
        "trip.of2.delay_s": 1000,
        "trip.uf2.delay_s": 1000,
    }
    code = settings.load("ieee1547-cat3")
    assert trip_after(Protection(code, in_service=True), 1.0, 63.1, within_s=1) is not None
    narrow = code.with_settings({name: value for name, value in wide.items() if name != "trip.of2.threshold_hz"})
    protection = Protection(narrow, in_service=True)
    assert trip_after(protection, 1.0, frequency_hz, within_s=1) == (0.1, "operating window")


@pytest.mark.parametrize(("frequency_hz", "expected"), [(64.0, None), (65.99, None), (66.1, None), (67.1, 0.1)])
def test_a_threshold_beyond_the_operating_window_widens_it(
    trip_after: TripAfter, frequency_hz: float, expected: float | None
) -> None:
    """The whole range of table 18 is adjustable: up to 66 Hz, with a delay of its own."""
    wide = {
        "trip.of1.threshold_hz": 66.0,
        "trip.of2.threshold_hz": 66.0,
        "trip.of1.delay_s": 1000,
        "trip.of2.delay_s": 5,
    }
    protection = Protection(punctual("ieee1547-cat3").with_settings(wide), in_service=True)
    tripped = trip_after(protection, 1.0, frequency_hz, within_s=2)
    assert (tripped and tripped[0]) == expected


@pytest.mark.parametrize(
    ("category", "line_pu", "expected_s"),
    [("cat3", 0.30, 2.0), ("cat2", 0.30, 0.16), ("cat2", 0.60, 10.0)],
)
def test_a_fault_between_two_phases_is_seen_in_full(category: str, line_pu: float, expected_s: float) -> None:
    """L2-L3: from phase to neutral 0.30 pu between the phases looks like 0.563 pu."""
    protection = Protection(punctual(f"ieee1547-{category}"), in_service=True)
    phase_pu = sqrt(0.25 + 0.75 * line_pu**2)
    other_pu = sqrt(1.5**2 + 0.75 * line_pu**2) / sqrt(3)
    for count in range(1200):
        now = count * 0.01
        fault = count >= 10
        voltages = (1.0, phase_pu, phase_pu) if fault else (1.0,) * 3
        lines = (other_pu, line_pu, other_pu) if fault else (1.0,) * 3
        verdict = protection.step(GridSample(now, count, voltages, 60.0, line_voltages_pu=lines), now)
        if verdict.state is State.TRIP:
            break
    assert now - 0.09 == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("frequency_hz", "expected"), [(51.6, (2.0, "of1")), (52.1, (0.1, "of2")), (47.4, (2.0, "uf1"))]
)
def test_two_stages_of_frequency(trip_after: TripAfter, frequency_hz: float, expected: tuple[float, str]) -> None:
    code = settings.load("en50549-1").with_settings({"trip.of1.delay_s": 2.0, "trip.uf1.delay_s": 2.0})
    assert trip_after(Protection(code, in_service=True), 1.0, frequency_hz, within_s=3) == expected


@pytest.mark.parametrize("dt_s", [0.005, 0.02, 0.1])
def test_the_step_does_not_change_the_time_by_more_than_itself(trip_after: TripAfter, dt_s: float) -> None:
    protection = Protection(punctual("ieee1547-cat3"), in_service=True)
    tripped = trip_after(protection, 0.40, 60.0, within_s=3, dt_s=dt_s)
    assert tripped is not None
    assert tripped[0] == pytest.approx(2.0, abs=dt_s)


def test_a_clearing_time_includes_what_the_station_takes(trip_after: TripAfter) -> None:
    code = settings.load("ieee1547-cat2").with_settings({"measurement.reaction_s": 0.05})
    assert trip_after(Protection(code, in_service=True), 1.21, 60.0, within_s=3) == (0.11, "ov2")
    # The same delay, but 0.45 pu must be ridden through for as long.
    assert trip_after(Protection(code, in_service=True), 0.44, 60.0, within_s=3) == (0.16, "uv2")


def test_the_worst_phase_decides(trip_after: TripAfter) -> None:
    code = punctual("ieee1547-cat3")
    assert trip_after(Protection(code, in_service=True), (1.0, 0.4, 1.0), 60.0, within_s=3) == (2.0, "uv2")
    assert trip_after(Protection(code, in_service=True), (1.0, 1.0, 1.21), 60.0, within_s=3) == (0.16, "ov2")
    assert trip_after(Protection(code, 1, in_service=True), (0.4,), 60.0, within_s=3) == (2.0, "uv2")


def test_a_return_inside_the_threshold_resets_the_timer(run: Callable[..., Iterable[tuple[float, Verdict]]]) -> None:
    protection = Protection(settings.load("ieee1547-cat1"), in_service=True)
    low, sound = (0.6,) * 3, (1.0,) * 3
    dips = [(1.9, low, 60.0), (0.05, sound, 60.0)] * 5
    verdicts = run(protection, (1, sound, 60.0), *dips)
    assert all(verdict.state is not State.TRIP for _, verdict in verdicts)


def element(threshold: float, delay_s: float, hysteresis: float = 0.0) -> Element:
    return Element("x", Quantity.LOWEST_VOLTAGE, "under", threshold, delay_s, hysteresis)


voltages = st.lists(st.floats(0, 1.3), min_size=1, max_size=60)


@given(voltages, st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_timers_are_independent(series: list[float], v1: float, v2: float, t1: float, t2: float) -> None:
    alone, first, second = Timer(element(v1, t1)), Timer(element(v1, t1)), Timer(element(v2, t2))
    for value in series:
        second.step(value, 0.05)
        assert first.step(value, 0.05) == alone.step(value, 0.05)


@given(voltages, st.floats(0.1, 0.9), st.floats(0, 1))
def test_a_trip_needs_the_whole_delay_without_interruption(
    series: list[float], threshold: float, delay_s: float
) -> None:
    timer, below = Timer(element(threshold, delay_s)), 0
    for value in series:
        below = below + 1 if value < threshold else 0
        assert timer.step(value, 0.05) == (below > 0 and below * 0.05 >= delay_s - 1e-6)


@given(st.lists(st.floats(0.86, 0.90), min_size=2, max_size=100))
def test_no_chatter_inside_the_hysteresis(series: list[float]) -> None:
    timer = Timer(element(0.88, 0.0, hysteresis=0.02))
    states = [timer.step(value, 0.05) for value in (0.85, *series)]
    assert all(states[: next((i for i, v in enumerate((0.85, *series)) if v >= 0.90), len(states))])


def test_ten_minute_mean_of_the_worst_phase(trip_after: TripAfter) -> None:
    protection = Protection(settings.load("vde-4105"), in_service=True)
    tripped = trip_after(protection, (1.0, 1.14, 1.0), 50.0, within_s=600, dt_s=0.1)
    assert tripped is not None
    # From 1.00 pu the mean square reaches 1.10 pu after the share (1.10^2 - 1) / (1.14^2 - 1) of ten minutes.
    assert tripped[0] == pytest.approx(600 * 0.21 / 0.2996, abs=3.2)
    assert tripped[1] == "ov_mean"
    assert (
        trip_after(Protection(settings.load("vde-4105"), in_service=True), 1.09, 50.0, within_s=700, dt_s=0.1) is None
    )


@given(st.lists(st.floats(0.5, 1.4), min_size=1, max_size=400))
def test_ten_minute_mean_is_the_root_mean_square_of_its_blocks(series: list[float]) -> None:
    mean = TenMinuteMean(1)
    for value in series:
        mean.step((value,), 3.0)
    last = ([1.0] * 200 + series)[-200:]
    assert mean.highest_pu == pytest.approx((sum(v * v for v in last) / 200) ** 0.5)
