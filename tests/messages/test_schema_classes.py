"""The classes say what the schemas say: types, elements, order, occurrence, facets, enumerations."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from v2g.exi.facets import ATTRIBUTE, CHOICE, CONTENT, GROUP, REF, Choice, Type, Wildcard
from v2g.exi.grammar import (
    Binary,
    Boolean,
    Enumerated,
    Field,
    QName,
    Schema,
    String,
    Whole,
    element_name,
    fields_of,
    namespace,
)
from v2g.messages import codec

XS = "{http://www.w3.org/2001/XMLSchema}"

SETS = {
    "sap": ["V2G_CI_AppProtocol.xsd"],
    "din": [f"din_spec/V2G_CI_Msg{part}.xsd" for part in ("Def", "Header", "Body", "DataTypes")]
    + ["xmldsig-core-schema.xsd"],
    "iso2": [f"iso15118_2/V2G_CI_Msg{part}.xsd" for part in ("Def", "Header", "Body", "DataTypes")]
    + ["xmldsig-core-schema.xsd"],
} | {
    f"iso20-{name.lower().replace('messages', '')}": [
        f"iso15118_20/V2G_CI_{name}.xsd",
        "iso15118_20/V2G_CI_CommonTypes.xsd",
        "xmldsig-core-schema.xsd",
    ]
    for name in ("CommonMessages", "DC", "AC", "WPT", "ACDP")
}

# Where a class has another name than its type: the element's spelling, and two types that differ in case only.
NAMES = {
    "supportedAppProtocolReq": "supportedAppProtocolReq",
    "supportedAppProtocolRes": "supportedAppProtocolRes",
    "SessionStopType": "SessionStopReq",
}

BOUNDS = {
    "byte": (-128, 127),
    "unsignedByte": (0, 255),
    "short": (-(2**15), 2**15 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "int": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedLong": (0, 2**64 - 1),
    "integer": (None, None),
}


class Part(NamedTuple):
    """A piece of a content model: an `element` (its name and type), `any`, or a `sequence` or `choice` of parts."""

    what: str
    low: int
    high: int | None
    name: QName | None = None
    type: Any = None
    parts: tuple["Part", ...] = ()


def folded(part: Part) -> Part:
    """Groups of a single part are that part, with the product of their occurrences."""
    if part.what not in ("sequence", "choice"):
        return part
    parts = tuple(folded(inner) for inner in part.parts if inner.what not in ("sequence", "choice") or inner.parts)
    if part.what == "sequence":  # a plain sequence within a sequence is no group
        flat: list[Part] = []
        for inner in parts:
            plain = inner.what == "sequence" and (inner.low, inner.high) == (1, 1)
            flat += inner.parts if plain else [inner]
        parts = tuple(flat)
    if len(parts) == 1:
        (only,) = parts
        high = None if part.high is None or only.high is None else part.high * only.high
        return only._replace(low=part.low * only.low, high=high)
    return part._replace(parts=parts)


class Xsd:
    """Schema documents that belong together."""

    def __init__(self, files: list[Path]) -> None:
        self.types: dict[QName, ET.Element] = {}
        self.elements: dict[QName, ET.Element] = {}
        self.qualified: dict[str, tuple[bool, bool]] = {}
        self.prefixes: dict[int, dict[str, str]] = {}
        self.target: dict[int, str] = {}
        for file in files:
            prefixes = dict(re.findall(r'xmlns:?(\w*)\s*=\s*"([^"]+)"', file.read_text("utf-8")))
            root = ET.parse(file).getroot()
            target = root.get("targetNamespace", "")
            self.qualified[target] = (
                root.get("elementFormDefault") == "qualified",
                root.get("attributeFormDefault") == "qualified",
            )
            for node in root.iter():
                self.prefixes[id(node)] = prefixes
                self.target[id(node)] = target
            self._roots = [*getattr(self, "_roots", []), root]  # keeps the ids alive
            for node in root:
                if node.tag in (XS + "complexType", XS + "simpleType"):
                    self.types[QName(node.get("name", ""), target)] = node
                elif node.tag == XS + "element":
                    self.elements[QName(node.get("name", ""), target)] = node
                    if (anonymous := node.find(XS + "complexType")) is not None:
                        self.types[QName(node.get("name", ""), target)] = anonymous

    def name(self, node: ET.Element, text: str) -> QName:
        prefix, _, local = text.rpartition(":")
        return QName(local, self.prefixes[id(node)].get(prefix, ""))

    def simple(self, name: QName) -> Any:
        """The type of a simple type's name."""
        if "XMLSchema" in name.namespace:
            match name.local:
                case "boolean":
                    return Boolean()
                case "hexBinary" | "base64Binary":
                    return Binary(0, None, name.local == "hexBinary")
                case "string" | "anyURI" | "ID" | "IDREF":
                    return String(0, None)
            return Whole(*BOUNDS[name.local])
        return self.restricted(self.types[name])

    def restricted(self, node: ET.Element) -> Any:
        """The type of a restriction; for an enumeration the tuple of its values."""
        restriction = node[0] if node.tag == XS + "simpleType" else node
        base = self.simple(self.name(restriction, restriction.get("base", "")))
        facets = [(facet.tag.removeprefix(XS), facet.get("value", "")) for facet in restriction]
        if values := [value for facet, value in facets if facet == "enumeration"]:
            return tuple(values)
        limits = {facet: int(value) for facet, value in facets if facet != "annotation"}
        match base:
            case Whole():
                return Whole(limits.get("minInclusive", base.low), limits.get("maxInclusive", base.high))
            case String():
                return String(
                    limits.get("length", limits.get("minLength", base.low)),
                    limits.get("length", limits.get("maxLength", base.high)),
                )
            case Binary():
                return Binary(
                    limits.get("length", limits.get("minLength", base.low)),
                    limits.get("length", limits.get("maxLength", base.high)),
                    base.hex,
                )
        return base

    def type(self, name: QName) -> Any:
        """A simple type, or the name of a complex one."""
        node = self.types.get(name)
        return name if node is not None and node.tag == XS + "complexType" else self.simple(name)

    def content(self, node: ET.Element) -> Part:
        """The content model of a complex type without that of its base."""
        extension = node.find(f"{XS}complexContent/{XS}extension")
        groups = [
            self.part(child)
            for child in (node if extension is None else extension)
            if child.tag in (XS + "sequence", XS + "choice")
        ]
        return folded(Part("sequence", 1, 1, parts=tuple(groups)))

    def part(self, node: ET.Element) -> Part:
        low = int(node.get("minOccurs", "1"))
        high = None if node.get("maxOccurs") == "unbounded" else int(node.get("maxOccurs", "1"))
        what = node.tag.removeprefix(XS)
        if what in ("sequence", "choice"):
            parts = tuple(self.part(child) for child in node if isinstance(child.tag, str))
            return Part(what, low, high, parts=parts)
        if what == "any":
            return Part("any", low, high)
        assert what == "element"
        if ref := node.get("ref"):
            name = self.name(node, ref)
            declared = self.elements[name]
            return Part("element", low, high, name, self.type(self.name(declared, declared.get("type", ""))))
        target = self.target[id(node)]
        name = QName(node.get("name", ""), target if self.qualified[target][0] else "")
        if (anonymous := node.find(XS + "simpleType")) is not None:
            return Part("element", low, high, name, self.restricted(anonymous))
        return Part("element", low, high, name, self.type(self.name(node, node.get("type", ""))))


