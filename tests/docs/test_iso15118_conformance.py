"""The page about good and bad cars says what the cases are; tests/bench/conformance run them."""

from tools.draw_iso15118_conformance import PAGE, found_before, page


def test_the_page_is_drawn_from_the_cases() -> None:
    assert PAGE.read_text() == page(found_before()), "run `python tools/draw_iso15118_conformance.py`"
