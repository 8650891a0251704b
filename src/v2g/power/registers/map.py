"""The register map of a device: quantities with address, type and scale, read from a YAML file.

    heartbeat_s: 0.1            # repeat the set-point at least this often
    quantities:
      control:           {address: 0x4000, type: u16, values: {0: "off", 1: voltage, 2: current, 3: power}}
      discharge_limit_w: {address: 0x4001, type: u16}
      power_w:           {address: 0x5003, type: i32, table: input, scale: -1}   # this device counts discharge positive

A value is `words x scale` in the unit that the name ends with; a negative scale turns the device's sign into ours.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, StrEnum
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from v2g.kernel.errors import V2GError
from v2g.power.registers.port import Table

Value = float | str | frozenset[str]
"""A number (a bit is 0 or 1), the name of a code, a text, or the names of the bits that are set."""

LARGEST_READ = 125
"""Words in one request (Modbus application protocol 1.1b3, 6.3)."""

_FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f"}
_INTEGER_RANGES = {"u16": (0, 0xFFFF), "i16": (-0x8000, 0x7FFF), "u32": (0, 0xFFFFFFFF), "i32": (-(2**31), 2**31 - 1)}


class RegisterMapError(V2GError):
    """A register map cannot be used. Names file, key and remedy, one line for each finding."""


class Kind(Enum):
    """What a quantity's value is."""

    NUMBER = "a number"
    CODE = "a code with names under values"
    FLAGS = "a bit field with names under bits"
    TEXT = "a string"


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity of a device."""

    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    """As in the request, counting from 0."""
    type: Literal["u16", "i16", "u32", "i32", "f32", "string", "bit"]
    table: Table = Table.HOLDING
    scale: float = 1.0
    words_swapped: bool = False
    """The least significant word comes first."""
    length: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_READ)] = 1
    """Words of a string."""
    values: dict[int, str] = {}
    """Names of the codes of an enumeration."""
    bits: dict[int, str] = {}
    """Names of the bits of a bit field; a bit without a name reads as `bit <number>`."""
    minimum: float | None = None
    maximum: float | None = None
    """A reading outside is implausible."""

    def __post_init__(self) -> None:
        if (self.type == "bit") != (self.table in (Table.COIL, Table.DISCRETE)):
            raise ValueError("type bit belongs to the tables coil and discrete, the other types to holding and input")
        if not (isfinite(self.scale) and self.scale):
            raise ValueError("scale must be a finite number other than 0")
        if (self.values or self.bits) and self.type not in ("u16", "u32"):
            raise ValueError("values and bits need the type u16 or u32")

    @property
    def count(self) -> int:
        """Words (or bits) that the quantity takes."""
        return {"string": self.length, "u32": 2, "i32": 2, "f32": 2}.get(self.type, 1)

    @property
    def kind(self) -> Kind:
        """What `decode` returns."""
        if self.type == "string":
            return Kind.TEXT
        return Kind.CODE if self.values else Kind.FLAGS if self.bits else Kind.NUMBER

    def decode(self, words: Sequence[int]) -> Value:
        """The value of `count` words. Raises `ValueError` for one that the quantity cannot have."""
        if self.type == "bit":
            return float(words[0])
        data = struct.pack(f">{self.count}H", *(reversed(words) if self.words_swapped else words))
        if self.type == "string":
            return data.rstrip(b"\0 ").decode("utf-8", "replace")
        (raw,) = struct.unpack(">" + _FORMATS[self.type], data)
        if self.values:
            if raw not in self.values:
                raise ValueError(f"unknown code {raw}")
            return self.values[raw]
        if self.bits:
            return frozenset(self.bits.get(bit, f"bit {bit}") for bit in range(16 * self.count) if raw >> bit & 1)
        value = round(float(raw) * self.scale, 9)  # 0.1 V steps read as 407.2, not 407.20000000000005
        low, high = self.minimum, self.maximum
        if not isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"{value:g} is implausible")
        return value

    def encode(self, value: Value) -> list[int]:
        """The words of `value`; a number beyond the type's range is clipped to it, never wrapped.

        Raises `ValueError` for a name that the quantity does not know.
        """
        if isinstance(value, str) and self.type == "string":
            data = value.encode()[: 2 * self.length].ljust(2 * self.length, b"\0")
        else:
            data = struct.pack(">" + _FORMATS.get(self.type, "H"), self._raw(value))
        words = list(struct.unpack(f">{self.count}H", data))
        return words[::-1] if self.words_swapped else words

    def _raw(self, value: Value) -> float:
        if isinstance(value, str):
            return _code(self.values, value)
        if isinstance(value, frozenset):
            return sum(1 << _code(self.bits, name) for name in value)
        if self.type == "f32":
            return value / self.scale
        if self.type == "bit":
            return int(value != 0)
        low, high = _INTEGER_RANGES[self.type]
        return min(max(round(value / self.scale), low), high)


def _code(names: Mapping[int, str], wanted: str) -> int:
    for code, name in names.items():
        if name == wanted:
            return code
    raise ValueError(f"no code for {wanted!r}: the map knows {', '.join(names.values()) or 'none'}")


class Span(msgspec.Struct, frozen=True):
    """Consecutive registers that one request reads, with the quantities in them."""

    table: Table
    address: int
    count: int
    names: tuple[str, ...]


class RegisterMap(msgspec.Struct, frozen=True):
    """The quantities of one device by name, and how to talk to it."""

    source: str
    """The file, for error messages."""
    quantities: dict[str, Quantity]
    heartbeat_s: float = 0.1
    """A set-point is repeated at least this often; below the device's watchdog time."""
    write_interval_s: float = 0.0
    """Changed set-points are not written more often than this; switching off is never held back."""
    largest_gap: int = 8
    """Unused registers that a block read may cross; 0 for a device that refuses to read unused registers."""

    def require(self, needed: Mapping[str, Kind | type[StrEnum]]) -> None:
        """Raises `RegisterMapError` unless the map has all these quantities, each of its kind.

        An enumeration stands for a code whose names are all among the enumeration's.
        """
        findings = []
        for name, kind in needed.items():
            wanted = kind if isinstance(kind, Kind) else Kind.CODE
            quantity = self.quantities.get(name)
            if quantity is None or quantity.kind is not wanted:
                findings.append(f"{self.source}: quantities.{name} must be there and be {wanted.value}")
            elif not isinstance(kind, Kind) and (unknown := set(quantity.values.values()) - set(kind)):
                findings.append(
                    f"{self.source}: quantities.{name}.values has {', '.join(sorted(unknown))}; "
                    f"known are {', '.join(kind)}"
                )
        if findings:
            raise RegisterMapError("\n".join(findings))

    def spans(self, names: Iterable[str]) -> tuple[Span, ...]:
        """The fewest block reads that cover the quantities."""
        chosen = sorted(names, key=lambda name: (self.quantities[name].table, self.quantities[name].address))
        spans: list[Span] = []
        for name in chosen:
            quantity = self.quantities[name]
            last = spans[-1] if spans else None
            end = quantity.address + quantity.count
            if (
                last is not None
                and last.table == quantity.table
                and quantity.address - (last.address + last.count) <= self.largest_gap
                and end - last.address <= LARGEST_READ
            ):
                count = max(last.count, end - last.address)
                spans[-1] = Span(last.table, last.address, count, (*last.names, name))
            else:
                spans.append(Span(quantity.table, quantity.address, quantity.count, (name,)))
        return tuple(spans)


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantities: dict[str, dict[str, object]]
    heartbeat_s: Annotated[float, msgspec.Meta(gt=0)] = 0.1
    write_interval_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    largest_gap: Annotated[int, msgspec.Meta(ge=0)] = 8


