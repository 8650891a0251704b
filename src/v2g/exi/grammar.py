"""EXI grammars (W3C EXI 1.0, 8.5.4: schema-informed, not strict, default options), built from the message classes.

A `Schema` is a set of message modules that belong together, for EXI grammars are made per set: the same type encodes
differently in another one. `Schema.grammar(cls)` is the grammar of one type. Its content model is a list of `Particle`,
the places at which elements stand, and for each of them the places that may follow (Glushkov's construction). A state
of the automaton is a particle and how often it has occurred; `Grammar.productions` lists what may come in a state, in
the order of the event codes.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, get_args, get_origin

from msgspec import Struct

from v2g.exi.facets import (
    ATTRIBUTE,
    CONTENT,
    GROUP,
    HEX,
    REF,
    Choice,
    Enumeration,
    Length,
    Occurs,
    Range,
    Type,
    Wildcard,
)


class QName(Struct, frozen=True, order=True):
    """A qualified name; sorts as EXI requires: by local name, then by namespace."""

    local: str
    namespace: str


class Boolean(Struct, frozen=True):
    """`xs:boolean`: one bit."""

    bits: ClassVar[int] = 1


class Enumerated(Struct, frozen=True):
    """An enumeration: the index of the member in the schema's order, in as many bits as the last index needs."""

    enumeration: type[Enumeration]

    @property
    def members(self) -> tuple[Enumeration, ...]:
        return tuple(self.enumeration)

    @property
    def bits(self) -> int:
        return (len(self.enumeration) - 1).bit_length()


class Whole(Struct, frozen=True):
    """An integer. EXI 7.1.5: `bits` wide if its range has at most 4096 values; otherwise unsigned in 7-bit groups if it
    cannot be negative, otherwise a sign and then such groups."""

    low: int | None
    high: int | None

    @property
    def bits(self) -> int | None:
        if self.low is None or self.high is None or self.high - self.low >= 4096:
            return None
        return (self.high - self.low).bit_length()

    @property
    def signed(self) -> bool:
        return self.low is None or self.low < 0


class String(Struct, frozen=True):
    """A string of `low` to `high` characters; `high` None is unbounded."""

    low: int
    high: int | None


class Binary(Struct, frozen=True):
    """`xs:hexBinary` or `xs:base64Binary` of `low` to `high` octets; they differ in text form only."""

    low: int
    high: int | None
    hex: bool


Simple = Boolean | Enumerated | Whole | String | Binary


class Member(Struct, frozen=True):
    """An element that may stand at a particle, and its type."""

    name: QName
    type: type[Type] | Simple


class Field(Struct, frozen=True):
    """A field of a class as its annotation declares it."""

    name: str
    owner: type[Type]
    type: type[Type] | Simple
    low: int
    high: int | None
    is_list: bool
    choice: Choice | None
    markers: tuple[object, ...]


class Attribute(Struct, frozen=True):
    """An attribute; always a string in these schemas, or an enumeration."""

    name: QName
    field: Field
    type: Simple


class Particle(Struct, frozen=True):
    """A place in the content model: the fields that lead to it (the last one is its own, those before are groups), and
    the elements that may stand there, more than one for a substitution group, none for a wildcard."""

    number: int
    path: tuple[Field, ...]
    members: tuple[Member, ...]

    @property
    def field(self) -> Field:
        return self.path[-1]


class Start(Struct, frozen=True):
    """SE: an element begins."""

    particle: Particle
    member: Member


class End(Struct, frozen=True):
    """EE: the element ends."""


class Foreign(Struct, frozen=True):
    """SE(*) or the characters of mixed content: counted, never accepted."""

    what: str


ANY_ELEMENT: Final = Foreign("an element of another schema")
MIXED_TEXT: Final = Foreign("text between the elements")


class Characters(Struct, frozen=True):
    """CH: the character content, of an element of simple type or of one that has attributes besides (`field`)."""

    type: Simple
    field: str = ""


Production = Attribute | Start | End | Characters | Foreign


