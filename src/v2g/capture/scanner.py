"""Finds the V2GTP frames of one direction of a connection, and finds them again after a fault."""

from collections.abc import Iterator
from typing import NamedTuple

from v2g.v2gtp.framing import DEFAULT_LIMIT, HEADER, STREAM_TYPES, VERSION


class RawFrame(NamedTuple):
    """A V2GTP frame; the payload type may be one that no standard knows."""

    payload_type: int
    payload: bytes


class Fault(NamedTuple):
    """A place where the stream is not V2GTP, or not complete."""

    rule: str
    text: str


class Scanner:
    """Takes the bytes of a stream that need not begin with a frame, nor be V2GTP at all."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_step = False
        self._skipped = 0
        self._missing = 0
        self.found = False
        """Whether the stream had a frame so far. Without one it carries something else, and no faults are reported."""

    def feed(self, data: bytes, missing: int = 0) -> Iterator[RawFrame | Fault]:
        """What `data` completes; `missing` bytes before it are lost."""
        if missing:
            self._lose_step(len(self._buffer))
            self._missing += missing
        self._buffer += data
        while self._in_step or self._search():
            if self._missing or (self._skipped and self.found):
                yield self._fault()
            if len(self._buffer) < HEADER.size:
                return
            version, payload_type, length = HEADER.unpack_from(self._buffer)
            if version != VERSION or length > DEFAULT_LIMIT:
                self._lose_step(1)
                continue
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            self.found = True
            yield RawFrame(payload_type, bytes(self._buffer[HEADER.size : end]))
            del self._buffer[:end]

    def flush(self) -> Iterator[Fault]:
        """What is left at the end of the stream."""
        if self._buffer and self._in_step:
            yield Fault("incomplete", f"the stream ends within a message, after {len(self._buffer)} bytes of it")
        elif self.found and (self._missing or self._skipped or self._buffer):
            self._skipped += len(self._buffer)
            yield self._fault()

    def _lose_step(self, size: int) -> None:
        """The next `size` bytes belong to no frame."""
        self._skipped += size
        del self._buffer[:size]
        self._in_step = False

    def _search(self) -> bool:
        """Go to the next header, if there is one."""
        place = self._buffer.find(VERSION)
        while place >= 0 and len(self._buffer) - place >= HEADER.size:
            _, payload_type, length = HEADER.unpack_from(self._buffer, place)
            if payload_type in STREAM_TYPES and length <= DEFAULT_LIMIT:
                self._lose_step(place)
                self._in_step = True
                return True
            place = self._buffer.find(VERSION, place + 1)
        keep = HEADER.size - 1
        if len(self._buffer) > keep:
            self._lose_step(len(self._buffer) - keep)
        return False

    def _fault(self) -> Fault:
        missing, skipped = self._missing, self._skipped
        self._missing = self._skipped = 0
        left_out = f"{skipped} bytes without a V2GTP header are skipped"
        if not missing:
            return Fault("no header", f"{left_out}; look for a proxy or a second sender on this connection")
        text = f"{missing} bytes of the stream are missing in the capture"
        return Fault("gap", f"{text}, {left_out}" if skipped else text)
