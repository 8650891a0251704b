"""Runs a case: a station in the virtual world, and an instrument at its connection point."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache

from v2g.bench.sim.island import Island
from v2g.bench.sim.plant_model import PlantModel, PlantSettings
from v2g.bench.sim.world import IDLE_STEP_S, NOWHERE, STEP_S, Grid, World
from v2g.bench.typetest.case import RATED_W, RATING, Case, Load, Result, Subject
from v2g.bench.typetest.check import Recording, Sample
from v2g.bench.typetest.course import NOMINAL_V, Course
from v2g.grid.settings import Value
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits, Stage
from v2g.station.config.settings import Access, EvseSettings, GridCodeSettings, PlanStep

_CAR = Limits(
    charge_w=15_000,
    discharge_w=15_000,
    charge_a=60,
    discharge_a=60,
    voltage_min_v=300,
    voltage_max_v=480,
)
_PLANT = PlantSettings(rating=RATING, lowest_grid_voltage_v=0.0)
"""An inverter without protection of its own, so that it is the station's that shows."""
_INTENT = Intent("WMIV2GTYPETEST00001", Service.DC_BPT, ControlMode.DYNAMIC, _CAR, duration_s=1e9)
_LEAD_S = 1.0
"""Before a course begins."""
_CLOSE_LOOK_S = (0.2, 0.7)
"""Before and after every time at which something may happen the steps are short; in between they are long."""
_SESSION_SETUP_S, _POWER_SETTLES_S = 8.0, 2.5


def run(case: Case, subject: Subject) -> Result:
    """Runs the case and judges it."""
    recording = record(case, subject)
    return Result(
        name=case.name,
        source=case.source,
        findings=tuple(check.judge(recording) for check in case.checks),
        marks=tuple(mark for check in case.checks for mark in check.marks()),
        samples=tuple(_thinned(recording)),
        applied=case.course.applied,
    )


def record(case: Case, subject: Subject) -> Recording:
    """What the instrument sees from a second before the disturbance on."""
    if case.cold:
        world, zero_s = _started(subject, case.power_pu, tuple(sorted(case.settings.items()))), 0.0
    else:
        world = deepcopy(_feeding(subject, case.power_pu, tuple(sorted(case.settings.items()))))
        zero_s = world.now + _LEAD_S - case.course.points[0].time_s
    world.grid_source = _Player(case.course, zero_s, case.island)
    looks, pending, begun = list(_close_looks(case)), sorted(case.plugs_s), False
    recording: list[Sample] = []
    while (time_s := world.now - zero_s) < case.lasts_s:
        if not begun and time_s > -STEP_S / 2:
            begun = True
            if case.sensor == "silent":
                world.faults.silent.add("grid")
            world.faults.frozen = case.sensor == "frozen"
            if case.adjusted and world.evse.guard is not None:
                world.evse.guard.adjust(case.adjusted)
        if pending and time_s >= pending[0]:
            pending.pop(0)
            world.unplug()
            world.plug_in()
        close = any(begins_s <= time_s + IDLE_STEP_S and time_s < ends_s for begins_s, ends_s in looks)
        world.step(STEP_S if close else IDLE_STEP_S)
        recording.append(_sample(world, zero_s))
    return recording


class _Player:
    """The grid of a world: plays a course, and leaves the station alone with a load if the case wants an island."""

    def __init__(self, course: Course, zero_s: float, load: Load | None) -> None:
        self._course, self._zero_s, self._load = course, zero_s, load
        self._island: Island | None = None
        self._matched_w = self._until_s = 0.0

    def __call__(self, now: float, plant: PlantModel) -> Grid:
        if self._load is None or now < self._zero_s + self._load.opens_s:
            return self._course.at(now - self._zero_s)
        if self._island is None:
            self._matched_w, self._until_s = -plant.ac_power_w, now - STEP_S
            self._island = Island(self._course.end.frequency_hz, reactive=self._load.reactive)
        island = self._island
        island.fed_pu = -plant.ac_power_w / self._matched_w
        island.drawn_pu = plant.reactive_var / self._matched_w
        island.step(now - self._until_s)
        self._until_s = now
        volts = NOMINAL_V * island.voltage_pu
        return Grid(island.measured_hz, (volts, volts, volts))


