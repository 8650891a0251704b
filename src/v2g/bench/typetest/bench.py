"""Runs a case: a station in the virtual world, and an instrument at its connection point."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial

from msgspec import structs

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.island import Island
from v2g.bench.sim.plant_model import PlantInputs, PlantModel, PlantSettings
from v2g.bench.sim.world import IDLE_STEP_S, NOWHERE, STEP_S, Grid, World
from v2g.bench.typetest.case import RATED_W, Case, Converts, Inspection, Load, Reached, Result, Subject
from v2g.bench.typetest.check import Finding, Recording, Sample, Settles, Stays
from v2g.bench.typetest.course import NOMINAL_V, Course
from v2g.bench.typetest.packed import Packed
from v2g.bench.typetest.standard import Standard, Value
from v2g.iso15118.car_session import Stopping
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits, Stage, Stop
from v2g.kernel.errors import V2GError
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import OFF, InverterSetpoint
from v2g.station.config.settings import Access, EvseSettings, GridCodeSettings, PlanStep
from v2g.station.power.situation import Injection
from v2g.station.readings import Readings

_CAR = Limits(
    charge_w=15_000,
    discharge_w=15_000,
    charge_a=60,
    discharge_a=60,
    voltage_min_v=300,
    voltage_max_v=480,
)
_INTENT = Intent("WMIV2GTYPETEST00001", Service.DC_BPT, ControlMode.DYNAMIC, _CAR, duration_s=1e9, loop_interval_s=0.2)
_LEAD_S = 1.0
"""Before a course begins."""
_CLOSE_LOOK_S = (0.2, 0.7)
"""Before and after every time at which something may happen the steps are short; in between they are long."""
_FAR_STEP_S = 0.3
"""While nothing is to happen for longer: within what the station bears, a measurement that is 0.35 s old."""
_SESSION_SETUP_S, _POWER_SETTLES_S = 14.0, 2.5


def run(case: Case | Inspection, subject: Subject) -> Result:
    """Runs the case and judges it. If the station's software breaks down on the way, that is a finding."""
    standard = subject.standard.with_settings(case.changes)
    tested = tuple((name, standard.figures[name].value) for name in case.tests if name in standard.figures)
    try:
        if isinstance(case, Inspection):
            return Result(case.name, case.source, tested, case.judge())
        recording = record(case, subject)
    except Exception as error:
        finding = Finding(False, "the station does its part", f"{type(error).__name__}: {error}")
        return Result(case.name, case.source, tested, (finding,))
    return Result(
        name=case.name,
        source=case.source,
        tested=tested,
        findings=tuple(check.judge(recording) for check in case.checks),
        marks=tuple(mark for check in case.checks for mark in check.marks()),
        samples=tuple(_thinned(recording)),
        applied=case.course.applied,
        reached=tuple(
            Reached(check.point, check.value_pu, check.tolerance_pu, check.mean(recording))
            for check in case.checks
            if isinstance(check, Settles) and check.point is not None
        ),
    )


def record(case: Case, subject: Subject) -> Recording:
    """What the instrument sees from a second before the disturbance on."""
    settings = tuple(sorted(case.settings.items()))
    if case.cold:
        world, zero_s = _started(subject, case.power_pu, settings, case.converts), 0.0
    else:
        world = _feeding(subject, case.power_pu, settings, case.converts).world()
        zero_s = world.now + _LEAD_S - case.course.points[0].time_s
    world.grid_source = _Player(case.course, zero_s, case.island)
    looks, events, recording = list(_close_looks(case)), _events(case, world, zero_s), list[Sample]()
    while (time_s := world.now - zero_s) < case.lasts_s:
        while events and time_s > events[0][0] - STEP_S / 2:
            events.pop(0)[1]()
        close = any(begins_s <= time_s + IDLE_STEP_S and time_s < ends_s for begins_s, ends_s in looks)
        far = not close and not any(begins_s <= time_s + _FAR_STEP_S and time_s < ends_s for begins_s, ends_s in looks)
        step_s = STEP_S if close else _FAR_STEP_S if far else IDLE_STEP_S
        if events:
            step_s = min(step_s, max(STEP_S * round((events[0][0] - time_s) / STEP_S), STEP_S))
        world.step(step_s)
        recording.append(_sample(world, zero_s))
    return recording


