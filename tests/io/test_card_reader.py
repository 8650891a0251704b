"""A card reader over TCP (the simulator as a process of its own) and at a serial line; and one that is gone."""

import asyncio
import os
import pty
import socket

import pytest
from tests.interop.process import Process
from tests.interop.station import V2G

from v2g.io.card_reader import CardReaderAt
from v2g.power.address import parse
from v2g.power.card_reader import CardReading
from v2g.power.errors import Unreachable

pytestmark = pytest.mark.alone


async def shown(reader: CardReaderAt, count: int) -> CardReading:
    """The reading in which so many cards have been shown."""
    async with asyncio.timeout(30):
        while (reading := await reader.read()).count < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return reading


def test_the_simulator_shows_what_is_written_to_it() -> None:
    with Process([*V2G, "sim", "reader", "--listen", "127.0.0.1:0"]) as process:
        port = int(str(process.wait_for("listening on", 60.0)).rpartition(":")[2])

        async def test() -> None:
            reader = CardReaderAt(parse(f"tcp://127.0.0.1:{port}"))
            assert (await reader.read()).count == 0
            with socket.create_connection(("127.0.0.1", port)) as person:
                person.sendall(b"04a2b3c4\n")
                assert (await shown(reader, 1)).card == "04A2B3C4"
                person.sendall(b"no card\n04a2b3c4\n")
                assert (await shown(reader, 2)).card == "04A2B3C4"
            reader.close()

        asyncio.run(test())


def test_a_reader_at_a_serial_line() -> None:
    ours, theirs = pty.openpty()

    async def test() -> None:
        reader = CardReaderAt(parse(f"serial://{os.ttyname(theirs)}?baud=9600"))
        assert (await reader.read()).count == 0
        os.write(ours, b"\x02100086F44426\x03")
        assert (await shown(reader, 1)).card == "100086F444"
        reader.close()

    try:
        asyncio.run(test())
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("address", ["evdev:///dev/input/by-id/nothing", "serial:///dev/nothing", "tcp://127.0.0.1:1"])
def test_a_device_that_is_not_there_is_named(address: str) -> None:
    with pytest.raises(Unreachable, match=f"card reader at {address}.*check that it is there"):
        asyncio.run(CardReaderAt(parse(address)).read())