@lru_cache(maxsize=32)
def _feeding(subject: Subject, power_pu: float, settings: tuple[tuple[str, Value], ...]) -> World:
    """A station whose session has reached its power, with settings that let it do so soon."""
    world = _started(subject, power_pu, settings)
    world.run(3.0)
    guard = world.evse.guard
    assert guard is not None
    entry = guard.code.enter_service
    world.run(entry.delay_s, step_s=IDLE_STEP_S)
    world.plug_in()
    world.run(_SESSION_SETUP_S, until=lambda: world.evse.demand.stage is Stage.ENERGY)
    mode_settles_s = 0.0 if guard.code.reactive.mode == "constant_power_factor" else 2 * guard.code.watt_var.response_s
    world.run(_POWER_SETTLES_S + entry.ramp_s + mode_settles_s, step_s=IDLE_STEP_S)
    assert abs(world.plant.power_w - power_pu * RATED_W) < 0.1 * RATED_W, "the session does not reach its power"
    return world


def _started(subject: Subject, power_pu: float, settings: tuple[tuple[str, Value], ...]) -> World:
    code = subject.code
    prompt = {f"enter_service.{name}": code.settings[f"enter_service.{name}"].low for name in ("delay_s", "ramp_s")}
    changes: Mapping[str, Value] = {**dict(subject.settings), **prompt, **dict(settings)}
    evse = EvseSettings(
        services=("DC_BPT",),
        access=Access(grant="everyone", discharge=True, bench_discharge=True),
        nominal_voltage_v=int(NOMINAL_V),
        nominal_hz=code.nominal_hz,
        dispatch=(PlanStep(power_w=power_pu * RATED_W),),
        inverter=NOWHERE,
        contactor=NOWHERE,
        meter=NOWHERE,
        isolation=NOWHERE,
        grid=NOWHERE,
        grid_code=GridCodeSettings(
            name=subject.name, category=subject.category, phases=subject.phases, settings=dict(changes)
        ),
    )  # fmt: skip
    course = subject.course()
    return World(evse, _INTENT, plant=_PLANT, grid=_Player(course, 0.0, None))


def _sample(world: World, zero_s: float) -> Sample:
    plant, grid = world.plant, world.grid
    return Sample(
        time_s=world.now - zero_s,
        frequency_hz=grid.frequency_hz,
        voltages_pu=tuple(volts / NOMINAL_V for volts in grid.voltages_v),
        power_pu=plant.ac_power_w / RATED_W,
        fed_var_pu=-plant.reactive_var / RATED_W,
        closed=world.contactor.closed,
    )


def _close_looks(case: Case) -> Iterator[tuple[float, float]]:
    before_s, after_s = _CLOSE_LOOK_S
    instants = {point.time_s for point in case.course.points}
    instants |= {edge for check in case.checks for mark in check.marks() for edge in (mark.from_s, mark.to_s)}
    yield from ((instant - before_s, instant + after_s) for instant in sorted(instants))
    yield from ((plug_s, plug_s + _SESSION_SETUP_S) for plug_s in case.plugs_s)


def _thinned(recording: Recording) -> Iterator[Sample]:
    """Without the samples in which nothing has moved that could be seen; each corner keeps both its sides."""
    kept: Sample | None = None
    last: Sample | None = None
    for sample in recording:
        if kept is None or last is None or sample is recording[-1] or _moved(kept, sample):
            if last is not None and last is not kept:
                yield last
            yield sample
            kept = sample
        last = sample


def _moved(before: Sample, now: Sample) -> bool:
    voltage = max(abs(a - b) for a, b in zip(before.voltages_pu, now.voltages_pu, strict=True))
    return (
        before.closed != now.closed
        or not voltage <= 0.001
        or not abs(before.frequency_hz - now.frequency_hz) <= 0.005
        or abs(before.power_pu - now.power_pu) > 0.005
        or abs(before.fed_var_pu - now.fed_var_pu) > 0.005
    )
