"""`v2g plc` against simulated modems behind virtual Ethernet."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from v2g.bench.sim import netns
from v2g.io.plc import PlcLink
from v2g.slac.car import CarMatching
from v2g.slac.event import Event, describe
from v2g.slac.station import StationMatching

STATION = """
import asyncio, sys
from pathlib import Path
from v2g.io.control import serve
from v2g.station.command import Command
plc = {"phase": "the link is up", "attenuation_db": 8.1, "signal_dbm": -9.6}
status = {"evses": [{"evse": 1, "plc": plc}, {"evse": 2}]}
asyncio.run(serve(Path(sys.argv[1]), 0o600, Command, lambda command: status))
"""


SIMULATOR: dict[str, subprocess.Popen[str]] = {}
"""The process behind a station's interface."""


def v2g(*words: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from v2g.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, timeout=30
    )


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture(scope="module")
def street() -> Iterator[tuple[str, str]]:
    """The host's interfaces of a station and a car, their modems simulated by the command itself."""
    if reason := netns.why_not():
        pytest.skip(reason)
    names = [(f"c{os.getpid()}{name}h", f"c{os.getpid()}{name}m") for name in ("s", "e")]
    try:
        for host, modem in names:
            ip("link", "add", host, "type", "veth", "peer", "name", modem)
            for name in (host, modem):
                subprocess.run(["sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6"], check=True)
            ip("link", "set", modem, "up")
        (station, station_modem), (car, car_modem) = names
        program = "import sys; from v2g.cli import main; sys.exit(main())"
        words = ["plc", "sim", "--station", station_modem, "--car", f"{car_modem}:12.5", "--join-s", "0"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-c", program, *words], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as modems:
            assert modems.stdout is not None
            assert modems.stdout.readline() == f"modems on {station_modem}, {car_modem}\n"
            SIMULATOR[station] = modems
            yield station, car
            modems.terminate()
    finally:
        for host, _ in names:
            subprocess.run(["ip", "link", "delete", host], check=False)


@pytest.mark.netns
def test_init_brings_the_interface_up_and_sets_a_fresh_key(street: tuple[str, str]) -> None:
    keys = set()
    for interface in street:
        ip("link", "set", interface, "down")
        done = v2g("plc", "init", interface)
        assert (done.returncode, done.stderr) == (0, "")
        first, modem, key = done.stdout.splitlines()
        assert first == f"interface  {interface} is up, without a driver of its own (virtual)"
        assert "Qualcomm MAC-QCA7000" in modem
        assert key.startswith("key        set, network id ")
        keys.add(key)
    assert len(keys) == 2
    kept = v2g("plc", "init", "--keep-key", "--restart", street[0])
    assert "modem      restarts" in kept.stdout
    assert "key" not in kept.stdout


@pytest.mark.netns
def test_status_tells_modem_network_and_peers(street: tuple[str, str]) -> None:
    for interface in street:
        assert v2g("plc", "init", interface).returncode == 0
    status = json.loads(v2g("plc", "status", "--json", street[0]).stdout)
    assert status["interface"] == street[0]
    assert (status["up"], status["carrier"], status["driver"]) == (True, True, None)
    assert status["modem"] == "00:B0:52:5E:00:01"
    assert status["networks"][0]["role"] == "coordinator"
    assert (status["link"], status["peers"]) == (False, [])  # each has a key of its own
    text = v2g("plc", "status", street[0]).stdout
    assert "link       no\n" in text
    assert "peers      none" in text


@pytest.mark.netns
def test_status_adds_what_the_daemon_has_measured(street: tuple[str, str], tmp_path: Path) -> None:
    v2g("plc", "init", street[0])
    socket = tmp_path / "control.sock"
    with subprocess.Popen([sys.executable, "-c", STATION, str(socket)]) as daemon:
        while not socket.exists():
            assert daemon.poll() is None
        text = v2g("plc", "status", "--socket", str(socket), street[0]).stdout
        daemon.terminate()
    assert "daemon     phase the link is up, attenuation_db 8.1, signal_dbm -9.6" in text


@pytest.mark.netns
def test_scan_lists_the_modems_that_answer(street: tuple[str, str]) -> None:
    v2g("plc", "init", street[0])
    done = v2g("plc", "scan", street[0])
    assert done.stdout.splitlines() == ["00:B0:52:5E:00:01 Qualcomm MAC-QCA7000-1.1.3.1531-00-20150204-CS"]


def say(modems: subprocess.Popen[str], text: str) -> str:
    """What the simulator answers to a line on its standard input."""
    assert modems.stdin is not None
    assert modems.stdout is not None
    modems.stdin.write(f"{text}\n")
    modems.stdin.flush()
    return modems.stdout.readline().strip()


@pytest.mark.netns
def test_the_attenuation_of_a_live_link_is_changed_by_hand(street: tuple[str, str]) -> None:
    modems = SIMULATOR[street[0]]
    at_car = f"{street[1][:-1]}m"
    told: list[str] = []
    changed = asyncio.Event()

    def tell(event: Event) -> None:
        told.append(describe(event)[0])
        changed.set()

    async def until(text: str) -> None:
        async with asyncio.timeout(20.0):
            while not any(text in each for each in told):
                changed.clear()
                await changed.wait()

    async def scene() -> None:
        station = PlcLink(street[0], StationMatching, tell)
        car = PlcLink(street[1], CarMatching, lambda _: None)
        with closing(station), closing(car):
            await until("new key")
            station.begin_matching()
            car.begin_matching()
            await until("link up: car")
            assert say(modems, f"{at_car} 62") == f"{at_car}: 62 dB"
            await until("signal attenuation: -66.5 dBm, below -60 dBm; look at connectors")
            await until("the signal is -66.5 dBm, below -60 dBm for 5 s")
            assert say(modems, f"{at_car} 8") == f"{at_car}: 8 dB"
            await until("signal attenuation: back at -11.5 dBm")
            assert say(modems, f"{at_car} cut") == f"{at_car}: cut"
            await until("link lost")

    asyncio.run(scene())
    assert modems.stdin is not None
    assert modems.stderr is not None
    for wrong in ("", "nosuch 5", f"{at_car} -3", f"{at_car} far", at_car):
        modems.stdin.write(f"{wrong}\n")
        modems.stdin.flush()
        error = modems.stderr.readline()
        assert error == f"v2g: error: {wrong!r}: say `INTERFACE DB` or `INTERFACE cut`, for {at_car}\n"
    assert say(modems, f"{at_car} 12.5") == f"{at_car}: 12.5 dB"


@pytest.mark.netns
def test_an_interface_without_a_modem_says_what_to_look_at(street: tuple[str, str]) -> None:
    for action in ("status", "scan"):
        done = v2g("plc", action, "lo")
        assert done.returncode == 2, action
        assert "lo" in done.stderr, action
        assert done.stderr.startswith("v2g: error: "), action
        assert "no modem answers" in done.stderr, action


@pytest.mark.netns
def test_an_interface_that_is_down_names_the_command_that_brings_it_up(street: tuple[str, str]) -> None:
    ip("link", "set", street[1], "down")
    done = v2g("plc", "scan", street[1])
    assert done.returncode == 2
    assert f"`v2g plc init {street[1]}` brings it up" in done.stderr


@pytest.mark.netns
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="dropping capabilities needs util-linux (setpriv)")
def test_without_permission_the_remedy_is_named(street: tuple[str, str]) -> None:
    ip("link", "set", street[1], "down")
    program = "import sys; from v2g.cli import main; sys.exit(main())"
    without = ["setpriv", "--bounding-set=-net_raw,-net_admin", sys.executable, "-c", program]
    for action, remedy in (("init", "run as root"), ("scan", "AmbientCapabilities=CAP_NET_RAW")):
        done = subprocess.run([*without, "plc", action, street[1]], capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert remedy in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="raw frames need root")
def test_an_interface_that_is_not_there_is_named_with_remedies() -> None:
    done = v2g("plc", "init", "nosuch0")
    assert done.returncode == 2
    assert "there is no interface nosuch0; there are " in done.stderr
    assert "the kernel has no driver qcaspi or qca7000" in done.stderr
    for action in ("status", "scan"):
        done = v2g("plc", action, "nosuch0")
        assert done.returncode == 2
        assert "there is no interface nosuch0; there are " in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="raw frames need root")
def test_the_simulator_names_interfaces_that_it_cannot_have() -> None:
    done = v2g("plc", "sim", "--station", "nosuch0", "--car", "nosuch1:9")
    assert done.returncode == 2
    assert "interfaces nosuch0, nosuch1: No such device; name the modems' ends of veth pairs" in done.stderr


def test_bad_numbers_are_refused() -> None:
    for words in (["--loss", "2"], ["--delay-s", "-1"]):
        done = v2g("plc", "sim", "--station", "a", "--car", "b", *words)
        assert done.returncode == 2
        assert words[1] in done.stderr
