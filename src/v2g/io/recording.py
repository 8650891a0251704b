"""Recordings on disk: a bounded ring of segments, a file each. `v2g.station.recorded` has what is in them.

A file is a zlib stream of blocks, each with its length (4 octets, big endian): first a header in JSON, then the
snapshot, then the turns. It is written about once a second, so a process that dies loses that much at most; what is
there of a broken file can be read.
"""

import os
import struct
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from msgspec import DecodeError, Meta, Struct, json

from v2g.io.writer import Writer
from v2g.kernel.printable import printable
from v2g.station.recorded import Monotonic
from v2g.station.replay import RecordingError

FORMAT = "v2g recording 1"
SUFFIX = ".v2grec"
FLUSH_S, FLUSH_BYTES = 1.0, 256 << 10
"""What is not on the disk yet is at most this old, or this much."""
MOST_WAITING = 16 << 20
"""Octets that wait for a slow disk; a segment that would need more ends here."""
AGAIN_S = 30.0
"""A recording that broke off begins again with a new segment after this time, if the disk takes it."""
LARGEST_BLOCK = 32 << 20
"""Of a reader; more is no recording."""
_LEVEL = 1


class Header(Struct, frozen=True):
    """What a segment begins with."""

    format: str
    version: str
    """Of the recording program."""
    evse: int
    unix_s: Annotated[float, Meta(ge=0, le=2.4e11)]
    s: Monotonic
    """The same moment by the clock of the turns."""


