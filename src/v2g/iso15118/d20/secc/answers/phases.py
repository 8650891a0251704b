"""AC powers are given for all phases in one element, or for each phase in three (`X`, `X_L2`, `X_L3`)."""

import msgspec

from v2g.messages.iso20.types import RationalNumber


def total_w(parameters: msgspec.Struct, element: str) -> float:
    """The power over all phases; an element that is left out counts as zero."""
    named: tuple[RationalNumber | None, ...] = tuple(
        getattr(parameters, element + phase) for phase in ("", "_L2", "_L3")
    )
    return sum(each.value for each in named if each is not None)
