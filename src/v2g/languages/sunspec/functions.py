"""The settings of a grid code as points of models 703 and 705 to 712, as data.

A model is offered if the code has its settings. Of the curves the first is the one in force and cannot be written; a
client writes the second and asks to adopt it (AdptCrvReq). What a code cannot follow, such as a curve with too few
points, is refused as a whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from v2g.languages.plant import PERMITTED, Setting, Settings
from v2g.power.sunspec.image import Image
from v2g.power.sunspec.model import Value

ON_OFF: Mapping[str, Setting] = {"ENABLED": True, "DISABLED": False}
MODE = "reactive.mode"
POWER_FACTOR = "constant_power_factor.power_factor"
DRAWN_POWER_FACTOR = "constant_power_factor.drawn_power_factor"
UNITY: Settings = {MODE: "constant_power_factor", POWER_FACTOR: 1.0, DRAWN_POWER_FACTOR: 1.0}
"""No reactive power: what holds once the reactive function in force is disabled."""
IN_FORCE, DRAFT = 1, 2
"""Numbers of the two curves."""
_DIGITS = 12


class Unfit(ValueError):
    """What is written cannot be followed. The text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One point and its setting: the point is `factor` times the setting, or has a code for it."""

    path: str
    setting: str
    factor: float = 1.0
    codes: Mapping[str, Setting] | None = None
    nth: int = 0
    """Of which point of the curve; 0: of none."""

    def shown(self, settings: Settings) -> Value:
        """The value of the point; None if the code has no such setting."""
        value = settings.get(self.setting)
        if value is None:
            return None
        if self.codes is not None:
            return next((code for code, meant in self.codes.items() if meant == value), None)
        return float(value) * self.factor

    def meant(self, value: Value) -> Setting:
        """The setting. Raises `Unfit`."""
        if self.codes is not None and isinstance(value, str) and value in self.codes:
            return self.codes[value]
        if isinstance(value, float):
            return round(value / self.factor, _DIGITS)
        raise Unfit(f"{self.path}: {value!r} means no {self.setting}")


@dataclass(frozen=True, slots=True)
class Function:
    """A model with curves."""

    number: int
    rows: tuple[Row, ...]
    enabled: Settings = field(default_factory=dict)
    """What holds while it is enabled; empty: it always is."""
    points: int = 0
    """Of the curve."""
    fewer: bool = False
    """Whether a curve may have fewer: the others stay as they are."""
    reference: str = ""
    """What a curve's y is a share of (DeptRef)."""
    group: str = ""

    @property
    def stem(self) -> str:
        return "Ctl" if self.number == 711 else "Crv"

    @property
    def reverts(self) -> bool:
        """Whether the model has a reversion timer."""
        return not self.group

    def curve(self, index: int, path: str = "") -> str:
        """A point of a curve."""
        return f"{self.stem}[{index}].{self.group}{path}"

    def shown(self, settings: Settings, index: int) -> Iterator[tuple[str, Value]]:
        """The points of a curve."""
        for row in self.rows:
            yield self.curve(index, row.path), row.shown(settings)
        if self.points:
            yield self.curve(index, "ActPt"), float(self.points)
        if self.reference:
            yield self.curve(index, "DeptRef"), self.reference

    def holds(self, settings: Settings) -> bool:
        """Whether it is enabled."""
        return all(settings.get(name) == value for name, value in self.enabled.items())

    def enable(self, on: bool, settings: Settings) -> Settings:
        """What changes by that. Raises `Unfit` for what cannot be switched off."""
        if on == self.holds(settings):
            return {}
        if not self.enabled:
            raise Unfit(f"model {self.number} is always enabled")
        if on:
            return self.enabled
        return UNITY if MODE in self.enabled else dict.fromkeys(self.enabled, False)

    def adopted(self, image: Image, settings: Settings) -> Settings:
        """What changes if the draft is adopted. Raises `Unfit`."""
        number, draft = self.number, DRAFT
        active = self.points
        if self.points:
            active = round(image.number(number, self.curve(draft, "ActPt")))
            if active > self.points or active < (1 if self.fewer else self.points):
                raise Unfit(f"the curve has {active} points; {self.points} are needed here")
        changes = dict[str, Setting]()
        reference = image.get(number, self.curve(draft, "DeptRef")) if self.reference else self.reference
        for row in self.rows:
            if row.nth > active or row.setting not in settings:
                continue
            same = reference == self.reference or not row.path.endswith("].Var")
            before, after = (image.words(number, self.curve(each, row.path)) for each in (IN_FORCE, draft))
            if same and before == after:
                continue  # also not by what the registers round
            meant = row.meant(image.get(number, self.curve(draft, row.path)))
            changes[row.setting] = meant if same else _of_reference(str(reference), meant, settings)
        return changes


