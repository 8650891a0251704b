"""What happens at one EVSE of a daemon is not felt at the other: an honest car feeds the grid at EVSE 2 throughout."""

import re
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.interop.many_cars import Drove, many_cars
from tests.interop.neighbours import TRACE, Scene, burst, client_hello, crowd, neighbours
from tests.interop.recorded_car import RecordedCar, RefusedError, connect

from v2g.messages.iso20 import types
from v2g.pki import hierarchy
from v2g.power import registers

pytestmark = pytest.mark.alone

LOOPS = 500
STALLED = "this process did not run"
"""Says the truth of a machine under load, and blames nobody."""
FLOAT = "  minimum_voltage_v: {address: 0x400B, type: f32}"
INVERTER_MAP = Path(registers.__path__[0]) / "inverter.yaml"


def _abuse(scene: Scene, work: Callable[[], None], done: str) -> None:
    """Does `work` at EVSE 1 while a car feeds at EVSE 2; `done` is the cause that the trace of EVSE 1 must give."""
    with many_cars(scene.stations(2), scene.pki) as cars:
        cars.wait_for_loop()
        work()
        cars.wait_for_turns()
        scene.caused(done)
        (neighbour,) = cars.end()
    _check_neighbour(scene, neighbour)


def _check_neighbour(scene: Scene, car: Drove) -> None:
    """EVSE 2 served its car as if nothing had happened; how fast, `benchmarks/neighbours.py` measures."""
    assert car.fault == "", f"{car.fault}\n{scene.account}"
    assert car.discharged_wh > 0
    lines = (scene.folder / "trace.log").read_text().splitlines()
    blamed = [
        line for line in lines if re.search(r"evse=2 .* (ERROR|WARNING) (?!granted: )", line) and STALLED not in line
    ]
    assert not blamed, blamed


def test_burst_of_requests(tmp_path: Path) -> None:
    with neighbours(tmp_path, access={"authorizer": "undecided"}) as scene:
        _abuse(scene, lambda: burst(scene.ports[0]), "ERROR 0x03 .*more than [0-9]+ requests at once")


@pytest.mark.parametrize("hello", [False, True], ids=["silent", "hello"])
def test_idle_connections(tmp_path: Path, hello: bool) -> None:
    """They say nothing, or begin a TLS set-up and leave it there."""
    pki = tmp_path / "pki"
    hierarchy.create(pki, curve="p256", now=datetime.now(UTC), force=False)
    first = client_hello() if hello else b""
    with neighbours(tmp_path, pki=pki) as scene, ExitStack() as idle:
        cause = "connections from its address have sent no request yet"
        _abuse(scene, lambda: crowd(scene.ports[0], first, idle), cause)


def test_driver_that_raises(tmp_path: Path) -> None:
    """The driver's own defect ends the session at its EVSE, and is named."""
    with neighbours(tmp_path, meter={"driver": "brittle"}) as scene, many_cars(scene.stations(1, 2)) as cars:
        cars.wait_for_loop()
        (tmp_path / "outside/broken").touch()
        scene.caused("meter: its driver fails .*division by zero")
        scene.caused("ERROR ")
        cars.wait_for_turns()
        broken, neighbour = cars.end()
        assert broken.fault
        _check_neighbour(scene, neighbour)


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
        pytest.param(
            "DC_ChargeParameterDiscoveryReq",
            True,
            "ERROR 0x0F .*the car takes 2000 to 2000 V",
            marks=pytest.mark.proof,
        ),
        pytest.param("DC_ChargeLoopReq", False, "ERROR 0x0F .*below the minimum of 2000 V", marks=pytest.mark.proof),
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
