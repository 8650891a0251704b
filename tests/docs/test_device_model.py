"""The page about the device model says what a station's variables are."""

from tools.draw_device_model import PAGE, page


def test_the_page_is_drawn_from_a_station() -> None:
    assert PAGE.read_text() == page(), "run `python tools/draw_device_model.py`"
