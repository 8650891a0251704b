"""Constant reactive power (IEEE 1547-2018 5.3.5).

The setting has the standard's sign: positive is fed into the grid.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConstantVar:
    """Settings."""

    injected_pu: float
    """Per unit of S."""
    response_s: float
