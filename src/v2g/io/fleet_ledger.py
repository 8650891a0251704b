"""`v2g.fleet.ledger.FleetLedger` in SQLite, for a bench and small fleets; and what both dialects share."""

import asyncio
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from v2g.fleet.ledger import Act, Source, Total
from v2g.fleet.view import Batch, Entry
from v2g.io.depot_ledger import LedgerError, taken
from v2g.kernel import regular_file

COLUMNS = (
    "depot", "sequence", "before", "from_s", "until_s", "charger", "vehicle", "contract", "request", "charged_wh",
    "discharged_wh", "asked_wh", "why", "process", "clock_s",
)  # fmt: skip
STORED = Entry.__struct_fields__[: len(COLUMNS)]
"""The fields of an entry that the columns have."""
LATER_COLUMNS = {"process": "BIGINT NOT NULL DEFAULT 0", "clock_s": "DOUBLE PRECISION NOT NULL DEFAULT 0"}
"""Those that a ledger of an earlier version lacks."""
ENTRY = (
    "depot TEXT NOT NULL, sequence BIGINT NOT NULL, before BIGINT NOT NULL, from_s DOUBLE PRECISION NOT NULL,"
    " until_s DOUBLE PRECISION NOT NULL, charger TEXT NOT NULL, vehicle TEXT NOT NULL, contract TEXT NOT NULL,"
    " request TEXT NOT NULL, charged_wh DOUBLE PRECISION NOT NULL, discharged_wh DOUBLE PRECISION NOT NULL,"
    " asked_wh DOUBLE PRECISION, why TEXT NOT NULL,"
    f" {', '.join(' '.join(each) for each in LATER_COLUMNS.items())}, PRIMARY KEY (depot, sequence)"
)
LONGER = (
    " ON CONFLICT (depot, sequence) DO UPDATE SET "
    + ", ".join(f"{each} = excluded.{each}" for each in COLUMNS[2:])
    + " WHERE excluded.until_s > entry.until_s AND excluded.process = entry.process"
)
"""A stretch that comes twice is entered once, at its longest (`v2g.fleet.books`)."""
TABLES = (
    "CREATE TABLE IF NOT EXISTS kept (kind TEXT NOT NULL, key TEXT NOT NULL, value BYTEA NOT NULL,"
    " PRIMARY KEY (kind, key))",
    "CREATE TABLE IF NOT EXISTS act (at_s DOUBLE PRECISION NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS act_at ON act (at_s)",
)
OF_DEPOT = " FROM entry WHERE depot = ? AND sequence >= ? AND until_s >= ? AND until_s < ?"
TOTALS = (
    "SELECT depot, charger = '', vehicle, contract, request, count(*), min(from_s), max(until_s), sum(charged_wh),"
    f" sum(discharged_wh), sum(asked_wh), max(why), max(abs(clock_s)){OF_DEPOT}"
    " GROUP BY depot, charger = '', vehicle, contract, request"
    " ORDER BY request, charger = '' DESC, vehicle, contract"
)
ENTRIES = f"SELECT {', '.join(COLUMNS)}{OF_DEPOT} ORDER BY until_s, sequence"
DEPOTS = (  # from one name to the next by the key: a list of all that differ would read all entries
    "WITH RECURSIVE found AS (SELECT min(depot) AS depot FROM entry UNION ALL SELECT"
    " (SELECT min(depot) FROM entry WHERE entry.depot > found.depot) FROM found WHERE found.depot IS NOT NULL)"
    " SELECT depot FROM found WHERE depot IS NOT NULL"
)
GAPS = (
    f"SELECT before{OF_DEPOT} AND before > 0 AND NOT EXISTS (SELECT 1 FROM entry AS earlier"  # noqa: S608
    " WHERE earlier.depot = entry.depot AND earlier.sequence = entry.before) ORDER BY before LIMIT 1000"
)
ENDS = "SELECT sequence, until_s FROM entry WHERE depot = ? AND sequence >= ? AND sequence <= ?"
SOURCES = (
    "SELECT process, count(*), min(from_s), max(until_s), sum(charged_wh), sum(discharged_wh)"
    f"{OF_DEPOT} AND charger = '' AND process > 0 GROUP BY process ORDER BY min(from_s)"
)
ACTS = "SELECT at_s, who, what FROM act WHERE at_s >= ? AND at_s < ? ORDER BY at_s"
KEPT = "SELECT kind, key, value FROM kept"
PUT = (
    "INSERT INTO kept (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
)
FORGET = "DELETE FROM kept WHERE kind = ? AND key = ?"
ACT = "INSERT INTO act (at_s, who, what) VALUES (?, ?, ?)"
MOST_SEQUENCE = 1 << 62
LONGEST_S = 1_000.0
"""Of a stretch: a quarter of an hour and what passes between two looks (`v2g.fleet.books`)."""
BUSY_S = 5.0
UNTIL = COLUMNS.index("until_s")
MOST_TEXT, MOST_ACT = 300, 4_000
"""Characters of a text of an entry, and of a line of the audit trail."""
Soonest = dict[tuple[str, ...], tuple[str, tuple[Any, ...]]]
"""What waits to be written, by what it replaces: statements with their values."""


