"""Specialised functions, generated per type from its grammar, as `dataclasses` does it.

For every type there is a function that reads it and one that writes it:

    read_T(n, r) -> (value, r)     n: the stream as one integer; r: how many of its bits are still to be read
    write_T(value, a) -> a         a: the stream so far as one integer

Neighbouring bits of known width are one access: a shift and a mask give them all, and one dictionary both checks the
event codes among them and translates the values. So a physical value, some 25 bits, costs a handful of operations.

The functions know the ordinary case. Whatever else comes (a string-table hit, an escape, a value out of range, data too
short) ends in an exception of any kind, and the caller turns to the interpreter. They are generated when they are first
called, and belong to the process: a type that several schema sets share is the same in all of them, as only the types
of a set's own module refer to substitution groups that differ from set to set.
"""

from __future__ import annotations

from v2g.exi.facets import Type
from v2g.exi.grammar import Schema
from v2g.exi.names import Names
from v2g.exi.plan import Plan, Unsuitable
from v2g.exi.reading import reading
from v2g.exi.writing import writing


class Compiler:
    """The generated functions of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._names = Names(self._generate)
        self._plans: dict[type[Type], Plan] = {}
        self.functions = self._names.globals
        """The functions by name."""

    def reader_name(self, cls: type[Type]) -> str:
        """The name of the function that reads a type."""
        return self._names.function("read", cls)

    def writer_name(self, cls: type[Type]) -> str:
        """The name of the function that writes a type."""
        return self._names.function("write", cls)

    def warm(self, name: str) -> None:
        """Generate a function now, if it is not yet there."""
        if waiting := self._names.waiting.get(name):
            self._generate(*waiting, name)

    def _plan(self, cls: type[Type]) -> Plan:
        if cls not in self._plans:
            self._plans[cls] = Plan(self._schema.grammar(cls))
        return self._plans[cls]

    def _generate(self, verb: str, cls: type[Type], name: str) -> None:
        try:
            body = (reading if verb == "read" else writing)(self._plan(cls), self._names)
        except Unsuitable:
            body = ["    raise ValueError"]
        head = f"def {name}({'n, r' if verb == 'read' else 'm, a'}):"
        exec(compile("\n".join([head, *body]), f"<{cls.__name__}>", "exec"), self._names.globals)  # noqa: S102
        self._names.waiting.pop(name, None)
