"""The station of this project against OCTT's station cases; every frame is judged by the OCA's schemas."""

from typing import Any

import pytest
from tests.ocpp.messages import judge

from v2g.bench.conformance.cases import CASES, OCTT, REASONS, Verdict
from v2g.bench.conformance.runner import chosen, run

IDS = chosen(OCTT)
QUICK = ("TC_B_0", "TC_B_3", "TC_D_", "TC_K_0", "TC_K_3", "TC_M_", "TC_C_50", "TC_C_53", "TC_C_55")
"""Cases of every kind, most of them without a car; all of them are for `make proof`."""


def judged(subprotocol: Any, name: str, payload: Any) -> None:
    judge(subprotocol, name)(payload)


@pytest.mark.parametrize("id", [id for id in IDS if id in CASES and id.startswith(QUICK) and id != "TC_K_09_CS"])
def test_a_quick_case(id: str) -> None:
    [result] = run([id], judge=judged)
    assert result.verdict is not Verdict.FAIL, result.text


@pytest.mark.proof
@pytest.mark.parametrize("id", [id for id in IDS if id in CASES and not id.startswith(QUICK)])
def test_a_case(id: str) -> None:
    [result] = run([id], judge=judged)
    assert result.verdict is not Verdict.FAIL, result.text


def test_every_case_of_the_four_profiles_is_there_or_has_a_reason() -> None:
    unknown = [id for id in IDS if id not in CASES and id not in REASONS]
    assert unknown == []
