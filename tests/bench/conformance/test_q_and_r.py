"""The station of this project against blocks Q and R of OCPP 2.1; every frame is judged by the OCA's schemas."""

from typing import Any

import pytest
from tests.ocpp.messages import judge

from v2g.bench.conformance.cases import CASES, Verdict
from v2g.bench.conformance.runner import chosen, run

IDS = chosen("q-and-r")


def judged(subprotocol: Any, name: str, payload: Any) -> None:
    judge(subprotocol, name)(payload)


@pytest.mark.parametrize("id", [id for id in IDS if id in CASES])
def test_a_case_of_q_and_r(id: str) -> None:
    [result] = run([id], judge=judged)
    assert result.verdict is not Verdict.FAIL, result.text
