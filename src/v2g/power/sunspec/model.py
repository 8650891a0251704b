"""A SunSpec model: its points in the order of their registers, from `models/<number>.toml`.

    WSet = "int32 rw W x WSet_SF"       # type, whether it can be written, unit, name of its scale factor

A group with a count repeats as often as the point of that name says. `symbols` names the codes of enumerations and the
bits of bit fields. Points are named by their path: `WSet`, `Crv[2].ActPt`, `Crv[2].MustTrip.Pt[1].V`; repetitions
count from 1. Source: SunSpec Device Information Model Specification, and the models' definitions.
"""

import struct
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import isnan
from typing import Any

Value = float | str | frozenset[str] | None
"""A number in its unit, the name of a code or a text, the names of the bits that are set; None: not implemented."""

HEAD = 2
"""Registers before a model's points: its number ID and its length L."""
_FORMATS = {
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "uint64": "Q",
    "enum16": "H",
    "bitfield16": "H",
    "bitfield32": "I",
    "sunssf": "h",
}
_LARGEST_SCALE = 10


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model."""

    name: str
    type: str
    size: int
    """Registers."""
    writable: bool = False
    unit: str = ""
    scale: str | None = None
    """The point that holds the power of ten which the value is to be multiplied by."""
    symbols: Mapping[int, str] = field(default_factory=dict)

    @property
    def absent(self) -> int:
        """What the registers hold when the device does not implement the point (or does not know its value now)."""
        highest = (1 << 16 * self.size) - 1
        return -(highest + 1) // 2 if _FORMATS[self.type].islower() else highest

    def decode(self, words: Sequence[int], exponent: int = 0) -> Value:
        """The value of the registers. Raises `ValueError` for a code or a scale factor that there is not."""
        data = struct.pack(f">{self.size}H", *words)
        if self.type == "string":
            return data.partition(b"\0")[0].decode("utf-8", "replace").strip() or None
        if self.type == "pad":
            return None
        (raw,) = struct.unpack(">" + _FORMATS[self.type], data)
        if raw == self.absent:
            return None
        if self.type.startswith("bitfield"):
            return frozenset(self.symbols.get(bit, f"bit {bit}") for bit in range(16 * self.size) if raw >> bit & 1)
        if self.symbols:
            if raw not in self.symbols:
                raise ValueError(f"unknown code {raw}")
            return self.symbols[raw]
        if self.type == "sunssf" and abs(raw) > _LARGEST_SCALE:
            raise ValueError(f"a scale factor is within -{_LARGEST_SCALE} to {_LARGEST_SCALE}, not {raw}")
        return float(round(raw * 10.0**exponent, 10))

    def encode(self, value: Value, exponent: int = 0) -> list[int]:
        """The registers of a value, a number clipped to what they can hold. Raises `ValueError` for an unknown
        name, and for NaN."""
        if self.type in ("string", "pad"):
            data = str(value or "").encode()[: 2 * self.size].ljust(2 * self.size, b"\0")
        else:
            data = struct.pack(">" + _FORMATS[self.type], self._raw(value, exponent))
        return list(struct.unpack(f">{self.size}H", data))

    def _raw(self, value: Value, exponent: int) -> int:
        match value:
            case None:
                return self.absent
            case str():
                return self._code(value)
            case frozenset():
                return sum(1 << self._code(name) for name in value)
        span = 1 << 16 * self.size
        signed = _FORMATS[self.type].islower()
        low, high = (1 - span // 2, span // 2 - 1) if signed else (0, span - 2)  # without the value that means absent
        if isnan(value):
            raise ValueError("not a number")
        return round(min(max(value / 10.0**exponent, low), high))

    def _code(self, wanted: str) -> int:
        for code, name in self.symbols.items():
            if name == wanted:
                return code
        raise ValueError(f"{self.name} knows no {wanted!r}, only {', '.join(self.symbols.values())}")


@dataclass(frozen=True, slots=True)
class Group:
    """Points, then the groups that follow them; `count` names the point that says how often the group repeats."""

    name: str
    count: str | None
    points: tuple[Point, ...]
    groups: tuple["Group", ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point of a device's model is, in registers from the model's ID."""

    path: str
    offset: int
    point: Point

    @property
    def end(self) -> int:
        """The register after its last one."""
        return self.offset + self.point.size


@cache
def model(number: int) -> Group:
    """The model of that number: 1, 701 to 715. Raises `FileNotFoundError` for another."""
    document = tomllib.loads((files(__package__) / "models" / f"{number}.toml").read_text())
    symbols = {
        name: dict(enumerate(names)) if isinstance(names, list) else {int(code): text for code, text in names.items()}
        for name, names in document.get("symbols", {}).items()
    }
    return _group(str(number), document, symbols)


def _group(name: str, table: Mapping[str, Any], symbols: Mapping[str, Mapping[int, str]]) -> Group:
    points = tuple(_point(point, text, symbols.get(point, {})) for point, text in table["points"].items())
    groups = tuple(_group(inner, rest, symbols) for inner, rest in table.get("groups", {}).items())
    return Group(name, table.get("count"), points, groups)


def _point(name: str, text: str, symbols: Mapping[int, str]) -> Point:
    rest, _, scale = text.partition(" x ") if " x " in text else (text, "", None)
    type_name, *words = rest.split()
    writable = "rw" in words
    unit = "".join(word for word in words if word != "rw")
    if type_name.startswith("string"):
        return Point(name, "string", int(type_name.removeprefix("string")), writable)
    size = 1 if type_name == "pad" else struct.calcsize(_FORMATS[type_name]) // 2
    return Point(name, type_name, size, writable, unit, scale, symbols)


def places(number: int, repeated: Mapping[str, int]) -> list[Place]:
    """All points of a model whose groups repeat as `repeated` says; without a count a group is not there."""
    return list(_lay(model(number), "", HEAD, repeated))


def _lay(group: Group, prefix: str, offset: int, repeated: Mapping[str, int]) -> Iterator[Place]:
    for point in group.points:
        yield Place(prefix + point.name, offset, point)
        offset += point.size
    for inner in group.groups:
        for path in _repetitions(inner, prefix, repeated):
            for place in _lay(inner, path, offset, repeated):
                yield place
                offset = place.end


def _repetitions(group: Group, prefix: str, repeated: Mapping[str, int]) -> Iterator[str]:
    if group.count is None:
        yield f"{prefix}{group.name}."
    else:
        yield from (f"{prefix}{group.name}[{index}]." for index in range(1, repeated.get(group.count, 0) + 1))


def counts(number: int) -> set[str]:
    """The points that say how often groups of the model repeat."""
    waiting, names = [model(number)], set[str]()
    while waiting:
        group = waiting.pop()
        waiting += group.groups
        names |= {group.count} if group.count else set()
    return names
