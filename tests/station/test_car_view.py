"""What the car gets of meter and schedule."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode
from v2g.station.readings import Readings


def test_the_meter_counts_this_session_only() -> None:
    """[V2G20-902]: the register goes on, the car's reading begins at nothing."""
    world = World(OUTLET, replace(INTENT, meter_every=1))
    readings = []
    for _ in range(2):
        in_the_loop(world, 12.0)
        assert world.evcc is not None
        meter = world.evcc.report.meter
        assert meter is not None
        readings.append((meter.charged_wh, meter.discharged_wh, world.plant.import_wh))
        world.unplug()
        world.run(5.0)
    (charged, discharged, register), (charged_again, discharged_again, register_again) = readings
    assert charged == pytest.approx(register, abs=2)
    assert charged_again == pytest.approx(register_again - register, abs=2)
    assert register_again > 1.5 * register
    assert abs(charged_again - charged) <= 2
    assert abs(discharged_again - discharged) <= 2
    assert charged > 0
    assert discharged > 0


@pytest.mark.parametrize("to_wh", [0.0, 3e38])
def test_a_meter_that_is_reset_changes_nothing_that_was_counted(to_wh: float) -> None:
    world = in_the_loop(World(OUTLET, replace(INTENT, meter_every=1)), 4.0)
    assert world.evcc is not None
    before = world.evse.visit.report.charged_wh
    assert before > 3
    shift_wh = to_wh - world.plant.import_wh

    def reset(readings: Readings) -> Readings:
        meter = readings.meter
        shifted = None if meter is None else replace(meter, import_wh=meter.import_wh + shift_wh)
        return changed(readings, meter=shifted)

    world.as_read = reset
    world.run(0.5)
    assert before <= world.evse.visit.report.charged_wh <= before + 1
    assert world.evcc.report.meter is not None
    assert world.evcc.report.meter.charged_wh >= int(before)


def test_schedules_cover_a_day() -> None:
    """[V2G20-1563]"""
    world = in_the_loop(World(OUTLET, replace(INTENT, mode=ControlMode.SCHEDULED)), 1.0)
    assert world.evcc is not None
    schedule = world.evcc.session.schedule
    assert schedule is not None
    assert schedule.end_s - schedule.anchor_s >= 24 * 3600
