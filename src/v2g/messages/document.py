"""Messages as plain documents (dict, list, str, int, bool) with the schemas' element names, for JSON and the trace.

    to_document(message) == {"DC_ChargeLoopReq": {"Header": {"SessionID": "0102030405060708", ...}, ...}}

A member of a substitution group stands under its own element's name, hexBinary is upper-case hexadecimal, base64Binary
is base64, what is absent is left out, and repeated elements are a list. The items of a repeated group of xmldsig, which
have no element, are the list `items`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import cache
from typing import Any, NoReturn

from v2g.exi import ExiError
from v2g.exi.facets import GROUP, REF, REQUIRED, Type
from v2g.exi.grammar import Binary, Boolean, Enumerated, Field, Schema, Simple, String, Whole, element_name, fields_of
from v2g.messages import codec


def to_document(message: Type) -> dict[str, Any]:
    """The message under the name of its element. What is not yet filled in (REQUIRED) is left out."""
    return {_own_name(type(message)): _content(message)}


def from_document(protocol: str, document: dict[str, Any]) -> Any:
    """The message of a document. Raises ExiError for an element that the schema does not have in that place, one that
    is missing, and a value of the wrong kind; ranges and lengths are checked by `encode`."""
    reader = _Reader(codec(protocol).schema)
    root, content = reader.root(document)
    for member in reader.schema.elements:
        if member.name.local == root and isinstance(member.type, type):
            return reader.complex(root, member.type, content)
    reader.fail(f"{root} is no root element of {protocol}")


def fragment_to_document(protocol: str, element: str, value: Any) -> dict[str, Any]:
    """What `decode_fragment` gives, under the name of the element."""
    if isinstance(value, Type):
        return {element: _content(value)}
    kinds = _kinds(codec(protocol).schema, element)
    kind = next(kind for kind in kinds if isinstance(kind, Binary) == isinstance(value, bytes))
    return {element: _plain(kind, value)}


def fragment_from_document(protocol: str, document: dict[str, Any]) -> tuple[str, Any]:
    """The element and the value that `encode_fragment` takes; raises ExiError as `from_document` does."""
    reader = _Reader(codec(protocol).schema)
    element, content = reader.root(document)
    kinds = _kinds(reader.schema, element)
    if not kinds:
        reader.fail(f"{element} is no element of {protocol}")
    fitting = [kind for kind in kinds if isinstance(kind, type) == isinstance(content, dict)]
    return element, reader.value(element, (fitting or kinds)[0], content)


def _kinds(schema: Schema, element: str) -> list[type[Type] | Simple]:
    """The types that elements of this name have."""
    return [kind for name, kinds in schema.fragments.items() if name.local == element for kind in kinds]


@cache
def _own_name(cls: type[Type]) -> str:
    name = element_name(cls)
    return name.local if name else cls.__name__


@cache
def _fields(cls: type[Type]) -> tuple[tuple[Field, bool], ...]:
    """The fields, and for each whether its key is the name of the value's own element."""
    return tuple((field, REF in field.markers and isinstance(field.type, type)) for field in fields_of(cls))


def _content(value: Type) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for field, named_by_value in _fields(type(value)):
        part = getattr(value, field.name)
        if part is None or part is REQUIRED or part == []:
            continue
        if GROUP in field.markers and not field.is_list:
            content |= _content(part)
            continue
        name = field.name
        if named_by_value:
            first: Type = part[0] if field.is_list else part
            name = _own_name(type(first))
        content[name] = [_plain(field.type, item) for item in part] if field.is_list else _plain(field.type, part)
    return content


def _plain(kind: type[Type] | Simple, value: Any) -> Any:
    if isinstance(value, Type):
        return _content(value)
    if isinstance(kind, Binary):
        return value.hex().upper() if kind.hex else b64encode(value).decode()
    return str(value) if isinstance(value, str) else value


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._path: list[str] = []

    def fail(self, reason: str) -> NoReturn:
        raise ExiError(None, "/".join(self._path), reason)

    def root(self, document: dict[str, Any]) -> tuple[str, Any]:
        """The name and the content of the one element."""
        if not isinstance(document, dict) or len(document) != 1:
            self.fail("a document has one root element")
        ((name, content),) = document.items()
        return name, content

    def complex(self, name: str, cls: type[Type], content: Any) -> Type:
        self._path.append(name)
        if not isinstance(content, dict):
            self.fail(f"expected the elements of {cls.__name__}, got {content!r:.100}")
        rest = dict(content)
        value = self._take(cls, rest)
        if rest:
            self.fail(f"{next(iter(rest))} is no element of {cls.__name__}")
        self._path.pop()
        return value

    def _take(self, cls: type[Type], content: dict[str, Any]) -> Type:
        """The value of a class, made of the entries of `content` that belong to it; they are taken out of it."""
        values: dict[str, Any] = {}
        for field in fields_of(cls):
            if GROUP in field.markers and isinstance(field.type, type) and not field.is_list:
                if next(iter(fields_of(field.type))).name in content:
                    values[field.name] = self._take(field.type, content)
                continue
            kinds = {field.name: field.type}
            if REF in field.markers:
                kinds = {member.name.local: member.type for member in self.schema.members(field)}
            name = next((name for name in kinds if name in content), None)
            if name is None:
                if field.low and field.choice is None:
                    self.fail(f"{field.name} is missing")
                continue
            part = content.pop(name)
            if not field.is_list:
                values[field.name] = self.value(name, kinds[name], part)
            elif isinstance(part, list):
                values[field.name] = [self.value(name, kinds[name], item) for item in part]
            else:
                self.fail(f"{name} is a list, got {part!r:.100}")
        return cls(**values)

    def value(self, name: str, kind: type[Type] | Simple, value: Any) -> Any:
        match kind:
            case type():
                return self.complex(name, kind, value)
            case Boolean() if isinstance(value, bool):
                return value
            case Whole() if isinstance(value, int) and not isinstance(value, bool):
                return value
            case String() if isinstance(value, str):
                return value
            case Enumerated() if value in kind.members:
                return kind.members[kind.members.index(value)]
            case Binary() if isinstance(value, str):
                try:
                    return bytes.fromhex(value) if kind.hex else b64decode(value, validate=True)
                except ValueError as error:
                    self.fail(f"{name}: {error}")
        self.fail(f"{name}: {value!r:.100} is no {type(kind).__name__.lower()}")