def class_name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    name = name.removesuffix("Type")
    return name[:1].upper() + name[1:]


def declared(kind: Any) -> Any:
    """What a field's type is in the terms of the schema."""
    if isinstance(kind, Enumerated):
        return tuple(member.value for member in kind.members)
    return kind


def class_content(schema: Schema, cls: type[Type], own_only: bool = True) -> Part:
    """The content model that a class declares itself."""
    parts: list[Part] = []
    choice: Choice | None = None
    for field in fields_of(cls):
        if (field.owner is not cls and own_only) or ATTRIBUTE in field.markers or CONTENT in field.markers:
            continue
        if field.choice is None or field.choice != choice:
            low = 0 if field.choice and field.choice.optional else 1
            parts.append(Part("choice" if field.choice else "sequence", low, 1))
        choice = field.choice
        parts[-1] = parts[-1]._replace(parts=(*parts[-1].parts, field_part(schema, field)))
    return folded(Part("sequence", 1, 1, parts=tuple(parts)))


def field_part(schema: Schema, field: Field) -> Part:
    low = 1 if field.choice and not field.is_list else field.low
    if field.type is Wildcard:
        return Part("any", low, field.high)
    if GROUP in field.markers:
        assert isinstance(field.type, type)
        return folded(class_content(schema, field.type)._replace(low=low, high=field.high))
    head = field.type
    members = schema.members(field)
    name = members[0].name
    if REF in field.markers and isinstance(head, type):
        own = element_name(head)
        assert own is not None
        name = own
    return Part("element", low, field.high, name, declared(head))


@pytest.fixture(params=list(SETS))
def pair(request: pytest.FixtureRequest, shared: Path) -> tuple[Xsd, Schema]:
    return Xsd([shared / "schemas" / file for file in SETS[request.param]]), codec(request.param).schema


def find(schema: Schema, name: QName) -> type[Type]:
    (found,) = (c for c in schema.classes if c.__name__ == class_name(name.local) and namespace(c) == name.namespace)
    return found


