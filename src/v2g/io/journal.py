"""What must survive a restart, in a file: whole or not at all, also over a power cut."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from v2g.io.writer import Writer
from v2g.station.kept import Entry, KeptEvse

LARGEST = 1 << 20
"""Bytes; a larger file is none of ours."""


class Journal:
    """`v2g.station.kept.Keeper` on a file. One that cannot be read or written stops nothing: `trouble` says why.

    A damaged file is set aside as `*.damaged`, for somebody to look at. The hardware does not depend on the file: its
    watchdogs act by themselves, and every start commands the safe state.
    """

    def __init__(self, file: Path | None) -> None:
        self.trouble: str | None = None
        self.found: dict[int, KeptEvse] = {}
        self._file = file
        self._failing = ""
        """Why it cannot be written, as reported; empty while it can."""
        self._latest = b""
        """What has to be on the disk: of several states the latest one is written."""
        self._writer = Writer(self._write, "kept")
        if file is not None:
            self._read(file)
        self._kept = {number: replace(kept, entry=Entry()) for number, kept in self.found.items()}

    def keep(self, evse: int, state: KeptEvse) -> None:
        """The state of this EVSE; written when it is another one."""
        before = self._kept.get(evse, KeptEvse())
        if self._file is None or state == replace(before, entry=replace(before.entry, since=state.entry.since)):
            return
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._kept[evse] = replace(state, entry=replace(state.entry, since=since))
        self._latest = msgspec.json.encode(self._kept)
        self._writer.due()

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was kept so far is on the disk, or could not be written; whether it came in time."""
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Everything that was kept is on the disk from now on, if the disk takes it in time."""
        self._writer.close()

    def _write(self) -> None:
        assert self._file is not None
        failing = ""
        try:
            _replace(self._file, self._latest)
        except OSError as error:
            failing = f"kept file {self._file}: {error.strerror}; let this user write there, or set `kept`"
        if failing and failing != self._failing:
            self.trouble = failing
        self._failing = failing

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
            self.trouble = f"kept file {file}: {error.strerror}; what the last process left behind is not known"
        except (ValueError, RecursionError) as error:
            self.trouble = f"kept file {file}: {error}; {_set_aside(file)}; operator limits have to be set again"


def _set_aside(file: Path) -> str:
    aside = file.with_name(file.name + ".damaged")
    try:
        os.replace(file, aside)
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
