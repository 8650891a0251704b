"""Eight EVSEs of one `v2g daemon`, each with a car in the charge loop as `v2g ev` sends it: a request every 0.1 s.

The daemon of the commit before the last rebuild of the station is measured the same way, with the same hardware and
cars. The simulated hardware of all EVSEs is one process, and the cars are another, so that two cores suffice. Daemon
and cars do not wait for a core that something else uses.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks import processes
from benchmarks.figure import Figure, NotMeasuredError, Setting, Value
from tests.interop.many_cars import many_cars
from tests.interop.many_plants import Plants, many_plants
from tests.interop.process import Process

ROOT = Path(__file__).parents[1]
BEFORE = "b12a9e0"
"""The commit before the station was rebuilt. Its configuration and its status say `connectors`."""
EVSES = 8
LOOP_S = 20.0
START_S = 30.0


@dataclass(frozen=True)
class Load:
    """What one daemon took."""

    cpu_percent: float
    """Of a core, for each EVSE."""
    resident_mib: float
    slowest_session_ms: float
    """Of all messages of the sessions, by the daemon's own clock: from a request's last byte to its response."""
    slowest_loop_ms: float
    """Of the charge loop, as the cars see it."""
    loop_p99_ms: float


def measure(setting: Setting) -> list[Figure]:
    """Processor time, memory and slowest responses over TCP and over TLS 1.3, now and before."""
    figures = []
    for tls in (False, True):
        name = f"eight_evses_{'tls' if tls else 'tcp'}"
        for field, unit, limit in (
            ("cpu_percent", "percent_each", 5.0),
            ("resident_mib", "mib", 60.0),
            ("slowest_session_ms", "ms", 10.0),
            ("loop_p99_ms", "ms", 10.0),
            ("slowest_loop_ms", "ms", 10.0),
        ):
            now, before = (_value(setting, field, tls, commit) for commit in (None, BEFORE))
            figures.append(Figure(f"{name}_{field.rpartition('_')[0]}", unit, now, {BEFORE: before}, limit))
    return figures


def _value(setting: Setting, field: str, tls: bool, commit: str | None) -> Value:
    taken = _load(setting, tls, commit)
    return taken if isinstance(taken, str) else float(getattr(taken, field))


@cache
def _load(setting: Setting, tls: bool, commit: str | None) -> Load | str:
    """Of the daemon of `commit`, None for this one; or why there is none."""
    try:
        return load(setting, tls, commit)
    except NotMeasuredError as reason:
        return str(reason)


def load(setting: Setting, tls: bool, commit: str | None) -> Load:
    """Measures for `LOOP_S` in the charge loop. Raises NotMeasuredError."""
    source = ROOT / "src" if commit is None else _source(setting, commit)
    folder = setting.folder / f"eight-{tls}-{commit}"
    folder.mkdir()
    with many_plants(EVSES) as plants:
        ports = _free_ports()
        file = folder / "config.yaml"
        file.write_text(json.dumps(_configuration(folder, plants, ports, setting.pki, commit)))  # JSON is YAML
        command = [sys.executable, "-m", "v2g", "daemon", "--config", str(file), *([] if tls else ["--no-tls"])]
        with Process(command, {"PYTHONPATH": str(source)}, directory=ROOT) as daemon:
            for number in range(1, EVSES + 1):
                if daemon.wait_for(rf"\b{number} listens on ", START_S) is None:
                    raise NotMeasuredError(f"the daemon does not start: {daemon.output.partition(chr(10))[0]}")
            stations = list(zip(ports, plants.plants, strict=True))
            with many_cars(stations, setting.pki if tls else None) as cars:
                for process in (daemon, cars.process):
                    processes.run_first(process.child.pid)
                cars.wait_for_loop()
                time.sleep(1)
                begin_s, before_s = time.monotonic(), processes.cpu_s(daemon.child.pid)
                time.sleep(LOOP_S)
                end_s, after_s = time.monotonic(), processes.cpu_s(daemon.child.pid)
                resident_mib = processes.resident_mib(daemon.child.pid)
                status = _status(folder / "control.sock")
                drove = cars.end()
    if faults := [car.fault for car in drove if car.fault]:
        raise NotMeasuredError(f"{len(faults)} sessions failed: {faults[0]}")
    loop_s = [took_s for car in drove for took_s in car.loop_s(begin_s, end_s)]
    return Load(
        cpu_percent=(after_s - before_s) / (end_s - begin_s) / EVSES * 100,
        resident_mib=resident_mib,
        slowest_session_ms=max(float(each["slowest_response_ms"]) for each in status),
        slowest_loop_ms=max(loop_s) * 1000,
        loop_p99_ms=quantiles(loop_s, n=100)[98] * 1000,
    )


def _source(setting: Setting, commit: str) -> Path:
    """The sources of a commit of this repository, in a folder of ours."""
    folder = setting.folder / commit
    if not folder.exists():
        archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, capture_output=True, check=False)
        if archive.returncode != 0:
            raise NotMeasuredError(archive.stderr.decode(errors="replace").strip())
        folder.mkdir()
        subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
    return folder / "src"


def _configuration(
    folder: Path, plants: Plants, ports: list[int], pki: Path, commit: str | None
) -> Mapping[str, object]:
    evses = [
        {
            "id": index + 1,
            "evse_id": f"DE*V2G*E{index + 1:07}",
            "port": ports[index],
            "services": ["DC_BPT"],
            "modes": ["dynamic"],
            "access": {"grant": "everyone", "discharge": True, **({"bench_discharge": True} if commit is None else {})},
            "grid_code": {
                "name": "ieee1547-cat3",
                "settings": {"enter_service.delay_s": 0, "enter_service.ramp_s": 0},
            },
            **plants.evse(index),
        }
        for index in range(EVSES)
    ]
    return {
        "evses" if commit is None else "connectors": evses,
        "tls": {"directory": str(pki), "profile": "interop-p256"},
        "trace": {"file": str(folder / "trace.log"), "level": "info"},
        "control": {"socket": str(folder / "control.sock")},
        "kept" if commit is None else "journal": str(folder / "kept.json"),
    }


def _status(path: Path) -> list[dict[str, Any]]:
    """Of each EVSE."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b'{"command": "status"}\n')
        with connection.makefile("rb") as stream:
            result = json.loads(stream.readline())["result"]
    evses: list[dict[str, Any]] = result.get("evses") or result["connectors"]
    return evses


def _free_ports() -> list[int]:
    """One for each EVSE, free a moment ago."""
    sockets = [socket.create_server(("::1", 0), family=socket.AF_INET6) for _ in range(EVSES)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
