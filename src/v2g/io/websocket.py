"""The WebSocket client of OCPP-J: subprotocols, compression, security profiles, and when to try again."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING
from urllib.parse import quote

from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

LARGEST_BYTES = 1 << 20
OPEN_S = 20.0
PING_S = 10.0
"""Below the time after which a back end that is gone must be noticed (Q11)."""
SUITES = ":".join(f"ECDHE-{key}-AES{bits}" for key in ("ECDSA", "RSA") for bits in ("128-GCM-SHA256", "256-GCM-SHA384"))
"""Of TLS 1.2 (A00.FR.319); those of TLS 1.3 are on by themselves."""


class BackEndError(V2GError):
    """The back end cannot be reached or does not accept the station. Names the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the back end is, and how the station proves who it is (security profile 1, 2 or 3)."""

    url: str
    identity: str
    profile: int
    password: str | None = None
    roots: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None


class BackOff:
    """How long to wait before the next attempt: doubled a few times, with a random part; from the start on success."""

    def __init__(self, least_s: float, random_s: int, doublings: int) -> None:
        self._least_s, self._random_s, self._doublings = least_s, random_s, doublings
        self._waited_s: float | None = None
        self._done = 0

    def next_s(self) -> float:
        """The next wait (RetryBackOffWaitMinimum, RetryBackOffRandomRange, RetryBackOffRepeatTimes)."""
        if self._waited_s is None:
            self._waited_s = self._least_s + randbelow(self._random_s + 1)
        elif self._done < self._doublings:
            self._done += 1
            self._waited_s = 2 * self._waited_s + randbelow(self._random_s + 1)
        return self._waited_s

    def succeeded(self) -> None:
        """Connected: begin with the shortest wait next time."""
        self._waited_s, self._done = None, 0


class Connection:
    """One open connection. `subprotocol` is what was agreed on."""

    def __init__(self, socket: "ClientConnection", subprotocol: str) -> None:
        self._socket, self.subprotocol = socket, subprotocol

    async def receive(self) -> str:
        """The next frame. Raises `BackEndError` when the connection is gone."""
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._socket.recv(decode=True)
        except ConnectionClosed as error:
            raise BackEndError(f"the back end's connection is gone: {error}") from error
        except UnicodeDecodeError as error:
            raise BackEndError(f"the back end sent a frame that is not text: {error}") from error

    async def send(self, frame: str) -> None:
        """Send a frame. Raises `BackEndError` when the connection is gone."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            raise BackEndError(f"the back end's connection is gone: {error}") from error

    async def close(self) -> None:
        """Close it; returns when the peer has, or does not."""
        await self._socket.close()


async def connect(endpoint: Endpoint, subprotocols: tuple[str, ...], ping_s: float | None = PING_S) -> Connection:
    """Open a connection with one of the subprotocols, the first one preferred. Raises `BackEndError`."""
    try:
        from websockets.asyncio.client import connect as open_socket
        from websockets.exceptions import WebSocketException
        from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
        from websockets.typing import Subprotocol
    except ImportError as error:
        raise BackEndError("OCPP needs the Python package websockets; install v2g[ocpp]") from error
    url = f"{endpoint.url.rstrip('/')}/{quote(endpoint.identity, safe='')}"
    deflate = ClientPerMessageDeflateFactory(
        server_max_window_bits=11, client_max_window_bits=11, compress_settings={"memLevel": 4}
    )
    try:
        socket = await open_socket(
            url,
            subprotocols=[Subprotocol(each) for each in subprotocols],
            extensions=[deflate],
            compression=None,
            additional_headers=_basic(endpoint),
            ssl=_context(endpoint) if url.startswith("wss:") else None,
            open_timeout=OPEN_S,
            ping_interval=ping_s,
            ping_timeout=ping_s,
            max_size=LARGEST_BYTES,
            user_agent_header="v2g",
            proxy=None,
        )
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        raise BackEndError(
            f"back end {url}: {error or type(error).__name__}; check ocpp.url and its network"
        ) from error
    if socket.subprotocol is None:
        await socket.close()
        raise BackEndError(f"back end {url} speaks none of {', '.join(subprotocols)}; set ocpp.versions")
    return Connection(socket, str(socket.subprotocol))


def _basic(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.password is None or endpoint.profile == 3:
        return {}
    from base64 import b64encode

    return {"Authorization": "Basic " + b64encode(f"{endpoint.identity}:{endpoint.password}".encode()).decode()}


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS 1.2 or better, the roots of the configuration only. Raises `BackEndError`, which names the file."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(SUITES)
        if endpoint.roots is not None:
            context.load_verify_locations(endpoint.roots)
        if endpoint.certificate is not None and endpoint.profile == 3:
            context.load_cert_chain(endpoint.certificate, endpoint.private_key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(each) for each in (endpoint.roots, endpoint.certificate, endpoint.private_key) if each)
        raise BackEndError(f"{files}: {error}; name PEM files under ocpp") from error
    return context
