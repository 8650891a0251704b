"""The circuit-interrupting device on the grid's side: closed while nothing is wrong; it cuts off a welded contactor."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop

from v2g.bench.sim.contactor import ContactorModule, Stuck
from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault

EVSE = changed(OUTLET, ccid=NOWHERE)
AC = changed(EVSE, services=("AC_BPT", "AC"), inverter=None, isolation=None, bench_ac_bpt=True)


def ccid(world: World) -> ContactorModule:
    assert world.ccid is not None
    return world.ccid


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT], ids=lambda service: service.name)
def test_it_opens_with_a_trip_and_the_next_car_is_served(service: Service) -> None:
    world = in_the_loop(World(EVSE if service.dc else AC, replace(INTENT, service=service)), 3.0)
    assert ccid(world).closed
    world.faults.silent.add("meter")
    world.run(1.0)
    assert fault_of(world) is Fault.METER_LOST
    assert not ccid(world).closed
    world.faults.silent.clear()
    world.unplug()
    world.run(1.0)
    in_the_loop(world, 3.0)
    assert ccid(world).closed
    assert world.evse.decision.power_w


def test_it_cuts_off_a_contactor_that_welded_after_an_orderly_end() -> None:
    intent = replace(INTENT, service=Service.AC_BPT, duration_s=5.0)
    world = in_the_loop(World(AC, intent, stuck=Stuck.CLOSED), 1.0)
    world.run_to_end()
    assert world.contactor.closed
    assert fault_of(world) is Fault.CONTACTOR
    assert not ccid(world).closed


def test_an_alarm_opens_it_with_or_without_a_car() -> None:
    world = World(changed(EVSE, safety=NOWHERE), INTENT)
    world.run(1.0)
    assert ccid(world).closed
    assert world.safety is not None
    world.safety.emergency_stop = True
    world.run(0.5)
    assert not ccid(world).closed
    world.safety.emergency_stop = False
    world.run(0.5)
    assert ccid(world).closed


def test_one_that_is_not_read_lets_no_car_charge() -> None:
    world = World(EVSE, INTENT)
    world.faults.silent.add("ccid")
    world.run(3.0)
    world.plug_in()
    world.run(10.0)
    assert fault_of(world) is Fault.CONTACTOR
    assert world.switched == []
