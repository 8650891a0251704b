"""A station and cars at either end of a bad power line: simulated modems that lose and delay the frames between them.

Each run is judged from outside: by the contactor's own log, by what the car says, and by whether the daemon still
answers.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.process import Process
from tests.interop.station import START_S, Station, station, v2g

from v2g.bench.sim.netns import End, power_line
from v2g.io.control import request
from v2g.station.command import Status

LOSS, DELAY_S = 0.05, 0.05
HUNG_S = 150.0
"""Longer than every timer of matching and session together lets a car wait."""
SAFE_S = 10.0
"""How long the station may take after the car has gone: it waits 2 s at most for a car that asks no more."""
DISCHARGE_W = 5000.0
TLS = ("iso20-dc", "iso2-v2g")
"""Protocols that a session over TLS speaks here."""
V2G = {"iso2-v2g": "iso2-dc", "din-v2g": "din"}
"""Cars that ask for a negative current, and what they speak."""
EVCC_ID = "02:00:00:00:00:01"
_BENCH = "fd00::1"
"""Address of the station's bench, which a car reaches without the power line: battery and pilot are behind it."""
_COMMON_KEY = """
import sys
from v2g.io.plc import ask
from v2g.slac import mme
request = mme.CM_SET_KEY_REQ(cco_capability=1, nid=bytes(range(7)), nmk=bytes(range(16)))
sys.exit(not list(ask(sys.argv[1], [request], (mme.CM_SET_KEY_CNF,))))
"""


@dataclass(frozen=True)
class Run:
    """One session, seen from outside."""

    slac: bool
    duration_s: float
    ended: bool
    """The car's process ended by itself."""
    safe: bool
    """Afterwards the contactor was open and the daemon idle and ready to serve."""
    in_order: bool
    """Both sides say that it ended with SessionStop."""
    told: str
    """Otherwise the fault that the station's trace tells, by code and reason, or what the car says without one."""


@dataclass(frozen=True)
class Lane:
    """One station on its line; one car after the other."""

    ours: Station
    car: End
    pilot_address: str
    folder: Path
    """Of the station's trace and control socket."""
    certificates: Path
    slac: bool
    protocol: str
    """As `v2g ev --protocol` takes it, or a name in `V2G`."""

    def session(self, duration_s: float = 2.0) -> Run:
        """One car, from plugging in to unplugging."""
        seen = len(self._faults())
        words = ["--interface", self.car.interface, "--pki", str(self.certificates), "--duration", f"{duration_s:g}"]
        words += ["--battery", self._at_bench(self.ours.plant_address), "--pilot", self._at_bench(self.pilot_address)]
        words += ["--json", "--protocol", V2G.get(self.protocol, self.protocol), *(["--slac"] if self.slac else [])]
        words += ["--negative-current", "--discharge-w", f"{DISCHARGE_W:g}"] if self.protocol in V2G else []
        words += [] if self.protocol in TLS else ["--no-tls"]
        with Process(v2g(self.car, "ev", *words)) as car:
            code = car.wait(HUNG_S)
            took_s = time.monotonic() - car.started_s
        safe = self._becomes_safe()
        faults = self._faults()[seen:]
        told = faults[0] if faults else "" if code == 0 else _said(car)
        return Run(self.slac, took_s, code is not None, safe, code == 0 and not faults, told)

    def _becomes_safe(self) -> bool:
        """Whether the daemon says that it waits for the next car, within `SAFE_S`, while the contactor is open."""
        deadline = time.monotonic() + SAFE_S
        while self.ours.daemon.wait(0.1) is None and time.monotonic() < deadline:
            (status,) = request(self.folder / "control.sock", Status())["evses"]
            if status["phase"] in ("IDLE", "ENDED") and status["ready"] and self._contactor_is_open():
                return True
        return False

    def _faults(self) -> list[str]:
        """So far, from the file itself: who follows it is late."""
        trace = (self.folder / "trace.log").read_text(encoding="utf-8")
        return [text for _, mark, text in (line.partition(" ERROR ") for line in trace.splitlines()) if mark]

    def _contactor_is_open(self) -> bool:
        moves = re.findall(r"^[\d.]+ (open|closed) ", self.ours.contactor.output, re.MULTILINE)
        return not moves or moves[-1] == "open"

    @staticmethod
    def _at_bench(address: str) -> str:
        return f"[{_BENCH}]:{address.rpartition(':')[2]}"


@contextmanager
def lane(folder: Path, certificates: Path, *, slac: bool, seed: int, protocol: str = "iso20-dc") -> Iterator[Lane]:
    """A station at the other end of a line with `LOSS` and `DELAY_S`; each car that can feeds the grid.

    `slac`: cars are matched first; otherwise both modems have one key from the start. `seed`: which frames are lost.
    """
    with ExitStack() as stack:
        line = stack.enter_context(power_line())
        _join_benches(line.car, line.station)
        modems = ["--station", line.station_modem.interface, "--car", line.car_modem.interface]
        modems += ["--loss", f"{LOSS:g}", "--delay-s", f"{DELAY_S:g}", "--seed", str(seed)]
        _start(stack, v2g(line.car_modem, "plc", "sim", *modems), "modems on")
        if not slac:
            for end in (line.car, line.station):
                subprocess.run(end.command(sys.executable, "-c", _COMMON_KEY, end.interface), check=True)
        pilot = _start(stack, v2g(line.station, "sim", "pilot", "--listen", "[::]:0"), "listening on ")
        pilot_address = f"[::1]:{pilot.rpartition(':')[2]}"
        ours = stack.enter_context(
            station(
                line.station,
                folder,
                services=["DC_BPT", "DC"],
                modes=["dynamic", "scheduled"],
                pki=certificates,
                plain=protocol not in TLS,
                profile="iso15118-20",
                interface=line.station.interface,
                pilot={"device": {"address": pilot_address}},
                dispatch=[{"power_w": -DISCHARGE_W}],
                access={"grant": "everyone", "discharge": True, "negative_current_unproved": [EVCC_ID]},
                plc={} if slac else None,
            )
        )
        yield Lane(ours, line.car, pilot_address, folder, certificates, slac, protocol)


def _join_benches(car: End, here: End) -> None:
    """A second pair between the ends, without loss, for what is no part of the power line."""
    pair = ["type", "veth", "peer", "name", "bench", "netns", here.namespace]
    subprocess.run(["ip", "link", "add", "bench", "netns", car.namespace, *pair], check=True)
    for end, address in ((car, "fd00::2"), (here, _BENCH)):
        subprocess.run(["ip", "-n", end.namespace, "addr", "add", f"{address}/64", "dev", "bench", "nodad"], check=True)
        subprocess.run(["ip", "-n", end.namespace, "link", "set", "bench", "up"], check=True)


def _start(stack: ExitStack, command: list[str], ready: str) -> str:
    process = stack.enter_context(Process(command))
    line = process.wait_for(ready, START_S)
    assert line is not None, f"{' '.join(command)} does not start:\n{process.output}"
    return line


def _said(car: Process) -> str:
    last = car.lines[-1] if car.lines else "the car said nothing"
    try:
        return f"car: {json.loads(last)['error']}"
    except ValueError:
        return f"car: {last}"
