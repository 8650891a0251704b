"""How long the car at one EVSE waits in the charge loop while the other EVSE of the same daemon is abused."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks import processes
from benchmarks.figure import Figure, Setting
from tests.interop.many_cars import many_cars
from tests.interop.neighbours import Scene, burst, client_hello, crowd, neighbours

ABUSED_S = 20.0


def measure(setting: Setting) -> list[Figure]:
    """99th percentile over `ABUSED_S`, milliseconds; one abuse follows the other without a pause."""
    return [
        _figure(setting, "burst", None, lambda scene, _: burst(scene.ports[0]), access={"authorizer": "undecided"}),
        _figure(setting, "idle_connections", setting.pki, lambda scene, idle: crowd(scene.ports[0], b"", idle)),
        _figure(setting, "idle_set_ups", setting.pki, lambda scene, idle: crowd(scene.ports[0], client_hello(), idle)),
        _figure(setting, "broken_driver", None, _break_meter, meter={"driver": "brittle"}),
    ]


def _figure(
    setting: Setting, name: str, pki: Path | None, abuse: Callable[[Scene, ExitStack], None], **first: Any
) -> Figure:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=setting.folder)))
        scene = stack.enter_context(neighbours(folder, pki=pki, **first))
        cars = stack.enter_context(many_cars(scene.stations(2), pki))
        cars.wait_for_loop()
        for process in (scene.daemon, cars.process):
            processes.run_first(process.child.pid)
        begin_s = time.monotonic()
        while time.monotonic() < begin_s + ABUSED_S:
            with ExitStack() as idle:
                abuse(scene, idle)
        end_s = time.monotonic()
        (car,) = cars.end()
    if car.fault:
        return Figure(f"neighbour_of_{name}_p99", "ms", f"its session failed: {car.fault}", limit=10.0)
    return Figure(f"neighbour_of_{name}_p99", "ms", quantiles(car.loop_s(begin_s, end_s), n=100)[98] * 1000, limit=10.0)


def _break_meter(scene: Scene, _: ExitStack) -> None:
    (scene.folder / "outside/broken").touch()
    time.sleep(1)
