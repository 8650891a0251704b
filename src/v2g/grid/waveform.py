"""Voltage, frequency and phase from samples of the voltage's waveform, for a sensing unit that gives only those.

The waveform is turned back by the nominal frequency, which leaves a slowly turning phasor, and averaged three times
over one nominal cycle, which removes the harmonics and the image at twice the frequency. The frequency is the nominal
one plus the turning of the phasor over two cycles. Everything that an estimate rests on is 5 cycles long: what IEEE
1547-2018, table 3, gives a transient measurement.
"""

from cmath import exp, phase
from collections import deque
from dataclasses import dataclass
from math import isfinite, pi, sqrt, tau

_SPAN_CYCLES = 2
_FILTERS = 3
_WINDOW_CYCLES = _FILTERS + _SPAN_CYCLES
_SETTLED_PU = 0.05
_JUMP_CYCLES = _FILTERS + 1
_JUMP_DEG = 12.0
"""Below this a deviation may come from a rate of change of frequency."""
_UNSTEADY_DEG = 11.0
"""A frequency that has changed by more than moves the phase this far in `_JUMP_CYCLES` is none to go by: what has moved
the frequency may have been a smaller jump, and would be taken for one of the other direction."""


@dataclass(frozen=True, slots=True)
class WaveformEstimate:
    """What the waveform of one phase shows."""

    voltage_pu: float
    """Root mean square of the last two nominal cycles, averaged over one each."""
    frequency_hz: float
    """Over the last 5 cycles; nominal while the voltage is too low to have one."""
    phase_jump_deg: float
    """How far the phase is from where the frequency would have brought it. Reported until the jump has passed through
    the window; 0 otherwise."""


class WaveformEstimator:
    """One phase. Feed it every sample, in order."""

    def __init__(self, sample_rate_hz: float, nominal_hz: float, nominal_rms: float = 1.0) -> None:
        """`nominal_rms`: of the waveform, in the unit of its samples. Raises `ValueError` for fewer than 16 samples a
        cycle."""
        self._cycle = round(sample_rate_hz / nominal_hz)
        if self._cycle < 16:
            raise ValueError(f"{sample_rate_hz:g} samples a second are fewer than 16 for a cycle of {nominal_hz:g} Hz")
        self._rate_hz, self._nominal_hz, self._nominal_rms = sample_rate_hz, nominal_hz, nominal_rms
        self._turn = exp(-1j * tau * nominal_hz / sample_rate_hz)
        self.reset()

    def reset(self) -> None:
        """Start again without any samples."""
        self._count = 0
        self._angle = 1 + 0j
        self._squares, self._square = (_Mean(self._cycle), _Mean(self._cycle)), 0j
        self._filters = [_Mean(self._cycle) for _ in range(_FILTERS)]
        self._phasors: deque[complex] = deque(maxlen=_SPAN_CYCLES * self._cycle + 1)
        self._history: deque[tuple[complex, float]] = deque(maxlen=_JUMP_CYCLES * self._cycle + 1)
        self._frequencies: deque[float] = deque(maxlen=(_JUMP_CYCLES + _WINDOW_CYCLES) * self._cycle + 1)
        self._jump_deg, self._full_jump, self._jump_ends = 0.0, 0, 0
        self._frequency_hz = self._nominal_hz

    @property
    def settled(self) -> bool:
        """Enough samples since the start, or since the last one that was no number."""
        return self._count >= _WINDOW_CYCLES * self._cycle

    def feed(self, sample: float) -> None:
        """One sample. A value that is not a number restarts the estimate."""
        if not isfinite(sample):
            self.reset()
            return
        value = sample / self._nominal_rms
        self._square = self._squares[1].add(self._squares[0].add(value * value))
        phasor = value * self._angle
        for mean in self._filters:
            phasor = mean.add(phasor)
        self._phasors.append(phasor)
        self._count += 1
        self._angle *= self._turn
        if self._count % self._cycle == 0:
            self._angle /= abs(self._angle)
        if self._count >= _WINDOW_CYCLES * self._cycle:
            if abs(phasor) > _SETTLED_PU:
                turned = phase(phasor * self._phasors[0].conjugate())
                span_s = (len(self._phasors) - 1) / self._rate_hz
                self._frequency_hz = self._nominal_hz + turned / (tau * span_s)
            else:
                self._frequency_hz = self._nominal_hz
            self._history.append((phasor, self._frequency_hz))
            self._frequencies.append(self._frequency_hz)
            self._watch_phase()

    def estimate(self) -> WaveformEstimate | None:
        """The estimate after the latest sample; None until it is settled."""
        if not self.settled:
            return None
        voltage_pu = sqrt(max(self._square.real, 0.0))
        return WaveformEstimate(voltage_pu, self._frequency_hz, self._jump_deg)

    def _watch_phase(self) -> None:
        """Compares the phase with an earlier one, extrapolated with the frequency of that time, if that was steady."""
        (before, frequency_hz), (now, _) = self._history[0], self._history[-1]
        passed_s = (len(self._history) - 1) / self._rate_hz
        steady = 360 * abs(frequency_hz - self._frequencies[0]) * passed_s < _UNSTEADY_DEG
        deviation_deg = 0.0
        if min(abs(before), abs(now)) > _SETTLED_PU and steady:
            expected = exp(1j * tau * (frequency_hz - self._nominal_hz) * passed_s)
            deviation_deg = phase(now * (before * expected).conjugate()) * 180 / pi
        if self._jump_deg:
            if abs(deviation_deg) > abs(self._jump_deg) and self._count < self._full_jump:
                self._jump_deg = deviation_deg
            if self._count >= self._jump_ends:
                self._jump_deg = 0.0
                self._history.clear()
        elif abs(deviation_deg) > _JUMP_DEG:
            self._jump_deg = deviation_deg
            self._full_jump = self._count + _FILTERS * self._cycle
            self._jump_ends = self._count + (_WINDOW_CYCLES + 1) * self._cycle


class LineVoltage:
    """The root mean square of the voltage between two phases, over the same window as that of a phase."""

    def __init__(self, sample_rate_hz: float, nominal_hz: float) -> None:
        self._cycle = round(sample_rate_hz / nominal_hz)
        self.reset()

    def reset(self) -> None:
        """Start again without any samples."""
        self._squares = _Mean(self._cycle), _Mean(self._cycle)
        self._square = 0.0

    def feed(self, difference: float) -> None:
        """The difference between the two phases' samples, in their unit."""
        self._square = self._squares[1].add(self._squares[0].add(difference * difference)).real

    @property
    def voltage(self) -> float:
        """In the unit of the samples."""
        return sqrt(max(self._square, 0.0))


class _Mean:
    """Mean of the last `length` values, or of all since the start."""

    def __init__(self, length: int) -> None:
        self._values: deque[complex] = deque()
        self._length = length
        self._total = 0j
        self._added = 0

    @property
    def value(self) -> complex:
        return self._total / len(self._values)

    def add(self, value: complex) -> complex:
        """Takes the value in; returns the mean."""
        values = self._values
        values.append(value)
        self._total += value
        if len(values) > self._length:
            self._total -= values.popleft()
        self._added += 1
        if self._added == 100 * self._length:  # rounding errors must not add up over months
            self._added, self._total = 0, sum(values)
        return self._total / len(values)
