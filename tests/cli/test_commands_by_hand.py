"""Commands to a running daemon: `grid_inject_cmd`, `modbus_write`, `v2g explain`, `v2g grid status`."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, Station, station

from v2g.io.modbus import ModbusConnection
from v2g.power.registers.port import Table

BIN = Path(sys.executable).parent
BEYOND = ("modbus_write", "--address", "0x4001", "--value", "15001"), "beyond: station discharge power, 15 kW"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Station]:
    with station(None, tmp_path, services=["DC_BPT", "DC"], dispatch=[{"power_w": 3000}]) as running:
        yield running


@pytest.fixture
def car(ours: Station) -> Iterator[Process]:
    """A car in energy transfer."""
    place = ["--host", "::1", "--port", str(ours.port), "--no-tls", "--battery", ours.plant_address]
    with Process([*V2G, "ev", *place, "--json"]) as process:
        assert ours.traced("charging 3.0 kW wished by dispatch plan"), ours.account()
        yield process


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs a command at the station of the test."""

    def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        words = (*words, "--socket", str(tmp_path / "control.sock"))
        return subprocess.run([BIN / name, *words], capture_output=True, text=True, timeout=60, check=False)

    return run


def await_devices(command: Command) -> None:
    """A station that has just started has not read every device, and says so to whatever it is asked."""
    deadline = time.monotonic() + START_S
    while ";" in command("v2g", "explain").stdout or "stale" in command(*BEYOND[0]).stderr:
        assert time.monotonic() < deadline, "the station is not ready"


def register(ours: Station, address: int) -> int:
    """What the inverter's register holds, as seen by somebody else."""

    async def read() -> int:
        host, _, port = ours.plant_address.rpartition(":")
        connection = ModbusConnection(host.strip("[]"), int(port))
        try:
            return (await connection.unit(1, "inverter").read(Table.HOLDING, address, 1))[0]
        finally:
            connection.close()

    return asyncio.run(read())


def test_the_operator_discharges_and_gives_the_power_back(ours: Station, car: Process, command: Command) -> None:
    done = command("grid_inject_cmd", "--mode", "discharge", "--p_val", "5", "--q_val", "0", "--for", "3")
    assert done.returncode == 0, done.stderr
    assert "5.0 kW wished by the operator" in done.stdout
    assert ours.traced("the operator asks: discharge 5 kW for 3 s")
    assert ours.traced("discharging 5.0 kW wished by the operator")
    shown = command("v2g", "sensors")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.startswith("evse-1\nAdapter: v2g daemon\ngrid L1: "), shown.stdout
    explained = command("v2g", "explain")
    assert explained.returncode == 0
    assert "EVSE 1: discharging 5.0 kW wished by the operator; next limit: " in explained.stdout
    assert ours.traced("reversal interlock")
    commanded = False

    def back(line: str) -> bool:
        nonlocal commanded
        commanded = commanded or "the operator asks" in line
        return commanded and "INFO charging 3.0 kW wished by dispatch plan" in line

    assert ours.trace.first(back, START_S), ours.account()


def test_a_limit_reaches_the_register_and_is_read_back(ours: Station, car: Process, command: Command) -> None:
    done = command("modbus_write", "--address", "0x4001", "--value", "12000")
    assert (done.returncode, done.stdout) == (0, "discharge_limit_w at 0x4001: the inverter holds 12000 W\n"), (
        done.stderr
    )
    assert register(ours, 0x4001) == 12_000


def test_the_seeds_limit_without_a_car(ours: Station, command: Command) -> None:
    await_devices(command)
    done = command("modbus_write", "–address", "0x4001", "–value", "15000")  # noqa: RUF001 - as the seed prints it
    assert (done.returncode, done.stdout) == (0, "discharge_limit_w at 0x4001: the inverter holds 15000 W\n"), (
        done.stderr
    )
    assert register(ours, 0x4001) == 15_000


REFUSED = (
    BEYOND,
    (
        ("modbus_write", "--address", "0x4006", "--value", "1"),
        "0x4006 is the station's own; these can be set by hand: 0x4001",
    ),
    (("modbus_write", "--address", "0x4001", "--value", "70000"), "not a whole number from 0 to 65535"),
    (("grid_inject_cmd", "--mode", "discharge", "--p_val", "10"), "no car is in session at EVSE 1"),
    (("grid_inject_cmd", "--mode", "inject", "--p_val", "10"), "invalid choice"),
    (("grid_inject_cmd", "--mode", "charge", "--p_val", "nan"), "'nan' is not a number from 0 to 10000"),
    (("grid_inject_cmd", "--mode", "charge", "--p_val", "1e134"), "'1e134' is not a number from 0 to 10000"),
    (("grid_inject_cmd", "--mode", "charge", "--p_val", "1_0"), "'1_0' is not a number from 0 to 10000"),
    (("grid_inject_cmd", "--mode", "charge", "--p_val", "\u0663"), "'\u0663' is not a number from 0 to 10000"),
    (("grid_inject_cmd", "--mode", "idle", "--evse", "7"), "there is no EVSE 7, only 1"),
    (("grid_inject_cmd", "--mode", "idle", "--connector", "7"), "there is no EVSE 7, only 1"),
    (("grid_inject_cmd", "--mode", "discharge"), "--mode discharge needs --p_val KW above 0; for no power choose"),
)


def test_what_is_refused_says_why_with_exit_code_2(ours: Station, command: Command) -> None:
    await_devices(command)
    for words, reason in REFUSED:
        done = command(*words)
        assert done.returncode == 2, words
        assert reason in done.stderr
    assert register(ours, 0x4001) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_write_to_the_socket_gets_nothing(ours: Station, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    script = (
        "import grp, os, pathlib, sys, v2g.io.control as control\n"
        "import v2g.station.command as command\n"  # all of it now: nobody cannot read this Python
        "os.setgroups([]), os.setgid(65534), os.setuid(65534)\n"
        "try:\n"
        "    control.request(pathlib.Path(sys.argv[1]), command.Inject(mode='idle'))\n"
        "except control.ControlError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "control.sock")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("no permission for"), done.stderr


def test_the_grid_as_the_station_sees_it(ours: Station, command: Command) -> None:
    assert ours.traced("grid: run")
    shown = command("v2g", "grid", "status")
    assert shown.returncode == 0
    assert "IEEE 1547-2018 category III (UL 1741 SB), category B, 60 Hz" in shown.stdout
    assert "state      run" in shown.stdout
    figures = json.loads(command("v2g", "grid", "status", "--json").stdout)
    assert figures[0]["frequency_hz"] == pytest.approx(60, abs=1)


def test_a_setting_that_no_restart_will_find_is_warned_of(ours: Station, command: Command, tmp_path: Path) -> None:
    await_devices(command)
    withdraws = ("v2g", "grid", "set", "enter_service.permitted=false")
    kept = command(*withdraws)
    assert (kept.returncode, kept.stderr) == (0, "")
    (tmp_path / "kept.new").mkdir()  # where the next state would be written first
    lost = command("v2g", "grid", "default")
    assert lost.returncode == 0
    assert lost.stderr.startswith("v2g: warning: what was set holds, but will not survive a restart: kept file ")
    (tmp_path / "kept.new").rmdir()
    again = command(*withdraws)
    assert (again.returncode, again.stderr) == (0, "")


def test_explain_tells_what_an_idle_station_waits_for(ours: Station, command: Command) -> None:
    await_devices(command)
    assert command("v2g", "explain").stdout == "EVSE 1: idle: no car is connected\n"
    assert json.loads(command("v2g", "explain", "--json").stdout)[0]["evse"] == 1
