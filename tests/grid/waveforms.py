"""Waveforms of a grid's voltage: harmonics, noise, jumps of the phase."""

from collections.abc import Callable, Iterator
from math import pi, sin, sqrt, tau
from random import Random

RATE_HZ = 3200


def waveform(
    frequency_hz: Callable[[float], float],
    seconds: float,
    *,
    voltage_pu: float = 1.0,
    harmonic: float = 0.05,
    noise: float = 0.005,
    jump_at_s: float = 9e9,
    jump_deg: float = 0.0,
) -> Iterator[float]:
    """Samples with 3rd, 5th and 7th harmonics of `harmonic` each, and noise."""
    random, angle = Random(7), 0.3
    for index in range(round(seconds * RATE_HZ)):
        time_s = index / RATE_HZ
        angle += tau * frequency_hz(time_s) / RATE_HZ
        jumped = angle + (jump_deg * pi / 180 if time_s >= jump_at_s else 0.0)
        wave = sin(jumped) + sum(harmonic * sin(order * jumped + order) for order in (3, 5, 7))
        yield sqrt(2) * voltage_pu * (wave + noise * random.gauss(0, 1))
