"""Port of the grid sensing unit: frequency and voltage at the connection point."""

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


class GridSensor(Protocol):
    """A grid sensing unit. A lost link raises `PowerError` within 0.25 s."""

    async def read(self) -> GridReading:
        """Measures. Raises `PowerError`."""
        ...
