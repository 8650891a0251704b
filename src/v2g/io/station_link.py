"""One station's WebSocket at a depot: the sans-IO protocol of `websockets` on an asyncio transport.

A depot holds thousands of them. So there is no task and no timer for each one: the server looks after all of them once
a second (`look`), and what arrives is handled where it arrives.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from v2g.io.carrier import OPEN_S, PING_S

CLOSE_S = 2.0
MOST_UNSENT = 1 << 20
"""Bytes that wait for a station that does not read."""
NORMAL, GOING_AWAY, _NOT_UTF8 = 1000, 1001, 1007
_NO_DATA = b""
_PING = b"v2g"


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
        "_asked_s", "_closing_s", "_heard_s", "_messages", "_opened", "_parts", "_since_s", "_transport", "_user",
        "owner", "protocol",
    )  # fmt: skip

    def __init__(self, protocol: ServerProtocol, user: LinkUser) -> None:
        self.protocol, self._user = protocol, user
        self._transport: asyncio.Transport | None = None
        self._since_s = self._heard_s = asyncio.get_running_loop().time()
        self._asked_s: float | None = None
        """When it was asked for a sign of life; `closing_s`: when its connection began to end."""
        self._closing_s: float | None = None
        self._parts: list[bytes] | None = None
        self._messages: deque[str] = deque()
        self._opened = False
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
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.abort()
            return
        self.protocol.send_text(frame.encode())
        self._flush()

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
        self._user.began(self)

    def data_received(self, data: bytes) -> None:
        self._heard_s, self._asked_s = asyncio.get_running_loop().time(), None
        with suppress(EOFError):  # it has ended already
            self.protocol.receive_data(data)
        self._take()

    def eof_received(self) -> None:
        with suppress(EOFError):
            self.protocol.receive_eof()
        self._take()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._messages.clear()
        self._user.closed(self)

    # What has arrived

    def _take(self) -> None:
        idle = not self._messages
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self._user.admitted(self, event))
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._collect(event)
        self._flush()
        if not self._opened and self.protocol.state is State.OPEN:
            self._opened = True
            self._user.opened(self)
        if idle and self._messages:
            self._next()

    def _collect(self, frame: Frame) -> None:
        """A message, or a part of one."""
        whole = bytes(frame.data)
        if self._parts is not None:
            self._parts.append(whole)
        elif not frame.fin:
            self._parts = [whole]
        if self._parts is not None:
            if not frame.fin:
                return
            whole, self._parts = b"".join(self._parts), None
        try:
            self._messages.append(whole.decode())
        except UnicodeDecodeError:
            self.protocol.fail(_NOT_UTF8)

    def _next(self) -> None:
        """Handle one message. Those that came with it have their turns later: a flood must not hold up the others."""
        if not self._messages or self._transport is None:
            return
        self._user.heard(self, self._messages.popleft())
        if self._messages and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._next()
        if not self._messages and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _flush(self) -> None:
        transport = self._transport
        for data in self.protocol.data_to_send():
            if transport is None:
                return
            if data == _NO_DATA:
                transport.close()
            else:
                transport.write(data)
        if self._closing_s is None and self.protocol.state is State.CLOSING:
            self._closing_s = asyncio.get_running_loop().time()
