"""What SCHED_FIFO is worth: the charge loop of four EVSEs while one core burns, with and without it.

The daemon has its recording on, a back end connected, and is scraped by a client of its metrics each second. Cars and
hardware are niced, a process of ordinary priority burns one core. Times are the kernel's, from the last octet of a
request to the first of the answer, so that slow cars do not count. Memory and processor time are measured with the
same daemon, and with one EVSE, while nothing burns.

    python -m benchmarks.scheduling     # alone, a minute
"""

import json
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from benchmarks import processes
from benchmarks.figure import Figure, NotMeasuredError, Setting
from benchmarks.wire import watching
from tests.interop.many_cars import many_cars
from tests.interop.many_plants import Plants, many_plants
from tests.interop.process import Process

from v2g.pki import hierarchy as pki

ROOT = Path(__file__).parents[1]
EVSES, LOOP_S, START_S = 4, 15.0, 30.0
NICE = 10
PASSWORD = "0123456789abcdef"


@dataclass(frozen=True)
class Load:
    """What one daemon took."""

    took_ms: list[float]
    """Of all answers in the charge loop."""
    cpu_percent: float
    """Of a core, all EVSEs together."""
    resident_mib: float


def measure(setting: Setting) -> list[Figure]:
    """Response times with one core burning, with SCHED_FIFO and without; processor time and memory."""
    figures = []
    for fifo in (True, False):
        taken = load(setting, EVSES, fifo=fifo, burning=True)
        name = "scheduling_fifo" if fifo else "scheduling_ordinary"
        figures += [
            Figure(f"{name}_burning_p99", "ms", quantiles(taken.took_ms, n=100)[98], limit=10.0),
            Figure(f"{name}_burning_slowest", "ms", max(taken.took_ms)),
        ]
    for evses, most_mib, most_percent in ((1, 75.0, 8.0), (EVSES, 90.0, 25.0)):
        taken = load(setting, evses, fifo=True, burning=False)
        figures += [
            Figure(f"scheduling_evses{evses}_cpu", "percent", taken.cpu_percent, limit=most_percent),
            Figure(f"scheduling_evses{evses}_resident", "mib", taken.resident_mib, limit=most_mib),
        ]
    return figures


def load(
    setting: Setting,
    evses: int,
    *,
    fifo: bool,
    burning: bool,
    within: Callable[[list[str]], list[str]] = list,
    loop_s: float = LOOP_S,
    nice: int = NICE,
) -> Load:
    """Measures for `loop_s` in the charge loop. `within`: makes another command of the daemon's. `nice`: of hardware,
    cars and back end. Raises NotMeasuredError."""
    if os.geteuid() != 0:
        raise NotMeasuredError("needs root: for SCHED_FIFO, and to see the times of frames")
    folder = setting.folder / f"scheduling-{evses}-{fifo}-{burning}"
    folder.mkdir()
    with ExitStack() as stack:
        plants = stack.enter_context(many_plants(evses))
        ports, metrics, back_end = _free_ports(evses), *_free_ports(2)
        csms = stack.enter_context(
            Process([sys.executable, "-m", "v2g", "csms", "--listen", f"[::1]:{back_end}"], directory=ROOT)
        )
        (folder / "password").write_text(PASSWORD)
        file = folder / "config.yaml"
        file.write_text(json.dumps(_configuration(folder, plants, ports, metrics, back_end, setting.pki)))
        command = [sys.executable, "-m", "v2g", "daemon", "--config", str(file)]
        daemon = stack.enter_context(Process(within(command), directory=ROOT))
        for number in range(1, evses + 1):
            if daemon.wait_for(rf"\b{number} listens on ", START_S) is None:
                raise NotMeasuredError(f"the daemon does not start: {daemon.output}")
        answers = stack.enter_context(watching(ports))
        cars = stack.enter_context(many_cars(list(zip(ports, plants.plants, strict=True)), setting.pki))
        cars.wait_for_loop()
        stack.enter_context(_scraped(metrics))
        for process in (plants.process, cars.process, csms):
            os.setpriority(os.PRIO_PROCESS, process.child.pid, nice)
        if fifo:
            processes.run_first(daemon.child.pid)
        if burning:
            stack.enter_context(Process([sys.executable, "-c", "while True: pass"]))
        time.sleep(2)
        begin_s, begin_ns, before_s = time.monotonic(), time.time_ns(), processes.cpu_s(daemon.child.pid)
        time.sleep(loop_s)
        cpu_s, lasted_s = processes.cpu_s(daemon.child.pid) - before_s, time.monotonic() - begin_s
        end_ns, resident_mib = time.time_ns(), processes.resident_mib(daemon.child.pid)
        drove = cars.end()
        if faults := [car.fault for car in drove if car.fault]:
            why = next(
                (line for line in (folder / "trace.log").read_text().splitlines() if " ERROR " in line), "nothing"
            )
            raise NotMeasuredError(f"{len(faults)} sessions failed: {faults[0]}; the trace says: {why}")
    took_ms = [took_s * 1000 for at_ns, took_s in answers.took if begin_ns <= at_ns <= end_ns]
    if len(took_ms) < 5 * loop_s * evses:
        raise NotMeasuredError(f"only {len(took_ms)} answers were seen")
    return Load(took_ms, cpu_s / lasted_s * 100, resident_mib)


@contextmanager
def _scraped(port: int) -> Iterator[None]:
    """A client reads the metrics each second."""
    done = threading.Event()

    def scrape() -> None:
        while not done.wait(1.0):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                answer.read()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _configuration(
    folder: Path, plants: Plants, ports: list[int], metrics: int, back_end: int, certificates: Path
) -> dict[str, object]:
    evses = [
        {
            "id": index + 1,
            "evse_id": f"DE*V2G*E{index + 1:07}",
            "port": port,
            "services": ["DC_BPT"],
            "modes": ["dynamic"],
            "access": {"grant": "everyone", "discharge": True, "bench_discharge": True},
            "grid_code": {
                "name": "ieee1547-cat3",
                "settings": {"enter_service.delay_s": 0, "enter_service.ramp_s": 0},
            },
            **plants.evse(index),
        }
        for index, port in enumerate(ports)
    ]
    return {
        "evses": evses,
        "tls": {"directory": str(certificates), "profile": "interop-p256"},
        "trace": {"file": str(folder / "trace.log")},
        "control": {"socket": str(folder / "control.sock")},
        "kept": str(folder / "kept.json"),
        "metrics": {"port": metrics},
        "ocpp": {
            "identity": "CS1", "url": f"ws://[::1]:{back_end}", "security_profile": 1,
            "password_file": str(folder / "password"), "authorize": "station", "store": str(folder / "ocpp.db"),
        },
    }  # fmt: skip


def _free_ports(count: int) -> list[int]:
    """Free a moment ago."""
    sockets = [socket.create_server(("::1", 0), family=socket.AF_INET6) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main() -> int:
    """Prints a line for each figure, and the conditions."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        pki.create(folder / "pki", curve="p256", now=datetime.now(UTC), force=False)
        setting = Setting("not needed", "not needed", folder / "pki", folder)
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before")
        try:
            figures = measure(setting)
        except NotMeasuredError as reason:
            print(f"not measured: {reason}")
            return 1
    for each in figures:
        assert isinstance(each.v2g, float)
        limit = "" if each.limit is None else f" (at most {each.limit:g})"
        print(f"{each.name:36} {each.v2g:8.2f} {each.unit}{limit}")
    return int(
        any(isinstance(each.v2g, float) and each.limit is not None and each.v2g > each.limit for each in figures)
    )


if __name__ == "__main__":
    sys.exit(main())