def _events(case: Case, world: World, zero_s: float) -> list[tuple[float, Callable[[], None]]]:
    """What happens beside the grid, and when."""

    def adjust(changes: Mapping[str, Value]) -> None:
        assert world.evse.guard is not None
        world.evse.guard.adjust(changes)

    def wish(power_pu: float, fed_var_pu: float | None) -> None:
        fed_var = None if fed_var_pu is None else fed_var_pu * RATED_W
        world.evse.visit.injection = Injection(power_pu * RATED_W, fed_var)

    def plug() -> None:
        world.unplug()
        world.plug_in()

    def renegotiate() -> None:
        assert world.evcc is not None
        stop = Stopping(Stop.TERMINATE, "the service is chosen again", renegotiates=True)
        world.evcc.session = replace(world.evcc.session, stop=stop)

    def begin() -> None:
        world.as_read = _Readings(case, zero_s)
        if isinstance(world.plant, _Plant):
            world.plant.late_s = case.late_s
        if case.sensor == "silent":
            world.faults.silent.add("grid")
        world.faults.frozen = case.sensor == "frozen"

    first_s = min(case.course.points[0].time_s, 0.0)
    events: list[tuple[float, Callable[[], None]]] = [(0.0, begin)]
    if case.adjusted:
        events.append((first_s, partial(adjust, case.adjusted)))
    events += [(time_s, partial(adjust, changes)) for time_s, changes in case.later]
    events += [(time_s, partial(wish, power_pu, fed_var_pu)) for time_s, power_pu, fed_var_pu in case.wishes]
    events += [(time_s, plug) for time_s in case.plugs_s]
    events += [(time_s, renegotiate) for time_s in case.renegotiates_s]
    return sorted(events, key=lambda event: event[0])


class _Readings:
    """What the station reads: with voltages between the phases if the course has them, and what a case makes of it."""

    def __init__(self, case: Case, zero_s: float) -> None:
        self._case, self._zero_s = case, zero_s
        self._seen: GridReading | None = None
        self._said: GridReading | None = None

    def __call__(self, readings: Readings) -> Readings:
        grid = readings.grid
        if grid is None or (self._case.lies is None and not self._case.course.has_lines):
            return readings
        if grid is not self._seen:
            self._seen, self._said = grid, self._say(grid)
        return structs.replace(readings, grid=self._said)

    def _say(self, grid: GridReading) -> GridReading:
        said = replace(grid, line_voltages_v=self._case.course.lines_v(grid.time_s - self._zero_s))
        return said if self._case.lies is None else self._case.lies(said)


class _Plant(PlantModel):
    """A plant whose inverter hears of its set-points late."""

    late_s = 0.0

    def __init__(self, battery: Battery, settings: PlantSettings) -> None:
        super().__init__(battery, settings)
        self.largest_substep_s = STEP_S
        self._now = 0.0
        self._heard: deque[tuple[float, InverterSetpoint]] = deque([(0.0, OFF)])

    def step(self, dt_s: float, inputs: PlantInputs) -> None:
        self._now += dt_s
        self._heard.append((self._now, inputs.setpoint))
        while len(self._heard) > 1 and self._heard[1][0] <= self._now - self.late_s + STEP_S / 10:
            self._heard.popleft()
        heard = self._heard[0][1]
        super().step(dt_s, inputs if heard is inputs.setpoint else replace(inputs, setpoint=heard))


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
            load = self._load
            self._island = Island(self._course.end.frequency_hz, load.active, load.reactive, load.quality)
        island = self._island
        island.fed_pu = -plant.ac_power_w / self._matched_w
        island.drawn_pu = plant.reactive_var / self._matched_w
        island.step(now - self._until_s)
        self._until_s = now
        volts = NOMINAL_V * island.voltage_pu
        return Grid(island.measured_hz, (volts, volts, volts))