class Ring:
    """`v2g.station.recorded.Sink` on a directory. What cannot be written is lost; `trouble` says why, and when that is
    over, each once."""

    def __init__(self, directory: Path, limit_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`limit_bytes`: of all files together; the oldest ones give way."""
        self.trouble: str | None = None
        self._directory, self._limit, self._clock = directory, limit_bytes, clock
        self._waiting: deque[tuple[int, bytes, bool]] = deque()
        """EVSE, block, and whether a segment begins with it."""
        self._waits_bytes, self._due_s = 0, float("-inf")
        self._begun, self._lost = set[int](), set[int]()
        """The EVSEs that are recorded; those of them whose segment has broken off."""
        self._again_s, self._broken = float("-inf"), False
        self._files: dict[int, _File] = {}
        self._writer = Writer(self._write, "recording")

    def begin(self, evse: int, snapshot: bytes) -> None:
        """See `Sink`."""
        header = Header(FORMAT, version("v2g"), evse, time.time(), self._clock())
        self._begun.add(evse)
        self._lost.discard(evse)
        self._add(evse, json.encode(header), begins=True)
        self._add(evse, snapshot)

    def take(self, evse: int, turn: bytes) -> None:
        """See `Sink`."""
        self._add(evse, turn)

    def broken_off(self, evse: int) -> bool:
        """See `Sink`."""
        return evse in self._lost and self._clock() >= self._again_s

    def close(self) -> None:
        """Everything is on the disk from now on, if it takes it in time."""
        self._writer.due()
        self._writer.close()
        for file in self._files.values():
            file.close()

    def _add(self, evse: int, block: bytes, *, begins: bool = False) -> None:
        if evse in self._lost:
            return
        if self._waits_bytes + len(block) > MOST_WAITING:  # a gap would make nonsense of what follows
            self._break_off({evse}, f"the disk is too slow; the recording of EVSE {evse} has a gap")
            return
        self._waiting.append((evse, block, begins))
        self._waits_bytes += len(block)
        now = self._clock()
        if now >= self._due_s or self._waits_bytes >= FLUSH_BYTES:
            self._due_s = now + FLUSH_S
            self._writer.due()

    def _write(self) -> None:
        """In the writer's thread."""
        try:
            while self._waiting:
                evse, block, begins = self._waiting.popleft()
                self._waits_bytes -= len(block)
                if begins:
                    self._open(evse)
                if evse in self._files:
                    self._files[evse].add(block)
            for file in self._files.values():
                file.flush()
            self._make_room()
            if self._broken and not self._lost:
                self._broken, self.trouble = False, f"{self._directory}: the recording goes on"
        except OSError as error:
            self._break_off(self._begun, f"{error.strerror}; the recording is broken off")
            for file in self._files.values():
                file.close()
                if not file.begun:  # each attempt would leave one
                    with suppress(OSError):
                        file.path.unlink()
            self._files.clear()

    def _break_off(self, evses: set[int], why: str) -> None:
        self._again_s = self._clock() + AGAIN_S
        self._lost |= evses
        if not self._broken:
            self._broken = True
            self.trouble = f"{self._directory}: {why}; it begins again within {AGAIN_S:g} s once the disk takes it"

    def _open(self, evse: int) -> None:
        if evse in self._files:
            self._files.pop(evse).close()
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        number = 0
        while (path := self._directory / f"evse{evse}-{stamp}-{number}{SUFFIX}").exists():
            number += 1
        self._files[evse] = _File(path)

    def _make_room(self) -> None:
        """Of the segments that are complete, the oldest ones go."""
        open_now = {file.path for file in self._files.values()}
        found, now_s = [], time.time()
        for each in self._directory.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # somebody has removed it meanwhile
                status = each.stat()
                of_a_wrong_clock = status.st_mtime > now_s  # it was set back since: not the latest, for all time
                found.append((0.0 if of_a_wrong_clock else status.st_mtime, each, status.st_size))
        total = sum(size for *_, size in found)
        for _, each, size in sorted(found):
            if total <= self._limit:
                return
            if each not in open_now:
                total -= size
                each.unlink(missing_ok=True)


class _File:
    """One segment, being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb")
        self._packer = zlib.compressobj(_LEVEL)
        self.begun = False
        """Whether anything is on the disk."""

    def add(self, block: bytes) -> None:
        self._file.write(self._packer.compress(struct.pack(">I", len(block)) + block))

    def flush(self) -> None:
        self._file.write(self._packer.flush(zlib.Z_SYNC_FLUSH))
        self._file.flush()
        self.begun = True

    def close(self) -> None:
        try:
            self._file.write(self._packer.flush())
            self._file.close()
        except OSError:
            pass  # reported where it was written


def segments(path: Path) -> list[Path]:
    """The segments of a directory, oldest first; a file is itself. Raises `RecordingError` for a directory without."""
    if not path.is_dir():
        return [path]
    found = []
    for each in path.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # the ring has made room meanwhile
            found.append((each.stat().st_mtime, each.name, each))
    if not found:
        raise RecordingError(f"{path} holds no recording (*{SUFFIX})")
    return [each for *_, each in sorted(found)]


def read(path: Path) -> tuple[Header, bytes, Iterator[bytes]]:
    """The header, the snapshot and the turns of a segment; a broken end is left out. Raises `RecordingError`."""
    blocks = _blocks(path)
    try:
        header = json.decode(next(blocks), type=Header)
        snapshot = next(blocks)
    except StopIteration:
        raise RecordingError(f"{path} is no recording, or was cut off at its beginning") from None
    except (DecodeError, RecursionError) as error:
        raise RecordingError(f"{path} is no recording: {error}") from None
    if header.format != FORMAT:
        raise RecordingError(f"{path} is no recording, or of another version: {printable(header.format[:80])}")
    return header, snapshot, blocks


def _blocks(path: Path) -> Iterator[bytes]:
    unpacker, held = zlib.decompressobj(), bytearray()
    try:
        with path.open("rb") as file:
            while octets := file.read(512):  # a broken spot costs no more than this before it
                try:
                    held += unpacker.decompress(octets)
                except zlib.error:
                    return
                while len(held) >= 4:
                    (size,) = struct.unpack_from(">I", held)
                    if size > LARGEST_BLOCK:
                        return
                    if len(held) < 4 + size:
                        break
                    yield bytes(held[4 : 4 + size])
                    del held[: 4 + size]
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