def has_place(entry: Entry) -> bool:
    """Whether its sequence is one that a database can hold."""
    return 0 < entry.sequence < MOST_SEQUENCE


def rows_of(batches: Iterable[Batch]) -> list[tuple[Any, ...]]:
    """The entries as rows of `COLUMNS`, each stretch once; each text is what every database can hold."""
    found = dict[tuple[str, int], tuple[Any, ...]]()
    for entry in (each for batch in batches for each in batch.entries if has_place(each)):
        row = _row(entry)
        before = found.get(row[:2])
        if before is None or before[UNTIL] < row[UNTIL]:
            found[row[:2]] = row
    return list(found.values())


def _row(stated: Entry) -> tuple[Any, ...]:
    entry = stated.credible()
    texts = (_text(each)[:MOST_TEXT] for each in (entry.charger, entry.vehicle, entry.contract, entry.request))
    before = min(max(entry.before, 0), MOST_SEQUENCE)
    return (
        _text(entry.depot), entry.sequence, before, entry.from_unix_s, entry.until_unix_s, *texts, entry.charged_wh,
        entry.discharged_wh, entry.asked_wh, _text(entry.why)[:MOST_TEXT], min(max(entry.process, 0), MOST_SEQUENCE),
        entry.clock_s,
    )  # fmt: skip


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


class Soon:
    """What is written with the next commit: the part of `FleetLedger` that returns at once."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self._soon: Soonest = {}
        self._count = 0
        self._news = asyncio.Event()

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row, or forget it."""
        if value is None:
            return self._add((kind, key), FORGET, (kind, key))
        return self._add((kind, key), PUT, (kind, key, value))

    def act(self, act: Act) -> None:
        """Add a line to the audit trail."""
        self._add((str(self._count),), ACT, (act.at_s, _text(act.by), _text(act.what)[:MOST_ACT]))

    def _add(self, place: tuple[str, ...], statement: str, values: tuple[Any, ...]) -> int:
        """What waits for the same place is replaced: a database that is away for long costs no memory for it."""
        self._soon[place] = statement, values
        self._count += 1
        self._news.set()
        return self._count


class Reads(ABC):
    """What is read of a ledger. All of it raises `LedgerError`."""

    @abstractmethod
    async def _read(self, statement: str, values: Sequence[Any]) -> list[Any]: ...

    async def depots(self) -> list[str]:
        """Whoever has entries."""
        return [row[0] for row in await self._read(DEPOTS, ())]

    async def totals(self, depot: str, from_s: float, until_s: float) -> list[Total]:
        """Sums of a depot's entries that ended in a time."""
        return [Total(*row) for row in await self._read(TOTALS, _range(depot, from_s, until_s))]

    async def entries(self, depot: str, from_s: float, until_s: float) -> list[Entry]:
        """The entries themselves."""
        rows = await self._read(ENTRIES, _range(depot, from_s, until_s))
        return [Entry(**dict(zip(STORED, row, strict=True))) for row in rows]

    async def sources(self, depot: str, from_s: float, until_s: float) -> list[Source]:
        """Which processes have booked as this depot."""
        return [Source(*row) for row in await self._read(SOURCES, _range(depot, from_s, until_s))]

    async def older(self, entries: Sequence[Entry]) -> bool:
        """Whether one of these, all of one depot, is entered at a longer time than it states."""
        sequences = [each.sequence for each in entries if has_place(each)]
        if not sequences:
            return False
        ends = dict(await self._read(ENDS, (_text(entries[0].depot), min(sequences), max(sequences))))
        return any(ends.get(each.sequence, 0.0) > each.credible().until_unix_s for each in entries)

    async def gaps(self, depot: str, from_s: float, until_s: float) -> list[int]:
        """Sequences of entries before one of that time that have not come; 1 000 at most."""
        return [row[0] for row in await self._read(GAPS, _range(depot, from_s, until_s))]

    async def acts(self, from_s: float, until_s: float) -> list[Act]:
        """The audit trail of a time."""
        return [Act(*row) for row in await self._read(ACTS, (from_s, until_s))]


