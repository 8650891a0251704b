"""Lifts the text of an older configuration file: old names, old forms of an address, old values.

The text is edited at the places that the parser reports, so whatever else is in it stays as it was written: comments,
order, quotes, anchors.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

import yaml
from msgspec import Struct, inspect
from msgspec.structs import replace

from v2g.kernel.admitted import beside_null
from v2g.kernel.bounded_yaml import BoundedLoader
from v2g.power.address import AddressError, parse
from v2g.station.config.rules import OLD_KEYS, OLD_VALUES
from v2g.station.config.settings import Device

_MERGE = "tag:yaml.org,2002:merge"


class Edit(NamedTuple):
    """The characters from `start` to `end` are replaced."""

    start: int
    end: int
    text: str
    line: int
    says: str
    """For a person; empty for an edit that belongs to another one."""


class Lifted(NamedTuple):
    """What became of a text."""

    text: str
    changes: list[str]
    """A line for each, in the order of the text: `line 4: connectors: -> evses:`."""


def lift(text: str, kind: type[Struct]) -> Lifted:
    """Lift a text. Raises `yaml.YAMLError` and `TooLarge`, for what `reader.read` refuses too."""
    root = BoundedLoader(text).get_single_node()
    edits = sorted(set(_edits(text, root, inspect.type_info(kind), set()))) if root is not None else []
    for each in reversed(edits):
        text = text[: each.start] + each.text + text[each.end :]
    return Lifted(text, [f"line {each.line}: {each.says}" for each in edits if each.says])


def _edits(text: str, node: yaml.Node, kind: inspect.Type, seen: set[int]) -> Iterator[Edit]:
    while isinstance(kind, inspect.UnionType | inspect.Metadata):
        kind = kind.type if isinstance(kind, inspect.Metadata) else beside_null(kind)
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    match kind, node:
        case inspect.VarTupleType(), yaml.SequenceNode():
            for item in node.value:
                yield from _edits(text, item, kind.item_type, seen)
        case inspect.StructType(), yaml.MappingNode():
            yield from _edits_of_mapping(text, node, kind, seen)


def _edits_of_mapping(text: str, node: yaml.MappingNode, kind: inspect.StructType, seen: set[int]) -> Iterator[Edit]:
    names, values = OLD_KEYS.get(kind.cls, {}), OLD_VALUES.get(kind.cls, {})
    fields = {each.name: each.type for each in kind.fields}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.tag == _MERGE:
            for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _edits(text, each, kind, seen)
            continue
        name = names.get(key.value, key.value)
        if name != key.value:
            yield _replaced(key, name, f"{key.value}: -> {name}:")
        new = values.get(name, {}).get(value.value) if isinstance(value, yaml.ScalarNode) else None
        if new is not None:
            yield _replaced(value, new, f"{name}: {value.value} -> {new}")
        if name in fields:
            yield from _edits(text, value, fields[name], seen)
    if kind.cls is Device:
        yield from _address(text, node)


def _replaced(node: yaml.Node, text: str, says: str) -> Edit:
    return Edit(node.start_mark.index, node.end_mark.index, text, node.start_mark.line + 1, says)


def _address(text: str, node: yaml.MappingNode) -> Iterator[Edit]:
    """`address: HOST:PORT` with `unit: N` beside it becomes one URL."""
    scalars: Mapping[str, yaml.ScalarNode] = {
        key.value: value for key, value in node.value if isinstance(value, yaml.ScalarNode)
    }
    address, number, driver = (scalars.get(name) for name in ("address", "unit", "driver"))
    if address is None or "://" in address.value:
        return
    with suppress(AddressError, ValueError):
        unit = int(number.value) if number is not None else None
        new = str(parse(address.value, unit, driver.value if driver is not None else None))
        beside = f", unit {unit}" if unit is not None else ""
        yield _replaced(address, f'"{new}"', f"address: {address.value}{beside} -> {new}")
        if number is not None:
            place = next(index for index, (_, value) in enumerate(node.value) if value is number)
            yield _removed(text, node, place)


def _removed(text: str, node: yaml.MappingNode, place: int) -> Edit:
    """Takes an entry out of a mapping. A comment behind it stays."""
    key, value = node.value[place]
    start, end = key.start_mark.index, value.end_mark.index
    after = node.value[place + 1][0].start_mark.index if place + 1 < len(node.value) else end
    if node.flow_style:
        start, end = (node.value[place - 1][1].end_mark.index, end) if place else (start, after)
    else:
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", end)
        line_end = len(text) if line_end < 0 else line_end
        if not text[end:line_end].strip():
            alone = not text[line_start:start].strip()
            start, end = (line_start, min(line_end + 1, len(text))) if alone else (start, after)
    return Edit(start, end, "", key.start_mark.line + 1, "")


def modern(settings: Struct) -> Struct:
    """The same settings with each address as a URL: for the comparison of a text with what became of it."""
    lifted = _modern(settings)
    assert isinstance(lifted, Struct)
    return lifted


def _modern(value: object) -> object:
    if isinstance(value, Device):
        return replace(value, address=str(value.where), unit=None)
    if isinstance(value, Struct):
        return replace(value, **{name: _modern(getattr(value, name)) for name in value.__struct_fields__})
    return tuple(map(_modern, value)) if isinstance(value, tuple) else value
