"""A contactor that does what nobody commanded: it opens in the middle of a session, or welds while one fails.

And one that must not be commanded closed, not even for an instant, while something stands against it.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, faulted_at, faults_of, in_the_loop

from v2g.bench.sim.contactor import Stuck
from v2g.bench.sim.world import NOWHERE, Grid, World
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.station.config.settings import EvseSettings
from v2g.station.evse import Evse
from v2g.station.step import Step

AC_OUTLET = changed(OUTLET, services=("AC_BPT", "AC"), inverter=None, isolation=None, bench_ac_bpt=True)


@pytest.mark.parametrize(("evse", "service"), [(OUTLET, Service.DC_BPT), (AC_OUTLET, Service.AC_BPT)], ids=["DC", "AC"])
def test_a_contactor_that_opened_by_its_watchdog_ends_the_session(evse: EvseSettings, service: Service) -> None:
    world = in_the_loop(World(evse, replace(INTENT, service=service)), 3.0)
    world.faults.deaf.add("contactor")
    deaf_at = world.now
    world.run(0.8)
    world.faults.deaf.clear()
    world.run(1.0)
    assert fault_of(world) is Fault.CONTACTOR
    assert faulted_at(world) - deaf_at <= 0.6
    assert not world.contactor.closed
    assert not world.plant.faults, "it has not closed again on a voltage of its own"


def test_a_contactor_that_welds_while_a_session_fails_is_reported_too() -> None:
    world = in_the_loop(World(OUTLET, INTENT), 3.0)
    world.contactor.stuck = Stuck.CLOSED
    world.faults.silent.add("meter")
    world.run(2.0)
    assert faults_of(world) == [Fault.METER_LOST, Fault.CONTACTOR]


class Commanding(Evse):
    """Notes whether any of its steps closed the contactor."""

    closed = False

    def receive(self, payload_type: int, payload: bytes, now: float, unix_s: int) -> Step:
        step = super().receive(payload_type, payload, now, unix_s)
        self.closed = self.closed or step.orders.contactor_closed
        return step


def press(world: World) -> None:
    assert world.safety is not None
    world.safety.emergency_stop = True


def black_out(world: World) -> None:
    world.grid_source = lambda now, plant: Grid(50.0, (0.0, 0.0, 0.0))


def silence(world: World) -> None:
    world.faults.silent.add("meter")


@pytest.mark.parametrize(
    ("harm", "fault"),
    [(press, Fault.EMERGENCY_STOP), (black_out, Fault.ISLANDING), (silence, Fault.METER_LOST)],
)
def test_a_car_that_resumes_closes_no_contactor_while_something_is_wrong(
    harm: Callable[[World], None], fault: Fault
) -> None:
    """It waits to be let in again as any other does, and is refused once the hardware has had its time."""
    evse = changed(AC_OUTLET, safety=NOWHERE)
    intent = replace(INTENT, service=Service.AC_BPT)
    world = World(evse, replace(intent, pause=True, duration_s=2.0), peer=b"certificate")
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    paused = world.evcc.end.paused
    assert paused is not None
    world.unplug()
    world.evse = resumed = Commanding(evse, kept=world.evse.kept)
    harm(world)
    world.run(5.0)
    world.plug_in(paused=paused, intent=intent)
    world.run(8.0)
    assert fault_of(world) is fault
    assert resumed.visit.report.result == "failed"
    assert not resumed.closed
