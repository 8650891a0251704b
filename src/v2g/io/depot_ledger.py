"""`v2g.depot.ledger.Ledger` in a database: one writer, everything that waits in one commit, each event once.

`SqliteLedger` writes in a thread of its own; `depot_postgres.py` has the other dialect.
"""

import asyncio
import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Any

from v2g.depot.history import Record
from v2g.depot.ledger import Account, Decided, Entry
from v2g.io import depot_ledger_sql as sql
from v2g.io.writer import Writer
from v2g.kernel import regular_file
from v2g.kernel.durations import DAY_S
from v2g.kernel.errors import V2GError

BUSY_S = 5.0
MOST_SEQ = 1 << 62
BATCH = 5_000
"""Rows of one commit at most."""
TOGETHER = 100
"""Rows of one statement at most."""
_ROW = re.compile(r"VALUES (\((?:\?, )*\?\))")
MOST_WAITING = 200_000
"""Rows that may wait for a database that is away. Beyond that what people only read later is left out."""
TAKEN = "another depot has it open: two would steer the same feeders; stop that one, or set `ledger`"
LEAST_EVENTS, MOST_EVENTS = 100, 300
"""That are deleted with one commit: as many as have come meanwhile, but few enough that it is short, as set-points
wait for it."""
RAN = "ledger", "ran_s"
RAN_EVERY_S = 900.0
"""How often it is kept how long depots have run on this ledger."""
LOOK_S, LONGEST_S = 0.4, 600.0
"""Between two looks at whether something is to be forgotten; whatever else a clock says does not count."""
UNWRITABLE = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError,
    ValueError,
)  # fmt: skip
"""What is wrong with the values, not with the disk: the same row will never be written."""
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
Row = tuple[str, tuple[Any, ...]]
"""A statement and its values."""


class LedgerError(V2GError):
    """The ledger cannot be opened; names the place and the remedy."""


