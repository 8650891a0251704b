"""Steady grids to step a protection with."""

from collections.abc import Callable, Iterable

import pytest

from v2g.grid.protection import Protection, State, Verdict
from v2g.grid.sample import GridSample

Step = tuple[float, tuple[float, ...], float]
"""Seconds, voltages in pu, frequency in Hz."""


@pytest.fixture
def run() -> Callable[..., Iterable[tuple[float, Verdict]]]:
    """Steps a protection through a list of steady stretches; yields time and verdict of each step."""

    def run(protection: Protection, *stretches: Step, dt_s: float = 0.01) -> Iterable[tuple[float, Verdict]]:
        count = 0
        for seconds, voltages_pu, frequency_hz in stretches:
            for _ in range(round(seconds / dt_s)):
                count += 1
                now = count * dt_s
                yield now, protection.step(GridSample(now, count, voltages_pu, frequency_hz), now)

    return run


@pytest.fixture
def trip_after(run: Callable[..., Iterable[tuple[float, Verdict]]]) -> Callable[..., tuple[float, str] | None]:
    """How long after a sound grid one with `voltage_pu` and `frequency_hz` trips the station, and by which element."""

    def trip_after(
        protection: Protection,
        voltages_pu: float | tuple[float, ...],
        frequency_hz: float,
        *,
        within_s: float,
        dt_s: float = 0.01,
    ) -> tuple[float, str] | None:
        if isinstance(voltages_pu, float):
            voltages_pu = (voltages_pu,) * 3
        sound_s = 10 * dt_s
        sound = (sound_s, (1.0,) * len(voltages_pu), protection.code.nominal_hz)
        for now, verdict in run(protection, sound, (within_s, voltages_pu, frequency_hz), dt_s=dt_s):
            if verdict.state is State.TRIP:
                return round(now - sound_s, 6), verdict.element
        return None

    return trip_after
