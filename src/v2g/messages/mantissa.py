"""Numbers as a mantissa of 16 bits and a power of ten from -3 to 3: `RationalNumber` in ISO 15118-20, `PhysicalValue`
in ISO 15118-2 and DIN SPEC 70121."""

from __future__ import annotations

_SCALES = tuple((exponent, 10.0**-exponent) for exponent in range(-3, 4))


def split(value: float) -> tuple[int, int]:
    """Exponent and mantissa of the nearest number to `value`: whole numbers of up to 16 bits as they are, everything
    else with the smallest exponent that has room for it. The error is at most half a unit of the last digit.

    Raises ValueError for what no exponent has room for: beyond 32 767 000, or not a number.
    """
    if not -32_768_500 < value < 32_767_500:
        raise ValueError(f"{value} has no room in 16 bits and a power of ten (-32 768 000 to 32 767 000)")
    if -32768 <= value <= 32767 and value == int(value):
        return 0, int(value)
    for exponent, scale in _SCALES:
        scaled = value * scale
        mantissa = round(scaled)
        if abs(abs(scaled - mantissa) - 0.5) < 1e-9:  # a tie, or only a rounded product: decide exactly
            numerator, denominator = value.as_integer_ratio()
            numerator *= 10 ** max(-exponent, 0)
            denominator *= 10 ** max(exponent, 0)
            mantissa = (2 * numerator + denominator) // (2 * denominator)
        if -32768 <= mantissa <= 32767:
            break
    return exponent, mantissa


def join(exponent: int, mantissa: int) -> float:
    """`mantissa * 10**exponent`, correctly rounded."""
    if exponent < 0:
        return mantissa / int(10**-exponent)
    return float(mantissa * 10**exponent)
