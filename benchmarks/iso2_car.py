"""A car of ISO 15118-2 that charges DC, and how long it waits for each CurrentDemandRes.

    python -m benchmarks.iso2_car INTERFACE STATION --turns N

prints a JSON object: `cpu_s`, the processor time of the station's process (STATION: its number) from the connection to
the end of the session, and `loop_s`: seconds from before a request is written until the response is there.
"""

import argparse
import json
import socket
import time

from benchmarks.processes import cpu_s
from tests.interop.recorded_car import connect, discover

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.vehicle import OwnBattery
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.event import Step
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.timeouts import CAR_SETUP_S
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits
from v2g.v2gtp.framing import FrameReader, pack
from v2g.v2gtp.sdp import Security

LIMITS = Limits(charge_w=11_000, discharge_w=0, charge_a=30, discharge_a=0, voltage_min_v=300, voltage_max_v=460)
INTERVAL_S = 0.02
"""Between two requests of the charge loop."""


class Car:
    """One session over an open connection."""

    def __init__(self, connection: socket.socket, turns: int) -> None:
        intent = Intent(
            "02:00:00:00:00:01",
            Service.DC,
            ControlMode.SCHEDULED,
            LIMITS,
            editions=("ISO 15118-2",),
            duration_s=turns * INTERVAL_S,
            loop_interval_s=INTERVAL_S,
            patience=20.0,
            believe_precharge=True,  # Josev's station reports no voltage before energy flows
        )
        self.loop_s: list[float] = []
        self._connection, self._frames = connection, FrameReader()
        self._vehicle = OwnBattery(Battery(60_000.0, 0.5), dc=True)
        self._car = CarConversation(intent, setup_deadline=time.monotonic() + CAR_SETUP_S, secure=False)
        self._sent_s = 0.0

    def run(self) -> None:
        """To the end of the session. Raises `RuntimeError` if it fails."""
        self._do(self._car.start(time.monotonic(), self._vehicle.state()))
        while self._car.end is None:
            deadline = self._car.next_deadline()
            assert deadline is not None
            self._connection.settimeout(max(deadline - time.monotonic(), 0.0005))
            try:
                data = self._connection.recv(65_536)
            except TimeoutError:
                self._do(self._car.expire(time.monotonic(), self._vehicle.state()))
                continue
            arrived_s, in_loop = time.perf_counter(), self._in_loop
            for kind, payload in self._frames.feed(data):
                if in_loop:
                    self.loop_s.append(arrived_s - self._sent_s)
                self._do(self._car.receive(kind, payload, time.monotonic(), self._vehicle.state()))
            if not data:
                raise RuntimeError("the station closed the connection")
        if self._car.end.fault is not None:
            raise RuntimeError(self._car.end.reason)

    @property
    def _in_loop(self) -> bool:
        engine = self._car.engine
        return engine is not None and engine.phase in engine.side.energy

    def _do(self, step: Step) -> None:
        self._vehicle.obey(self._car.command)
        for kind, payload in step.send:
            self._sent_s = time.perf_counter()
            self._connection.sendall(pack(kind, payload))
        if self._in_loop:
            self._vehicle.observe(self._car.report.current_a, time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("station", type=int)
    parser.add_argument("--turns", type=int, default=10)
    args = parser.parse_args()
    address, before_s = discover(args.interface, Security.NONE), cpu_s(args.station)
    with connect(address, None) as connection:
        car = Car(connection, args.turns)
        car.run()
    print(json.dumps({"cpu_s": cpu_s(args.station) - before_s, "loop_s": car.loop_s}))


if __name__ == "__main__":
    main()
