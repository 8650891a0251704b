"""`v2g.fleet.ledger.FleetLedger` in PostgreSQL: partitioned by month, one statement for all entries of a commit.

Sequences are microseconds of Unix time and more (`v2g.fleet.books`), so a month is a range of sequences, and the key
that makes an entry unique contains what it is partitioned by.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from v2g.fleet.view import Batch
from v2g.io.depot_ledger import LedgerError
from v2g.io.depot_postgres import ALIVE, PATIENCE_S, numbered, shown_place
from v2g.io.fleet_ledger import COLUMNS, ENTRY, KEPT, LATER_COLUMNS, LONGER, TABLES, Reads, Soon, rows_of

LOCK = 0x76326766
TAKE = "SELECT pg_try_advisory_lock($1)"
AGAIN_S, LOCK_S, CLOSE_S = 1.0, 30.0, 5.0
_TYPES = (
    "text",
    "bigint",
    "bigint",
    "float8",
    "float8",
    "text",
    "text",
    "text",
    "text",
    "float8",
    "float8",
    "float8",
    "text",
    "bigint",
    "float8",
)
ENTER = (
    f"INSERT INTO entry ({', '.join(COLUMNS)}) SELECT * FROM unnest("  # noqa: S608
    + ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_TYPES, 1))
    + f"){LONGER}"
)
FIRST_YEAR, LAST_YEAR = 2020, 2100
"""Of an entry that is dated elsewhere its clock is wrong; the table `entry_other` has it."""


class PostgresFleetLedger(Soon, Reads):
    """The ledger in a database."""

    def __init__(self, pool: Any, alone: Any, place: str) -> None:
        """Use `open_ledger`. `alone`: the connection that has the lock."""
        super().__init__()
        self._pool, self._place = pool, place
        self._alone, self._holding = alone, asyncio.Lock()
        self._months: set[tuple[int, int]] = set()
        self._writing = asyncio.create_task(self._write())

    async def enter(self, batches: Sequence[Batch]) -> int:
        """Enter entries; all are on the disk when it returns. Raises `LedgerError`."""
        rows = rows_of(batches)
        if not rows:
            return 0
        await self._hold()
        try:
            async with self._pool.acquire() as connection:
                await self._partition(connection, (row[1] for row in rows))
                done = await connection.execute(ENTER, *map(list, zip(*rows, strict=True)), timeout=PATIENCE_S)
        except Exception as error:
            raise _failed(self._place, error) from error
        return int(done.rpartition(" ")[2])

    async def _hold(self) -> None:
        """Take the lock again that went with a database that was away. Raises `LedgerError` if another fleet has it."""
        async with self._holding:
            if not self._alone.is_closed():
                return
            try:
                alone = await _connected(self._place)
                held = await alone.fetchval(TAKE, LOCK)
            except Exception as error:
                raise _failed(self._place, error) from error
            if not held:
                alone.terminate()
                raise LedgerError(_taken(self._place))
            self._alone = alone

    async def _partition(self, connection: Any, sequences: Iterable[int]) -> None:
        """A table for each month that entries are of."""
        days = {each // _DAY * _DAY for each in sequences if each < _END}
        months = {(at.year, at.month) for at in (datetime.fromtimestamp(each / 1e6, UTC) for each in days)}
        for year, month in months - self._months:
            if FIRST_YEAR <= year < LAST_YEAR:
                after = (year + month // 12, month % 12 + 1)
                begin, end = (int(datetime(*each, 1, tzinfo=UTC).timestamp() * 1e6) for each in ((year, month), after))
                with suppress(
                    _library().CheckViolationError
                ):  # entries came after it was dropped: `entry_other` has it
                    await connection.execute(
                        f"CREATE TABLE IF NOT EXISTS entry_{year}_{month:02} PARTITION OF entry"
                        f" FOR VALUES FROM ({begin}) TO ({end})"
                    )
            self._months.add((year, month))

    async def close(self) -> None:
        """Write what waits, if the server is there, and leave it."""
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        with suppress(LedgerError):
            await self._flush()
        self._alone.terminate()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _read(self, statement: str, values: Sequence[Any]) -> list[Any]:
        try:
            found: list[Any] = await self._pool.fetch(numbered(statement), *values, timeout=PATIENCE_S)
        except Exception as error:
            raise _failed(self._place, error) from error
        return found

    async def _flush(self) -> None:
        soon, self._soon = self._soon, {}
        if not soon:
            return
        try:
            await self._hold()
            async with self._pool.acquire() as connection, connection.transaction():
                for statement, values in soon.values():
                    await connection.execute(numbered(statement), *values, timeout=PATIENCE_S)
        except Exception as error:
            self._soon = soon | self._soon
            raise error if isinstance(error, LedgerError) else _failed(self._place, error) from error

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._flush()
            except LedgerError:
                await asyncio.sleep(AGAIN_S)
                self._news.set()


class PostgresFleetReader(Reads):
    """The ledger in a database, also while a fleet has it open."""

    def __init__(self, connection: Any, place: str) -> None:
        """Use `open_reader`."""
        self._connection, self._place = connection, place

    async def _read(self, statement: str, values: Sequence[Any]) -> list[Any]:
        try:
            found: list[Any] = await self._connection.fetch(numbered(statement), *values)
        except Exception as error:
            raise _failed(self._place, error) from error
        return found

    async def close(self) -> None:
        """Leave the database."""
        self._connection.terminate()


async def _connected(place: str) -> Any:
    return await _library().connect(place, timeout=PATIENCE_S, command_timeout=PATIENCE_S, server_settings=ALIVE)


def _taken(place: str) -> str:
    return f"ledger {shown_place(place)}: another fleet has it open; stop that one"


def _failed(place: str, error: Exception) -> LedgerError:
    text = str(error) or type(error).__name__
    return LedgerError(f"ledger {shown_place(place)}: {text}; start the database, or set `ledger`")


_DAY = 86_400_000_000
_END = int(datetime(LAST_YEAR, 1, 1, tzinfo=UTC).timestamp() * 1e6)


async def open_ledger(place: str) -> PostgresFleetLedger:
    """Connect to `postgresql://...` and make the tables. Raises `LedgerError`."""
    asyncpg = _library()
    deadline_s = asyncio.get_running_loop().time() + LOCK_S
    try:
        alone = await _connected(place)
        while not await alone.fetchval(TAKE, LOCK):
            if asyncio.get_running_loop().time() > deadline_s:
                alone.terminate()
                raise LedgerError(_taken(place))
            await asyncio.sleep(AGAIN_S)
        entry = f"CREATE TABLE IF NOT EXISTS entry ({ENTRY}) PARTITION BY RANGE (sequence)"
        other = "CREATE TABLE IF NOT EXISTS entry_other PARTITION OF entry DEFAULT"
        added = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in LATER_COLUMNS.items())
        for statement in (entry, other, f"ALTER TABLE entry {added}", *TABLES):
            await alone.execute(statement)
        rows = await alone.fetch(KEPT)
        pool = await asyncpg.create_pool(place, min_size=1, max_size=4, timeout=PATIENCE_S, command_timeout=PATIENCE_S)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _failed(place, error) from error
    ledger = PostgresFleetLedger(pool, alone, place)
    ledger.kept = {(kind, key): bytes(value) for kind, key, value in rows}
    return ledger


async def open_reader(place: str) -> PostgresFleetReader:
    """Connect to read. Raises `LedgerError`."""
    asyncpg = _library()
    try:
        settings = ALIVE | {"default_transaction_read_only": "on"}
        return PostgresFleetReader(await asyncpg.connect(place, timeout=PATIENCE_S, server_settings=settings), place)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _failed(place, error) from error


def _library() -> Any:
    try:
        import asyncpg
    except ImportError as error:
        raise LedgerError("a ledger in PostgreSQL needs the Python package asyncpg; install v2g[fleet]") from error
    return asyncpg
