"""Ctrl-C, SIGTERM and SIGHUP, and the death of a command, end all that it has started: at once, and cleanly."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from tests.interop.process import Process

from v2g.bench.sim import netns

WITHIN_S = 60.0
"""A bound against hanging, not what is expected: the commands end within a second."""
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
V2G = [sys.executable, "-m", "v2g"]


@pytest.fixture(autouse=True)
def heeds_signals() -> Iterator[None]:
    """A shell's background job ignores SIGINT, one under `nohup` SIGHUP, and so would all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGHUP, before[1])


def descendants(pid: int) -> set[int]:
    """All processes that a process has started, with those that they have started."""
    found: set[int] = set()
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(each.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            child = int(each.parent.name)
            found |= {child} | descendants(child)
    return found


def namespaces(pid: int) -> list[Path]:
    return list(netns.NAMESPACES.glob(f"v2g-{pid}-*"))


def gone(pids: set[int]) -> bool:
    """Whether all of them have ended, after waiting for it."""
    deadline = monotonic() + WITHIN_S
    while monotonic() < deadline:
        if not any(_runs(pid) for pid in pids):
            return True
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Process]:
    """A demonstration with all its processes, the car among them."""
    with Process([*V2G, "demo", "--output", str(tmp_path)], afresh=True) as process:
        assert process.wait_for(r"\d s  (control pilot B|the car has connected|agreed on)", WITHIN_S) is not None
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_demonstration_takes_its_processes_with_it(demo: Process, number: signal.Signals) -> None:
    started = descendants(demo.child.pid)
    assert len(started) >= 7
    demo.signal(number)
    assert demo.wait(WITHIN_S) == 128 + number
    assert gone(started)
    assert namespaces(demo.child.pid) == []
    assert "Traceback" not in demo.output


def test_a_demonstration_that_is_killed_leaves_no_process(demo: Process) -> None:
    started = descendants(demo.child.pid)
    demo.signal(signal.SIGKILL)
    assert demo.wait(WITHIN_S) == -signal.SIGKILL
    assert gone(started)
    if netns.why_not() is None:
        with netns.cable():  # the next one removes what it could not
            assert namespaces(demo.child.pid) == []


LONG: dict[str, tuple[list[str], Callable[[Process], bool]]] = {
    "grid test": (["grid", "test", "--code", "ieee1547-cat3"], lambda process: len(descendants(process.child.pid)) > 1),
    "mishaps": (["mishaps", "--runs", "100000"], lambda process: len(descendants(process.child.pid)) > 1),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_campaign_takes_its_workers_with_it(name: str, number: signal.Signals) -> None:
    words, begun = LONG[name]
    with Process([*V2G, *words], afresh=True) as process:
        deadline = monotonic() + WITHIN_S
        while not begun(process):
            assert monotonic() < deadline, process.output
        started = descendants(process.child.pid)
        process.signal(number)
        expected = -number if number == signal.SIGKILL else 128 + number
        assert process.wait(WITHIN_S) == expected
        assert gone(started)
        assert "Traceback" not in process.output


def test_ctrl_c_at_a_terminal_ends_a_campaign_and_its_progress_is_shown() -> None:
    """The terminal sends it to the workers too."""
    own, terminal = pty.openpty()
    command = [*V2G, "mishaps", "--runs", "100000"]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    ) as process:  # fmt: skip
        os.close(terminal)
        shown = b""
        while b" of 100000 runs" not in shown:
            shown += os.read(own, 1024)
        started = descendants(process.pid)
        os.write(own, b"\x03")
        assert process.wait(WITHIN_S) == 128 + signal.SIGINT
        assert gone(started)
    os.close(own)


@pytest.mark.skipif(netns.why_not() is not None, reason=str(netns.why_not()))
@pytest.mark.parametrize("number", SIGNALS)
def test_simulated_modems_end_cleanly_while_somebody_may_type(number: signal.Signals) -> None:
    with netns.power_line(apart=False) as line:
        ends = ["--station", line.station_modem.interface, "--car", line.car_modem.interface]
        command = line.car_modem.command(*V2G, "plc", "sim", *ends)
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline().startswith("modems on ")
            process.send_signal(number)
            assert process.wait(WITHIN_S) == 128 + number
            assert process.stderr.read() == ""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_simulated_device_ends_cleanly(number: signal.Signals) -> None:
    with Process([*V2G, "sim", "grid", "--listen", "127.0.0.1:0"], afresh=True) as process:
        assert process.wait_for("listening on", WITHIN_S) is not None
        process.signal(number)
        assert process.wait(WITHIN_S) == 0
        assert len(process.lines) == 1
