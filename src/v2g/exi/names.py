"""The globals of the generated functions: the functions themselves, classes, tables."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from v2g.exi import runtime
from v2g.exi.facets import Type
from v2g.exi.grammar import Boolean, Enumerated, Whole

_globals: dict[str, Any] = {**vars(runtime), "from_bytes": int.from_bytes}
_globals["functions"] = _globals
_known: dict[Hashable, str] = {}
_waiting: dict[str, tuple[str, type[Type]]] = {}


class Names:
    """A name for everything that the text of a generated function mentions; the same in the whole process.

    `generate(verb, cls, name)` puts the function that reads or writes a type under its name, when it is first called.
    """

    globals = _globals
    waiting = _waiting
    """The functions that are not yet generated: what they do, with which type."""

    def __init__(self, generate: Callable[[str, type[Type], str], None]) -> None:
        self._generate = generate

    def of(self, cls: type[Type]) -> str:
        """The name of a class."""
        return self._named(cls.__name__, cls, lambda: cls)

    def table(self, key: Hashable, make: Callable[[], Any]) -> str:
        """The name of a table, made if there is none with this key."""
        return self._named("table", key, make)

    def function(self, verb: str, cls: type[Type]) -> str:
        """The name of the function that reads or writes a type."""
        name = f"{verb}_{self.of(cls)}"
        if name not in _globals:

            def placeholder(*arguments: Any) -> Any:
                self._generate(verb, cls, name)
                return _globals[name](*arguments)

            _globals[name] = placeholder
            _waiting[name] = verb, cls
        return name

    def _named(self, prefix: str, key: Hashable, make: Callable[[], Any]) -> str:
        if (name := _known.get(key)) is None:
            name = _known[key] = f"{prefix}_{len(_known)}"
            _globals[name] = make()
        return name


def values(kind: Boolean | Enumerated | Whole) -> tuple[Any, ...] | range:
    """The values that a type of a few bits can have, by their codes."""
    match kind:
        case Boolean():
            return (False, True)
        case Enumerated():
            return kind.members
    assert kind.low is not None
    assert kind.high is not None
    return range(kind.low, kind.high + 1)
