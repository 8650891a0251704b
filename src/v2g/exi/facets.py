"""The vocabulary in which the message modules write down their schemas.

A message module reads like its XSD: a complex type is a class below `Type`, its elements are the fields in schema
order, and what the plain Python type cannot say stands in `Annotated`:

    Percent = Annotated[int, Range(0, 100)]

    @element
    class ServiceSelectionReq(ct.V2GRequest):
        SelectedEnergyTransferService: SelectedService
        SelectedVASList: SelectedServiceList | None = None

A field that is named like its type hides it in the rest of the class; there the type is reached through the name of the
module (`MeterInfo: ct.MeterInfo`), as an XSD reaches it through a prefix, in the module itself as well.

The namespace of a type and of its elements is `__namespace__` of the class or of a base in the same module, else the
`NAMESPACE` of the module. `v2g.exi.grammar` turns the classes into EXI grammars.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, TypeVar, overload

from msgspec import Struct


class Type(Struct, gc=False):
    """A complex type of the schema.

    Messages are trees, so the garbage collector need not look at them. Construction is by position or keyword and
    checks nothing; `encode` does. Take messages for values: parts may be shared, and a change is a new message
    (`msgspec.structs.replace`).

    `__abstract__` says of a class, and not of those below it, that no element can have this very type.
    """

    __namespace__: ClassVar[str]
    __element__: ClassVar[Element | None] = None
    __mixed__: ClassVar[bool] = False
    __abstract__: ClassVar[bool] = False


class Enumeration(StrEnum):
    """An enumeration of the schema, members in schema order; `auto()` is the member's own name."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final[Any] = _Required()
"""The default of a mandatory field that follows an optional one, so that the fields keep the order of the schema and
can be given by position. A message that still holds it is refused by `encode`."""


class Range(Struct, frozen=True):
    """`minInclusive` and `maxInclusive` of an integer; None is unbounded."""

    low: int | None
    high: int | None


class Length(Struct, frozen=True):
    """`minLength` and `maxLength`: characters of a string, octets of a binary."""

    low: int
    high: int


class Occurs(Struct, frozen=True):
    """`minOccurs` and `maxOccurs` of a list; None is `unbounded`."""

    low: int
    high: int | None


class Choice(Struct, frozen=True):
    """Neighbouring fields with an equal `Choice` are an `xs:choice`: exactly one is given, or none if `optional`."""

    optional: bool = False


CHOICE: Final = Choice()
OPTIONAL_CHOICE: Final = Choice(optional=True)


class _Marker:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


HEX: Final = _Marker("HEX")
BASE64: Final = _Marker("BASE64")
ATTRIBUTE: Final = _Marker("ATTRIBUTE")
"""The field is an attribute, not an element."""
CONTENT: Final = _Marker("CONTENT")
"""The field is the character content of a type with `simpleContent`."""
REF: Final = _Marker("REF")
"""`<element ref=...>`: the field's name is that of a global element of its type's namespace, and any member of the
substitution group of which that element is the head may replace it."""
GROUP: Final = _Marker("GROUP")
"""The fields of the value's class stand in this place themselves, without an element around them: a nested
`xs:sequence` or `xs:choice` with an occurrence of its own."""

Byte = Annotated[int, Range(-128, 127)]
UnsignedByte = Annotated[int, Range(0, 255)]
Short = Annotated[int, Range(-32768, 32767)]
UnsignedShort = Annotated[int, Range(0, 65535)]
Int = Annotated[int, Range(-(2**31), 2**31 - 1)]
UnsignedInt = Annotated[int, Range(0, 2**32 - 1)]
Long = Annotated[int, Range(-(2**63), 2**63 - 1)]
UnsignedLong = Annotated[int, Range(0, 2**64 - 1)]
Integer = Annotated[int, Range(None, None)]
HexBinary = Annotated[bytes, HEX]
Base64Binary = Annotated[bytes, BASE64]
ID = Annotated[str, ATTRIBUTE]
"""An attribute of type `xs:ID` (in DIN SPEC 70121 `xs:IDREF`): what a signature's reference points at."""


class Wildcard(Type):
    """`xs:any`. It counts in the grammar; a message that carries an element for it is refused."""


class Element(Struct, frozen=True):
    """A global element: its name and the class of the head of its substitution group."""

    name: str
    head: type[Type] | None


_T = TypeVar("_T", bound=type[Type])


@overload
def element(declared: _T) -> _T: ...
@overload
def element(declared: str | None = None, *, substitutes: type[Type] | None = None) -> Callable[[_T], _T]: ...
def element(declared: _T | str | None = None, *, substitutes: type[Type] | None = None) -> _T | Callable[[_T], _T]:
    """Declare the global element of a type: named like its class unless a name is given, and, with `substitutes`, a
    member of the substitution group of that class's element."""

    def declare(cls: _T) -> _T:
        cls.__element__ = Element(declared if isinstance(declared, str) else cls.__name__, substitutes)
        return cls

    return declare(declared) if isinstance(declared, type) else declare
