"""Numbers to and from a peer: limits are never rounded up, and what a peer states is bounded."""

from math import copysign, isnan

from v2g.iso15118.view import Limits
from v2g.messages.iso20.types import RationalNumber

MOST = 32_767_000.0
"""The largest number that has room."""
MOST_W, MOST_A, MOST_V = 1e7, 1e4, 2e3
"""No vehicle has more: what it states beyond this is held to it."""


def shown(value: float) -> RationalNumber:
    """A measured value, to the nearest; held to what has room."""
    return RationalNumber.of(_held(value, MOST))


def limit(value: float) -> RationalNumber:
    """A limit or a target, towards zero: rounded up, it would promise what is not there."""
    held = _held(value, MOST)
    nearest = RationalNumber.of(held)
    if abs(nearest.value) <= abs(held):
        return nearest
    return RationalNumber(nearest.Exponent, nearest.Value - int(copysign(1, held)))


def stated(number: RationalNumber, most: float) -> float:
    """What a peer states, with its sign, held to a magnitude of `most`."""
    return _held(number.value, most)


def why_not(limits: Limits, *, dc: bool) -> str | None:
    """What a car cannot mean by its limits, or None."""
    if limits.charge_w < 0 or limits.charge_a < 0:
        return f"a maximum of {limits.charge_w:g} W and {limits.charge_a:g} A to charge is none"
    if dc and limits.voltage_max_v <= 0:
        return f"a maximum voltage of {limits.voltage_max_v:g} V is none"
    if limits.voltage_max_v < limits.voltage_min_v:
        return f"a maximum voltage of {limits.voltage_max_v:g} V is below the minimum of {limits.voltage_min_v:g} V"
    return None


def _held(value: float, most: float) -> float:
    if -most <= value <= most:
        return value
    return 0.0 if isnan(value) else copysign(most, value)
