"""Reads the session trace that `v2g.io.trace` writes: its lines, also of a file that grows and is rotated."""

import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from v2g.kernel.errors import V2GError

_LINE = re.compile(r"(\S+Z) evse=(\d+|-) session=(\S+) (DEBUG|INFO|WARNING|ERROR) (.*)", re.ASCII)
LONGEST_LINE = 1 << 20
"""Octets; more without an end is no trace."""


class TraceReadError(V2GError):
    """A trace cannot be read. Names the file."""


class Line(NamedTuple):
    """One event of the trace."""

    moment: str
    """UTC, ISO 8601."""
    evse: int | None
    session: str
    """Hexadecimal; `-` outside a session, `stranger` for whoever never had one."""
    level: str
    text: str

    @property
    def unix_s(self) -> float:
        """Seconds since 1970."""
        return datetime.fromisoformat(self.moment).timestamp()


def parsed(text: str) -> Line | None:
    """None for what is no whole line of a trace."""
    found = _LINE.fullmatch(text.rstrip("\n"))
    if found is None:
        return None
    moment, evse, *rest = found.groups()
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return None
    return Line(moment, None if evse == "-" else int(evse), *rest)


def read(path: Path) -> Iterator[Line]:
    """The lines of a file, also of one that logrotate has compressed (`*.gz`); others are left out. Raises
    `TraceReadError`."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while octets := file.readline(LONGEST_LINE):
                line = parsed(octets.decode(errors="replace"))
                if line is not None:
                    yield line
    except (OSError, EOFError, zlib.error) as error:
        raise TraceReadError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def follow(path: Path, last: int, wait: Callable[[], None]) -> Iterator[Line]:
    """The latest lines of a file, at most `last`, and then each new one, without end. A file that was renamed, removed
    or cut short is opened again. `wait` is called whenever there is nothing new, also while there is no file."""
    file: BinaryIO | None = None
    begun = _latest(path, last)
    held = b""
    try:
        while True:
            if file is None:
                with suppress(FileNotFoundError):
                    file, held = path.open("rb"), b""
                    if begun:
                        file.seek(begun)
                begun = 0
            octets = b"" if file is None else file.readline(LONGEST_LINE)
            held += octets
            if held.endswith(b"\n") or len(held) >= LONGEST_LINE:
                line, held = parsed(held.decode(errors="replace")), b""
                if line is not None:
                    yield line
            elif not octets:
                if file is not None and _is_over(path, file):
                    file.close()
                    file = None
                else:
                    wait()
    except OSError as error:
        raise TraceReadError(f"{path}: {error.strerror}") from error
    finally:
        if file is not None:
            file.close()


def _latest(path: Path, count: int) -> int:
    """Where the latest `count` lines begin."""
    try:
        with path.open("rb") as file:
            at = file.seek(0, os.SEEK_END)
            tail = b""
            while at > 0 and tail.count(b"\n") <= count:
                size = min(at, 1 << 16)
                at = file.seek(at - size)
                tail = file.read(size) + tail
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise TraceReadError(f"{path}: {error.strerror}") from error
    lines = tail.splitlines(keepends=True)
    return at + sum(map(len, lines[: max(0, len(lines) - count)]))


def _is_over(path: Path, file: BinaryIO) -> bool:
    """Whether the path has another file now, or less than was read of this one."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False  # the next one is not there yet
    return not os.path.samestat(status, os.fstat(file.fileno())) or status.st_size < file.tell()
