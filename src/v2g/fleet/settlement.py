"""What a fleet delivered and was asked for in a time, and why not: as CSV and as one HTML file that loads nothing."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from math import fsum

from v2g.fleet.ledger import Total

COLUMNS = (
    "depot", "vehicle", "contract", "request", "from", "until", "charged_kwh", "discharged_kwh", "asked_kwh",
    "delivered_kwh", "missing_kwh", "why_not", "entries",
)  # fmt: skip
Stamp = Callable[[float], str]
"""Unix seconds as a person reads them."""

_STYLE = """
:root { color-scheme: light dark; } body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } th, td { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; } .bad { color: #c22f45; font-weight: 600; }
"""


class _Lines:
    """A file in memory that `csv` writes to."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def write(self, line: str) -> int:
        self.text.append(line)
        return len(line)


def as_csv(totals: Iterable[Total], stamp: Stamp) -> str:
    """A line for each depot and request (no vehicle), and for each vehicle in it. Energies in kWh, signed as power."""
    lines = _Lines()
    rows = csv.writer(lines, lineterminator="\n")
    rows.writerow(COLUMNS)
    for each in totals:
        rows.writerow(_row(each, stamp))
    return "".join(lines.text)


def _row(total: Total, stamp: Stamp) -> tuple[str, ...]:
    asked = "" if total.asked_wh is None else _kwh(total.asked_wh)
    missing = "" if total.asked_wh is None else _kwh(total.asked_wh - total.delivered_wh)
    return (
        _plain(total.depot), _plain(total.vehicle), _plain(total.contract), _plain(total.request),
        stamp(total.from_unix_s), stamp(total.until_unix_s), _kwh(total.charged_wh), _kwh(total.discharged_wh), asked,
        _kwh(total.delivered_wh), missing, _plain(total.why), str(total.entries),
    )  # fmt: skip


def _plain(text: str) -> str:
    """A spreadsheet takes what begins like this for a formula, and vehicles state what they like."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _kwh(energy_wh: float) -> str:
    return f"{energy_wh / 1000:z.3f}"


def as_html(totals: Sequence[Total], gaps: Sequence[tuple[str, int]], stamp: Stamp, title: str) -> str:
    """The same for people, with what is missing in it."""
    depots = [each for each in totals if not each.vehicle]
    vehicles = [each for each in totals if each.vehicle]
    head = f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return "".join([head, view, f"<h1>{escape(title)}</h1>", *_summary(depots, gaps), "<h2>Depots</h2>",
                    *_table(depots, stamp), "<h2>Vehicles</h2>", *_table(vehicles, stamp)])  # fmt: skip


def _summary(depots: Sequence[Total], gaps: Sequence[tuple[str, int]]) -> Iterator[str]:
    asked = [each for each in depots if each.asked_wh is not None]
    asked_wh, delivered_wh = fsum(each.asked_wh or 0.0 for each in asked), fsum(each.delivered_wh for each in asked)
    yield f"<p>Asked for {_kwh(asked_wh)} kWh, delivered {_kwh(delivered_wh)} kWh (negative is fed into the grid).</p>"
    yield f"<p>Charged {_kwh(fsum(each.charged_wh for each in depots))} kWh, discharged "
    yield f"{_kwh(fsum(each.discharged_wh for each in depots))} kWh.</p>"
    if gaps:
        named = escape(", ".join(f"{depot} {sequence}" for depot, sequence in gaps[:20]))
        yield f'<p class="bad">{len(gaps)} entries have not come yet: {named}</p>'
    else:
        yield "<p>No entry is missing.</p>"


def _table(totals: Sequence[Total], stamp: Stamp) -> Iterator[str]:
    yield '<div class="wide"><table><tr>'
    yield from (f"<th{_numeric(name)}>{name.replace('_', ' ')}</th>" for name in COLUMNS)
    yield "</tr>"
    for each in totals:
        cells = zip(COLUMNS, _row(each, stamp), strict=True)
        yield f"<tr>{''.join(f'<td{_numeric(name)}>{escape(cell)}</td>' for name, cell in cells)}</tr>"
    yield "</table></div>"


def _numeric(column: str) -> str:
    return ' class="number"' if column.endswith("_kwh") or column == "entries" else ""


__all__ = ["COLUMNS", "Stamp", "as_csv", "as_html"]
