"""Megawatt charging (MCS): sessions of ISO 15118-20 by the messages of DC, with insulation for higher voltages."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop, texts

from v2g.bench.sim.plant_model import PlantSettings
from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault

TRUCKS = changed(OUTLET, services=("MCS_BPT", "MCS", "DC_BPT", "DC"))


@pytest.mark.parametrize("mode", list(ControlMode))
@pytest.mark.parametrize("service", [Service.MCS, Service.MCS_BPT])
def test_a_truck_is_charged_and_feeds_in_the_service_that_says_so(service: Service, mode: ControlMode) -> None:
    running = in_the_loop(World(TRUCKS, replace(INTENT, service=service, mode=mode)))
    conversation = running.evse.visit.conversation
    assert conversation is not None
    assert conversation.service is service
    assert (running.plant.power_w < -1_000.0) is (service.bidirectional and mode is ControlMode.DYNAMIC)
    assert fault_of(running) is None
    running.evse.stop(Stop.TERMINATE, running.now)
    running.run_to_end()
    assert fault_of(running) is None


@pytest.mark.parametrize(("service", "served"), [(Service.DC_BPT, True), (Service.MCS_BPT, False)])
def test_the_insulation_is_that_of_the_higher_voltage(service: Service, served: bool) -> None:
    """100 Ohm for each volt: what is enough for 1000 V is not for 1250 V."""
    running = World(TRUCKS, replace(INTENT, service=service), plant=PlantSettings(isolation_ohm=110_000.0))
    running.run(3.0)
    running.plug_in()
    running.run(20.0)
    assert running.contactor.closed is served
    assert fault_of(running) is (None if served else Fault.CABLE_CHECK)
    assert served or any("at least 125 kOhm required" in each for each in texts(running)), texts(running)


def test_a_truck_finds_no_service_at_a_station_for_cars() -> None:
    running = World(OUTLET, replace(INTENT, service=Service.MCS_BPT))
    running.run(3.0)
    running.plug_in()
    running.run_to_end()
    assert not running.switched
