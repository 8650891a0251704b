"""One light station with a car as a process of its own, which can be killed: what its meter shows and what it has to
report is on the disk before any of it leaves the process.

    python -m tests.csms.light_process CS0 ws://127.0.0.1:9000 FOLDER

SIGUSR1 unplugs its car and plugs the next one in, SIGUSR2 unplugs it for good.
"""

import argparse
import asyncio
import json
import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from v2g.bench.depot.fleet import Fleet
from v2g.bench.depot.station import LightCar, LightStation
from v2g.io.carrier import Endpoint

PASSWORD = "correct horse battery"
FLOWS_W = 300.0
"""An inverter approaches its set-point; below this it counts as there."""


class Shown(Struct, frozen=True):
    """What is on the disk for everybody to see."""

    power_w: float
    online: bool
    waiting: int
    """Messages that are not answered."""
    orders: int
    registers_wh: dict[str, tuple[float, float]]
    """What flowed in each transaction: charged, discharged."""
    running: str
    """The transaction."""
    silent_s: float
    """The longest time for which it has discharged without any word of the depot."""


class Keeper:
    """The state of a station on the disk."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._state, self._shown = folder / f"{identity}.state", folder / f"{identity}.json"
        self.station = LightStation(identity)
        self.ended: dict[str, tuple[float, float]] = {}
        self.cars, self.silent_s = 0, 0.0
        self._heard_s, self._orders = time.monotonic(), 0
        if self._state.exists():
            self.station, self.ended, self.cars, self.silent_s = pickle.loads(self._state.read_bytes())
            if self.station.battery is not None:
                self.station.battery.power_w = 0.0  # its contactor is open since the process died

    def keep(self, online: bool) -> None:
        """Before anything leaves the process."""
        station, now = self.station, time.monotonic()
        if station.orders != self._orders:
            self._orders, self._heard_s = station.orders, now
        if station.power_w < -FLOWS_W:
            self.silent_s = max(self.silent_s, now - self._heard_s)
        _write(self._state, pickle.dumps((station, self.ended, self.cars, self.silent_s)))
        running = {station.transaction: self.flowed()} if station.battery is not None else {}
        shown = Shown(
            station.power_w, online, station.waiting, station.orders, self.ended | running, station.transaction,
            self.silent_s,
        )  # fmt: skip
        _write(self._shown, json.dumps({name: getattr(shown, name) for name in Shown.__struct_fields__}).encode())

    def flowed(self) -> tuple[float, float]:
        """In this transaction."""
        battery = self.station.battery
        return (0.0, 0.0) if battery is None else (battery.import_wh, battery.export_wh)

    def plug_in(self) -> None:
        self.station.plug_in(LightCar("EV1", 60_000, 0.7), time.monotonic(), time.time())
        self.cars += 1

    def unplug(self) -> None:
        if self.station.battery is not None:
            self.ended[self.station.transaction] = self.flowed()
            self.station.unplug(time.time())


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing: the process may be killed in the middle."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(content)
    os.replace(draft, file)


async def run(args: argparse.Namespace) -> None:
    keeper = Keeper(args.folder, args.identity)
    fleet = Fleet({args.identity: (keeper.station, Endpoint(args.url, args.identity, 1, PASSWORD), args.subprotocol)})
    fleet.keep = lambda _: keeper.keep(fleet.online > 0)

    def swap(*, another: bool) -> None:
        keeper.unplug()
        if another:
            keeper.plug_in()
        keeper.keep(fleet.online > 0)

    loop: Any = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: swap(another=True))
    loop.add_signal_handler(signal.SIGUSR2, lambda: swap(another=False))
    if not keeper.cars:
        keeper.plug_in()
    keeper.keep(online=False)
    print("the station runs", flush=True)
    await fleet.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("identity")
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subprotocol", default="ocpp2.1")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
