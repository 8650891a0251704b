"""Several cars in one process, each as `v2g ev` drives it: DC_BPT, dynamic, a charge-loop request every 0.1 s.

    python -m tests.interop.many_cars [--pki DIR] STATION_PORT=PLANT ...

drives a car at each port of the station, with the battery of the plant at HOST:PORT. Prints `{"looping": N}` as soon as
N cars are in the charge loop and the others have failed. After SIGTERM, which ends the sessions in order, prints
`{"cars": [...]}`: for each its `loop_s` (response times of the charge loop, seconds, with the monotonic time at which
each response came), its `fault` and `discharged_wh`.
"""

import argparse
import asyncio
import gc
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.interop.process import Process

from v2g.bench.sim.plant import VEHICLE_UNIT
from v2g.bench.sim.vehicle import PlantVehicle
from v2g.bench.sim.vehicle_side import VehicleSide
from v2g.io.discovery import Endpoint
from v2g.io.modbus import ModbusConnection
from v2g.iso15118.car_session import Report
from v2g.iso15118.event import Event, Received, Sent
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent, VehicleState
from v2g.iso15118.view import Limits, Stop
from v2g.run.car import Car
from v2g.tls.context import TlsContext, vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.profile import PROFILES

ROOT = Path(__file__).parents[2]
HOST = "::1"
LIMITS = Limits(11_000, 11_000, 40, 40, 300, 460)
START_S, END_S = 40.0, 20.0
TURNS, TURNED = 10, '"turns"'
"""A car prints a line each time that it has had this many turns of its charge loop."""
APART_S = 0.5125
"""Cars come one after the other, so their requests have no common rhythm; several at the same instant still occur."""


@dataclass(frozen=True)
class Drove:
    """How it went for one car."""

    fault: str
    """Empty if the session ended in order."""
    discharged_wh: float
    loop: tuple[tuple[float, float], ...]
    """Of each charge-loop response: the monotonic time at which it came, and how long the car waited, seconds."""

    def loop_s(self, since: float, until: float) -> list[float]:
        """The response times between two monotonic times."""
        return [took_s for at_s, took_s in self.loop if since <= at_s <= until]


class Cars:
    """The running process."""

    def __init__(self, process: Process, cars: int) -> None:
        self.process, self._cars = process, cars

    def wait_for_loop(self) -> None:
        """Until all are in the charge loop."""
        line = self.process.wait_for('"looping"', START_S)
        assert line is not None, f"no charge loop:\n{self.process.output}"
        assert json.loads(line)["looping"] == self._cars, f"a car fails before the charge loop:\n{self.process.output}"

    def wait_for_turns(self) -> None:
        """Until they have had `TURNS` or more further responses in the charge loop, together."""
        seen = sum(TURNED in line for line in list(self.process.lines))
        counted = count()
        line = self.process.first(lambda line: TURNED in line and next(counted) >= seen + 1, START_S)
        assert line is not None, f"the charge loop does not go on:\n{self.process.output}"

    def end(self) -> list[Drove]:
        """Ends the sessions in order."""
        self.process.signal(signal.SIGTERM)
        line = self.process.wait_for('"cars"', END_S)
        assert line is not None, f"the cars do not end:\n{self.process.output}"
        return [
            Drove(car["fault"], car["discharged_wh"], tuple((at, took) for at, took in car["loop"]))
            for car in json.loads(line)["cars"]
        ]


@contextmanager
def many_cars(stations: Sequence[tuple[int, str]], pki: Path | None = None) -> Iterator[Cars]:
    """A car at each (port of a station on the loopback interface, plant with its battery)."""
    command = [sys.executable, "-m", "tests.interop.many_cars", *([] if pki is None else ["--pki", str(pki)])]
    with Process([*command, *(f"{port}={plant}" for port, plant in stations)], directory=ROOT) as process:
        yield Cars(process, len(stations))


class _Watch:
    """Takes the response times of the charge loop."""

    def __init__(self) -> None:
        self.loop: list[tuple[float, float]] = []
        self.looping = asyncio.Event()
        self._sent_s = 0.0

    def note(self, text: str) -> None:
        """Nothing to take down."""

    def turn(self, vehicle: VehicleState, report: Report) -> None:
        """Nothing to take down."""

    def event(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Sent):
            self._sent_s = now
        elif isinstance(event, Received) and type(event.message).__name__.endswith("ChargeLoopRes"):
            self.loop.append((now, now - self._sent_s))
            self.looping.set()
            if len(self.loop) % TURNS == 0:
                print(json.dumps({"turns": len(self.loop)}), flush=True)


class _Driver:
    """One car with its vehicle."""

    def __init__(self, port: int, plant: str, tls: TlsContext | None) -> None:
        host, _, plant_port = plant.rpartition(":")
        registers = ModbusConnection(host, int(plant_port)).unit(VEHICLE_UNIT, "the vehicle's side of the plant")
        self._vehicle = PlantVehicle(VehicleSide(registers), dc=True)
        self._port, self._tls = port, tls
        self.watch = _Watch()
        self._intent = Intent(_stated_name(port, tls), Service.DC_BPT, ControlMode.DYNAMIC, LIMITS, loop_interval_s=0.1)
        self.car: Car | None = None

    async def drive(self, after_s: float) -> dict[str, object]:
        await asyncio.sleep(after_s)
        await self._vehicle.start()
        exchange = asyncio.create_task(self._vehicle.run())
        self.car = Car(self._intent, self._vehicle, self.watch)  # its time for the set-up begins here
        outcome = await self.car.drive(Endpoint(HOST, self._port), self._tls)
        self.watch.looping.set()  # or it never will
        exchange.cancel()
        await asyncio.wait([exchange])
        fault = outcome.end.reason if outcome.end.fault else ""
        return {"fault": fault, "discharged_wh": outcome.discharged_wh, "loop": self.watch.loop}


async def _drive(stations: Sequence[tuple[int, str]], tls: TlsContext | None) -> None:
    drivers = [_Driver(port, plant, tls) for port, plant in stations]

    def stop() -> None:
        for driver in drivers:
            if driver.car is not None:
                driver.car.stop(Stop.TERMINATE)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    running = [asyncio.create_task(driver.drive(index * APART_S)) for index, driver in enumerate(drivers)]
    for driver in drivers:
        await driver.watch.looping.wait()
    gc.collect()
    gc.freeze()  # the rounds of the collector in this process are not the station's response times
    print(json.dumps({"looping": sum(bool(driver.watch.loop) for driver in drivers)}), flush=True)
    print(json.dumps({"cars": await asyncio.gather(*running)}), flush=True)


def _stated_name(port: int, tls: TlsContext | None) -> str:
    """The EVCCID: with TLS the name in the vehicle certificate [V2G20-2598]."""
    if tls is None:
        return f"ZZZV{port:016d}"
    subject = x509.load_pem_x509_certificate(tls.files.certificate.read_bytes()).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _tls(pki: Path) -> TlsContext:
    files = TlsFiles(
        certificate=pki / "vehicle_cert.pem",
        private_key=pki / "vehicle_key.pem",
        roots=(pki / "v2g_root.pem",),
        chain=pki / "oem_chain.pem",
    )
    return vehicle_context(files, PROFILES["interop-p256"], now=datetime.now(UTC))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pki", type=Path)
    parser.add_argument("stations", nargs="+", metavar="STATION_PORT=PLANT")
    args = parser.parse_args()
    stations = [each.split("=", 1) for each in args.stations]
    tls = None if args.pki is None else _tls(args.pki)
    asyncio.run(_drive([(int(port), plant) for port, plant in stations], tls))


if __name__ == "__main__":
    main()
