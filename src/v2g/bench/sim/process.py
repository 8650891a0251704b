"""Runs a simulated device as a process: it listens, says where, and ends cleanly on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from v2g.bench.sim.modbus_server import Device, listen


async def serve(
    units: Mapping[int, Device], host: str, port: int, *work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Serves `units` while each `work` runs, until a signal. Raises `OSError` when it cannot listen."""
    server, port = await listen(units, host, port)
    await until_stopped(f"listening on {host}:{port}", *work)
    server.close()


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
