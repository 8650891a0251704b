"""A Modbus server beside a flood: who may write is answered, and keeps the connection."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from v2g.io import modbus_server
from v2g.io.modbus_server import Client, Request

READ = bytes.fromhex("000100000006010300000001")
WRITER, STRANGER = "127.0.0.1", "127.0.0.2"


def is_writer(client: Client) -> bool:
    return client.host == WRITER


@asynccontextmanager
async def served(may_write: Callable[[Client], bool] = is_writer) -> AsyncIterator[tuple[int, Counter[str]]]:
    """The port, and how many requests of each address have been answered."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answered = Counter[str]()

    async def answer(unit: int, request: Request, client: Client) -> Sequence[int]:
        answered[client.host] += 1
        return (7,) * request.count

    serving = asyncio.create_task(modbus_server.serve(answer, WRITER, 0, ready.set_result, None, "here", may_write))
    try:
        yield int((await ready).rpartition(":")[2]), answered
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def joined(port: int, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(WRITER, port, local_addr=(host, 0))


async def reads(ends: tuple[asyncio.StreamReader, asyncio.StreamWriter], count: int, wanted: int) -> None:
    """Ask at once, and take some of the answers."""
    ends[1].write(READ * count)
    await ends[0].readexactly(11 * wanted)


def test_who_asks_too_fast_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_server, "BURST", 3.0)
    monkeypatch.setattr(modbus_server, "READS_PER_S", 1e-6)
    monkeypatch.setattr(modbus_server, "REQUESTS_PER_S", 1_000.0)

    async def story() -> None:
        async with served() as (port, answered):
            stranger, writer = await joined(port, STRANGER), await joined(port, WRITER)
            await reads(stranger, 20, 3)
            await reads(writer, 20, 20)
            assert answered == {STRANGER: 3, WRITER: 20}
            for _, each in (stranger, writer):
                each.close()

    asyncio.run(story())


def test_who_may_only_read_does_not_slow_down_who_may_write_at_the_same_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(modbus_server, "BURST", 3.0)
    monkeypatch.setattr(modbus_server, "READS_PER_S", 1e-6)
    monkeypatch.setattr(modbus_server, "REQUESTS_PER_S", 1_000.0)
    roles = iter((False, True))

    async def story() -> None:
        async with served(lambda client: next(roles)) as (port, _):
            reader = await joined(port, WRITER)
            await reads(reader, 20, 3)
            writer = await joined(port, WRITER)
            async with asyncio.timeout(10.0):
                await reads(writer, 20, 20)
            for _, each in (reader, writer):
                each.close()

    asyncio.run(story())


def test_strangers_do_not_take_the_connection_of_who_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_server, "MOST_CONNECTIONS", 3)

    async def story() -> None:
        async with served() as (port, _):
            writer = await joined(port, WRITER)
            await reads(writer, 1, 1)
            strangers = [await joined(port, STRANGER) for _ in range(6)]
            for ends in strangers[-2:]:
                await reads(ends, 1, 1)
            assert await strangers[0][0].read() == b""
            await reads(writer, 1, 1)
            for _, each in (writer, *strangers):
                each.close()

    asyncio.run(story())
