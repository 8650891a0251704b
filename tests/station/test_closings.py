"""A car that makes the contactor close again and again: by new sessions, by renegotiation, by its S2."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, faults_of, in_the_loop, texts
from tests.station.test_mute_car import EVSE, drawing

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import Service
from v2g.iso15118.view import Stage, Stop
from v2g.kernel.fault import Fault
from v2g.station.config.settings import Pilot
from v2g.station.contacts import EVERY_S, MOST, Closings

DC = changed(OUTLET, pilot=Pilot(device=NOWHERE))
LASTS_S = 150.0


def closed_in(world: World, begin_s: float, lasts_s: float) -> int:
    return sum(closed and begin_s <= at_s < begin_s + lasts_s for at_s, closed in world.switched)


def bounded(world: World, lasts_s: float = LASTS_S) -> None:
    """No more closings in any stretch of time than are allowed, and a person learns why."""
    closings = [at_s for at_s, closed in world.switched if closed]
    for first, begin_s in enumerate(closings):
        for count, end_s in enumerate(closings[first:], 1):
            assert count <= MOST + (end_s - begin_s) / EVERY_S + 1
    assert MOST < len(closings) <= MOST + lasts_s / EVERY_S + 1
    assert Fault.REQUEST_REFUSED in faults_of(world)
    assert any("the contactor has closed 8 times for this car" in text for text in texts(world))


@pytest.mark.parametrize(
    ("evse", "service"), [(DC, Service.DC), (changed(EVSE, pilot=DC.pilot), Service.AC)], ids=["DC", "AC"]
)
def test_a_car_that_connects_again_and_again(evse: object, service: Service) -> None:
    world = World(evse, replace(INTENT, service=service))  # type: ignore[arg-type]
    in_the_loop(world, 0.2)
    end_s = world.now + LASTS_S
    while world.now < end_s:
        world.unplug()  # the connection, not the plug
        world.run(0.5)
        world._connects = world._intent, None
        world.run(min(90.0, end_s - world.now), until=lambda: world.contactor.closed)
        world.run(0.2)
    bounded(world)


def test_a_car_that_plays_with_its_s2() -> None:
    world = drawing()
    end_s = world.now + LASTS_S
    while world.now < end_s:
        world.faults.s2_open = True
        world.run(0.5)
        world.faults.s2_open = False
        world.run(min(60.0, end_s - world.now), until=lambda: world.contactor.closed)
    bounded(world)


def test_another_car_need_not_wait() -> None:
    closings, now = Closings(), 0.0
    for _ in range(MOST):
        for closed in (True, False):
            now += 0.1
            closings.step(now, closed=closed)
    assert closings.rests
    closings.forget()
    assert not closings.step(now, closed=False)
    assert not closings.rests


def test_a_car_that_is_paused_again_and_again_only_waits() -> None:
    """The station asks for each pause: no session of an honest car may be lost for that."""
    world = in_the_loop(World(DC, INTENT, peer=b"the car's certificate"), 1.0)
    for _ in range(MOST + 4):
        world.evse.stop(Stop.PAUSE, world.now)
        world.run(30.0, until=lambda: world.evcc is not None and world.evcc.end is not None)
        assert world.evcc is not None
        assert world.evcc.end is not None
        paused = world.evcc.end.paused
        assert paused is not None
        world.unplug()  # the connection, not the plug
        world._connects = world._intent, paused
        world.run(45.0, until=lambda: world.evse.demand.stage is Stage.ENERGY)
        assert world.evse.demand.stage is Stage.ENERGY
        world.run(1.0)
    assert world.evse.visit.report.fault is None
    assert any("the contactor has closed 8 times for this car" in text for text in texts(world))
