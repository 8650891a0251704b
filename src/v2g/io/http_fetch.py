"""Fetches over HTTP what a certificate points to: OCSP responses and revocation lists. Both are signed, so plain HTTP
is enough, and usual. Blocks: call it in a thread.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from threading import Event, Timer
from urllib.parse import urlsplit

from v2g.kernel.errors import V2GError

TIMEOUT_S = 4.0
"""For each octet."""
WITHIN_S = 10.0
"""For the whole answer: a server that drips holds neither the thread nor whoever waits for it."""
LONGEST_OCTETS = 1 << 20


class Unfetched(V2GError):
    """Nobody answered, or not with what was asked for; the text says who and why."""


def fetch(url: str, body: bytes | None = None, content_type: str = "application/ocsp-request") -> bytes:
    """GET, or POST with a `body`; takes at most `WITHIN_S` once there is a connection. Raises `Unfetched`."""
    parts = urlsplit(url)
    try:
        if parts.scheme != "http" or not parts.hostname:
            raise Unfetched(f"{url} is no address of http://")
        connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {} if body is None else {"Content-Type": content_type}
            connection.connect()
            with _cut_after(connection.sock, WITHIN_S) as cut:
                connection.request("GET" if body is None else "POST", path, body, headers)
                response = connection.getresponse()
                content = response.read(LONGEST_OCTETS + 1)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise Unfetched(f"{url}: {error}") from error
    if cut.is_set():
        raise Unfetched(f"{url} does not answer whole within {WITHIN_S:g} s")
    if response.status != 200 or len(content) > LONGEST_OCTETS:
        raise Unfetched(f"{url} answers {response.status} with {len(content)} octets")
    return content


@contextmanager
def _cut_after(connection: socket.socket, seconds: float) -> Iterator[Event]:
    """Ends what is read from a connection after some time; yields whether that has happened."""
    cut = Event()

    def cut_it() -> None:
        cut.set()
        with suppress(OSError):  # the other end was faster
            connection.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, cut_it)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
