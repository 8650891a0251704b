"""`v2g sensors`: what is shown of an EVSE, with limits and ALARM."""

from typing import Any

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import NOWHERE, World
from v2g.cli.sensors import _block
from v2g.power.temperatures import TemperatureReading
from v2g.station.command import Sensors
from v2g.station.readings import Readings
from v2g.station.safety.heat import Heat
from v2g.station.sensors import of, shown
from v2g.thermal.settings import ThermalSettings

WARM = changed(OUTLET, safety=NOWHERE, thermal=ThermalSettings(flow_sensor=True))


def rows(world: World) -> dict[str, Any]:
    return {each.name: each for each in of(world.evse, world.now)}


def test_everything_is_shown_beside_its_limits() -> None:
    world = World(WARM, INTENT)
    world.run(3.0)
    found = rows(world)
    assert list(found) == [
        "grid L1", "grid L2", "grid L3", "grid frequency", "power module", "contactor", "coolant", "ambient air",
        "coolant flow", "coolant pump",
    ]  # fmt: skip
    # IEEE 1547, category III: 0.88 and 0.5, 1.1 and 1.2 of 230 V.
    grid = found["grid L1"]
    assert (grid.lowest, grid.low, grid.high, grid.highest) == pytest.approx((115, 202.4, 253, 276))
    assert (found["coolant"].high, found["coolant"].highest) == (55.0, 65.0)
    assert [name for name, each in found.items() if each.alarm] == []


def test_a_phase_without_voltage_and_a_silent_sensor_are_alarms() -> None:
    world = World(WARM, INTENT)
    world.run(3.0)
    world.faults.silent = {"grid", "safety"}
    world.run(3.0)
    found = rows(world)
    silent = [name for name, each in found.items() if each.alarm]
    assert silent == [name for name in found if name not in ("power module", "coolant pump")]
    text = _block("evse-1", shown([world.evse], world.now)[0]["sensors"])  # type: ignore[arg-type]
    assert "grid L1:" in text
    assert "FAULT  (crit low = 115.0 V, low = 202.4 V, high = 253.0 V, crit = 276.0 V)  ALARM" in text


def test_the_form_is_that_of_lm_sensors() -> None:
    world = in_the_loop(World(OUTLET, INTENT), 1.0)
    text = _block("evse-1", shown([world.evse], world.now)[0]["sensors"])  # type: ignore[arg-type]
    assert text.splitlines()[:2] == ["evse-1", "Adapter: v2g daemon"]
    assert "  50.00 Hz  (crit low = " in text
    assert "°C  (crit low = -40.0°C, low = -30.0°C, high = +70.0°C, crit = +82.0°C)" in text
    assert "ALARM" not in text


def test_a_local_chip_limits_the_power() -> None:
    """The coolant of `temperatures` counts before that of the safety inputs."""
    heat = Heat(ThermalSettings(contactor=None, ambient=None, module=None), 10_000.0, 10_000.0)
    heat.step(Readings(temperatures=TemperatureReading(1.0, coolant_c=60.0)), 1.0)
    assert heat.bound.charge_w == pytest.approx(5_000.0)
    assert "coolant is 5 K too warm" in heat.bound.detail


def test_the_question_changes_nothing() -> None:
    world = World(OUTLET, INTENT)
    world.run(1.0)
    before = world.evse.sequence
    list(of(world.evse, world.now))
    assert world.evse.sequence == before
    assert Sensors().evse is None
