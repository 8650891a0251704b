"""Numbers as mantissa and power of ten."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.messages import din, iso2, mantissa
from v2g.messages.iso20.types import RationalNumber


@given(st.floats(-32_768_499, 32_767_499) | st.integers(-32_768_000, 32_767_000) | st.floats(-40, 40))
def test_the_error_is_at_most_half_a_unit_of_the_last_digit(value: float) -> None:
    exponent, number = mantissa.split(value)
    assert -3 <= exponent <= 3
    assert -32768 <= number <= 32767
    assert abs(Fraction(value) - number * Fraction(10) ** exponent) <= Fraction(10) ** exponent / 2


@given(st.integers(-3_276_800, 3_276_700).map(lambda n: n / 100))
def test_a_finer_exponent_has_no_room(value: float) -> None:
    exponent, number = mantissa.split(value)
    if exponent > -3 and number * 10**exponent != value:
        assert abs(value) * 10 ** (1 - exponent) > 32766


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, (0, 0)),
        (400, (0, 400)),
        (400.0, (0, 400)),
        (-11_000, (0, -11_000)),
        (401.5, (-1, 4015)),
        (12.345, (-3, 12_345)),
        (-0.0004, (-3, 0)),
        (32_768, (1, 3277)),
        (22_000_000, (3, 22_000)),
        (-32_768_000, (3, -32_768)),
    ],
)
def test_values(value: float, expected: tuple[int, int]) -> None:
    assert mantissa.split(value) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 32_767_500, -32_768_500])
def test_what_has_no_room_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no room"):
        RationalNumber.of(value)


@given(st.integers(-128, 127), st.integers(-32768, 32767))
def test_the_value_is_correctly_rounded(exponent: int, number: int) -> None:
    assert RationalNumber(exponent, number).value == float(Fraction(number) * Fraction(10) ** exponent)


def test_values_with_a_unit() -> None:
    voltage = iso2.PhysicalValue.of(401.5, iso2.UnitSymbol.V)
    assert voltage == iso2.PhysicalValue(-1, iso2.UnitSymbol.V, 4015)
    assert voltage.value == 401.5
    assert din.PhysicalValue.of(-2.5).value == -2.5
    assert din.PhysicalValue.of(7, din.UnitSymbol.A) == din.PhysicalValue(0, din.UnitSymbol.A, 7)
    assert RationalNumber.of(-24.5).value == -24.5
