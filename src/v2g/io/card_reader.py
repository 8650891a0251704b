"""Card readers: over TCP, at a serial line, or as a keyboard (`v2g.power.card_reader` has the port)."""

import asyncio
import fcntl
import os
import socket
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from v2g.power.address import EVDEV, SERIAL, TCP, Address
from v2g.power.card_reader import LOST_WITHIN_S, CardReading, Keys, Lines
from v2g.power.errors import Unreachable
from v2g.power.wiring import Wiring, WiringError

_GRAB = 0x40044590
"""EVIOCGRAB: what is typed reaches nobody else, such as a login."""
_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A reader is never written to: without probes one that lost its power would be waited for for ever."""
MOST = 4096
_DEVICE = "card reader"


class Source(Protocol):
    """An open reader."""

    def take(self) -> bytes:
        """What has arrived, without waiting; empty if nothing has. Raises `OSError` if the reader is gone."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A device file."""

    def __init__(self, path: str) -> None:
        """Raises `OSError`."""
        self.file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)

    def take(self) -> bytes:
        try:
            content = os.read(self.file, MOST)
        except BlockingIOError:
            return b""
        if not content:
            raise OSError("the device is gone")
        return content

    def close(self) -> None:
        os.close(self.file)


def _keyboard(path: str) -> FileSource:
    source = FileSource(path)
    try:
        fcntl.ioctl(source.file, _GRAB, 1)
    except OSError:
        source.close()
        raise
    return source


def _serial(address: Address) -> FileSource:
    source = FileSource(address.path)
    try:
        speed = getattr(termios, f"B{address.options['baud']}")
        mode = termios.CS8 | termios.CREAD | termios.CLOCAL
        # VMIN and VTIME of 1 and 0: a read returns what there is, and an empty line is no end of file.
        special = [b"\0"] * 32
        special[termios.VMIN], special[termios.VTIME] = b"\1", b"\0"
        termios.tcsetattr(source.file, termios.TCSANOW, [termios.IGNBRK, 0, mode, 0, speed, speed, special])
    except termios.error as error:
        source.close()
        raise OSError(f"no serial line: {error.args[-1]}") from error
    return source


class SocketSource:
    """A TCP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def take(self) -> bytes:
        try:
            content = self._connection.recv(MOST)
        except BlockingIOError:
            return b""
        if not content:
            raise OSError("the reader has closed the connection")
        return content

    def close(self) -> None:
        self._connection.close()


async def _connected(address: Address) -> SocketSource:
    connection = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    for level, option, value in _ALIVE:
        connection.setsockopt(level, option, value)
    try:
        async with asyncio.timeout(LOST_WITHIN_S):
            await asyncio.get_running_loop().sock_connect(connection, (address.host, address.port))
    except BaseException:
        connection.close()
        raise
    return SocketSource(connection)


class CardReaderAt:
    """`v2g.power.card_reader.CardReader` at an address."""

    def __init__(self, address: Address, clock: Callable[[], float] = time.monotonic) -> None:
        """Opens nothing yet."""
        self._address, self._clock = address, clock
        self._source: Source | None = None
        self._decoder: Lines | Keys = Lines()
        self._card, self._count = "", 0

    async def read(self) -> CardReading:
        """Asks what was shown since; see the port."""
        try:
            if self._source is None:
                self._source = await self._opened()
            for _ in range(16):  # no flood holds anybody up
                content = self._source.take()
                if not content:
                    break
                for card in self._decoder.feed(content):
                    self._card, self._count = card, self._count + 1
        except (OSError, TimeoutError) as error:
            self.close()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer"
            remedy = "check that it is there, and that the station's user may read it"
            raise Unreachable(_DEVICE, str(self._address), reason, remedy) from error
        return CardReading(self._clock(), self._card, self._count)

    async def _opened(self) -> Source:
        scheme = self._address.scheme
        self._decoder = Keys() if scheme == EVDEV else Lines()
        if scheme == EVDEV:
            return _keyboard(self._address.path)
        return _serial(self._address) if scheme == SERIAL else await _connected(self._address)

    def close(self) -> None:
        """Gives the reader up; it is opened again when it is asked."""
        if self._source is not None:
            with suppress(OSError):
                self._source.close()
            self._source = None


def driver(wiring: Wiring) -> CardReaderAt:
    """The driver `reader.lines` and `reader.keyboard`. Raises `WiringError` for an address of another form."""
    if wiring.address.scheme not in (TCP, SERIAL, EVDEV):
        raise WiringError(f"the {wiring.device} is at evdev:///dev/..., serial:///dev/... or tcp://HOST:PORT")
    if wiring.map_file is not None:
        raise WiringError(f"the {wiring.device} has no register map; remove `registers`")
    reader = CardReaderAt(wiring.address)
    wiring.carriers.keep(reader.close)
    return reader
