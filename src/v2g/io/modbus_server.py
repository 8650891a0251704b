"""A Modbus server on TCP, or on TLS (Modbus/TCP Security): frames in, frames out (messaging on TCP/IP 1.0b, section 3).

A connection's requests are answered one after the other. A client that is silent for `IDLE_S`, or sends half a request,
loses its connection; of too many connections the one that has been silent longest goes, that of a client who may write
last. Who asks too fast waits: a flood delays neither other clients nor what else the process does.
"""

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Rates

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE, DEVICE_BUSY, NO_SUCH_UNIT = 1, 2, 3, 4, 6, 11
READ = 3
LARGEST_READ, LARGEST_WRITE = 125, 123
MOST_CONNECTIONS = 16
IDLE_S, WITHIN_S = 600.0, 10.0
"""Without a request; from its head to its end, and to take an answer."""
READS_PER_S, REQUESTS_PER_S, BURST = 10.0, 100.0, 200.0
"""Of one address: over all its connections that may only read, and over all that may write."""
_HEADER = struct.Struct(">HHHB")


class ModbusServerError(V2GError):
    """The address cannot be had."""


class Refusal(Exception):
    """An exception response with the given code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks."""

    host: str
    role: str | None = None
    """In its certificate; None without TLS."""


@dataclass(frozen=True, slots=True)
class Request:
    """Read `count` holding registers, or write `words` to them."""

    address: int
    count: int
    words: Sequence[int] = ()


Handler = Callable[[int, Request, Client], Awaitable[Sequence[int]]]
"""Unit, request, client -> the words that were read. Raises `Refusal`."""


def parsed(pdu: bytes) -> Request:
    """A request to holding registers. Raises `Refusal`."""
    try:
        match pdu[0]:
            case 3:
                address, count = struct.unpack(">HH", pdu[1:])
                if not 1 <= count <= LARGEST_READ:
                    raise Refusal(ILLEGAL_VALUE)
                return Request(address, count)
            case 6:
                address, word = struct.unpack(">HH", pdu[1:])
                return Request(address, 1, (word,))
            case 16:
                address, count, size = struct.unpack(">HHB", pdu[1:6])
                if not 1 <= count <= LARGEST_WRITE or size != 2 * count:
                    raise Refusal(ILLEGAL_VALUE)
                return Request(address, count, struct.unpack(f">{count}H", pdu[6:]))
    except struct.error as error:
        raise Refusal(ILLEGAL_VALUE) from error
    raise Refusal(ILLEGAL_FUNCTION)


async def answered(pdu: bytes, unit: int, client: Client, handle: Handler) -> bytes:
    """The response to a request."""
    try:
        request = parsed(pdu)
        words = await handle(unit, request, client)
    except Refusal as refusal:
        return bytes([pdu[0] | 0x80, refusal.code])
    if pdu[0] == READ:
        return struct.pack(f">BB{len(words)}H", READ, 2 * len(words), *words)
    return pdu[:5]


class _Service:
    def __init__(self, handle: Handler, may_write: Callable[[Client], bool]) -> None:
        self._handle, self._may_write = handle, may_write
        self._silent: dict[asyncio.StreamWriter, bool] = {}
        """Connections, the one that has been silent longest first; whether its client may write."""
        self._rates = Rates(READS_PER_S, BURST), Rates(REQUESTS_PER_S, BURST)
        """Of those who may only read, and who may write."""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer.get_extra_info("peername")[0], _role(writer))
        self._silent[writer] = self._may_write(client)
        if len(self._silent) > MOST_CONNECTIONS:
            min(self._silent, key=self._silent.__getitem__).transport.abort()  # the first one of the least
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    first = await reader.readexactly(1)
                async with asyncio.timeout(WITHIN_S):
                    head = first + await reader.readexactly(_HEADER.size - 1)
                    number, protocol, size, unit = _HEADER.unpack(head)
                    if protocol or not 2 <= size <= 254:
                        break  # no Modbus
                    pdu = await reader.readexactly(size - 1)
                self._silent[writer] = self._silent.pop(writer)
                await self._paced(client.host, writer)
                response = await answered(pdu, unit, client, self._handle)
                async with asyncio.timeout(WITHIN_S):
                    writer.write(_HEADER.pack(number, 0, len(response) + 1, unit) + response)
                    await writer.drain()
        except (OSError, TimeoutError, EOFError):
            pass
        finally:
            self._silent.pop(writer, None)
            writer.transport.abort()

    async def _paced(self, host: str, writer: asyncio.StreamWriter) -> None:
        """Until it is its turn. Raises EOFError if it is gone by then."""
        rates = self._rates[self._silent[writer]]
        while not rates.take(host, asyncio.get_running_loop().time()):
            await asyncio.sleep(1.0 / rates.per_s)
            if writer.transport.is_closing():
                raise EOFError

    def close(self) -> None:
        for writer in list(self._silent):
            writer.transport.abort()


def _role(writer: asyncio.StreamWriter) -> str | None:
    """The role in the client's certificate; empty if it names none, None without TLS."""
    channel = writer.get_extra_info("ssl_object")
    if channel is None:
        return None
    from v2g.io.modbus_tls import role_of

    der = channel.getpeercert(binary_form=True)
    return "" if der is None else role_of(der)


async def serve(
    handle: Handler,
    host: str,
    port: int,
    ready: Callable[[str], None],
    tls: ssl.SSLContext | None,
    setting: str,
    may_write: Callable[[Client], bool] = lambda client: True,
) -> None:
    """Serve until cancelled. `ready` gets the address. `setting`: where it stands. Raises `ModbusServerError`."""
    service = _Service(handle, may_write)
    try:
        server = await asyncio.start_server(service.converse, host, port, ssl=tls, limit=1 << 12)
    except OSError as error:
        raise ModbusServerError(f"{host}:{port}: {error.strerror or error}; choose another with {setting}") from error
    try:
        bound = server.sockets[0].getsockname()
        ready(f"{bound[0]}:{bound[1]}")
        await asyncio.Event().wait()
    finally:
        server.close()
        service.close()
        with suppress(OSError):
            await server.wait_closed()
