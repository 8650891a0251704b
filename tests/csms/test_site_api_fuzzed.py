"""The REST interface of a site, fuzzed against its own description over a real connection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.console.served import ServedHome

from v2g.console.access import Gate
from v2g.depot.site.configuration import Contacts, ControlBox

ENDLESS = "/api/events"


class Turns:
    """A clock that goes on by itself, so that no rate is exceeded."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1.0
        return self._now


class OpenHome(ServedHome):
    """A house whose page serves this machine without signing in, with a control box and a program that limits."""

    control_box = ControlBox(contacts=(Contacts(name="W4", charge_w=4_200.0),), remote=True)

    def _gate(self) -> Gate:
        return Gate(Turns())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ServedHome]:
    served = OpenHome(tmp_path)
    yield served
    served.end()


@pytest.mark.parametrize("examples", [5, pytest.param(200, marks=[pytest.mark.proof, pytest.mark.timeout(1800)])])
def test_schemathesis_finds_no_fault_in_what_the_description_says(home: ServedHome, examples: int) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    schema = schemathesis.openapi.from_url(f"{home.url}/api/openapi.json")
    found = set()
    for each in schema.get_all_operations():
        operation = each.ok()
        if operation.path == ENDLESS:
            continue
        found.add((operation.method, operation.path))

        @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], derandomize=True,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            # Whether there is such a charger, and a car at it, no description says.
            case.call_and_validate(base_url=home.url, excluded_checks=[positive_data_acceptance])

        check()
    assert {
        ("put", "/api/house"),
        ("put", "/api/limit"),
        ("post", "/api/limit/heartbeat"),
        ("get", "/api/plan"),
    } < found
