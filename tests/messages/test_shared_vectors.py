"""Documents and fragments that EXIficient wrote at random from the schemas, with the XML that it wrote them from."""

import json
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from v2g.exi.facets import ATTRIBUTE, CONTENT, GROUP, Type
from v2g.exi.grammar import Binary, Boolean, Member, QName, Schema, Simple, fields_of
from v2g.messages import codec, decode, decode_fragment, encode, encode_fragment

PROTOCOLS = {
    "app_protocol": "sap",
    "din70121": "din",
    "iso15118_2": "iso2",
    "iso15118_20_common": "iso20-common",
    "iso15118_20_dc": "iso20-dc",
    "iso15118_20_ac": "iso20-ac",
    "iso15118_20_wpt": "iso20-wpt",
    "iso15118_20_acdp": "iso20-acdp",
    "xmldsig": "xmldsig",
}


def vectors(shared: Path, name: str) -> Iterator[dict[str, str]]:
    with open(shared / "vectors" / "exi" / f"{name}.jsonl") as lines:
        yield from map(json.loads, lines)


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "xmldsig"])
def test_documents(shared: Path, name: str) -> None:
    protocol = PROTOCOLS[name]
    for vector in vectors(shared, name):
        data = bytes.fromhex(vector["exi"])
        message = decode(protocol, data, strict=True)
        schema = codec(protocol).schema
        root = next(member for member in schema.elements if member.type is type(message))
        assert_same(xml(schema, root, message), ET.fromstring(vector["xml"]))
        assert encode(protocol, message) == data


def test_fragments(shared: Path) -> None:
    for vector in vectors(shared, "fragments"):
        protocol = PROTOCOLS[vector["set"]]
        data = bytes.fromhex(vector["exi"])
        name, value = decode_fragment(protocol, data, strict=True)
        assert name == vector["fragment"]
        assert encode_fragment(protocol, name, value) == data
        expected = ET.fromstring(vector["xml"])
        schema = codec(protocol).schema
        types = schema.fragments[qname(expected.tag)]
        kind = type(value) if isinstance(value, Type) else next(k for k in types if not isinstance(k, type))
        assert_same(xml(schema, Member(qname(expected.tag), kind), value), expected)
        if other := vector.get("exi_josev_compiled_grammar"):
            # There a list that is full keeps its loop.
            assert other != vector["exi"]
            assert decode_fragment(protocol, bytes.fromhex(other), strict=True) == (name, value)


def test_string_table_hits_are_read_and_never_written(shared: Path) -> None:
    for vector in vectors(shared, "string_table_hits"):
        protocol = PROTOCOLS[vector["set"]]
        message = decode(protocol, bytes.fromhex(vector["exi_with_string_hits"]))
        assert message == decode(protocol, bytes.fromhex(vector["exi"]))
        schema = codec(protocol).schema
        root = next(member for member in schema.elements if member.type is type(message))
        assert_same(xml(schema, root, message), ET.fromstring(vector["xml"]))


def xml(schema: Schema, member: Member, value: Any) -> ET.Element:
    """The element that a value stands for."""
    element = ET.Element(tag(member.name))
    if not isinstance(member.type, type):
        element.text = text(member.type, value) or None
        return element

    def below(value: Type) -> None:
        for field in fields_of(type(value)):
            part = getattr(value, field.name)
            if part is None:
                continue
            if ATTRIBUTE in field.markers:
                assert not isinstance(field.type, type)
                element.set(tag(schema.attribute_name(field)), text(field.type, part))
                continue
            if CONTENT in field.markers:
                assert not isinstance(field.type, type)
                element.text = text(field.type, part) or None
                continue
            for item in part if field.is_list else [part]:
                if GROUP in field.markers:
                    below(item)
                    continue
                members = schema.members(field)
                own = next((m for m in members if m.type is type(item)), members[0])
                element.append(xml(schema, own, item))

    below(value)
    return element


def tag(name: QName) -> str:
    return f"{{{name.namespace}}}{name.local}" if name.namespace else name.local


def qname(tag: str) -> QName:
    namespace, _, local = tag.rpartition("}")
    return QName(local, namespace[1:])


def text(kind: Simple, value: Any) -> str:
    match kind:
        case Boolean():
            return "true" if value else "false"
        case Binary():
            return value.hex().upper() if kind.hex else b64encode(value).decode()
    return str(value)


def assert_same(actual: ET.Element, expected: ET.Element) -> None:
    assert ET.canonicalize(ET.tostring(actual)) == ET.canonicalize(ET.tostring(expected))  # attributes in order
