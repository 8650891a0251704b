"""When a station tries again, and what it takes to be a connection."""

import asyncio
from dataclasses import replace
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

WITHIN_S = 20.0


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
