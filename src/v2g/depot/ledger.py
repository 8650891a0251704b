"""What a depot must keep: each transaction event of each station once, and its own state; the port to whoever does."""

from typing import Protocol

from msgspec import Struct

from v2g.depot.history import Record


class Entry(Struct, frozen=True):
    """An event of a transaction, as its station sent it. Station, transaction and number make it unique."""

    station: str
    transaction: str
    seq: int
    kind: str
    """Started, Updated or Ended."""
    evse: int
    """0 if it is not known."""
    vehicle: str
    at_s: float
    """Unix time by the station's clock."""
    import_wh: float | None
    """The registers, if the event states them; both only rise."""
    export_wh: float | None
    document: bytes
    """The event as JSON."""


class Account(Struct, frozen=True):
    """What the ledger has of one transaction."""

    station: str
    transaction: str
    evse: int
    vehicle: str
    since_s: float
    until_s: float
    """Of its last event so far."""
    ended: bool
    events: int
    missing: int
    """Events between the first and the last that have not come."""
    charged_wh: float
    discharged_wh: float


class Decided(Struct, frozen=True):
    """That a charger has got another set-point, and why: kept for the explanation of a day."""

    at_s: float
    charger: str
    vehicle: str
    power_w: float
    binding: str
    why: str


class Keeper(Protocol):
    """The part of a ledger that keeps a process's own state."""

    kept: dict[tuple[str, str], bytes]
    """Kind and key -> value."""

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row, or forget it (None)."""
        ...


class Ledger(Protocol):
    """Obligations: `enter`, `put`, `decided` and `commit` return at once and never raise; what was given between two
    commits reaches the disk together or not at all, in the order of the commits; an entry that is there already is not
    entered again; `kept` is what an earlier process left behind."""

    kept: dict[tuple[str, str], bytes]
    """Kind and key -> value."""
    committed: int
    """All rows up to this number are on the disk."""
    trouble: str | None
    """Why nothing can be written now; what waits stays in memory and is tried again."""

    def enter(self, entry: Entry) -> int:
        """Enter an event with the next commit. Returns its number."""
        ...

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row of the depot's state, or forget it (None), with the next commit. Returns its number."""
        ...

    def decided(self, decision: Decided) -> int:
        """Keep a decision with the next commit. Returns its number."""
        ...

    def record(self, record: Record) -> int:
        """Keep a mean of the site with the next commit. Returns its number."""
        ...

    def commit(self) -> None:
        """Hand over what was given. Returns at once."""
        ...


class Memory:
    """A ledger that forgets at the end of the process."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.entries: dict[tuple[str, str, int], Entry] = {}
        self.decisions: list[Decided] = []
        self.records: list[Record] = []
        self.committed = 0
        self.trouble: str | None = None

    def enter(self, entry: Entry) -> int:
        """Keep the event while the process lasts."""
        self.entries.setdefault((entry.station, entry.transaction, entry.seq), entry)
        return self._count()

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep the row while the process lasts."""
        if value is None:
            self.kept.pop((kind, key), None)
        else:
            self.kept[kind, key] = value
        return self._count()

    def decided(self, decision: Decided) -> int:
        """Keep the decision while the process lasts."""
        self.decisions.append(decision)
        return self._count()

    def record(self, record: Record) -> int:
        """Keep the mean while the process lasts."""
        self.records.append(record)
        return self._count()

    def commit(self) -> None:
        """Nothing is left to do."""

    def _count(self) -> int:
        self.committed += 1
        return self.committed
