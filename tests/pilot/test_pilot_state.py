"""States from voltages: windows, hysteresis, debouncing, the diode."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.pilot.state import (
    DEBOUNCE_S,
    HYSTERESIS_V,
    NOMINAL_V,
    PILOT_STALE_S,
    READY,
    TOLERANCE_V,
    Detector,
    Finding,
    State,
    find,
)
from v2g.power.pilot import PilotReading

PERIOD_S = 0.01
POLL_S = 0.02
"""Of the station."""
voltages = st.one_of(st.floats(-15, 15), st.sampled_from([nan, inf, -inf]))


def reading(high_v: float, *, low_v: float | None = None, duty: float = 1.0, time_s: float = 0.0) -> PilotReading:
    return PilotReading(time_s, high_v, high_v if low_v is None else low_v, duty)


def pwm(high_v: float, *, low_v: float = -12.0, duty: float = 0.05, time_s: float = 0.0) -> PilotReading:
    return PilotReading(time_s, high_v, low_v, duty)


class Line:
    """A detector that is polled every `PERIOD_S`."""

    def __init__(self) -> None:
        self.detector = Detector()
        self.now = 0.0
        self.names: list[str] = []
        """The findings, without repetitions."""

    def feed(self, high_v: float, seconds: float = 0.0, *, low_v: float = -12.0, duty: float = 0.05) -> Finding:
        for _ in range(max(1, round(seconds / PERIOD_S))):
            self.now += PERIOD_S
            found = self.detector.step(pwm(high_v, low_v=low_v, duty=duty, time_s=self.now), self.now)
            if not self.names or self.names[-1] != found.name:
                self.names.append(found.name)
        return found


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("off_v", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_a_state_is_a_window_of_one_volt_to_either_side(state: State, off_v: float) -> None:
    assert find(reading(NOMINAL_V[state] + off_v, duty=float(state is not State.F))).state is state


@pytest.mark.parametrize("high_v", [14, 10.5, 7.5, 4.5, 1.5, -1.5, -10.5, -13.5, nan, inf])
def test_between_and_beyond_the_windows_nothing_is_known(high_v: float) -> None:
    found = find(reading(high_v))
    assert (found.state, found.name) == (None, "unknown")
    assert found.flaw


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (find(pwm(9)), "B2"),
        (find(reading(9)), "B1"),
        (find(pwm(6)), "C2"),
        (find(reading(3)), "D1"),
        (find(reading(12)), "A1"),
        (find(pwm(12)), "A2"),
        (find(pwm(0, low_v=0)), "E"),
        (find(reading(-12, duty=0)), "F"),
    ],
)
def test_names(found: Finding, name: str) -> None:
    assert found.name == name
    assert found.flaw is None


@pytest.mark.parametrize("low_v", [-8.8, -5.6, -0.7, 0.0, nan])
def test_a_car_without_a_diode_is_a_flaw(low_v: float) -> None:
    assert find(pwm(9, low_v=low_v)).flaw
    assert find(pwm(6, low_v=low_v)).flaw


def test_another_duty_cycle_than_the_one_sent_is_a_flaw() -> None:
    assert find(pwm(9, duty=0.10), sent=0.05).flaw == "the duty cycle is 10% instead of 5%"
    assert find(reading(9), sent=0.05).flaw
    for duty in (0.03, 0.05, 0.07):
        assert find(pwm(9, duty=duty), sent=0.05).flaw is None
    assert find(reading(12), sent=0.05).flaw is None  # no car to be misled


@given(voltages, voltages, st.floats(0, 1))
def test_an_unknown_voltage_is_never_taken_for_a_car_that_asks(high_v: float, low_v: float, duty: float) -> None:
    found = find(reading(high_v, low_v=low_v, duty=duty))
    if found.state in READY and found.flaw is None:
        assert abs(high_v - NOMINAL_V[found.state]) <= TOLERANCE_V
        assert not found.pwm or abs(low_v + 12) <= TOLERANCE_V + HYSTERESIS_V
    else:
        assert found.flaw or found.state in {State.A, State.B, State.E, State.F}


@given(st.sampled_from(State), st.floats(-1, 1), st.lists(st.floats(-0.3, 0.3), min_size=20, max_size=120))
def test_noise_at_a_threshold_changes_the_state_at_most_once(state: State, edge: float, noise_v: list[float]) -> None:
    line = Line()
    line.feed(NOMINAL_V[state], 0.1)
    line.names.clear()
    threshold_v = NOMINAL_V[state] + (TOLERANCE_V if edge > 0 else -TOLERANCE_V)
    for each_v in noise_v:
        line.feed(threshold_v + each_v)
    assert len(line.names) <= 2


@given(st.lists(st.tuples(voltages, st.integers(1, 8)), min_size=1, max_size=20))
def test_a_state_is_only_found_after_it_has_lasted(course: list[tuple[float, int]]) -> None:
    line, since, latest = Line(), 0.0, None
    for high_v, count in course:
        for _ in range(count):
            before = line.detector.finding
            found = line.feed(high_v)
            single = find(pwm(high_v), before).state
            if single is not latest:
                latest, since = single, line.now
            if found.state is not before.state and found.state is not None:
                assert found.state is single
                assert line.now - since >= DEBOUNCE_S - 1e-9


@given(st.lists(voltages, max_size=30), st.sampled_from([State.A, State.B, State.E]))
def test_after_any_course_a_steady_voltage_is_found_in_time(course: list[float], state: State) -> None:
    line = Line()
    for high_v in course:
        line.feed(high_v)
    started = line.now
    while line.feed(NOMINAL_V[state]).state is not state:
        assert line.now - started <= DEBOUNCE_S + 2 * PERIOD_S


@pytest.mark.parametrize("late_s", [(0.0, 0.0, 0.0), (0.0, 0.004, 0.0), (0.003, 0.001, 0.004)])
def test_the_second_reading_shows_it_though_readings_come_early_or_late(late_s: tuple[float, float, float]) -> None:
    detector = Detector()
    for number, each_s in enumerate((0.0,) * 5 + late_s):
        time_s = number * POLL_S + each_s
        detector.step(pwm(6 if number < 6 else 12, time_s=time_s), time_s)
    assert detector.finding.name == "A2"


def test_contradicting_readings_make_it_unknown() -> None:
    line = Line()
    assert line.feed(6, 0.1).name == "C2"
    for _ in range(10):
        line.feed(12)
        found = line.feed(9)
    assert (found.state, found.flaw) == (None, "the control pilot does not settle")
    assert line.now < 0.1 + 0.25


def test_a_single_glitch_changes_nothing() -> None:
    line = Line()
    line.feed(6, 0.1)
    line.feed(0)
    assert line.feed(6, 0.1).name == "C2"
    assert line.names == ["unknown", "C2"]


def test_without_a_fresh_reading_nothing_is_known() -> None:
    line = Line()
    line.feed(6, 0.1)
    old = pwm(6, time_s=line.now)
    assert line.detector.step(old, line.now + PILOT_STALE_S).name == "C2"
    assert line.detector.step(old, line.now + PILOT_STALE_S + 0.001).name == "unknown"
    assert line.detector.step(None, line.now).name == "unknown"
    assert line.feed(6).name == "unknown"  # and starts again
    assert line.feed(6, 0.1).name == "C2"


def test_the_same_reading_again_proves_nothing() -> None:
    detector = Detector()
    for hundredth in range(10):
        assert detector.step(pwm(6, time_s=1.0), 1.0 + hundredth / 100).name == "unknown"


def test_a_reading_from_the_future_is_none() -> None:
    detector = Detector()
    for tenth in range(10):
        assert detector.step(pwm(6, time_s=5.0 + tenth / 100), 1.0).name == "unknown"
