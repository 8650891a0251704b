"""A quantity of a device as its map describes it, whatever carries it: scale, codes, flags, limits.

Registers (`v2g.power.registers`) and CAN signals (`v2g.power.signals`) say where the raw number is; what it means is
here. A value is `raw x scale` in the unit that the quantity's name ends with; a negative scale turns the device's sign
into ours.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import Enum, StrEnum
from math import isfinite, isnan
from typing import Any, TypeVar

import msgspec
import yaml

from v2g.kernel import bounded_yaml
from v2g.kernel.errors import V2GError
from v2g.kernel.nearest import with_nearest

Value = float | str | frozenset[str]
"""A number (a bit is 0 or 1), the name of a code, a text, or the names of the bits that are set."""


class MapError(V2GError):
    """A device's map cannot be used. Names file, key and remedy, one line for each finding."""


class Kind(Enum):
    """What a quantity's value is."""

    NUMBER = "a number"
    CODE = "a code with names under values"
    FLAGS = "a bit field with names under bits"
    TEXT = "a string"


Needed = Mapping[str, Kind | type[StrEnum]]
"""Quantities that a driver reads or writes, by name. An enumeration stands for a code whose names are all in it."""


class Coded(msgspec.Struct, frozen=True, kw_only=True):
    """What a raw number of a device means."""

    scale: float = 1.0
    values: dict[int, str] = {}
    """Names of the codes of an enumeration."""
    bits: dict[int, str] = {}
    """Names of the bits of a bit field; a bit without a name reads as `bit <number>`."""
    minimum: float | None = None
    maximum: float | None = None
    """A reading outside is implausible, a command is clipped to it."""
    shared: bool = False
    """Other quantities are in the same place on purpose."""

    def __post_init__(self) -> None:
        if not (isfinite(self.scale) and self.scale):
            raise ValueError("scale must be a finite number other than 0")
        if self.values and self.bits:
            raise ValueError("a quantity has either values or bits")
        if self.minimum is not None and self.maximum is not None and not self.minimum <= self.maximum:
            raise ValueError("minimum must not be above maximum")

    @property
    def kind(self) -> Kind:
        """What a reading returns."""
        return Kind.CODE if self.values else Kind.FLAGS if self.bits else Kind.NUMBER

    def value_of(self, raw: float) -> Value:
        """What a raw number means. Raises `ValueError` for one that the quantity cannot have."""
        if self.values:
            if raw not in self.values:
                raise ValueError(f"unknown code {raw}")
            return self.values[int(raw)]
        if self.bits:
            flags = int(raw)
            return frozenset(self.bits.get(bit, f"bit {bit}") for bit in range(flags.bit_length()) if flags >> bit & 1)
        scale, low, high = self.scale, self.minimum, self.maximum
        # 0.1 V steps read as 407.2, not 407.20000000000005
        value = float(raw) if scale == 1.0 and isinstance(raw, int) else round(raw * scale, 9)
        if not isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"{value:g} is implausible")
        return value

    def raw_of(self, value: Value, low: float, high: float) -> float:
        """The raw number for a value, from `low` to `high`. A number beyond the range is clipped, never wrapped.

        Raises `ValueError` for NaN, and for a name that the quantity does not know.
        """
        if isinstance(value, str):
            return _code(self.values, value)
        if isinstance(value, frozenset):
            return sum(1 << _code(self.bits, name) for name in value)
        if isnan(value):
            raise ValueError("not a number")
        return min(max(value / self.scale, low), high)

    def limited(self, value: Value) -> Value:
        """A command within the quantity's own limits."""
        if not isinstance(value, float):
            return value
        if self.minimum is not None:
            value = max(value, self.minimum)
        return value if self.maximum is None else min(value, self.maximum)


def _code(names: Mapping[int, str], wanted: str) -> int:
    for code, name in names.items():
        if name == wanted:
            return code
    raise ValueError(f"no code for {wanted!r}: the map knows {', '.join(names.values()) or 'none'}")


Q = TypeVar("Q", bound=Coded)
H = TypeVar("H", bound=msgspec.Struct)


def read_map(text: str, source: str, header_type: type[H], quantity_type: type[Q]) -> tuple[H, dict[str, Q]]:
    """The head and the quantities of a map in YAML; the head has the raw quantities under `quantities`.

    Raises `MapError` with all findings.
    """
    try:
        header = msgspec.convert(bounded_yaml.load(text), header_type)
    except bounded_yaml.TooLarge as error:
        raise MapError(f"{source}:{error}") from error
    except msgspec.ValidationError as error:
        raise MapError(
            f"{source}: {with_nearest(error, header_type)}; see {quantity_type.__module__} for the form"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise MapError(f"{source}: not YAML: {error}; see https://yaml.org for the form") from error
    raw: Mapping[str, Any] = getattr(header, "quantities")  # noqa: B009 - every header has it
    quantities: dict[str, Q] = {}
    findings: list[str] = []
    for name, fields in raw.items():
        try:
            quantities[name] = msgspec.convert(fields, quantity_type)
        except msgspec.ValidationError as error:
            findings.append(f"{source}: quantities.{name}: {with_nearest(error, quantity_type)}; correct or remove it")
    if findings:
        raise MapError("\n".join(findings))
    return header, quantities


def require(source: str, quantities: Mapping[str, Coded], needed: Needed, optional: Collection[str] = ()) -> None:
    """Raises `MapError` unless all that is needed is there, each of its kind, and nothing is misspelt."""
    findings = [*_unfit(quantities, needed), *_misspelt(quantities, needed, optional)]
    if findings:
        raise MapError("\n".join(f"{source}: quantities.{finding}" for finding in findings))


def _unfit(quantities: Mapping[str, Coded], needed: Needed) -> Iterator[str]:
    for name, kind in needed.items():
        wanted, quantity = kind if isinstance(kind, Kind) else Kind.CODE, quantities.get(name)
        if quantity is None:
            yield f"{name}: missing; add it, {wanted.value}"
        elif quantity.kind is not wanted:
            yield f"{name}: is {quantity.kind.value}; must be {wanted.value}"
        elif not isinstance(kind, Kind) and (unknown := set(quantity.values.values()) - set(kind)):
            yield f"{name}.values: has {', '.join(sorted(unknown))}; known are {', '.join(kind)}"


def _misspelt(quantities: Mapping[str, Coded], needed: Needed, optional: Collection[str]) -> Iterator[str]:
    """Names that nobody reads and that resemble one which is missing."""
    absent = [name for name in (*needed, *optional) if name not in quantities]
    unread = [name for name in quantities if name not in needed and name not in optional]
    if absent and unread:
        from difflib import get_close_matches  # only for a map that has both

        for name in unread:
            for match in get_close_matches(name, absent, n=1, cutoff=0.8):
                yield f"{name}: nobody reads it; did you mean {match}?"
