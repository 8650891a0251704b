"""Grid codes as data: loads `codes/<name>.toml` into typed settings, and applies the changes of the grid operator.

A file has one table for each function and one line for each value:
`delay_s = { default = 2.0, range = [1.0, 13.0], source = "6.4.1" }`. A value without `range` or `choices` is fixed; one
without `source` has that of its table. Units are in the names. `extends` names a file whose tables this one overlays,
`absent = true` in the table of a trip element takes out one of the extended file. `[variant.<name>.<table>]` overlays
once more when the variant is chosen; `default_variant = ""` takes out the variants of the extended file.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from math import isfinite, nan
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct, ValidationError, convert

from v2g.grid.active_power_limit import ActivePowerLimit
from v2g.grid.capability import Capability
from v2g.grid.codes import CODES, content
from v2g.grid.constant_power_factor import ConstantPowerFactor
from v2g.grid.constant_var import ConstantVar
from v2g.grid.element import Element, Quantity
from v2g.grid.enter_service import EnterService, Reconnection
from v2g.grid.frequency_droop import FrequencyDroop
from v2g.grid.islanding import Islanding
from v2g.grid.momentary_cessation import Cessation
from v2g.grid.ramp_rate import RampRate
from v2g.grid.reactive import Reactive
from v2g.grid.ride_through import Band, Mode, RideThrough
from v2g.grid.sample import Measurement
from v2g.grid.volt_var import VoltVar
from v2g.grid.volt_watt import VoltWatt
from v2g.grid.watt_var import WattVar
from v2g.kernel.errors import V2GError
from v2g.kernel.nearest import did_you_mean
from v2g.kernel.registry import RegistryError

Value = float | bool | str

_UNADJUSTABLE = {"quantity", "side", "source", "voltage_source", "frequency_source"}

_FUNCTIONS: dict[str, type[Any]] = {
    "measurement": Measurement,
    "momentary_cessation": Cessation,
    "enter_service": EnterService,
    "reconnection": Reconnection,
    "islanding": Islanding,
    "frequency_droop": FrequencyDroop,
    "reactive": Reactive,
    "constant_power_factor": ConstantPowerFactor,
    "constant_var": ConstantVar,
    "volt_var": VoltVar,
    "volt_watt": VoltWatt,
    "watt_var": WattVar,
    "active_power_limit": ActivePowerLimit,
    "ramp_rate": RampRate,
    "capability": Capability,
}


_OPTIONAL = {"reconnection", "extends", "variant", "default_variant"}


class SettingsError(V2GError):
    """A grid code, or a change of its settings, is not admissible. Names every setting, and what would be
    admissible."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors

    def __reduce__(self) -> tuple[type["SettingsError"], tuple[list[str]]]:
        return type(self), (self.errors,)  # from one process to another


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a grid code. Its unit is the end of its name."""

    name: str
    """Its path: `trip.ov1.delay_s`."""
    value: Value
    choices: tuple[Value, ...]
    """What a value that is not a number may be."""
    source: str
    """Clause of the standard and public source of the figure."""
    low: float = nan
    high: float = nan
    """What a number may be."""

    @property
    def text(self) -> str:
        """The value for a person."""
        return str(self.value).lower() if isinstance(self.value, bool | str) else f"{self.value:g}"

    @property
    def permitted(self) -> str:
        """What the value may be, for a person."""
        if self.choices:
            return " or ".join(str(each).lower() for each in self.choices)
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"

    def error(self, value: Value) -> str | None:
        """Why `value` is not admissible, or None."""
        if self.choices:
            if value in self.choices and isinstance(value, type(self.value)):
                return None
            return f"{self.name}: {value!r} is none of {', '.join(map(repr, self.choices))}"
        if isinstance(value, bool | str) or not isfinite(value):
            return f"{self.name}: {value!r} is not a number"
        if not self.low <= value <= self.high:
            permitted = f"fixed at {self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"
            return f"{self.name}: {value:g} is out of range: {permitted} ({self.source})"
        return None


@dataclass(frozen=True)
class GridCode:
    """A grid code with all its settings."""

    name: str
    title: str
    variant: str
    nominal_hz: float
    settings: Mapping[str, Setting]
    """Every value with its range and its source, by name. The typed settings below are made of these."""
    sources: Mapping[str, str]
    """Clauses of the ride-through bands of `voltage` and `frequency`."""
    trip: tuple[Element, ...]
    ride_through: RideThrough
    measurement: Measurement
    momentary_cessation: Cessation
    enter_service: EnterService
    reconnection: Reconnection
    """The way back into service after a trip: that of `enter_service` if the code has no table of its own."""
    islanding: Islanding
    frequency_droop: FrequencyDroop
    reactive: Reactive
    constant_power_factor: ConstantPowerFactor
    constant_var: ConstantVar
    volt_var: VoltVar
    volt_watt: VoltWatt
    watt_var: WattVar
    active_power_limit: ActivePowerLimit
    ramp_rate: RampRate
    capability: Capability

    def with_settings(self, changes: Mapping[str, Value]) -> "GridCode":
        """The same code with other values: `{"trip.ov1.delay_s": 5.0}`.

        Raises `SettingsError` with everything that is wrong: unknown names, values out of their range, values that
        contradict each other.
        """
        errors = [no_such_setting(name, self.settings) for name in changes if name not in self.settings]
        known = {name: value for name, value in changes.items() if name in self.settings}
        errors += [error for name, value in known.items() if (error := self.settings[name].error(value)) is not None]
        if errors:
            raise SettingsError(errors)
        settings = {**self.settings, **{name: replace(self.settings[name], value=known[name]) for name in known}}
        changed = replace(self, settings=settings, **_typed(settings, self.trip, self.ride_through))
        if errors := list(_contradictions(changed)):
            raise SettingsError(errors)
        return changed


def no_such_setting(name: str, settings: Iterable[str]) -> str:
    """The finding, with the nearest name that there is."""
    return "; ".join(filter(None, (f"{name}: there is no such setting", did_you_mean(name, settings))))


def names() -> list[str]:
    """The names of all grid codes, including those from other packages."""
    return CODES.names()


@cache
def load(name: str, variant: str | None = None, *, nominal_hz: float | None = None) -> GridCode:
    """The grid code `name`, such as `ieee1547-cat3`.

    `variant`: of IEEE 1547-2018 the normal operating performance category, `a` or `b`; of AS/NZS 4777.2 the region,
    `a`, `b` or `c`. `nominal_hz`: for a network of another nominal frequency than the code's; every frequency of it is
    then scaled in proportion. Raises `SettingsError`.
    """
    if name not in CODES:
        raise SettingsError([f"there is no grid code {name!r}; there are {', '.join(names())}"])
    document = read(name)
    default = document.get("default_variant")
    variants: dict[str, Any] = {} if default == "" else document.get("variant", {})
    chosen = variant or default or ""
    if chosen and chosen not in variants:
        remedy = f"there are {', '.join(variants)}" if variants else "the code has none, so name none"
        raise SettingsError([f"{name}: there is no variant (category) {chosen!r}; {remedy}"])
    return parse(name, _overlaid(document, variants.get(chosen, {})), chosen, nominal_hz)


@cache
def read(name: str, extended_by: tuple[str, ...] = ()) -> dict[str, Any]:
    """The content of the file of a grid code, with what it extends. Raises `SettingsError`."""
    if name in extended_by:
        raise SettingsError([f"{name} extends itself: {' extends '.join((*extended_by, name))}"])
    try:
        document = tomllib.loads(content(name))
    except OSError as error:
        raise SettingsError([f"{name}: {error.strerror}; name a grid code, or a file that can be read"]) from error
    except (RegistryError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([f"{name}: {error}"]) from error
    if errors := _misfits(document):
        raise SettingsError([f"{name}: {error}" for error in errors])
    parent = document.get("extends")
    if parent is None:
        return document
    document = _overlaid(read(parent, (*extended_by, name)), document)
    trip = {key: table for key, table in document.get("trip", {}).items() if not table.get("absent")}
    return {**document, "trip": trip}


def parse(name: str, document: Mapping[str, Any], variant: str = "", nominal_hz: float | None = None) -> GridCode:
    """A grid code from the content of its file, `extends` and variants already overlaid. Raises `SettingsError`."""
    errors: list[str] = []
    errors += [f"{name}: {key} is missing" for key in sorted(set(_FORMS) - _OPTIONAL - set(document))]
    errors += [f"{name}: {key} is not known" for key in sorted(set(document) - set(_FORMS))]
    errors = errors or [f"{name}: {error}" for error in _malformed(document)]
    if errors:
        raise SettingsError(errors)
    scale = (nominal_hz or document["nominal_hz"]) / document["nominal_hz"]
    settings = {setting.name: setting for setting in _settings(document, scale, errors)}
    errors = [f"{name}: {error}" for error in errors]
    for path, cls in _classes(document):
        wanted = {f"{path}.{key}" for key in _keys(cls, document, path)}
        optional = {f"{path}.{field.name}" for field in fields(cls) if field.default is not MISSING}
        present = {key for key in settings if key.rpartition(".")[0] == path}
        errors += [f"{name}: {key} is missing" for key in sorted(wanted - optional - present)]
        errors += [f"{name}: {key} is not known" for key in sorted(present - wanted)]
        errors += [f"{name}: {error}" for error in _mistyped(path, cls, settings)]
    errors += [f"{name}: {error}" for s in settings.values() if (error := s.error(s.value)) is not None]
    if errors:
        raise SettingsError(errors)
    trip = tuple(_element(key, table) for key, table in document["trip"].items())
    bands = document["ride_through"]
    ride_through = RideThrough(
        tuple(_band(band, 1.0) for band in bands["voltage"]),
        tuple(_band(band, scale) for band in bands["frequency"]),
        rocof_hz_per_s=nan,
        phase_jump_deg=nan,
        single_phase_jump_deg=nan,
    )
    code = GridCode(
        name=name,
        title=document["title"],
        variant=variant,
        nominal_hz=document["nominal_hz"] * scale,
        settings=settings,
        sources={
            kind: bands.get(f"{kind}_source", bands.get("source", document["title"]))
            for kind in ("voltage", "frequency")
        },
        **_typed(settings, trip, ride_through),
    )
    if errors := list(_contradictions(code)):
        raise SettingsError([f"{name}: {error}" for error in errors])
    return code


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are overlaid key by key, values (which hold a default) and lists as a whole."""
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        tables = isinstance(value, dict) and isinstance(lower, dict) and "default" not in value
        result[key] = _overlaid(lower or {}, value) if tables else value
    return result


