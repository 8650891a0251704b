"""Port of the control pilot: the generator of its signal, and the measurement of what the car makes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from msgspec import Meta, Struct

SENDS_WITHIN_S = 0.05
"""After `command` has returned, the signal is on the line within this time."""
SILENT_F_WITHIN_S = 0.6
"""Without any command for this long, a generator of its own (a microcontroller) has gone to state F by itself."""
LOST_WITHIN_S = 0.25
"""A device that is gone or silent raises `PowerError` within this time, from every method."""


@dataclass(frozen=True, slots=True)
class PilotReading:
    """The line between pilot and earth at the station's end, at the monotonic time `time_s` of the answer."""

    time_s: float
    high_v: float
    """The highest level within a period: what the car pulls down."""
    low_v: float
    """The lowest level within a period; equal to `high_v` without PWM."""
    duty: float
    """Measured share of the period at the high level: 1 is steady high, 0 is steady low (state F)."""


class Pilot(Protocol):
    """A control pilot at 1 kHz, +12 V and -12 V through 1 kOhm (IEC 61851-1, Annex A).

    Obligations, which `tests/pilot/test_pilot_contract.py` holds every driver to:

    - `command` is a level: repeating it changes nothing. 1 is steady +12 V, 0 steady -12 V, between them is PWM.
    - A generator that outlives this process goes to state F after silence (`SILENT_F_WITHIN_S`). One that is part of
      this machine, and runs on without the process, has to be stopped by the service manager: see `docs/pilot.md`.
    - The reading is measured at the line, never an echo of the command.
    - A lost link, a missing file or a refused access raises `PowerError` within `LOST_WITHIN_S`; the next call tries
      again.
    """

    async def command(self, duty: float) -> None:
        """Sends a duty cycle, 0 to 1. Raises `PowerError`, and `ValueError` outside that range."""
        ...

    async def read(self) -> PilotReading:
        """Measures. Raises `PowerError`."""
        ...


class Level(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An ADC channel and the front end before it: volts at the line = millivolts / 1000 x `gain` + `offset_v`."""

    device: Path = Path("/sys/bus/iio/devices/iio:device0")
    """Of IIO."""
    channel: Annotated[int, Meta(ge=0)]
    """Of the device."""
    gain: float = 1.0
    """Volts at the line for each volt at the channel."""
    offset_v: float = 0.0
    """Added to that."""


class PwmSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the signal and its measurement are."""

    chip: Path = Path("/sys/class/pwm/pwmchip0")
    """Of the signal."""
    channel: Annotated[int, Meta(ge=0)] = 0
    """Of the chip."""
    capture: Path | None = None
    """None: `capture` of the channel, or else of the chip. May be another chip's, whose input has the line."""
    inverted: bool = False
    """The front end turns the signal round: a high output is -12 V."""
    high: Level
    """The measured level of the upper half of the signal."""
    low: Level
    """The measured level of the lower half."""
