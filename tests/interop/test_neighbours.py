"""What happens at one EVSE of a daemon is not felt at the other: an honest car feeds the grid at EVSE 2 throughout."""

import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from tests.interop.many_cars import Drove, many_cars
from tests.interop.many_plants import many_plants
from tests.interop.process import Process
from tests.interop.recorded_car import PROTOCOLS, RecordedCar, RefusedError, connect
from tests.outside_package import installed

from v2g.messages import decode, encode
from v2g.messages.iso20 import common, types
from v2g.power import registers
from v2g.tls import pki as hierarchy
from v2g.v2gtp.framing import FrameReader, pack

START_S, CAUSE_S = 30.0, 15.0
ATTEMPTS = 3
WITHIN_S = 0.05
"""99th percentile of EVSE 2's responses in the median attempt; on a quiet machine it is below 10 ms."""
FEED_W = -5000.0
BURST, IDLE, LOOPS = 10_000, 1_000, 500
TRACE = Path(__file__).parents[1] / "traces/josev-dc_bpt-dynamic.jsonl"
COMMON, SAP = 0x8002, 0x8001
FLOAT = "  minimum_voltage_v: {address: 0x400B, type: f32}"
INVERTER_MAP = Path(registers.__path__[0]) / "inverter.yaml"

OUTSIDE = '''
from pathlib import Path

from v2g.power.drivers import make
from v2g.station.access import Answer, Verdict

BROKEN = Path(__file__).parent / "broken"


class Meter:
    """Divides by zero as soon as there is a file `broken`."""

    def __init__(self, wiring):
        self._meter = make("meter", "register-map", wiring)

    async def read(self):
        reading = await self._meter.read()
        return 1 / 0 if BROKEN.exists() else reading


class Undecided:
    def __init__(self, access):
        pass

    def judge(self, identity, now):
        return Verdict(Answer.PENDING, "nobody has decided yet")
'''
POINTS = {"v2g.drivers": {"meter.brittle": "neighbour:Meter"}, "v2g.authorizers": {"undecided": "neighbour:Undecided"}}


@dataclass
class Scene:
    """A daemon with two EVSEs, and their hardware."""

    folder: Path
    pki: Path | None
    daemon: Process
    ports: tuple[int, int]
    plants: tuple[str, ...]
    trace: Process

    def stations(self, *evses: int) -> list[tuple[int, str]]:
        return [(self.ports[evse - 1], self.plants[evse - 1]) for evse in evses]

    def caused(self, pattern: str) -> None:
        """The trace of EVSE 1 gives this cause."""
        assert self.trace.wait_for(f"evse=1 .*{pattern}", CAUSE_S) is not None, self.account

    @property
    def account(self) -> str:
        return "\n".join([*(line[:200] for line in self.trace.lines[-40:]), self.daemon.output])

    def check_neighbour(self, car: Drove, attempts: list[tuple[float, float]]) -> None:
        """EVSE 2 served its car as if nothing had happened. `attempts`: when the abuse began and ended."""
        assert car.fault == "", f"{car.fault}\n{self.account}"
        assert car.discharged_wh > 0
        slow_s = [quantiles(car.loop_s(*attempt), n=100)[98] for attempt in attempts]
        assert median(slow_s) < WITHIN_S, slow_s
        lines = (self.folder / "trace.log").read_text().splitlines()
        blamed = [line for line in lines if re.search(r"evse=2 .* (ERROR|WARNING) ", line)]
        assert not blamed, blamed


