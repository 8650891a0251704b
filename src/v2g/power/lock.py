"""Port of the lock that holds the plug in the station's socket while energy may flow."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MOVES_WITHIN_S = 1.0
"""After `command` has returned, the feedback follows within this time; later it is a fault."""
LOST_WITHIN_S = 0.25
"""A device that is gone or silent raises `PowerError` within this time, from every method."""


class LockFault(StrEnum):
    """How the feedback contradicts the command for longer than `MOVES_WITHIN_S`. The list is closed."""

    DOES_NOT_LOCK = "does_not_lock"
    """Seen unlocked although commanded locked: the bolt is blocked, or no plug is in the way that it needs."""
    DOES_NOT_UNLOCK = "does_not_unlock"
    """Seen locked although commanded unlocked: the bolt is jammed, or somebody pulls at the plug."""
    FEEDBACK_LOST = "feedback_lost"
    """The switches say neither or both: a broken wire, or a bolt that stopped halfway."""


@dataclass(frozen=True, slots=True)
class LockReading:
    """What the bolt's switches say, at the monotonic time `time_s` at which the answer arrived."""

    time_s: float
    locked: bool
    """The bolt is seen in its locked position. False does not mean that the plug is free: it may be halfway."""
    commanded: bool
    """What the actuator drives."""
    fault: LockFault | None


class ConnectorLock(Protocol):
    """A motor lock with feedback of both end positions.

    Obligations, which `tests/contract/test_lock_contract.py` holds every driver to:

    - `command` is a level: repeating it changes nothing, and the bolt does not move again.
    - Silence changes nothing: a lock whose station has died holds the plug, because current may still flow. It is
      released by hand (the emergency release) or by the next command.
    - The reading comes from the bolt's switches, never from the command. Contradicting switches are not `locked`.
    - A lost link raises `PowerError` within `LOST_WITHIN_S`; the next call tries again.
    """

    async def command(self, *, locked: bool) -> None:
        """Drives the bolt. Raises `PowerError`."""
        ...

    async def read(self) -> LockReading:
        """Reads the bolt's position. Raises `PowerError`."""
        ...
