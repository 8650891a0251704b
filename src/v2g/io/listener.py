"""Where cars connect: accepts their connections, and keeps a crowd of strangers from shutting out the next car."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from v2g.io.link import Admission, Link, LinkLost, LinkUser, SilentPeer
from v2g.io.turns import Turns

if TYPE_CHECKING:
    from v2g.tls.channel import TlsChannel

MOST_UNSETTLED = 16
"""Connections that have not sent a first frame yet, most of them in the TLS set-up."""
MOST_OF_ONE_ADDRESS = 4
UNDISTURBED_S = 1.0
"""A connection may take this long to its first frame, however many others wait. A car needs less, with TLS too."""
ACCEPTS_AT_ONCE = 4
"""Accepted before the loop turns again."""
RETRY_S = 1.0
"""After the process ran out of file descriptors."""


def _ignore(peer: str, reason: str) -> None:
    pass


class Listener:
    """Accepts connections at one socket until `close`. Links that it has made live on.

    If too many have not sent a first frame yet, a new one takes the place of the oldest. If that one is too young, the
    new one is closed at once. So neither idle connections nor a flood of them reach the limit of file descriptors, and
    only a flood keeps a car out.
    """

    def __init__(
        self,
        listening: socket.socket,
        user: Callable[[], LinkUser],
        tls: "Callable[[], TlsChannel] | None",
        refused: Callable[[str, str], None],
        turns: Turns,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket, self._user, self._tls, self._refused, self._turns = listening, user, tls, refused, turns
        self._unsettled: dict[Link, tuple[str, float]] = {}
        """The peer's address and the time of accepting, oldest first."""
        self._starting: set[asyncio.Task[object]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._loop.add_reader(listening.fileno(), self._acceptable)

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Accept no more."""
        if self._socket.fileno() < 0:
            return
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _acceptable(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                accepted, address = self._socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:  # no file descriptor or memory left
                self._loop.remove_reader(self._socket.fileno())
                self._retry = self._loop.call_later(RETRY_S, self._resume)
                self._refused("-", f"no connection can be accepted: {error.strerror}")
                return
            self._accept(accepted, address[0])

    def _resume(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._acceptable)

    def _accept(self, accepted: socket.socket, host: str) -> None:
        if (reason := self._make_room(host)) is not None:
            accepted.close()
            self._refused(host, reason)
            return
        accepted.setblocking(False)
        link: Link
        admission = Admission(self._turns, lambda: self._settle(link))
        link = Link(self._user(), None if self._tls is None else self._tls(), admission)
        self._unsettled[link] = host, self._loop.time()
        start = self._loop.create_task(self._loop.connect_accepted_socket(lambda: link, accepted))
        self._starting.add(start)
        start.add_done_callback(partial(self._started, link))

    def _started(self, link: Link, start: asyncio.Task[object]) -> None:
        self._starting.discard(start)
        if not start.cancelled() and isinstance(error := start.exception(), Exception):
            link.connection_lost(error)

    def _make_room(self, host: str) -> str | None:
        """Drop the oldest connection that is in the way of a new one from `host`; returns why that is not possible."""
        same = [link for link, (other, _) in self._unsettled.items() if other == host]
        if len(same) >= MOST_OF_ONE_ADDRESS:
            oldest, crowd = same[0], f"{len(same)} connections from its address"
        elif len(self._unsettled) >= MOST_UNSETTLED:
            oldest, crowd = next(iter(self._unsettled)), f"{len(self._unsettled)} connections"
        else:
            return None
        age_s = self._loop.time() - self._unsettled[oldest][1]
        if age_s < UNDISTURBED_S:
            return f"{crowd} have sent no request yet"
        self._settle(oldest)
        oldest.drop(
            SilentPeer(f"the peer sent no request within {age_s:.1f} s, and another connection needs its place")
        )
        return None

    def _settle(self, link: Link) -> None:
        self._unsettled.pop(link, None)


async def listen(
    user: Callable[[], LinkUser],
    host: str,
    port: int = 0,
    tls: "Callable[[], TlsChannel] | None" = None,
    *,
    refused: Callable[[str, str], None] = _ignore,
    turns: Turns | None = None,
) -> Listener:
    """Listen for cars at `host`, a link-local one with its scope; port 0 takes a free one.

    For each connection `user` makes the object that talks over it, and `tls` its channel. `refused` is called for each
    connection that is closed at once, with the peer's address and the reason. `turns`: shared by listeners whose TLS
    set-ups should not add up in one turn of the loop. Raises `LinkLost`.
    """
    loop = asyncio.get_running_loop()
    listening: socket.socket | None = None
    try:
        family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        listening = socket.socket(family, kind, protocol)
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen()
    except (OSError, UnicodeError) as error:
        if listening is not None:
            listening.close()
        raise LinkLost(f"cannot listen at [{host}]:{port}: {getattr(error, 'strerror', None) or error}") from error
    return Listener(listening, user, tls, refused, turns or Turns())