@contextmanager
def neighbours(
    folder: Path, *, pki: Path | None = None, inverter_map: Path | None = None, **first: Any
) -> Iterator[Scene]:
    """`inverter_map`: of both EVSEs. `first` adds to the configuration of EVSE 1."""
    outside = folder / "outside"
    with ExitStack() as stack:
        stack.enter_context(installed(outside, {"neighbour.py": OUTSIDE}, POINTS))
        options = [] if inverter_map is None else ["--inverter-map", str(inverter_map)]
        plants = stack.enter_context(many_plants(2, *options))
        evses = [_evse(number, plants.evse(number - 1), inverter_map) for number in (1, 2)]
        evses[0] = _merged(evses[0], first)
        settings = {
            "evses": evses,
            "tls": {"directory": str(pki), "profile": "interop-p256"} if pki else {},
            "trace": {"file": str(folder / "trace.log"), "level": "info"},
            "control": {"socket": str(folder / "control.sock")},
            "kept": str(folder / "kept.json"),
        }
        file = folder / "config.yaml"
        file.write_text(json.dumps(settings))  # JSON is YAML
        command = [sys.executable, "-m", "v2g", "daemon", "--config", str(file), *([] if pki else ["--no-tls"])]
        daemon = stack.enter_context(Process(command, {"PYTHONPATH": str(outside)}))
        trace = stack.enter_context(
            Process(["tail", "--lines=+1", "--follow=name", "--retry", str(folder / "trace.log")])
        )
        yield Scene(folder, pki, daemon, (_port(daemon, 1), _port(daemon, 2)), plants.plants, trace)


def _evse(number: int, hardware: dict[str, Any], inverter_map: Path | None) -> dict[str, Any]:
    if inverter_map is not None:
        hardware["inverter"] |= {"registers": str(inverter_map)}
    return {
        "id": number,
        "evse_id": f"DE*V2G*E{number:07}",
        "port": 0,
        "services": ["DC_BPT"],
        "modes": ["dynamic"],
        "access": {"grant": "everyone", "discharge": True},
        "dispatch": [{"power_w": FEED_W}],
        "grid_code": {
            "name": "ieee1547-cat3",
            "settings": {"enter_service.delay_s": 0, "enter_service.ramp_s": 0},
        },
        **hardware,
    }


