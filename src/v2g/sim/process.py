"""Runs a simulated device as a process: listens, says where, and ends cleanly on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from v2g.sim.modbus_server import Device, listen


async def serve(
    units: Mapping[int, Device], host: str, port: int, *work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Serves `units` while each `work` runs, until a signal. Raises `OSError` when it cannot listen."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server, port = await listen(units, host, port)
    tasks = [loop.create_task(start()) for start in (stop.wait, *work)]
    print(f"listening on {host}:{port}", flush=True)
    done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    for task in running:
        task.cancel()
    for task in done:
        task.result()  # raises what ended the work