def load(path: Path) -> RegisterMap:
    """Reads a register map. Raises `RegisterMapError` with all findings."""
    try:
        text = path.read_text()
    except OSError as error:
        raise RegisterMapError(f"{path}: {error.strerror}; name a readable register map") from error
    return parse(text, str(path))


@cache
def shipped(name: str) -> RegisterMap:
    """The map of that name which comes with the package: `inverter`, `meter`, `isolation`, `contactor`, `grid`."""
    return parse((files(__package__) / f"{name}.yaml").read_text(), f"{name}.yaml")


def parse(text: str, source: str) -> RegisterMap:
    """A register map from YAML. Raises `RegisterMapError` with all findings."""
    try:
        header = msgspec.convert(yaml.safe_load(text), _Header)
    except yaml.YAMLError as error:
        raise RegisterMapError(f"{source}: not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise RegisterMapError(f"{source}: {error}; see v2g.power.registers.map for the form") from error
    quantities: dict[str, Quantity] = {}
    findings: list[str] = []
    for name, fields in header.quantities.items():
        try:
            quantities[name] = msgspec.convert(fields, Quantity)
        except msgspec.ValidationError as error:
            findings.append(f"{source}: quantities.{name}: {error}; correct or remove it")
    if findings:
        raise RegisterMapError("\n".join(findings))
    return RegisterMap(source, quantities, header.heartbeat_s, header.write_interval_s, header.largest_gap)
