"""The connection between a car and a station: V2GTP frames over TCP, through TLS where there is a channel for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from v2g.kernel.errors import V2GError
from v2g.tls.profile import TlsError
from v2g.v2gtp.framing import FrameReader, FramingError, pack

if TYPE_CHECKING:  # a link without TLS does not load OpenSSL
    from v2g.tls.channel import TlsChannel

TLS_HANDSHAKE_S = 15.0
"""How long the set-up of TLS may take (ISO 15118-20, within the communication set-up)."""
FLUSH_S = 2.0
"""After `close`, what the peer has not taken within this time is thrown away."""


class LinkLost(V2GError):
    """The peer closed the connection, the network broke it, or it never came about."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    host: str
    """IPv6 or IPv4 address; a link-local one with its scope, such as `fe80::1%eth0`."""
    port: int
    fingerprint: bytes | None
    """SHA-512 of the leaf certificate that the peer proved to own; None without TLS."""
    common_name: str | None = None
    """The name in that certificate."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}"


class LinkUser(Protocol):
    """Who talks over a link. The callbacks run in the event loop and must return at once."""

    def established(self, link: "Link", peer: Peer) -> None:
        """The link carries frames from now on: TCP is up, and with TLS the peer has proved who it is."""
        ...

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        """One frame came in; `arrived` is the loop's monotonic time at which its last byte was read."""
        ...

    def lost(self, reason: V2GError | None) -> None:
        """The link is gone. Called exactly once for each link, also where `established` never was.

        `reason` is a `TlsError`, a `FramingError` or a `LinkLost`; None after the own `close` or `abort`.
        """
        ...


class Link(asyncio.Protocol):
    """One connection, for either side. asyncio sets TCP_NODELAY, so no frame waits for the ACK of an earlier one."""

    def __init__(self, user: LinkUser, tls: "TlsChannel | None" = None) -> None:
        """With `tls`, nothing but TLS is spoken: whatever goes wrong there ends the link with `TlsError`."""
        self._user = user
        self._tls = tls
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._established = False
        self._closing = False
        self._reason: V2GError | None = None

    def send(self, payload_type: int, payload: bytes) -> None:
        """Send one frame. Without effect before the link is established, and once it closes or is lost."""
        if self._transport is None or self._closing or not self._established:
            return
        data = pack(payload_type, payload)
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.send(data)
            self._flush()

    def close(self) -> None:
        """Send what is still to be sent, and close. Whatever comes in from now on is ignored."""
        if self._transport is None or self._closing:
            return
        self._closing = True
        if self._tls is not None:
            self._tls.close()
        self._flush()
        self._transport.close()
        self._set_timer(FLUSH_S, self._transport.abort)

    def abort(self) -> None:
        """Close at once and throw away what is not sent yet."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._tls is None:
            self._establish()
        else:
            self._set_timer(TLS_HANDSHAKE_S, self._handshake_overdue)
            self._flush()  # a car's ClientHello is ready

    def data_received(self, data: bytes) -> None:
        arrived = asyncio.get_running_loop().time()
        if self._closing:
            return
        fault: V2GError | None = None
        try:
            frames = self._frames.feed(data if self._tls is None else self._decrypt(self._tls, data))
        except FramingError as error:
            frames, fault = error.frames, error
        except TlsError as error:
            frames, fault = [], error
        for payload_type, payload in frames:
            if not self._closing:
                self._user.frame(payload_type, payload, arrived)
        if fault is not None:
            self._fail(fault)
        elif self._tls is not None and self._tls.closed:
            self._fail(LinkLost("the peer closed the connection"))

    def eof_received(self) -> None:
        if self._tls is None:
            self._fail(LinkLost("the peer closed the connection"))
        elif self._established:
            self._fail(LinkLost("the peer closed the connection without ending TLS in order"))
        else:
            self._fail(TlsError("the peer closed the connection in the middle of the TLS set-up"))

    def connection_lost(self, error: Exception | None) -> None:
        self._cancel_timer()
        self._transport = None
        if not self._closing:
            self._reason = LinkLost(f"the connection broke: {error}")
            self._closing = True
        self._user.lost(self._reason)

    def _decrypt(self, tls: "TlsChannel", data: bytes) -> bytes:
        try:
            plaintext = tls.receive(data)
        finally:
            self._flush()  # also after a failure: the alert tells the peer why
        if not tls.handshaking and not self._established:
            self._cancel_timer()
            self._establish(tls.peer_fingerprint, tls.peer_common_name)
        return plaintext

    def _establish(self, fingerprint: bytes | None = None, common_name: str | None = None) -> None:
        assert self._transport is not None
        self._established = True
        address = self._transport.get_extra_info("peername")
        self._user.established(self, Peer(_with_scope(*address), address[1], fingerprint, common_name))

    def _flush(self) -> None:
        if self._tls is not None and self._transport is not None and (data := self._tls.outgoing()):
            self._transport.write(data)

    def _fail(self, reason: V2GError) -> None:
        if not self._closing:
            self._reason = reason
            self.close()

    def _handshake_overdue(self) -> None:
        self._fail(TlsError(f"the TLS set-up took longer than {TLS_HANDSHAKE_S:g} s"))

    def _set_timer(self, delay_s: float, action: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(delay_s, action)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def connect(user: LinkUser, host: str, port: int, tls: "TlsChannel | None" = None) -> Link:
    """Connect to a station. A link-local `host` carries its scope, `fe80::1%eth0`. Raises `LinkLost`."""
    try:
        _, link = await asyncio.get_running_loop().create_connection(lambda: Link(user, tls), host, port)
    except OSError as error:
        raise LinkLost(f"no connection to [{host}]:{port}: {error.strerror or error}") from error
    return link


async def listen(
    user: Callable[[], LinkUser], host: str, port: int = 0, tls: "Callable[[], TlsChannel] | None" = None
) -> asyncio.Server:
    """Listen for cars at `host`, a link-local one with its scope; port 0 takes a free one (see the server's sockets).

    `user` is asked for each connection who talks over it, and `tls` for its channel. Raises `LinkLost`.
    """
    try:
        return await asyncio.get_running_loop().create_server(
            lambda: Link(user(), tls() if tls is not None else None), host, port
        )
    except OSError as error:
        raise LinkLost(f"cannot listen at [{host}]:{port}: {error.strerror or error}") from error


def _with_scope(host: str, port: int, flow: int = 0, scope: int = 0) -> str:
    """The address as it can be connected to: Python leaves the scope out of the text, or writes it as a name."""
    return f"{host}%{scope}" if scope and "%" not in host else host
