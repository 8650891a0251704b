"""Serves an application over HTTP or HTTPS, and streams of events to those who read them.

A client that sends its request slowly, or holds connections without asking anything, loses them.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from v2g.io.http_get import HttpError

MOST_CONNECTIONS = 256
"""One more takes the place of the one that has waited longest without a whole request."""
WITHIN_S = 10.0
"""For the head of a request to come."""
BEHIND = 5
"""Events that a reader may be late before it starts again."""


class Protocol(H11Protocol):
    """One connection. What has sent no whole head of a request in time is closed."""

    def __init__(self, *args: Any, beside: "dict[Protocol, None]", **named: Any) -> None:
        """`beside`: all that are open, the oldest first. Those that are aborted leave it at once: uvicorn's own set
        knows of that only after all that have come together."""
        super().__init__(*args, **named)
        self._beside = beside

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = self.loop.call_later(WITHIN_S, self._look)
        self._beside[self] = None
        if len(self._beside) > MOST_CONNECTIONS:
            longest = next(each for each in self._beside if each.waits)  # if need be this one
            del self._beside[longest]
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._beside.pop(self, None)
        super().connection_lost(exc)

    @property
    def waits(self) -> bool:
        """Whether no request is being answered, as none has come, or not the whole of its body."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _look(self) -> None:
        """A connection that is kept alive has a time limit of its own once a request has been answered."""
        if self.cycle is None:
            self.transport.abort()


class _Server(uvicorn.Server):
    """The process has its own signal handlers."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


async def serve(
    app: ASGIApp, host: str, port: int, ready: Callable[[str], None], tls: tuple[Path, Path] | None, setting: str
) -> None:
    """Serve until cancelled. `ready` gets the address. `tls`: certificate and key. `setting`: where the address
    stands. Raises `HttpError`."""
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise HttpError(f"{host}:{port}: {error.strerror or error}; choose another with {setting}") from error
    shown = f"[{host}]" if ":" in host else host
    protocol: Any = partial(Protocol, beside={})
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False,
                                    http=protocol, ws="none", timeout_graceful_shutdown=1,
                                    ssl_certfile=tls and tls[0], ssl_keyfile=tls and str(tls[1])))  # fmt: skip
    ready(f"http{'s' if tls else ''}://{shown}:{bound.getsockname()[1]}")
    try:
        await server.serve([bound])
    finally:
        bound.close()


def event(name: str, content: Any) -> bytes:
    """A server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))


class Readers:
    """Who reads a stream of server-sent events. Each starts with a whole one, and again if it was too slow."""

    def __init__(self, whole: Callable[[], bytes]) -> None:
        self._start = whole
        self._queues: dict[asyncio.Queue[bytes | None], str] = {}
        """Of each client, and who it is."""

    @property
    def clients(self) -> int:
        """How many read it."""
        return len(self._queues)

    def read_by(self, who: str) -> int:
        """How many clients of one person read it."""
        return sum(each == who for each in self._queues.values())

    def offer(self, frame: bytes) -> None:
        """The next event, for everybody."""
        for queue in self._queues:
            if queue.qsize() < BEHIND:
                queue.put_nowait(frame)
            elif queue.qsize() == BEHIND:
                queue.put_nowait(None)

    async def read(self, who: str = "") -> AsyncIterator[bytes]:
        """What one client gets. `who`: the person."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queues[queue] = who
        try:
            yield self._start()
            while True:
                frame = await queue.get()
                if frame is None:  # it was too slow
                    while not queue.empty():
                        queue.get_nowait()
                    frame = self._start()
                yield frame
        finally:
            self._queues.pop(queue, None)
