"""BCB toggles: what counts and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.pilot.state import State
from v2g.pilot.toggle import ToggleCounter


def toggles(*course: tuple[State | None, float], counter: ToggleCounter | None = None) -> tuple[int, int]:
    """Completed toggles, and the count at the end, of states with their durations, sampled every 10 ms."""
    counter, now, completed = counter or ToggleCounter(), 0.0, 0
    for state, seconds in course:
        for _ in range(round(seconds / 0.01)):
            completed += counter.step(state, now)
            now += 0.01
    return completed, counter.count


B, C = State.B, State.C


@pytest.mark.parametrize("pulse_s", [0.2, 0.3, 0.4])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_one_to_three_toggles_count(pulse_s: float, count: int) -> None:
    assert toggles((B, 0.5), *[(C, pulse_s), (B, pulse_s)] * count) == (count, count)


@pytest.mark.parametrize("pulse_s", [0.1, 0.5, 2.0])
def test_a_pulse_of_another_length_does_not_count(pulse_s: float) -> None:
    assert toggles((B, 0.5), (C, pulse_s), (B, 0.5)) == (0, 0)


@pytest.mark.parametrize("between", [State.A, State.D, State.E, None])
def test_only_b_c_b_counts(between: State | None) -> None:
    assert toggles((B, 0.5), (C, 0.3), (between, 0.1), (B, 0.3))[0] == 0
    assert toggles((between, 0.5), (C, 0.3), (B, 0.3))[0] == 0


def test_a_fourth_is_none_and_the_window_ends() -> None:
    four = toggles((B, 0.5), *[(C, 0.3), (B, 0.3)] * 4)
    assert four[0] == 3
    assert toggles((B, 0.5), (C, 0.3), (B, 4.0)) == (1, 0)


@given(st.lists(st.tuples(st.sampled_from([*State, None]), st.floats(0.01, 1.0)), max_size=20))
def test_it_never_counts_beyond_three(course: list[tuple[State | None, float]]) -> None:
    counter = ToggleCounter()
    toggles(*course, counter=counter)
    assert 0 <= counter.count <= 3
