"""The station cases of ISO 15118-4: none fails, and each deed tells a station that does not care from one that does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from v2g.bench.conformance import report, secc
from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.secc import SeccCase, cases, judge


def one_of_each() -> Iterator[SeccCase]:
    """Of each message, occasion and deed; silence at a few messages only, for it lasts a minute."""
    seen = set()
    for case in cases():
        kind = (case.request, case.occasion, case.deed, case.payment)
        if case.reason is None and kind not in seen:
            seen.add(kind)
            if case.deed != "silence" or case.request in ("CableCheck", "ChargingStatus", "SessionStop"):
                yield case


def test_the_list_has_every_station_case() -> None:
    assert len({case.id for case in cases()}) == 299
    assert all(secc.REASONS.values())


@pytest.mark.parametrize("case", list(one_of_each()), ids=lambda case: case.id)
def test_a_case_passes(case: SeccCase) -> None:
    assert judge(case) == Result(case.id, Verdict.PASS, "")


@pytest.mark.proof
@pytest.mark.parametrize("case", [case for case in cases() if case.reason is None], ids=lambda case: case.id)
def test_every_case_passes(case: SeccCase) -> None:
    assert judge(case) == Result(case.id, Verdict.PASS, "")


@pytest.mark.parametrize("name", ["Authorization_003", "CableCheck_008", "PowerDelivery_008", "SessionSetup_002"])
def test_a_case_with_another_expected_code_fails(name: str) -> None:
    case = next(each for each in cases() if each.id.endswith(name) and each.scope != "AC")
    wrong = SeccCase(case.id, case.scope, case.request, case.occasion, case.payment, case.deed, "FAILED_Other", True)
    assert judge(wrong).verdict is Verdict.FAIL


def test_the_page_shows_what_failed_first(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    report.write(page, "iso15118-2", [Result("TC_1", Verdict.PASS), Result("TC_2", Verdict.FAIL, "<no answer>")])
    text = page.read_text()
    assert text.index("TC_2") < text.index("TC_1")
    assert "&lt;no answer&gt;" in text
    assert "1 pass, 1 fail" in text
