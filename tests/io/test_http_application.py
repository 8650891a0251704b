"""Requests that never come in whole: they cost nobody else the page, and no lines in the log."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from v2g.console import answers
from v2g.console.answers import BodyError, as_json, read, refused
from v2g.io import http_application

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def _answer(request: Request) -> Response:
    try:
        return as_json(await read(request, dict[str, int]) if request.method == "POST" else {})
    except BodyError as error:
        return refused(error)


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = Starlette(routes=[Route("/", _answer, methods=["GET", "POST"])])
    serving = asyncio.create_task(
        http_application.serve(app, "127.0.0.1", 0, lambda url: ready.set_result(url), None, "here")
    )
    try:
        yield int((await ready).rpartition(":")[2])
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def begun(port: int, text: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    await writer.drain()
    return reader, writer


def test_those_who_never_end_their_requests_shut_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_application, "MOST_CONNECTIONS", 5)

    async def story() -> None:
        async with served() as port:
            halves = [await begun(port, HEAD) for _ in range(5)]
            reader, writer = await begun(port, WHOLE)
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            assert await halves[0][0].read() == b""  # the oldest has made room
            for _, each in (*halves, (reader, writer)):
                each.close()

    asyncio.run(story())


def test_of_many_who_come_at_once_no_more_than_the_most_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_application, "MOST_CONNECTIONS", 5)

    async def story() -> None:
        async with served() as port:
            sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # before any is looked at
            reader, writer = await begun(port, WHOLE)
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
            for each in sockets:
                each.setblocking(False)
            gone = 0
            for each in sockets:
                with each, suppress(BlockingIOError):
                    try:
                        gone += each.recv(1) == b""
                    except ConnectionResetError:
                        gone += 1
            assert gone == 16

    asyncio.run(story())


def test_a_body_that_does_not_come_is_refused_in_time_and_a_client_that_hangs_up_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answers, "WITHIN_S", 0.1)

    async def story() -> None:
        async with served() as port:
            reader, writer = await begun(port, HEAD)
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            writer.close()
            _, writer = await begun(port, HEAD)
            writer.transport.abort()
            reader, writer = await begun(port, WHOLE)
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert caplog.records == []
