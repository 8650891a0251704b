"""The report of a type test: one HTML file with a summary, and a plot of each case. It loads nothing."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any, NamedTuple

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.case import RATED_W, Result, Subject
from v2g.bench.typetest.check import Mark, Sample
from v2g.kernel.errors import V2GError

WIDTH, LEFT, RIGHT, LANE, GAP, AXIS = 860, 108, 12, 66, 12, 22

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #6b7989; --grid: #e1e7ee; --paper: #fff; --ok: #0b6e4f;
  --bad: #c22f45; --permitted: rgba(11, 110, 79, .17); --power: #33539e; --phase2: #8f5b00; --phase3: #8a3fa0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --faint: #93a1b0; --grid: #2b3542; --paper: #131920;
  --ok: #45c49a; --bad: #ff7b8b; --permitted: rgba(69, 196, 154, .22); --power: #86a6f5; --phase2: #e3b04b;
  --phase3: #d79bea; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
h3 { font: 600 1rem ui-monospace, monospace; margin: 2rem 0 .1rem; } p { margin: .3rem 0; }
.faint, td.source { color: var(--faint); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--grid); }
th, td { padding: .2rem .8rem .2rem 0; vertical-align: top; } tr + tr td { border-top: 1px solid var(--grid); }
a { color: inherit; text-decoration-color: var(--faint); } .ok { color: var(--ok); } .bad { color: var(--bad); }
.verdict { font-weight: 700; white-space: nowrap; }
svg { width: 100%; height: auto; display: block; margin: .4rem 0; }
svg text { font: 11px system-ui, sans-serif; fill: var(--faint); } svg .name { fill: var(--ink); }
.axis { stroke: var(--grid); } .start { stroke: var(--faint); stroke-dasharray: 2 3; }
.permitted { fill: var(--permitted); }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke: var(--power); }
polyline.l1 { stroke: var(--ink); } polyline.l2 { stroke: var(--phase2); } polyline.l3 { stroke: var(--phase3); }
polyline.contactor { stroke: var(--bad); }
"""


class ReportError(V2GError):
    """The report cannot be written."""


class _Lane(NamedTuple):
    """One quantity over time, of one or more curves."""

    name: str
    key: str
    """Of the marks that belong in it."""
    curves: dict[str, Callable[[Sample], float]]
    """By the style of the line."""
    least_span: float


def check_writable(path: Path) -> None:
    """Raises `ReportError` before the work is done rather than after it."""
    try:
        path.open("a").close()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; name a file that can be written") from error


def summary(subject: Subject, results: Sequence[Result], took_s: float) -> dict[str, Any]:
    """The results for programs."""
    return {
        "code": subject.name,
        "title": subject.title,
        "seconds": round(took_s, 1),
        "failed": sum(not result.passed for result in results),
        "cases": [
            {
                "name": result.name,
                "source": result.source,
                "passed": result.passed,
                "findings": [finding._asdict() for finding in result.findings],
            }
            for result in results
        ],
    }


def write(path: Path, subject: Subject, results: Sequence[Result], took_s: float) -> None:
    """Writes the report."""
    path.write_text("".join(_page(subject, results, took_s)), encoding="utf-8")


def _page(subject: Subject, results: Sequence[Result], took_s: float) -> Iterator[str]:
    failed = [result for result in results if not result.passed]
    code = subject.code
    yield f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Type test, {escape(subject.title)}</title><style>{_STYLE}</style></head><body>
