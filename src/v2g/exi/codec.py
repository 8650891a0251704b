"""Encoding and decoding with a schema: the generated functions, and the interpreter for everything they leave to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from typing import Any

from v2g.exi.compiler import Compiler
from v2g.exi.errors import ExiError
from v2g.exi.facets import Type
from v2g.exi.grammar import Schema, walk
from v2g.exi.interpreter import HEADER, Decoder, Encoder


class Codec:
    """The codec of one schema set."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._compiler = Compiler(schema)
        self._functions = self._compiler.functions
        width = len(schema.elements).bit_length()
        self._head = 8 + width
        roots = [
            (HEADER << width | code, cls)
            for code, member in enumerate(schema.elements)
            if isinstance(cls := member.type, type)
        ]
        self._readers = {head: self._compiler.reader_name(cls) for head, cls in roots}
        self._writers: dict[type[Type], tuple[int, str]] = {
            cls: (head, self._compiler.writer_name(cls)) for head, cls in roots
        }

    @property
    def messages(self) -> list[type[Type]]:
        """The classes of the root elements that the set's own module declares."""
        own = self.schema.modules[0].__name__
        return [
            cls for member in self.schema.elements if isinstance(cls := member.type, type) and cls.__module__ == own
        ]

    def decode(self, data: bytes, *, strict: bool = False, deviations: list[ExiError] | None = None) -> Any:
        """The message in a document. What `strict` refuses is appended to `deviations` without it."""
        try:
            stream = int.from_bytes(data, "big")
            rest = 8 * len(data) - self._head
            message, rest = self._functions[self._readers[stream >> rest]](stream, rest)
            if (rest < 8 and not stream & (1 << rest) - 1) or not (strict or deviations is not None):
                return message
        except Exception:  # noqa: S110 - the interpreter finds out what it is
            pass
        return self._interpret(Decoder.document, data, strict, deviations)

    def encode(self, message: Type) -> bytes:
        """The message as a document."""
        try:
            head, name = self._writers[message.__class__]
            return _octets(self._functions[name](message, head))
        except Exception:
            return Encoder(self.schema).document(message)

    def decode_fragment(
        self, data: bytes, *, strict: bool = False, deviations: list[ExiError] | None = None
    ) -> tuple[str, Any]:
        """The name of a fragment's element, and its value. What `strict` refuses is appended to `deviations` without
        it."""
        width, readers, _ = self._fragments
        try:
            stream = int.from_bytes(data, "big")
            rest = 8 * len(data) - 8 - width
            name, reader = readers[stream >> rest]
            value, rest = self._functions[reader](stream, rest)
            rest -= width
            ended = stream >> rest & (1 << width) - 1 == len(self.schema.fragments) + 1
            whole = rest < 8 and not stream & (1 << rest) - 1
            if ended and (whole or not (strict or deviations is not None)):
                return name, value
        except Exception:  # noqa: S110 - the interpreter finds out what it is
            pass
        name, value = self._interpret(Decoder.fragment, data, strict, deviations)
        return name, value

    def encode_fragment(self, element: str, value: Any) -> bytes:
        """The value as a fragment: what a signature is made over."""
        width, _, writers = self._fragments
        try:
            head, name = writers[element, value.__class__]
            return _octets(self._functions[name](value, head) << width | len(self.schema.fragments) + 1)
        except Exception:
            return Encoder(self.schema).fragment(element, value)

    @cached_property
    def _fragments(self) -> tuple[int, dict[int, tuple[str, str]], dict[tuple[str, type[Type]], tuple[int, str]]]:
        """The width of a fragment's event codes, and the functions of the elements with one complex type."""
        width = (len(self.schema.fragments) + 1).bit_length()
        readers: dict[int, tuple[str, str]] = {}
        writers: dict[tuple[str, type[Type]], tuple[int, str]] = {}
        for code, (name, types) in enumerate(self.schema.fragments.items()):
            if len(types) == 1 and isinstance(cls := types[0], type):
                head = HEADER << width | code
                readers[head] = name.local, self._compiler.reader_name(cls)
                writers.setdefault((name.local, cls), (head, self._compiler.writer_name(cls)))
        return width, readers, writers

    def warm(
        self,
        roots: Iterable[type[Type]],
        *,
        leave: Collection[type[Type]] = (),
        reading: bool = True,
        writing: bool = True,
    ) -> None:
        """Generate the functions of these root elements, and of the types in them, ahead of time; but not those of the
        types in `leave`, and of what only they contain."""
        for cls in walk(self.schema, roots, leave):
            if reading:
                self._compiler.warm(self._compiler.reader_name(cls))
            if writing:
                self._compiler.warm(self._compiler.writer_name(cls))

    def _interpret(
        self, read: Callable[[Decoder], Any], data: bytes, strict: bool, deviations: list[ExiError] | None
    ) -> Any:
        decoder = Decoder(self.schema, data, strict=strict)
        try:
            result = read(decoder)
        except ExiError as error:
            if not decoder.met_full_list:
                raise
            decoder = Decoder(self.schema, data, strict=strict, loop_at_full_list=True)
            try:
                result = read(decoder)
            except ExiError:
                raise error from None
        if deviations is not None:
            deviations += decoder.deviations
        return result


def _octets(stream: int) -> bytes:
    """The stream, filled up with zeros."""
    length = stream.bit_length()
    octets = length + 7 >> 3
    return (stream << 8 * octets - length).to_bytes(octets, "big")
