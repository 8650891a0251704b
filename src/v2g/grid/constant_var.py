"""Constant reactive power (IEEE 1547-2018 5.3.5).

The setting has the standard's sign: positive is fed into the grid.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConstantVar:
    """The reactive power."""

    injected_pu: float
    """Per unit of the apparent power."""
    response_s: float
