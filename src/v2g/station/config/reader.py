"""Reads a configuration text into typed settings: all findings at once, each with its place and its remedy.

The types say what each field may be; `Rules` say what fields fulfil together, and which keys had another name. Nothing
here knows a station, and nothing here opens a file. What a damaged or hostile text costs is bounded: its size, its
nesting, the number of its values, and the findings that are listed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import inspect

from v2g.kernel.admitted import admitted, beside_null
from v2g.kernel.bounded_yaml import DEEPEST, MOST_VALUES, BoundedLoader, TooLarge, position
from v2g.kernel.errors import V2GError
from v2g.kernel.nearest import did_you_mean

LARGEST_BYTES = 1_000_000
LISTED = 50
"""List at most this many findings."""

T = TypeVar("T")
Fields = dict[str, Any]
"""A mapping of the text: its valid fields, the defaults of those left out, nothing for those that are wrong."""
Findings = Iterator[tuple[str, str]]
"""Path below the mapping, and what is wrong with it."""
Rule = Callable[[Fields], Findings]
"""What fields of one mapping fulfil together. A `KeyError` means that a field it needs is wrong itself."""


@dataclass(frozen=True)
class Rules:
    """What the types cannot say, each by the type of the mapping that it is about."""

    errors: Mapping[type, tuple[Rule, ...]] = field(default_factory=dict)
    warnings: Mapping[type, tuple[Rule, ...]] = field(default_factory=dict)
    """What is read all the same, but should be looked at or written in another way."""
    old_keys: Mapping[type, Mapping[str, str]] = field(default_factory=dict)
    """Keys that were renamed: old name -> new name."""


class ConfigurationError(V2GError):
    """The text cannot be used. One line for each finding: `file:line:column: path: what is wrong; remedy`."""


def read(content: bytes, source: str, kind: type[T], rules: Rules, directory: Path) -> tuple[T, list[str]]:
    """The settings in `content`, and a line for each warning.

    `source`: the name of the file, for messages. `directory`: where relative paths in it start. Raises
    `ConfigurationError` with every finding, of which at most `LISTED` are listed.
    """
    settings, warnings, _ = read_with_places(content, source, kind, rules, directory)
    return settings, warnings


def read_with_places(
    content: bytes, source: str, kind: type[T], rules: Rules, directory: Path
) -> tuple[T, list[str], dict[str, int]]:
    """The same, and the line of each key that the text has, by its path: `evses[0].port`."""
    reader = _Reader(rules, directory)
    try:
        root = _composed(content, source)
        reader.check_duplicates(root)
        fields = reader.read(root, inspect.type_info(kind), "")
    except TooLarge as error:
        raise ConfigurationError(f"{source}:{error}") from error
    if reader.findings:
        lines = _lines(source, reader.findings)
        more = len(lines) - LISTED
        raise ConfigurationError("\n".join([*lines[:LISTED], *([f"{source}: and {more} more"] if more > 0 else [])]))
    settings = msgspec.convert(fields, kind, dec_hook=lambda wanted, value: wanted(value))
    return settings, _lines(source, reader.warnings), reader.places


def _lines(source: str, found: list[tuple[yaml.Mark, str]]) -> list[str]:
    """The findings in the order of the text."""
    ordered = sorted(found, key=lambda each: (each[0].line, each[0].column))
    return [f"{source}:{position(mark)} {text}" for mark, text in ordered]


def _composed(content: bytes, source: str) -> yaml.Node:
    """The root node. Raises `ConfigurationError` for what is not YAML, `TooLarge`."""
    if len(content) > LARGEST_BYTES:
        raise TooLarge(f" larger than {LARGEST_BYTES // 1000} kB; is this the configuration?")
    try:
        root = BoundedLoader(content).get_single_node()
    except yaml.MarkedYAMLError as error:
        place = position(error.problem_mark) if error.problem_mark else ""
        hint = "indent with spaces" if "'\\t'" in str(error.problem) else "see https://yaml.org for the form"
        raise ConfigurationError(f"{source}:{place} not YAML: {error.problem}; {hint}") from error
    except yaml.reader.ReaderError as error:
        reason = f"{error.reason} at position {error.position}"
        raise ConfigurationError(f"{source}: not YAML: {reason}; write it as UTF-8 text") from error
    if root is None:
        raise ConfigurationError(f"{source}: the file is empty; `v2g config example` prints one")
    return root


_WRONG = object()
"""Stands for a value that has been reported."""

_NULL, _BOOL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

_Entries = dict[str, tuple[yaml.Node, yaml.Node]]
"""Name of a key -> the key's node and the value's."""


class _Reader:
    """Walks through the nodes along the types."""

    def __init__(self, rules: Rules, directory: Path) -> None:
        self.findings: list[tuple[yaml.Mark, str]] = []
        self.warnings: list[tuple[yaml.Mark, str]] = []
        self._rules, self._directory = rules, directory
        self._marks: dict[str, yaml.Mark] = {}
        self._entries: dict[int, _Entries] = {}
        """By the identity of the mapping's node."""
        self._defaults: dict[type, Fields] = {}
        self._values = self._guesses = 0

    @property
    def places(self) -> dict[str, int]:
        """Path of each value that the text has -> its line, counted from 1."""
        return {path: mark.line + 1 for path, mark in self._marks.items()}

    def check_duplicates(self, root: yaml.Node) -> None:
        """A key that is there twice: YAML would silently take the last."""
        waiting, seen = [root], set[int]()
        while waiting:
            node = waiting.pop()
            if id(node) in seen:  # an alias
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                waiting += node.value
            elif isinstance(node, yaml.MappingNode):
                keys: dict[str, yaml.Node] = {}
                for key, value in node.value:
                    waiting.append(value)
                    if not isinstance(key, yaml.ScalarNode):
                        self._report(key, "a key must be a single word")
                    elif (first := keys.setdefault(key.value, key)) is not key:
                        self._report(key, f"{key.value}: also in line {first.start_mark.line + 1}; keep one of them")

    def read(self, node: yaml.Node, kind: inspect.Type, path: str) -> object:
        """The value of a node; `_WRONG` once it has been reported."""
        self._values += 1
        if self._values > MOST_VALUES:
            place = position(node.start_mark)
            raise TooLarge(f"{place} more than {MOST_VALUES} values with all aliases; write fewer of them")
        self._marks[path] = node.start_mark
        is_null, described = node.tag == _NULL, kind
        if isinstance(kind, inspect.UnionType):
            if is_null:
                return None
            described = beside_null(kind)
        kind = described.type if isinstance(described, inspect.Metadata) else described
        match kind, node:
            case inspect.StructType(), yaml.MappingNode():
                return self._read_mapping(node, self._entries_of(node), kind, path)
            case inspect.StructType(), _ if is_null:  # all its keys are commented out
                return self._read_mapping(node, {}, kind, path)
            case inspect.VarTupleType(), yaml.SequenceNode() if len(node.value) >= (kind.min_length or 0):
                items = [self.read(item, kind.item_type, f"{path}[{i}]") for i, item in enumerate(node.value)]
                return _WRONG if _WRONG in items else items
            case inspect.DictType(), yaml.MappingNode():
                entries = self._entries_of(node).items()
                return {name: self.read(value, _resolved(value), f"{path}.{name}") for name, (_, value) in entries}
            case ((inspect.StructType() | inspect.VarTupleType() | inspect.DictType()), _):
                pass
            case _, yaml.ScalarNode() if not is_null:
                with suppress(ValueError, OverflowError):
                    return _scalar(node, kind, self._directory)
        hint = self._hint(node, kind)
        self._report(node, f"{path or 'the file'}: {_found(node)}; must be {admitted(described)}{hint}")
        return {} if isinstance(kind, inspect.StructType) else _WRONG

    def _entries_of(self, node: yaml.MappingNode, depth: int = 0) -> _Entries:
        """The entries of a mapping, with those that it merges (`<<`); its own come first."""
        known = self._entries.get(id(node))
        if known is not None:
            return known
        if depth > DEEPEST:
            raise TooLarge(f"{position(node.start_mark)} merged more than {DEEPEST} deep; write its keys out")
        entries: _Entries = {}
        self._entries[id(node)] = entries
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                entries.setdefault(key.value, (key, value))
        for key, value in node.value:
            if key.tag == _MERGE:
                for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(each, yaml.MappingNode):
                        entries |= {
                            name: pair
                            for name, pair in self._entries_of(each, depth + 1).items()
                            if name not in entries
                        }
                    else:
                        self._report(each, f"<<: {_found(each)}; must be a mapping, or a list of mappings")
        return entries

    def _read_mapping(self, node: yaml.Node, entries: _Entries, kind: inspect.StructType, path: str) -> Fields:
        known = {each.name: each for each in kind.fields}
        old_keys = self._rules.old_keys.get(kind.cls, {})
        start = f"{path}." if path else ""
        values: Fields = {}
        for name, (key, value) in entries.items():
            new = old_keys.get(name, name)
            if new not in known:
                remedy = self._guess(name, known) or f"the keys here are {', '.join(known)}"
                self._report(key, f"{start}{name}: unknown key; {remedy}")
                continue
            if new != name and new in entries:
                self._report(key, f"{start}{name}: the old name of {new}, which is there too; remove `{name}`")
                continue
            if new != name:
                line = f"{new}: {value.value}" if isinstance(value, yaml.ScalarNode) else f"{new}:"
                self.warnings.append((key.start_mark, f"{start}{name}: the old name; write `{line}`"))
            values[new] = self.read(value, known[new].type, start + new)
        for each in kind.fields:
            if each.required and each.name not in values:
                self._report(node, f"{start}{each.name}: missing; add {admitted(each.type)}")
        fields = self._default(kind) | values
        fields = {name: fields[name] for name in known if name in fields and fields[name] is not _WRONG}
        for rules, found in ((self._rules.errors, self.findings), (self._rules.warnings, self.warnings)):
            for rule in rules.get(kind.cls, ()):
                with suppress(KeyError, msgspec.ValidationError):  # a field that the rule needs is wrong itself
                    for name, text in rule(fields):
                        place = (start + name).rstrip(".")
                        found.append((self._marks.get(place, node.start_mark), f"{place}: {text}"))
        return fields

    def _default(self, kind: inspect.StructType) -> Fields:
        """The values of the fields that may be left out."""
        if kind.cls not in self._defaults:
            self._defaults[kind.cls] = {
                each.name: msgspec.to_builtins(
                    each.default if each.default_factory is msgspec.NODEFAULT else each.default_factory(), enc_hook=str
                )
                for each in kind.fields
                if not each.required
            }
        return self._defaults[kind.cls]

    def _hint(self, node: yaml.Node, kind: inspect.Type) -> str:
        match kind, node:
            case inspect.LiteralType(), yaml.ScalarNode() if meant := self._guess(node.value, map(str, kind.values)):
                return f" ({meant})"
            case ((inspect.IntType() | inspect.FloatType()), yaml.ScalarNode()) if node.style:
                return ", without quotes"
            case ((inspect.StrType() | inspect.CustomType()), yaml.ScalarNode()) if not node.value.isprintable():
                return ", without control characters"
        return ""

    def _guess(self, word: str, known: Iterable[str]) -> str:
        """Comparing words takes time: not of very many, nor of very long ones."""
        self._guesses += 1
        return "" if self._guesses > LISTED else did_you_mean(word, known)

    def _report(self, node: yaml.Node, text: str) -> None:
        self.findings.append((node.start_mark, text))


