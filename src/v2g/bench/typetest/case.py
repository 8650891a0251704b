"""One case of the type test, and the station it runs against."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import sqrt
from typing import Literal, NamedTuple

from v2g.bench.typetest.check import Check, Finding, Mark, Point, Sample
from v2g.bench.typetest.course import ALL_PHASES, Course
from v2g.bench.typetest.standard import Standard, Value, standard
from v2g.grid.settings import GridCode, load
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import InverterRating

RATED_W = 11_000.0
_REACTIVE_MAX_VAR = 5_000
"""What category B of IEEE 1547-2018 demands, and a little more."""
_SPARE = 1.03


@dataclass(frozen=True)
class Subject:
    """The station under test, by its grid code."""

    name: str
    category: str | None = None
    phases: Literal[1, 3] = 3
    nominal_hz: float | None = None
    settings: tuple[tuple[str, Value], ...] = ()
    """Those that differ from the code's defaults."""

    @cached_property
    def code(self) -> GridCode:
        """What the station reads, with these settings. Raises `SettingsError`."""
        return self.defaults.with_settings(dict(self.settings))

    @cached_property
    def defaults(self) -> GridCode:
        """The code as it is read. Raises `SettingsError`."""
        return load(self.name, self.category, nominal_hz=self.nominal_hz)

    @cached_property
    def standard(self) -> Standard:
        """What the standard demands, with these settings."""
        return self.figures.with_settings(dict(self.settings))

    @cached_property
    def figures(self) -> Standard:
        """What the standard demands, as it stands in its own tables."""
        return standard(self.name, self.defaults.variant, self.nominal_hz or self.defaults.nominal_hz)

    @cached_property
    def rating(self) -> InverterRating:
        """Of the inverter under test: as much reactive power as the code demands, and a little more."""
        demanded_pu = max(self.figures.number(f"capability.{each}_pu") for each in ("inject", "absorb"))
        return InverterRating(
            voltage_min_v=150,
            voltage_max_v=1000,
            charge_current_max_a=60,
            discharge_current_max_a=60,
            charge_power_max_w=RATED_W,
            discharge_power_max_w=RATED_W,
            reactive_max_var=max(_REACTIVE_MAX_VAR, round(_SPARE * demanded_pu * RATED_W)),
        )

    @property
    def reactive_max_pu(self) -> float:
        """The most reactive power of that inverter, per unit of its apparent power."""
        return self.rating.reactive_max_var / RATED_W

    @property
    def title(self) -> str:
        """For a person."""
        code = self.code
        category = f", category {code.variant.upper()}" if code.variant else ""
        phases = f"{self.phases} phase{'s' if self.phases > 1 else ''}"
        changed = f", settings changed: {len(self.settings)}" if self.settings else ""
        return f"{code.title}{category}, {code.nominal_hz:g} Hz, {phases}{changed}"

    @property
    def phase_sets(self) -> dict[str, tuple[int, ...]]:
        """Which phases a voltage disturbance may affect, by name: all, and each singly."""
        sets: dict[str, tuple[int, ...]] = {"": ALL_PHASES}
        if self.phases == 3:
            sets |= {"-l1": (0,), "-l2": (1,), "-l3": (2,)}
        return sets

    def course(self, begins_s: float = 0.0) -> Course:
        return Course(self.standard.nominal_hz, begins_s)


Converts = Literal["station", "station with losses", "car"]
"""Where the inverter is: DC, or AC. Without losses, what is wished is what flows at the connection point."""


class Load(NamedTuple):
    """What an island has, as shares of what the station feeds when the island begins."""

    reactive: float = 1.0
    """Of the inductor; the capacitor has 1."""
    active: float = 1.0
    quality: float = 1.0
    opens_s: float = 0.0


@dataclass(frozen=True)
class Case:
    """One case: what the grid does to a station in a session, and what the station must do then."""

    name: str
    """Parts with slashes between: `trip/ov1/beyond-l2/charging`."""
    source: str
    """Clause of the standard and public source of the figures."""
    course: Course
    checks: tuple[Check, ...]
    lasts_s: float
    """From the disturbance on."""
    power_pu: float = -0.9
    """What the dispatcher wishes, per unit of the rated power; negative feeds the grid."""
    tests: tuple[str, ...] = ()
    """The settings that are tested."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    """Of the grid code, from the start."""
    adjusted: Mapping[str, Value] = field(default_factory=dict)
    """The same, as the course begins."""
    later: tuple[tuple[float, Mapping[str, Value]], ...] = ()
    """The same, at other times."""
    wishes: tuple[tuple[float, float, float | None], ...] = ()
    """Since when the operator wishes another power, and another reactive power than that of the mode, or None."""
    cold: bool = False
    """Begins with the station just started and no car, instead of a session with power."""
    plugs_s: tuple[float, ...] = ()
    """When another car is plugged in."""
    renegotiates_s: tuple[float, ...] = ()
    """When the car chooses its service again within the session."""
    sensor: Literal["sound", "silent", "frozen"] = "sound"
    """What happens to the grid sensing unit at time 0."""
    lies: Callable[[GridReading], GridReading] | None = None
    """What becomes of its readings from time 0 on."""
    island: Load | None = None
    late_s: float = 0.0
    """How late set-points arrive at the inverter, from time 0 on."""
    walks: bool = False
    """Steps that are judged once they have settled: how the station gets there is not looked at closely."""
    converts: Converts = "station"

    @property
    def changes(self) -> dict[str, Value]:
        return {**self.settings, **self.adjusted}


@dataclass(frozen=True)
class Inspection:
    """A case without a session: what the station's software says of a setting, or measures."""

    name: str
    source: str
    judge: Callable[[], tuple[Finding, ...]]
    tests: tuple[str, ...] = ()
    lasts_s: float = 0.0
    changes: Mapping[str, Value] = field(default_factory=dict)


def inspections(
    group: str, source: str, subject: Subject, judges: Mapping[str, Callable[[Subject], tuple[Finding, ...]]]
) -> Iterator[Inspection]:
    """One for each judge, named `group`/its name."""
    for name, judge in judges.items():
        yield Inspection(f"{group}/{name}", source, partial(judge, subject))


class Reached(NamedTuple):
    """A point on a curve, as expected and as measured."""

    point: Point
    expected: float
    tolerance: float
    measured: float


@dataclass(frozen=True)
class Result:
    """What came of a case."""

    name: str
    source: str
    tested: tuple[tuple[str, Value], ...]
    """The settings that were tested, with their values."""
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...] = ()
    samples: tuple[Sample, ...] = ()
    """Thinned out: what a plot needs."""
    applied: str = ""
    """What the grid did, in words."""
    reached: tuple[Reached, ...] = ()

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)


def room_pu(other_pu: float) -> float:
    """What the apparent power leaves beside another power."""
    return sqrt(max(1 - other_pu**2, 0.0))
