"""Port of the contactor between the inverter (DC) or the grid (AC) and the vehicle."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SWITCHES_WITHIN_S = 0.1
"""After `command` has returned, the feedback follows within this time; later it is a fault."""
SILENT_OPEN_WITHIN_S = 0.6
"""Without any command for this long, the contactor has opened: its fieldbus watchdog and the mechanics."""
LOST_WITHIN_S = 0.25
"""A device that is gone or silent raises `PowerError` within this time, from every method."""


class ContactorFault(StrEnum):
    """How the feedback contradicts the command for longer than `SWITCHES_WITHIN_S`."""

    WELDED = "welded"
    """Closed although commanded open."""
    DOES_NOT_CLOSE = "does_not_close"


@dataclass(frozen=True, slots=True)
class ContactorReading:
    """What the auxiliary contact says, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    closed: bool
    commanded: bool
    """What the remote I/O drives: false after its own watchdog opened the contactor."""
    fault: ContactorFault | None
    name: str = "contactor"
    """Which one reports the fault, for a person."""


class Contactor(Protocol):
    """A contactor with feedback, behind a remote I/O module.

    Obligations:

    - `command` is a level and must be repeated: after silence the contactor opens by itself (`SILENT_OPEN_WITHIN_S`).
    - The reading is the mirror contact's, never an echo of the command.
    - A lost link raises `PowerError` within `LOST_WITHIN_S`; the caller then takes the contactor for open as far as
      the vehicle is concerned, and for closed as far as safety is.
    """

    async def command(self, *, closed: bool) -> None:
        """Drives the contactor. Raises `PowerError`."""
        ...

    async def read(self) -> ContactorReading:
        """Reads the feedback. Raises `PowerError`."""
        ...


def joined(first: ContactorReading, others: ContactorReading) -> ContactorReading:
    """Both contactors of an EVSE whose L2 and L3 have one of their own, as one: closed if anything is, at fault if
    either is. `first`: of L1 and neutral."""
    name = first.name if first.fault is not None or others.fault is None else "contactor of L2 and L3"
    return ContactorReading(
        time_s=min(first.time_s, others.time_s),
        closed=first.closed or others.closed,
        commanded=first.commanded or others.commanded,
        fault=first.fault or others.fault,
        name=name,
    )
