"""Reports as one HTML file that loads nothing: the page around, and curves over time as SVG.

They are read on a phone as on paper: what is wide scrolls by itself, and print has light colours.
"""

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from itertools import groupby
from math import floor, inf, isfinite, log10
from pathlib import Path
from typing import NamedTuple

from v2g.kernel import regular_file

WIDTH, LEFT, RIGHT, GAP, AXIS = 860, 108, 12, 12, 22
TICKS_WITHIN = 8
"""About as many times are written below the curves."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #5f6d7d; --grid: #e1e7ee; --paper: #fff; --ok: #0b6e4f;
  --bad: #c22f45; --band: rgba(11, 110, 79, .17); --blue: #33539e; --brown: #8f5b00; --violet: #8a3fa0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --faint: #93a1b0; --grid: #2b3542; --paper: #131920;
  --ok: #45c49a; --bad: #ff7b8b; --band: rgba(69, 196, 154, .22); --blue: #86a6f5; --brown: #e3b04b;
  --violet: #d79bea; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
summary { font: 600 1rem ui-monospace, monospace; margin: .4rem 0; cursor: pointer; } p { margin: .3rem 0; }
.faint { color: var(--faint); font-size: .85rem; } .ok { color: var(--ok); } .bad { color: var(--bad); }
.verdict { font-weight: 700; white-space: nowrap; } a { color: inherit; text-decoration-color: var(--faint); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--grid); }
th, td:first-child { overflow-wrap: break-word; }
th, td { padding: .2rem .8rem .2rem 0; vertical-align: top; } tr + tr td { border-top: 1px solid var(--grid); }
pre { overflow-x: auto; font: 12px/1.5 ui-monospace, monospace; padding: .8rem; border: 1px solid var(--grid); }
svg { width: 100%; min-width: 40rem; height: auto; display: block; margin: .4rem 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--faint); } svg .name { fill: var(--ink); }
.axis { stroke: var(--grid); } .zero { stroke: var(--faint); } .band { fill: var(--band); }
.start { stroke: var(--faint); stroke-dasharray: 2 3; }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke: var(--line); }
.ink { --line: var(--ink); } .blue { --line: var(--blue); } .brown { --line: var(--brown); }
.violet { --line: var(--violet); } .green { --line: var(--ok); } .red { --line: var(--bad); }
.dashed { --line: var(--bad); stroke-dasharray: 5 4; border-top-style: dashed; }
.entry { display: inline-block; margin-right: .8em; }
.key { display: inline-block; width: 1.6em; border-top: 3px solid var(--line); margin-right: .4em;
  vertical-align: middle; }
.key.dashed { border-top-style: dashed; }
.key.band { border: 0; height: .8em; background: var(--band); }
.key.start { border-top: 3px dotted var(--faint); }
@media print { :root { --ink: #000; --faint: #444; --grid: #ccc; --paper: #fff; --ok: #0b6e4f; --bad: #c22f45;
  --band: rgba(11, 110, 79, .17); --blue: #33539e; --brown: #8f5b00; --violet: #8a3fa0; }
  body { max-width: none; margin: 0; font-size: 10pt; } .wide, pre { overflow: visible; } pre { white-space: pre-wrap; }
  svg { min-width: 0; } svg, tr, summary { break-inside: avoid; } h2, summary { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


class Curve(NamedTuple):
    """One line. A value that is not finite interrupts it."""

    style: str
    """A colour of the stylesheet: ink, blue, brown, violet, green, red; or dashed."""
    points: Sequence[tuple[float, float]]
    """Seconds and value."""


class Band(NamedTuple):
    """A shaded region. An edge that is not finite is the lane's."""

    from_s: float
    to_s: float
    low: float = -inf
    high: float = inf


class Lane(NamedTuple):
    """One quantity over time."""

    name: str
    curves: Sequence[Curve]
    bands: Sequence[Band] = ()
    least_span: float = 1e-6
    """The scale covers at least this much."""
    height: int = 66
    ticks: Mapping[float, str] | None = None
    """What is written at which value; None: round numbers."""


def write(path: Path, title: str, lead: str, body: Iterable[str]) -> None:
    """Write a page. Raises `OSError`, which names the file."""
    regular_file.write_text(path, "".join(page(title, lead, body)))


def page(title: str, lead: str, body: Iterable[str]) -> Iterator[str]:
    """The page: heading, when and by what it was made, and the body. `lead` is text, `body` is HTML."""
    yield f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<p class="faint">{escape(lead)} &middot; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC &middot; {escape(origin())}</p>