<h1>Type test of the station</h1>
<p class="faint">{escape(subject.title)} &middot; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC &middot;
{len(results)} cases in {took_s:.0f} s</p>
<p class="verdict {"bad" if failed else "ok"}">{f"{len(failed)} failed" if failed else "all passed"}</p>
<p>The station is in an ISO 15118-20 session (DC_BPT) with a simulated car, an inverter of {RATED_W / 1000:g} kW without
grid protection of its own, and a simulated grid. Power and contactor are recorded every 10 ms at the connection point;
the grid sensing unit is read every 20 ms. Every value and time comes from the settings of the code. Thresholds are
approached to the accuracy of measurement: {accuracy.VOLTAGE_PU:.0%} of the nominal voltage,
{accuracy.FREQUENCY_HZ * 1000:g} mHz; times to 1 % or 2 cycles ({1000 * accuracy.time_s(code, 0):.0f} ms), powers to
{accuracy.POWER_PU:.0%} of the rating. This is a simulation: it shows what the station's software does, and is no
certificate of a device.</p>
<h2>Summary</h2><table><tr><th>group</th><th>cases</th><th>passed</th><th>failed</th></tr>"""
    for group, members in _groups(results):
        bad = sum(not result.passed for result in members)
        yield (
            f'<tr><td><a href="#{group}">{group}</a></td><td>{len(members)}</td><td>{len(members) - bad}</td>'
            f'<td class="{"bad" if bad else ""}">{bad}</td></tr>'
        )
    yield "</table>"
    for result in failed:
        yield f'<p class="bad">failed: <a href="#{result.name}">{result.name}</a></p>'
    for group, members in _groups(results):
        yield f'<h2 id="{group}">{group}</h2>{_table(members)}'
    yield '<h2>Recordings</h2><p class="faint">Shaded: permitted. Dotted: the disturbance begins. Power is positive '
    yield "when it charges the vehicle; reactive power is positive when it is fed into the grid.</p>"
    for result in results:
        verdict = _verdict(result.passed)
        yield f'<h3 id="{result.name}">{result.name} {verdict}</h3><p class="faint">{escape(result.source)}</p>'
        for finding in result.findings:
            yield f"<p>{_verdict(finding.passed)} {escape(finding.permitted)}: {escape(finding.measured)}</p>"
        yield _plot(result)
    yield "</body></html>\n"


def _groups(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    parts = groupby(results, key=lambda result: result.name.partition("/")[0])
    return [(group, list(members)) for group, members in parts]


def _table(results: Sequence[Result]) -> str:
    rows = ["<table><tr><th>case</th><th>permitted</th><th>measured</th><th></th></tr>"]
    for result in results:
        permitted = "<br>".join(escape(finding.permitted) for finding in result.findings)
        measured = "<br>".join(escape(finding.measured) for finding in result.findings)
        rows.append(
            f'<tr><td><a href="#{result.name}">{result.name.partition("/")[2]}</a><br><span class="faint">'
            f"{escape(result.source)}</span></td><td>{permitted}</td><td>{measured}</td>"
            f"<td>{_verdict(result.passed)}</td></tr>"
        )
    return "".join([*rows, "</table>"])


def _verdict(passed: bool) -> str:
    return f'<span class="verdict {"ok" if passed else "bad"}">{"passed" if passed else "FAILED"}</span>'


def _plot(result: Result) -> str:
    """The grid, the power and the contactor, one below the other over the same time."""
    samples, lanes = result.samples, list(_lanes(result))
    begin_s, end_s = samples[0].time_s, samples[-1].time_s
    heights = [LANE if lane.key != "closed" else LANE // 3 for lane in lanes]
    total = sum(heights) + GAP * len(lanes) + AXIS

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(time_s, begin_s), end_s) - begin_s) / (end_s - begin_s)

    parts = [f'<svg viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{result.name}">']
    top = GAP
    for lane, height in zip(lanes, heights, strict=True):
        parts += _drawn(lane, samples, [mark for mark in result.marks if mark.lane == lane.key], x, top, height)
        top += height + GAP
    bottom = total - AXIS
    parts.append(f'<line class="start" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{GAP}" y2="{bottom}"/>')
    step = _step(end_s - begin_s, 8)
    for index in range(floor(begin_s / step) + 1, floor(end_s / step) + 1):
        seconds = index * step
        parts.append(f'<text x="{x(seconds):.1f}" y="{total - 6}" text-anchor="middle">{seconds:g} s</text>')
    return "".join([*parts, "</svg>"])


def _lanes(result: Result) -> Iterator[_Lane]:
    """What is worth showing: of the grid's quantities those that move."""
    samples, marked = result.samples, {mark.lane for mark in result.marks}
    frequencies = [sample.frequency_hz for sample in samples]
    volts = [value for sample in samples for value in sample.voltages_pu]
    moves_hz = not max(frequencies) - min(frequencies) < 0.02
    moves_pu = not max(volts) - min(volts) < 0.002
    if moves_pu or not moves_hz:
        phases: dict[str, Callable[[Sample], float]] = {
            "l3": lambda sample: sample.voltages_pu[2],
            "l2": lambda sample: sample.voltages_pu[1],
            "l1": lambda sample: sample.voltages_pu[0],
        }
        yield _Lane("V, pu", "voltage", phases, 0.1)
    if moves_hz:
        yield _Lane("f, Hz", "frequency", {"l1": lambda sample: sample.frequency_hz}, 0.2)
    yield _Lane("P, pu", "power_pu", {"power": lambda sample: sample.power_pu}, 0.2)
    if "fed_var_pu" in marked or max(abs(sample.fed_var_pu) for sample in samples) > 0.05:
        yield _Lane("Q, pu", "fed_var_pu", {"power": lambda sample: sample.fed_var_pu}, 0.2)
    yield _Lane("contactor", "closed", {"contactor": lambda sample: float(sample.closed)}, 1.0)


def _drawn(
    lane: _Lane, samples: Sequence[Sample], marks: Sequence[Mark], x: Callable[[float], float], top: int, height: int
) -> Iterator[str]:
    values = [curve(sample) for curve in lane.curves.values() for sample in samples]
    values += [edge for mark in marks for edge in (mark.low, mark.high)]
    finite = [value for value in values if isfinite(value)]
    middle, span = (max(finite) + min(finite)) / 2, max(max(finite) - min(finite), lane.least_span)
    high, low = middle + 0.55 * span, middle - 0.55 * span

    def y(value: float) -> float:
        return top + height * (high - min(max(value, low), high)) / (high - low)

    yield f'<text class="name" x="0" y="{top + height / 2 + 4:.0f}">{lane.name}</text>'
    if lane.key == "closed":
        ticks = {1.0: "closed", 0.0: "open"}
    else:
        step = _step(span, 3)
        ticks = {index * step: f"{index * step:g}" for index in range(floor(low / step) + 1, floor(high / step) + 1)}
        ticks = {value: f"{value:.4g}" for value in ticks}
    for value, label in ticks.items():
        yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>'
    for mark in marks:
        left, up = x(mark.from_s), y(mark.high)
        width, tall = max(x(mark.to_s) - left, 2.0), max(y(mark.low) - up, 4.0)
        if mark.low == mark.high:
            up -= 2
        yield f'<rect class="permitted" x="{left:.1f}" y="{up:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
    for style, curve in lane.curves.items():
        runs = groupby(((s.time_s, curve(s)) for s in samples), key=lambda point: isfinite(point[1]))
        for drawable, run in runs:
            if drawable:
                points = " ".join(f"{x(time_s):.1f},{y(value):.1f}" for time_s, value in run)
                yield f'<polyline class="{style}" points="{points}"/>'


def _step(span: float, count: int) -> float:
    """A round step of which about `count` fit into `span`."""
    raw = span / count
    power = 10.0 ** floor(log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
