"""Messages as XML, with the namespaces of their schemas, for tools that want it."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from v2g.exi.facets import ATTRIBUTE, CONTENT, GROUP, REQUIRED, Type
from v2g.exi.grammar import Binary, Field, QName, Schema, element_name, fields_of
from v2g.kernel.printable import escaped
from v2g.messages import codec


def to_xml(protocol: str, message: Type) -> str:
    """The message as an indented XML element."""
    name = element_name(type(message))
    assert name is not None
    root = _element(codec(protocol).schema, name, message)
    for namespace in {each.tag[1:].partition("}")[0] for each in root.iter() if each.tag[0] == "{"}:
        prefix = "ds" if namespace.endswith("xmldsig#") else namespace.rpartition(":")[2]
        ElementTree.register_namespace(prefix, namespace)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def _element(schema: Schema, name: QName, value: Type) -> ElementTree.Element:
    element = ElementTree.Element(_tag(name))
    _fill(schema, element, value)
    return element


def _fill(schema: Schema, element: ElementTree.Element, value: Type) -> None:
    for field in fields_of(type(value)):
        for part in _parts(field, value):
            if ATTRIBUTE in field.markers:
                element.set(_tag(schema.attribute_name(field)), _text(field, part))
            elif CONTENT in field.markers:
                element.text = _text(field, part)
            elif GROUP in field.markers:
                _fill(schema, element, part)
            elif isinstance(part, Type):
                member = next(each for each in schema.members(field) if each.type is type(part))
                element.append(_element(schema, member.name, part))
            else:
                ElementTree.SubElement(element, _tag(schema.members(field)[0].name)).text = _text(field, part)


def _parts(field: Field, value: Type) -> Iterator[Any]:
    part = getattr(value, field.name)
    if part is not None and part is not REQUIRED:
        yield from part if field.is_list else [part]


def _tag(name: QName) -> str:
    return f"{{{name.namespace}}}{name.local}" if name.namespace else name.local


def _text(field: Field, value: Any) -> str:
    if isinstance(field.type, Binary):
        return value.hex().upper() if field.type.hex else b64encode(value).decode()
    return str(value).lower() if isinstance(value, bool) else escaped(str(value))
