"""What a grid code demands, from tables of its own: `figures/*.txt`, typed from other sources than the settings files.

Nothing here is read from what the station reads, so that a wrong figure there is found. A code from outside the package
has no such table: its figures are those of its file, and are marked.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from v2g.grid.codes import content

Value = float | bool | str
Kind = Literal["public", "general", "stated", "file"]
KINDS: Mapping[Kind, str] = {
    "public": "from a public source",
    "general": "general knowledge, without a public source",
    "stated": "left open by the standard and stated by this station",
    "file": "from the file of the code alone: nothing to compare it with",
}
_EMPTY = "none"


class Figure(NamedTuple):
    """One figure: what a setting is by default, and what it may be."""

    value: Value
    low: float
    high: float
    choices: tuple[Value, ...]
    kind: Kind
    source: str

    @property
    def permitted(self) -> str:
        """For a person."""
        if self.choices:
            return " or ".join(text(each) for each in self.choices)
        return text(self.low) if self.low == self.high else f"{self.low:g} to {self.high:g}"


class Band(NamedTuple):
    """A band of ride-through: what the station does between two values, and how long it stays."""

    low: float
    high: float
    mode: str
    stay_s: float
    slope_s: float
    """Seconds more for each unit above the lower edge."""
    kind: Kind
    source: str

    def stays_s(self, value: float) -> float:
        return self.stay_s + self.slope_s * (value - self.low)


class Element(NamedTuple):
    """A trip element."""

    name: str
    side: str
    quantity: str
    threshold: float
    delay_s: float

    @property
    def unit(self) -> str:
        return "hz" if self.quantity == "frequency" else "pu"

    @property
    def outwards(self) -> float:
        return 1.0 if self.side == "over" else -1.0

    def beyond(self, value: float) -> bool:
        return (value - self.threshold) * self.outwards > 0


def text(value: Value) -> str:
    """A value for a person."""
    return str(value).lower() if isinstance(value, bool | str) else f"{value:g}"


@dataclass(frozen=True)
class Standard:
    """The figures of a code, by the names of the settings."""

    nominal_hz: float
    figures: Mapping[str, Figure]
    watches: Mapping[str, tuple[str, str]]
    """Side and quantity of each trip element."""
    voltage: tuple[Band, ...]
    frequency: tuple[Band, ...]

    def number(self, name: str) -> float:
        value = self.figures[name].value
        assert not isinstance(value, str)
        return value

    def with_settings(self, changes: Mapping[str, Value]) -> "Standard":
        """The same with other values. A name that the tables lack is left to the station to refuse."""
        known = {name: value for name, value in changes.items() if name in self.figures}
        changed = {name: self.figures[name]._replace(value=value) for name, value in known.items()}
        return replace(self, figures={**self.figures, **changed})

    @property
    def elements(self) -> tuple[Element, ...]:
        return tuple(
            Element(
                name, side, quantity,
                self.number(f"trip.{name}.threshold_{'hz' if quantity == 'frequency' else 'pu'}"),
                self.number(f"trip.{name}.delay_s"),
            )
            for name, (side, quantity) in self.watches.items()
        )  # fmt: skip

    @property
    def kinds(self) -> Counter[str]:
        """How many figures there are of each kind."""
        figures = Counter(str(each.kind) for each in self.figures.values())
        return figures + Counter(str(each.kind) for each in (*self.voltage, *self.frequency))

    @property
    def back(self) -> str:
        """The table of the settings for the way back after a trip."""
        return "reconnection" if "reconnection.delay_s" in self.figures else "enter_service"


def standard(name: str, variant: str, nominal_hz: float) -> Standard:
    """The figures of a code that the station can load."""
    found = _of_table(name, variant) if name in _tables() else _of_file(name, variant)
    return _scaled(found, nominal_hz / found.nominal_hz)


class _Row(NamedTuple):
    applies: str
    setting: str
    value: str
    range: str
    kind: Kind
    source: str


class _Table(NamedTuple):
    nominal_hz: float
    extends: str
    """The code whose table this one overlays, or nothing."""
    rows: tuple[_Row, ...]


@cache
def _tables() -> dict[str, _Table]:
    """The table of each code."""
    tables: dict[str, _Table] = {}
    for file in files(__package__).joinpath("figures").iterdir():
        lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        heads = dict(line.split(": ", 1) for line in lines if "|" not in line)
        rows = tuple(_row([part.strip() for part in line.split("|")]) for line in lines if "|" in line)
        table = _Table(float(heads["nominal_hz"]), heads.get("extends", ""), rows)
        tables |= dict.fromkeys(heads["codes"].split(), table)
    return tables


def _row(parts: list[str]) -> _Row:
    applies, setting, value, permitted, kind, source = parts
    found: Kind = next(each for each in KINDS if each == kind)
    return _Row(applies, setting, value, permitted, found, source)


def _applying(name: str, variant: str) -> list[_Row]:
    """The rows for a code, the later ones over the earlier ones."""
    table = _tables()[name]
    applies = {"all", name, name.rpartition("-")[2], variant}
    below = _applying(table.extends, "") if table.extends else []
    return below + [row for row in table.rows if row.applies in applies]


def _of_table(name: str, variant: str) -> Standard:
    nominal_hz = _tables()[name].nominal_hz
    figures, watches = dict[str, Figure](), dict[str, tuple[str, str]]()
    bands: dict[str, list[Band]] = {"voltage": [], "frequency": []}
    for row in _applying(name, variant):
        kind, _, edges = row.setting.partition(" ")
        if edges == _EMPTY:
            bands[kind].clear()
        elif edges:
            low, high = map(float, edges.split(" to "))
            stay_s, _, slope_s = row.range.partition(" + ")
            bands[kind].append(Band(low, high, row.value, float(stay_s), float(slope_s or 0), row.kind, row.source))
        elif row.setting.startswith("trip.") and row.value == _EMPTY:
            del watches[row.setting.removeprefix("trip.")]
            figures = {name: each for name, each in figures.items() if not name.startswith(f"{row.setting}.")}
        elif row.setting.startswith("trip.") and row.setting.count(".") == 1:
            side, quantity = row.value.split()
            watches[row.setting.removeprefix("trip.")] = side, quantity
        else:
            figures[row.setting] = _figure(row)
    return Standard(nominal_hz, figures, watches, tuple(bands["voltage"]), tuple(bands["frequency"]))


def _figure(row: _Row) -> Figure:
    value = _value(row.value)
    words = row.range.split(" or ") if " or " in row.range else []
    choices = tuple(_value(word) for word in words) or ((value,) if isinstance(value, bool | str) else ())
    if choices or isinstance(value, bool | str):
        return Figure(value, 0.0, 0.0, choices, row.kind, row.source)
    low, high = (value, value) if row.range == "-" else map(float, row.range.split(" to "))
    return Figure(value, low, high, (), row.kind, row.source)


def _value(word: str) -> Value:
    if word in ("true", "false"):
        return word == "true"
    try:
        return float(word)
    except ValueError:
        return word


# A code that has no table


def _of_file(name: str, variant: str) -> Standard:
    """What the file says, over the table of the code that it extends."""
    document = tomllib.loads(content(name))
    document = _overlaid(document, document.get("variant", {}).get(variant or document.get("default_variant", ""), {}))
    parent = document.get("extends")
    if parent is None:
        below = Standard(document["nominal_hz"], dict(_OF_NO_STANDARD), {}, (), ())
    else:
        below = _of_table(parent, variant) if parent in _tables() else _of_file(parent, variant)
    figures, watches = dict(below.figures), dict(below.watches)
    for path, table in _leaves(document):
        if {"side", "quantity"} & set(table):
            element = path.removeprefix("trip.")
            before = watches.get(element, ("", ""))
            watches[element] = table.get("side", before[0]), table.get("quantity", before[1])
        for key, entry in table.items():
            if isinstance(entry, dict) and "default" in entry:
                figures[f"{path}.{key}"] = _of_entry(entry, str(table.get("source", name)))
    gone = {path for path, table in _leaves(document) if table.get("absent")}
    figures = {setting: figure for setting, figure in figures.items() if setting.rpartition(".")[0] not in gone}
    watches = {element: watch for element, watch in watches.items() if f"trip.{element}" not in gone}
    rides = document.get("ride_through", {})
    return Standard(
        document.get("nominal_hz", below.nominal_hz),
        figures,
        watches,
        tuple(map(_of_band, rides["voltage"])) if "voltage" in rides else below.voltage,
        tuple(map(_of_band, rides["frequency"])) if "frequency" in rides else below.frequency,
    )


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables of a file, those of the trip elements singly."""
    for path, table in document.items():
        if path == "trip":
            yield from ((f"trip.{element}", each) for element, each in table.items())
        elif isinstance(table, dict) and path != "variant":
            yield path, table


