"""Writes the message types of OCPP 1.6, 2.0.1 and 2.1 (`src/v2g/ocpp/v16.py`, `v201.py`, `v21.py`) from the OCA's JSON
schemas.

The schemas come with the PyPI package `ocpp`, a development dependency; none of their text is copied, only what a
message has to look like: names, types, bounds, enumerations, what is required.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
VERSIONS = {"v16": "1.6", "v201": "2.0.1", "v21": "2.1"}
CORRECTIONS = {("v201", "Get15118EVCertificateResponse", "exiResponse"): {"type": "string", "maxLength": 5600}}
"""Where the package departs from the schemas as the OCA published them."""

Schema = dict[str, Any]


def schemas(version: str) -> dict[str, Schema]:
    """The schema of each message of a version by the message's name, such as `HeartbeatRequest`."""
    package = find_spec("ocpp")
    assert package is not None
    assert package.submodule_search_locations is not None
    folder = Path(package.submodule_search_locations[0]) / version / "schemas"
    found = {file.stem: json.loads(file.read_text("utf-8-sig")) for file in sorted(folder.glob("*.json"))}
    if version == "v16":  # requests are named like their actions there
        found = {name if name.endswith("Response") else f"{name}Request": each for name, each in found.items()}
    for (where, message, field), correction in CORRECTIONS.items():
        if where == version:
            found[message]["properties"][field] |= correction
    return found


def module(version: str) -> str:
    """The text of a version's module."""
    messages = schemas(version)
    definitions: dict[str, Schema] = {}
    for schema in messages.values():
        definitions |= schema.get("definitions", {})
    definitions.pop("CustomDataType", None)
    if version == "v16":
        messages, definitions = _with_names(messages, definitions)
    bodies = {name: _body(name, schema) for name, schema in definitions.items()}
    order = TopologicalSorter({name: sorted(_needs(each) & bodies.keys()) for name, each in definitions.items()})
    parts = [bodies[name] for name in order.static_order()]
    parts += [_body(name, schema) for name, schema in messages.items()]
    texts = sorted({limit for part in parts for limit in _limits(part)})
    aliases = [f"Text{limit} = Annotated[str, Meta(max_length={limit})]" for limit in texts]
    answered = [name.removesuffix("Request") for name in messages if name.endswith("Request")]
    sent = [name for name in messages if not name.endswith(("Request", "Response"))]
    calls = [f'"{name}": ({name}Request, {name}Response),' for name in answered]
    sends = [f'"{name}": {name},' for name in sent]
    head = [
        f'"""The messages of OCPP {VERSIONS[version]}, by `tools/make_ocpp_types.py`. Do not edit.',
        "",
        "Names and order are those of the OCA's schemas. What is absent is `UNSET`.",
        '"""',
        "",
        "from datetime import datetime",
        "from typing import Annotated, Any, Literal",
        "",
        "from msgspec import UNSET, Meta, Struct, UnsetType",
        "",
        "from v2g.ocpp.base import CustomData, Message, Type",
        "",
        "Time = Annotated[datetime, Meta(tz=True)]",
        "MOST = 2**53 - 1",
        '"""Beyond it, peers do not agree on what a whole number of JSON is (RFC 8259)."""',
        "Whole = Annotated[int, Meta(ge=-MOST, le=MOST)]",
    ]
    tail = [
        "CALLS: dict[str, tuple[type[Message], type[Message]]] = {",
        *calls,
        "}",
        '"""Action -> its request and its response."""',
        "",
        "SENDS: dict[str, type[Message]] = {",
        *sends,
        "}",
        '"""Messages that have no response (SEND)."""',
    ]
    text = "\n".join([*head, *aliases, "", "", *parts, *tail, ""])
    for name in ("Any", "Struct"):
        if text.count(name) == 1:
            text = text.replace(f", {name}", "", 1)
    if text.count("CustomData") == 1:
        text = text.replace("import CustomData, ", "import ")
    return _formatted(text.replace("Meta, Struct, ", "Meta, "))


