"""OCPP over MQTT 5: the frames of OCPP-J as they are, in two topics for each station (docs/ocpp.md).

    <prefix>/in/<version>/<identity>    frames of the station
    <prefix>/out/<version>/<identity>   frames of the back end
    <prefix>/state/station/<identity>   retained: `online <version>` or `offline`, the latter also as last will
    <prefix>/state/csms                 retained: `online <version> ...` or `offline`, likewise

No session outlives its connection: an order that the station did not hear in time must not reach it later.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from v2g.io.carrier import LARGEST_BYTES, OPEN_S, PING_S, BackEndError, Endpoint, tls_context

if TYPE_CHECKING:
    from paho.mqtt.client import Client

PORTS = {"mqtt": 1883, "mqtts": 8883}
PREFIX = "cs"
ONLINE, OFFLINE = "online", "offline"
STATE_S = 1.0
"""How long a station waits for the back end's state; a back end that has none is taken to be there."""
ONCE_AT_LEAST = 1
MOST_WAITING = 64
"""Messages that have arrived and that nobody has taken; beyond them the broker has to wait."""
LOOK_S = 0.1
"""Between looks whether the connection is over, while the broker waits."""
NOBODY_LISTENS = 0x10
"""Reason code of an acknowledgement: no matching subscribers."""


class Topics:
    """The topics under the prefix that an address names."""

    def __init__(self, url: str) -> None:
        self.prefix = urlsplit(url).path.strip("/") or PREFIX
        self.csms = f"{self.prefix}/state/csms"

    def frames(self, direction: str, subprotocol: str, identity: str) -> str:
        """`direction`: `in` to the back end, `out` to the station."""
        return f"{self.prefix}/{direction}/{subprotocol}/{quote(identity, safe='')}"

    def state(self, identity: str) -> str:
        """Whether a station is there."""
        return f"{self.prefix}/state/station/{quote(identity, safe='')}"


