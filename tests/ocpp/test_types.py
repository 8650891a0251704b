"""The types are those of the OCA's schemas: generated from them, and judged by them."""

import json
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import fastjsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.ocpp.messages import FOLDERS, drawn, judge, kind, names
from tools.make_ocpp_types import ROOT, module

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode
from v2g.ocpp.version import Subprotocol

MESSAGES = [(version, name) for version in FOLDERS for name in names(version)]
FEW = settings(
    max_examples=3,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_the_generator_writes_what_is_there(folder: str) -> None:
    assert (ROOT / "src" / "v2g" / "ocpp" / f"{folder}.py").read_text() == module(folder)


def test_no_text_of_the_schemas_is_shipped() -> None:
    for folder in FOLDERS.values():
        assert "Copyright" not in Path(ROOT / "src" / "v2g" / "ocpp" / f"{folder}.py").read_text()


@pytest.mark.parametrize(("version", "name"), MESSAGES)
def test_what_the_types_allow_the_schemas_allow(version: Subprotocol, name: str) -> None:
    reads, valid = decoder(kind(version, name)), judge(version, name)

    @seed(1)
    @FEW
    @given(drawn(kind(version, name)))
    def check(document: dict[str, Any]) -> None:
        valid(document)
        written = encode(reads.decode(json.dumps(document)))
        valid(json.loads(written))
        assert reads.decode(written) == reads.decode(json.dumps(document))

    check()


@pytest.mark.parametrize(("version", "name"), MESSAGES)
def test_what_the_schemas_forbid_the_types_forbid(version: Subprotocol, name: str) -> None:
    reads, valid = decoder(kind(version, name)), judge(version, name)

    @seed(2)
    @settings(FEW, max_examples=1)
    @given(drawn(kind(version, name)), st.randoms(use_true_random=False))
    def check(document: dict[str, Any], random: Any) -> None:
        spoilt = list(_spoilt(document))
        random.shuffle(spoilt)
        for damaged in islice(spoilt, 12):
            try:
                valid(damaged)
            except fastjsonschema.JsonSchemaException:
                with pytest.raises(msgspec.ValidationError):
                    reads.decode(json.dumps(damaged))
            else:
                reads.decode(json.dumps(damaged))

    check()


def _spoilt(document: dict[str, Any]) -> Any:
    """The document with one thing changed: a key more or less, another type, too long, out of range."""
    for path in _paths(document):
        for change in ("add", "remove", "null", "empty", "long", "low", "high", "text"):
            damaged = deepcopy(document)
            parent: Any = damaged
            for step in path[:-1]:
                parent = parent[step]
            key = path[-1]
            value = parent[key]
            if change == "add" and isinstance(value, dict):
                value["surplus"] = 1
            elif change == "remove" and isinstance(parent, dict):
                del parent[key]
            elif change == "long" and isinstance(value, str):
                parent[key] = "y" * 40_000
            elif change in ("low", "high") and isinstance(value, int | float) and not isinstance(value, bool):
                parent[key] = -1_000_000 if change == "low" else 1_000_000
            elif change in ("null", "empty", "text"):
                parent[key] = {"null": None, "empty": [], "text": "no such word"}[change]
            else:
                continue
            yield damaged


def _paths(value: Any, start: tuple[Any, ...] = ()) -> Any:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*start, key)
        yield from _paths(each, (*start, key))


@pytest.mark.parametrize(
    ("said", "written"),
    [("21:13:01.160Z", "21:13:01.160Z"), ("21:13:01.1609+00:00", "21:13:01.160Z"), ("21:13:01Z", "21:13:01Z"),
     ("21:13:01.000004-01:00", "21:13:01.000-01:00")],
)  # fmt: skip
def test_a_time_has_at_most_three_decimals(said: str, written: str) -> None:
    document = f'{{"currentTime":"2026-11-28T{said}"}}'
    assert encode(decoder(v21.HeartbeatResponse).decode(document)) == document.replace(said, written).encode()


def test_data_of_a_vendor_are_kept() -> None:
    text = b'{"customData":{"vendorId":"com.example","any":[1,{"thing":null}]}}'
    assert encode(decoder(kind("ocpp2.1", "HeartbeatRequest")).decode(text)) == text
    with pytest.raises(msgspec.ValidationError, match="vendorId"):
        decoder(kind("ocpp2.1", "HeartbeatRequest")).decode(b'{"customData":{"any":1}}')


@pytest.mark.parametrize("said", [2**53, -(2**53), 10**400])
def test_a_whole_number_that_others_cannot_count_to_is_refused(said: int) -> None:
    """A clock or a register made of it would be wrong, or none."""
    with pytest.raises(msgspec.ValidationError):
        decoder(v21.GetBaseReportRequest).decode(f'{{"requestId":{said},"reportBase":"FullInventory"}}')
