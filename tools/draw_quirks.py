"""Draws the known deviations of cars into their page: `python tools/draw_quirks.py` writes the table of docs/quirks.md.

A test holds the page to the data, so run it after every change of an entry.
"""

from pathlib import Path

from v2g.station.quirks import Quirk, shipped

PAGE = Path(__file__).parent.parent / "docs" / "quirks.md"
BEGIN, END = "<!-- quirks: drawn by tools/draw_quirks.py -->\n", "<!-- end of quirks -->\n"


def _row(quirk: Quirk) -> str:
    known_by = "MAC " + ", ".join(f"`{each}`" for each in quirk.mac) if quirk.mac else f"EVCCID `{quirk.evcc_id}`"
    allowance = ", ".join(f"`{name}: {str(value).lower()}`" for name, value in quirk.allowances.items())
    sources = [
        f"[{number}]({each.split()[0]}) {each.partition(' ')[2]}".strip() for number, each in enumerate(quirk.source, 1)
    ]
    return f"| {quirk.car} | {known_by} | {quirk.deviation} | {allowance or '-'} | {'; '.join(sources)} |"


def with_table(page: str) -> str:
    """The page with the present table instead of the one that it has. Raises `ValueError` if it has none."""
    start, end = page.index(BEGIN), page.index(END)
    head = ["| car | known by | deviation | allowance | source |", "|---|---|---|---|---|"]
    return page[:start] + BEGIN + "\n".join([*head, *map(_row, shipped()), END]) + page[end + len(END) :]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
