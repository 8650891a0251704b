"""The connection between a car and a station: V2GTP frames over TCP, through TLS if there is a channel for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from v2g.io.turns import Turns
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.tls.profile import TlsError
from v2g.v2gtp.framing import FrameReader, FramingError, pack

if TYPE_CHECKING:  # a link without TLS does not load OpenSSL
    from v2g.tls.channel import TlsChannel

TLS_HANDSHAKE_S = 15.0
"""How long the set-up of TLS may take (ISO 15118-20, within the communication set-up)."""
FLUSH_S = 2.0
"""After `close`, drop what the peer has not taken within this time."""
FIRST_FRAME_S = 5.0
"""A car that is through with TCP and TLS sends its first request at once; one that does not is disconnected."""
MOST_AT_ONCE = 5
"""Requests that may have arrived and not been handled yet. A car of ISO 15118 has one outstanding."""
MOST_UNTAKEN = 256 * 1024
"""Bytes of responses that a peer may leave lying; more means that it does not read."""
_LONGEST_SET_UP = 64 * 1024
"""Bytes that a car may send before it is through with TLS. Its certificate chain is the most of them."""


class LinkLost(V2GError):
    """The peer closed the connection, the network broke it, or it never came about."""

    fault = Fault.CONNECTION_LOST


class SilentPeer(LinkLost):
    """The peer connected and then sent no request."""

    fault = Fault.COMMUNICATION_SETUP_TIMEOUT


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    host: str
    """IPv6 or IPv4 address; a link-local one with its scope, such as `fe80::1%eth0`."""
    port: int
    fingerprint: bytes | None
    """SHA-512 of the leaf certificate that the peer proved to own; None if it did not: without TLS, or in TLS 1.2."""
    common_name: str | None = None
    """The name in that certificate."""
    tls: str | None = None
    """`TLSv1.3` or `TLSv1.2`; None without TLS."""
    ends_s: float | None = None
    """When that certificate ends, Unix time."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}"


class LinkUser(Protocol):
    """Who talks over a link. The callbacks run in the event loop and must return at once."""

    def established(self, link: "Link", peer: Peer) -> None:
        """The link carries frames from now on: TCP is up, and with TLS the peer has proved who it is."""
        ...

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        """One frame came in; `arrived` is the loop's monotonic time at which its last byte was read.

        Called at most once in each turn of the loop, whatever the peer sends.
        """
        ...

    def lost(self, reason: V2GError | None) -> None:
        """The link is gone. Called exactly once for each link, even if `established` never was.

        `reason` has a `fault`: it is a `TlsError`, a `FramingError` or a `LinkLost`; None after this side's own `close`
        or `abort`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Admission:
    """What a listener demands of a connection before it counts as a car's."""

    turns: Turns
    """The steps of the TLS set-up wait for their turn here: each costs 1 to 3 ms."""
    settled: Callable[[], None]
    """Called once: the first frame is there, or the connection is gone."""