class Grammar:
    """The grammar of a complex type."""

    def __init__(self, schema: Schema, cls: type[Type]) -> None:
        self.cls = cls
        attributes = [
            Attribute(schema.attribute_name(field), field, _simple(field))
            for field in fields_of(cls)
            if ATTRIBUTE in field.markers
        ]
        self.attributes = sorted(attributes, key=lambda attribute: attribute.name)
        self.content = next(
            (Characters(_simple(field), field.name) for field in fields_of(cls) if CONTENT in field.markers), None
        )
        self.mixed = cls.__mixed__
        self.abstract = vars(cls).get("__abstract__", False)
        self.particles: list[Particle] = []
        self.group_first: dict[Field, set[int]] = {}
        self._schema = schema
        self._follow: list[set[int]] = []
        self.first, self._last, self._empty = self._sequence(cls, ())
        self._states: dict[tuple[int | None, str], list[Production]] = {}

    def _sequence(self, cls: type[Type], outer: tuple[Field, ...]) -> tuple[set[int], set[int], bool]:
        """Add the particles of a class; first and last of them, and whether the whole may be absent."""
        first: set[int] = set()
        last: set[int] = set()
        empty = True
        fields = [field for field in fields_of(cls) if _is_element(field)]
        position = 0
        while position < len(fields):
            choice = fields[position].choice
            end = position + 1
            while choice and end < len(fields) and fields[end].choice == choice:
                end += 1
            parts = [self._particle(field, outer) for field in fields[position:end]]
            position = end
            part_first = set().union(*(part[0] for part in parts))
            part_last = set().union(*(part[1] for part in parts))
            part_empty = any(part[2] for part in parts) if choice is None else choice.optional
            for index in last:
                self._follow[index] |= part_first
            first |= part_first if empty else set()
            last = part_last | (last if part_empty else set())
            empty = empty and part_empty
        return first, last, empty

    def _particle(self, field: Field, outer: tuple[Field, ...]) -> tuple[set[int], set[int], bool]:
        path = (*outer, field)
        if GROUP not in field.markers:
            index = len(self.particles)
            self.particles.append(Particle(index, path, self._schema.members(field)))
            self._follow.append(set())
            return {index}, {index}, field.low == 0
        assert isinstance(field.type, type)
        first, last, empty = self._sequence(field.type, path)
        self.group_first[field] = first
        if field.high != 1:
            for index in last:
                self._follow[index] |= first
        return first, last, empty or field.low == 0

    def opening(self, attribute: int) -> list[Production]:
        """What may come at the start of the element, once the first `attribute` attributes are read or skipped."""
        rest: list[Production] = []
        for candidate in self.attributes[attribute:]:
            rest.append(candidate)
            if candidate.field.low:
                return rest
        return rest + ([self.content] if self.content else self.productions(None))

    def productions(self, particle: int | None, count: int = 0) -> list[Production]:
        """What may come after `count` occurrences of a particle, None being the start, in the order of event codes."""
        if particle is None:
            phase = "first"
        else:
            field = self.particles[particle].field
            phase = "few" if count < field.low else "full" if count == field.high else "some"
        if (state := self._states.get((particle, phase))) is None:
            state = self._states[particle, phase] = self._state(particle, phase)
        return state

    def _state(self, particle: int | None, phase: str) -> list[Production]:
        if particle is None:
            return self._productions(sorted(self.first), self._empty)
        following = set() if phase == "few" else self._follow[particle]
        if phase != "full":
            following = following | {particle}
        return self._productions(sorted(following), phase != "few" and particle in self._last)

    def _productions(self, following: Sequence[int], end: bool) -> list[Production]:
        particles = [self.particles[index] for index in following]
        result: list[Production] = [Start(particle, member) for particle in particles for member in particle.members]
        result += [ANY_ELEMENT for particle in particles if not particle.members]
        if end:
            result.append(End())
        if self.mixed:
            result.append(MIXED_TEXT)
        return result


class Schema:
    """A set of message modules with one grammar: the module of the messages first, then those it builds upon."""

    def __init__(self, name: str, modules: Sequence[ModuleType]) -> None:
        self.name = name
        self.modules = modules
        self._grammars: dict[type[Type], Grammar] = {}

    def grammar(self, cls: type[Type]) -> Grammar:
        """The grammar of a type."""
        if (grammar := self._grammars.get(cls)) is None:
            grammar = self._grammars[cls] = Grammar(self, cls)
        return grammar

    @cached_property
    def classes(self) -> list[type[Type]]:
        """Every complex type of the set."""
        return [
            value
            for module in self.modules
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Type) and value.__module__ == module.__name__
        ]

    @cached_property
    def elements(self) -> list[Member]:
        """The global elements of the set, sorted: their index is the event code of a document's root."""
        declared = [Member(qname, cls) for cls in self.classes if (qname := element_name(cls))]
        simple = [
            Member(QName(name, module.NAMESPACE), _resolve(annotation)[0])
            for module in self.modules
            for name, annotation in getattr(module, "SIMPLE_ELEMENTS", {}).items()
        ]
        return sorted([*declared, *simple], key=lambda member: member.name)

    @cached_property
    def _groups(self) -> dict[type[Type], list[Member]]:
        """The substitution groups by the class of the head."""
        groups: dict[type[Type], list[Member]] = {}
        for member in self.elements:
            cls: type[Type] | None = member.type if isinstance(member.type, type) else None
            while cls is not None:
                groups.setdefault(cls, []).append(member)
                declared = cls.__element__
                cls = declared.head if declared else None
        return groups

    @cached_property
    def fragments(self) -> dict[QName, list[type[Type] | Simple]]:
        """The types that each element of the set has, sorted by name: the index is the event code in a fragment. An
        element with more than one type has the relaxed grammar of EXI 8.5.3."""
        types: dict[QName, list[type[Type] | Simple]] = {}
        particles = (particle for cls in self.classes for particle in self.grammar(cls).particles)
        for member in (*self.elements, *(member for particle in particles for member in particle.members)):
            known = types.setdefault(member.name, [])
            if member.type not in known:
                known.append(member.type)
        return dict(sorted(types.items()))

    @cached_property
    def attributes(self) -> list[QName]:
        """Every attribute of the set, sorted, as the relaxed grammar requires."""
        return sorted({attribute.name for cls in self.classes for attribute in self.grammar(cls).attributes})

    def attribute_name(self, field: Field) -> QName:
        """The qualified name of an attribute."""
        qualified = getattr(sys.modules[field.owner.__module__], "QUALIFIED_ATTRIBUTES", False)
        return QName(field.name, namespace(field.owner) if qualified else "")

    def members(self, field: Field) -> tuple[Member, ...]:
        """The elements that may stand in the place of a field, in the order of their event codes."""
        if field.type is Wildcard:
            return ()
        if REF not in field.markers:
            qualified = getattr(sys.modules[field.owner.__module__], "QUALIFIED_ELEMENTS", True)
            return (Member(QName(field.name, namespace(field.owner) if qualified else ""), field.type),)
        if isinstance(field.type, type):
            return tuple(self._groups[field.type])
        return (Member(QName(field.name, namespace(field.owner)), field.type),)


