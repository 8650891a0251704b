"""Port of the energy meter at the grid side of the station."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Protocol

NO_POWER_W = 250.0
"""Power at the meter that is no charging or discharging of an AC car: what the station itself draws is below it."""
MOST_W = 1e7
"""No meter of a charging station shows more, in either direction."""
MOST_OF_RATING = 10.0
"""Nor more than its rated power by this factor."""
MOST_V, MOST_HZ = 1000.0, 100.0
MOST_STEP_WH = 1000.0
"""A counter may go on in steps of this size: some count in kWh."""


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What the meter shows, at the monotonic time `time_s` at which the answer arrived.

    Seen from the vehicle: import charges it, export feeds the grid. Both energies only ever grow.
    """

    time_s: float
    import_wh: float
    export_wh: float
    power_w: float
    reactive_var: float
    voltages_v: tuple[float, float, float]
    """Phase to neutral."""
    frequency_hz: float


class Meter(Protocol):
    """A bidirectional energy meter. A lost link raises `PowerError` within 0.25 s."""

    async def read(self) -> MeterReading:
        """Reads energies and power. Raises `PowerError`."""
        ...


def why_implausible(reading: MeterReading, rated_w: float, before: MeterReading | None = None) -> str | None:
    """Why a reading cannot be true at a station of that rated power, or None. Such a reading counts as none.

    `before`: the reading before, plausible or not, for its counters: so a meter that was reset is believed again with
    its second reading.
    """
    most_w = _most_w(rated_w)
    bounds = {
        "power_w": (reading.power_w, -most_w, most_w),
        "reactive_var": (reading.reactive_var, -most_w, most_w),
        "import_wh": (reading.import_wh, 0.0, inf),
        "export_wh": (reading.export_wh, 0.0, inf),
        "frequency_hz": (reading.frequency_hz, 0.0, MOST_HZ),
        **{f"voltage_l{phase}_v": (volts, 0.0, MOST_V) for phase, volts in enumerate(reading.voltages_v, 1)},
    }
    for name, (value, low, high) in bounds.items():
        if not (low <= value <= high and isfinite(value)):
            return f"{name} is {value:g}, plausible is {low:g} to {high:g}"
    for name in ("import_wh", "export_wh"):
        if before is not None and counted_wh(name, before, reading, rated_w) is None:
            return f"{name} went from {getattr(before, name):g} to {getattr(reading, name):g}"
    return None


def counted_wh(name: str, before: MeterReading, reading: MeterReading, rated_w: float) -> float | None:
    """What a counter (`import_wh`, `export_wh`) has gone on by between two readings; None if it was reset: it cannot
    have counted that at a station of that rated power."""
    more_wh: float = getattr(reading, name) - getattr(before, name)
    most_wh = MOST_STEP_WH + _most_w(rated_w) * (reading.time_s - before.time_s) / 3600
    return more_wh if 0.0 <= more_wh <= most_wh else None


def _most_w(rated_w: float) -> float:
    return min(MOST_OF_RATING * rated_w, MOST_W) if rated_w > 0 else MOST_W
