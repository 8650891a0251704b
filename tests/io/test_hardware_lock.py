"""Two daemons never command the same hardware."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from v2g.io.hardware_lock import HardwareBusy, HardwareLock, lock_directory, places
from v2g.power.address import parse

HOLD = """
import sys
from pathlib import Path
from v2g.io.hardware_lock import HardwareLock
lock = HardwareLock(sys.argv[2:], Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_hardware_that_another_process_commands_is_refused_until_that_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), "modbus://a:1?unit=1", "modbus://b:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(HardwareBusy, match=f"modbus://b:1: the process {other.pid} uses it; stop it"):
            HardwareLock(["modbus://c:1", "modbus://b:1"], tmp_path)
        HardwareLock(["modbus://c:1"], tmp_path).release()  # what was taken before the refusal is free again
        other.kill()
    HardwareLock(["modbus://a:1?unit=1", "modbus://b:1"], tmp_path).release()


def test_one_address_twice_is_no_conflict(tmp_path: Path) -> None:
    lock = HardwareLock(["modbus://a:1", "modbus://a:1"], tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_place_that_cannot_hold_locks_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HardwareBusy, match=r"hardware lock in .*; let this user write there, or set V2G_LOCK"):
        HardwareLock(["modbus://a:1"], tmp_path / "file")


@pytest.mark.parametrize("place", ["V2G_LOCK_DIRECTORY", "XDG_RUNTIME_DIR"])
def test_the_place_of_the_locks_can_be_named(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("V2G_LOCK_DIRECTORY", raising=False)
    monkeypatch.setenv(place, str(tmp_path))
    if place == "XDG_RUNTIME_DIR" and os.access("/run/v2g", os.W_OK):
        pytest.skip("the service's directory comes first")
    assert lock_directory() in (tmp_path, tmp_path / "v2g")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network namespace")
def test_an_address_of_another_network_is_other_hardware(tmp_path: Path) -> None:
    lock = HardwareLock(["modbus://[::1]:502"], tmp_path)
    command = ["unshare", "--net", sys.executable, "-c", HOLD, str(tmp_path), "modbus://[::1]:502"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    lock.release()
    assert done.stdout == "held\n", done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modbus://127.0.0.1:502?unit=3", ["modbus://127.0.0.1:502?unit=3"]),
        ("modbus://127.1:502?unit=3", ["modbus://127.0.0.1:502?unit=3"]),
        ("modbus://[::ffff:127.0.0.1]?unit=3", ["modbus://127.0.0.1:502?unit=3"]),
        ("modbus://[0:0::1]", ["modbus://[::1]:502?unit=1"]),
        ("modbus://no-such-host.invalid:1", ["modbus://no-such-host.invalid:1?unit=1"]),
        ("can://can0?bitrate=500000", ["can://can0?bitrate=500000"]),
    ],
)
def test_an_address_has_one_form_however_it_is_written(text: str, expected: list[str]) -> None:
    assert asyncio.run(places(parse(text))) == expected


def test_a_host_by_its_name_is_the_host_by_its_number() -> None:
    try:
        socket.gethostbyname("localhost")
    except OSError:
        pytest.skip("no /etc/hosts that names localhost")
    assert "modbus://127.0.0.1:502?unit=1" in asyncio.run(places(parse("modbus://LocalHost")))


def test_a_serial_line_has_one_user(tmp_path: Path) -> None:
    line, by_id = tmp_path / "ttyUSB0", tmp_path / "by-id"
    line.touch()
    by_id.symlink_to(line)
    written = [f"modbus+rtu://{line}?baud=9600&unit=1", f"modbus+rtu://{by_id}?unit=2"]
    assert [asyncio.run(places(parse(each))) for each in written] == [[f"modbus+rtu://{line}"]] * 2


def test_a_very_long_address_can_be_locked(tmp_path: Path) -> None:
    HardwareLock([f"modbus-rtu:///dev/{'x' * 500}"], tmp_path).release()
