"""A relay that stands between a station and its back end like a narrow mobile link: rate, delay, loss, outages.

What is lost on such a link TCP sends again: the stream stands still for a while, and nothing is missing afterwards.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

SEGMENT_BYTES = 1400


@dataclass(frozen=True, slots=True)
class Line:
    """Of each direction."""

    bits_per_s: float = 300_000.0
    delay_s: float = 0.1
    """Half of the round trip."""
    loss: float = 0.02
    """Probability that a segment is lost, and comes again after `again_s`."""
    again_s: float = 0.4


class SlowLink:
    """Relays connections to one address. `passed` counts the bytes of both directions."""

    def __init__(self, host: str, port: int, line: Line, seed: int) -> None:
        self._host, self._port, self._line = host, port, line
        self._random = Random(seed)  # noqa: S311
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[asyncio.Task[None]] = set()
        self.passed = 0

    def cut(self) -> None:
        """Nothing passes any more; nobody is notified."""
        self._open.clear()

    def restore(self) -> None:
        """What was held back goes on its way."""
        self._open.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """The port of 127.0.0.1 at which it relays."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for each in list(self._connections):
                each.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # `listening` is over; the task is not awaited by anybody who minds
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._open.wait()
            there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._pass(reader, there_writer))
                    tasks.create_task(self._pass(there_reader, writer))
            finally:
                there_writer.close()
        except* OSError:
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction: a segment occupies the line for its bits, and arrives a delay later, in order."""
        line, loop = self._line, asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                at_s, segment = await on_the_way.get()
                await asyncio.sleep(at_s - loop.time())
                await self._open.wait()
                if not segment:
                    with suppress(OSError):
                        writer.write_eof()
                    return
                writer.write(segment)
                await writer.drain()

        arriving = asyncio.create_task(arrive())
        try:
            while segment := await reader.read(SEGMENT_BYTES):
                self.passed += len(segment)
                await asyncio.sleep(len(segment) * 8 / line.bits_per_s)
                lost_s = line.again_s if self._random.random() < line.loss else 0.0
                on_the_way.put_nowait((loop.time() + line.delay_s + lost_s, segment))
            on_the_way.put_nowait((loop.time() + line.delay_s, b""))
            await arriving
        finally:
            arriving.cancel()
