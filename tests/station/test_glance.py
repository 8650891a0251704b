"""A reading of the grid that says nothing new is judged by the protection, and leaves the decision as it is."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.event import Faulted
from v2g.kernel.fault import Fault
from v2g.power.inverter import HOLDS_WITHIN_S, HeldSetpoint
from v2g.station.config.settings import Pilot, PlanStep
from v2g.station.glance import LOOK_S, STIRS_HZ, STIRS_PU
from v2g.station.readings import Readings

CALM = changed(OUTLET, dispatch=(PlanStep(power_w=5_000),))
SOON_S = LOOK_S / 4


@pytest.fixture(scope="module")
def loop() -> World:
    return in_the_loop(World(CALM, INTENT))


def looks_at(world: World, change: Callable[[Readings], Readings], after_s: float = SOON_S) -> bool:
    """Whether the EVSE decides again when it is shown this, so long after a look at all that it knows."""
    evse = world.evse
    for _ in range(2):  # the second time the power is that of the step before
        evse.expire(world.now, world.unix_s)
    decision, sequence = evse.decision, evse.sequence
    readings = evse.fresh(world.now)
    assert readings.grid is not None
    grid = replace(readings.grid, time_s=world.now + after_s, sequence=readings.grid.sequence + 1)
    world.now += after_s
    step = evse.measured(change(changed(readings, grid=grid)), world.now, world.unix_s)
    assert evse.sequence == sequence + 1
    assert step.orders.contactor_closed
    return evse.decision is not decision


def the_grid(*, plus_hz: float = 0.0, times_v: float = 1.0) -> Callable[[Readings], Readings]:
    def change(readings: Readings) -> Readings:
        grid = readings.grid
        assert grid is not None
        first_v, second_v, third_v = (each * times_v for each in grid.voltages_v)
        seen = replace(grid, frequency_hz=grid.frequency_hz + plus_hz, voltages_v=(first_v, second_v, third_v))
        return changed(readings, grid=seen)

    return change


def the_same(readings: Readings) -> Readings:
    return readings


def test_a_grid_as_before_needs_no_decision(loop: World) -> None:
    assert not looks_at(loop, the_same)
    assert not looks_at(loop, the_grid(plus_hz=STIRS_HZ / 2))
    assert not looks_at(loop, the_grid(times_v=1 + STIRS_PU / 2))


@pytest.mark.parametrize("change", [the_grid(plus_hz=2 * STIRS_HZ), the_grid(times_v=1 - 2 * STIRS_PU)])
def test_a_grid_that_stirs_does(loop: World, change: Callable[[Readings], Readings]) -> None:
    assert looks_at(loop, change)


def test_so_does_everything_after_a_while(loop: World) -> None:
    assert looks_at(loop, the_same, after_s=LOOK_S)


@pytest.mark.parametrize("name", ["inverter", "contactor", "meter", "isolation"])
def test_so_does_any_other_device(loop: World, name: str) -> None:
    assert looks_at(loop, lambda readings: changed(readings, **{name: replace(getattr(readings, name))}))


def test_so_does_an_inverter_that_does_not_obey_and_not_one_that_does(loop: World) -> None:
    held = HeldSetpoint(loop.now, None)
    assert not looks_at(loop, lambda readings: changed(readings, held=held))
    disobeys = replace(held, differs="power_set_w is 9000 instead of 5000", differs_for_s=HOLDS_WITHIN_S + 1.0)
    evse = loop.evse
    step = evse.measured(changed(evse.fresh(loop.now), held=disobeys), loop.now, loop.unix_s)
    assert [event.fault for event in step.events if isinstance(event, Faulted)] == [Fault.INVERTER_FAULT]


def test_a_pilot_that_shows_what_is_known_does_not_and_one_that_shows_something_else_does() -> None:
    world = in_the_loop(World(changed(CALM, pilot=Pilot(device=NOWHERE)), INTENT))
    pilot = world.evse.fresh(world.now).pilot
    assert pilot is not None
    again = replace(pilot, time_s=world.now + SOON_S, high_v=pilot.high_v + 0.2)
    assert not looks_at(world, lambda readings: changed(readings, pilot=again))
    another = replace(again, time_s=world.now + SOON_S, high_v=9.0)  # the car has opened S2
    assert looks_at(world, lambda readings: changed(readings, pilot=another))
    candidate = replace(another, time_s=world.now + SOON_S)  # the same again is what makes it known
    assert looks_at(world, lambda readings: changed(readings, pilot=candidate))
