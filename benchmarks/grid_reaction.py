"""From a sample of the grid to the wire: the contactor's command after a trip, the inverter's set-point after a change.

The station is the real daemon with a real car; the Modbus servers of its hardware are in this process, which sees when
the sample was read and when the commands arrive. Both times are those of one clock.
"""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from random import Random
from statistics import quantiles

from benchmarks.figure import Figure, Setting
from tests.interop.station import V2G, configuration, modbus

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.modbus_server import Device, Unit, listen
from v2g.bench.sim.plant import CONTACTOR_UNIT, INVERTER_UNIT, Plant
from v2g.bench.sim.plant_model import PlantModel
from v2g.power.quantity import Value
from v2g.power.registers.map import shipped
from v2g.power.registers.port import Table

NOMINAL_HZ = 60.0
TRIPS, CHANGES = 10, 200
HOST = "127.0.0.1"


def measure(setting: Setting) -> list[Figure]:
    """The slowest of `TRIPS` trips, and the 99th percentile of `CHANGES` changes of the set-point, milliseconds."""
    trips_s, changes_s = reactions(setting.folder)
    return [
        Figure("trip_to_contactor_command_max", "ms", max(trips_s) * 1000, limit=5.0),
        Figure("sample_to_set_point_p50", "ms", quantiles(changes_s, n=100)[49] * 1000),
        Figure("sample_to_set_point_p99", "ms", quantiles(changes_s, n=100)[98] * 1000, limit=10.0),
    ]


@cache
def reactions(folder: Path) -> tuple[list[float], list[float]]:
    return asyncio.run(_reactions(folder))


class _Grid:
    """A sensing unit whose frequency is set by hand; remembers when a new value had been read as often as it takes."""

    def __init__(self) -> None:
        self.frequency_hz = NOMINAL_HZ
        self.read = asyncio.Event()
        self.read_s = 0.0
        self._reads = 1
        self.unit = Unit(shipped("grid"), self._measure)

    def change(self, frequency_hz: float, reads: int = 1) -> None:
        self.frequency_hz, self._reads = frequency_hz, reads
        self.read.clear()

    def _measure(self) -> Mapping[str, Value]:
        self._reads -= 1
        if self._reads <= 0 and not self.read.is_set():
            self.read_s = time.monotonic()
            self.read.set()
        phases = dict.fromkeys(("voltage_l1_v", "voltage_l2_v", "voltage_l3_v"), 230.0)
        return {"sequence": float(int(time.monotonic() * 100) % 0x10000), "frequency_hz": self.frequency_hz, **phases}


class _Watched:
    """A unit that remembers when a word was last written differently."""

    def __init__(self, unit: Device, table: Table, address: int) -> None:
        self._unit, self._table, self._address = unit, table, address
        self._word: int | None = None
        self.changed = asyncio.Event()
        self.changed_s = 0.0

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        return self._unit.read(table, address, count)

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        if table is self._table and address <= self._address < address + len(words):
            word = words[self._address - address]
            if word != self._word:
                self._word, self.changed_s = word, time.monotonic()
                self.changed.set()
        self._unit.write(table, address, words)


async def _reactions(folder: Path) -> tuple[list[float], list[float]]:
    grid, plant = _Grid(), Plant(PlantModel(Battery(60_000, 0.6)), time.monotonic)
    close, power_set = shipped("contactor").quantities["close"], shipped("inverter").quantities["power_set_w"]
    contactor = _Watched(plant.units[CONTACTOR_UNIT], close.table, close.address)
    inverter = _Watched(plant.units[INVERTER_UNIT], power_set.table, power_set.address + 1)  # the low word
    units = {**plant.units, CONTACTOR_UNIT: contactor, INVERTER_UNIT: inverter}
    _, plant_port = await listen(units, HOST, 0)
    _, grid_port = await listen({1: grid.unit}, HOST, 0)
    plant_address, grid_address = f"{HOST}:{plant_port}", f"{HOST}:{grid_port}"
    follow = {"follow": "frequency", "nominal_hz": NOMINAL_HZ, "base_w": -4000, "w_per_hz": 60_000}
    settings = configuration(
        folder,
        plant_address,
        plant_address,
        grid_address,
        services=["DC_BPT"],
        modes=["dynamic"],
        pki=None,
        trace_level="info",
        dispatch=[follow],
        contactor=modbus(plant_address, CONTACTOR_UNIT),
    )
    file = folder / "grid_reaction.yaml"
    file.write_text(json.dumps(settings), encoding="utf-8")
    hardware = asyncio.create_task(plant.run())
    changes_s: list[float] = []
    trips_s = []
    try:
        for number in range(TRIPS):  # a daemon for each, because one believes no sensing unit that is wrong so often
            async with _running("daemon", "--config", str(file), "--port", "0", "--no-tls") as daemon:
                drive = ["--port", await _port(daemon), "--no-tls", "--battery", plant_address, "--duration", "600"]
                async with _running("ev", "--host", "::1", *drive):
                    await _discharging(plant)
                    if number == 0:
                        changes_s = await _changes(grid, inverter)
                    contactor.changed.clear()
                    grid.change(0.0, reads=2)  # beyond belief: trips at the second sample
                    async with asyncio.timeout(5):
                        await grid.read.wait()
                        await contactor.changed.wait()
                    trips_s.append(contactor.changed_s - grid.read_s)
                    grid.change(NOMINAL_HZ)
        return trips_s, changes_s
    finally:
        hardware.cancel()


async def _changes(grid: _Grid, inverter: _Watched) -> list[float]:
    random, took_s = Random(1), []
    for number in range(CHANGES):
        await asyncio.sleep(random.uniform(0.02, 0.08))
        inverter.changed.clear()
        change_hz = random.uniform(0.01, 0.03)  # to both sides in turn, so that each is a new set-point
        grid.change(NOMINAL_HZ + (change_hz if number % 2 else -change_hz))
        async with asyncio.timeout(5):
            await grid.read.wait()
            await inverter.changed.wait()
        took_s.append(inverter.changed_s - grid.read_s)
    return took_s


async def _discharging(plant: Plant) -> None:
    async with asyncio.timeout(30):
        while plant.model.power_w > -1_000:  # noqa: ASYNC110 - the model tells nobody
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)


async def _port(daemon: asyncio.subprocess.Process) -> str:
    """Where it listens; warnings of its configuration may come first."""
    assert daemon.stdout is not None
    async for line in daemon.stdout:
        if match := re.search(rb"\]:(\d+),", line):
            return match[1].decode()
    raise RuntimeError("the daemon does not start")


@asynccontextmanager
async def _running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*V2G, *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # it may have ended
            process.terminate()
        await process.communicate()