"""
    yield from body
    yield "</body></html>\n"


def origin() -> str:
    """Version and, in a checkout, commit of this software; `changed` if files differ from the commit."""
    here = Path(__file__).parent
    ours = _git(here, "ls-files", Path(__file__).name)
    commit = _git(here, "describe", "--always", "--dirty= (changed)", "--exclude=*") if ours else ""
    return f"v2g {version('v2g')}" + (f", commit {commit}" if commit else "")


def _git(directory: Path, *words: str) -> str:
    """What git prints; nothing if it is missing or this is no checkout."""
    try:
        done = subprocess.run(["git", "-C", str(directory), *words], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def legend(keys: Mapping[str, str]) -> str:
    """What the lines and areas mean: style -> text."""
    parts = (
        f'<span class="entry"><span class="key {style}"></span>{escape(text)}</span>' for style, text in keys.items()
    )
    return f'<p class="faint">{" ".join(parts)}</p>'


def wide(html: str) -> str:
    """HTML that scrolls sideways by itself on a narrow screen."""
    return f'<div class="wide">{html}</div>'


def draw(
    label: str, lanes: Sequence[Lane], *, start_s: float | None = None, times: Mapping[float, str] | None = None
) -> str:
    """The lanes, one below the other over the same time. `start_s`: of the dotted line; `times`: what is written at
    which time, None: round numbers of seconds."""
    known = [time_s for lane in lanes for curve in lane.curves for time_s, value in curve.points if isfinite(value)]
    if not known:
        return '<p class="faint">no samples</p>'
    begin_s, end_s = min(known), max(max(known), min(known) + 1e-6)
    total = sum(lane.height for lane in lanes) + GAP * len(lanes) + AXIS

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(time_s, begin_s), end_s) - begin_s) / (end_s - begin_s)

    parts = [f'<svg viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{escape(label)}">']
    top = GAP
    for lane in lanes:
        parts += _Drawn(lane, top, x).parts()
        top += lane.height + GAP
    if start_s is not None:
        place = f"{x(start_s):.1f}"
        parts.append(f'<line class="start" x1="{place}" x2="{place}" y1="{GAP}" y2="{total - AXIS}"/>')
    if times is None:
        times = {seconds: f"{seconds:g} s" for seconds in _round_numbers(begin_s, end_s, TICKS_WITHIN)}
    for seconds, text in times.items():
        parts.append(f'<text x="{x(seconds):.1f}" y="{total - 6}" text-anchor="middle">{escape(text)}</text>')
    return wide("".join([*parts, "</svg>"]))


class _Drawn:
    """A lane in its place."""

    def __init__(self, lane: Lane, top: int, x: Callable[[float], float]) -> None:
        self._lane, self._top, self._x = lane, top, x
        values = [value for curve in lane.curves for _, value in curve.points]
        values += [edge for band in lane.bands for edge in (band.low, band.high)]
        finite = [value for value in values if isfinite(value)] or [0.0]
        middle, self._span = (max(finite) + min(finite)) / 2, max(max(finite) - min(finite), lane.least_span)
        self._high, self._low = middle + 0.55 * self._span, middle - 0.55 * self._span

    def parts(self) -> Iterator[str]:
        """Name, scale, shaded regions, curves."""
        lane, x, y = self._lane, self._x, self._y
        yield f'<text class="name" x="0" y="{self._top + lane.height / 2 + 4:.0f}">{escape(lane.name)}</text>'
        for value, text in self._ticks().items():
            style = "zero" if value == 0 and self._low < 0 and lane.ticks is None else "axis"
            place = f"{y(value):.1f}"
            yield f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place}" y2="{place}"/>'
            yield f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{text}</text>'
        for band in lane.bands:
            left, up = x(band.from_s), y(band.high) - (2 if band.low == band.high else 0)
            width, tall = max(x(band.to_s) - left, 2.0), max(y(band.low) - y(band.high), 4.0)
            yield f'<rect class="band" x="{left:.1f}" y="{up:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
        for curve in lane.curves:
            for drawable, run in groupby(curve.points, key=lambda point: isfinite(point[1])):
                if drawable:
                    points = " ".join(f"{x(time_s):.1f},{y(value):.1f}" for time_s, value in run)
                    yield f'<polyline class="{curve.style}" points="{points}"/>'

    def _y(self, value: float) -> float:
        return self._top + self._lane.height * (self._high - min(max(value, self._low), self._high)) / (
            self._high - self._low
        )

    def _ticks(self) -> Mapping[float, str]:
        if self._lane.ticks is not None:
            return self._lane.ticks
        count = max(round(self._lane.height / 22), 2)
        return {value: f"{value:.6g}" for value in _round_numbers(self._low, self._high, count)}


def _round_numbers(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers above `low` and up to `high`."""
    raw = (high - low) / count
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return [round(index * step, 9) + 0.0 for index in range(floor(low / step) + 1, floor(high / step) + 1)]
