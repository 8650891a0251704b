"""`v2g plc` against simulated modems behind virtual Ethernet."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from v2g.bench.sim import netns

STATION = """
import asyncio, sys
from pathlib import Path
from v2g.io.control import serve
from v2g.station.command import Command
plc = {"phase": "the link is up", "attenuation_db": 8.1, "signal_dbm": -9.6}
status = {"evses": [{"evse": 1, "plc": plc}, {"evse": 2}]}
asyncio.run(serve(Path(sys.argv[1]), 0o600, Command, lambda command: status))
"""


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
    if reason := netns.obstacle():
        pytest.skip(reason)
    names = [(f"c{os.getpid()}{name}h", f"c{os.getpid()}{name}m") for name in ("s", "e")]
    try:
        for host, modem in names:
            ip("link", "add", host, "type", "veth", "peer", "name", modem)
            for name in (host, modem):
                subprocess.run(["sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1"], check=True)
            ip("link", "set", modem, "up")
        (station, station_modem), (car, car_modem) = names
        program = "import sys; from v2g.cli import main; sys.exit(main())"
        words = ["plc", "sim", "--station", station_modem, "--car", f"{car_modem}:12.5", "--join-s", "0"]
        with subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True) as modems:
            assert modems.stdout is not None
            assert modems.stdout.readline() == f"modems on {station_modem}, {car_modem}\n"
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
