"""Constant power factor (IEEE 1547-2018 5.3.2)."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConstantPowerFactor:
    """The power factor and its side, for each direction of power (SunSpec 704: `PFWInj`, `PFWAbs`)."""

    power_factor: float
    """While feeding."""
    excitation: Literal["injecting", "absorbing"]
    """Whether the station injects reactive power or draws it while feeding."""
    drawn_power_factor: float
    """While charging."""
    drawn_excitation: Literal["injecting", "absorbing"]
    response_s: float

    def drawn_var(self, power_w: float) -> float:
        """The settled reactive power drawn at `power_w`."""
        charging = power_w > 0
        factor = self.drawn_power_factor if charging else self.power_factor
        excitation = self.drawn_excitation if charging else self.excitation
        magnitude_var = abs(power_w) * sqrt(1 / factor**2 - 1)
        return magnitude_var if excitation == "absorbing" else -magnitude_var
