"""What is known of the grid at one moment, and whether it is plausible."""

from dataclasses import dataclass
from math import isfinite, nan

from msgspec import Struct
from msgspec.structs import force_setattr


class GridSample(Struct, frozen=True):
    """A measurement at the connection point."""

    time_s: float
    """Monotonic time of the measurement."""
    sequence: int
    """Counts the measurements of the sensing unit."""
    voltages_pu: tuple[float, ...]
    """Root mean square from each phase to neutral, per unit of its nominal value: one or three."""
    frequency_hz: float
    rocof_hz_per_s: float | None = None
    """Rate of change of frequency over a window of at least 0.1 s; None if the sensing unit gives none."""
    phase_jump_deg: float = 0.0
    """The latest sudden change of the voltage's phase angle; 0 in steady operation."""
    power_w: float | None = None
    """Active power at the connection point, positive charges the vehicle; None if it is not measured."""
    reactive_var: float | None = None
    """Reactive power at the connection point, positive as drawn by an inductive load."""
    line_voltages_pu: tuple[float, ...] = ()
    """The same between the phases (L1-L2, L2-L3, L3-L1); empty if they are not measured. A fault between two phases
    shows here in full, from phase to neutral only in part."""

    lowest_pu: float = nan
    """Of all applicable voltages; not a number without one. This and what follows is computed, whatever is given."""
    highest_pu: float = nan
    mean_pu: float = nan
    """From phase to neutral: what the curves of voltage support go by; not a number without one."""

    def __post_init__(self) -> None:
        phases_pu = self.voltages_pu
        voltages_pu = phases_pu + self.line_voltages_pu
        force_setattr(self, "lowest_pu", min(voltages_pu, default=nan))
        force_setattr(self, "highest_pu", max(voltages_pu, default=nan))
        force_setattr(self, "mean_pu", sum(phases_pu) / len(phases_pu) if phases_pu else nan)


@dataclass(frozen=True, slots=True)
class Measurement:
    """When a sample does not count. Settings of a grid code."""

    stale_s: float
    """An older sample does not count."""
    frozen_s: float
    """The sensing unit is frozen if its sequence stands still for longer."""
    lowest_hz: float
    highest_hz: float
    highest_pu: float
    """Beyond these the sensing unit is broken, not the grid."""
    frequency_floor_pu: float
    """If every voltage is below this, the frequency cannot be measured and is not judged."""
    rocof_window_s: float
    reaction_s: float
    """Time from a disturbance to a sample of it, and from a verdict to no power. Trip timers end this much early if the
    code counts its delays up to no power (IEEE 1547's clearing times), unless the disturbance must still be ridden
    through."""

    def why_implausible(self, sample: GridSample) -> str | None:
        """Why the values of `sample` cannot be believed, or None."""
        if not sample.voltages_pu:
            return "no voltage is measured"
        values = (
            sample.time_s, sample.phase_jump_deg, sample.rocof_hz_per_s, sample.power_w, sample.reactive_var,
            *sample.voltages_pu, *sample.line_voltages_pu,
        )  # fmt: skip
        if not isfinite(sum(filter(None, values))):  # it is finite if they all are
            return "a value is not a number"
        if sample.lowest_pu < 0 or sample.highest_pu > self.highest_pu:
            return f"a voltage outside 0..{self.highest_pu:g} pu"
        if sample.highest_pu < self.frequency_floor_pu:
            return None
        if not self.lowest_hz <= sample.frequency_hz <= self.highest_hz:  # also catches NaN
            return f"a frequency outside {self.lowest_hz:g}..{self.highest_hz:g} Hz"
        return None


class Watch:
    """Finds samples that are missing, stale, frozen, out of order or implausible."""

    def __init__(self, settings: Measurement) -> None:
        self.settings = settings
        self._sequence: int | None = None
        self._changed_s = self._newest_s = float("-inf")

    def fault(self, sample: GridSample | None, now: float) -> str | None:
        """Why `sample` is no measurement of the grid at `now`, or None."""
        if sample is None:
            return "there is no measurement"
        if (reason := self.settings.why_implausible(sample)) is not None:
            return reason
        if sample.time_s < self._newest_s:
            return "the measurement is older than the one before it"
        self._newest_s = sample.time_s
        if not -self.settings.stale_s <= now - sample.time_s <= self.settings.stale_s:
            return f"the measurement is {now - sample.time_s:.2f} s old"
        if sample.sequence != self._sequence:
            self._sequence, self._changed_s = sample.sequence, sample.time_s
        if sample.time_s - self._changed_s > self.settings.frozen_s:
            return f"the sensing unit has been frozen for {sample.time_s - self._changed_s:.2f} s"
        return None