@lru_cache(maxsize=32)
def _feeding(subject: Subject, power_pu: float, settings: tuple[tuple[str, Value], ...], converts: Converts) -> Packed:
    """A station whose session has reached its power, with settings that let it do so soon."""
    world, standard = _started(subject, power_pu, settings, converts), _prompt(subject).with_settings(dict(settings))
    world.run(3.0)
    world.run(standard.number("enter_service.delay_s"), step_s=IDLE_STEP_S)
    world.plug_in()
    world.run(_SESSION_SETUP_S, until=lambda: world.evse.demand.stage is Stage.ENERGY)
    resting = standard.figures["reactive.mode"].value == "constant_power_factor"
    mode_settles_s = 0.0 if resting else 2 * standard.number("watt_var.response_s")
    world.run(_POWER_SETTLES_S + standard.number("enter_service.ramp_s") + mode_settles_s, step_s=IDLE_STEP_S)
    reached_w = world.plant.power_w + world.plant.charger_power_w
    if abs(reached_w - power_pu * RATED_W) > 0.1 * RATED_W:
        raise NotFeeding(f"{reached_w:.0f} W instead of {power_pu * RATED_W:.0f} W when the case begins")
    return Packed(world)


class NotFeeding(V2GError):
    """The session does not reach the power with which a case begins."""


def _prompt(subject: Subject) -> Standard:
    """Enters service as soon as the code permits."""
    figures = subject.standard.figures
    names = ("enter_service.delay_s", "enter_service.ramp_s")
    return subject.standard.with_settings({name: figures[name].low for name in names})


def _started(subject: Subject, power_pu: float, settings: tuple[tuple[str, Value], ...], converts: Converts) -> World:
    standard, dc = _prompt(subject), converts != "car"
    names = ("enter_service.delay_s", "enter_service.ramp_s")
    prompt = {name: standard.number(name) for name in names}
    changes: Mapping[str, Value] = {**dict(subject.settings), **prompt, **dict(settings)}
    evse = EvseSettings(
        services=("DC_BPT",) if dc else ("AC_BPT",),
        access=Access(grant="everyone", discharge=True, bench_discharge=True),
        nominal_voltage_v=int(NOMINAL_V),
        nominal_hz=standard.nominal_hz,
        dispatch=(PlanStep(power_w=power_pu * RATED_W),),
        inverter=NOWHERE if dc else None,
        contactor=NOWHERE,
        meter=NOWHERE,
        isolation=NOWHERE if dc else None,
        grid=NOWHERE,
        grid_code=GridCodeSettings(
            name=subject.name, category=subject.category, phases=subject.phases, settings=dict(changes)
        ),
    )
    intent = replace(_INTENT, service=Service.DC_BPT if dc else Service.AC_BPT)
    plant = _plant(subject, converts)
    world = World(evse, intent, plant=plant, grid=_Player(subject.course(), 0.0, None))
    world.plant = _Plant(world.plant.battery, plant)
    return world


def _plant(subject: Subject, converts: Converts) -> PlantSettings:
    """An inverter without protection of its own, so that it is the station's that shows."""
    lossy = PlantSettings(rating=subject.rating, lowest_grid_voltage_v=0.0)
    if converts == "station with losses":
        return lossy
    return replace(lossy, constant_loss_w=0.0, proportional_loss=0.0, standby_loss_w=0.0)


def _sample(world: World, zero_s: float) -> Sample:
    plant, grid = world.plant, world.grid
    return Sample(
        time_s=world.now - zero_s,
        frequency_hz=grid.frequency_hz,
        voltages_pu=tuple(volts / NOMINAL_V for volts in grid.voltages_v),
        power_pu=(plant.ac_power_w + plant.charger_power_w) / RATED_W,
        fed_var_pu=-plant.reactive_var / RATED_W,
        closed=world.contactor.closed,
    )


def _close_looks(case: Case) -> Iterator[tuple[float, float]]:
    before_s, after_s = _CLOSE_LOOK_S
    instants = set[float]()
    if not case.walks:
        instants |= {point.time_s for point in case.course.points} | {time_s for time_s, _ in case.later}
    for check in case.checks:
        if not isinstance(check, Settles | Stays):
            instants |= {edge for mark in check.marks() for edge in (mark.from_s, mark.to_s)}
    yield from ((instant - before_s, instant + after_s) for instant in sorted(instants))
    yield from ((plug_s, plug_s + _SESSION_SETUP_S) for plug_s in (*case.plugs_s, *case.renegotiates_s))


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
