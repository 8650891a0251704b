"""A meter of an AC EVSE that shows the same values for ever: what contradicts it, and what does not."""

from collections.abc import Callable
from dataclasses import replace

from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, faulted_at, in_the_loop, texts

from v2g.bench.sim.world import World
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.power.contactor import ContactorReading
from v2g.power.meter import MeterReading
from v2g.station.config.settings import PlanStep
from v2g.station.readings import Readings
from v2g.station.safety.meter_watch import MeterWatch

AC = changed(OUTLET, services=("AC",), inverter=None, isolation=None)
STEPS = (PlanStep(power_w=8_000, for_s=20.0), PlanStep(power_w=2_000))
CHARGING = replace(INTENT, service=Service.AC)


def freeze(world: World) -> None:
    """From now on the meter answers in time, and always the same."""
    kept: list[MeterReading] = []

    def as_read(readings: Readings) -> Readings:
        if readings.meter is None:
            return readings
        kept.append(readings.meter)
        return changed(readings, meter=replace(kept[0], time_s=readings.meter.time_s))

    world.as_read = as_read


def test_a_frozen_meter_is_found_when_the_power_of_the_car_changes() -> None:
    world = in_the_loop(World(changed(AC, dispatch=STEPS), CHARGING), 10.0)
    freeze(world)
    world.run(25.0)
    assert fault_of(world) is Fault.METER_LOST
    assert "unchanged while the power of the car has changed" in "".join(texts(world))
    assert faulted_at(world) < 35.0, "the plan changes 20 s after the beginning"
    world.run(10.0)
    assert world.evse.why_not_ready(world.now) is not None, "8 kW are shown, and the contactor is open"
    world.as_read = lambda readings: readings
    world.run(1.0)
    assert world.evse.why_not_ready(world.now) is None


def test_a_meter_that_shows_nothing_from_before_the_car_came_is_found() -> None:
    world = World(changed(AC, dispatch=STEPS), CHARGING)
    world.run(2.0)
    freeze(world)
    in_the_loop(world, 40.0)
    assert fault_of(world) is Fault.METER_LOST


def test_a_car_whose_power_stands_still_is_no_frozen_meter() -> None:
    """In this world nothing moves by itself: neither voltages nor, at no power, the counters."""
    for power_w in (0.0, 3_000.0):
        world = in_the_loop(World(changed(AC, dispatch=(PlanStep(power_w=power_w),)), CHARGING), 60.0)
        assert fault_of(world) is None


def test_a_car_that_stops_drawing_is_no_frozen_meter() -> None:
    steps = tuple(PlanStep(power_w=power_w, for_s=15.0) for power_w in (6_000, 0, 6_000, 0))
    world = in_the_loop(World(changed(AC, dispatch=(*steps, PlanStep(power_w=0.0))), CHARGING), 90.0)
    assert fault_of(world) is None


def _watched(closed: bool, meter: Callable[[float], tuple[float, float]], lasts_s: float) -> float | None:
    """When a meter that shows this power and this counter is found."""
    watch = MeterWatch(2_000.0)
    for count in range(round(lasts_s / 0.1)):
        now = count * 0.1
        power_w, import_wh = meter(now)
        shown = MeterReading(now, import_wh, 0.0, power_w, 0.0, (230.0 + count % 2,) * 3, 50.0)
        contactor = ContactorReading(now, closed=closed, commanded=closed, fault=None)
        if watch.step(Readings(meter=shown, contactor=contactor), None) is not None:
            return now
    return None


def test_power_with_an_open_contactor_is_none() -> None:
    found_s = _watched(False, lambda now: (3_000.0 if now >= 10 else 0.0, 0.0), 30.0)
    assert found_s is not None
    assert 15.0 <= found_s <= 15.2
    assert _watched(False, lambda now: (200.0, 0.0), 60.0) is None, "the station itself"
    assert _watched(False, lambda now: (3_000.0 if 10 <= now < 14 else 0.0, 0.0), 30.0) is None


def test_counters_that_stand_still_are_found_after_a_kilowatt_hour() -> None:
    found_s = _watched(True, lambda now: (11_000.0, 0.0), 400.0)
    assert found_s is not None
    assert 327.0 <= found_s <= 328.0
    assert _watched(True, lambda now: (11_000.0, float(int(11_000.0 * now / 3_600 / 900) * 900)), 1_200.0) is None
