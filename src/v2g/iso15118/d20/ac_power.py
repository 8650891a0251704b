"""AC powers come for all phases in one element, or for each phase in three (`X`, `X_L2`, `X_L3`)."""

from v2g.exi.facets import Type
from v2g.iso15118.d20.numbers import stated
from v2g.iso15118.numbers import MOST_W


def total_w(parameters: Type, element: str) -> float:
    """The sum over all phases; an element that is left out counts as zero."""
    named = [getattr(parameters, element + phase) for phase in ("", "_L2", "_L3")]
    return sum((stated(each, MOST_W) for each in named if each is not None), start=0.0)