class Broker:
    """One connection to a broker. paho's thread does the network; everything else happens in the event loop."""

    def __init__(self, client: "Client", place: str) -> None:
        self._client, self._place, self._loop = client, place, asyncio.get_running_loop()
        self._arrived: asyncio.Queue[tuple[str, bytes] | BackEndError] = asyncio.Queue()
        self._room, self._left = BoundedSemaphore(MOST_WAITING), False
        self._answers: dict[object, asyncio.Future[Any]] = {"connect": self._loop.create_future()}
        self._frames: set[int] = set()
        """Messages that somebody has to get, by their numbers, until the broker has taken them."""
        client.on_connect = lambda _, __, ___, code, ____: self._soon(self._answered, "connect", code)
        client.on_subscribe = lambda _, __, number, codes, ____: self._soon(self._answered, number, codes[0])
        client.on_publish = lambda _, __, number, code, ____: self._soon(self._taken, number, code.value)
        client.on_message = lambda _, __, message: self._came(message.topic, bytes(message.payload))
        client.on_disconnect = lambda _, __, ___, code, ____: self._soon(self._lost, f"is gone: {_why(code)}")

    async def receive(self) -> tuple[str, bytes]:
        """The next message: its topic and what it says. Raises `BackEndError` when the broker is gone."""
        found = await self._arrived.get()
        if isinstance(found, BackEndError):
            self._arrived.put_nowait(found)  # for whoever asks again
            raise found
        self._room.release()
        return found

    async def subscribe(self, topic: str, *, retained: bool = True) -> None:
        """`retained`: with the messages that the broker has kept. Raises `BackEndError` if the broker refuses."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        options = SubscribeOptions(qos=ONCE_AT_LEAST, retainHandling=0 if retained else 2)
        _, number = self._client.subscribe(topic, options=options)
        await self._answer(number, f"subscribing to {topic}")

    def publish(
        self, topic: str, text: str, *, heard: bool = False, retain: bool = False, lasts_s: int | None = None
    ) -> None:
        """Send a message. `heard`: the connection counts as lost if nobody listens. `lasts_s`: after this the broker
        delivers it no more."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if lasts_s is not None:
            properties.MessageExpiryInterval = lasts_s
        sent = self._client.publish(topic, text, qos=ONCE_AT_LEAST, retain=retain, properties=properties)
        if heard:
            self._frames.add(sent.mid)

    async def close(self) -> None:
        """Leave in such a way that the broker publishes the last will."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.reasoncodes import ReasonCode

        self._left = True

        def leave() -> None:
            self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
            self._client.loop_stop()

        await asyncio.to_thread(leave)

    async def greeted(self) -> None:
        """Wait for the broker's welcome. Raises `BackEndError`."""
        await self._answer("connect", "connecting")

    async def _answer(self, number: object, doing: str) -> None:
        asked = self._answers.setdefault(number, self._loop.create_future())
        try:
            async with asyncio.timeout(OPEN_S):
                code = await asked
        except TimeoutError as error:
            raise BackEndError(f"broker {self._place}: {doing} took over {OPEN_S:g} s; check its network") from error
        finally:
            self._answers.pop(number, None)
        if code.is_failure:
            refused = BackEndError(
                f"broker {self._place}: {doing}: {code}; check identity, password and its access rules"
            )
            refused.event = "FailedToAuthenticateAtCsms"
            raise refused

    def _came(self, topic: str, payload: bytes) -> None:
        """Called in paho's thread, which reads no more until there is room."""
        while not self._room.acquire(timeout=LOOK_S):
            if self._left:
                return
        self._soon(self._arrived.put_nowait, (topic, payload))

    def _soon(self, then: Callable[..., object], *arguments: object) -> None:
        """Called in paho's thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(then, *arguments)

    def _answered(self, number: object, code: Any) -> None:
        asked = self._answers.setdefault(number, self._loop.create_future())
        if not asked.done():
            asked.set_result(code)

    def _taken(self, number: int, code: int) -> None:
        watched = number in self._frames
        self._frames.discard(number)
        if watched and code == NOBODY_LISTENS:
            self._lost("has nobody who listens to this station")

    def _lost(self, why: str) -> None:
        error = BackEndError(f"broker {self._place} {why}")
        self._arrived.put_nowait(error)
        for asked in self._answers.values():
            if not asked.done():
                asked.set_exception(error)


def _why(code: object) -> str:
    """Why a connection has ended, for a person."""
    return "the connection broke" if str(code) == "Unspecified error" else str(code)


async def open_broker(endpoint: Endpoint, client_id: str, will: str, ping_s: float | None = PING_S) -> Broker:
    """Connect to the broker of an address `mqtt://` or `mqtts://`. `will`: the topic that states `offline` afterwards.

    Raises `BackEndError`.
    """
    try:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
    except ImportError as error:
        raise BackEndError("OCPP over MQTT needs the Python package paho-mqtt; install v2g[mqtt]") from error
    address = urlsplit(endpoint.url)
    host, port = address.hostname or "", address.port or PORTS[address.scheme]
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, reconnect_on_failure=False)
    client.will_set(will, OFFLINE, qos=ONCE_AT_LEAST, retain=True)
    client.connect_timeout = OPEN_S
    if endpoint.password is not None and endpoint.profile != 3:
        client.username_pw_set(endpoint.identity, endpoint.password)
    if address.scheme == "mqtts":
        client.tls_set_context(tls_context(endpoint))
    sizes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    sizes.MaximumPacketSize = LARGEST_BYTES
    broker = Broker(client, f"{host}:{port}")
    try:
        alive_s = max(1, round(ping_s)) if ping_s else 0
        await asyncio.to_thread(client.connect, host, port, alive_s, clean_start=True, properties=sizes)
    except (OSError, ValueError) as error:
        raise BackEndError(f"broker {host}:{port}: {error}; check its address and its network", error) from error
    client.loop_start()
    try:
        await broker.greeted()
    except BackEndError:
        await broker.close()
        raise
    return broker


class Connection:
    """`v2g.io.carrier.Link` of a station over a broker."""

    def __init__(self, broker: Broker, topics: Topics, identity: str, subprotocol: str) -> None:
        self.subprotocol = subprotocol
        self._broker, self._csms = broker, topics.csms
        self._out = topics.frames("in", subprotocol, identity)

    async def receive(self) -> str | bytes:
        """The next frame. Raises `BackEndError` when broker or back end are gone."""
        while True:
            topic, text = await self._broker.receive()
            if topic != self._csms:
                return text
            if _spoken(text) is None:
                raise BackEndError("the back end has left the broker")

    async def send(self, frame: str) -> None:
        """Give the frame to the broker."""
        self._broker.publish(self._out, frame, heard=True)

    async def close(self) -> None:
        """Leave the broker."""
        await self._broker.close()


async def connect(endpoint: Endpoint, subprotocols: tuple[str, ...], ping_s: float | None = PING_S) -> Connection:
    """Come online at a broker with the first of the subprotocols that the back end states. Raises `BackEndError`."""
    topics = Topics(endpoint.url)
    broker = await open_broker(endpoint, endpoint.identity, topics.state(endpoint.identity), ping_s)
    try:
        await broker.subscribe(topics.csms)
        spoken = await _stated(broker) or subprotocols
        chosen = next((each for each in subprotocols if each in spoken), None)
        if chosen is None:
            raise BackEndError(f"back end {endpoint.url} speaks none of {', '.join(subprotocols)}; set ocpp.versions")
        await broker.subscribe(topics.frames("out", chosen, endpoint.identity), retained=False)
        broker.publish(topics.state(endpoint.identity), f"{ONLINE} {chosen}", retain=True)
    except BaseException:
        await broker.close()
        raise
    return Connection(broker, topics, endpoint.identity, chosen)


async def _stated(broker: Broker) -> list[str]:
    """What the back end speaks, once it is there; empty if it does not say. Raises `BackEndError` if it stays away."""
    try:
        async with asyncio.timeout(STATE_S):
            _, state = await broker.receive()
    except TimeoutError:
        return []
    try:
        async with asyncio.timeout(OPEN_S):
            while (found := _spoken(state)) is None:
                _, state = await broker.receive()
    except TimeoutError as error:
        raise BackEndError("the back end is not at the broker; start it") from error
    return found


def _spoken(state: bytes) -> list[str] | None:
    """The versions in a state; None if it is `offline`."""
    word, *versions = state.decode("utf-8", "replace").split() or [OFFLINE]
    return versions if word == ONLINE else None
