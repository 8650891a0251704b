"""A contactor that does what nobody told it: it opens in the middle of a session, or welds while one fails."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, faulted_at, faults_of, in_the_loop

from v2g.bench.sim.contactor import Stuck
from v2g.bench.sim.world import World
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.station.config.settings import EvseSettings

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


def test_a_contactor_that_welds_while_a_session_fails_is_told_too() -> None:
    world = in_the_loop(World(OUTLET, INTENT), 3.0)
    world.contactor.stuck = Stuck.CLOSED
    world.faults.silent.add("meter")
    world.run(2.0)
    assert faults_of(world) == [Fault.METER_LOST, Fault.CONTACTOR]