class Link(asyncio.Protocol):
    """One connection, for either side. asyncio sets TCP_NODELAY, so no frame waits for the ACK of an earlier one.

    The work in one turn of the event loop is bounded: one frame for the user, or one step of the TLS set-up. A peer
    that sends more than `MOST_AT_ONCE` frames without waiting for answers ends the link with a `FramingError`. A
    request that arrives while another waits for its answer is the user's to refuse: a link that held it back would make
    a silent car look alive.
    """

    def __init__(self, user: LinkUser, tls: "TlsChannel | None" = None, admission: Admission | None = None) -> None:
        """With `tls`, nothing but TLS is spoken: whatever goes wrong there ends the link with `TlsError`.

        `admission`: for a link that a listener accepted.
        """
        self._user = user
        self._tls = tls
        self._admission = admission
        self._frames = FrameReader(at_once=MOST_AT_ONCE)
        self._set_up_data = bytearray()
        self._waiting: deque[tuple[int, bytes, float]] = deque()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._established = self._settled = False
        self._set_up_queued = self._delivery_queued = False
        self._closing = False
        self._ended: Callable[[], V2GError] | None = None
        """What ends the link once everything before it is handled."""
        self._reason: V2GError | None = None

    def send(self, payload_type: int, payload: bytes) -> None:
        """Send one frame. Without effect before the link is established, and once it closes or is lost."""
        if self._transport is None or self._closing or not self._established:
            return
        if (untaken := self._transport.get_write_buffer_size()) > MOST_UNTAKEN:
            self._fail(LinkLost(f"the peer does not read: {untaken} bytes of responses wait for it"))
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
        """Close at once and drop what is not sent yet."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def drop(self, reason: V2GError) -> None:
        """As `abort`, for a `reason` that the user learns from `lost`."""
        if not self._closing:
            self._reason = reason
            self.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # that of uvloop is none by inheritance
        if self._closing:
            transport.abort()
        elif self._tls is None:
            self._establish()
        else:
            self._set_timer(TLS_HANDSHAKE_S, self._set_up_overdue)
            self._flush()  # a car's ClientHello is ready

    def data_received(self, data: bytes) -> None:
        if self._closing or self._ended is not None:
            return
        arrived = asyncio.get_running_loop().time()
        if self._tls is None or self._admission is None or not self._tls.handshaking:
            self._take(data, arrived)
            return
        self._set_up_data += data
        if len(self._set_up_data) > _LONGEST_SET_UP:
            self._fail(TlsError(f"the peer sent over {_LONGEST_SET_UP} bytes and is not through with the TLS set-up"))
        elif not self._set_up_queued:
            self._set_up_queued = True
            self._admission.turns.add(partial(self._set_up, arrived))

    def eof_received(self) -> bool:
        if self._ended is None:
            self._ended = self._closed_by_peer
        if self._set_up_queued or self._waiting:
            return True  # keep the transport: what came before is answered first
        self._fail(self._ended())
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._cancel_timer()
        self._transport = None
        if not self._closing:
            self._reason = LinkLost(f"the connection broke: {error}")
            self._closing = True
        self._waiting.clear()
        self._settle()
        self._user.lost(self._reason)

    # Inside

    def _set_up(self, arrived: float) -> None:
        """One step of the TLS set-up, with all that has come in for it."""
        self._set_up_queued = False
        data, self._set_up_data = bytes(self._set_up_data), bytearray()
        if not self._closing:
            self._take(data, arrived)

    def _take(self, data: bytes, arrived: float) -> None:
        fault: V2GError | None = None
        try:
            plaintext = data if self._tls is None else self._decrypt(self._tls, data)
            frames = self._frames.feed(plaintext, len(self._waiting))
        except FramingError as error:
            frames, fault = error.frames, error
        except TlsError as error:
            frames, fault = [], error
        if fault is None and self._tls is not None and self._tls.closed:
            fault = LinkLost("the peer closed the connection")
        if fault is not None:
            reason: V2GError = fault
            self._ended = lambda: reason
        if not self._closing:
            self._waiting += [(payload_type, payload, arrived) for payload_type, payload in frames]
        if not self._delivery_queued:
            self._deliver()

    def _deliver(self) -> None:
        """One frame for the user, the others in later turns; then whatever ended the stream."""
        self._delivery_queued = False
        if self._closing:
            self._waiting.clear()
        elif self._waiting:
            self._settle()
            try:
                self._user.frame(*self._waiting.popleft())
            except Exception:
                self.abort()  # a user that fails loses its own link and nobody else's
                raise
        if self._waiting:
            self._delivery_queued = True
            asyncio.get_running_loop().call_soon(self._deliver)
        elif self._ended is not None:
            self._fail(self._ended())

    def _decrypt(self, tls: "TlsChannel", data: bytes) -> bytes:
        try:
            plaintext = tls.receive(data)
        finally:
            self._flush()  # also after a failure: the alert carries the reason
        if not tls.handshaking and not self._established:
            self._cancel_timer()
            version = None if tls.negotiated is None else tls.negotiated.version
            proved = (tls.peer_fingerprint, tls.peer_common_name, tls.peer_ends_s) if tls.mutual else (None, None, None)
            self._establish(version, *proved)
        return plaintext

    def _establish(
        self,
        tls: str | None = None,
        fingerprint: bytes | None = None,
        common_name: str | None = None,
        ends_s: float | None = None,
    ) -> None:
        assert self._transport is not None
        address = self._transport.get_extra_info("peername")
        if address is None:  # the peer was gone before the loop took the connection up
            self._fail(LinkLost("the peer closed the connection"))
            return
        self._established = True
        if self._admission is not None:
            self._set_timer(FIRST_FRAME_S, self._first_frame_overdue)
        host, port = _with_scope(*address), address[1]
        self._user.established(
            self, Peer(host, port, fingerprint=fingerprint, common_name=common_name, tls=tls, ends_s=ends_s)
        )

    def _settle(self) -> None:
        if self._admission is not None and not self._settled:
            self._settled = True
            self._cancel_timer()
            self._admission.settled()

    def _closed_by_peer(self) -> V2GError:
        if self._tls is None:
            return LinkLost("the peer closed the connection")
        if self._tls.probe:
            return LinkLost("somebody looked at the station's certificates")
        if self._established:
            return LinkLost("the peer closed the connection without ending TLS in order")
        return TlsError("the peer closed the connection in the middle of the TLS set-up")

    def _flush(self) -> None:
        if self._tls is not None and self._transport is not None and (data := self._tls.outgoing()):
            self._transport.write(data)

    def _fail(self, reason: V2GError) -> None:
        if not self._closing:
            self._reason = reason
            self.close()

    def _set_up_overdue(self) -> None:
        self._fail(TlsError(f"the TLS set-up took longer than {TLS_HANDSHAKE_S:g} s"))

    def _first_frame_overdue(self) -> None:
        self._fail(SilentPeer(f"the peer sent no request within {FIRST_FRAME_S:g} s of connecting"))

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
    except (OSError, UnicodeError) as error:  # a name that no host can have
        raise LinkLost(f"no connection to [{host}]:{port}: {getattr(error, 'strerror', None) or error}") from error
    return link


def _with_scope(host: str, port: int, flow: int = 0, scope: int = 0) -> str:
    """The address as it can be connected to: Python leaves the scope out of the text, or writes it as a name."""
    return f"{host}%{scope}" if scope and "%" not in host else host
