"""Two EVSEs of one daemon, and what a hostile car or a bad driver does at the first."""

import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.many_plants import many_plants
from tests.interop.process import Process
from tests.interop.recorded_car import PROTOCOLS, connect
from tests.outside_package import installed

from v2g.messages import decode, encode
from v2g.messages.iso20 import common, types
from v2g.v2gtp.framing import FrameReader, pack

START_S, CAUSE_S = 30.0, 15.0
FEED_W = -5000.0
BURST, IDLE = 10_000, 1_000
TRACE = Path(__file__).parents[1] / "traces/josev-dc_bpt-dynamic.jsonl"
COMMON, SAP = 0x8002, 0x8001

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
        "access": {"grant": "everyone", "discharge": True, "bench_discharge": True},
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


def _exchange(connection: socket.socket, frames: FrameReader, payload_type: int, request: Any) -> Any:
    connection.sendall(pack(payload_type, encode(PROTOCOLS[payload_type], request)))
    while True:
        data = connection.recv(65536)
        assert data, "the station closed the connection"
        for answer_type, payload in frames.feed(data):
            return decode(PROTOCOLS[answer_type], payload)


def burst(port: int) -> None:
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


def client_hello() -> bytes:
    """The first message of a TLS set-up."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def crowd(port: int, first: bytes, idle: ExitStack) -> None:
    """1 000 connections that send `first` and then nothing; `idle` keeps them open."""
    for _ in range(IDLE):
        connection = idle.enter_context(socket.create_connection(("::1", port)))
        with suppress(OSError):  # the station has hung up on it
            connection.sendall(first)
