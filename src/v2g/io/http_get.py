"""Texts over HTTP for whoever watches the process: GET only, one request a connection, no headers read, no state.

Clients are few and near (a Prometheus server); what they can cost is bounded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from v2g.kernel.errors import V2GError

LONGEST_HEAD = 8192
"""Octets of a request."""
MOST_AT_ONCE = 16
"""Clients. One more takes the place of the one that has been here longest."""
WITHIN_S = 5.0
"""For the request to come and the answer to go."""

Answer = tuple[HTTPStatus, str, str]
"""Status, media type, text."""


class HttpError(V2GError):
    """The address cannot be listened at."""


async def serve(host: str, port: int, answer: Callable[[str], Awaitable[Answer]]) -> None:
    """Serve until cancelled. `answer`: for a path. Raises `HttpError`."""
    clients: list[asyncio.StreamWriter] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        if len(clients) > MOST_AT_ONCE:
            clients[0].transport.abort()
        try:
            async with asyncio.timeout(WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(*await _answered(head, answer)))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            clients.remove(writer)
            writer.close()

    try:
        server = await asyncio.start_server(converse, host, port, limit=LONGEST_HEAD)
    except OSError as error:
        raise HttpError(f"[{host}]:{port}: {error.strerror}; name another address under `metrics`") from error
    async with server:
        await server.serve_forever()


async def _answered(head: bytes, answer: Callable[[str], Awaitable[Answer]]) -> Answer:
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1."):
        return HTTPStatus.BAD_REQUEST, "text/plain", "HTTP/1.1 is spoken here\n"
    if method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", "only GET is served here\n"
    return await answer(target.partition("?")[0])


def _response(status: HTTPStatus, media_type: str, text: str) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status:d} {status.phrase}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
