"""Somebody connects while a car charges that does not talk, at a station without a modem: nothing says who that is."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.station.scene import INTENT, faults_of, texts
from tests.station.test_mute_car import drawing

from v2g.bench.sim.world import World
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.messages import encode
from v2g.messages.sap import AppProtocol, supportedAppProtocolReq
from v2g.pilot.state import State
from v2g.pilot.timing import BREAK_S
from v2g.pilot.vehicle import VehiclePilot
from v2g.v2gtp.framing import PayloadType

FOREIGN = encode("sap", supportedAppProtocolReq(AppProtocol=[AppProtocol("urn:nobody", 1, 0, 1, 1)]))
INTENT_AC = replace(INTENT, service=Service.AC)
SAP = PayloadType.EXI


def calls(world: World) -> None:
    world._do(world.evse.connected(world.now, None, None, secure=False))


def says(world: World, payload: bytes, kind: int = SAP) -> None:
    world.say_as_car(kind, payload)
    world.run(0.1)


def silent(world: World) -> None:
    world.run(20.0)


def goes(world: World) -> None:
    world.disconnect(Fault.CONNECTION_LOST, "the peer closed the connection")


@pytest.mark.parametrize(
    "does",
    [
        silent,
        goes,
        lambda world: says(world, b"GET / HTTP/1.1"),
        lambda world: says(world, b""),
        lambda world: says(world, FOREIGN),
        lambda world: says(world, FOREIGN, 0x8002),
    ],
    ids=["is silent", "closes", "no EXI", "empty", "speaks nothing of ours", "foreign payload type"],
)
def test_a_connection_that_brings_no_first_message_ends_nothing(does: Callable[[World], None]) -> None:
    world = drawing()
    visit, moved, energy_wh = world.evse.visit, len(world.switched), world.evse.visit.report.charged_wh
    for _ in range(3):
        calls(world)
        does(world)
        goes(world)
    world.run(5.0)
    assert world.evse.visit is visit
    assert world.contactor.closed
    assert len(world.switched) == moved
    assert visit.report.charged_wh > energy_wh
    assert not faults_of(world)
    assert does is silent or any("a connection refused" in text for text in texts(world))


def test_a_car_that_begins_to_talk_stops_drawing_before_its_contactor_opens() -> None:
    world = drawing()
    assert world.cable is not None
    talks(world)
    assert world.evse.busy
    assert world.contactor.closed, "it was opened under load"
    world.run(BREAK_S, until=lambda: not world.orders.contactor_closed)
    assert not world.orders.contactor_closed
    assert world.cable.pilot.vehicle.state is State.B, "it was opened under load"
    world.run(1.0)
    world.faults.mute = False
    world.run(60.0, until=lambda: world.plant.charger_power_w > 1_000.0)
    assert world.evse.visit.conversation is not None
    assert world.evse.visit.report.service == "AC"
    assert world.plant.charger_power_w > 1_000.0
    assert not faults_of(world)


def test_one_that_goes_on_drawing_loses_the_contactor() -> None:
    world = drawing(vehicle=VehiclePilot(stubborn=True))
    talks(world)
    world.run(BREAK_S - 1.0)
    assert world.contactor.closed, "it may take that long to stop"
    world.run(2.0, until=lambda: not world.contactor.closed)
    assert not world.contactor.closed


def test_nobody_winds_down_against_an_alarm() -> None:
    world = drawing(vehicle=VehiclePilot(stubborn=True))
    talks(world)
    assert world.safety is not None
    world.safety.emergency_stop = True
    world.run(0.3)
    assert not world.contactor.closed
    assert Fault.EMERGENCY_STOP in faults_of(world)


def talks(world: World) -> None:
    """The car at the cable begins a session, and draws by the duty cycle until that is taken from it."""
    world.evcc = CarConversation(INTENT_AC, setup_deadline=world.now + 20.0)
    calls(world)
    world._post(world.evcc.start(world.now, world.vehicle()).send, to_station=True)
    world.run(0.05)
