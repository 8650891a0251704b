"""Momentary cessation: exchange nothing while the disturbance lasts, stay connected, and come back at once.

IEEE 1547-2018 6.4.2: cease within 0.083 s in momentary cessation and within 0.16 s in cease to energize; restore at
least 80 % of the current before the disturbance within 0.4 s of the voltage's return.
"""

from dataclasses import dataclass

from v2g.grid.element import TOLERANCE_S
from v2g.grid.ride_through import Mode


@dataclass(frozen=True, slots=True)
class Cessation:
    """How soon the station is back. Ceasing is immediate."""

    restore_s: float
    """How long the grid must be back before the station is: keeps it from flapping at the edge of the band."""


class MomentaryCessation:
    """Whether the station ceases."""

    def __init__(self, settings: Cessation) -> None:
        self.settings = settings
        self._back_s = 0.0
        self.ceased = False

    def step(self, mode: Mode, dt_s: float) -> bool:
        """Lets `dt_s` pass up to a sample in `mode`; True while nothing may be exchanged."""
        self._back_s = 0.0 if mode.ceases else self._back_s + dt_s
        self.ceased = mode.ceases or (self.ceased and self._back_s < self.settings.restore_s - TOLERANCE_S)
        return self.ceased
