"""Where the stations of a depot connect: OCPP over WebSocket with subprotocols, compression and security profiles.

`Stations` is the port to whoever speaks with them; a carrier reports connections and frames, and takes frames for them.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote

from v2g.io.carrier import LARGEST_BYTES, OPEN_S, PING_S, SUITES
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.ocpp.version import SUBPROTOCOLS

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

CLOSE_S = 2.0
WAITING = 1_024
"""Connections that may wait to be accepted: all stations come back at once after a failure."""


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

    def __init__(self, stations: Stations, door: Door) -> None:
        self._stations, self._door = stations, door
        self._current: dict[str, ServerConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """`ready` gets the address. Raises `ListenError`."""
        try:
            from websockets.asyncio.server import serve
            from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
        except ImportError as error:
            raise ListenError("a depot needs the Python package websockets; install v2g[depot]") from error
        # Small windows: thousands of stations share the memory (part 4, 3.4 demands compression).
        deflate = ServerPerMessageDeflateFactory(
            server_no_context_takeover=True,
            server_max_window_bits=10,
            client_max_window_bits=10,
            compress_settings={"memLevel": 2},
        )
        try:
            async with serve(
                self._serve_station,
                host,
                port,
                select_subprotocol=self._chosen,
                process_request=self._admitted,
                extensions=[deflate],
                compression=None,
                ssl=self._door.tls,
                open_timeout=OPEN_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=CLOSE_S,
                max_size=LARGEST_BYTES,
                server_header="v2g",
                backlog=WAITING,
            ) as server:
                at = next(iter(server.sockets)).getsockname()
                ready(f"{'ws' if self._door.tls is None else 'wss'}://{at[0]}:{at[1]}")
                await asyncio.Event().wait()  # until cancelled
        except OSError as error:
            raise ListenError(
                f"{host}:{port}: {error.strerror or error}; choose another with connect.listen"
            ) from error

    def _admitted(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """An answer to those who do not get in: 404 for an unknown identity (part 4, 3.3), 401 without the password."""
        from websockets.headers import parse_authorization_basic

        station, door = _identity(request.path), self._door
        if not self._stations.knows(station):
            return connection.respond(HTTPStatus.NOT_FOUND, "unknown charging station\n")
        if door.profile == 3:
            own = _common_name(connection.transport.get_extra_info("peercert"))
            if own != door.serials[station]:
                return connection.respond(HTTPStatus.UNAUTHORIZED, "the certificate is another station's\n")
            return None
        try:
            name, password = parse_authorization_basic(request.headers["Authorization"])
        except Exception:  # missing, or anything that a client may send there
            name, password = "", ""
        wanted = door.passwords.get(station, "")
        if wanted and name == station and compare_digest(password.encode(), wanted.encode()):
            return None
        refused = connection.respond(HTTPStatus.UNAUTHORIZED, "identity and password are needed\n")
        refused.headers["WWW-Authenticate"] = 'Basic realm="depot", charset="UTF-8"'
        return refused

    def _chosen(self, connection: "ServerConnection", offered: Any) -> Any:
        """The best version that both speak; none: the handshake has no such header."""
        return next((each for each in self._door.versions if each in offered), None)

    async def _serve_station(self, connection: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        assert connection.request is not None
        station = _identity(connection.request.path)
        if connection.subprotocol is None:  # the handshake is completed all the same (part 4, 3.3)
            return
        before, self._current[station] = self._current.get(station), connection
        if before is not None:
            self._begin(before.close())
        outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._stations.connected(
            station, connection.subprotocol, outgoing.put_nowait, lambda: self._begin(connection.close())
        )
        sending = asyncio.create_task(_send(connection, outgoing))
        try:
            while True:
                frame = await connection.recv()
                if self._current.get(station) is not connection:
                    return
                self._stations.heard(station, frame)
                await asyncio.sleep(0)  # frames that wait already would come in the same turn of the loop
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()
            if self._current.get(station) is connection:
                del self._current[station]
                self._stations.disconnected(station)

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _send(connection: "ServerConnection", outgoing: "asyncio.Queue[str]") -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed):
        while True:
            await connection.send(await outgoing.get())


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
