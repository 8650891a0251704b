"""V2GTP framing: the eight-byte header in front of every message (ISO 15118-2 Table 10, ISO 15118-20 Table 12).

Header: protocol version 0x01, its inverse 0xFE, payload type (16 bit), payload length (32 bit), big endian.
"""

import struct
from collections.abc import Container
from enum import IntEnum
from typing import NamedTuple

from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault

VERSION = b"\x01\xfe"
HEADER = struct.Struct(">2sHI")

# The largest requests that the -20 schemas admit (1024 power schedule entries with prices) stay below this;
# usual messages have a few hundred bytes.
DEFAULT_LIMIT = 128 * 1024


class PayloadType(IntEnum):
    """Every payload type in use. 0xA000 and above are the manufacturers', all others are reserved."""

    EXI = 0x8001
    """SupportedAppProtocol, and all messages of ISO 15118-2 and DIN SPEC 70121."""
    MAIN = 0x8002
    """ISO 15118-20 CommonMessages."""
    AC = 0x8003
    DC = 0x8004
    ACDP = 0x8005
    WPT = 0x8006
    # Amendment 1. Its table is not public: these two values are those of EVerest's libiso15118.
    AC_DER_IEC = 0x8010
    AC_DER_SAE = 0x8011
    # Side streams of -20, multiplexed with the main stream on the same connection.
    SCHEDULE_RENEGOTIATION = 0x8101
    METERING_CONFIRMATION = 0x8102
    ACDP_SYSTEM_STATUS = 0x8103
    PARKING_STATUS = 0x8104
    # SECC discovery, in UDP datagrams only.
    SDP_REQUEST = 0x9000
    SDP_RESPONSE = 0x9001
    SDP_REQUEST_WIRELESS = 0x9002
    SDP_RESPONSE_WIRELESS = 0x9003


STREAM_TYPES = frozenset(t for t in PayloadType if t < PayloadType.SDP_REQUEST)
"""What a connection may carry: everything but discovery."""


class Frame(NamedTuple):
    payload_type: PayloadType
    payload: bytes


class FramingError(V2GError):
    """The byte stream is not V2GTP, or the peer does not wait for answers.

    `frames` holds the whole frames received before the fault in the same `feed`; none of a flood.
    """

    fault = Fault.FRAMING

    def __init__(self, text: str, frames: list[Frame]) -> None:
        super().__init__(text)
        self.frames = frames


def pack(payload_type: int, payload: bytes) -> bytes:
    """The payload with its header in front."""
    return HEADER.pack(VERSION, payload_type, len(payload)) + payload


class FrameReader:
    """Cuts the byte stream of one connection into frames, however the network split or joined it.

    Memory and work are bounded: at most one unfinished frame of at most `limit` payload bytes is kept, and at most
    `at_once` whole frames wait for the caller; the rest of a burst is not parsed. A header is judged as soon as its
    bytes are there, before any payload is waited for. After a fault nothing more is accepted: with the boundary of a
    frame lost, every later byte would be a guess.
    """

    def __init__(
        self, limit: int = DEFAULT_LIMIT, admitted: Container[int] = STREAM_TYPES, at_once: int | None = None
    ) -> None:
        self._limit = limit
        self._admitted = admitted
        self._at_once = at_once
        self._buffer = bytearray()
        self._consumed = 0
        self._refusal: str | None = None

    def feed(self, data: bytes, waiting: int = 0) -> list[Frame]:
        """Return the frames that `data` completes.

        `waiting`: how many earlier frames the caller has not handled yet; they count towards `at_once`. Raises
        `FramingError` at a bad header, at one frame too many, and at every later call.
        """
        frames: list[Frame] = []
        if self._refusal is None:
            self._buffer += data
            while (frame := self._next()) is not None:
                if waiting + len(frames) == self._at_once:
                    self._refuse(f"more than {self._at_once} requests at once; a car has one outstanding")
                    frames.clear()  # a flood gets no answers
                    break
                frames.append(frame)
        if self._refusal is not None:
            raise FramingError(self._refusal, frames)
        return frames

    def _next(self) -> Frame | None:
        fault = self._fault()
        if fault is not None:
            self._refuse(f"V2GTP header at byte {self._consumed} of the stream: {fault}")
            return None
        if len(self._buffer) < HEADER.size:
            return None
        _, payload_type, length = HEADER.unpack_from(self._buffer)
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        frame = Frame(PayloadType(payload_type), bytes(self._buffer[HEADER.size : end]))
        del self._buffer[:end]
        self._consumed += end
        return frame

    def _refuse(self, reason: str) -> None:
        self._refusal = reason
        self._buffer.clear()

    def _fault(self) -> str | None:
        head = self._buffer[: HEADER.size]
        if head[:1] == b"\x16":
            return "a TLS record instead of plain V2GTP; both sides must agree on TLS"
        for got, expected in zip(head, VERSION, strict=False):
            if got != expected:
                return f"version byte 0x{got:02X} instead of 0x{expected:02X}"
        if len(head) >= 4:
            payload_type = int.from_bytes(head[2:4])
            if payload_type not in self._admitted:
                return f"payload type 0x{payload_type:04X} is not admitted here"
        if len(head) == HEADER.size:
            length = int.from_bytes(head[4:8])
            if length > self._limit:
                return f"payload of {length} bytes announced, the limit is {self._limit}"
        return None
