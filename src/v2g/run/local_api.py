"""Keeps the process of local API and SunSpec server running beside the station's (docs/decisions/local-api-process.md).

It reaches the station through the control socket only, so whatever happens to it, cars are served all the same.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec

from v2g.run.lines import Lines
from v2g.station.config.settings import LocalApi, Settings
from v2g.station.config.sunspec import SunSpec

FIRST_S, LONGEST_S = 1.0, 60.0
"""Until it is started again: doubled each time, up to the latter."""
LONGEST_LINE = 2000
END_S = 2.0


class Order(msgspec.Struct, frozen=True):
    """What the process needs to know; it comes as a line of JSON on its standard input."""

    socket: Path
    api: LocalApi | None = None
    sunspec: SunSpec | None = None
    plant: "PlantFacts | None" = None
    """For SunSpec."""

    @property
    def name(self) -> str:
        """What it serves, for a person."""
        parts = (("local API", self.api), ("SunSpec server", self.sunspec))
        return " and ".join(name for name, there in parts if there is not None)


class PlantFacts(msgspec.Struct, frozen=True):
    """What a SunSpec client is shown of the configuration."""

    serial: str
    version: str
    nominal_v: float
    nominal_hz: float
    phases: int
    coded: bool
    """Every EVSE has a grid code."""
    dc: bool
    """Every EVSE has an inverter."""


def order_of(settings: Settings) -> Order:
    """What the process has to serve."""
    first = settings.evses[0]
    facts = PlantFacts(
        serial=first.evse_id,
        version=version("v2g"),
        nominal_v=float(first.nominal_voltage_v),
        nominal_hz=float(first.nominal_hz),
        phases=first.phases,
        coded=all(each.grid_code is not None for each in settings.evses),
        dc=all(each.inverter is not None for each in settings.evses),
    )
    return Order(settings.control.socket, settings.local_api, settings.sunspec, facts)


async def keep(order: Order, report: Callable[[str], None]) -> None:
    """Start it, and again whenever it ends, until cancelled. `report`: each of its lines."""
    wait_s, name = FIRST_S, order.name
    line = msgspec.json.encode(order, enc_hook=str) + b"\n"
    while True:
        began_s = asyncio.get_running_loop().time()
        try:
            code = await _once(line, name, report)
            report(f"the {name} has ended with {code}; it is started again in {wait_s:g} s")
        except OSError as error:
            report(f"the {name} cannot be started: {error}; again in {wait_s:g} s")
        lasted_s = asyncio.get_running_loop().time() - began_s
        await asyncio.sleep(wait_s)
        wait_s = FIRST_S if lasted_s > LONGEST_S else min(2 * wait_s, LONGEST_S)


async def _once(order: bytes, name: str, report: Callable[[str], None]) -> int:
    """One life of it; its exit code. Cancelled, it ends the process."""
    pipe, loop, lines = asyncio.subprocess.PIPE, asyncio.get_running_loop(), Lines()
    command = (sys.executable, "-m", "v2g.run.local_api_process")
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(order)
        while True:
            try:
                line = await child.stdout.readline()
            except ValueError:  # longer than asyncio takes
                continue
            if not line:
                return await child.wait()
            text = line.decode("utf-8", "replace").strip()[:LONGEST_LINE]
            for each in lines.take([text], loop.time()):
                report(f"{name}: {each}")
    finally:
        child.stdin.close()  # that is its sign to end
        with suppress(TimeoutError, ProcessLookupError):
            async with asyncio.timeout(END_S):
                await child.wait()
        with suppress(ProcessLookupError):
            child.kill()
