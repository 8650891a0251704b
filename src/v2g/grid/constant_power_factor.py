"""Constant power factor (IEEE 1547-2018 5.3.2)."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConstantPowerFactor:
    """The power factor, and its side."""

    power_factor: float
    excitation: Literal["injecting", "absorbing"]
    """Whether the station injects reactive power or draws it."""
    response_s: float

    def drawn_var(self, power_w: float) -> float:
        """The settled reactive power drawn at `power_w`, in either direction of power."""
        magnitude_var = abs(power_w) * sqrt(1 / self.power_factor**2 - 1)
        return magnitude_var if self.excitation == "absorbing" else -magnitude_var
