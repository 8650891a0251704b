"""A TCP connection to a Modbus server: a frame out, a frame in (Modbus messaging on TCP/IP 1.0b, section 3.1)."""

import asyncio
import socket
import struct
from typing import cast

_HEADER = struct.Struct(">HHHB")
"""Number of the request, protocol (0), octets that follow, unit."""
_MOST = 4 * (6 + 254)
"""Octets at once: an answer and a few that are too many. A device that sends more would keep the station busy."""


class ModbusTcp(asyncio.Protocol):
    """One connection. Closing it is a reset (RST): what the device has not acknowledged is discarded."""

    def __init__(self, timeout_s: float) -> None:
        """`timeout_s`: for each answer."""
        self._timeout_s = timeout_s
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._number = self._unit = 0
        """Of the latest request."""
        self._numbers: bool | None = None
        """Whether the device repeats the number of a request; None before its first answer."""
        self._answer: asyncio.Future[bytes] | None = None

    @property
    def connected(self) -> bool:
        return self._transport is not None

    async def exchange(self, unit: int, request: bytes) -> bytes:
        """Sends a request and returns the answer; one at a time. Raises `ConnectionError` if there is none in time."""
        if self._transport is None:
            raise ConnectionError("the device has closed the connection")
        loop = asyncio.get_running_loop()
        self._number, self._unit = self._number % 0xFFFF + 1, unit
        answer: asyncio.Future[bytes] = loop.create_future()
        self._answer = answer
        self._transport.write(_HEADER.pack(self._number, 0, len(request) + 1, unit) + request)
        timer = loop.call_later(self._timeout_s, self._fail, f"no answer within {self._timeout_s} s")
        try:
            return await answer
        finally:
            timer.cancel()
            self._answer = None

    def close(self) -> None:
        """Closes the connection at once."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # that of uvloop is none by inheritance
        # A command given up must outlive neither the connection nor this process.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > _MOST:
            self._break("it sends more than it has been asked for")
        while len(self._received) >= _HEADER.size:
            number, protocol, size, unit = _HEADER.unpack_from(self._received)
            if protocol or not 2 <= size <= 254:
                self._break("it does not speak Modbus")
                return
            if len(self._received) < 6 + size:
                return
            answer, self._received = self._received[7 : 6 + size], self._received[6 + size :]
            if number == 0 and not self._numbers:
                self._take_without_number(answer, unit)
            elif number == self._number and self._unit in (unit, 0):
                self._numbers = True
                self._done(answer)

    def _take_without_number(self, answer: bytes, unit: int) -> None:
        """Some devices repeat no number. What they answer is known by its order alone, so one too many ends it."""
        if self._answer is None or self._answer.done():
            self._break("it has answered twice")
        elif self._unit in (unit, 0):
            self._numbers = False
            self._done(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._fail("the device has closed the connection" if error is None else f"the connection broke: {error}")

    def _break(self, reason: str) -> None:
        self._fail(reason)
        self._received = b""
        self.close()

    def _done(self, answer: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(reason))


async def connect(host: str, port: int, timeout_s: float) -> ModbusTcp:
    """Raises `ConnectionError` if there is no connection within `timeout_s`, which holds for each answer too."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, made = await loop.create_connection(lambda: ModbusTcp(timeout_s), host, port)
    except (OSError, UnicodeError) as error:  # TimeoutError is one; a name that no host can have
        raise ConnectionError("no connection") from error
    return made
