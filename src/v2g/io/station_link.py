"""One station's WebSocket at a depot: the sans-IO protocol of `websockets` on an asyncio transport.

A depot holds thousands of them. So there is no task and no timer for each one: the server looks after all of them once
a second (`look`), and what arrives is handled where it arrives. A short text message in one frame, which almost all of
them are, is read and written here if no extension changes it; the protocol gets everything else, frame by frame.
"""

import asyncio
import socket
from collections import deque
from contextlib import suppress
from typing import Any, Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from v2g.io.carrier import OPEN_S, PING_S

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

CLOSE_S = 2.0
MOST_UNSENT = 1 << 20
"""Bytes that wait for a station that does not read."""
UNREAD_S = 10.0
"""After this a set-point that the network has not delivered must not arrive any more, also once the depot has ended."""
PART = 4096
"""Bytes that are read in one turn of the loop: a flood of small frames must not hold up the others."""
NORMAL, GOING_AWAY, _NOT_UTF8 = 1000, 1001, 1007
_NO_DATA = b""
_PING = b"v2g"
_TEXT, _MASKED, _TWO, _EIGHT = 0x81, 0x80, 126, 127
"""In the first two bytes of a frame (RFC 6455, 5.2): all of a text message, not compressed; masked; a length in two or
eight more bytes."""
_MASK = 4


class LinkUser(Protocol):
    """Who has the links. None of the methods raises."""

    def began(self, link: "StationLink") -> None:
        """A connection has begun; with TLS, its handshake is done."""
        ...

    def admitted(self, link: "StationLink", request: Request) -> Response:
        """The answer to what it asks for."""
        ...

    def opened(self, link: "StationLink") -> None:
        """It was admitted."""
        ...

    def heard(self, link: "StationLink", frame: str) -> None:
        """A message."""
        ...

    def closed(self, link: "StationLink") -> None:
        """It has ended."""
        ...


