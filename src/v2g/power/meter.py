"""Port of the energy meter at the grid side of the station."""

from dataclasses import dataclass
from typing import Protocol

NO_POWER_W = 250.0
"""Power at the meter that is no charging or discharging of an AC car: what the station itself draws is below it."""


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
