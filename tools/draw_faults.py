"""Draws the fault catalogue into the documentation: `python tools/draw_faults.py` writes the table of docs/operator.md.

A test holds the page to the catalogue, so run it after every change of an entry.
"""

from pathlib import Path

from v2g.kernel.fault import Fault
from v2g.station.faults import CATALOGUE, Entry
from v2g.station.unified import unified

PAGE = Path(__file__).parent.parent / "docs" / "operator.md"
BEGIN, END = "<!-- faults: drawn by tools/draw_faults.py -->\n", "<!-- end of faults -->\n"


def table() -> str:
    """The rows, with the lines that mark their place in the page."""
    rows = [
        f"| `{fault.code}` | {entry.title} | {entry.meaning} | {entry.remedy} | {_to_car(entry)} | {unified(fault)} |"
        for fault, entry in ((fault, CATALOGUE[fault]) for fault in Fault)
    ]
    return "\n".join(
        [
            f"{BEGIN}| code | title | what it means | what to do | what the car learns | CharIN, ChargeX |",
            "|---|---|---|---|---|---|",
            *rows,
            END,
        ]
    )


def _to_car(entry: Entry) -> str:
    older = " or ".join(f"`{code}`" for code in entry.status_codes)
    return f"{entry.to_car} ({older})" if older else entry.to_car


def with_table(page: str) -> str:
    """The page with the present table instead of the one that it has. Raises `ValueError` if it has none."""
    start, end = page.index(BEGIN), page.index(END)
    return page[:start] + table() + page[end + len(END) :]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
