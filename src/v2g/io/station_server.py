"""Where the stations of a depot connect: OCPP over WebSocket with subprotocols, compression and security profiles.

`Stations` is the port to whoever speaks with them; a carrier reports connections and frames, and takes frames for them.
"""

import asyncio
import resource
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote

from v2g.io.carrier import LARGEST_BYTES, SUITES
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.ocpp.version import SUBPROTOCOLS

if TYPE_CHECKING:
    from websockets.http11 import Request, Response
    from websockets.server import ServerProtocol

    from v2g.io.station_link import StationLink

WAITING = 8_192
"""Connections that may wait to be accepted: all stations come back at once after a failure. The system may have a lower
limit (`net.core.somaxconn`); those beyond it try again by themselves."""
HANDSHAKE_S = 120.0
"""For the TLS handshake, which waits for those of all others."""
LOOKS = 10
"""Parts in which the links are looked after, one after the other within a second."""


class ListenError(V2GError):
    """The depot cannot listen for stations; names the place and the remedy."""


class Link(NamedTuple):
    """The connection of a station."""

    send: Callable[[str], None]
    """A frame to it."""
    close: Callable[[], None]


class Stations(Protocol):
    """Obligations: none of the methods blocks or raises."""

    def knows(self, station: str) -> bool:
        """Whether a station of this identity may connect."""
        ...

    def connected(self, station: str, subprotocol: str, send: Callable[[str], None], close: Callable[[], None]) -> None:
        """A station has connected, in the place of its connection before. `send`: a frame to it; `close`: its
        connection."""
        ...

    def heard(self, station: str, frame: str | bytes) -> None:
        """A frame of a station."""
        ...

    def disconnected(self, station: str) -> None:
        """It is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """Who gets in."""

    profile: int
    passwords: Mapping[str, str]
    """By station; of those that have one."""
    serials: Mapping[str, str]
    """The common name of a station's certificate, by station (security profile 3)."""
    tls: ssl.SSLContext | None
    versions: tuple[str, ...] = SUBPROTOCOLS
    """What stations are offered, the best one first."""


