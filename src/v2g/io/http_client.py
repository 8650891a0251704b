"""Requests over HTTP and HTTPS, as a client, within bounds of time and size. Blocks: call it in a thread."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from typing import NamedTuple
from urllib.parse import urlsplit

from v2g.kernel.errors import V2GError

TIMEOUT_S = 4.0
"""For each octet."""
WITHIN_S = 10.0
"""For the whole answer: a server that drips holds neither the thread nor whoever waits for it."""
LONGEST_OCTETS = 1 << 20


class Unanswered(V2GError):
    """Nobody answered, or not within the bounds; the text says who and why."""


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    content: bytes


def ask(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    within_s: float = WITHIN_S,
) -> Answer:
    """One request on a connection of its own. `tls`: for https; the machine's roots without it. Raises `Unanswered`."""
    parts = urlsplit(url)
    try:
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unanswered(f"{url} is no address of http:// or https://")
        secure = parts.scheme == "https"
        connection = (HTTPSConnection if secure else HTTPConnection)(parts.hostname, parts.port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.sock = socket.create_connection((connection.host, connection.port), TIMEOUT_S)
            with _cut_after(connection.sock, within_s) as cut:
                if secure:
                    context = tls or ssl.create_default_context()
                    connection.sock = context.wrap_socket(connection.sock, server_hostname=parts.hostname)
                connection.request(method, path, body, dict(headers or {}))
                response = connection.getresponse()
                content = response.read(LONGEST_OCTETS + 1)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise Unanswered(f"{url}: {error}") from error
    if cut.is_set():
        raise Unanswered(f"{url} has not answered in full within {within_s:g} s")
    if len(content) > LONGEST_OCTETS:
        raise Unanswered(f"{url} answers with more than {LONGEST_OCTETS} octets")
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


@contextmanager
def _cut_after(connection: socket.socket, seconds: float) -> Iterator[Event]:
    """Ends what is read from a connection after some time; yields whether that has happened."""
    cut, same = Event(), connection.dup()  # TLS takes the other one over

    def cut_it() -> None:
        cut.set()
        with suppress(OSError):  # the other end was faster
            same.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, cut_it)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        same.close()
