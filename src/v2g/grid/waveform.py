"""Voltage, frequency and phase from samples of the voltage's waveform, for a sensing unit that gives only those.

The waveform is turned back by the nominal frequency, which leaves a slowly turning phasor, and averaged three times
over one nominal cycle, which removes the harmonics and the image at twice the frequency. The frequency is the nominal
one plus the turning of the phasor over two cycles. Everything that an estimate rests on is 5 cycles long: what IEEE
1547-2018, table 3, gives a transient measurement.
"""

from cmath import exp, phase
from collections import deque
from dataclasses import dataclass
from itertools import cycle
from math import degrees, isfinite, nan, sqrt, tau

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
        self._turn = -1j * tau * nominal_hz / sample_rate_hz
        self.reset()

    def reset(self) -> None:
        """Start again without any samples."""
        self._count = 0
        self._rms = RmsVoltage(self._rate_hz, self._nominal_hz)
        self._filters = [_Mean(self._cycle) for _ in range(_FILTERS)]
        self._phasors: deque[complex] = deque(maxlen=_SPAN_CYCLES * self._cycle)
        self._history: deque[tuple[complex, float]] = deque(maxlen=_JUMP_CYCLES * self._cycle)
        """Phasors and frequencies since the estimate has settled."""
        self._frequencies: deque[float] = deque(maxlen=(_JUMP_CYCLES + _WINDOW_CYCLES) * self._cycle)
        self._jump: tuple[float, int] | None = None
        """Degrees, and the sample with which it was first seen."""

    def feed(self, sample: float) -> None:
        """One sample. A value that is not a number restarts the estimate."""
        if not isfinite(sample):
            self.reset()
            return
        value = sample / self._nominal_rms
        self._rms.feed(value)
        phasor = value * exp(self._turn * self._count)
        for mean in self._filters:
            phasor = mean.add(phasor)
        self._count += 1
        if self._settled:
            self._frequency_hz = self._nominal_hz
            if abs(phasor) > _SETTLED_PU:
                turned = phase(phasor * self._phasors[0].conjugate())
                self._frequency_hz += turned * self._rate_hz / (tau * len(self._phasors))
            if self._history:
                self._watch_phase(phasor)
            self._history.append((phasor, self._frequency_hz))
            self._frequencies.append(self._frequency_hz)
        self._phasors.append(phasor)

    @property
    def _settled(self) -> bool:
        """Enough samples since the start, or since the last one that was no number."""
        return self._count >= _WINDOW_CYCLES * self._cycle

    def estimate(self) -> WaveformEstimate | None:
        """The estimate after the latest sample; None until it is settled."""
        if not self._settled:
            return None
        return WaveformEstimate(self._rms.voltage, self._frequency_hz, 0.0 if self._jump is None else self._jump[0])

    def _watch_phase(self, now: complex) -> None:
        """Compares the phase with an earlier one, extrapolated with the frequency of that time, if that was steady."""
        before, frequency_hz = self._history[0]
        passed_s = len(self._history) / self._rate_hz
        steady = degrees(tau * abs(frequency_hz - self._frequencies[0]) * passed_s) < _UNSTEADY_DEG
        deviation_deg = nan
        if min(abs(before), abs(now)) > _SETTLED_PU and steady:
            expected = before * exp(1j * tau * (frequency_hz - self._nominal_hz) * passed_s)
            deviation_deg = degrees(phase(now * expected.conjugate()))
        if self._jump is None:
            if abs(deviation_deg) > _JUMP_DEG:
                self._jump = deviation_deg, self._count
            return
        jump_deg, seen = self._jump
        if self._count < seen + _FILTERS * self._cycle:
            self._jump = max(jump_deg, deviation_deg, key=abs), seen
        elif self._count >= seen + (_WINDOW_CYCLES + 1) * self._cycle:
            self._jump = None


class RmsVoltage:
    """The root mean square of a voltage over the last two nominal cycles, averaged over one each."""

    def __init__(self, sample_rate_hz: float, nominal_hz: float) -> None:
        self._cycle = round(sample_rate_hz / nominal_hz)
        self.reset()

    def reset(self) -> None:
        """Start again without any samples."""
        self._means = _Mean(self._cycle), _Mean(self._cycle)
        self.voltage = 0.0
        """In the unit of the samples; too low before there are samples of two cycles."""

    def feed(self, sample: float) -> None:
        """One sample of the voltage, or of the difference between two phases."""
        square: complex = sample * sample
        for mean in self._means:
            square = mean.add(square)
        self.voltage = sqrt(abs(square))


class _Mean:
    """Mean of the last `length` values; those before the start count as 0."""

    def __init__(self, length: int) -> None:
        self._values = [0j] * length
        self._places = cycle(range(length))
        self._total = 0j

    def add(self, value: complex) -> complex:
        """Takes the value in; returns the mean."""
        place = next(self._places)
        self._total += value - self._values[place]
        self._values[place] = value
        if not place:  # what rounding leaves of a value far out must not stay, nor add up over months
            self._total = sum(self._values)
        return self._total / len(self._values)
