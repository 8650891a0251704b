"""Watches the hardware behind a station, from outside of it: observer.py CONTACTOR PLANT (HOST:PORT each)

Prints a JSON object every 10 ms: `t_s` (monotonic), `closed` (the contactor's mirror contact), `power_w` (at the grid's
meter, which sees both the inverter and a vehicle's own charger). What does not answer is null.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

from v2g.bench.sim.plant import METER_UNIT
from v2g.io.modbus import ModbusConnection
from v2g.power.drivers.register_map import RegisterContactor, RegisterMeter
from v2g.power.errors import PowerError

INTERVAL_S = 0.01


def _connection(address: str) -> ModbusConnection:
    host, _, port = address.rpartition(":")
    return ModbusConnection(host.strip("[]"), int(port))


async def main(contactor_address: str, plant_address: str) -> None:
    contactor = RegisterContactor(_connection(contactor_address).unit(1, "contactor"))
    meter = RegisterMeter(_connection(plant_address).unit(METER_UNIT, "meter"))
    while True:
        closed = power_w = None
        with suppress(PowerError):
            closed = (await contactor.read()).closed
        with suppress(PowerError):
            power_w = (await meter.read()).power_w
        print(json.dumps({"t_s": time.monotonic(), "closed": closed, "power_w": power_w}), flush=True)
        await asyncio.sleep(INTERVAL_S)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
