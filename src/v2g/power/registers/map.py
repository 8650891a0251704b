"""The register map of a device: quantities with address, type and scale, read from a YAML file.

    heartbeat_s: 0.1            # repeat the set-point at least this often
    quantities:
      control:           {address: 0x4000, type: u16, values: {0: "off", 1: voltage, 2: current, 3: power}}
      discharge_limit_w: {address: 0x4001, type: u16}
      power_w:           {address: 0x5003, type: i32, table: input, scale: -1}   # this device counts discharge positive

Scale, codes, flags and limits are those of `v2g.power.quantity.Coded`.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from v2g.kernel import regular_file
from v2g.power.quantity import Coded, Kind, MapError, Needed, Value, read_map, require
from v2g.power.registers.port import Table

LARGEST_READ = 125
"""Words in one request (Modbus application protocol 1.1b3, 6.3)."""

_FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f"}
_COUNTS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "bit": 1}
_NUMBERS = {name: struct.Struct(f">{form}") for name, form in _FORMATS.items()}
_WORDS = {1: struct.Struct(">H"), 2: struct.Struct(">2H")}
_LARGEST_F32 = struct.unpack(">f", bytes.fromhex("7f7fffff"))[0]
_RANGES = {
    "u16": (0, 0xFFFF),
    "i16": (-0x8000, 0x7FFF),
    "u32": (0, 0xFFFFFFFF),
    "i32": (-(2**31), 2**31 - 1),
    "f32": (-_LARGEST_F32, _LARGEST_F32),
    "bit": (0, 1),
}


class Quantity(Coded, frozen=True, forbid_unknown_fields=True):
    """One quantity of a device."""

    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    """As in the request, counting from 0."""
    type: Literal["u16", "i16", "u32", "i32", "f32", "string", "bit"]
    table: Table = Table.HOLDING
    words_swapped: bool = False
    """The least significant word comes first."""
    length: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_READ)] = 1
    """Words of a string."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.type == "bit") != (self.table in (Table.COIL, Table.DISCRETE)):
            raise ValueError("type bit belongs to the tables coil and discrete, the other types to holding and input")
        if (self.values or self.bits) and self.type not in ("u16", "u32"):
            raise ValueError("values and bits need the type u16 or u32")
        if self.address + self.count > 0x10000:
            raise ValueError("it reaches beyond the last register, 0xFFFF")

    @property
    def count(self) -> int:
        """Words (or bits) that the quantity takes."""
        return self.length if self.type == "string" else _COUNTS[self.type]

    @property
    def kind(self) -> Kind:
        """What `decode` returns."""
        return Kind.TEXT if self.type == "string" else super().kind

    def decode(self, words: Sequence[int]) -> Value:
        """The value of `count` words. Raises `ValueError` for one that the quantity cannot have."""
        if self.type == "bit":
            return float(words[0])
        if self.type == "u16":
            return self.value_of(words[0])
        if self.words_swapped:
            words = words[::-1]
        if self.type == "string":
            return struct.pack(f">{self.count}H", *words).rstrip(b"\0 ").decode("utf-8", "replace")
        (raw,) = _NUMBERS[self.type].unpack(_WORDS[len(words)].pack(*words))
        return self.value_of(raw)

    def encode(self, value: Value) -> list[int]:
        """The words of `value`; a number beyond the range of the type is clipped to it, never wrapped.

        Raises `ValueError` for NaN, and for a name that the quantity does not know.
        """
        if isinstance(value, str) and self.type == "string":
            data = value.encode()[: 2 * self.length].ljust(2 * self.length, b"\0")
        elif self.type == "f32":
            data = struct.pack(">f", self.raw_of(value, *_RANGES["f32"]))
        elif self.type == "bit":
            data = struct.pack(">H", self.raw_of(value, 0, 1) != 0)
        else:
            data = struct.pack(">" + _FORMATS[self.type], round(self.raw_of(value, *_RANGES[self.type])))
        words = list(struct.unpack(f">{self.count}H", data))
        return words[::-1] if self.words_swapped else words


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

    def require(self, needed: Needed, optional: Collection[str] = ()) -> None:
        """Raises `MapError` unless the map has all these quantities, each of its kind, and none is misspelt."""
        require(self.source, self.quantities, needed, optional)

    def spans(self, names: Iterable[str], largest_gap: int | None = None) -> tuple[Span, ...]:
        """The fewest block reads that cover the quantities. `largest_gap`: instead of the map's."""
        gap = self.largest_gap if largest_gap is None else largest_gap
        chosen = sorted(names, key=lambda name: (self.quantities[name].table, self.quantities[name].address))
        spans: list[Span] = []
        for name in chosen:
            quantity = self.quantities[name]
            last = spans[-1] if spans else None
            end = quantity.address + quantity.count
            if (
                last is not None
                and last.table == quantity.table
                and quantity.address - (last.address + last.count) <= gap
                and end - last.address <= LARGEST_READ
            ):
                count = max(last.count, end - last.address)
                spans[-1] = Span(last.table, last.address, count, (*last.names, name))
            else:
                spans.append(Span(quantity.table, quantity.address, quantity.count, (name,)))
        return tuple(spans)


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantities: dict[str, dict[str, object]]
    heartbeat_s: Annotated[float, msgspec.Meta(ge=0.02)] = 0.1
    write_interval_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    largest_gap: Annotated[int, msgspec.Meta(ge=0)] = 8


def load(path: Path) -> RegisterMap:
    """Reads a register map. Raises `MapError` with all findings."""
    try:
        text = regular_file.read_text(path)
    except OSError as error:
        raise MapError(f"{path}: {error.strerror}; name a readable register map") from error
    return parse(text, str(path))


@cache
def shipped(name: str) -> RegisterMap:
    """The map of that name which comes with the package: `inverter`, `meter`, `isolation`, `contactor`, `grid`, ..."""
    return parse((files(__package__) / f"{name}.yaml").read_text(), f"{name}.yaml")


def parse(text: str, source: str) -> RegisterMap:
    """A register map from YAML. Raises `MapError` with all findings."""
    header, quantities = read_map(text, source, _Header, Quantity)
    if findings := list(_overlaps(quantities)):
        raise MapError("\n".join(f"{source}: quantities.{finding}" for finding in findings))
    return RegisterMap(source, quantities, header.heartbeat_s, header.write_interval_s, header.largest_gap)


def _overlaps(quantities: Mapping[str, Quantity]) -> Iterator[str]:
    """Quantities in the same registers. One register may hold several on purpose: each but one then says so."""
    owners: dict[tuple[Table, int], str] = {}
    for name, quantity in sorted(quantities.items(), key=lambda item: item[1].shared):
        for address in range(quantity.address, quantity.address + quantity.count):
            owner = owners.setdefault((quantity.table, address), name)
            if owner != name and not quantity.shared:
                remedy = "correct the address, or say `shared: true` if that is meant"
                yield f"{name}: register 0x{address:04X} is that of {owner} too; {remedy}"
                break