def _of_entry(entry: Mapping[str, Any], source: str) -> Figure:
    value, origin = entry["default"], entry.get("source", source)
    if isinstance(value, bool | str):
        choices = tuple(entry.get("choices", (False, True) if isinstance(value, bool) else (value,)))
        return Figure(value, 0.0, 0.0, choices, "file", origin)
    low, high = entry.get("range", (value, value))
    return Figure(float(value), float(low), float(high), (), "file", origin)


def _of_band(table: Mapping[str, Any]) -> Band:
    stays_s = float(table.get("stay_s", 0)), float(table.get("slope_s", 0))
    return Band(float(table["low"]), float(table["high"]), table["mode"], *stays_s, "file", "")


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables key by key, all else as a whole."""
    both = {
        key: _overlaid(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict) and "default" not in value
    }
    return {**below, **above, **both}


_OF_NO_STANDARD = {
    "disturbances_in_a_row": Figure(2.0, 2.0, 2.0, (), "general", "as EN 50549-1"),
    "between_disturbances_s": Figure(30.0, 30.0, 30.0, (), "general", "as EN 50549-1"),
}


def _scaled(found: Standard, scale: float) -> Standard:
    """For another nominal frequency: every frequency in proportion."""
    if scale == 1:
        return found
    figures = {
        name: each._replace(value=each.value * scale, low=each.low * scale, high=each.high * scale)
        if name.endswith("_hz") and not isinstance(each.value, str)
        else each
        for name, each in found.figures.items()
    }
    frequency = tuple(
        band._replace(low=band.low * scale, high=band.high * scale, slope_s=band.slope_s / scale)
        for band in found.frequency
    )
    return replace(found, nominal_hz=found.nominal_hz * scale, figures=figures, frequency=frequency)