def namespace(cls: type[Type]) -> str:
    """The namespace in which a type is declared."""
    for base in cls.__mro__:
        if base.__module__ == cls.__module__ and "__namespace__" in vars(base):
            return str(vars(base)["__namespace__"])
    return str(sys.modules[cls.__module__].NAMESPACE)


def element_name(cls: type[Type]) -> QName | None:
    """The global element of a type, if it has one."""
    declared = vars(cls).get("__element__")
    return QName(declared.name, namespace(cls)) if declared else None


def fields_of(cls: type[Type]) -> tuple[Field, ...]:
    """The fields of a type, in schema order."""
    if (fields := _fields.get(cls)) is None:
        fields = _fields[cls] = tuple(_field(cls, name) for name in cls.__struct_fields__)
    return fields


def _is_element(field: Field) -> bool:
    return ATTRIBUTE not in field.markers and CONTENT not in field.markers


def _simple(field: Field) -> Simple:
    assert not isinstance(field.type, type)
    return field.type


_fields: dict[type[Type], tuple[Field, ...]] = {}
_annotations: dict[tuple[str, str], tuple[type[Type] | Simple, bool, bool, tuple[object, ...]]] = {}


def _field(cls: type[Type], name: str) -> Field:
    owner = next(base for base in cls.__mro__ if name in vars(base).get("__annotations__", ()))
    text = owner.__annotations__[name]
    if (parsed := _annotations.get((owner.__module__, text))) is None:
        annotation = eval(text, vars(sys.modules[owner.__module__]))  # noqa: S307 - our own source, as typing does
        parsed = _annotations[owner.__module__, text] = _resolve(annotation)
    kind, optional, is_list, markers = parsed
    occurs = _marker(markers, Occurs) or Occurs(0 if optional else 1, 1)
    choice = _marker(markers, Choice)
    return Field(name, owner, kind, occurs.low, occurs.high, is_list, choice, markers)


def _resolve(annotation: Any) -> tuple[type[Type] | Simple, bool, bool, tuple[object, ...]]:
    """The type, whether it is optional, whether it is a list, and the markers of an annotation."""
    markers: list[object] = []
    optional = is_list = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            markers += annotation.__metadata__
            annotation = annotation.__origin__
        elif origin in (Union, UnionType):
            optional = True
            (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
        elif origin is list:
            is_list = True
            (annotation,) = get_args(annotation)
        else:
            return _type(annotation, markers), optional, is_list, tuple(markers)


_Marker = TypeVar("_Marker")


def _marker(markers: Sequence[object], kind: type[_Marker]) -> _Marker | None:
    for marker in markers:
        if isinstance(marker, kind):
            return marker
    return None


def _type(plain: type, markers: Sequence[object]) -> type[Type] | Simple:
    length = _marker(markers, Length)
    low, high = (length.low, length.high) if length else (0, None)
    if issubclass(plain, Type):
        return plain
    if issubclass(plain, Enumeration):
        return Enumerated(plain)
    if plain is bool:
        return Boolean()
    if plain is int:
        bounds = _marker(markers, Range) or Range(None, None)
        return Whole(bounds.low, bounds.high)
    if plain is str:
        return String(low, high)
    assert plain is bytes, f"{plain} is no type of a schema"
    return Binary(low, high, HEX in markers)


def walk(schema: Schema, roots: Iterable[type[Type]], leave: Collection[type[Type]] = ()) -> Iterator[type[Type]]:
    """The complex types that elements of these types can contain, themselves first, without going into `leave`."""
    found = dict.fromkeys(roots)
    queue = list(found)
    for current in queue:
        yield current
        for particle in schema.grammar(current).particles:
            for member in particle.members:
                if isinstance(member.type, type) and member.type not in found and member.type not in leave:
                    found[member.type] = None
                    queue.append(member.type)
