"""What a fleet delivered and was asked for in a time, and why not: as CSV and as one HTML file that loads nothing."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

from msgspec import Struct

from v2g.fleet.ledger import Source, Total

COLUMNS = (
    "depot", "vehicle", "contract", "request", "from", "until", "charged_kwh", "discharged_kwh", "asked_kwh",
    "delivered_kwh", "missing_kwh", "why_not", "entries", "clock_off_s",
)  # fmt: skip
MOST_ROWS = 2_000
"""Of a table in the HTML file; the CSV file has all."""
SHORT = 25
"""Rows of a table that is open at first: a longer one is unfolded by whoever wants it."""
GAPS_NAMED = 20
SAME_S = 1.0
"""By which the times of two processes may overlap if one follows the other."""
Stamp = Callable[[float], str]
"""Unix seconds as a person reads them."""

_STYLE = """
:root { color-scheme: light dark; } body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } th, td { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid #8884; }
summary { cursor: pointer; margin-top: 1rem; } summary h2 { display: inline; font-size: 1.1rem; }
td.number, th.number { text-align: right; } .bad { color: #c22f45; font-weight: 600; }
"""


class _Lines:
    """A file in memory that `csv` writes to."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def write(self, line: str) -> int:
        self.text.append(line)
        return len(line)


def as_csv(totals: Iterable[Total], stamp: Stamp, *, head: bool = True) -> str:
    """A line for each depot as a whole and request, and for each vehicle in it. Energies in kWh, signed as power.
    `head`: the line of the columns' names too."""
    lines = _Lines()
    rows = csv.writer(lines, lineterminator="\n")
    if head:
        rows.writerow(COLUMNS)
    for each in totals:
        named = ("" if each.whole else each.vehicle or "unknown", each.contract, each.request)
        rows.writerow((_plain(each.depot), *map(_plain, named), stamp(each.from_unix_s), stamp(each.until_unix_s),
                       *_energies(_sum_of(each)), _plain(each.why), str(each.entries),
                       f"{each.clock_s:.0f}"))  # fmt: skip
    return "".join(lines.text)


def _plain(text: str) -> str:
    """A spreadsheet takes what begins like this for a formula, and vehicles state what they like."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _kwh(energy_wh: float) -> str:
    return f"{energy_wh / 1000:z.3f}"


class _Sum(Struct):
    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    asked_wh: float | None = None
    served_wh: float = 0.0
    """Delivered where something was asked."""
    why: str = ""


def _sum_of(total: Total) -> _Sum:
    found = _Sum()
    _add(found, total)
    return found


def _add(found: _Sum, total: Total) -> None:
    found.charged_wh += total.charged_wh
    found.discharged_wh += total.discharged_wh
    if total.asked_wh is not None:
        found.asked_wh = (found.asked_wh or 0.0) + total.asked_wh
        found.served_wh += total.delivered_wh
    found.why = found.why or total.why


def _energies(found: _Sum) -> tuple[str, ...]:
    asked = "" if found.asked_wh is None else _kwh(found.asked_wh)
    missing = "" if found.asked_wh is None else _kwh(found.asked_wh - found.served_wh)
    delivered_wh = found.charged_wh - found.discharged_wh
    return _kwh(found.charged_wh), _kwh(found.discharged_wh), asked, _kwh(delivered_wh), missing


class Settlement:
    """The sums of a time, depot by depot: a fleet's vehicles need not be in memory at once."""

    def __init__(self) -> None:
        self.all = _Sum()
        self._by: dict[str, dict[str, _Sum]] = {"depot": {}, "request": {}, "contract": {}, "vehicle": {}}
        self._gaps: list[str] = []
        self._doubts: list[str] = []

    def add(
        self, depot: str, totals: Sequence[Total], gaps: Iterable[int] = (), sources: Sequence[Source] = ()
    ) -> None:
        """A depot's sums, the sequences that have not come, and the processes that booked."""
        self._gaps += [f"{depot} {each}" for each in gaps]
        clock_s = max((each.clock_s for each in totals), default=0.0)
        if clock_s:
            self._doubts.append(
                f"the clock of {depot} was up to {clock_s:.0f} s off: what it booked then may belong to other times; "
                "the column clock_off_s of the CSV file says which rows"
            )
        self._doubts += _beside(depot, sources)
        for total in totals:
            if total.whole:
                _add(self.all, total)
                keys = {"depot": depot, "request": total.request or "own plan"}
            else:
                keys = {"contract": total.contract or "unknown", "vehicle": total.vehicle or "unknown"}
            for kind, key in keys.items():
                _add(self._by[kind].setdefault(key, _Sum()), total)

    def notes(self) -> list[str]:
        """What a person must know of before they settle from it."""
        if not self._gaps:
            return self._doubts
        named = ", ".join(self._gaps[:GAPS_NAMED])
        return [f"{len(self._gaps)} entries have not come yet: {named}", *self._doubts]

    def as_html(self, title: str) -> str:
        """The same for people, with what is missing in it."""
        head = f"<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>"
        view = f"<style>{_STYLE}</style><meta name='viewport' content='width=device-width, initial-scale=1'>"
        tables = (part for kind, rows in self._by.items() for part in _table(kind, rows))
        return "".join([head, view, f"<h1>{escape(title)}</h1>", *self._summary(), *tables])

    def _summary(self) -> Iterator[str]:
        found = self.all
        asked = f"Asked for {_kwh(found.asked_wh or 0.0)} kWh, delivered {_kwh(found.served_wh)} kWh of it"
        yield f"<p>{asked} (negative is fed into the grid). In all "
        yield f"{_kwh(found.charged_wh)} kWh were charged and {_kwh(found.discharged_wh)} kWh discharged.</p>"
        for note in self.notes():
            yield f'<p class="bad">{escape(note)}</p>'
        if not self._gaps:
            yield "<p>No entry is missing.</p>"
        yield "<p>Missing is what was asked less what was delivered. Of feeding, a negative number was not fed, a "
        yield "positive one was fed beyond what was asked; of drawing the other way round.</p>"


def _beside(depot: str, sources: Sequence[Source]) -> Iterator[str]:
    """Processes that have booked as one depot at the same time. `sources`: the first one first."""
    latest: Source | None = None
    for each in sources:
        if latest is not None and each.from_unix_s < latest.until_unix_s - SAME_S:
            yield (
                f"two processes booked as {depot} at the same time ({_booked(latest)}; {_booked(each)}), as two depots "
                "with one name do, or one whose clock was set back; "
                f"`v2g fleet audit {depot} --json` has the process of each entry"
            )
        if latest is None or each.until_unix_s > latest.until_unix_s:
            latest = each


def _booked(source: Source) -> str:
    return f"{_kwh(source.charged_wh)} kWh charged and {_kwh(source.discharged_wh)} kWh discharged"


def _table(kind: str, rows: dict[str, _Sum]) -> Iterator[str]:
    opened = " open" if len(rows) <= SHORT else ""
    yield f"<details{opened}><summary><h2>By {kind}</h2> ({len(rows)})</summary>"
    yield f'<div class="wide"><table><tr><th>{kind}</th>'
    for name in ("charged, kWh", "discharged, kWh", "asked, kWh", "delivered, kWh", "missing, kWh"):
        yield f'<th class="number">{name}</th>'
    yield "<th>why not</th></tr>"
    for name, found in list(rows.items())[:MOST_ROWS]:
        cells = "".join(f'<td class="number">{each}</td>' for each in _energies(found))
        yield f"<tr><td>{escape(name)}</td>{cells}<td>{escape(found.why)}</td></tr>"
    yield "</table></div>"
    if len(rows) > MOST_ROWS:
        yield f"<p>{len(rows) - MOST_ROWS} more are in the CSV file.</p>"
    yield "</details>"


__all__ = ["COLUMNS", "Settlement", "Stamp", "as_csv"]
