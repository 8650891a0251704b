"""Volt-var: reactive power by voltage (IEEE 1547-2018 5.3.3, EN 50549-1 4.7.2.3.2).

The settings have the standard's sign: positive reactive power is fed into the grid, and raises the voltage.
"""

from dataclasses import dataclass
from math import exp

from v2g.grid.curve import interpolate


@dataclass(frozen=True, slots=True)
class VoltVar:
    """A curve of four points, its reference voltage, its response time. Reactive power per unit of apparent power."""

    v1_pu: float
    v2_pu: float
    v3_pu: float
    v4_pu: float
    q1_pu: float
    q2_pu: float
    q3_pu: float
    q4_pu: float
    least_distance_pu: float
    """Between V1 and V2, and between V3 and V4."""
    lock_in_pu: float
    """The mode is active from this active power on, per unit of the rated power; 0 is always."""
    lock_out_pu: float
    """Down to this active power."""
    reference_pu: float
    """The voltage at which the curve is centred: its points are stated for a reference of 1."""
    autonomous: bool
    """The reference follows the mean voltage, slowly."""
    lowest_reference_pu: float
    highest_reference_pu: float
    reference_time_s: float
    response_s: float

    def injected_pu(self, voltage_pu: float, reference_pu: float) -> float:
        """The settled reactive power fed into the grid, per unit of apparent power."""
        return interpolate(
            voltage_pu - reference_pu + 1.0,
            (self.v1_pu, self.q1_pu),
            (self.v2_pu, self.q2_pu),
            (self.v3_pu, self.q3_pu),
            (self.v4_pu, self.q4_pu),
        )


class Reference:
    """The reference voltage: set, or following the mean voltage."""

    def __init__(self, settings: VoltVar) -> None:
        self.settings = settings
        self._mean_pu = settings.reference_pu

    def step(self, voltage_pu: float, dt_s: float) -> float:
        """Lets `dt_s` pass; returns the reference voltage."""
        settings = self.settings
        if not settings.autonomous:
            self._mean_pu = settings.reference_pu
            return self._mean_pu
        self._mean_pu += (voltage_pu - self._mean_pu) * (1 - exp(-dt_s / settings.reference_time_s))
        return min(max(self._mean_pu, settings.lowest_reference_pu), settings.highest_reference_pu)
