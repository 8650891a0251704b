"""Port of the isolation monitor (IMD) of the DC output."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class SelfTest(StrEnum):
    """Where the monitor's self-test stands (IEC 61851-23, cable check)."""

    NONE = "none"
    """Not started since power-up."""
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IsolationReading:
    """What the monitor measures, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    resistance_ohm: float
    """The lower of DC+ and DC- to earth."""
    voltage_v: float
    """Between DC+ and DC-, on the station's side of the contactor."""
    self_test: SelfTest


class IsolationMonitor(Protocol):
    """An isolation monitor. A lost link raises `PowerError` within 0.25 s."""

    async def start_self_test(self) -> None:
        """Starts the self-test; one that is running goes on. Raises `PowerError`."""
        ...

    async def read(self) -> IsolationReading:
        """Measures. Raises `PowerError`."""
        ...
