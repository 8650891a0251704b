"""Recorded messages, and messages made up from the classes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from v2g.exi.facets import Type, Wildcard
from v2g.exi.grammar import Binary, Boolean, Enumerated, Field, Schema, Simple, String, Whole, fields_of
from v2g.messages import codec

Recording = tuple[str, bytes, dict[str, Any]]
"""A protocol, a message as it was on the wire, and what it says."""


def _recordings() -> list[Recording]:
    lines = [
        (file.stem, json.loads(line))
        for file in sorted((Path(__file__).parent / "data").glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]
    return [(protocol, bytes.fromhex(line["exi"]), line["document"]) for protocol, line in lines]


@pytest.fixture(scope="session")
def recordings() -> list[Recording]:
    """At least one message of every kind. The bytes of most were written by EXIficient."""
    return _recordings()


@pytest.fixture(scope="session")
def made_up() -> Callable[[str], st.SearchStrategy[Type]]:
    """Strategies for messages of a protocol: optional elements given or not, all choices and substitutions, lists with
    the fewest, some, and the most entries, numbers up to their limits, and text that is not ASCII."""

    def strategy(protocol: str) -> st.SearchStrategy[Type]:
        of = codec(protocol)
        names = ("supportedAppProtocolReq", "supportedAppProtocolRes", "V2G_Message", "Signature")
        roots = [cls for cls in of.messages if cls.__name__.endswith(("Req", "Res")) or cls.__name__ in names]
        if protocol in ("din", "iso2"):
            roots = [cls for cls in roots if cls.__name__ == "V2G_Message"]
        return st.sampled_from(roots).flatmap(lambda cls: _values(of.schema, cls))

    return strategy


@st.composite
def _values(draw: st.DrawFn, schema: Schema, cls: type[Type]) -> Type:
    values: dict[str, Any] = {}
    choices: dict[object, str | None] = {}
    fields = [field for field in fields_of(cls) if field.type is not Wildcard]
    for field in fields:
        if field.choice and field.choice not in choices:
            names = [other.name for other in fields if other.choice == field.choice]
            choices[field.choice] = draw(st.sampled_from([*names, None] if field.choice.optional else names))
        if field.choice:
            given = choices[field.choice] == field.name
        else:
            given = field.low > 0 or draw(st.integers(0, 2)) == 0
        if given:
            values[field.name] = draw(_field_values(schema, field))
    return cls(**values)


def _field_values(schema: Schema, field: Field) -> st.SearchStrategy[Any]:
    kind = field.type
    if isinstance(kind, type):
        members = [member.type for member in schema.members(field) if isinstance(member.type, type)]
        kinds = [cls for cls in members if not schema.grammar(cls).abstract]
        one: st.SearchStrategy[Any] = st.sampled_from(kinds or [kind]).flatmap(lambda cls: _values(schema, cls))
    else:
        one = _simple_values(kind)
    if not field.is_list:
        return one
    few = st.integers(max(field.low, 1), max(field.low, 1) + 2 if field.high is None else min(field.high, 3))
    if field.high is not None and field.high <= 24 and not isinstance(kind, type):
        few = few | st.just(field.high)
    return few.flatmap(lambda size: st.lists(one, min_size=size, max_size=size))


def _simple_values(kind: Simple) -> st.SearchStrategy[Any]:
    match kind:
        case Boolean():
            return st.booleans()
        case Enumerated():
            return st.sampled_from(kind.members)
        case Whole():
            low = -(2**200) if kind.low is None else kind.low
            high = 2**200 if kind.high is None else kind.high
            edges = [edge for edge in (low, high, 0, 1, 127, 128, -128, -129, 16383, 16384) if low <= edge <= high]
            return st.sampled_from(edges) | st.integers(low, high)
        case String():
            longest = 20 if kind.high is None else kind.high
            return st.text("abcXYZ09:/äß€𝄞", min_size=kind.low, max_size=min(longest, max(kind.low, 20))) | st.just(
                "x" * longest
            )
        case Binary():
            longest = 20 if kind.high is None else kind.high
            return st.binary(min_size=kind.low, max_size=min(longest, max(kind.low, 20))) | st.just(b"\xff" * longest)
