"""The reference codec: walks the grammar tables, bit by bit.

It accepts everything that the standard allows (string-table hits, empty content by a second-level EE, padding of any
kind), and says where and why it stops. The specialised functions of `v2g.exi.compiler` are faster and hand over to it
whenever they meet something they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from v2g.exi.errors import ExiError
from v2g.exi.facets import REQUIRED, Type
from v2g.exi.grammar import (
    Attribute,
    Binary,
    Boolean,
    Characters,
    End,
    Enumerated,
    Field,
    Foreign,
    Grammar,
    Member,
    Particle,
    Production,
    QName,
    Schema,
    Simple,
    Start,
    String,
    Whole,
    fields_of,
)

HEADER = 0x80
"""Distinguishing bits 10, no options, final version 1."""

_ABSTRACT = "the element is abstract, another one of its substitution group has to stand in its place"
_INTEGER_OCTETS = 40
"""The longest unbounded integer in 7-bit groups, enough for any X.509 serial number (20 octets, RFC 5280)."""


class Decoder:
    """Decodes one document or fragment of a schema.

    What deployed cars and stations get wrong without harm is put down in `deviations`, or refused if `strict`: strings
    and binaries shorter or longer than the schema allows, elements of an abstract type, and anything but padding with
    zeros after the end. `loop_at_full_list` reads a list that has all the entries it may have as if more could follow:
    the form that some precompiled grammars write.
    """

    def __init__(self, schema: Schema, data: bytes, *, strict: bool = False, loop_at_full_list: bool = False) -> None:
        self._schema = schema
        self._strict = strict
        self._data = data
        self._length = 8 * len(data)
        self._position = 0
        self._path: list[str] = []
        self._loop = loop_at_full_list
        self.met_full_list = False
        self.deviations: list[ExiError] = []
        self._local_strings: dict[QName, list[str]] = {}
        self._global_strings: list[str] = []

    def document(self) -> Any:
        """The message: an instance of the class of a root element."""
        self._header()
        elements = self._schema.elements
        code = self._bits(len(elements).bit_length())
        if code >= len(elements):
            self._fail(f"root element {code} is not in the schema set {self._schema.name}")
        if not isinstance(elements[code].type, type):
            self._fail(f"root element {elements[code].name.local} is no message")
        message = self._element(elements[code])
        self._end()
        return message

    def fragment(self) -> tuple[str, Any]:
        """The name of the fragment's element and its value."""
        self._header()
        fragments = list(self._schema.fragments.items())
        width = (len(fragments) + 1).bit_length()
        code = self._bits(width)
        if code >= len(fragments):
            self._fail(f"fragment element {code} is not in the schema set {self._schema.name}")
        name, types = fragments[code]
        value = self._element(Member(name, types[0])) if len(types) == 1 else self._relaxed(name, types)
        if self._bits(width) != len(fragments) + 1:
            self._fail("the fragment does not end here")
        self._end()
        return name.local, value

    def _end(self) -> None:
        rest = self._length - self._position
        if rest >= 8 or self._bits(rest):
            self._deviate("more follows the end than the zeros that fill the octet")

    def _header(self) -> None:
        if (header := self._bits(8)) != HEADER:
            self._fail(f"EXI header {header:#04x} instead of {HEADER:#04x}")

    def _fail(self, reason: str) -> NoReturn:
        raise self._error(reason)

    def _deviate(self, reason: str) -> None:
        if self._strict:
            self._fail(reason)
        self.deviations.append(self._error(reason))

    def _error(self, reason: str) -> ExiError:
        return ExiError(self._position, "/".join(self._path), reason)

    def _bits(self, count: int) -> int:
        end = self._position + count
        if end > self._length:
            self._fail("the data ends here")
        octets = self._data[self._position >> 3 : end + 7 >> 3]
        self._position = end
        return int.from_bytes(octets, "big") >> (-end & 7) & (1 << count) - 1

    def _event(self, productions: Sequence[Production]) -> Production | None:
        """The production that the event code selects; None for the second-level EE of an empty character content."""
        code = self._bits(len(productions).bit_length())
        if code < len(productions):
            return productions[code]
        if code > len(productions):
            self._fail(f"event code {code} does not exist here, expected {_expected(productions)}")
        if isinstance(productions[-1], Characters) and self._bits(3) == 0:
            return None
        self._fail(f"a deviation from the schema, expected {_expected(productions)}")

    def _element(self, member: Member) -> Any:
        self._path.append(member.name.local)
        if isinstance(member.type, type):
            grammar = self._schema.grammar(member.type)
            if grammar.abstract:
                self._deviate(_ABSTRACT)
            value = self._complex(grammar, member.name)
        else:
            event = self._event([Characters(member.type)])
            value = self._characters(member.type, member.name, event)
        self._path.pop()
        return value

    def _characters(self, kind: Simple, name: QName, event: Production | None) -> Any:
        if event is not None:
            value = self._value(kind, name)
            self._event([End()])
            return value
        if not isinstance(kind, String | Binary):
            self._fail("the element is empty")
        self._check_length(kind, 0)
        return "" if isinstance(kind, String) else b""

    def _complex(self, grammar: Grammar, name: QName) -> Type:
        values: dict[str, Any] = {}
        productions = grammar.opening(0)
        event = self._event(productions)
        while isinstance(event, Attribute):
            self._path.append(f"@{event.name.local}")
            values[event.name.local] = self._value(event.type, event.name)
            self._path.pop()
            event = self._event(grammar.opening(grammar.attributes.index(event) + 1))
        if grammar.content:
            values[grammar.content.field] = self._characters(grammar.content.type, name, event)
            return grammar.cls(**values)
        current = None
        count = 0
        while isinstance(event, Start):
            particle = event.particle
            count = count + 1 if particle.number == current and particle.field.high != 1 else 1
            current = particle.number
            _put(grammar, values, particle, self._element(event.member))
            full = count == particle.field.high != 1
            self.met_full_list |= full
            event = self._event(grammar.productions(current, count - 1 if full and self._loop else count))
        if isinstance(event, Foreign):
            self._fail(f"{event.what} is not supported")
        return _build(grammar.cls, values)

    def _relaxed(self, name: QName, types: list[type[Type] | Simple]) -> Any:
        """An element whose name has several types (EXI 8.5.3), as far as it has attributes and text: of the type with
        attributes if there are any, else the plain text."""
        attributes = self._schema.attributes
        elements = len(self._schema.fragments)
        self._path.append(name.local)
        values: dict[str, str] = {}
        # AT of each attribute, AT(*), SE of each element, SE(*), EE, CH
        while (code := self._bits((len(attributes) + elements + 4).bit_length())) < len(attributes):
            values[attributes[code].local] = self._string(attributes[code])
        if code != len(attributes) + elements + 3:
            self._fail("expected the text of the element")
        text = self._string(name)
        # SE of each element, SE(*), EE, CH
        if self._bits((elements + 3).bit_length()) != elements + 1:
            self._fail("expected the end of the element")
        if values:
            for cls in types:
                if isinstance(cls, type) and (content := self._schema.grammar(cls).content):
                    if {content.field, *values} != set(cls.__struct_fields__):
                        self._fail(f"attributes {', '.join(values)} do not make a {cls.__name__}")
                    return cls(**values, **{content.field: text})
            self._fail("an element with several types, none of which has attributes and text")
        self._path.pop()
        return text

    def _value(self, kind: Simple, name: QName) -> Any:
        match kind:
            case Boolean():
                return self._bits(1) == 1
            case Enumerated():
                index = self._bits(kind.bits)
                members = kind.members
                if index >= len(members):
                    self._fail(f"value {index} of an enumeration with {len(members)} values")
                return members[index]
            case Whole():
                return self._integer(kind)
            case String():
                text = self._string(name)
                self._check_length(kind, len(text))
                return text
            case Binary():
                length = self._unsigned(5)
                self._check_length(kind, length)
                if 8 * length > self._length - self._position:
                    self._fail(f"{length} octets are announced, the data ends before")
                return self._bits(8 * length).to_bytes(length, "big")

    def _check_length(self, kind: String | Binary, length: int) -> None:
        if problem := _length_problem(kind, length):
            self._deviate(problem)

    def _integer(self, kind: Whole) -> int:
        if kind.bits is not None:
            assert kind.low is not None
            value = kind.low + self._bits(kind.bits)
        elif kind.signed:
            negative = self._bits(1)
            value = self._unsigned(_INTEGER_OCTETS)
            value = ~value if negative else value
        else:
            value = self._unsigned(_INTEGER_OCTETS)
        if problem := _range_problem(kind, value):
            self._fail(problem)
        return value

    def _unsigned(self, most_octets: int) -> int:
        value = 0
        for index in range(most_octets):
            octet = self._bits(8)
            value |= (octet & 127) << 7 * index
            if octet < 128:
                return value
        self._fail(f"an integer of more than {most_octets} octets")

    def _string(self, name: QName) -> str:
        code = self._unsigned(5)
        local = self._local_strings.setdefault(name, [])
        if code < 2:
            table = local if code == 0 else self._global_strings
            if not table:
                self._fail("a string-table hit, but the table is empty")
            index = self._bits((len(table) - 1).bit_length())
            if index >= len(table):
                self._fail(f"entry {index} of a string table with {len(table)} entries")
            return table[index]
        length = code - 2
        if 8 * length > self._length - self._position:
            self._fail(f"{length} characters are announced, the data ends before")
        points = [self._unsigned(3) for _ in range(length)]
        if any(point > 0x10FFFF or 0xD800 <= point < 0xE000 for point in points):
            self._fail("a character that is none")
        text = "".join(map(chr, points))
        if text:
            local.append(text)
            self._global_strings.append(text)
        return text


