"""Both stations under the same load: `v2g daemon` with its simulated hardware, and Josev's with its built-in simulator.

The car is the same for both: the requests of a recorded session, sent by `tests.interop.recorded_car`.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks import processes
from benchmarks.figure import NotMeasuredError, Setting
from tests.interop.process import Process
from tests.interop.station import station

from v2g.bench.sim.netns import Cable

ROOT = Path(__file__).parents[1]
TRACE = ROOT / "tests/traces/josev-dc_bpt-dynamic.jsonl"
SESSION_S = 60.0
SESSIONS, LOOPS = 10, 10


@contextmanager
def running(setting: Setting, name: str, *, tls: bool) -> Iterator[Process]:
    """The station `name`, ready for cars.

    Raises:
        NotMeasuredError: it cannot run here.
    """
    cable = cable_of(setting)
    if name == "v2g":
        with (
            tempfile.TemporaryDirectory(dir=setting.folder) as folder,
            station(
                cable.station,
                Path(folder),
                services=["DC_BPT"],
                pki=setting.pki if tls else None,
                trace_level="info",
                precharge_tolerance_v=None,  # the recording does not wait for a voltage
            ) as ours,
        ):
            yield ours.daemon
    elif isinstance(setting.josev, str):
        raise NotMeasuredError(setting.josev)
    else:
        with setting.josev.station(cable.station, "DC_BPT", tls=tls, verbose=False) as theirs:
            yield theirs.process


def cable_of(setting: Setting) -> Cable:
    if isinstance(setting.cable, str):
        raise NotMeasuredError(setting.cable)
    return setting.cable


def drive(setting: Setting, *, tls: bool, loops: int) -> list[float]:
    """One session at the station that runs; returns the response times of its charge loop in seconds."""
    cable = cable_of(setting)
    command = [sys.executable, "-m", "tests.interop.recorded_car", str(TRACE), cable.car.interface]
    command += ["--loops", str(loops), *(["--pki", str(setting.pki)] if tls else [])]
    done = subprocess.run(
        cable.car.command(*command), capture_output=True, text=True, timeout=SESSION_S, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        raise NotMeasuredError(f"the session failed: {done.stderr.strip().splitlines()[-1]}")
    loop_s: list[float] = json.loads(done.stdout)["loop_s"]
    return loop_s


@dataclass(frozen=True)
class Series:
    """Ten sessions at one station, one after the other."""

    cpu_s: tuple[float, ...]
    """Of the station's processes, for each session."""
    resident_mib: float
    """Of the station's processes, after the last session."""


@cache
def ten_sessions(setting: Setting, name: str) -> Series:
    """Runs them over TLS, each with ten cycles of the charge loop."""
    with running(setting, name, tls=True) as process:
        pid = process.child.pid
        cpu_s = []
        for _ in range(SESSIONS):
            before = processes.cpu_s(pid)
            drive(setting, tls=True, loops=LOOPS)
            cpu_s.append(processes.cpu_s(pid) - before)
        return Series(tuple(cpu_s), processes.resident_mib(pid))
