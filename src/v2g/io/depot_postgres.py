"""`v2g.depot.ledger.Ledger` in PostgreSQL: one writer, one commit for what waits, the statements of `depot_ledger_sql`.

A server that is away holds nobody up: what waits stays in memory, and is written once the server is back.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from v2g.depot.history import Record
from v2g.depot.ledger import Account, Decided
from v2g.io import depot_ledger_sql as sql
from v2g.io.depot_ledger import BATCH, TAKEN, LedgerError, Row, Rows, accounts_of

AGAIN_S = 1.0
"""Before the next attempt to write."""
PATIENCE_S = 20.0
"""For one statement."""
TABLES_S = 3_600.0
"""To make the tables of an earlier version those of this one."""
CLOSE_S = 5.0
LOCK, LOCK_S = 0x76326764, 30.0
"""The advisory lock that a depot has on its database, and how long the server needs to find that its host is gone."""
ALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}


class PostgresLedger(Rows):
    """The ledger in a database."""

    def __init__(self, pool: Any, connection: Any, place: str) -> None:
        """Use `open_ledger`. `connection`: the one that has the lock."""
        super().__init__()
        self._pool, self._place = pool, place
        self._connection: Any = connection
        self._waiting: list[Row] = []
        self._news, self._written = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.create_task(self._write())

    def commit(self) -> None:
        """Write what was given, together. Returns at once."""
        if self._given:
            self._waiting += self._given
            self._given = []
            self._news.set()

    async def flushed(self, timeout_s: float) -> bool:
        """Wait until everything given so far is on the disk; whether it came in time."""
        self.commit()
        last = self._number
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.committed < last:
                    self._written.clear()
                    await self._written.wait()
        return self.committed >= last

    async def close(self) -> None:
        """Write what waits, if the server is there, and leave it."""
        await self.flushed(CLOSE_S)
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def accounts(self, from_s: float, until_s: float) -> list[Account]:
        """The transactions that touch a time. Raises `LedgerError`."""
        return accounts_of(await self._read(sql.ACCOUNTS, (from_s - sql.SPAN_S, until_s, from_s)))

    async def decisions(self, from_s: float, until_s: float, charger: str = "", most: int = -1) -> list[Decided]:
        """What was decided in a time; of one charger, or of all. `most`: the earliest ones. Raises `LedgerError`."""
        rows = await self._read(sql.DECISIONS, (from_s, until_s, charger, charger, None if most < 0 else most))
        return [Decided(*row) for row in rows]

    async def history(self, span_s: int, from_s: float, until_s: float) -> list[Record]:
        """The site's past in records of a span. Raises `LedgerError`."""
        return [Record(*row) for row in await self._read(sql.HISTORY, (span_s, from_s, until_s))]

    async def _read(self, statement: str, values: Sequence[Any]) -> list[Any]:
        try:
            found: list[Any] = await self._pool.fetch(numbered(statement), *values, timeout=PATIENCE_S)
        except Exception as error:
            raise LedgerError(_why(self._place, error)) from error
        return found

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                rows = self._waiting[:BATCH]
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        left_out = await self._commit(rows)
                except Exception as error:  # whatever the driver raises: nothing is lost, and it is tried again
                    if self._connection is not None:  # with the lock: another depot may take over
                        self._connection.terminate()
                        self._connection = None
                    self.trouble = _why(self._place, error)
                    await asyncio.sleep(AGAIN_S)
                    continue
                del self._waiting[: len(rows)]
                self.trouble = left_out
                self.committed += len(rows)
                self._written.set()
                self.wake()

    async def _commit(self, rows: Sequence[Row]) -> str | None:
        """Returns what had to be left out, if anything: one row must not hold up all others for ever."""
        if self._connection is None:
            self._connection = await _alone(self._place)
        connection, left_out = self._connection, None
        await connection.execute("BEGIN")
        try:
            for statement, run in groupby(rows, key=lambda row: row[0]):
                await connection.executemany(numbered(statement), [values for _, values in run])
        except _unwritable():
            await connection.execute("ROLLBACK")
            await connection.execute("BEGIN")
            for statement, values in rows:
                await connection.execute("SAVEPOINT row")
                try:
                    await connection.execute(numbered(statement), *values)
                except _unwritable() as error:
                    await connection.execute("ROLLBACK TO row")
                    left_out = f"ledger {shown_place(self._place)}: a row cannot be written and is left out: {error}"
        await connection.execute("COMMIT")
        return left_out


def _unwritable() -> tuple[type[Exception], ...]:
    """What is wrong with the values, not with the database."""
    from asyncpg import DataError, IntegrityConstraintViolationError

    return DataError, IntegrityConstraintViolationError, ValueError, OverflowError


async def _alone(place: str) -> Any:
    """A connection that keeps other depots from this database while it lasts. Raises `LedgerError`."""
    import asyncpg

    connection = await asyncpg.connect(place, timeout=PATIENCE_S, command_timeout=PATIENCE_S, server_settings=ALIVE)
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
        connection.terminate()
        raise LedgerError(f"ledger {shown_place(place)}: {TAKEN}")
    return connection


async def open_ledger(place: str) -> PostgresLedger:
    """Connect to `postgresql://...` and make the tables. Raises `LedgerError`."""
    try:
        import asyncpg
    except ImportError as error:
        raise LedgerError("a ledger in PostgreSQL needs the Python package asyncpg; install v2g[postgres]") from error
    deadline_s = asyncio.get_running_loop().time() + LOCK_S
    while True:
        try:
            connection = await _alone(place)
            break
        except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise LedgerError(_why(place, error)) from error
        except LedgerError:  # of a depot that has just ended
            if asyncio.get_running_loop().time() >= deadline_s:
                raise
            await asyncio.sleep(AGAIN_S)
    try:
        pool = await asyncpg.create_pool(place, min_size=0, max_size=3, timeout=PATIENCE_S, command_timeout=PATIENCE_S)
        for statement in sql.TABLES:
            await connection.execute(statement, timeout=TABLES_S)
        rows = await connection.fetch(sql.KEPT)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        connection.terminate()
        raise LedgerError(_why(place, error)) from error
    ledger = PostgresLedger(pool, connection, place)
    ledger.kept = {(kind, key): bytes(value) for kind, key, value in rows}
    return ledger


def numbered(statement: str) -> str:
    """`?` as PostgreSQL writes it: `$1`, `$2` ..."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def _why(place: str, error: BaseException) -> str:
    if isinstance(error, LedgerError):
        return str(error)
    return f"ledger {shown_place(place)}: {error or type(error).__name__}; start the database, or set `ledger`"


def shown_place(place: str) -> str:
    """Without user and password."""
    return place.rpartition("@")[2]
