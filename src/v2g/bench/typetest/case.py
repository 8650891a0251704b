"""One case of the type test, and the station it runs against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from v2g.bench.typetest.check import Check, Finding, Mark, Sample
from v2g.bench.typetest.course import ALL_PHASES, Course
from v2g.grid.settings import GridCode, Value, load
from v2g.power.inverter import InverterRating

RATED_W = 11_000.0
RATING = InverterRating(
    voltage_min_v=150,
    voltage_max_v=1000,
    charge_current_max_a=60,
    discharge_current_max_a=60,
    charge_power_max_w=RATED_W,
    discharge_power_max_w=RATED_W,
    reactive_max_var=5_000,
)
"""Of the inverter under test: as much reactive power as category B demands, and a little more."""


@dataclass(frozen=True)
class Subject:
    """The station under test, by its grid code."""

    name: str
    category: Literal["a", "b"] | None = None
    phases: Literal[1, 3] = 3
    nominal_hz: float | None = None
    settings: tuple[tuple[str, Value], ...] = ()
    """Those that differ from the code's defaults."""

    @cached_property
    def code(self) -> GridCode:
        """The code with these settings. Raises `SettingsError`."""
        return load(self.name, self.category, nominal_hz=self.nominal_hz).with_settings(dict(self.settings))

    @property
    def title(self) -> str:
        """For a person."""
        code = self.code
        category = f", category {code.variant.upper()}" if code.variant else ""
        phases = f"{self.phases} phase{'s' if self.phases > 1 else ''}"
        changed = f", {len(self.settings)} settings changed" if self.settings else ""
        return f"{code.title}{category}, {code.nominal_hz:g} Hz, {phases}{changed}"

    @property
    def phase_sets(self) -> dict[str, tuple[int, ...]]:
        """Which phases a voltage disturbance may affect, by name: all, and each singly."""
        sets: dict[str, tuple[int, ...]] = {"": ALL_PHASES}
        if self.phases == 3:
            sets |= {"-l1": (0,), "-l2": (1,), "-l3": (2,)}
        return sets

    def course(self, begins_s: float = 0.0) -> Course:
        return Course(self.code.nominal_hz, begins_s)


class Load(NamedTuple):
    """What an island has: its reactive power as a share of the match, with quality factor 1."""

    opens_s: float
    reactive: float


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
    settings: Mapping[str, Value] = field(default_factory=dict)
    """Of the grid code, from the start."""
    adjusted: Mapping[str, Value] = field(default_factory=dict)
    """The same, at the time 0."""
    cold: bool = False
    """Begins with the station just started and no car, instead of a session with power."""
    plugs_s: tuple[float, ...] = ()
    """When another car is plugged in."""
    sensor: Literal["sound", "silent", "frozen"] = "sound"
    """What happens to the grid sensing unit at time 0."""
    island: Load | None = None


@dataclass(frozen=True)
class Result:
    """What came of a case."""

    name: str
    source: str
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]
    samples: tuple[Sample, ...]
    """Thinned out: what a plot needs."""
    applied: str = ""
    """What the grid did, in words."""

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)
