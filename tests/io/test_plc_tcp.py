"""TCP through matched modems: car, line and station each in a network namespace and a process of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from v2g.bench.sim import netns
from v2g.bench.sim.netns import End

pytestmark = pytest.mark.netns

SENT_OCTETS = 300_000

STATION = """
import asyncio, sys
from ipaddress import IPv6Address
from v2g.io.discovery import link_local, scoped
from v2g.io.plc import PlcLink
from v2g.io.plc_peer import is_peer
from v2g.slac.station import StationMatching
from v2g.slac.event import Matched

async def main(interface):
    link = PlcLink(interface, StationMatching, lambda event: None)
    link.begin_matching()
    done = asyncio.Event()

    async def serve(reader, writer):
        data = await reader.read(-1)
        address = IPv6Address(writer.get_extra_info("peername")[0].partition("%")[0])
        match = link.machine.match
        print(len(data), is_peer(interface, address, match.car), is_peer(interface, address, bytes(6)), flush=True)
        done.set()

    own = scoped(await link_local(interface), interface)
    await asyncio.start_server(serve, own, 15118)
    print("ready", flush=True)
    await link.outcome()
    await done.wait()

asyncio.run(main(sys.argv[1]))
"""

CAR = """
import asyncio, sys
from v2g.io.discovery import link_local
from v2g.io.plc import PlcLink
from v2g.slac.address import link_local_of
from v2g.slac.car import CarMatching

async def main(interface, octets):
    await link_local(interface)
    link = PlcLink(interface, CarMatching, lambda event: None)
    link.begin_matching()
    match = (await link.outcome()).match
    _, writer = await asyncio.open_connection(f"{link_local_of(match.station)}%{interface}", 15118)
    writer.write(bytes(octets))
    await writer.drain()
    writer.close()
    await writer.wait_closed()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.fixture
def ends() -> Iterator[netns.PowerLine]:
    if reason := netns.why_not():
        pytest.skip(reason)
    with netns.power_line() as made:
        yield made


def test_a_matched_car_reaches_the_station_and_is_known_to_be_the_one(ends: netns.PowerLine) -> None:
    with ExitStack() as stack:

        def start(end: End, *words: str) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(end.command(sys.executable, *words), stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            return process

        def said(process: subprocess.Popen[str]) -> str:
            assert process.stdout is not None
            return process.stdout.readline().strip()

        main = "import sys; from v2g.cli import main; sys.exit(main())"
        words = ("plc", "sim", "--station", ends.station_modem.interface, "--car", ends.car_modem.interface)
        modems = start(ends.station_modem, "-c", main, *words)
        assert said(modems).startswith("modems on")
        station = start(ends.station, "-c", STATION, ends.station.interface)
        assert said(station) == "ready"
        car = start(ends.car, "-c", CAR, ends.car.interface, str(SENT_OCTETS))
        assert said(station) == f"{SENT_OCTETS} True False"
        assert car.wait(10) == 0
        assert station.wait(10) == 0