class StationServer:
    """Listens for stations until it is cancelled."""

    def __init__(self, stations: Stations, door: Door, report: Callable[[str], None] = lambda text: None) -> None:
        """`report` gets lines for a person."""
        self._stations, self._door, self._report = stations, door, report
        self._told = set[str]()
        self._links: dict[StationLink, None] = {}
        """In the order in which they came."""
        self._current: dict[str, StationLink] = {}

    async def serve(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """`ready` gets the address. Raises `ListenError`."""
        try:
            from v2g.io.station_link import StationLink
        except ImportError as error:
            raise ListenError("a depot needs the Python package websockets; install v2g[depot]") from error
        make = _protocols(self._door)

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection each for thousands of stations
        tls = self._door.tls
        patience_s = None if tls is None else HANDSHAKE_S
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: StationLink(make(), self),
                host,
                port,
                ssl=tls,
                ssl_handshake_timeout=patience_s,
                backlog=WAITING,
            )
        except OSError as error:
            raise ListenError(
                f"{host}:{port}: {error.strerror or error}; choose another with connect.listen"
            ) from error
        at = server.sockets[0].getsockname()
        ready(f"{'ws' if tls is None else 'wss'}://{at[0]}:{at[1]}")
        try:
            await self._look_after()
        finally:
            server.close()
            await self._end()

    async def _look_after(self) -> None:
        """Every second a part of the links, so that none of the looks takes long."""
        turn = 0
        while True:
            await asyncio.sleep(1.0 / LOOKS)
            turn = (turn + 1) % LOOKS
            now = asyncio.get_running_loop().time()
            for link in islice(list(self._links), turn, None, LOOKS):
                link.look(now)

    async def _end(self) -> None:
        """Close all links in order."""
        from v2g.io.station_link import CLOSE_S, GOING_AWAY

        for link in list(self._links):
            link.close(GOING_AWAY)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while self._links:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        for link in list(self._links):
            link.abort()

    # The links (`v2g.io.station_link.LinkUser`)

    def began(self, link: "StationLink") -> None:
        """A connection has begun."""
        self._links[link] = None

    def admitted(self, link: "StationLink", request: "Request") -> "Response":
        """The answer to who wants in: 404 for an unknown identity (part 4, 3.3), 401 without the password."""
        from websockets.headers import parse_authorization_basic

        station, door = _identity(request.path), self._door
        if not self._stations.knows(station):
            return link.protocol.reject(HTTPStatus.NOT_FOUND, "unknown charging station\n")
        if door.profile == 3:
            own = _common_name(link.info("peercert"))
            if own != door.serials[station]:
                return link.protocol.reject(HTTPStatus.UNAUTHORIZED, "the certificate is another station's\n")
            return self._welcome(link, station, request)
        try:
            name, password = parse_authorization_basic(request.headers["Authorization"])
        except Exception:  # missing, or anything that a client may send there
            name, password = "", ""
        wanted = door.passwords.get(station, "")
        if wanted and name == station and compare_digest(password.encode(), wanted.encode()):
            return self._welcome(link, station, request)
        refused = link.protocol.reject(HTTPStatus.UNAUTHORIZED, "identity and password are needed\n")
        refused.headers["WWW-Authenticate"] = 'Basic realm="depot", charset="UTF-8"'
        return refused

    def _welcome(self, link: "StationLink", station: str, request: "Request") -> "Response":
        response = link.protocol.accept(request)
        link.owner = station
        response.headers["Server"] = "v2g"
        return response

    def opened(self, link: "StationLink") -> None:
        """A station is here, in the place of its connection before."""
        station, before = link.owner, self._current.get(link.owner)
        if link.subprotocol is None:  # the handshake is completed all the same (part 4, 3.3)
            link.close()
            if station not in self._told:
                self._told.add(station)
                self._report(f"{station} is refused: it speaks none of {', '.join(self._door.versions)}; update it")
            return
        self._told.discard(station)
        self._current[station] = link
        if before is not None:
            before.close()
        self._stations.connected(station, link.subprotocol, link.send, link.close)

    def heard(self, link: "StationLink", frame: str) -> None:
        """A frame of a station, if this is its latest connection."""
        if self._current.get(link.owner) is link:
            self._stations.heard(link.owner, frame)

    def closed(self, link: "StationLink") -> None:
        """A connection has ended."""
        self._links.pop(link, None)
        if self._current.get(link.owner) is link:
            del self._current[link.owner]
            self._stations.disconnected(link.owner)


def _protocols(door: Door) -> "Callable[[], ServerProtocol]":
    """Makes the protocol of a connection: subprotocol, compression, largest message."""
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
    from websockets.server import ServerProtocol

    # Small windows: thousands of stations share the memory (part 4, 3.4 demands compression).
    deflate = ServerPerMessageDeflateFactory(
        server_no_context_takeover=True,
        server_max_window_bits=10,
        client_max_window_bits=10,
        compress_settings={"memLevel": 2},
    )

    def chosen(protocol: Any, offered: Any) -> Any:
        """The best version that both speak; none: the handshake has no such header."""
        return next((each for each in door.versions if each in offered), None)

    extensions = [deflate]
    return lambda: ServerProtocol(extensions=extensions, select_subprotocol=chosen, max_size=LARGEST_BYTES)


def _identity(path: str) -> str:
    return unquote(path.partition("?")[0].rstrip("/").rpartition("/")[2])


def _common_name(certificate: Any) -> str:
    subject = (certificate or {}).get("subject", ())
    return next((value for row in subject for key, value in row if key == "commonName"), "")


def tls_of(certificate: Path, private_key: Path | None, roots: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or better. `roots`: of the stations' certificates, which are demanded then. Raises `ListenError`."""
    files = [each for each in (certificate, private_key, roots) if each is not None]
    try:
        for each in files:
            regular_file.check(each)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION  # A00.FR.321
        context.set_ciphers(SUITES)
        context.load_cert_chain(certificate, private_key)
        if roots is not None:
            context.load_verify_locations(roots)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else f"{', '.join(map(str, files))}: {error}"
        raise ListenError(f"{reason}; name PEM files under connect") from error
    return context