def _of_reference(reference: str, meant: Setting, settings: Settings) -> Setting:
    """A reactive power that is stated as a share of something else than the apparent power. Raises `Unfit`."""
    most = settings.get("capability.inject_pu" if float(meant) > 0 else "capability.absorb_pu")
    if reference != "VAR_MAX_PCT" or most is None:
        raise Unfit(f"reactive power as a share of {reference}; VA_MAX_PCT and VAR_MAX_PCT are understood")
    return round(float(meant) * float(most), _DIGITS)


ENTER_SERVICE = (
    Row("ES", PERMITTED, codes=ON_OFF),
    Row("ESVHi", "enter_service.highest_pu", 100.0),
    Row("ESVLo", "enter_service.lowest_pu", 100.0),
    Row("ESHzHi", "enter_service.highest_hz"),
    Row("ESHzLo", "enter_service.lowest_hz"),
    Row("ESDlyTms", "enter_service.delay_s"),
    Row("ESRndTms", "enter_service.random_delay_s"),
    Row("ESRmpTms", "enter_service.ramp_s"),
)
"""Model 703. A code with a way back of its own (`reconnection`) gets the same there."""


def both_ways_in(changes: Settings, settings: Settings) -> Settings:
    """Changes of entering service, also for the way back after a trip if the code has one of its own."""
    twins = {name.replace("enter_service.", "reconnection."): value for name, value in changes.items()}
    return {**changes, **{name: value for name, value in twins.items() if name in settings}}


_VOLT_VAR = (
    Row("VRef", "volt_var.reference_pu", 100.0),
    Row("VRefAutoEna", "volt_var.autonomous", codes=ON_OFF),
    Row("VRefAutoTms", "volt_var.reference_time_s"),
    Row("RspTms", "volt_var.response_s"),
    *(Row(f"Pt[{n}].V", f"volt_var.v{n}_pu", 100.0, nth=n) for n in range(1, 5)),
    *(Row(f"Pt[{n}].Var", f"volt_var.q{n}_pu", 100.0, nth=n) for n in range(1, 5)),
)
_VOLT_WATT = (
    Row("RspTms", "volt_watt.response_s"),
    *(Row(f"Pt[{n}].V", f"volt_watt.v{n}_pu", 100.0, nth=n) for n in (1, 2)),
    *(Row(f"Pt[{n}].W", f"volt_watt.p{n}_pu", 100.0, nth=n) for n in (1, 2)),
)
_WATT_VAR_POINTS = ("drawn_?3", "drawn_?2", "drawn_?1", "fed_?1", "fed_?2", "fed_?3")
_WATT_VAR = tuple(
    Row(f"Pt[{n}].{name}", f"watt_var.{point.replace('?', quantity)}_pu", 100.0, nth=n)
    for n, point in enumerate(_WATT_VAR_POINTS, 1)
    for name, quantity in (("W", "p"), ("Var", "q"))
)
_DROOP = (
    Row("DbOf", "frequency_droop.over_deadband_hz"),
    Row("DbUf", "frequency_droop.under_deadband_hz"),
    Row("KOf", "frequency_droop.over_droop"),
    Row("KUf", "frequency_droop.under_droop"),
    Row("RspTms", "frequency_droop.response_s"),
)
_TRIPS = {707: ("uv1", "uv2"), 708: ("ov1", "ov2"), 709: ("uf1", "uf2"), 710: ("of1", "of2")}
"""Elements of a grid code, the one nearest to the nominal value first."""


def functions(settings: Settings) -> dict[int, Function]:
    """Those that a code has, by model."""
    found = [
        Function(705, _VOLT_VAR, {MODE: "volt_var"}, points=4, reference="VA_MAX_PCT"),
        Function(706, _VOLT_WATT, {"volt_watt.enabled": True}, points=2, reference="W_MAX_PCT"),
        *(_trip(number, names, settings) for number, names in _TRIPS.items()),
        Function(711, _DROOP, {"frequency_droop.over_enabled": True, "frequency_droop.under_enabled": True}),
        Function(712, _WATT_VAR, {MODE: "watt_var"}, points=6, reference="VA_MAX_PCT"),
    ]
    return {each.number: each for each in found if each.rows and each.rows[-1].setting in settings}


def _trip(number: int, names: tuple[str, ...], settings: Settings) -> Function:
    there = [name for name in names if f"trip.{name}.delay_s" in settings]
    unit, factor = ("Hz", 1.0) if number in (709, 710) else ("V", 100.0)
    setting = "threshold_hz" if unit == "Hz" else "threshold_pu"
    rows = [
        row
        for n, name in enumerate(there, 1)
        for row in (
            Row(f"Pt[{n}].{unit}", f"trip.{name}.{setting}", factor, nth=n),
            Row(f"Pt[{n}].Tms", f"trip.{name}.delay_s", nth=n),
        )
    ]
    return Function(number, tuple(rows), points=len(there), fewer=True, group="MustTrip.")