def _merged(settings: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with `more`, whose mappings add to those that there are."""
    return settings | {
        name: settings[name] | value if isinstance(value, dict) and name in settings else value
        for name, value in more.items()
    }


def _port(daemon: Process, evse: int) -> int:
    line = daemon.wait_for(rf"EVSE {evse} listens on ", START_S)
    said = None if line is None else re.search(r"listens on \[.*\]:(\d+)", line)
    assert said is not None, f"the daemon does not start:\n{daemon.output}"
    return int(said[1])


def _abuse(scene: Scene, work: Callable[[], None], done: str) -> None:
    """Does `work` at EVSE 1 while a car feeds at EVSE 2; `done` is the cause that the trace of EVSE 1 must give."""
    with many_cars(scene.stations(2), scene.pki) as cars:
        cars.wait_for_loop()
        attempts = []
        for _ in range(ATTEMPTS):
            begin_s = time.monotonic()
            work()
            cars.wait_for_turns()
            attempts.append((begin_s, time.monotonic()))
        scene.caused(done)
        (neighbour,) = cars.end()
    scene.check_neighbour(neighbour, attempts)


def _exchange(connection: socket.socket, frames: FrameReader, payload_type: int, request: Any) -> Any:
    connection.sendall(pack(payload_type, encode(PROTOCOLS[payload_type], request)))
    while True:
        data = connection.recv(65536)
        assert data, "the station closed the connection"
        for answer_type, payload in frames.feed(data):
            return decode(PROTOCOLS[answer_type], payload)


def _burst(port: int) -> None:
    """10 000 AuthorizationReq at once, after the two messages that come before."""
    records = [json.loads(line) for line in TRACE.read_text().splitlines()]
    requests = [
        decode(PROTOCOLS[record["payload_type"]], bytes.fromhex(record["exi"]))
        for record in records
        if record["direction"] == "request"
    ]
    asked = next(request for request in requests if isinstance(request, common.AuthorizationReq))
    frames, session = FrameReader(), bytes(8)
    with connect(("::1", port, 0, 0), None) as connection:
        _exchange(connection, frames, SAP, requests[0])
        for request in requests[1:]:
            if isinstance(request, common.AuthorizationReq):
                break
            request.Header = types.MessageHeader(SessionID=session, TimeStamp=int(time.time()))
            session = _exchange(connection, frames, COMMON, request).Header.SessionID
        asked.Header = types.MessageHeader(SessionID=session, TimeStamp=int(time.time()))
        try:
            connection.sendall(pack(COMMON, encode(PROTOCOLS[COMMON], asked)) * BURST)
            while connection.recv(65536):
                pass
        except OSError:
            return  # the station hung up on it


def test_burst_of_requests(tmp_path: Path) -> None:
    with neighbours(tmp_path, access={"authorizer": "undecided"}) as scene:
        _abuse(scene, lambda: _burst(scene.ports[0]), "ERROR 0x03 .*more than [0-9]+ requests at once")


@pytest.mark.parametrize("hello", [False, True], ids=["silent", "hello"])
def test_idle_connections(tmp_path: Path, hello: bool) -> None:
    """They say nothing, or begin a TLS set-up and leave it there."""
    pki = tmp_path / "pki"
    hierarchy.create(pki, curve="p256", now=datetime.now(UTC), force=False)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    half = context.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    client_hello = outgoing.read() if hello else b""
    with neighbours(tmp_path, pki=pki) as scene, ExitStack() as idle:

        def crowd() -> None:
            for _ in range(IDLE):
                connection = idle.enter_context(socket.create_connection(("::1", scene.ports[0])))
                try:
                    connection.sendall(client_hello)
                except OSError:
                    continue  # the station hung up on it

        _abuse(scene, crowd, "connections from its address have sent no request yet")


def test_driver_that_raises(tmp_path: Path) -> None:
    """The driver's own defect ends the session at its EVSE, and is named."""
    with neighbours(tmp_path, meter={"driver": "brittle"}) as scene, many_cars(scene.stations(1, 2)) as cars:
        cars.wait_for_loop()
        begin_s = time.monotonic()
        (tmp_path / "outside/broken").touch()
        scene.caused("meter: its driver fails .*division by zero")
        scene.caused("ERROR ")
        cars.wait_for_turns()
        end_s = time.monotonic()
        broken, neighbour = cars.end()
        assert broken.fault
        scene.check_neighbour(neighbour, [(begin_s, end_s)])


class _AbsurdCar(RecordedCar):
    """States a lowest voltage of 32767e127 V in the message `where`, and with `highest` also such a highest one."""

    where, highest = "", False

    def _requests(self) -> list[tuple[int, Any]]:
        requests = super()._requests()
        for _, request in requests:
            if type(request).__name__ == self.where:
                mode = getattr(request, "CLReqControlMode", None) or request.DC_CPDReqEnergyTransferMode
                mode.EVMinimumVoltage = types.RationalNumber(Exponent=127, Value=32767)
                if self.highest:
                    mode.EVMaximumVoltage = mode.EVMinimumVoltage
        return requests


@pytest.mark.parametrize(
    ("where", "highest", "cause"),
    [
        ("DC_ChargeParameterDiscoveryReq", False, "ERROR 0x0F .*below the minimum of 2000 V"),
        ("DC_ChargeParameterDiscoveryReq", True, "ERROR 0x0F .*the car takes 2000 to 2000 V"),
        ("DC_ChargeLoopReq", False, "ERROR 0x0F .*below the minimum of 2000 V"),
        ("DC_ChargeLoopReq", True, "INFO session ended: "),  # what a car states is bounded before it reaches a driver
    ],
    ids=["discovery-lowest", "discovery-both", "loop-lowest", "loop-both"],
)
def test_number_that_no_register_holds(tmp_path: Path, where: str, highest: bool, cause: str) -> None:
    """The inverter's lowest voltage is a 32-bit float there: the largest finite number from a car is beyond it."""
    text, found = re.subn("(?m)^  minimum_voltage_v:.*$", FLOAT, INVERTER_MAP.read_text())
    assert found == 1
    inverter_map = tmp_path / "inverter.yaml"
    inverter_map.write_text(text)
    with neighbours(tmp_path, inverter_map=inverter_map, precharge_tolerance_v=None) as scene:

        def visit() -> None:
            with connect(("::1", scene.ports[0], 0, 0), None) as connection:
                car = _AbsurdCar(TRACE, connection)
                car.where, car.highest = where, highest
                with pytest.raises(RefusedError) if "ERROR" in cause else nullcontext():
                    car.run(LOOPS)

        _abuse(scene, visit, cause)
