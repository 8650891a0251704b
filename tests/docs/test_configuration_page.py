"""The reference of the configuration is that of the types, and says what each key means."""

from tools.draw_configuration import FILES, PAGE, meaning, page

from v2g.station.config.keys import keys


def test_the_page_is_drawn_from_the_types() -> None:
    assert PAGE.read_text() == page(), "run `python tools/draw_configuration.py`"


def test_every_key_has_a_meaning() -> None:
    every = [(file, key) for file, kind in FILES.values() for key in keys(kind)]
    assert [f"{file}: {key.path}" for file, key in every if not meaning(key)] == []
