"""Port of the grid sensing unit: frequency and voltage at the connection point, and what more a unit measures."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GridReading:
    """What the unit measures, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    sequence: int
    """Counts the unit's own measurements: one that stands still belongs to a frozen unit."""
    frequency_hz: float
    voltages_v: tuple[float, float, float]
    """Phase to neutral; about zero when the phase is gone."""
    rocof_hz_per_s: float | None = None
    """Rate of change of frequency. None, here and below: the unit does not measure it."""
    phase_jump_deg: float | None = None
    """Jump of the voltage's phase against the course that the frequency gives, on the phase with the largest jump;
    reported for some cycles, 0 otherwise."""
    power_w: float | None = None
    """Drawn from the grid at the connection point, negative feeds it."""
    reactive_var: float | None = None
    """The same, positive as drawn by an inductive load."""
    line_voltages_v: tuple[float, float, float] | None = None
    """From phase to phase: L1-L2, L2-L3, L3-L1."""


class GridSensor(Protocol):
    """A grid sensing unit. A lost link raises `PowerError` within 0.25 s."""

    async def read(self) -> GridReading:
        """Measures. Raises `PowerError`."""
        ...