def test_complex_types(pair: tuple[Xsd, Schema]) -> None:
    xsd, schema = pair

    def named(part: Part) -> Part:
        """The classes of the part by the names of the types."""
        kind = find(schema, part.type) if isinstance(part.type, QName) else part.type
        return part._replace(type=kind, parts=tuple(named(inner) for inner in part.parts))

    for name, node in xsd.types.items():
        if node.tag == XS + "simpleType":
            continue
        cls = find(schema, name)
        extension = node.find(f"{XS}complexContent/{XS}extension")
        if extension is not None:
            base = cls.__base__
            if base is not None and base.__name__ == "BodyContent":
                base = base.__base__
            assert base is find(schema, xsd.name(extension, extension.get("base", "")))
        assert cls.__mixed__ == (node.get("mixed") == "true"), cls
        assert schema.grammar(cls).abstract == (node.get("abstract") == "true"), cls
        if cls.__name__ == "Transform":  # a repeated choice there, the same as two lists as long as no wildcard comes
            fields = [(field.name, field.low, field.high) for field in fields_of(cls)]
            assert fields == [("XPath", 0, None), ("any", 0, None), ("Algorithm", 1, 1)]
            continue
        assert class_content(schema, cls) == named(xsd.content(node)), cls


def test_attributes_and_simple_content(pair: tuple[Xsd, Schema]) -> None:
    xsd, schema = pair
    for name, node in xsd.types.items():
        if node.tag == XS + "simpleType":
            continue
        target = xsd.target[id(node)]
        expected = {
            (
                QName(attribute.get("name", ""), target if xsd.qualified[target][1] else ""),
                attribute.get("use") == "required",
                xsd.simple(xsd.name(attribute, attribute.get("type", ""))),
            )
            for attribute in node.iter(XS + "attribute")
        }
        cls = find(schema, name)
        grammar = schema.grammar(cls)
        own = [attribute for attribute in grammar.attributes if attribute.field.owner is cls]
        assert {(a.name, a.field.low == 1, declared(a.type)) for a in own} == expected, cls
        simple = node.find(f"{XS}simpleContent/{XS}extension")
        if simple is None:
            assert grammar.content is None
        else:
            assert grammar.content is not None
            assert grammar.content.type == xsd.simple(xsd.name(simple, simple.get("base", "")))


def test_global_elements_and_substitution_groups(pair: tuple[Xsd, Schema]) -> None:
    xsd, schema = pair
    assert {member.name for member in schema.elements} == set(xsd.elements)
    for member in schema.elements:
        node = xsd.elements[member.name]
        expected = xsd.type(xsd.name(node, node.get("type", member.name.local)))
        if isinstance(member.type, type):
            cls = member.type
            base = cls if cls.__name__ not in ("ACDP_DisconnectReq", "ACDP_DisconnectRes") else cls.__base__
            assert base is find(schema, expected)
            head = vars(cls)["__element__"].head
            group = node.get("substitutionGroup")
            assert (element_name(head) if head else None) == (xsd.name(node, group) if group else None)
        else:
            assert member.type == expected


def test_no_class_is_without_a_type(pair: tuple[Xsd, Schema]) -> None:
    xsd, schema = pair
    known = {find(schema, name) for name, node in xsd.types.items() if node.tag == XS + "complexType"}
    groups = {field.type for cls in schema.classes for field in fields_of(cls) if GROUP in field.markers}
    others = {cls.__name__ for cls in set(schema.classes) - known - groups}
    assert others <= {"BodyContent", "ACDP_DisconnectReq", "ACDP_DisconnectRes"}


@pytest.mark.parametrize("variant", ["iec", "sae"])
def test_amendment_1(shared: Path, variant: str) -> None:
    expected = json.loads((shared / "schemas" / f"amd1_ac_der_{variant}.json").read_text())
    schema = codec(f"iso20-ac-der-{variant}").schema
    module: ModuleType = schema.modules[0]
    assert expected["namespace"] == module.NAMESPACE
    for name, kind in expected["types"].items():
        cls = find(schema, QName(name, kind["namespace"]))
        if kind["base"]:
            assert cls.__base__ is not None
            assert cls.__base__.__name__ == class_name(kind["base"])
        choices = [particle.field.choice for particle in schema.grammar(cls).particles]
        assert choices == [CHOICE if "choice of exactly one" in kind.get("group", "") else None] * len(choices), cls
        elements = [
            (
                member.name.local,
                0 if len(particle.members) > 1 or particle.field.choice else particle.field.low,
                particle.field.high,
            )
            for particle in schema.grammar(cls).particles
            for member in particle.members
        ]
        assert elements == [(part["name"], part["min"], part["max"]) for part in kind["particles"]]
        types = {part["name"]: part["type"] for part in kind["particles"]}
        for particle in schema.grammar(cls).particles:
            for member in particle.members:
                known = types[member.name.local]
                match member.type:
                    case type():
                        assert member.type.__name__ == class_name(known)
                    case Enumerated():
                        assert list(member.type.members) == expected["enums"][known]["values"]
                    case Whole() if known in BOUNDS:
                        assert (member.type.low, member.type.high) == BOUNDS[known]
                    case Boolean():
                        assert known == "boolean"