def _range(depot: str, from_s: float, until_s: float) -> tuple[Any, ...]:
    """An entry's sequence is no less than its beginning in microseconds (`v2g.fleet.books`)."""
    return depot, int((from_s - LONGEST_S) * 1e6), from_s, until_s


class SqliteFleetReader(Reads):
    """The ledger in a file, also while a fleet has it open."""

    def __init__(self, file: Path) -> None:
        """Raises `LedgerError`."""
        self._file = file
        try:
            self._connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=BUSY_S)
            self._connection.execute("SELECT 1 FROM entry LIMIT 1")
        except sqlite3.Error as error:
            raise _unread(file, error) from error

    async def _read(self, statement: str, values: Sequence[Any]) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _unread(self._file, error) from error

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _unread(file: Path, error: Exception) -> LedgerError:
    return LedgerError(f"ledger {file}: {error}; start the fleet once, and let this user read the file")


class SqliteFleetLedger(Soon, Reads):
    """The ledger in a file."""

    def __init__(self, file: Path) -> None:
        """Raises `LedgerError`."""
        super().__init__()
        self._file, self._lock = file, asyncio.Lock()
        try:
            if file.exists():
                regular_file.check(file)
            self._lock_file = taken(file)
            self._connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            for statement in (f"CREATE TABLE IF NOT EXISTS entry ({ENTRY})", *TABLES):
                self._connection.execute(statement)
            there = {row[1] for row in self._connection.execute("PRAGMA table_info(entry)")}
            for name in LATER_COLUMNS.keys() - there:
                self._connection.execute(f"ALTER TABLE entry ADD COLUMN {name} {LATER_COLUMNS[name]}")
            self.kept = {(kind, key): value for kind, key, value in self._connection.execute(KEPT)}
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"ledger {file}: {error}; let this user write there, or set `ledger`") from error
        self._writing = asyncio.create_task(self._write())

    async def enter(self, batches: Sequence[Batch]) -> int:
        """Enter entries; all are on the disk when it returns. Raises `LedgerError`."""
        count: int = await self._run(self._enter, rows_of(batches))
        return count

    async def close(self) -> None:
        """Write what waits, and close the file."""
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        with suppress(LedgerError):
            await self._flush()
        self._connection.close()
        os.close(self._lock_file)

    async def _run(self, work: Any, *values: Any) -> Any:
        async with self._lock:
            working = asyncio.create_task(asyncio.to_thread(work, *values))
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:  # the thread goes on: nobody may use or close the connection before it ends
                await asyncio.gather(working, return_exceptions=True)
                raise
            except sqlite3.Error as error:
                raise LedgerError(f"ledger {self._file}: {error}; free some space, or set `ledger`") from error

    async def _read(self, statement: str, values: Sequence[Any]) -> list[Any]:
        found: list[Any] = await self._run(lambda: self._connection.execute(statement, values).fetchall())
        return found

    def _enter(self, rows: list[tuple[Any, ...]]) -> int:
        places = ", ".join("?" * len(COLUMNS))
        statement = f"INSERT INTO entry ({', '.join(COLUMNS)}) VALUES ({places}){LONGER}"  # noqa: S608
        return self._committed([(statement, row) for row in rows])

    def _committed(self, work: Sequence[tuple[str, tuple[Any, ...]]]) -> int:
        before = self._connection.total_changes
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in work:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        return self._connection.total_changes - before

    async def _flush(self) -> None:
        soon, self._soon = self._soon, {}
        if soon:
            try:
                await self._run(self._committed, list(soon.values()))
            except LedgerError:
                self._soon = soon | self._soon
                raise

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._flush()
            except LedgerError:
                await asyncio.sleep(1.0)
                self._news.set()