class Encoder:
    """Encodes one document or fragment of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._stream = HEADER
        self._path: list[str] = []

    def document(self, message: Type) -> bytes:
        """The message as a document."""
        elements = self._schema.elements
        for code, member in enumerate(elements):
            if member.type is type(message):
                self._bits(code, len(elements).bit_length())
                self._element(member, message)
                return self._bytes()
        self._fail(f"{type(message).__name__} is no root element of the schema set {self._schema.name}")

    def fragment(self, element: str, value: Any) -> bytes:
        """The value as a fragment with this element."""
        fragments = list(self._schema.fragments.items())
        width = (len(fragments) + 1).bit_length()
        for code, (name, types) in enumerate(fragments):
            if name.local == element and (not isinstance(value, Type) or type(value) in types):
                self._bits(code, width)
                if len(types) == 1:
                    self._element(Member(name, types[0]), value)
                else:
                    self._relaxed(name, value)
                self._bits(len(fragments) + 1, width)
                return self._bytes()
        self._fail(f"the schema set {self._schema.name} has no element {element} of type {type(value).__name__}")

    def _bytes(self) -> bytes:
        octets = -(-self._stream.bit_length() // 8)
        return (self._stream << 8 * octets - self._stream.bit_length()).to_bytes(octets, "big")

    def _fail(self, reason: str) -> NoReturn:
        raise ExiError(None, "/".join(self._path), reason)

    def _bits(self, value: int, count: int) -> None:
        self._stream = self._stream << count | value

    def _event(self, productions: Sequence[Production], index: int) -> None:
        self._bits(index, len(productions).bit_length())

    def _element(self, member: Member, value: Any) -> None:
        self._path.append(member.name.local)
        if not isinstance(member.type, type):
            self._bits(0, 1)
            self._value(member.type, value)
            self._bits(0, 1)
        elif type(value) is not member.type:
            self._fail(f"expected {member.type.__name__}, got {value!r:.100}")
        elif (grammar := self._schema.grammar(member.type)).abstract:
            self._fail(_ABSTRACT)
        else:
            self._complex(grammar, value)
        self._path.pop()

    def _complex(self, grammar: Grammar, value: Type) -> None:
        productions = grammar.opening(0)
        for index, attribute in enumerate(grammar.attributes):
            if (given := getattr(value, attribute.name.local)) is None:
                continue
            if attribute not in productions:
                self._fail(f"{_expected(productions)} is missing")
            self._event(productions, productions.index(attribute))
            self._path.append(f"@{attribute.name.local}")
            self._value(attribute.type, given)
            self._path.pop()
            productions = grammar.opening(index + 1)
        if isinstance(productions[-1], Attribute):
            self._fail(f"{_expected(productions)} is missing")
        if grammar.content:
            self._event(productions, len(productions) - 1)
            self._value(grammar.content.type, getattr(value, grammar.content.field))
            self._bits(0, 1)
            return
        current = None
        count = 0
        for particle, item in self._items(grammar, value):
            matching = [
                index
                for index, event in enumerate(productions)
                if isinstance(event, Start)
                and event.particle == particle
                and (len(particle.members) == 1 or event.member.type is type(item))
            ]
            if not matching:
                self._misplaced(particle, item, productions)
            event = productions[matching[0]]
            assert isinstance(event, Start)
            self._event(productions, matching[0])
            count = count + 1 if particle.number == current and particle.field.high != 1 else 1
            current = particle.number
            self._element(event.member, item)
            productions = grammar.productions(current, count)
        if End() not in productions:
            self._fail(f"{_expected(productions)} is missing")
        self._event(productions, productions.index(End()))

    def _items(self, grammar: Grammar, value: Type) -> Iterator[tuple[Particle, Any]]:
        """The elements below a value, in the order of the schema."""
        particles = {particle.path: particle for particle in grammar.particles}

        def below(value: Type, outer: tuple[Field, ...]) -> Iterator[tuple[Particle, Any]]:
            for field in fields_of(type(value)):
                part = getattr(value, field.name)
                path = (*outer, field)
                particle = particles.get(path)
                if part is None or (particle is None and field not in grammar.group_first):
                    continue
                if part is REQUIRED:
                    self._fail(f"{field.name} is missing")
                if field.is_list and not isinstance(part, list | tuple):
                    self._fail(f"{field.name} is a list, got {part!r:.100}")
                for item in part if field.is_list else (part,):
                    if particle:
                        yield particle, item
                    elif type(item) is not field.type:
                        self._fail(f"{field.name} holds {field.type}, got {item!r:.100}")
                    else:
                        yield from below(item, path)

        return below(value, ())

    def _misplaced(self, particle: Particle, item: Any, productions: Sequence[Production]) -> NoReturn:
        name = particle.field.name
        if not particle.members:
            self._fail("an element of another schema is not supported")
        if len(particle.members) > 1 and type(item) not in [member.type for member in particle.members]:
            self._fail(f"{name}: {type(item).__name__} is no member of its substitution group")
        if all(
            production.particle.number > particle.number for production in productions if isinstance(production, Start)
        ):
            self._fail(f"{name} is given in addition to another element of its choice, or too often")
        self._fail(f"{name} is given, expected {_expected(productions)} before it")

    def _relaxed(self, name: QName, value: Any) -> None:
        attributes = self._schema.attributes
        elements = len(self._schema.fragments)
        width = (len(attributes) + elements + 4).bit_length()
        self._path.append(name.local)
        if isinstance(value, Type):
            grammar = self._schema.grammar(type(value))
            if grammar.content is None:
                self._fail("an element with several types is supported with attributes and text alone")
            for attribute in grammar.attributes:
                if (given := getattr(value, attribute.name.local)) is not None:
                    self._bits(attributes.index(attribute.name), width)
                    self._value(attribute.type, given)
            value = getattr(value, grammar.content.field)
        self._bits(len(attributes) + elements + 3, width)
        self._value(String(0, None), value)
        self._bits(elements + 1, (elements + 3).bit_length())
        self._path.pop()

    def _value(self, kind: Simple, value: Any) -> None:
        match kind:
            case _ if value is REQUIRED:
                self._fail("the value is missing")
            case Boolean() if value is True or value is False:
                self._bits(value, 1)
            case Enumerated() if isinstance(value, str) and value in kind.members:
                self._bits(kind.members.index(value), kind.bits)
            case Whole() if isinstance(value, int):
                self._integer(kind, value)
            case String() if isinstance(value, str):
                self._check_length(kind, len(value))
                self._unsigned(len(value) + 2)
                for character in value:
                    if 0xD800 <= ord(character) < 0xE000:
                        self._fail(f"{character!r} is no character")
                    self._unsigned(ord(character))
            case Binary() if isinstance(value, bytes):
                self._check_length(kind, len(value))
                self._unsigned(len(value))
                self._bits(int.from_bytes(value, "big"), 8 * len(value))
            case Enumerated():
                self._fail(f"{value!r:.100} is none of {', '.join(kind.members)}")
            case _:
                self._fail(f"{value!r:.100} is no {type(kind).__name__.lower()}")

    def _check_length(self, kind: String | Binary, length: int) -> None:
        if problem := _length_problem(kind, length):
            self._fail(problem)

    def _integer(self, kind: Whole, value: int) -> None:
        if problem := _range_problem(kind, value):
            self._fail(problem)
        if kind.bits is not None:
            assert kind.low is not None
            self._bits(value - kind.low, kind.bits)
        elif kind.signed:
            self._bits(value < 0, 1)
            self._unsigned(~value if value < 0 else value)
        else:
            self._unsigned(value)

    def _unsigned(self, value: int) -> None:
        octets = max(1, -(-value.bit_length() // 7))
        if octets > _INTEGER_OCTETS:
            self._fail(f"an integer of more than {_INTEGER_OCTETS} octets")
        for index in range(octets):
            self._bits((value & 127) | (128 if index < octets - 1 else 0), 8)
            value >>= 7


def _expected(productions: Sequence[Production]) -> str:
    """The productions in words."""
    names = []
    for production in productions:
        match production:
            case Attribute():
                names.append(f"attribute {production.name.local}")
            case Start():
                names.append(production.member.name.local)
            case End():
                names.append("the end of the element")
            case Characters():
                names.append("its value")
    return " or ".join(names)


def _put(grammar: Grammar, values: dict[str, Any], particle: Particle, value: Any) -> None:
    """Add an element's value to the fields of its type, in the groups that it belongs to."""
    for group in particle.path[:-1]:
        if not group.is_list:
            values = values.setdefault(group.name, {})
            continue
        items = values.setdefault(group.name, [])
        if particle.number in grammar.group_first[group]:
            items.append({})
        values = items[-1]
    if particle.field.is_list:
        values.setdefault(particle.field.name, []).append(value)
    else:
        values[particle.field.name] = value


def _build(cls: type[Type], values: dict[str, Any]) -> Type:
    """The instance, with those of its groups."""
    for field in fields_of(cls):
        value = values.get(field.name)
        if isinstance(field.type, type) and isinstance(value, dict):
            values[field.name] = _build(field.type, value)
        elif isinstance(field.type, type) and isinstance(value, list):
            values[field.name] = [_build(field.type, item) if isinstance(item, dict) else item for item in value]
    return cls(**values)


def _length_problem(kind: String | Binary, length: int) -> str | None:
    if kind.low <= length and (kind.high is None or length <= kind.high):
        return None
    unit = "characters" if isinstance(kind, String) else "octets"
    allowed = f"{kind.low}" if kind.low == kind.high else f"{kind.low} to {kind.high}"
    return f"{length} {unit}, allowed are {allowed}"


def _range_problem(kind: Whole, value: int) -> str | None:
    if (kind.low is None or kind.low <= value) and (kind.high is None or value <= kind.high):
        return None
    return f"{value} is out of range, allowed are {kind.low} to {kind.high}"
