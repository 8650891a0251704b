"""Volt-watt: feed less the higher the voltage (IEEE 1547-2018 5.4.2). Charging lowers the voltage and is not bound.

A storage may be set to draw power at the end of the curve (`p2_pu` below 0; IEEE 1547.1-2020, tables 32 and 33).
"""

from dataclasses import dataclass

from v2g.grid.curve import interpolate


@dataclass(frozen=True, slots=True)
class VoltWatt:
    """A curve of two points; fed power per unit of the rated power."""

    enabled: bool
    v1_pu: float
    p1_pu: float
    v2_pu: float
    p2_pu: float
    response_s: float

    def fed_pu(self, voltage_pu: float) -> float:
        """How much may be fed once the response has settled, per unit of the rated power; what must be drawn if it is
        negative."""
        if not self.enabled:
            return 1.0
        return interpolate(voltage_pu, (self.v1_pu, self.p1_pu), (self.v2_pu, self.p2_pu))
