"""From the plug to the contactor with real processes: pilot and modems simulated, frames on real interfaces."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, Station, station

from v2g.bench.sim import netns
from v2g.bench.sim.netns import PowerLine

pytestmark = [pytest.mark.netns, pytest.mark.alone]

UNPLUG = """
import asyncio, sys
from v2g.io.modbus import ModbusConnection
from v2g.bench.sim.pilot import OPERATOR_UNIT, Cable, PilotOperator

async def main(host, port):
    await PilotOperator(ModbusConnection(host, int(port)).unit(OPERATOR_UNIT, "cable")).act(Cable.UNPLUGGED)

asyncio.run(main(*sys.argv[1].rsplit(":", 1)))
"""


@dataclass
class Bay:
    """A station with pilot and modem, and the line to the car."""

    ours: Station
    line: PowerLine
    pilot_address: str

    def car(self, *options: str) -> Process:
        """A car that plugs in, is matched and searches for the station."""
        place = ["--interface", self.line.car.interface, "--slac", "--pilot", self.pilot_address]
        battery = ["--battery", self.ours.plant_address]
        return Process(self.line.car.command(*V2G, "ev", *place, *battery, "--no-tls", "--json", *options))

    def pull(self) -> float:
        """Pull the connector; returns the monotonic time at which that was done."""
        with Process(self.line.station.command(sys.executable, "-c", UNPLUG, self.pilot_address.strip("[]"))) as hand:
            assert hand.wait(10) == 0, hand.output
        return time.monotonic()


@pytest.fixture
def bay(tmp_path: Path) -> Iterator[Bay]:
    if reason := netns.why_not():
        pytest.skip(reason)
    with ExitStack() as stack:
        line = stack.enter_context(netns.power_line(apart=False))
        pilot = stack.enter_context(Process(line.station.command(*V2G, "sim", "pilot", "--listen", "127.0.0.1:0")))
        said = pilot.wait_for("listening on ", START_S)
        assert said is not None, pilot.output
        address = said.rpartition(" ")[2]
        modems = ("plc", "sim", "--station", line.station_modem.interface, "--car", f"{line.car_modem.interface}:9")
        joined = stack.enter_context(Process(line.station_modem.command(*V2G, *modems)))
        assert joined.wait_for("modems on ", START_S), joined.output
        ours = stack.enter_context(
            station(
                line.station,
                tmp_path,
                services=["DC_BPT"],
                dispatch=[{"power_w": -5000}],
                interface=line.station.interface,
                pilot={"device": {"address": address}},
                plc={},
            )
        )
        yield Bay(ours, line, address)


def test_a_session_begins_at_the_plug_and_ends_there(bay: Bay) -> None:
    with bay.car("--duration", "2") as process:
        assert bay.ours.traced("control pilot B1 -> B2", 15), bay.ours.account()
        assert bay.ours.traced("link up: car .*, 9.0 dB", 15), bay.ours.account()
        assert bay.ours.traced("control pilot B2 -> C2", 15), bay.ours.account()
        assert process.wait(30) == 0, process.output
        assert json.loads(process.output)["energy_discharged_wh"] > 1
    assert bay.ours.traced("control pilot: no car is connected", 5), bay.ours.account()
    assert bay.ours.traced("modem: new key", 5)
    with bay.car("--duration", "1") as again:
        assert again.wait(30) == 0, again.output


def test_the_connector_is_pulled_while_the_vehicle_feeds(bay: Bay) -> None:
    with bay.car():
        assert bay.ours.traced("discharging 5.0 kW", 30), bay.ours.account()
        before = len(bay.ours.contactor.lines)
        pulled_s = bay.pull()
        assert bay.ours.traced("0x18 Unplugged", 5), bay.ours.account()
        opened = bay.ours.contactor.first(lambda line: "open" in line and float(line.split()[0]) > pulled_s - 1, 5)
    assert opened is not None, bay.ours.contactor.lines[before:]
    assert float(opened.split()[0]) - pulled_s < 0.15  # 0.1 s by the standard, on a machine under test


def test_who_was_not_matched_is_not_heard(bay: Bay) -> None:
    """Another host on the station's interface: no car is plugged in, so that neither discovery nor TCP is answered."""
    port = bay.ours.port
    own = bay.ours.daemon.output.split("listens on [")[1].split("]")[0].partition("%")[0]

    script = (
        "import asyncio, sys\n"
        "async def main(host, port):\n"
        "    reader, writer = await asyncio.open_connection(host, int(port))\n"
        "    print('closed' if not await reader.read(1) else 'open')\n"
        "asyncio.run(main(*sys.argv[1:]))\n"
    )
    target = f"{own}%{bay.line.station.interface}"
    with Process(bay.line.station.command(sys.executable, "-c", script, target, str(port))) as stranger:
        assert stranger.wait(10) == 0, stranger.output
        assert stranger.output == "closed"
    assert bay.ours.traced("refused: no car is plugged in"), bay.ours.account()
