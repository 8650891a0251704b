"""Messages of OCPP drawn from their types, and the OCA's schemas as the judge of them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import fastjsonschema
from hypothesis import strategies as st
from msgspec import inspect
from tools.make_ocpp_types import schemas

from v2g.ocpp.base import CustomData, Message
from v2g.ocpp.version import Subprotocol, types_of

FOLDERS: dict[Subprotocol, str] = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
_TOO_FINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{4,}")
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)


@cache
def _schemas(subprotocol: Subprotocol) -> dict[str, dict[str, Any]]:
    found = schemas(FOLDERS[subprotocol])
    for each in found.values():
        _what_types_can_say(each)
    return found


def _what_types_can_say(schema: Any) -> None:
    """1.6 has limits in steps of 0.1, which are no multiples of 0.1 as binary fractions, and two addresses (`uri`) in
    requests that the station does not offer."""
    if isinstance(schema, dict):
        schema.pop("multipleOf", None)
        if schema.get("format") == "uri":
            del schema["format"]
        for each in schema.values():
            _what_types_can_say(each)


def names(subprotocol: Subprotocol) -> list[str]:
    """All messages of a version."""
    return list(_schemas(subprotocol))


@cache
def judge(subprotocol: Subprotocol, name: str) -> Callable[[Any], None]:
    """Raises `fastjsonschema.JsonSchemaException` for what the OCA's schema of this message forbids, and for a time of
    more than three decimals, which the text forbids (part 2, 3.1)."""
    compiled: Callable[[Any], None] = fastjsonschema.compile(_schemas(subprotocol)[name])

    def judged(said: Any) -> None:
        compiled(said)
        if (fine := _TOO_FINE.search(json.dumps(said))) is not None:
            raise fastjsonschema.JsonSchemaException(f"a time has more than three decimals: {fine[0]}")

    return judged


def kind(subprotocol: Subprotocol, name: str) -> type[Message]:
    found: type[Message] = getattr(types_of(subprotocol), name)
    return found


@cache
def drawn(of: type[Message]) -> st.SearchStrategy[dict[str, Any]]:
    """Any message of that type, as what JSON can hold."""
    return _strategy(inspect.type_info(of))


def _strategy(of: Any) -> st.SearchStrategy[Any]:
    match of:
        case inspect.StructType():
            required = {each.name: _strategy(each.type) for each in of.fields if each.required}
            optional = {each.name: _strategy(each.type) for each in of.fields if not each.required}
            return st.fixed_dictionaries(required, optional=optional)
        case inspect.VarTupleType():
            least, most = of.min_length or 0, of.max_length
            return st.lists(_strategy(of.item_type), min_size=least, max_size=min(most or least + 1, least + 1))
        case inspect.LiteralType():
            return st.sampled_from(of.values)
        case inspect.StrType():
            most = of.max_length
            short = _TEXT if most is None or most >= 8 else _TEXT.map(lambda text: text[:most])
            return short if most is None else short | st.just("x" * most)
        case inspect.IntType():
            return st.integers(-(2**31) if of.ge is None else of.ge, 2**31 if of.le is None else of.le)
        case inspect.FloatType():
            return st.floats(of.ge, of.le, allow_nan=False, allow_infinity=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.DateTimeType():
            moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1))
            return moments.map(
                lambda moment: moment.replace(microsecond=0, tzinfo=UTC).isoformat().replace("+00:00", "Z")
            )
        case inspect.CustomType(cls=cls) if cls is CustomData:
            return st.fixed_dictionaries({"vendorId": _TEXT}, optional={"x": st.integers() | _TEXT})
        case inspect.AnyType():
            return st.none() | st.booleans() | st.integers(-99, 99) | _TEXT
    raise AssertionError(of)
