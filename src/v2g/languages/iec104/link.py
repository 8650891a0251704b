"""The link of IEC 60870-5-104 as the controlled station sees it: frames (APDU) in and out, sequence numbers, timers.

No socket, no clock. What a frame carries (ASDU) goes to `handle`, whose answers are sent in order; a window of `K`
frames waits for the other end at most.
"""

from collections import deque
from collections.abc import Callable, Iterable
from math import inf

from v2g.kernel.errors import V2GError

T1_S, T2_S, T3_S = 15.0, 10.0, 20.0
"""For an acknowledgement of what was sent; until what has come is acknowledged; until an idle link is tested."""
K, W = 12, 8
"""Frames that may be sent without an acknowledgement; frames that may come until one is sent."""
MOST_WAITING = 500
_START, _MODULO = 0x68, 1 << 15
_STARTDT, _STOPDT, _TESTFR = 0x04, 0x10, 0x40
"""Of a U frame: act; con is twice as much."""


class LinkError(V2GError):
    """The link cannot go on; it has to be closed."""


class Link:
    """One connection."""

    def __init__(self, handle: Callable[[bytes], Iterable[bytes]], now: float) -> None:
        self.started = False
        """Whether the controlling station wants data."""
        self._handle = handle
        self._octets = bytearray()
        self._waiting = deque[bytes]()
        self._sent, self._confirmed, self._received, self._unacknowledged = 0, 0, 0, 0
        self._oldest_s = self._test_s = self._due_s = inf
        """When an answer must have come to what was sent, to a test; when what has come must be acknowledged."""
        self._heard_s = now

    def receive(self, octets: bytes, now: float) -> bytes:
        """Octets of the other end; those to send. Raises `LinkError`."""
        self._octets += octets
        self._heard_s = now
        out = bytearray()
        while len(self._octets) >= 2:
            length = self._octets[1]
            if self._octets[0] != _START or not 4 <= length <= 253:
                raise LinkError(f"{bytes(self._octets[:2]).hex()} begins no frame")
            if len(self._octets) < 2 + length:
                break
            frame = bytes(self._octets[2 : 2 + length])
            del self._octets[: 2 + length]
            out += self._frame(frame, now)
        return bytes(out + self._flush(now))

    def send(self, asdus: Iterable[bytes], now: float) -> bytes:
        """What the station has to say; the octets that may leave now. Nothing is kept while the link is not started."""
        if self.started:
            self._waiting.extend(asdus)
            while len(self._waiting) > MOST_WAITING:  # the other end does not keep up: the latest counts
                self._waiting.popleft()
        return self._flush(now)

    def expire(self, now: float) -> bytes:
        """What is due by the clock. Raises `LinkError` if the other end is silent."""
        if now > min(self._oldest_s, self._test_s):
            raise LinkError(f"no answer for {T1_S:g} s")
        out = b""
        if now >= self._due_s:
            out += self._acknowledgement()
        if now - self._heard_s >= T3_S and self._test_s == inf:
            self._test_s = now + T1_S
            out += _unnumbered(_TESTFR)
        return out

    def _frame(self, frame: bytes, now: float) -> bytes:
        kind = frame[0] & 3
        if kind == 3:
            return self._unnumbered(frame[0])
        self._confirm((frame[2] | frame[3] << 8) >> 1, now)
        if kind == 1:
            return b""
        if (frame[0] | frame[1] << 8) >> 1 != self._received or not self.started or len(frame) < 10:
            raise LinkError("a frame out of sequence, too short, or before STARTDT")
        self._received = (self._received + 1) % _MODULO
        self._unacknowledged += 1
        self._due_s = min(self._due_s, now + T2_S)
        self._waiting.extend(self._handle(frame[4:]))
        if len(self._waiting) > MOST_WAITING:
            raise LinkError("it asks for more than it acknowledges")
        return self._acknowledgement() if self._unacknowledged >= W else b""

    def _unnumbered(self, control: int) -> bytes:
        function = control & ~3
        if function == _TESTFR << 1:
            self._test_s = inf
            return b""
        if function not in (_STARTDT, _STOPDT, _TESTFR):
            raise LinkError(f"{control:#04x} is no function")
        if function != _TESTFR:
            self.started = function == _STARTDT
            self._waiting.clear()
        return _unnumbered(function << 1)

    def _confirm(self, number: int, now: float) -> None:
        """All frames before this number have come."""
        if (number - self._confirmed) % _MODULO > (self._sent - self._confirmed) % _MODULO:
            raise LinkError(f"{number} acknowledges what was not sent")
        self._confirmed = number
        self._oldest_s = inf if number == self._sent else now + T1_S

    def _acknowledgement(self) -> bytes:
        self._unacknowledged, self._due_s = 0, inf
        return bytes((_START, 4, 1, 0)) + (self._received << 1).to_bytes(2, "little")

    def _flush(self, now: float) -> bytes:
        out = bytearray()
        while self.started and self._waiting and (self._sent - self._confirmed) % _MODULO < K:
            asdu = self._waiting.popleft()
            out += bytes((_START, 4 + len(asdu))) + (self._sent << 1).to_bytes(2, "little")
            out += (self._received << 1).to_bytes(2, "little") + asdu
            self._sent = (self._sent + 1) % _MODULO
            self._unacknowledged, self._due_s = 0, inf
            self._oldest_s = min(self._oldest_s, now + T1_S)
        return bytes(out)


def _unnumbered(function: int) -> bytes:
    return bytes((_START, 4, function | 3, 0, 0, 0))