class _Entry(Struct, forbid_unknown_fields=True):
    """A value in a file."""

    default: bool | float | str
    range: tuple[float, float] | None = None
    choices: tuple[bool | str, ...] | None = None
    source: str | None = None


class _BandEntry(Struct, forbid_unknown_fields=True):
    """A band of ride-through in a file."""

    low: float
    high: float
    mode: Literal["continuous", "mandatory", "permissive", "momentary_cessation", "cease", "undefined"]
    stay_s: float = 0.0
    slope_s: float = 0.0


_Table = dict[str, Any]
_FORMS: dict[str, Any] = {
    "extends": str, "title": str, "nominal_hz": Annotated[float, Meta(gt=0)], "trip": dict[str, _Table],
    "ride_through": _Table, "variant": dict[str, _Table], "default_variant": str,
    **dict.fromkeys(_FUNCTIONS, _Table),
}  # fmt: skip


def _malformed(document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the form of a file, and with what cannot be adjusted."""
    if misfits := _misfits(document):
        yield from misfits
        return
    for key, table in document["trip"].items():
        yield from filter(None, (
            _misfit(f"trip.{key}.quantity", table.get("quantity"), Quantity),
            _misfit(f"trip.{key}.side", table.get("side"), Literal["over", "under"]),
        ))  # fmt: skip
    for kind in ("voltage", "frequency"):
        place, bands = f"ride_through.{kind}", document["ride_through"].get(kind)
        if (error := _misfit(place, bands, list[_Table])) is not None:
            yield error
            continue
        yield from filter(None, (_misfit(f"{place}, band {n}", each, _BandEntry) for n, each in enumerate(bands, 1)))
        if [band.get("mode") for band in bands].count("continuous") != 1:
            yield f"{place} needs bands, one of them continuous"


def _misfits(document: Mapping[str, Any]) -> list[str]:
    """What of a file has another form than it must have: a text for a number, a number for a table."""
    found = [_misfit(key, document[key], form) for key, form in _FORMS.items() if key in document]
    return list(filter(None, found))


def _misfit(place: str, value: object, form: Any) -> str | None:
    """Why a part of a file does not have its form, or None."""
    try:
        convert(value, form)
    except ValidationError as error:
        return f"{place}: {error}"
    return None


def _mistyped(path: str, cls: type[Any], settings: Mapping[str, Setting]) -> Iterator[str]:
    """Values that a function cannot have: a word or a switch for a number, a mode that there is not."""
    for field in fields(cls):
        setting = settings.get(f"{path}.{field.name}")
        possible = (False, True) if field.type is bool else get_args(field.type)
        if setting is not None and (bool(setting.choices) != bool(possible) or set(setting.choices) - set(possible)):
            yield f"{setting.name} must be {' or '.join(map(str, possible)).lower() or 'a number'}"


def _classes(document: Mapping[str, Any]) -> Iterator[tuple[str, type[Any]]]:
    yield from ((path, cls) for path, cls in _FUNCTIONS.items() if path in document)
    yield "ride_through", RideThrough
    for key in document["trip"]:
        yield f"trip.{key}", Element


def _keys(cls: type[Any], document: Mapping[str, Any], path: str) -> set[str]:
    """The names of the values in the table of a function."""
    if cls is Element:
        unit = "hz" if document["trip"][path.removeprefix("trip.")].get("quantity") == "frequency" else "pu"
        return {f"threshold_{unit}", "delay_s", f"hysteresis_{unit}"}
    return {field.name for field in fields(cls)} - ({"voltage", "frequency"} if cls is RideThrough else set())


def _settings(document: Mapping[str, Any], scale: float, errors: list[str]) -> Iterator[Setting]:
    for path, _ in _classes(document):
        table = document["trip"][path.removeprefix("trip.")] if path.startswith("trip.") else document[path]
        for key, value in table.items():
            if isinstance(value, dict):
                yield from _setting(f"{path}.{key}", value, table.get("source"), scale, errors)
            elif key not in _UNADJUSTABLE and not isinstance(value, list):
                errors.append(f"{path}.{key} needs the form {{ default = ..., range = [..., ...] }}")


def _setting(
    path: str, value: Mapping[str, Any], source: str | None, scale: float, errors: list[str]
) -> Iterator[Setting]:
    try:
        entry = convert(value, _Entry)
    except ValidationError as error:
        errors.append(f"{path}: {error}; it needs default and source, and may have range or choices")
        return
    default, origin = entry.default, entry.source or source
    if origin is None:
        errors.append(f"{path}: needs a source")
    elif isinstance(default, bool):
        yield Setting(path, default, entry.choices or (False, True), origin)
    elif isinstance(default, str):
        yield Setting(path, default, entry.choices or (default,), origin)
    else:
        factor = scale if path.endswith("_hz") else 1.0
        low, high = entry.range or (default, default)
        yield Setting(path, default * factor, (), origin, low * factor, high * factor)


def _element(key: str, table: Mapping[str, Any]) -> Element:
    return Element(key, Quantity(table["quantity"]), table["side"], threshold=nan, delay_s=nan, hysteresis=nan)


def _band(table: Mapping[str, Any], scale: float) -> Band:
    band = convert(table, _BandEntry)
    return Band(band.low * scale, band.high * scale, Mode[band.mode.upper()], band.stay_s, band.slope_s / scale)


def _typed(settings: Mapping[str, Setting], trip: tuple[Element, ...], ride_through: RideThrough) -> dict[str, Any]:
    """The typed settings made of the values."""

    def values(path: str) -> dict[str, Any]:
        return {key.rpartition(".")[2]: s.value for key, s in settings.items() if key.rpartition(".")[0] == path}

    typed: dict[str, Any] = {path: cls(**found) for path, cls in _FUNCTIONS.items() if (found := values(path))}
    typed.setdefault("reconnection", Reconnection(**values("enter_service")))
    typed["ride_through"] = replace(ride_through, **values("ride_through"))
    typed["trip"] = tuple(
        replace(
            element,
            **{key.removesuffix("_pu").removesuffix("_hz"): v for key, v in values(f"trip.{element.name}").items()},
        )
        for element in trip
    )
    return typed


def _contradictions(code: GridCode) -> Iterator[str]:
    """Values that are each in range but contradict each other."""
    islanding, ride = code.islanding, code.ride_through
    if islanding.rocof_enabled and islanding.rocof_hz_per_s <= ride.rocof_hz_per_s:
        yield f"islanding.rocof_hz_per_s must be above what is ridden through: {ride.rocof_hz_per_s:g}"
    if islanding.vector_shift_enabled and islanding.vector_shift_deg <= ride.phase_jump_deg:
        yield f"islanding.vector_shift_deg must be above what is ridden through: {ride.phase_jump_deg:g}"
    single_deg = ride.single_phase_jump_deg
    if islanding.vector_shift_enabled and islanding.single_phase_vector_shift_deg <= single_deg:
        yield f"islanding.single_phase_vector_shift_deg must be above what is ridden through: {single_deg:g}"
    for name, entry in (("enter_service", code.enter_service), ("reconnection", code.reconnection)):
        if entry.ramp_s and entry.random_delay_s:
            yield f"{name}.ramp_s and {name}.random_delay_s exclude each other: set one of them to 0"
    if code.reconnection.short_interruption_s > 0 and code.reconnection.short_delay_s <= 0:
        yield "reconnection.short_delay_s must be above 0 if reconnection.short_interruption_s is"
    curve = code.volt_var
    distance_pu = curve.least_distance_pu - 1e-9
    if min(curve.v2_pu - curve.v1_pu, curve.v4_pu - curve.v3_pu) < distance_pu:
        yield f"volt_var: from v1_pu to v2_pu and from v3_pu to v4_pu must be {curve.least_distance_pu:g} pu at least"
    if not curve.v1_pu < curve.v2_pu <= curve.v3_pu < curve.v4_pu:
        yield "volt_var: v1_pu < v2_pu <= v3_pu < v4_pu must hold"
    if not curve.q1_pu >= curve.q2_pu >= curve.q3_pu >= curve.q4_pu:
        yield "volt_var: q1_pu >= q2_pu >= q3_pu >= q4_pu must hold"
    if not code.volt_watt.v1_pu < code.volt_watt.v2_pu:
        yield "volt_watt: v1_pu < v2_pu must hold"
    watt_var = code.watt_var
    if not watt_var.fed_p1_pu < watt_var.fed_p2_pu < watt_var.fed_p3_pu:
        yield "watt_var: fed_p1_pu < fed_p2_pu < fed_p3_pu must hold"
    if not watt_var.drawn_p1_pu > watt_var.drawn_p2_pu > watt_var.drawn_p3_pu:
        yield "watt_var: drawn_p1_pu > drawn_p2_pu > drawn_p3_pu must hold"
