"""The plug is locked before energy, freed only without current, and a lock that does not follow has its code."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, faults_of, in_the_loop, opened_at

from v2g.bench.sim.contactor import Stuck
from v2g.bench.sim.lock import Broken
from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.station.config.settings import EvseSettings

DC = changed(OUTLET, lock=NOWHERE)
AC = changed(DC, services=("AC",), inverter=None, isolation=None)


@pytest.mark.parametrize(("evse", "service"), [(DC, Service.DC_BPT), (AC, Service.AC)], ids=["DC", "AC"])
def test_locked_before_energy_and_freed_after_it(evse: EvseSettings, service: Service) -> None:
    world = World(evse, replace(INTENT, service=service, duration_s=3.0))
    assert world.lock is not None
    world.run(3.0)
    assert world.lock.bolt == 0.0
    world.plug_in()
    while world.evcc is None or world.evcc.end is None:
        world.step()
        if world.contactor.closed:
            assert world.lock.bolt == 1.0
    assert world.evcc.end.fault is None
    world.run(2.0)
    assert world.lock.bolt == 0.0
    assert fault_of(world) is None


def test_a_jammed_lock_lets_no_contactor_close() -> None:
    world = World(DC, INTENT)
    assert world.lock is not None
    world.lock.broken = Broken.JAMMED
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert fault_of(world) is Fault.CONNECTOR_LOCK
    assert world.switched == []


def test_a_lock_that_opens_under_load_opens_the_contactor() -> None:
    world = in_the_loop(World(DC, INTENT), 3.0)
    assert world.lock is not None
    at, world.lock.broken, world.lock.bolt = world.now, Broken.JAMMED, 0.5
    world.run(2.0)
    assert fault_of(world) is Fault.CONNECTOR_LOCK
    assert opened_at(world, at) - at < 0.4


def test_a_silent_lock_ends_the_session() -> None:
    world = in_the_loop(World(DC, INTENT), 3.0)
    at = world.now
    world.faults.silent.add("lock")
    world.run(2.0)
    assert fault_of(world) is Fault.CONNECTOR_LOCK
    assert opened_at(world, at) - at < 0.6


def test_the_plug_stays_locked_at_a_welded_contactor() -> None:
    world = in_the_loop(World(DC, replace(INTENT, duration_s=5.0), stuck=Stuck.CLOSED), 3.0)
    world.run_to_end()
    world.run(3.0)
    assert world.lock is not None
    assert world.contactor.closed
    assert world.lock.bolt == 1.0


def test_a_lock_that_does_not_let_go_is_reported_after_the_session() -> None:
    world = in_the_loop(World(DC, replace(INTENT, duration_s=5.0)), 2.0)
    assert world.lock is not None
    world.lock.broken = Broken.JAMMED
    world.run_to_end()
    world.run(3.0)
    assert world.evse.visit.report.result == "completed"
    assert faults_of(world) == [Fault.CONNECTOR_LOCK]
