"""OCPP over WebSocket, as the standard has it (OCPP-J): subprotocols, compression, security profiles."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from v2g.io.carrier import LARGEST_BYTES, OPEN_S, PING_S, SEND_S, BackEndError, Endpoint, tls_context

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CLOSE_S = 2.0
"""How long a peer may take to agree that the connection is over."""
MOST_UNREAD_BYTES = 2 * LARGEST_BYTES
"""That wait for the peer to read them: a frame, and answers to its pings."""


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
        """Send a frame. Raises `BackEndError` when the connection is gone, or the peer does not read."""
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send(frame)
        except TimeoutError as error:
            raise BackEndError("the back end is connected and reads nothing; connecting again") from error
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
            ssl=tls_context(endpoint) if url.startswith("wss:") else None,
            open_timeout=OPEN_S,
            ping_interval=ping_s,
            ping_timeout=ping_s,
            close_timeout=CLOSE_S,
            max_size=LARGEST_BYTES,
            user_agent_header="v2g",
            proxy=None,
            create_connection=_bounded(),
        )
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        raise BackEndError(
            f"back end {url}: {error or type(error).__name__}; check ocpp.url and its network", error
        ) from error
    if socket.subprotocol is None:
        await socket.close()
        raise BackEndError(f"back end {url} speaks none of {', '.join(subprotocols)}; set ocpp.versions")
    return Connection(socket, str(socket.subprotocol))


def _bounded() -> "type[ClientConnection]":
    """A connection that ends if the peer pings on and on and never reads the answers, before they fill the memory."""
    from websockets.asyncio.client import ClientConnection

    class Bounded(ClientConnection):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
                self.transport.abort()

    return Bounded


def _basic(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.password is None or endpoint.profile == 3:
        return {}
    from base64 import b64encode

    return {"Authorization": "Basic " + b64encode(f"{endpoint.identity}:{endpoint.password}".encode()).decode()}
