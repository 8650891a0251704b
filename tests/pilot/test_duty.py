"""Duty cycle and current: the tables of IEC 61851-1, both ways."""

from math import nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from v2g.pilot.duty import DIGITAL, LARGEST_A, STEADY_HIGH, Meaning, duty_for, meaning


@pytest.mark.parametrize(
    ("current_a", "duty"),
    [
        (6, 0.10),
        (16, 16 / 60),
        (30, 0.50),
        (51, 0.85),
        (52, 0.85),
        (52.5, 0.85),
        (63, 0.892),
        (80, 0.96),
        (100, 0.96),
        (5.9, STEADY_HIGH),
        (0, STEADY_HIGH),
        (-16, STEADY_HIGH),
        (nan, STEADY_HIGH),
    ],
)
def test_the_duty_cycle_of_a_current(current_a: float, duty: float) -> None:
    assert duty_for(current_a) == pytest.approx(duty)


@pytest.mark.parametrize(
    ("duty", "expected"),
    [
        (0.0, Meaning()),
        (0.029, Meaning()),
        (0.03, Meaning(digital=True)),
        (0.05, Meaning(digital=True)),
        (0.07, Meaning(digital=True)),
        (0.075, Meaning()),
        (0.08, Meaning(6)),
        (0.09, Meaning(6)),
        (0.10, Meaning(6)),
        (0.50, Meaning(30)),
        (0.85, Meaning(51)),
        (0.90, Meaning(65)),
        (0.96, Meaning(80)),
        (0.965, Meaning(80)),
        (0.97, Meaning(80)),
        (0.98, Meaning()),
        (1.0, Meaning()),
        (nan, Meaning()),
    ],
)
def test_what_a_duty_cycle_means(duty: float, expected: Meaning) -> None:
    found = meaning(duty)
    assert found.digital == expected.digital
    assert found.current_a == pytest.approx(expected.current_a)


def test_five_percent_is_the_sign_for_digital_communication() -> None:
    assert meaning(DIGITAL) == Meaning(digital=True)


@given(st.floats(allow_nan=True, allow_infinity=True))
@example(51.5)
@example(52.49999)
def test_a_car_never_takes_more_than_was_meant(current_a: float) -> None:
    taken = meaning(duty_for(current_a))
    assert not taken.digital
    if current_a >= 6:
        allowed = min(current_a, LARGEST_A)
        assert allowed - 1.5 <= taken.current_a <= allowed + 1e-6
    else:
        assert taken == Meaning()


@given(st.floats(6, 90), st.floats(6, 90))
def test_more_current_is_more_duty_cycle(one_a: float, other_a: float) -> None:
    low_a, high_a = sorted((one_a, other_a))
    assert duty_for(low_a) <= duty_for(high_a)


@given(st.floats(0.08, 0.97), st.floats(0.08, 0.97))
def test_more_duty_cycle_is_more_current(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert meaning(low).current_a <= meaning(high).current_a


@given(st.floats(6, 51) | st.floats(52.6, 80))
def test_round_trip(current_a: float) -> None:
    assert meaning(duty_for(current_a)).current_a == pytest.approx(current_a)
