"""Settings value by value: each with its path in the file, what differs between two files, what must not be shown."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Struct

from v2g.station.config.reader import Fields, Findings

MASK = "***"
_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]*@")
_QUERY = re.compile(r"([?&;][\w-]*(?:token|key|secret|password|passwd)=)[^&;]*", re.IGNORECASE)
_PIN = re.compile(r"([?&;]pin-value=)[^&;]*", re.IGNORECASE)
"""Of a PKCS#11 address, in which `token` is a label."""


class _Mark:
    """Stands for a value that is not there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"({self._name})"


ABSENT = _Mark("absent")
"""The other side has no such key."""
NEEDED = _Mark("needed")
"""The default of a key that must be written."""


class Difference(NamedTuple):
    """One value that differs."""

    key: str
    before: object
    after: object


def joined(path: str, name: str) -> str:
    """The path of a key below another."""
    return f"{path}.{name}" if path else name


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Path and value of each single value. A list of single values counts as one."""
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from leaves(getattr(value, name), joined(path, name))
    elif items := mappings(value):
        for index, each in enumerate(items):
            yield from leaves(each, f"{path}[{index}]")
    elif isinstance(value, dict) and value:
        for name, each in value.items():
            yield joined(path, str(name)), each
    else:
        yield path, value


def between(before: Struct, after: Struct) -> list[Difference]:
    """What differs between two files, in the order of the first one."""
    one, other = dict(leaves(before)), dict(leaves(after))
    keys = [*one, *(key for key in other if key not in one)]
    both = [Difference(key, one.get(key, ABSENT), other.get(key, ABSENT)) for key in keys]
    return [each for each in both if each.before != each.after]


def from_defaults(settings: Struct) -> list[Difference]:
    """What differs from what would hold if nothing were written."""
    return list(_changed(settings, NEEDED, ""))


def _changed(value: object, default: object, path: str) -> Iterator[Difference]:
    if value == default:
        return
    if isinstance(value, Struct):
        own = defaults(type(value))
        base = {name: getattr(default, name) for name in own} if type(default) is type(value) else own
        inner = [
            each for name in own for each in _changed(getattr(value, name), base[name], joined(path, name))
        ]  # fmt: skip
        yield from inner or [Difference(path, default, {})]  # it is there, and all in it is as usual
    elif items := mappings(value):
        for index, each in enumerate(items):
            yield from _changed(each, NEEDED, f"{path}[{index}]")
    elif isinstance(value, dict) and value:
        for name, each in value.items():
            yield Difference(joined(path, str(name)), ABSENT, each)
    else:
        yield Difference(path, default, value)


def defaults(kind: type[Struct]) -> dict[str, object]:
    """The default of each field, `NEEDED` for one without."""
    found: dict[str, object] = {}
    for each in msgspec.structs.fields(kind):
        made = each.default if each.default_factory is msgspec.NODEFAULT else each.default_factory()
        found[each.name] = NEEDED if each.required else made
    return found


def masked(value: object) -> object:
    """The value without the secrets that an address may carry: passwords, tokens, the PIN of a token."""
    if isinstance(value, str):
        if value.startswith("pkcs11:"):
            return _PIN.sub(rf"\1{MASK}", value)
        return _QUERY.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", value))
    if isinstance(value, tuple):
        return tuple(map(masked, value))
    return value


def carries_a_secret(fields: Fields) -> Findings:
    """Secrets stand in files of their own: who may read the configuration need not know them."""
    for name, value in fields.items():
        if isinstance(value, str) and masked(value) != value:
            yield name, "carries a secret; keep it in a file of its own (`password_file`, `pin-source=FILE`)"


def mappings(value: object) -> tuple[Struct, ...]:
    """The items of a list of mappings; empty for everything else."""
    return value if isinstance(value, tuple) and any(isinstance(each, Struct) for each in value) else ()
