"""The drawn tables are those of the code."""

from pathlib import Path

from tools.draw_table import page


def test_the_page_shows_the_table(repository: Path) -> None:
    assert (repository / "docs" / "phases.md").read_text() == page(), "run `python tools/draw_table.py`"
