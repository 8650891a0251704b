"""AC sessions that begin at the plug: the car closes S2 around PowerDelivery, and the contactor waits for it."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import ControlMode, Service
from v2g.kernel.fault import Fault
from v2g.station.config.settings import Pilot, Plc

AC = changed(
    OUTLET,
    services=("AC_BPT", "AC"),
    inverter=None,
    isolation=None,
    pilot=Pilot(device=NOWHERE),
    safety=NOWHERE,
    bench_ac_bpt=True,
)
INTENT_AC = replace(INTENT, service=Service.AC_BPT, duration_s=3.0)


@pytest.mark.parametrize("plc", [None, Plc()], ids=["cable", "modems"])
@pytest.mark.parametrize("mode", list(ControlMode), ids=lambda mode: mode.name.lower())
def test_the_contactor_waits_for_state_c(mode: ControlMode, plc: Plc | None) -> None:
    world = World(changed(AC, plc=plc, interface="nowhere"), replace(INTENT_AC, mode=mode))
    world.run(1.0)
    world.plug_in()
    world.run(30.0, until=lambda: world.evse.visit.report.result != "")
    assert world.evse.visit.report.result == "completed"
    assert world.evse.visit.report.charged_wh > 0


def test_a_car_that_never_closes_s2_learns_of_it_in_time() -> None:
    world = World(AC, INTENT_AC)
    world.run(1.0)
    world.faults.s2_open = True
    world.plug_in()
    world.run(30.0, until=lambda: world.evse.visit.report.result != "")
    assert fault_of(world) is Fault.PILOT
    assert world.switched == []
