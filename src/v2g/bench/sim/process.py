"""Runs a simulated device as a process: it listens, says where, and ends cleanly on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from v2g.bench.sim.can_server import CanUnit, SlcanServer
from v2g.bench.sim.modbus_server import Device, Unit, listen
from v2g.bench.sim.rtu_server import RtuServer
from v2g.power.address import CAN, Address
from v2g.power.signals.map import shipped

Place = tuple[str, int] | Address
"""Where a device is served: a TCP host and port (0 picks a free one); a serial line or the serial adapter of a CAN bus,
whose name is a link."""


async def serve(
    units: Mapping[int, Device],
    places: Iterable[Place],
    *work: Callable[[], Coroutine[Any, Any, None]],
    on_can: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Serves `units` at all places while each `work` runs, until a signal. `on_can`: the units that are on a CAN bus
    too, each with the name of its shipped signal map. Raises `OSError` if it cannot listen."""
    started = []
    with ExitStack() as stack:
        for place in places:
            if isinstance(place, Address) and place.scheme == CAN:
                on_bus = [
                    CanUnit(unit, shipped(on_can[number]))
                    for number, unit in units.items()
                    if number in on_can and isinstance(unit, Unit)
                ]
                stack.callback(SlcanServer(on_bus, Path(place.path)).close)
                started.append(f"listening on {place.scheme}://{place.path}?interface=slcan")
            elif isinstance(place, Address):
                stack.callback(RtuServer(units, Path(place.path)).close)
                started.append(f"listening on {place.scheme}://{place.path}")
            else:
                server, port = await listen(units, *place)
                stack.callback(server.close)
                started.append(f"listening on {place[0]}:{port}")
        await until_stopped("\n".join(started), *work)


async def until_stopped(started: str, *work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Prints `started` and lets each `work` run until a signal; raises what ends one of them before."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print(started, flush=True)
    done, running = await asyncio.wait(
        [loop.create_task(start()) for start in (stop.wait, *work)], return_when=asyncio.FIRST_COMPLETED
    )
    for task in running:
        task.cancel()
    for task in done:
        task.result()
