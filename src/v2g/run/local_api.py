"""Keeps the process of the local API running beside the station's own (docs/decisions/local-api-process.md).

It reaches the station through the control socket only, so whatever happens to it, cars are served all the same.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from v2g.run.lines import Lines
from v2g.station.config.settings import LocalApi

FIRST_S, LONGEST_S = 1.0, 60.0
"""Until it is started again: doubled each time, up to the latter."""
LONGEST_LINE = 2000
END_S = 2.0


class Order(msgspec.Struct, frozen=True):
    """What the process needs to know; it comes as a line of JSON on its standard input."""

    api: LocalApi
    socket: Path


async def keep(settings: LocalApi, socket: Path, report: Callable[[str], None]) -> None:
    """Start it, and again whenever it ends, until cancelled. `report`: each of its lines."""
    wait_s = FIRST_S
    order = msgspec.json.encode(Order(settings, socket), enc_hook=str) + b"\n"
    while True:
        began_s = asyncio.get_running_loop().time()
        try:
            code = await _once(order, report)
            report(f"the local API has ended with {code}; it is started again in {wait_s:g} s")
        except OSError as error:
            report(f"the local API cannot be started: {error}; again in {wait_s:g} s")
        lasted_s = asyncio.get_running_loop().time() - began_s
        await asyncio.sleep(wait_s)
        wait_s = FIRST_S if lasted_s > LONGEST_S else min(2 * wait_s, LONGEST_S)


async def _once(order: bytes, report: Callable[[str], None]) -> int:
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
                report(f"local API: {each}")
    finally:
        child.stdin.close()  # that is its sign to end
        with suppress(TimeoutError, ProcessLookupError):
            async with asyncio.timeout(END_S):
                await child.wait()
        with suppress(ProcessLookupError):
            child.kill()
