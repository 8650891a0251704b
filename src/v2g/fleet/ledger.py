"""What a fleet must keep: the entries of its depots, each once; who asked it for what; its own state. The port to
whoever does."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from v2g.fleet.view import Batch, Entry


class Total(Struct, frozen=True):
    """Entries of a time, summed up. Energies are magnitudes but those asked for, which have the sign of power."""

    depot: str
    whole: bool
    """The depot as a whole; otherwise a vehicle in it."""
    vehicle: str
    """Empty if it is not known."""
    contract: str
    request: str
    entries: int
    from_unix_s: float
    until_unix_s: float
    charged_wh: float
    discharged_wh: float
    asked_wh: float | None
    why: str
    """A reason for what was not delivered, of those that there were."""
    clock_s: float = 0.0
    """By how much the depot's clock was off at most, as the fleet saw it when the entries came; a magnitude."""

    @property
    def delivered_wh(self) -> float:
        return self.charged_wh - self.discharged_wh


class Source(Struct, frozen=True):
    """What one process has booked as a depot as a whole."""

    process: int
    entries: int
    from_unix_s: float
    until_unix_s: float
    charged_wh: float
    discharged_wh: float


class Act(Struct, frozen=True):
    """One line of the audit trail."""

    at_s: float
    by: str
    what: str


class FleetLedger(Protocol):
    """Obligations: when `enter` returns, its entries are on the disk, each stretch once and at its longest, however
    often it is given; other calls may be lost with the machine's power only if they have not returned. All raise
    `LedgerError` if the database is away; then nothing has been entered, or all of it."""

    kept: dict[tuple[str, str], bytes]
    """Kind and key -> value, as an earlier process left them."""

    async def enter(self, batches: Sequence[Batch]) -> int:
        """Enter entries. Returns how many of them are new, or longer than before."""
        ...

    async def older(self, entries: Sequence[Entry]) -> bool:
        """Whether one of these, all of one depot, is entered at a longer time than it states."""
        ...

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row of the fleet's state, or forget it (None), soon."""
        ...

    def act(self, act: Act) -> None:
        """Add a line to the audit trail, soon."""
        ...

    async def depots(self) -> list[str]:
        """Whoever has entries."""
        ...

    async def totals(self, depot: str, from_s: float, until_s: float) -> list[Total]:
        """Sums by vehicle, contract and request of a depot's entries that ended in a time."""
        ...

    async def entries(self, depot: str, from_s: float, until_s: float) -> list[Entry]:
        """The entries themselves."""
        ...

    async def sources(self, depot: str, from_s: float, until_s: float) -> list[Source]:
        """Which processes have booked as this depot in a time, the first one first."""
        ...

    async def gaps(self, depot: str, from_s: float, until_s: float) -> list[int]:
        """Sequences of entries that one of that time names as the one before it, and that have not come."""
        ...

    async def acts(self, from_s: float, until_s: float) -> list[Act]:
        """The audit trail of a time."""
        ...

    async def close(self) -> None:
        """Write what waits, and leave."""
        ...
