"""When a station tries again, and what it takes to be a connection."""

import asyncio
import re
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from hashlib import sha1
from itertools import pairwise
from pathlib import Path

import pytest
from tests import broker as brokers
from tests.certificates import certified
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from v2g.io.back_end import connect
from v2g.io.carrier import BackEndError, BackOff, Endpoint
from v2g.io.mqtt import MOST_WAITING, open_broker

WITHIN_S = 20.0
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of RFC 6455."""
MESSAGES = 300


def test_waits_are_doubled_a_few_times_with_a_random_part_and_begin_again_after_a_success() -> None:
    for _ in range(50):
        waits = BackOff()
        found = [waits.next_s(2.0, 3, 2) for _ in range(5)]
        assert 2.0 <= found[0] <= 5.0
        for before, after in pairwise(found[:3]):
            assert 2 * before <= after <= 2 * before + 3
        assert found[2] == found[3] == found[4]
        waits.succeeded()
        assert 2.0 <= waits.next_s(2.0, 3, 2) <= 5.0
    assert {BackOff().next_s(2.0, 3, 2) for _ in range(200)} == {2.0, 3.0, 4.0, 5.0}


def test_a_back_end_that_does_not_compress_is_accepted() -> None:
    async def check() -> None:
        async def echo(connection: ServerConnection) -> None:
            async for frame in connection:
                await connection.send(frame)

        async with serve(echo, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.1")], compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            link = await connect(Endpoint(f"ws://127.0.0.1:{port}", "CS1", 1), ("ocpp2.1",))
            async with asyncio.timeout(WITHIN_S):
                await link.send("[]")
                assert await link.receive() == "[]"
            await link.close()

    asyncio.run(check())


def test_a_peer_that_pings_and_reads_nothing_fills_no_memory() -> None:
    async def check() -> None:
        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = re.search(r"(?i)sec-websocket-key: *(\S+)", head)
            assert key is not None
            accept = b64encode(sha1(key[1].encode() + GUID, usedforsecurity=False).digest()).decode()
            writer.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: ocpp2.1\r\n\r\n".encode()
            )
            with suppress(OSError):
                while True:
                    writer.write((b"\x89\x7d" + bytes(125)) * 500)
                    await writer.drain()

        async with await asyncio.start_server(flood, "127.0.0.1", 0, limit=4096) as server:
            port = server.sockets[0].getsockname()[1]
            link = await connect(Endpoint(f"ws://127.0.0.1:{port}", "CS1", 1), ("ocpp2.1",), None)
            with pytest.raises(BackEndError):
                async with asyncio.timeout(WITHIN_S):
                    await link.receive()
            await link.close()

    asyncio.run(check())


def test_an_unknown_identity_is_named_with_the_remedy() -> None:
    async def check() -> None:
        def refuse(connection: ServerConnection, _: Request) -> Response:
            return connection.respond(404, "")

        async def handle(_: ServerConnection) -> None:
            raise AssertionError("nobody gets in")

        async with serve(handle, "127.0.0.1", 0, process_request=refuse) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(BackEndError, match=r"CS1.*404.*check ocpp\.url"):
                await connect(Endpoint(f"ws://127.0.0.1:{port}", "CS1", 1), ("ocpp2.1",))

    asyncio.run(check())


@brokers.needed
def test_a_broker_that_asks_for_a_certificate(tmp_path: Path) -> None:
    """Security profile 3: without the station's certificate there is no connection."""
    certified(tmp_path)

    async def check() -> None:
        with brokers.broker(
            tmp_path, tmp_path, more=["require_certificate true", f"cafile {tmp_path / 'root.pem'}"]
        ) as running:
            root = tmp_path / "root.pem"
            endpoint = Endpoint(f"mqtts://127.0.0.1:{running.port}", "CS1", 3, roots=root)
            with pytest.raises(BackEndError):
                await connect(endpoint, ("ocpp2.1",))
            proven = replace(endpoint, certificate=root, private_key=tmp_path / "key.pem")
            link = await connect(proven, ("ocpp2.1",))
            await link.close()

    asyncio.run(check())


@brokers.needed
def test_a_flood_of_messages_waits_at_the_broker(tmp_path: Path) -> None:
    """And arrives, as the station takes it; one that leaves in the middle of it leaves at once."""

    async def check() -> None:
        with brokers.broker(tmp_path) as running:
            endpoint = Endpoint(f"mqtt://127.0.0.1:{running.port}", "CS1", 1)
            station = await open_broker(endpoint, "CS1", "cs/state/station/CS1")
            await station.subscribe("cs/out/ocpp2.1/CS1", retained=False)
            csms = await open_broker(endpoint, "csms", "cs/state/csms")
            async with asyncio.timeout(WITHIN_S):
                for number in range(MESSAGES):
                    csms.publish("cs/out/ocpp2.1/CS1", str(number))
                taken = [(await station.receive())[1]]
                assert station._arrived.qsize() <= MOST_WAITING
                while len(taken) < MESSAGES // 2:
                    taken.append((await station.receive())[1])
                    assert station._arrived.qsize() <= MOST_WAITING
                assert taken == [str(number).encode() for number in range(MESSAGES // 2)]
                await station.close()
            await csms.close()

    asyncio.run(check())
