"""Numbers of a process for Prometheus are offered as long as it runs, whatever becomes of the address."""

import asyncio
from collections.abc import Awaitable, Callable

from v2g.io.http_get import HttpError
from v2g.io.pulse import Pulse

AGAIN_S = 10.0
NEEDS = "metrics: needs the Python package prometheus-client; pip install 'v2g[metrics]'"


async def offered(watch: Callable[[Pulse], Awaitable[None]], report: Callable[[str], None]) -> None:
    """For ever: `watch`, again if the address cannot be had. The process does its work all the same."""
    pulse, said = Pulse(), ""
    try:
        while True:
            try:
                await watch(pulse)
            except HttpError as error:
                if str(error) != said:
                    report(said := str(error))
            await asyncio.sleep(AGAIN_S)
    finally:
        pulse.close()
