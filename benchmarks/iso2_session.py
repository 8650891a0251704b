"""A whole DC session of ISO 15118-2: the station's processor time, and how long its CurrentDemandRes take.

The car is ours at both stations (`benchmarks.iso2_car`), without TLS, as most cars of this edition.

A session is 38 requests in 2.5 s, 1.4 s of them for the cable check. The station's processor time goes with the time,
not with the requests. Split by calls of functions (cProfile with a counter as its clock), beside other load, sessions
and the pauses between them: 27 % looks of the EVSE at grid and devices, each with a judgement and most with a decision;
9 % requests of the car; 18 % readings of the devices, 11 % commands to them; 35 % the event loop and the turns of its
tasks. A call after a sleep takes several times as long as one right after another: a wake-up that does nothing took
0.10 ms each 5 ms and 0.18 ms each 20 ms, and 0.015 ms right after another. uvloop took as much as asyncio.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.figure import Figure, NotMeasuredError, Setting, beside
from benchmarks.stations import ROOT, SESSION_S, cable_of
from tests.interop.process import Process
from tests.interop.station import station

SESSIONS, TURNS, LONG_TURNS = 10, 10, 300
CPU_S, P99_MS = 0.1, 5.0


def measure(setting: Setting) -> list[Figure]:
    """Median of nine sessions with ten turns of the charge loop, after a first one; median and 99th percentile of a
    loop with 300 turns."""
    figures = [
        beside("iso2_dc_session_cpu", "s", lambda name: _measured(setting, name)[0]),
        *(beside(f"iso2_current_demand_res_p{at}", "ms", partial(_percentile, setting, at)) for at in (50, 99)),
    ]
    limits = {"iso2_dc_session_cpu": CPU_S, "iso2_current_demand_res_p99": P99_MS}
    return [Figure(each.name, each.unit, each.v2g, each.peers, limits.get(each.name)) for each in figures]


def _percentile(setting: Setting, percent: int, name: str) -> float:
    return quantiles(_measured(setting, name)[1], n=100)[percent - 1] * 1000


@cache
def _measured(setting: Setting, name: str) -> tuple[float, tuple[float, ...]]:
    with _running(setting, name) as process:
        pid = process.child.pid
        cpu_s = [_drive(setting, pid, TURNS)["cpu_s"] for _ in range(SESSIONS)]
        return median(cpu_s[1:]), tuple(_drive(setting, pid, LONG_TURNS)["loop_s"])


@contextmanager
def _running(setting: Setting, name: str) -> Iterator[Process]:
    cable = cable_of(setting)
    if name == "v2g":
        with tempfile.TemporaryDirectory(dir=setting.folder) as folder:
            place = Path(folder)
            with station(cable.station, place, services=["DC"], trace_level="info", precharge_tolerance_v=None) as ours:
                yield ours.daemon
    elif isinstance(setting.josev, str):
        raise NotMeasuredError(setting.josev)
    else:
        with setting.josev.station(cable.station, "DC", tls=False, verbose=False, protocol="ISO_15118_2") as theirs:
            yield theirs.process


def _drive(setting: Setting, pid: int, turns: int) -> dict[str, Any]:
    """What the car says of its session at the station, whose process has this number."""
    cable = cable_of(setting)
    command = [sys.executable, "-m", "benchmarks.iso2_car", cable.car.interface, str(pid), "--turns", str(turns)]
    done = subprocess.run(
        cable.car.command(*command), capture_output=True, text=True, timeout=SESSION_S, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        raise NotMeasuredError(f"the session failed: {done.stderr.strip().splitlines()[-1]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said