def _with_names(
    messages: dict[str, Schema], definitions: dict[str, Schema]
) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Gives the nameless objects inside messages names: that of their field, and before it the message's if the fields
    of that name differ."""
    found: dict[str, dict[str, Schema]] = {}
    for message, schema in messages.items():
        for field, each in _nameless(schema):
            found.setdefault(field, {})[message] = each
    alike = {field for field, uses in found.items() if len({json.dumps(each) for each in uses.values()}) == 1}

    def named(schema: Schema, message: str, field: str) -> Schema:
        if schema.get("type") == "array":
            return schema | {"items": named(schema["items"], message, field)}
        if schema.get("type") != "object":
            return schema
        name = ("" if field in alike else message) + field[0].upper() + field[1:]
        definitions[name] = inside(schema, message)
        return {"$ref": name}

    def inside(schema: Schema, message: str) -> Schema:
        fields = schema.get("properties", {})
        return schema | {"properties": {field: named(each, message, field) for field, each in fields.items()}}

    return {message: inside(schema, message) for message, schema in messages.items()}, definitions


def _nameless(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for field, each in schema.get("properties", {}).items():
        inner = each["items"] if each.get("type") == "array" else each
        if inner.get("type") == "object":
            yield field, inner
            yield from _nameless(inner)


def _limits(part: str) -> Iterator[int]:
    for piece in part.split("Text")[1:]:
        digits = piece[: len(piece) - len(piece.lstrip("0123456789"))]
        if digits:
            yield int(digits)


def _needs(schema: Schema) -> set[str]:
    """The definitions that one uses."""
    if isinstance(schema, dict):
        own = {schema["$ref"].rpartition("/")[2]} if "$ref" in schema else set()
        return own.union(*(_needs(each) for each in schema.values()))
    return set()


def _body(name: str, schema: Schema) -> str:
    if "enum" in schema:
        return f"{name} = Literal[{', '.join(json.dumps(each) for each in schema['enum'])}]\n"
    base = "Message" if name.endswith(("Request", "Response")) or "$schema" in schema else "Type"
    required = set(schema.get("required", ()))
    fields = []
    for field, kind in schema.get("properties", {}).items():
        written = _type(kind)
        fields.append(f"    {field}: {written}" + ("" if field in required else " | UnsetType = UNSET"))
    return "\n".join([f"class {name}({base}, frozen=True, kw_only=True):", *(fields or ["    pass"]), "", ""])


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"].rpartition("/")[2])
        return "CustomData" if name == "CustomDataType" else name
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return "Time"
        case "string" if "enum" in schema:
            return f"Literal[{', '.join(json.dumps(each) for each in schema['enum'])}]"
        case "string":
            return f"Text{schema['maxLength']}" if "maxLength" in schema else "str"
        case "integer" | "number" as kind:
            meta = [f"{to}={schema[of]:g}" for of, to in (("minimum", "ge"), ("maximum", "le")) if of in schema]
            if not meta:
                return "Whole" if kind == "integer" else "float"
            if kind == "integer" and "maximum" not in schema:
                meta.append("le=MOST")
            return f"Annotated[{'int' if kind == 'integer' else 'float'}, Meta({', '.join(meta)})]"
        case "boolean":
            return "bool"
        case "array":
            meta = [
                f"{to}={schema[of]}"
                for of, to in (("minItems", "min_length"), ("maxItems", "max_length"))
                if of in schema
            ]
            inner = f"tuple[{_type(schema['items'])}, ...]"
            return f"Annotated[{inner}, Meta({', '.join(meta)})]" if meta else inner
        case None:
            return "Any"
    raise ValueError(f"a schema has a type that this generator does not know: {schema}")


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "120", "--stdin-filename", "types.py", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


if __name__ == "__main__":
    for version in VERSIONS:
        (ROOT / "src" / "v2g" / "ocpp" / f"{version}.py").write_text(module(version))
