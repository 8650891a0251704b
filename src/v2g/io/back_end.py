"""Opens the way to a back end, over the carrier that its address names."""

from v2g.io.carrier import PING_S, Endpoint, Link


async def connect(endpoint: Endpoint, subprotocols: tuple[str, ...], ping_s: float | None = PING_S) -> Link:
    """Open a connection with one of the subprotocols, the first one preferred; the URL's scheme is the carrier.

    `ping_s`: after how long a silent peer is asked for a sign of life. Raises `BackEndError`.
    """
    if endpoint.url.startswith("mqtt"):
        from v2g.io import mqtt

        return await mqtt.connect(endpoint, subprotocols, ping_s)
    from v2g.io import websocket

    return await websocket.connect(endpoint, subprotocols, ping_s)
