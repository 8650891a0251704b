"""`v2g.ocpp.store.Store` in SQLite: one writer thread, all that waits in one commit."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock

from v2g.io.writer import Writer

BUSY_S = 5.0
AGAIN_S = 5.0
"""Before rows that could not be written are tried again without a new one."""
_Row = tuple[int, str, str, bytes | None]


def _readable(file: Path) -> tuple[dict[tuple[str, str], bytes], bool]:
    """The rows of a file that can be read without writing to its disk, from either end up to the damage if there is
    one (what has to end a transaction is among them most of the time); and whether these are all."""
    found: dict[tuple[str, str], bytes] = {}
    forward = "SELECT kind, key, value FROM kept ORDER BY kind, key"
    for asked in (forward, "SELECT kind, key, value FROM kept ORDER BY kind DESC, key DESC"):
        with suppress(sqlite3.Error), closing(sqlite3.connect(file, timeout=0)) as connection:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # a log is then read without an index beside it
            for kind, key, value in connection.execute(asked):
                if isinstance(kind, str) and isinstance(key, str) and isinstance(value, bytes):
                    found[kind, key] = value
            return found, True
    return found, False


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is damaged. Otherwise its disk is full, read-only or away, or somebody has locked it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SqliteStore:
    """Rows in a file. A damaged file is set aside as `*.damaged`; one that cannot be written keeps its rows in memory
    and tries again with the next row, or a little later. One that somebody removes is put back. One that cannot be
    read when the station starts is left as it is for the next start. `trouble` says so. If there is no file that can
    be written, the rows count as kept: nobody waits for a disk that is not there."""

    def __init__(self, file: Path, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called in the writer's thread after each commit."""
        self.found: dict[tuple[str, str], bytes] = {}
        self.committed = 0
        self.trouble: str | None = None
        self._file, self._wake = file, wake
        self._number = 0
        self._put: list[_Row] = []
        self._waiting: list[_Row] = []
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None
        """The file that the connection writes."""
        self._logs = False
        """Whether there is a log beside it, as there is on most file systems."""
        self._again_s = float("-inf")
        self._missing = ""
        """Why a file that was removed is not there again, as reported."""
        self._unread: sqlite3.Error | None = None
        """Why the rows of a sound file are not known: new ones could take their places."""
        self._writer = Writer(self._write, "ocpp store")
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                self._set_aside(error)
            else:
                self._leave(error)

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        """Keep a row, or forget it, with the next commit. Returns its number; `committed` reaches it when it is on the
        disk."""
        self._number += 1
        self._put.append((self._number, kind, key, value))
        return self._number

    def commit(self) -> None:
        """Write what was put, together. Returns at once."""
        if self._put:
            with self._lock:
                self._waiting += self._put
            self._put = []
            self._writer.due()
        elif self._waiting and time.monotonic() >= self._again_s:
            self._writer.due()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that was put is on the disk, or could not be written; whether it came in time."""
        self.commit()
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.commit()
        self._writer.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> None:
        with suppress(OSError):  # the connection says what is wrong
            self._file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._file.touch(mode=0o600)  # it holds passwords
        connection = sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if sound != "ok":
                raise sqlite3.DatabaseError(sound)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS kept (kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key))"
                " WITHOUT ROWID"
            )
            self.found = {
                (kind, key): value for kind, key, value in connection.execute("SELECT kind, key, value FROM kept")
            }
        except sqlite3.Error:
            connection.close()
            raise
        self._connection, self._logs = connection, mode == "wal"
        with suppress(OSError):
            self._opened = self._file.stat()

    def _leave(self, error: sqlite3.Error) -> None:
        """The file is sound as far as anybody can say: begin with its rows, and write to it as soon as it lets us."""
        self.found, whole = _readable(self._file)
        if not whole and self._file.exists() and self._file.stat().st_size:
            self.found, self._unread = {}, error
        self.trouble = self._why(error)

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Begin again with another file and what can still be read; the damaged one is left for somebody to look at."""
        aside = self._file.with_name(self._file.name + ".damaged")
        saved, _ = _readable(self._file)
        self._waiting = [(0, kind, key, value) for (kind, key), value in saved.items()]
        try:
            os.replace(self._file, aside)
            for suffix in ("-wal", "-shm"):
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
            self._open()
            self._commit(self._waiting)
            self._waiting = []
            left = f"{len(saved)} rows of it are kept" if saved else "what it held is lost"
            self.trouble = f"OCPP store {self._file}: {error}; set aside as {aside}; {left}"
        except (OSError, sqlite3.Error) as again:
            self.trouble = self._why(again)
        self.found = saved

    def _why(self, error: Exception) -> str:
        if self._unread:
            remedy = "nothing is written there before the next start; mend that, and restart the station"
        else:
            remedy = "free some space and let this user write there, or set ocpp.store; until then no restart finds it"
        return f"OCPP store {self._file}: {error}; {remedy}"

    def _write(self) -> None:
        with self._lock:
            rows = self._waiting
            self._waiting = []
        if not rows:
            return
        try:
            self._commit(rows)
        except sqlite3.Error as error:
            with self._lock:  # all of it is one commit next time: of each row the latest counts
                latest = {row[1:3]: row for row in rows + self._waiting}
                self._waiting = sorted(latest.values())
            self._again_s = time.monotonic() + AGAIN_S
            self.trouble = self._why(error)
            if self._connection is not None:
                return
            # There has never been a file: nothing survives a restart, and so nothing has to wait for the disk.
        self.committed = rows[-1][0]
        self._look_for_file()
        self._wake()

    def _look_for_file(self) -> None:
        """A file that was removed, or its log, is still written by the connection, and nobody finds it again: what it
        holds goes back to its place."""
        connection, there = self._connection, None
        with suppress(OSError):
            there = self._file.stat()
        whole = not self._logs or self._file.with_name(self._file.name + "-wal").exists()
        same = there and self._opened and os.path.samestat(there, self._opened)
        if connection is None or (same and whole):
            return
        copy = self._file.with_name(self._file.name + ".new")
        try:
            self._file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if self._file.is_dir():
                self._file.rmdir()
            copy.unlink(missing_ok=True)
            copy.touch(mode=0o600)
            connection.execute("VACUUM INTO ?", (str(copy),))
            self._connection = None
            connection.close()
            for suffix in ("-wal", "-shm"):  # those of the file that was removed
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
            os.replace(copy, self._file)
            self._open()
            self._missing, self.trouble = "", f"OCPP store {self._file}: it was removed, and has been written again"
        except (OSError, sqlite3.Error) as error:
            why = f"OCPP store {self._file}: it was removed: {error}; clear its place; until then no restart finds it"
            if why != self._missing:
                self._missing = self.trouble = why

    def _commit(self, rows: list[_Row]) -> None:
        connection = self._connection
        if self._unread:
            raise self._unread
        if connection is None:
            self._open()
            connection = self._connection
            assert connection is not None
        connection.execute("BEGIN IMMEDIATE")
        try:
            for _, kind, key, value in rows:
                if value is None:
                    connection.execute("DELETE FROM kept WHERE kind = ? AND key = ?", (kind, key))
                else:
                    connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (kind, key, value))
            connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
