"""Finds the V2GTP frames of one direction of a connection, and finds them again after a fault."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from v2g.v2gtp.framing import DEFAULT_LIMIT, HEADER, STREAM_TYPES, VERSION


class RawFrame(NamedTuple):
    """A V2GTP frame; the payload type may be one that no standard knows."""

    payload_type: int
    payload: bytes
    announced: int
    """The length in the header."""
    actual: int
    """The bytes up to the next header or the end of the segment; differs from `announced` if the header is wrong."""
    earlier: bool = False
    """Whether it was complete before the latest bytes arrived."""


class Fault(NamedTuple):
    """A place at which the stream is not V2GTP or not complete."""

    rule: str
    text: str


class Scanner:
    """Takes the bytes of a stream that may begin anywhere and may not be V2GTP at all.

    A header's length is believed unless the stream contradicts it: a header before the announced end, surplus bytes
    after it, or the end of the stream before it. Then `reads` (payload type, payload) decides which length gives a
    whole message, so that a wrong length spoils its own message at most.
    """

    def __init__(self, reads: Callable[[int, bytes], bool]) -> None:
        self._reads = reads
        self._buffer = bytearray()
        self._latest = 0
        """Where in the buffer the latest segment begins, as most messages begin with a segment."""
        self._in_step = False
        self._skipped = 0
        self._missing = 0
        self.found = False
        """Whether the stream had a frame so far. Without one it is of another protocol, and no faults are reported."""

    def feed(self, data: bytes, missing: int = 0) -> Iterator[RawFrame | Fault]:
        """What `data` completes; `missing` bytes before it are lost."""
        if missing:
            yield from self.pause()
            self._lose_step(len(self._buffer))
            self._missing += missing
        self._latest = len(self._buffer)
        self._buffer += data
        while self._in_step or self._search():
            if self._missing or (self._skipped and self.found):
                yield self._fault()
            if len(self._buffer) < HEADER.size:
                return
            version, payload_type, announced = HEADER.unpack_from(self._buffer)
            if version != VERSION or (payload_type not in STREAM_TYPES and announced > DEFAULT_LIMIT):
                self._lose_step(1)
                continue
            sizes = self._sizes(payload_type, announced)
            if sizes is None:
                if len(self._buffer) <= HEADER.size + DEFAULT_LIMIT:
                    return
                self._lose_step(1)
                continue
            yield self._take(payload_type, announced, *sizes)

    @property
    def is_within_message(self) -> bool:
        """Whether a message has begun that is not complete."""
        return self._in_step and bool(self._buffer)

    def pause(self) -> Iterator[RawFrame]:
        """The pending message, if it is whole although its header announces more. To be called when no more of it can
        come: the other side answers, or bytes are lost."""
        if self._in_step and len(self._buffer) > HEADER.size:
            version, payload_type, announced = HEADER.unpack_from(self._buffer)
            payload = bytes(self._buffer[HEADER.size :])
            if version == VERSION and self._reads(payload_type, payload):
                yield self._take(payload_type, announced, len(payload), len(payload))._replace(earlier=True)

    def flush(self, side: str = "") -> Iterator[RawFrame | Fault]:
        """What is left at the end of the stream. `side`: whose stream it is, if the other side's had frames."""
        yield from self.pause()
        if side and not self.found and self._missing:
            text = f"the capture has nothing of what {side} sent on this connection, {self._missing} bytes or more"
            yield Fault("one side", f"{text}; the order of the messages and their times are not judged")
            return
        if self._buffer and self._in_step:
            text = f"the stream ends within a message, after {len(self._buffer)} bytes of it"
            if len(self._buffer) >= HEADER.size:
                text = f"{text}, whose header announces {int.from_bytes(self._buffer[4:8])}"
            yield Fault("incomplete", text)
        elif self.found and (self._missing or self._skipped or self._buffer):
            self._skipped += len(self._buffer)
            yield self._fault()

    def _sizes(self, payload_type: int, announced: int) -> tuple[int, int] | None:
        """The length of the payload in the buffer, and of payload and surplus; None while the message is incomplete."""
        buffer, start, end = self._buffer, HEADER.size, HEADER.size + announced
        complete = len(buffer) >= end
        following = self._header(start if complete else max(start, self._latest - HEADER.size), end)
        if following is not None:
            if complete and self._reads(payload_type, bytes(buffer[start:end])):
                return announced, announced
            is_certain = following == self._latest or announced > DEFAULT_LIMIT
            if is_certain or self._reads(payload_type, bytes(buffer[start:following])):
                return following - start, following - start
        if not complete:
            return None
        if VERSION.startswith(buffer[end : end + len(VERSION)]) or self._latest > 0:
            return announced, announced
        actual = (self._header(end, len(buffer)) or len(buffer)) - start
        reads_all = self._reads(payload_type, bytes(buffer[start : start + actual]))
        return actual if reads_all else announced, actual

    def _take(self, payload_type: int, announced: int, length: int, actual: int) -> RawFrame:
        end = HEADER.size + length
        earlier = end <= self._latest
        payload = bytes(self._buffer[HEADER.size : end])
        self._remove(HEADER.size + actual)
        self.found = True
        return RawFrame(payload_type, payload, announced, actual, earlier)

    def _remove(self, size: int) -> None:
        del self._buffer[:size]
        self._latest -= size

    def _lose_step(self, size: int) -> None:
        """The next `size` bytes belong to no frame."""
        self._skipped += size
        self._remove(size)
        self._in_step = False

    def _header(self, start: int, end: int) -> int | None:
        """Where the next header begins, at or after `start` and before `end`."""
        place = self._buffer.find(VERSION, start, end + 1)
        while 0 <= place <= len(self._buffer) - HEADER.size:
            _, payload_type, length = HEADER.unpack_from(self._buffer, place)
            rest = len(self._buffer) - place - HEADER.size
            if payload_type in STREAM_TYPES and length <= DEFAULT_LIMIT:
                return place
            if place == self._latest and (payload_type in STREAM_TYPES or length == rest):
                return place  # at the beginning of a segment, one wrong field is tolerated
            place = self._buffer.find(VERSION, place + 1, end + 1)
        return None

    def _search(self) -> bool:
        """Go to the next header, if there is one."""
        place = self._header(0, len(self._buffer))
        if place is not None:
            self._lose_step(place)
            self._in_step = True
            return True
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
