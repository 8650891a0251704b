"""What happens when the car, the inverter, the cable or the station goes while the vehicle feeds the grid.

The power is off and the contactor open within 0.6 s, seen from outside by an observer of the simulated hardware; the
trace says why; the next car is served.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.interop.process import Process
from tests.interop.station import Station, plant_command, station, v2g

from v2g.bench.sim.netns import Cable
from v2g.pki import hierarchy as pki

pytestmark = [pytest.mark.netns, pytest.mark.alone]

SAFE_WITHIN_S = 0.6
DISCHARGE_W = 8000.0
NO_POWER_W = 20.0
SESSION_S = 30.0
SAFE_S = 30.0
"""How long to look for the safe state, to say how long it took in case it took too long."""


@dataclass(frozen=True)
class Observer:
    """What the hardware did, as `observer.py` saw it."""

    process: Process

    def discharging(self) -> None:
        """Waits until the vehicle feeds the grid."""
        assert self.process.first(self._feeds, SESSION_S), self.process.lines[-5:]

    def safe_s(self, since_s: float) -> float:
        """The monotonic time at which no power flowed and the contactor was open, first after `since_s`.

        A silent meter counts as one without power, a silent contactor as one that may be closed.
        """
        line = self.process.first(lambda line: json.loads(line)["t_s"] >= since_s and self._is_safe(line), SAFE_S)
        assert line is not None, self.process.lines[-5:]
        return float(json.loads(line)["t_s"])

    @staticmethod
    def _feeds(line: str) -> bool:
        return (json.loads(line)["power_w"] or 0.0) <= -0.9 * DISCHARGE_W

    @staticmethod
    def _is_safe(line: str) -> bool:
        reading = json.loads(line)
        return reading["closed"] is False and abs(reading["power_w"] or 0.0) <= NO_POWER_W


@dataclass(frozen=True)
class Scene:
    """A station whose car feeds the grid."""

    cable: Cable
    ours: Station
    observer: Observer
    certificates: Path
    service: str

    def car(self, *options: str) -> Process:
        """Our car, with the plant's battery."""
        words = ["--interface", self.cable.car.interface, "--pki", str(self.certificates), "--json"]
        words += ["--service", self.service, "--protocol", f"iso20-{self.service[:2].lower()}"]
        battery = self.ours.plant_address_for(self.cable.car)
        return Process(v2g(self.cable.car, "ev", *words, "--battery", battery, *options))

    def judge(self, name: str, since_s: float, fault: str) -> None:
        """The hardware is safe in time, the trace says so with the fault's code."""
        took_s = self.observer.safe_s(since_s) - since_s
        line = self.ours.traced(f"ERROR {fault} ")
        assert line is not None, self.ours.account()
        assert self.ours.traced("safe state reached"), self.ours.account()
        print(f"\n{name}: power off and contactor open after {took_s * 1000:.0f} ms; trace: {line}")
        assert took_s <= SAFE_WITHIN_S, self.ours.account()

    def last_message_s(self) -> float:
        """When the station received its last request, in monotonic time."""
        received = [line for line in self.ours.trace.lines if " received " in line]
        moment = datetime.fromisoformat(received[-1].split()[0])
        return moment.timestamp() - time.time() + time.monotonic()

    def restore_cable(self) -> None:
        """The link is up, and the car's end can reach the plant again."""
        self.cable.car.set_link("up")
        address = self.ours.plant_address_for(self.cable.car)
        command = [sys.executable, "-m", "tests.interop.observer", self.ours.contactor_address, address]
        with Process(self.cable.car.command(*command)) as reach:
            assert reach.wait_for(r'"power_w": -?\d', SESSION_S), reach.output

    def serve_next_car(self) -> None:
        with self.car("--duration", "0.5") as car:
            assert car.wait(SESSION_S) == 0, f"{car.output}\n{self.ours.account()}"


@contextmanager
def discharging(scene: Scene) -> Iterator[Process]:
    """The car of the scene, feeding the grid."""
    with scene.car() as car:
        scene.observer.discharging()
        yield car


@pytest.fixture
def scene(cable: Cable, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    service = getattr(request, "param", "DC_BPT")
    certificates = tmp_path / "pki"
    pki.create(certificates, curve="p521", now=datetime.now(UTC), force=False)
    with ExitStack() as stack:
        ours = stack.enter_context(
            station(
                cable.station,
                tmp_path,
                services=[service],
                modes=["dynamic"],
                pki=certificates,
                profile="iso15118-20",
                dispatch=[{"power_w": -DISCHARGE_W}],
                bench_ac_bpt=service == "AC_BPT",
            )
        )
        command = [sys.executable, "-m", "tests.interop.observer", ours.contactor_address, ours.plant_address]
        observer = stack.enter_context(Process(cable.station.command(*command)))
        yield Scene(cable, ours, Observer(observer), certificates, service)


@pytest.mark.parametrize("scene", ["DC_BPT", "AC_BPT"], indirect=True)
def test_car_dies(scene: Scene) -> None:
    with discharging(scene) as car:
        cut_s = time.monotonic()
        car.signal(signal.SIGKILL)
        scene.judge(f"{scene.service} car killed", cut_s, "0x0D")
    scene.serve_next_car()


def test_inverter_dies(scene: Scene) -> None:
    with discharging(scene):
        cut_s = time.monotonic()
        scene.ours.plant.signal(signal.SIGKILL)
        scene.judge("inverter killed", cut_s, "0x1[05]")  # the meter is in the same process
    with Process(plant_command(scene.ours)) as plant:
        assert plant.wait_for("listening on ", SESSION_S), plant.output
        scene.serve_next_car()


def test_cable_is_cut(scene: Scene) -> None:
    with discharging(scene):
        scene.cable.car.set_link("down")
        assert scene.ours.traced("ERROR "), scene.ours.account()
        scene.judge("cable cut, since the last message", scene.last_message_s(), "0x0A")
    scene.restore_cable()
    scene.serve_next_car()


def test_station_dies(scene: Scene) -> None:
    """Nobody is left to say why: the watchdogs of the inverter and of the contactor do the rest."""
    with discharging(scene):
        cut_s = time.monotonic()
        scene.ours.daemon.signal(signal.SIGKILL)
        took_s = scene.observer.safe_s(cut_s) - cut_s
        print(f"\nstation killed: power off and contactor open after {took_s * 1000:.0f} ms")
        assert took_s <= SAFE_WITHIN_S