def _resolved(node: yaml.Node) -> inspect.Type:
    """The type of a value that may be a number, a word, or true or false."""
    if node.tag == _BOOL:
        return inspect.BoolType()
    return inspect.FloatType() if node.tag in _NUMBERS else inspect.StrType(min_length=1)


def _scalar(node: yaml.ScalarNode, kind: inspect.Type, directory: Path) -> object:
    """Numbers and texts are taken as they are written, not as YAML resolves them: `0660` is no octal number here,
    `1:30` no sexagesimal one. Raises `ValueError`."""
    text: str = node.value
    quoted = node.style is not None
    match kind:
        case inspect.BoolType() if node.tag == _BOOL and text.lower() in yaml.SafeLoader.bool_values:
            return yaml.SafeLoader.bool_values[text.lower()]
        case inspect.IntType() | inspect.FloatType() if not quoted:
            value = int(text) if isinstance(kind, inspect.IntType) else float(text)
            bounds = (
                isfinite(value),
                kind.ge is None or value >= kind.ge,
                kind.gt is None or value > kind.gt,
                kind.le is None or value <= kind.le,
            )
            if all(bounds):
                return value
        case inspect.StrType():
            long_enough = len(text) >= (kind.min_length or 0)
            short_enough = kind.max_length is None or len(text) <= kind.max_length
            fits = kind.pattern is None or re.search(kind.pattern, text)
            if long_enough and short_enough and text.isprintable() and fits:
                return text
        case inspect.LiteralType():
            for choice in kind.values:
                if str(choice) == text:
                    return choice
        case inspect.CustomType() if text and text.isprintable():
            return directory / text
    raise ValueError(text)


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "is a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "is a list" if node.value else "is an empty list"
    if not node.value:
        return "is empty"
    quoted = isinstance(node, yaml.ScalarNode) and node.style
    return f"is {'the text ' if quoted else ''}{node.value[:60]!r}"
