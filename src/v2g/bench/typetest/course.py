"""What the grid does in a case: frequency and voltages over time, linear between points."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import sqrt

from v2g.bench.sim.world import Grid

NOMINAL_V = 230.0
ALL_PHASES = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Point:
    """The grid at one time of a course."""

    time_s: float
    """Since the disturbance."""
    frequency_hz: float
    voltages_pu: tuple[float, float, float] = (1.0, 1.0, 1.0)
    phase_jump_deg: float = 0.0
    lines_pu: tuple[float, float, float] | None = None
    """Between the phases, per unit of their nominal value, if the sensing unit measures it."""


class Course:
    """Grows at its end: each method adds to it and returns it. Before its first point the grid is as there."""

    def __init__(self, frequency_hz: float, begins_s: float = 0.0) -> None:
        self.points = [Point(begins_s, frequency_hz)]
        self._times_s = [begins_s]

    @property
    def end(self) -> Point:
        return self.points[-1]

    def hold(self, seconds: float) -> "Course":
        """Stay for some time."""
        return self._add(replace(self.end, time_s=self.end.time_s + seconds))

    def frequency(self, hz: float, hz_per_s: float | None = None) -> "Course":
        """Go to this frequency: at once, or at a rate."""
        takes_s = 0.0 if hz_per_s is None else abs(hz - self.end.frequency_hz) / hz_per_s
        return self._add(replace(self.end, time_s=self.end.time_s + takes_s, frequency_hz=hz))

    def voltage(self, pu: float, phases: tuple[int, ...] = ALL_PHASES) -> "Course":
        """Go to this voltage at once, on these phases."""
        voltages = [pu if phase in phases else before for phase, before in enumerate(self.end.voltages_pu)]
        return self.voltages(voltages[0], voltages[1], voltages[2])

    def voltages(self, l1_pu: float, l2_pu: float, l3_pu: float) -> "Course":
        """Go to these voltages at once."""
        return self._add(replace(self.end, voltages_pu=(l1_pu, l2_pu, l3_pu), lines_pu=None))

    def fault(self, line_pu: float) -> "Course":
        """A fault between L2 and L3: their voltage falls to this, from phase to neutral only in part."""
        neutral_pu, beside_pu = sqrt(0.25 + 0.75 * line_pu**2), sqrt(0.75 + 0.25 * line_pu**2)
        lines_pu = (beside_pu, line_pu, beside_pu)
        return self._add(replace(self.end, voltages_pu=(1.0, neutral_pu, neutral_pu), lines_pu=lines_pu))

    def jump(self, degrees: float, echo_hz: float, echo_s: float) -> "Course":
        """The voltage's phase jumps: an averaging sensing unit sees it, and a frequency that is not there."""
        calm = self.end
        self._add(replace(calm, phase_jump_deg=degrees, frequency_hz=calm.frequency_hz + echo_hz)).hold(echo_s)
        return self._add(replace(calm, time_s=self.end.time_s))

    @property
    def applied(self) -> str:
        """The furthest that it goes from where it begins, for a person: `V 1.211 pu on L2; f 61.81 Hz`."""
        begin, parts = self.points[0], []
        volts = max((point.voltages_pu for point in self.points), key=lambda each: max(abs(v - 1.0) for v in each))
        affected = [phase for phase in ALL_PHASES if volts[phase] != begin.voltages_pu[phase]]
        if affected:
            phases = "" if len(affected) == len(ALL_PHASES) else f" on L{affected[0] + 1}"
            parts.append(f"V {volts[affected[0]]:.3f} pu{phases}")
        frequency_hz = max((p.frequency_hz for p in self.points), key=lambda each: abs(each - begin.frequency_hz))
        if frequency_hz != begin.frequency_hz:
            parts.append(f"f {frequency_hz:.2f} Hz")
        jump_deg = max((point.phase_jump_deg for point in self.points), key=abs)
        if jump_deg:
            parts.append(f"phase {jump_deg:+g} degrees")
        return "; ".join(parts) or "nothing"

    @property
    def has_lines(self) -> bool:
        """Whether the sensing unit ever measures between the phases."""
        return any(point.lines_pu is not None for point in self.points)

    def at(self, time_s: float) -> Grid:
        """The grid at a time; of a step, what it leads to."""
        index = bisect_right(self._times_s, time_s)
        before = self.points[max(index - 1, 0)]
        after = self.points[min(index, len(self.points) - 1)]
        span_s = after.time_s - before.time_s
        share = (time_s - before.time_s) / span_s if span_s > 0 and index else 0.0
        v1, v2, v3 = (NOMINAL_V * volts for volts in before.voltages_pu)
        frequency_hz = before.frequency_hz + share * (after.frequency_hz - before.frequency_hz)
        return Grid(frequency_hz, (v1, v2, v3), phase_jump_deg=before.phase_jump_deg)

    def lines_v(self, time_s: float) -> tuple[float, float, float] | None:
        """The voltages between the phases at a time, if they are measured."""
        lines_pu = self.points[max(bisect_right(self._times_s, time_s) - 1, 0)].lines_pu
        if lines_pu is None:
            return None
        l1_l2, l2_l3, l3_l1 = (NOMINAL_V * sqrt(3) * pu for pu in lines_pu)
        return l1_l2, l2_l3, l3_l1

    def _add(self, point: Point) -> "Course":
        self.points.append(point)
        self._times_s.append(point.time_s)
        return self
