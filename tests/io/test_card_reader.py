"""A card reader over TCP (the simulator as a process of its own) and at a serial line; and one that is gone."""

import asyncio
import os
import pty
import socket
from contextlib import suppress

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


def _socket_at(place: tuple[str, int]) -> socket.socket:
    """This process's socket that has this address."""
    for file in map(int, os.listdir("/proc/self/fd")):
        with suppress(FileNotFoundError):  # that of the list itself
            if os.readlink(f"/proc/self/fd/{file}").startswith("socket:"):
                found = socket.socket(fileno=os.dup(file))
                if found.getsockname() == place:
                    return found
                found.close()
    raise AssertionError(f"no socket at {place}")


def test_a_silent_connection_is_probed() -> None:
    """A reader that was without power for a moment knows nothing of the connection, and says nothing."""

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            reader = CardReaderAt(parse(f"tcp://127.0.0.1:{server.getsockname()[1]}"))
            await reader.read()
            accepted, place = server.accept()
            with accepted, _socket_at(place) as connection:
                probes = [connection.getsockopt(socket.IPPROTO_TCP, each)
                          for each in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]  # fmt: skip
                assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert probes[0] + probes[1] * probes[2] <= 20
            reader.close()

    asyncio.run(test())


@pytest.mark.parametrize("address", ["evdev:///dev/input/by-id/nothing", "serial:///dev/nothing", "tcp://127.0.0.1:1"])
def test_a_device_that_is_not_there_is_named(address: str) -> None:
    with pytest.raises(Unreachable, match=f"card reader at {address}.*check that it is there"):
        asyncio.run(CardReaderAt(parse(address)).read())
