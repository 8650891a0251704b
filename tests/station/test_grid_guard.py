"""The grid decides over the session: trips, waits, comes back, and what each is called."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, PROMPT, fault_of, faulted_at, in_the_loop, opened_at, texts

from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.world import SOUND, Grid, World
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.station.config.settings import GridCodeSettings, PlanStep
from v2g.station.snapshot import explain

FEEDING = changed(OUTLET, dispatch=(PlanStep(power_w=-6_000),), nominal_hz=50.0)
GridSource = Callable[[float, PlantModel], Grid]


def disturbed(grid: Grid, at_s: float = 30.0, until_s: float = float("inf")) -> GridSource:
    """A sound grid, with another one between the two times."""
    return lambda now, plant: grid if at_s <= now < until_s else SOUND


def feeding(grid: GridSource, **evse: object) -> World:
    world = in_the_loop(World(changed(FEEDING, **evse), INTENT, grid=grid), 5.0)
    assert world.plant.power_w < -5_000
    return world


@pytest.mark.parametrize(
    ("grid", "fault", "within_s"),
    [
        (Grid(voltages_v=(280.0, 230.0, 230.0)), Fault.GRID, 0.16),
        (Grid(frequency_hz=51.9), Fault.GRID, 0.20),
        (Grid(frequency_hz=46.9), Fault.GRID, 0.20),
        (Grid(voltages_v=(0.0, 0.0, 0.0)), Fault.ISLANDING, 2.0),
        (Grid(frequency_hz=float("nan")), Fault.GRID_SENSOR_LOST, 0.05),
    ],
    ids=["over-voltage on one phase", "over-frequency", "below 47 Hz", "dead grid", "no number"],
)
def test_a_disturbance_ends_the_session(grid: Grid, fault: Fault, within_s: float) -> None:
    world = feeding(disturbed(grid))
    world.run(until=lambda: not world.contactor.closed)
    assert fault_of(world) is fault
    assert faulted_at(world) - 30.0 <= within_s
    assert opened_at(world, 30.0) - 30.0 <= within_s + 0.1
    world.run(1.0)
    assert world.plant.current_a == 0
    assert world.evse.visit.report.fault is not None
    assert world.evse.visit.report.fault.startswith(fault.code)


def test_a_silent_sensing_unit_ends_the_session() -> None:
    world = feeding(disturbed(SOUND))
    world.faults.silent.add("grid")
    since = world.now
    world.run(until=lambda: not world.contactor.closed)
    assert fault_of(world) is Fault.GRID_SENSOR_LOST
    assert world.now - since < 0.6


def test_what_must_be_ridden_through_is() -> None:
    world = feeding(disturbed(Grid(voltages_v=(180.0, 180.0, 180.0)), until_s=35.0))  # 0.78 pu for 5 s: category III
    world.run(10.0)
    assert fault_of(world) is None
    assert world.plant.power_w < -5_000


def test_after_a_trip_the_next_session_waits_for_the_grid() -> None:
    delayed: dict[str, float | bool | str] = {"enter_service.delay_s": 20.0, "enter_service.ramp_s": 100.0}
    code = GridCodeSettings(name="ieee1547-cat3", settings=delayed)
    start = World(changed(FEEDING, grid_code=code), INTENT, grid=disturbed(Grid(frequency_hz=52.5), 50.0, 55.0))
    start.run(25.0)
    world = in_the_loop(start, 10.0)
    assert world.plant.power_w < -2_000
    world.run(until=lambda: world.evse.visit.conversation is None or world.evse.visit.conversation.end is not None)
    assert fault_of(world) is Fault.GRID
    world.unplug()
    world.run(56.0 - world.now)
    world.events.clear()
    world.plug_in()
    world.run(10.0)
    assert world.evse.decision.power_w == 0
    assert world.evse.decision.binding is not None
    assert world.evse.decision.binding.source == "grid protection, enter service"
    assert "s until service" in world.evse.decision.sentence
    world.run(14.0)
    assert -3_000 < world.plant.power_w < -500, "on the ramp"
    assert any(text.startswith("grid: run") for text in texts(world))


def test_while_the_grid_is_out_no_session_begins() -> None:
    world = World(FEEDING, INTENT, grid=lambda now, plant: Grid(frequency_hz=52.5))
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert fault_of(world) is Fault.GRID
    assert not world.switched


def test_without_a_grid_code_nothing_is_fed() -> None:
    """Nor is it offered: the car wants DC_BPT, and learns that there is none."""
    world = World(changed(FEEDING, grid_code=None), INTENT)
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    assert world.evcc.end.fault is not None
    assert world.plant.export_wh == pytest.approx(0.0, abs=0.01)


def test_a_car_that_only_charges_needs_no_grid_code() -> None:
    world = in_the_loop(World(changed(FEEDING, grid_code=None), replace(INTENT, service=Service.DC)))
    assert world.evse.decision.power_w == 0
    assert world.plant.current_a == pytest.approx(0, abs=0.01)
    assert "no grid protection" in [
        each.source for each in (world.evse.decision.binding, *world.evse.decision.runners_up) if each
    ]


def test_the_droop_takes_the_power_over_from_the_plan() -> None:
    evse = changed(FEEDING, dispatch=(PlanStep(power_w=-1_000),))
    world = in_the_loop(World(evse, INTENT, grid=disturbed(Grid(frequency_hz=49.5))), 5.0)
    assert world.plant.power_w == pytest.approx(-1_000, rel=0.03)
    world.run(60.0 - world.now)
    assert world.evse.decision.wished_by == "frequency droop"
    # At the meter: 0.88 kW as before, and 18.8 % of 30 kW for 0.5 Hz less the dead band of 30 mHz, over 5 % of 50 Hz.
    assert world.plant.ac_power_w == pytest.approx(-880 - 30_000 * (0.47 / 2.5), rel=0.02)


def test_volt_var_makes_the_inverter_draw() -> None:
    code = changed(PROMPT, settings={**PROMPT.settings, "reactive.mode": "volt_var"})
    world = feeding(disturbed(Grid(voltages_v=(246.0, 246.0, 246.0))), grid_code=code)
    world.run(60.0 - world.now)
    assert world.plant.reactive_var > 5_000  # 44 % of 30 kVA at 1.08 pu and above, held to the inverter's 10 kvar
    assert "volt-var" in explain(world.evse, world.now).why


def test_a_car_charges_while_the_station_waits_to_enter_service() -> None:
    """At 1.055 pu the station may not begin to feed; a load may run there."""
    high = Grid(voltages_v=(242.6,) * 3)
    both = (PlanStep(power_w=5_000, for_s=20.0), PlanStep(power_w=-6_000))
    world = in_the_loop(World(changed(FEEDING, dispatch=both), INTENT, grid=lambda now, plant: high), 10.0)
    assert world.plant.power_w == pytest.approx(5_000, rel=0.02)
    world.run(20.0)
    assert world.evse.decision.wish_w == -6_000
    assert world.plant.power_w == pytest.approx(0.0, abs=50.0)
    assert fault_of(world) is None


def test_a_car_that_comes_long_after_the_start_gets_the_whole_ramp() -> None:
    settings: dict[str, float | bool | str] = {"enter_service.delay_s": 0.0, "enter_service.ramp_s": 100.0}
    world = World(changed(FEEDING, grid_code=GridCodeSettings(name="ieee1547-cat3", settings=settings)), INTENT)
    world.run(150.0)
    in_the_loop(world, 10.0)
    assert -4_500 < world.plant.power_w < -1_500, "a tenth of 30 kW"


def test_a_car_that_comes_at_low_frequency_charges_and_is_not_renegotiated_to_nothing() -> None:
    low = Grid(frequency_hz=49.9)
    for service in (Service.DC, Service.DC_BPT):
        charging = changed(FEEDING, dispatch=(PlanStep(power_w=8_000),))
        world = World(charging, replace(INTENT, service=service), grid=lambda now, plant: low)
        in_the_loop(world, 30.0)
        assert world.plant.power_w == pytest.approx(8_000, rel=0.02)
        assert not [text for text in texts(world) if "renegotiate" in text]


def explained(world: World) -> tuple[str, str]:
    binding = world.evse.decision.binding
    return ("", "") if binding is None else (binding.source, binding.detail)


def test_little_is_fed_until_it_is_known_how_late_set_points_arrive() -> None:
    world = in_the_loop(World(FEEDING, INTENT), 0.0)
    fed_w = [0.0]
    while world.evse.decision.power_w > -6_000 and world.now < 30.0:
        world.run(0.1)
        fed_w.append(-world.plant.power_w)
    assert max(fed_w[:-1]) <= 3_300, "a tenth of 30 kW, and what the inverter loses"
    assert len(fed_w) < 30
    assert fault_of(world) is None


def test_if_the_meter_does_not_show_that_the_power_follows_nothing_is_fed_and_the_reason_is_named() -> None:
    """A meter of another place: it always shows the same."""
    world = World(FEEDING, INTENT)
    world.as_read = lambda readings: (
        readings if readings.meter is None else changed(readings, meter=replace(readings.meter, power_w=0.0))
    )
    in_the_loop(world, 40.0)
    source, detail = explained(world)
    assert world.plant.power_w == pytest.approx(0.0, abs=50.0)
    assert source == "islanding probe"
    assert detail == "how late set-points arrive is not known: the meter does not show that the power follows"
    assert world.plant.export_wh < 30, "a tenth, half of the time"


def test_without_the_islanding_probe_nothing_is_fed_and_the_reason_is_named() -> None:
    world = feeding(disturbed(SOUND))
    assert world.evse.guard is not None
    world.evse.guard.adjust({"islanding.probe_enabled": False})
    world.run(0.5)
    assert world.plant.power_w == pytest.approx(0.0, abs=50.0)
    assert explained(world)[0] == "islanding probe"
    assert "switched off (islanding.probe_enabled)" in explained(world)[1]
    assert "islanding probe" in explain(world.evse, world.now).why
    world.evse.guard.adjust({"islanding.probe_enabled": True})
    world.run(5.0)
    assert world.plant.power_w < -5_900
