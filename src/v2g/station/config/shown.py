"""Settings as the text of a configuration file, each value with where it comes from.

What is printed is a configuration again: read, it gives the same settings, but for secrets that are masked.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from v2g.station.config.leaves import NEEDED, joined, mappings, masked

if TYPE_CHECKING:
    from v2g.station.config.keys import Key

DEFAULT = "default"
_PLAIN = re.compile(r"[A-Za-z/][\w./*+-]*")
"""Text that means itself in YAML without quotes, but for the words below."""
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_COMMENT_COLUMN = 50

Places = Mapping[str, int]
"""Path of what the file says -> its line."""


def origin(path: str, places: Places) -> str:
    """Where a value comes from."""
    return f"line {places[path]}" if path in places else DEFAULT


def default_of(key: "Key") -> str:
    """The default of a key as a file says it: `needed` if there is none, empty for a mapping whose keys have theirs."""
    if key.default is NEEDED:
        return "needed"
    return scalar(key.default) if key.below is None or key.default in (None, ()) else ""


def text(settings: Struct, places: Places) -> str:
    """The whole file, in the order of the reference."""
    return "".join(f"{line}\n" for line in _mapping(settings, "", "", places))


def _mapping(settings: Struct, indent: str, path: str, places: Places) -> Iterator[str]:
    for name in settings.__struct_fields__:
        value, key = getattr(settings, name), joined(path, name)
        if isinstance(value, Struct):
            yield f"{indent}{name}:"
            yield from _mapping(value, f"{indent}  ", key, places)
        elif items := mappings(value):
            yield f"{indent}{name}:"
            for index, each in enumerate(items):
                yield from _item(each, indent, f"{key}[{index}]", places)
        elif isinstance(value, dict) and value:
            yield f"{indent}{name}:"
            for inner, each in value.items():
                yield _line(f"{indent}  {scalar(inner)}: {scalar(each)}", origin(joined(key, inner), places))
        else:
            yield _line(f"{indent}{name}: {scalar(value)}", origin(key, places))


def _item(settings: Struct, indent: str, path: str, places: Places) -> Iterator[str]:
    """A mapping in a list: its first line begins with a hyphen."""
    inside = f"{indent}    "
    for number, line in enumerate(_mapping(settings, inside, path, places)):
        yield line if number else f"{indent}  - {line.removeprefix(inside)}"


def _line(text: str, comment: str) -> str:
    return f"{text:<{_COMMENT_COLUMN}}  # {comment}"


def scalar(value: object) -> str:
    """A value as YAML writes it; secrets are masked."""
    match masked(value):
        case None:
            return "null"
        case bool() as flag:
            return "true" if flag else "false"
        case int() as number:
            return str(number)
        case float() as number:
            mantissa, e, exponent = f"{number:.15g}".partition("e")
            return f"{mantissa if not e or '.' in mantissa else f'{mantissa}.0'}{e}{exponent}"
        case tuple() as items:
            return f"[{', '.join(map(scalar, items))}]"
        case dict():
            return "{}"
        case str() | Path() as each:
            words = str(each)
            plain = _PLAIN.fullmatch(words) and words.lower() not in _WORDS
            return words if plain else json.dumps(words, ensure_ascii=False)
        case other:
            return repr(other)
