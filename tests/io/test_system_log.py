"""What the system's journal gets, at a real socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from v2g.io.system_log import LONGEST, SystemLog
from v2g.io.trace import SessionTrace
from v2g.kernel.fault import Fault
from v2g.station.event import Broke, DeviceFailed, SessionEnded


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "log"))
        made.setblocking(False)
        yield made


def test_a_fault_has_its_priority_and_its_fields(listener: socket.socket, tmp_path: Path) -> None:
    system = SystemLog(journal=tmp_path / "log", syslog=tmp_path / "none")
    trace = SessionTrace(None, system=system)
    trace.write(2, "AA11", SessionEnded(False, 1.0, 2.0, 3))  # below the least level
    trace.write(2, "AA11", Broke(Fault.METER_LOST, "a\nPRIORITY=0"))
    trace.write(2, "", DeviceFailed("the meter is gone"))
    fault = listener.recv(4096).decode()
    assert fault.splitlines() == [
        r"MESSAGE=evse=2 session=AA11 ERROR 0x15 Meter lost: a\nPRIORITY=0",
        "PRIORITY=3",
        "SYSLOG_IDENTIFIER=v2g",
        "V2G_EVSE=2",
        "V2G_SESSION=AA11",
        "V2G_FAULT=0x15",
    ]
    warning = listener.recv(4096).decode()
    assert "PRIORITY=4\n" in warning
    assert "V2G_FAULT" not in warning
    with pytest.raises(BlockingIOError):
        listener.recv(4096)
    system.close()


def test_without_a_journal_it_is_syslog(listener: socket.socket, tmp_path: Path) -> None:
    system = SystemLog("info", journal=tmp_path / "none", syslog=tmp_path / "log")
    system.write("INFO", "1", "-", "x" * 2 * LONGEST)
    line = listener.recv(2 * LONGEST).decode()
    assert line.startswith("<30>v2g[")
    assert len(line) < LONGEST + 100


def test_a_system_that_takes_nothing_stops_nothing(listener: socket.socket, tmp_path: Path) -> None:
    nobody = SystemLog("info", journal=tmp_path / "none", syslog=tmp_path / "none")
    nobody.write("ERROR", "1", "-", "0x01 x")
    full = SystemLog("info", journal=tmp_path / "log", syslog=tmp_path / "log")
    for _ in range(10_000):
        full.write("ERROR", "1", "-", "0x01 " + "x" * 1000)
    never = SystemLog("never", journal=tmp_path / "log")
    never.write("ERROR", "1", "-", "0x01 x")
    full.close()
    full.write("ERROR", "1", "-", "0x01 x")
