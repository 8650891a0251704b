"""What must survive a restart, in a file: whole or not at all, also over a power cut."""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from v2g.io.writer import Writer
from v2g.station.kept import Entry, KeptEvse

LARGEST = 1 << 20
"""Bytes; a larger file is none of ours."""
AGAIN_S = 10.0
"""From a write that failed to the next attempt, if nothing changes meanwhile: the disk may be full for a while."""

_LOST = (
    "nothing is fed until the grid settings (`v2g grid default`) and the discharge limit (`modbus_write`) are set "
    "again; charging has the limits of the configuration, and a minimum state of charge must be set again first"
)


class Journal:
    """`v2g.station.kept.Keeper` on a file. One that cannot be read or written stops nothing: `trouble` says why.

    A damaged file is set aside as `*.damaged`, for somebody to look at. What was set of the grid code and the limits of
    the operator are lost then, and stay so: a withdrawn permission may be among them, or a limit of nothing. The
    hardware does not depend on the file: its watchdogs act by themselves, and every start commands the safe state.
    """

    def __init__(
        self, file: Path | None, evses: Iterable[int] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`evses`: whose state is lost if the file cannot be read."""
        self.trouble: str | None = None
        """To be reported, once."""
        self.not_kept: str | None = None
        """Why the latest state is not on the disk."""
        self.found: dict[int, KeptEvse] = {}
        self._file, self._clock = file, clock
        self._again_s = float("-inf")
        self._given: dict[int, KeptEvse] = {}
        """The latest state of each EVSE, without its time: it is given again and again."""
        self._latest = b""
        """What has to be on the disk: of several states the latest one is written."""
        self._writer = Writer(self._write, "kept")
        if file is not None:
            self._read(file)
        if self.trouble is not None:
            why = f"{file} could not be read"
            self.found = {number: KeptEvse(grid_lost=why, limits_lost=why) for number in evses}
        self._kept = {number: replace(kept, entry=Entry()) for number, kept in self.found.items()}
        if self.trouble is not None:  # the next process must know, too
            self._latest = msgspec.json.encode(self._kept)
            self._due()

    def keep(self, evse: int, state: KeptEvse) -> None:
        """The state of this EVSE; written when it is another one."""
        same = state == self._given.get(evse)
        if not same:
            before, self._given[evse] = self._kept.get(evse, KeptEvse()), state
            same = state == replace(before, entry=replace(before.entry, since=state.entry.since))
        if self._file is None or (same and (self.not_kept is None or self._clock() < self._again_s)):
            return
        if same:
            self._due()
            return
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._kept[evse] = replace(state, entry=replace(state.entry, since=since))
        self._latest = msgspec.json.encode(self._kept)
        self._due()

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was kept so far is on the disk, or could not be written; whether it came in time."""
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Everything that was kept is on the disk from now on, if the disk takes it in time."""
        self._writer.close()

    def _due(self) -> None:
        self._again_s = self._clock() + AGAIN_S
        self._writer.due()

    def _write(self) -> None:
        assert self._file is not None
        why = None
        try:
            _replace(self._file, self._latest)
        except OSError as error:
            remedy = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "let this user write there"
            why = f"kept file {self._file}: {error.strerror}; {remedy}, or set `kept`"
        if why is not None and why != self.not_kept:
            self.trouble = why
        self.not_kept = why

    def _read(self, file: Path) -> None:
        try:
            found = os.stat(file)
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("it is no regular file")
            if found.st_size > LARGEST:
                raise ValueError(f"it has {found.st_size} bytes")
            self.found = msgspec.json.decode(file.read_bytes(), type=dict[int, KeptEvse])
        except FileNotFoundError:
            pass
        except OSError as error:
            self.trouble = f"kept file {file}: {error.strerror}; {_LOST}"
        except (ValueError, RecursionError) as error:
            self.trouble = f"kept file {file}: {error}; {_set_aside(file)}; {_LOST}"


def _set_aside(file: Path) -> str:
    """A copy of the damage. The file itself stays until another is on the disk: without any, the next process would
    know of no loss, and feed."""
    aside = file.with_name(file.name + ".damaged")
    try:
        aside.unlink(missing_ok=True)
        os.link(file, aside, follow_symlinks=False)
    except OSError as error:
        return f"it cannot be set aside ({error.strerror})"
    return f"set aside as {aside}"


def _replace(file: Path, data: bytes) -> None:
    """Replace the file: after a power cut it is the old one or the new one."""
    file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    with open(temporary, "wb", opener=_without_waiting) as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _without_waiting(path: str, flags: int) -> int:
    """A pipe in the place of the file is an error, not something to wait for."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW, 0o640)
