"""Numbers to and from a peer: limits are never rounded up, and what a peer states is bounded."""

from math import copysign

from v2g.iso15118.numbers import MOST, held
from v2g.messages.iso20.types import RationalNumber


def shown(value: float) -> RationalNumber:
    """A measured value, to the nearest; held to what has room."""
    return RationalNumber.of(held(value, MOST))


def limit(value: float) -> RationalNumber:
    """A limit or a target, towards zero: rounded up, it would promise what is not there."""
    exact = held(value, MOST)
    nearest = RationalNumber.of(exact)
    if abs(nearest.value) <= abs(exact):
        return nearest
    return RationalNumber(nearest.Exponent, nearest.Value - int(copysign(1, exact)))


def stated(number: RationalNumber, most: float) -> float:
    """What a peer states, with its sign, held to a magnitude of `most`."""
    return held(number.value, most)
