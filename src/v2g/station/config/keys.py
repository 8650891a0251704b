"""Every key that a configuration file may have: its type, its unit, its default. For the reference and the commands."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import Struct, inspect

from v2g.kernel.admitted import admitted, beside_null
from v2g.station.config.leaves import defaults, joined

UNITS = {
    "_w_per_hz": "W/Hz", "_w_per_s": "W/s", "_w_per_k": "W/K", "_j_per_k": "J/K", "_per_kwh": "currency/kWh",
    "_per_kw": "currency/kW", "_per_s": "1/s", "_w": "W", "_var": "var", "_va": "VA", "_wh": "Wh", "_v": "V", "_a": "A",
    "_hz": "Hz", "_s": "s", "_c": "°C", "_k": "K", "_ohm": "Ohm", "_db": "dB", "_dbm": "dBm", "_percent": "%",
    "_share": "share", "_soc": "share", "efficiency": "share", "_mib": "MiB", "_bytes": "bytes",
}  # fmt: skip
"""End of a name -> unit; the longest end counts."""


@dataclass(frozen=True)
class Key:
    """One key."""

    path: str
    """With `[]` for each item of a list."""
    owner: type[Struct]
    """The mapping that it stands in."""
    kind: inspect.Type
    default: object
    """`leaves.NEEDED` if it must be written."""
    below: type[Struct] | None
    """Of a mapping, or of a list of them: the type."""

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2].removesuffix("[]")

    @property
    def unit(self) -> str:
        """Empty for what has none."""
        ends = [end for end in UNITS if self.name.endswith(end)]
        return UNITS[max(ends, key=len)] if ends else ""

    @property
    def admits(self) -> str:
        """In words, which values it takes."""
        if self.below is not None:
            return "a list of mappings" if self.path.endswith("[]") else "a mapping"
        text = admitted(self.kind)
        return f"{text}, or null" if isinstance(self.kind, inspect.UnionType) else text


def keys(kind: type[Struct], path: str = "", instance: object = None) -> Iterator[Key]:
    """All keys of a mapping and of those below it. `instance`: the mapping that is the default, if there is one."""
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    own = defaults(kind)
    for field in found.fields:
        default = own[field.name] if instance is None else getattr(instance, field.name)
        inner, is_list = _mapping_in(field.type)
        place = joined(path, field.name) + ("[]" if is_list else "")
        yield Key(place, kind, field.type, default, inner)
        if inner is not None:
            yield from keys(inner, place, default if isinstance(default, inner) else None)


def _mapping_in(kind: inspect.Type) -> tuple[type[Struct] | None, bool]:
    """The mapping that a type holds, or None; and whether it is a list of them."""
    match kind:
        case inspect.UnionType():
            return _mapping_in(beside_null(kind))
        case inspect.Metadata():
            return _mapping_in(kind.type)
        case inspect.StructType():
            return kind.cls, False
        case inspect.VarTupleType():
            inner, _ = _mapping_in(kind.item_type)
            return inner, inner is not None
        case _:
            return None, False


def all_mappings(kind: type[Struct]) -> list[type[Struct]]:
    """Every type of mapping in a file, each once."""
    return list(dict.fromkeys([kind, *(key.below for key in keys(kind) if key.below is not None)]))
