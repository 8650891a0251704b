"""Entering service: when the station may start or restart, and how steeply.

IEEE 1547-2018 4.10; EN 50549-1 4.10: the grid has been within a window for a delay; then either a random delay or a
ramp, so that not every station comes back at once. VDE-AR-N 4105 8.3.1: a short interruption has a shorter delay.
"""

from dataclasses import dataclass
from math import inf

from v2g.grid.element import TOLERANCE_S
from v2g.grid.sample import GridSample


@dataclass(frozen=True, slots=True)
class EnterService:
    """The window of voltage and frequency, the delay, and the way back to full power."""

    permitted: bool
    """Whether the grid operator permits service at all."""
    lowest_pu: float
    highest_pu: float
    lowest_hz: float
    highest_hz: float
    delay_s: float
    ramp_s: float
    """From nothing to the rated power; 0 is no ramp."""
    random_delay_s: float
    """The largest random delay on top; 0 is none. Not together with a ramp."""

    def why_not(self, sample: GridSample) -> str | None:
        """Why the station may not enter service on a grid like `sample`, or None."""
        if not self.permitted:
            return "service is not permitted"
        if not self.lowest_pu <= sample.lowest_pu <= sample.highest_pu <= self.highest_pu:
            return f"voltage {self._outlier_pu(sample):.3f} pu outside {self.lowest_pu:g}..{self.highest_pu:g} pu"
        if not self.lowest_hz <= sample.frequency_hz <= self.highest_hz:
            return f"frequency {sample.frequency_hz:.2f} Hz outside {self.lowest_hz:g}..{self.highest_hz:g} Hz"
        return None

    def _outlier_pu(self, sample: GridSample) -> float:
        return sample.lowest_pu if sample.lowest_pu < self.lowest_pu else sample.highest_pu


@dataclass(frozen=True, slots=True)
class Reconnection(EnterService):
    """The same for the way back after a trip, which is shorter after a short interruption."""

    short_interruption_s: float = 0.0
    """The longest interruption that is a short one; 0 is none."""
    short_delay_s: float = 0.0
    """The delay after it, if that is less than the full one."""

    def is_short(self, interrupted_s: float) -> bool:
        """Whether an interruption is, that lasted from the trip until the grid was within the window again."""
        return self.short_interruption_s > 0 and interrupted_s <= self.short_interruption_s + TOLERANCE_S


class ServiceEntry:
    """The way into service, from the first sample that meets the criteria."""

    def __init__(self, settings: EnterService, lot: float, interrupted_s: float = inf) -> None:
        """`lot`: the share of the random delay that this entry waits, 0..1. `interrupted_s`: since the trip, without
        end if the full delay is due however soon the grid is back."""
        self.settings = settings
        self.interrupted_s = interrupted_s
        self._out_s = interrupted_s
        self._lot = lot
        self._elapsed_s = 0.0

    def wait(self, why_not: str | None, dt_s: float) -> float:
        """Lets `dt_s` pass up to a sample; returns how long is left to wait, 0 when service may begin.

        `why_not`: why the sample does not permit service, or None.
        """
        self._out_s += dt_s if self.settings.permitted else inf
        if not self._elapsed_s:
            self.interrupted_s = self._out_s
        self._elapsed_s = self._elapsed_s + dt_s if why_not is None else 0.0
        delay_s = self.settings.delay_s
        if isinstance(self.settings, Reconnection) and self.settings.is_short(self.interrupted_s):
            delay_s = min(self.settings.short_delay_s, delay_s)
        remaining_s = delay_s + self._lot * self.settings.random_delay_s - self._elapsed_s
        if why_not is None:
            return remaining_s if remaining_s > TOLERANCE_S else 0.0
        return max(remaining_s, TOLERANCE_S)

    def share(self, in_service_s: float) -> float:
        """The share of the rated power that is available `in_service_s` after service began, 0..1."""
        ramp_s = self.settings.ramp_s
        return 1.0 if ramp_s <= 0 else min(in_service_s / ramp_s, 1.0)
