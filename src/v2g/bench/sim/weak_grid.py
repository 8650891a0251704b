"""A grid behind an impedance, and what may happen on it without a station having to trip."""

from cmath import phase, rect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import copysign, hypot, radians, sin, tau

from v2g.grid.ride_through import Mode
from v2g.grid.settings import GridCode

Source = Callable[[float], tuple[float, float, float]]
"""Voltage in pu, frequency in Hz and phase in degrees of the grid behind its impedance, at a time."""
_HALVINGS, _ROUNDS = 40, 8
_INSIDE_HZ = 0.05
_OF_THE_LIMIT = 0.95


@dataclass(slots=True)
class WeakGrid:
    """A stiff source behind an impedance, per unit of the stations' rated power."""

    short_circuit_ratio: float
    x_over_r: float
    source: Source
    _angle: float = 0.0
    _now: float | None = None

    def at(self, now: float, fed_pu: float, drawn_pu: float) -> tuple[float, float]:
        """Voltage and frequency at the stations; the frequency with what their own angle adds while it changes."""
        source_pu, frequency_hz, phase_deg = self.source(now)
        voltage = self._voltage(source_pu, complex(fed_pu, drawn_pu))
        angle = phase(voltage) + radians(phase_deg)
        turned = phase(rect(1.0, angle - self._angle))
        apparent_hz = 0.0 if self._now is None else turned / tau / max(now - self._now, 1e-9)
        self._angle, self._now = angle, now
        return abs(voltage), frequency_hz + apparent_hz

    def _voltage(self, source_pu: float, power: complex) -> complex:
        """`power`: fed, and as its imaginary part drawn: that of the current in the direction of the voltage."""
        length = hypot(1.0, self.x_over_r)
        impedance = complex(1 / length, self.x_over_r / length) / self.short_circuit_ratio
        voltage = complex(source_pu)
        for _ in range(_ROUNDS):
            voltage = source_pu + impedance * power / max(abs(voltage), 0.1) * rect(1.0, phase(voltage))
        return voltage


def source_pu(short_circuit_ratio: float, x_over_r: float, fed_voltage_pu: float) -> float:
    """The source's voltage with which stations that feed their rated power have this one."""
    low, high = 0.5, 1.5
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        voltage_pu, _ = WeakGrid(short_circuit_ratio, x_over_r, _steady(middle)).at(0.0, 1.0, 0.0)
        low, high = (middle, high) if voltage_pu < fed_voltage_pu else (low, middle)
    return low


def _steady(voltage_pu: float) -> Source:
    return lambda _: (voltage_pu, 50.0, 0.0)


def events(code: GridCode, calm_pu: float) -> Iterator[tuple[str, Source]]:
    """What the code has ridden through, by its name: rates of change of frequency to the end of what is ridden through
    and back, jumps of phase, a sag, swings. They begin at the time 0."""
    nominal_hz, rate = code.nominal_hz, _OF_THE_LIMIT * code.ride_through.rocof_hz_per_s
    bands = [band for band in code.ride_through.frequency if band.mode in (Mode.CONTINUOUS, Mode.MANDATORY)]
    edges = {
        "rise": max(band.high for band in bands) - _INSIDE_HZ,
        "fall": min(band.low for band in bands) + _INSIDE_HZ,
    }
    for name, edge_hz in edges.items():
        for share in (1.0, 0.5, 0.2):
            yield f"{name} at {share * rate:.2g} Hz/s", _excursion(calm_pu, nominal_hz, edge_hz, share * rate)
    jump_deg = code.ride_through.phase_jump_deg
    for degrees in (jump_deg, -jump_deg):
        yield f"jump of {degrees:+g} degrees", _jump(calm_pu, nominal_hz, degrees)
    yield "jumps", lambda t: (calm_pu, nominal_hz, jump_deg if t > 0 and int(2 * t) % 2 else 0.0)
    yield "sag", lambda t: (calm_pu * (0.9 if 0 < t < 1 else 1.0), nominal_hz, 10.0 if 0 < t < 1 else 0.0)
    for swings_hz, depth_hz in ((0.5, 0.3), (1.0, 0.2)):
        yield f"swing of {depth_hz:g} Hz at {swings_hz:g} Hz", _swing(calm_pu, nominal_hz, depth_hz, swings_hz)


def _jump(voltage_pu: float, frequency_hz: float, degrees: float) -> Source:
    return lambda now: (voltage_pu, frequency_hz, degrees if now > 0 else 0.0)


def _swing(voltage_pu: float, frequency_hz: float, depth_hz: float, swings_hz: float) -> Source:
    return lambda now: (voltage_pu, frequency_hz + depth_hz * sin(tau * swings_hz * max(now, 0.0)), 0.0)


def _excursion(voltage_pu: float, from_hz: float, to_hz: float, rate: float) -> Source:
    takes_s = abs(to_hz - from_hz) / rate

    def source(now: float) -> tuple[float, float, float]:
        back_s = now - takes_s - 1.0
        if back_s > 0:
            return voltage_pu, _ramp(to_hz, from_hz, rate, back_s), 0.0
        return voltage_pu, _ramp(from_hz, to_hz, rate, max(now, 0.0)), 0.0

    return source


def _ramp(before: float, after: float, rate: float, elapsed_s: float) -> float:
    return before + copysign(min(rate * elapsed_s, abs(after - before)), after - before)