class StationLink(asyncio.Protocol):
    """One connection."""

    __slots__ = (
        "_arrived", "_asked_s", "_begun", "_busy", "_closing_s", "_ends", "_failed", "_heard_s", "_inside", "_messages",
        "_opened", "_plain", "_since_s", "_transport", "_user", "_waits", "owner", "protocol",
    )  # fmt: skip

    def __init__(self, protocol: ServerProtocol, user: LinkUser) -> None:
        self.protocol, self._user = protocol, user
        self._transport: asyncio.Transport | None = None
        self._since_s = self._heard_s = asyncio.get_running_loop().time()
        self._asked_s: float | None = None
        """When it was asked for a sign of life; `closing_s`: when its connection began to end."""
        self._closing_s: float | None = None
        self._begun: bytearray | None = None
        """The parts of a message so far."""
        self._arrived = b""
        """What has not been read yet; `messages`: what has been, and not been handled yet."""
        self._messages: deque[str] = deque()
        self._busy = self._ends = self._failed = self._opened = False
        """Whether it goes on in a later turn; ends once all messages have been handled; leaves out what comes; was
        opened."""
        self._plain = self._waits = False
        """Whether text messages are read and written here; whether what has arrived is a part of a frame only."""
        self._inside = 0
        """How many more bytes of a frame the protocol has to get."""
        self.owner = ""
        """Which station it is, once it was admitted."""

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""
        return self.protocol.subprotocol

    def info(self, name: str) -> Any:
        """Of the transport, such as `peercert`."""
        return None if self._transport is None else self._transport.get_extra_info(name)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def send(self, frame: str) -> None:
        """Send a message; lost if the connection is ending."""
        if self.protocol.state is not State.OPEN or self._transport is None:
            return
        data = frame.encode()
        if not self._plain:
            self.protocol.send_text(data)
            self._flush()
        elif self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.abort()
        else:
            self._transport.write(_head(len(data)) + data)

    def close(self, code: int = NORMAL) -> None:
        """End the connection in order; at once if the station does not agree soon."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(code)
            self._flush()
        elif self._transport is not None:
            self._transport.abort()

    def look(self, now: float) -> None:
        """Time has passed: ask for a sign of life, and end what has none."""
        if self._transport is None:
            return
        if self._closing_s is not None:
            late = now - self._closing_s > CLOSE_S
        elif self.protocol.state is not State.OPEN:
            late = now - self._since_s > OPEN_S
        elif self._asked_s is None:
            late = False
            if now - self._heard_s >= PING_S:
                self._asked_s = now
                self.protocol.send_ping(_PING)
                self._flush()
        else:
            late = now - self._asked_s >= PING_S
        if late:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop is none by inheritance
        if (peer := transport.get_extra_info("socket")) is not None:
            with suppress(OSError):  # it has gone already
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * UNREAD_S))
        self._user.began(self)

    def data_received(self, data: bytes) -> None:
        self._heard_s, self._asked_s = asyncio.get_running_loop().time(), None
        self._arrived += data
        self._waits = False
        if not self._busy:
            self._go_on()

    def eof_received(self) -> None:
        with suppress(EOFError):
            self.protocol.receive_eof()
        self._take()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self._arrived = None, b""
        self._messages.clear()
        self._user.closed(self)

    # What has arrived

    def _go_on(self) -> None:
        """Read a part, handle a message. What came with it has its turns later."""
        if not self._messages and self._arrived:
            self._read()
        if self._messages and self._transport is not None:
            self._user.heard(self, self._messages.popleft())
        transport = self._transport
        more = bool(self._messages) or (bool(self._arrived) and not self._waits)
        before, self._busy = self._busy, transport is not None and more
        if transport is None or transport.is_closing():
            return
        if self._busy:
            if not before:
                transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)
        elif self._ends:
            transport.close()
        elif before:
            transport.resume_reading()

    def _read(self) -> None:
        """Read a part of what has arrived."""
        data, at = self._arrived, 0
        while at < min(len(data), PART) and not self._waits:
            if not self._plain or self.protocol.state is not State.OPEN:
                at = self._pass(data, at, PART)
                continue
            if not self._inside:
                begins, ends = _frame(data, at)
                short = ends - at <= PART
                self._waits = begins > len(data) or (short and ends > len(data))
                if self._waits:
                    continue
                if short and data[at] == _TEXT and data[at + 1] & _MASKED and self._begun is None:
                    self._collect(apply_mask(data[begins:ends], data[begins - _MASK : begins]), whole=True)
                    at = ends
                    if self._failed:
                        self._flush()
                    continue
                self._inside = ends - at
            passed = self._pass(data, at, self._inside)
            self._inside -= passed - at
            at = passed
        self._arrived = data[at:]

    def _pass(self, data: bytes, at: int, most: int) -> int:
        """Let the protocol read `most` bytes of it from `at`; returns where the rest begins."""
        end = min(at + min(most, PART), len(data))
        with suppress(EOFError):  # it has ended already
            self.protocol.receive_data(data[at:end])
        self._take()
        return end

    def _take(self) -> None:
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self._user.admitted(self, event))
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._collect(bytes(event.data), whole=event.fin)
        self._flush()
        if not self._opened and self.protocol.state is State.OPEN:
            self._opened = True
            self._plain = not self.protocol.extensions and not self.protocol.reader.buffer
            self._user.opened(self)

    def _collect(self, data: bytes | bytearray, *, whole: bool) -> None:
        """A message, or a part of one."""
        if self._failed:
            return
        if self._begun is not None:
            self._begun += data
            data = self._begun
        if not whole:
            self._begun = bytearray(data) if self._begun is None else self._begun
            return
        self._begun = None
        try:
            self._messages.append(data.decode())
        except UnicodeDecodeError:
            self._failed = True
            self.protocol.fail(_NOT_UTF8)

    def _flush(self) -> None:
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() > MOST_UNSENT:
            transport.abort()
            return
        for data in self.protocol.data_to_send():
            if transport is None:
                return
            if data != _NO_DATA:
                transport.write(data)
            elif self._messages:
                self._ends = True
            else:
                transport.close()
        if self._closing_s is None and self.protocol.state is State.CLOSING:
            self._closing_s = asyncio.get_running_loop().time()


def _head(size: int) -> bytes:
    """Of a text message of this size to a station."""
    if size < _TWO:
        return bytes((_TEXT, size))
    if size < 1 << 16:
        return bytes((_TEXT, _TWO)) + size.to_bytes(2)
    return bytes((_TEXT, _EIGHT)) + size.to_bytes(8)


def _frame(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the frame at `at` begins and ends. If its head is not all there, the former is beyond what
    is."""
    if len(data) < at + 2:
        return len(data) + 1, len(data) + 1
    size, begins = data[at + 1] & ~_MASKED, at + 2
    if size >= _TWO:
        more = 2 if size == _TWO else 8
        size, begins = int.from_bytes(data[begins : begins + more]), begins + more
    if data[at + 1] & _MASKED:
        begins += _MASK
    return begins, begins + size
