"""The page about conformance with OCPP says what the cases are."""

from tools.draw_ocpp_conformance import PAGE, page

from v2g.bench.conformance.cases import CASES, DER, REASONS, known


def test_the_page_is_drawn_from_the_cases() -> None:
    assert PAGE.read_text() == page()


def test_every_requirement_of_q_and_r_has_a_case_or_a_reason() -> None:
    shown = {number for case in CASES.values() for number in case.shows}
    assert [id for id, _, _ in known(DER) if id not in shown and id not in REASONS] == []
