"""The simulated hardware of several EVSEs in one process: a plant each, with its contactor, and one grid for all.

    python -m tests.interop.many_plants COUNT [--inverter-map FILE]

prints one JSON object as soon as all of it listens: `plants` (their ports, the contactor is at unit 5) and `grid`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.process import Process

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.grid import GridUnit, RecordingGridSensor, shipped_recording
from v2g.bench.sim.modbus_server import listen
from v2g.bench.sim.plant import CONTACTOR_UNIT, INVERTER_UNIT, ISOLATION_UNIT, METER_UNIT, Plant
from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.process import until_stopped
from v2g.power.registers.map import load

ROOT = Path(__file__).parents[2]
START_S = 30.0
NOMINAL_HZ = 60
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Plants:
    """What runs; the addresses are `HOST:PORT`."""

    process: Process
    plants: tuple[str, ...]
    grid: str

    def evse(self, index: int) -> dict[str, Any]:
        """The hardware of one EVSE as its entry of the configuration names it."""
        device = {"address": self.plants[index]}
        return {
            "inverter": device | {"unit": INVERTER_UNIT},
            "meter": device | {"unit": METER_UNIT},
            "isolation": device | {"unit": ISOLATION_UNIT},
            "contactor": device | {"unit": CONTACTOR_UNIT},
            "grid": {"address": self.grid},
            "nominal_hz": NOMINAL_HZ,
        }


@contextmanager
def many_plants(count: int, *arguments: str) -> Iterator[Plants]:
    """The hardware of `count` EVSEs, until the block is left."""
    command = [sys.executable, "-m", "tests.interop.many_plants", str(count), *arguments]
    with Process(command, directory=ROOT) as process:
        line = process.wait_for('"plants"', START_S)
        assert line is not None, f"the simulated hardware does not start:\n{process.output}"
        ports = json.loads(line)
        yield Plants(process, tuple(f"{HOST}:{port}" for port in ports["plants"]), f"{HOST}:{ports['grid']}")


async def _serve(count: int, inverter_map: Path | None) -> None:
    recording = shipped_recording(NOMINAL_HZ)
    made = None if inverter_map is None else load(inverter_map)
    plants = [
        Plant(
            PlantModel(Battery(60_000, 0.6)),
            time.monotonic,
            grid=RecordingGridSensor(recording),
            inverter_map=made,
        )
        for _ in range(count)
    ]
    listening = [await listen(plant.units, HOST, 0) for plant in plants]
    grid, grid_port = await listen({1: GridUnit(recording, time.monotonic).unit}, HOST, 0)
    started = {"plants": [port for _, port in listening], "grid": grid_port}
    await until_stopped(json.dumps(started), *(plant.run for plant in plants))
    for server in (grid, *(server for server, _ in listening)):
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--inverter-map", type=Path)
    args = parser.parse_args()
    asyncio.run(_serve(args.count, args.inverter_map))


if __name__ == "__main__":
    main()
