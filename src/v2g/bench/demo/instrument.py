"""Reads the simulated battery at regular times and prints a JSON line each.

`python -m v2g.bench.demo.instrument modbus://HOST:PORT`

A process of its own, because it runs in the network namespace of the hardware and the show does not.
"""

import asyncio
import json
import sys
from contextlib import suppress

from v2g.bench.sim.plant import VEHICLE_UNIT
from v2g.bench.sim.vehicle_side import VehicleSide
from v2g.io.modbus import connection
from v2g.power.address import parse
from v2g.power.errors import PowerError

EVERY_S = 0.2


async def watch(address: str) -> None:
    """Print until cancelled or until nobody listens."""
    side = VehicleSide(connection(parse(address)).unit(VEHICLE_UNIT, "battery"))
    while True:
        with suppress(PowerError):
            print(json.dumps({"soc": (await side.read()).soc}), flush=True)
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(watch(sys.argv[1]))
