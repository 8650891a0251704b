"""A car that chooses its service again within the session: the power path goes through the safe state."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop, texts

from v2g.bench.sim.world import World
from v2g.iso15118.car_session import Stopping
from v2g.iso15118.service import Service
from v2g.iso15118.view import Stop
from v2g.station.config.settings import EvseSettings

AC = changed(OUTLET, services=("AC_BPT", "AC"), inverter=None, isolation=None, bench_ac_bpt=True)


@pytest.mark.parametrize(("evse", "service"), [(OUTLET, Service.DC_BPT), (AC, Service.AC_BPT)], ids=["DC", "AC"])
def test_energy_flows_again_after_a_new_choice(evse: EvseSettings, service: Service) -> None:
    world = in_the_loop(World(evse, replace(INTENT, service=service, duration_s=40.0)), 10.0)
    assert world.evcc is not None
    session_id = world.evcc.session.session_id
    stop = Stopping(Stop.TERMINATE, "another service", renegotiates=True)
    world.evcc.session = replace(world.evcc.session, stop=stop)
    world.run(10.0, until=lambda: not world.contactor.closed)
    assert not world.contactor.closed, "open between the two"
    assert world.evse.visit.busy
    world.run(30.0, until=lambda: world.contactor.closed)
    world.run_to_end()
    assert fault_of(world) is None, texts(world)
    assert world.evse.visit.report.result == "completed"
    assert world.evse.visit.report.session_id == session_id.hex().upper()
    closings = [closed for _, closed in world.switched]
    assert closings == [True, False, True, False]
