"""Momentary cessation: exchange nothing while the disturbance lasts, stay connected, and come back at once.

IEEE 1547-2018 6.4.2: cease within 0.083 s in momentary cessation and within 0.16 s in cease to energize; restore at
least 80 % of the current before the disturbance within 0.4 s of the voltage's return.

On a weak grid the station's own power may move the voltage out of its band: it ceases, the voltage is back at once, it
returns, and so on for ever. A short cessation that follows another short one is such a relapse; several in a row end in
a trip, and the way back into service decides when to try again. A disturbance of the grid lasts longer.
"""

from dataclasses import dataclass
from math import inf

from v2g.grid.element import TOLERANCE_S
from v2g.grid.ride_through import Mode


@dataclass(frozen=True, slots=True)
class Cessation:
    """How soon the station is back. Ceasing is immediate."""

    restore_s: float
    """How long the grid must be back before the station is: keeps it from flapping at the edge of the band."""
    relapse_s: float
    """A cessation that lasts longer is no relapse."""
    relapse_within_s: float
    """One that begins later than this after the last one's end is none either."""
    most_relapses: float
    """More of them in a row trip the station."""


class MomentaryCessation:
    """Whether the station ceases."""

    def __init__(self, settings: Cessation) -> None:
        self.settings = settings
        self._back_s = 0.0
        self._lasted_s = self._since_s = inf
        self._relapses = 0
        self.ceased = False

    def step(self, mode: Mode, dt_s: float) -> bool:
        """Lets `dt_s` pass up to a sample in `mode`; True while nothing may be exchanged."""
        before = self.ceased
        self._back_s = 0.0 if mode.ceases else self._back_s + dt_s
        self.ceased = mode.ceases or (self.ceased and self._back_s < self.settings.restore_s - TOLERANCE_S)
        if self.ceased and not before:
            short = self._lasted_s <= self.settings.relapse_s + TOLERANCE_S
            again = self._since_s <= self.settings.relapse_within_s + TOLERANCE_S
            self._relapses = self._relapses + 1 if short and again else 0
            self._lasted_s = 0.0
        if self.ceased:
            self._lasted_s, self._since_s = self._lasted_s + dt_s, 0.0
        else:
            self._since_s += dt_s
        return self.ceased

    @property
    def relapsing(self) -> bool:
        """The station's own power moves the voltage out of its band, again and again."""
        return self._relapses > self.settings.most_relapses

    def forget(self) -> None:
        """After a trip: what comes next is no relapse."""
        self._relapses, self._lasted_s = 0, inf