class Rows:
    """What waits to be written, numbered; the part that all dialects share."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.committed = 0
        self.trouble: str | None = None
        self.wake: Callable[[], None] = lambda: None
        """Called after each commit, in whichever thread writes."""
        self._number = 0
        self._given: list[Row] = []
        self._spans: dict[tuple[str, str], tuple[float, float]] = {}
        """What the ledger has of transactions that run; a part of them."""
        self._entered = 0
        """Events since some were forgotten."""
        self._forgetting = 0
        """The row by which some are."""
        self._ran_s: float | None = None
        self._ran_kept_s = self._looked_s = float("-inf")

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk yet."""
        return self._number - self.committed

    @property
    def size_b(self) -> int | None:
        """What it takes on this machine's disk; None if it is elsewhere."""
        return None

    def enter(self, entry: Entry) -> int:
        """Enter an event with the next commit."""
        key, ended = (entry.station, entry.transaction), entry.kind == "Ended"
        since_s, until_s = self._spans.get(key, (float("inf"), float("-inf")))
        if ended or entry.at_s < since_s or entry.at_s > until_s + sql.SPAN_S:
            # Before the event, which is not found without it.
            self._add(sql.SPAN, (*key, entry.at_s, entry.at_s, int(ended), self.day))
            if len(self._spans) >= MOST_WAITING:
                self._spans.clear()
            self._spans[key] = min(since_s, entry.at_s), max(until_s, entry.at_s)
        if ended:
            self._spans.pop(key, None)
        self._entered += 1
        return self._add(
            sql.ENTER,
            (entry.station, entry.transaction, min(entry.seq, MOST_SEQ), entry.kind, entry.evse, entry.vehicle,
             entry.at_s, entry.import_wh, entry.export_wh, entry.document),
        )  # fmt: skip

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row of the depot's state, or forget it, with the next commit."""
        return self._add(sql.FORGET, (kind, key)) if value is None else self._add(sql.PUT, (kind, key, value))

    def decided(self, decision: Decided) -> int:
        """Keep a decision with the next commit."""
        if self.waiting >= MOST_WAITING:
            return self._number
        return self._add(sql.DECIDE, (decision.at_s, decision.charger, decision.vehicle, decision.power_w,
                                  decision.binding, decision.why))  # fmt: skip

    def record(self, record: Record) -> int:
        """Keep a mean of the site with the next commit."""
        return self._add(sql.RECORD, record)

    def forget_decisions(self, before_s: float) -> int:
        """Drop some of the decisions that are older, with the next commit."""
        return self._add(sql.FORGET_DECISIONS, (before_s,))

    @property
    def ran_s(self) -> float:
        """How long depots have run on this ledger: the clock by which it forgets. Nobody can set it."""
        if self._ran_s is None:
            self._ran_s = float(self.kept.get(RAN, b"0"))
        return self._ran_s

    @property
    def day(self) -> int:
        """Days that depots have run on this ledger."""
        return int(self.ran_s // DAY_S)

    def age(self, now: float, days: int) -> None:
        """Called often, with `now` of a clock that does not jump. Some of what has ended more than these days ago is
        forgotten with the next commit, once what was to be forgotten before is gone from the disk."""
        if 0.0 <= (passed_s := now - self._looked_s) < LOOK_S:
            return
        self._looked_s = now
        self._ran_s = self.ran_s + (passed_s if 0.0 < passed_s <= LONGEST_S else 0.0)
        if self._ran_s >= self._ran_kept_s + RAN_EVERY_S:
            self._ran_kept_s = self._ran_s
            self.put(*RAN, str(round(self._ran_s)).encode())
        if self.day > days and self.committed >= self._forgetting:
            self._add(sql.FORGET_SPANS, (self.day - days,))
            self._add(sql.DELETE_EVENTS, (min(max(self._entered, LEAST_EVENTS), MOST_EVENTS),))
            self._forgetting = self._add(sql.DELETE_SPAN, ())
            self._entered = 0

    def _add(self, statement: str, values: tuple[Any, ...]) -> int:
        self._number += 1
        self._given.append((statement, tuple(_text(each) if isinstance(each, str) else each for each in values)))
        return self._number


class SqliteLedger(Rows):
    """The ledger in a file."""

    def __init__(self, file: Path) -> None:
        """Raises `LedgerError`."""
        super().__init__()
        self._file = file
        self._waiting: list[Row] = []
        self._lock = Lock()
        self._left_out: str | None = None
        self._writer = Writer(self._write, "depot ledger")
        try:
            if file.exists():
                regular_file.check(file)
            else:
                file.touch(mode=0o600)
            self._lock_file = taken(file)
            self._connection = _opened(file)
            for statement in sql.TABLES:
                self._connection.execute(statement)
            self.kept = {(kind, key): value for kind, key, value in self._connection.execute(sql.KEPT)}
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise LedgerError(f"ledger {file}: {reason}; {_remedy(error)}") from error

    def commit(self) -> None:
        """Write what was given, together. Returns at once."""
        if self._given:
            with self._lock:
                self._waiting += self._given
            self._given = []
        if self._waiting:
            self._writer.due()

    @property
    def size_b(self) -> int | None:
        """Of the file; None if it is gone."""
        with suppress(OSError):
            return self._file.stat().st_size
        return None

    async def flushed(self, timeout_s: float) -> bool:
        """Wait until everything given so far is on the disk; whether it came in time."""
        self.commit()
        last = self._number
        return await asyncio.to_thread(self._writer.flush, timeout_s) and self.committed >= last

    async def close(self) -> None:
        """Write what waits, and close the file."""
        self.commit()
        self._writer.close()
        self._connection.close()
        os.close(self._lock_file)

    async def accounts(self, from_s: float, until_s: float) -> list[Account]:
        """The transactions that touch a time."""
        rows = await asyncio.to_thread(self._read, sql.ACCOUNTS, (from_s - sql.SPAN_S, until_s, from_s))
        return accounts_of(rows)

    async def decisions(self, from_s: float, until_s: float, charger: str = "", most: int = -1) -> list[Decided]:
        """What was decided in a time; of one charger, or of all. `most`: the earliest ones of them."""
        rows = await asyncio.to_thread(self._read, sql.DECISIONS, (from_s, until_s, charger, charger, most))
        return [Decided(*row) for row in rows]

    async def history(self, span_s: int, from_s: float, until_s: float) -> list[Record]:
        """The site's means over spans of this length."""
        rows = await asyncio.to_thread(self._read, sql.HISTORY, (span_s, from_s, until_s))
        return [Record(*row) for row in rows]

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        reading = _opened(self._file)
        try:
            return reading.execute(statement, values).fetchall()
        finally:
            reading.close()

    def _write(self) -> None:
        with self._lock:
            rows, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        while rows:
            try:
                self._commit(rows)
            except Exception as error:  # nothing is lost, and it is tried again
                with self._lock:
                    self._waiting = rows + self._waiting
                self.trouble = f"ledger {self._file}: {error}; {_remedy(error)}"
                return
            self.trouble = self._left_out
            self.committed += len(rows)
            self.wake()
            with self._lock:
                rows, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]

    def _commit(self, rows: Sequence[Row]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._left_out = None
            for statement, run in groupby(rows, key=itemgetter(0)):
                alike = [values for _, values in run]
                for begin in range(0, len(alike), TOGETHER):
                    self._write_rows(statement, alike[begin : begin + TOGETHER])
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _write_rows(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows of one statement at once: for each statement the thread of the depot's loop has to give way."""
        if len(rows) > 1 and (many := _for_rows(statement, len(rows))) != statement:
            with suppress(*UNWRITABLE):  # one of them: which?
                self._connection.execute(many, [value for row in rows for value in row])
                return
        for row in rows:
            try:
                self._connection.execute(statement, row)
            except UNWRITABLE as error:  # one row must not hold up all others for ever
                self._left_out = f"ledger {self._file}: a row cannot be written and is left out: {error}"


@lru_cache(maxsize=4 * TOGETHER)
def _for_rows(statement: str, count: int) -> str:
    """The same for this number of rows, if it inserts any."""
    row = _ROW.search(statement)
    return statement if row is None else statement.replace(row[0], "VALUES " + ", ".join([row[1]] * count), 1)


def taken(file: Path) -> int:
    """The lock of a ledger, which its process has until it ends, however it ends. Raises `LedgerError`.

    Not on the file itself: SQLite has locks of its own there, which closing another descriptor of it would release.
    """
    lock = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise LedgerError(f"ledger {file}: {TAKEN}") from error
    return lock


def _remedy(error: Exception) -> str:
    if getattr(error, "sqlite_errorcode", None) in DAMAGED:
        return (
            "it is damaged: stop the depot and move the file away, a new one is begun; `sqlite3 .recover` saves events"
        )
    if isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return "free some space, or set `ledger`"
    return "let this user write there, or set `ledger`"


def _text(value: str) -> str:
    """What every database can hold: a station may send any character."""
    if value.isascii() and "\x00" not in value:
        return value
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def accounts_of(rows: Iterable[Sequence[Any]]) -> list[Account]:
    """Rows of `sql.ACCOUNTS` as values."""
    return [
        Account(
            station=row[0], transaction=row[1], evse=row[2], vehicle=row[3], since_s=row[4], until_s=row[5],
            ended=bool(row[6]), events=row[7], missing=row[8], charged_wh=row[9], discharged_wh=row[10],
        )
        for row in rows
    ]  # fmt: skip


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection
