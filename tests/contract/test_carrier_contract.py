"""Every carrier of OCPP frames does what `v2g.io.carrier.Link` says, and says why it cannot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from tests import broker as brokers
from tests.certificates import certified
from websockets.asyncio.server import ServerConnection, basic_auth, serve
from websockets.typing import Subprotocol

from v2g.io import mqtt
from v2g.io.back_end import connect
from v2g.io.carrier import BackEndError, Endpoint, Link

pytestmark = pytest.mark.alone
IDENTITY, PASSWORD = "CS/1 +#", "correct horse battery"
OFFERED = ("ocpp2.1", "ocpp2.0.1")
WITHIN_S = 20.0
FRAMES = ['[2,"1","Heartbeat",{}]', '[3,"2",{"é":"\\u0000 ☃"}]', f'[2,"3","DataTransfer",{{"data":"{"x" * 100_000}"}}]']


class Peer(Protocol):
    """The back end's end of one connection."""

    async def send(self, frame: str) -> None: ...

    async def receive(self) -> str: ...

    async def leave(self) -> None: ...


Found = tuple[Endpoint, Callable[[], Awaitable[Peer]]]
"""Where the back end is, and what waits for the next station there."""


class WebSocketPeer:
    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def send(self, frame: str) -> None:
        await self._connection.send(frame)

    async def receive(self) -> str:
        return await self._connection.recv(decode=True)

    async def leave(self) -> None:
        await self._connection.close()


@asynccontextmanager
async def over_websocket(folder: Path, tls: bool) -> AsyncIterator[Found]:
    arrived: asyncio.Queue[Peer] = asyncio.Queue()

    async def handle(connection: ServerConnection) -> None:
        arrived.put_nowait(WebSocketPeer(connection))
        await connection.wait_closed()

    auth = basic_auth(realm="csms", credentials=(IDENTITY, PASSWORD))

    def select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return next((each for each in offered if each == "ocpp2.0.1"), None)

    context = certified(folder) if tls else None
    async with serve(handle, "127.0.0.1", 0, select_subprotocol=select, process_request=auth, ssl=context) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        endpoint = Endpoint(f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/ocpp", IDENTITY, 2 if tls else 1, PASSWORD)
        yield replace(endpoint, roots=folder / "root.pem" if tls else None), arrived.get


class MqttPeer:
    def __init__(self, broker: mqtt.Broker, topics: mqtt.Topics) -> None:
        self._broker, self._topics = broker, topics

    async def send(self, frame: str) -> None:
        self._broker.publish(self._topics.frames("out", "ocpp2.0.1", IDENTITY), frame)

    async def receive(self) -> str:
        topic = self._topics.frames("in", "ocpp2.0.1", IDENTITY)
        while True:
            at, text = await self._broker.receive()
            if at == topic:
                return text.decode()

    async def leave(self) -> None:
        await self._broker.close()


@asynccontextmanager
async def over_mqtt(folder: Path, tls: bool) -> AsyncIterator[Found]:
    if tls:
        certified(folder)
    with brokers.broker(folder, folder if tls else None, (IDENTITY, PASSWORD)) as running:
        url = f"{'mqtts' if tls else 'mqtt'}://127.0.0.1:{running.port}/a/b"
        endpoint = Endpoint(url, IDENTITY, 2 if tls else 1, PASSWORD, folder / "root.pem" if tls else None)
        topics = mqtt.Topics(url)
        csms = await mqtt.open_broker(endpoint, "csms", topics.csms)
        await csms.subscribe(topics.state(IDENTITY))
        await csms.subscribe(topics.frames("in", "ocpp2.0.1", IDENTITY))
        csms.publish(topics.csms, "online ocpp1.6 ocpp2.0.1", retain=True)

        async def next_station() -> Peer:
            while True:
                topic, text = await csms.receive()
                if topic == topics.state(IDENTITY) and text.startswith(b"online"):
                    return MqttPeer(csms, topics)

        try:
            yield endpoint, next_station
        finally:
            await csms.close()


CARRIERS = [
    pytest.param(over_websocket, id="websocket"),
    pytest.param(over_mqtt, id="mqtt", marks=brokers.needed),
]
Carrier = Callable[[Path, bool], AbstractAsyncContextManager[Found]]


async def both(found: Found) -> tuple[Link, Peer]:
    async with asyncio.timeout(WITHIN_S):
        endpoint, accept = found
        station = await connect(endpoint, OFFERED)
        return station, await accept()


async def text_of(station: Link) -> str:
    async with asyncio.timeout(WITHIN_S):
        frame = await station.receive()
        return frame if isinstance(frame, str) else frame.decode()


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("tls", [False, True])
def test_frames_arrive_as_they_are_in_order_both_ways(carrier: Carrier, tls: bool, tmp_path: Path) -> None:
    async def check() -> None:
        async with carrier(tmp_path, tls) as found:
            station, peer = await both(found)
            assert station.subprotocol == "ocpp2.0.1"
            for frame in FRAMES:
                await station.send(frame)
                await peer.send(frame)
            async with asyncio.timeout(WITHIN_S):
                assert [await peer.receive() for _ in FRAMES] == FRAMES
            assert [await text_of(station) for _ in FRAMES] == FRAMES
            await station.close()

    asyncio.run(check())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_peer_that_leaves_is_noticed_and_a_station_may_come_again(carrier: Carrier, tmp_path: Path) -> None:
    async def check() -> None:
        async with carrier(tmp_path, False) as found:
            station, peer = await both(found)
            await station.close()
            station, peer = await both(found)
            await peer.send(FRAMES[0])
            assert await text_of(station) == FRAMES[0]
            await peer.leave()
            with pytest.raises(BackEndError):
                await text_of(station)
            await station.close()

    asyncio.run(check())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_who_cannot_prove_who_it_is_does_not_get_in(carrier: Carrier, tmp_path: Path) -> None:
    async def check() -> None:
        async with carrier(tmp_path, False) as (endpoint, _):
            with pytest.raises(BackEndError, match=r"(?i)401|not authori|user name") as caught:
                await connect(replace(endpoint, password="wrong horse battery"), OFFERED)
            assert caught.value.event == "FailedToAuthenticateAtCsms"

    asyncio.run(check())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_server_under_another_root_is_refused(carrier: Carrier, tmp_path: Path) -> None:
    async def check() -> None:
        (tmp_path / "other").mkdir()
        certified(tmp_path / "other")
        async with carrier(tmp_path, True) as (endpoint, _):
            with pytest.raises(BackEndError, match=r"(?i)certificate") as caught:
                await connect(replace(endpoint, roots=tmp_path / "other" / "root.pem"), OFFERED)
            assert caught.value.event == "InvalidCsmsCertificate"

    asyncio.run(check())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_without_a_common_version_there_is_no_connection(carrier: Carrier, tmp_path: Path) -> None:
    async def check() -> None:
        async with carrier(tmp_path, False) as (endpoint, _):
            with pytest.raises(BackEndError, match="versions"):
                await connect(endpoint, ("ocpp2.1",))

    asyncio.run(check())


@brokers.needed
def test_a_back_end_that_states_nothing_is_served_and_one_that_does_not_listen_is_gone(tmp_path: Path) -> None:
    async def check() -> None:
        with brokers.broker(tmp_path) as running:
            endpoint = Endpoint(f"mqtt://127.0.0.1:{running.port}", IDENTITY, 1)
            station = await connect(endpoint, OFFERED)
            assert station.subprotocol == "ocpp2.1"
            await station.send(FRAMES[0])
            with pytest.raises(BackEndError, match="nobody"):
                await text_of(station)
            await station.close()

    asyncio.run(check())


@brokers.needed
def test_a_frame_that_a_broker_has_kept_is_not_heard(tmp_path: Path) -> None:
    """Whoever published it with `retain`: a set-point of yesterday is no order of today."""

    async def check() -> None:
        async with over_mqtt(tmp_path, False) as found:
            endpoint, topics = found[0], mqtt.Topics(found[0].url)
            careless = await mqtt.open_broker(endpoint, "careless", "elsewhere")
            careless.publish(topics.frames("out", "ocpp2.0.1", IDENTITY), FRAMES[1], retain=True)
            await careless.subscribe("a/b/out/+/+")
            async with asyncio.timeout(WITHIN_S):
                await careless.receive()  # the broker has it
            station, peer = await both(found)
            await peer.send(FRAMES[0])
            assert await text_of(station) == FRAMES[0]
            await station.close()
            await careless.close()

    asyncio.run(check())


@brokers.needed
def test_the_last_will_says_that_a_station_is_gone(tmp_path: Path) -> None:
    async def check() -> None:
        async with over_mqtt(tmp_path, False) as (endpoint, accept):
            topics = mqtt.Topics(endpoint.url)
            watcher = await mqtt.open_broker(endpoint, "watcher", "elsewhere")
            await watcher.subscribe(topics.state(IDENTITY))
            station = await connect(endpoint, OFFERED)
            await accept()
            await station.close()
            async with asyncio.timeout(WITHIN_S):
                states = [await watcher.receive() for _ in range(2)]
            assert [text for _, text in states] == [b"online ocpp2.0.1", b"offline"]
            await watcher.close()

    asyncio.run(check())


@brokers.needed
def test_a_broker_that_is_killed_is_noticed_and_used_again_once_it_is_back(tmp_path: Path) -> None:
    async def check() -> None:
        with brokers.broker(tmp_path) as running:
            endpoint = Endpoint(f"mqtt://127.0.0.1:{running.port}", IDENTITY, 1)
            station = await connect(endpoint, OFFERED)
            await asyncio.to_thread(running.kill)
            with pytest.raises(BackEndError, match="gone"):
                await text_of(station)
            await station.close()
            with pytest.raises(BackEndError, match=r"127\.0\.0\.1"):
                await connect(endpoint, OFFERED)
            await asyncio.to_thread(running.start_again)
            again = await connect(endpoint, OFFERED)
            assert again.subprotocol == "ocpp2.1"
            await again.close()

    asyncio.run(check())
