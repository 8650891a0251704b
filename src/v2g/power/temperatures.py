"""Port of temperature sensors beside the safety inputs, such as chips of the station's own machine."""

from dataclasses import dataclass
from typing import Protocol

LOST_WITHIN_S = 1.0
"""Sensors that are gone or silent raise `PowerError` within this time."""
SENSORS = ("contactor", "coolant", "ambient", "flow")
"""What is measured; the fields of a reading, without their units."""


@dataclass(frozen=True, slots=True)
class TemperatureReading:
    """What the sensors show, at the monotonic time `time_s`. None: there is no such sensor, or it is broken."""

    time_s: float
    contactor_c: float | None = None
    coolant_c: float | None = None
    ambient_c: float | None = None
    flow: float | None = None
    """Of the coolant, as a share of the full flow."""


class TemperatureSensors(Protocol):
    """Sensors that only inform: what to do about a temperature is decided by `v2g.thermal`."""

    async def read(self) -> TemperatureReading:
        """Measures. A broken sensor reads as None; if all are broken, it raises `PowerError`."""
        ...
