"""The report of a type test: one HTML file with a summary, and a plot of each case. It loads nothing."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from v2g.bench import chart
from v2g.bench.chart import Band, Curve, Lane
from v2g.bench.typetest import accuracy, as_set, curves
from v2g.bench.typetest.case import RATED_W, Result, Subject
from v2g.bench.typetest.check import Sample
from v2g.bench.typetest.standard import KINDS, text
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

LOW_LANE = 22
_PHASES = {"violet": 2, "brown": 1, "ink": 0}
"""Style of the curve -> phase."""
_LEGEND = {
    "ink": "L1, or frequency",
    "brown": "L2",
    "violet": "L3",
    "blue": "P, Q",
    "red": "contactor",
    "band": "permitted",
    "start": "the disturbance begins",
}


class ReportError(V2GError):
    """The report cannot be written. Names the file and the remedy."""


def check_writable(path: Path) -> None:
    """Raises `ReportError` before the work is done rather than after it."""
    try:
        regular_file.check_written(path)
        path.open("a").close()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; name a file that can be written") from error


def summary(subject: Subject, results: Sequence[Result], took_s: float) -> dict[str, Any]:
    """The results for programs."""
    return {
        "code": subject.name,
        "title": subject.title,
        "software": chart.origin(),
        "settings": dict(subject.settings),
        "settings_sha256": as_set.fingerprint(subject.code),
        "figures": dict(subject.figures.kinds),
        "seconds": round(took_s, 1),
        "failed": sum(not result.passed for result in results),
        "cases": [
            {
                "name": result.name,
                "source": result.source,
                "applied": result.applied,
                "passed": result.passed,
                "settings": dict(result.tested),
                "findings": [finding._asdict() for finding in result.findings],
            }
            for result in results
        ],
    }


def write(path: Path, subject: Subject, results: Sequence[Result], took_s: float) -> None:
    """Writes the report."""
    lead = f"{subject.title} \N{MIDDLE DOT} {len(results)} cases in {took_s:.0f} s"
    chart.write(path, "Type test of the station", lead, _body(subject, results))


def _body(subject: Subject, results: Sequence[Result]) -> Iterator[str]:
    failed, code = [result for result in results if not result.passed], subject.code
    yield f"""<p class="verdict {"bad" if failed else "ok"}">{f"{len(failed)} failed" if failed else "all passed"}</p>
<p>The station is in an ISO 15118-20 session (DC_BPT) with a simulated car, an inverter of {RATED_W / 1000:g} kW without
grid protection of its own, and a simulated grid. Power and contactor are recorded every 10 ms at the connection point;
the grid sensing unit is read every 20 ms. What is expected comes from tables of the standard's figures that the station
does not read; <a href="#settings">the settings</a> are compared with them. Thresholds are approached to
{accuracy.VOLTAGE_PU:.1%} of the nominal voltage and {accuracy.FREQUENCY_HZ * 1000:g} mHz, times are kept to 2 cycles
({1000 * accuracy.time_s(subject.standard):.0f} ms), powers to {accuracy.POWER_PU:.0%} of the rating: a part of what the
standards allow, the rest of which belongs to the sensing unit. This is a simulation: it shows what the station's
software does, and is no certificate of a device.</p>
<p>Software: {escape(chart.origin())}<br>Settings in force, SHA-256: <code>{as_set.fingerprint(code)}</code></p>
{_kinds(subject)}
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
        yield f'<h2 id="{group}">{group}</h2>{chart.wide(_table(members))}'
    if found := curves.by_name(results):
        yield "<h2>Characteristic curves</h2>"
        yield '<p class="faint">The curve as expected, the permitted band, and each point as measured.</p>'
    for name, points in found.items():
        yield f"<h3>{escape(name)}</h3>{curves.draw(name, points)}{chart.wide(curves.table(points))}"
    yield f"<h2>Recordings</h2>{chart.legend(_LEGEND)}"
    yield '<p class="faint">Power is positive when it charges the vehicle; reactive power is positive when it is fed '
    yield "into the grid. A case that failed is open, the others open with a click; what is open is printed.</p>"
    for result in sorted(results, key=lambda result: result.passed):
        yield f"<details{'' if result.passed else ' open'}><summary>{result.name} {_verdict(result.passed)}</summary>"
        yield f'<p class="faint" id="{result.name}">{escape(result.source)}</p>'
        for finding in result.findings:
            yield f"<p>{_verdict(finding.passed)} {escape(finding.permitted)}: {escape(finding.measured)}</p>"
        yield f"{chart.draw(result.name, list(_lanes(result)), start_s=0.0) if result.samples else ''}</details>"
    yield '<h2 id="settings">Settings in force</h2><p class="faint">In bold those that differ from the standard\'s '
    yield "defaults. A case may change some of them. Figures: "
    yield "; ".join(f"{kind}: {words}" for kind, words in KINDS.items())
    yield ".</p>"
    yield chart.wide(_settings(subject))


def _groups(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    parts = groupby(results, key=lambda result: result.name.partition("/")[0])
    return [(group, list(members)) for group, members in parts]


def _kinds(subject: Subject) -> str:
    """How well founded the figures are."""
    kinds = subject.figures.kinds
    counts = "; ".join(f"{kinds[kind]} {words}" for kind, words in KINDS.items() if kinds[kind])
    return f"<p>{sum(kinds.values())} figures: {counts}. Each is marked in the <a href='#settings'>settings</a>.</p>"


def _table(results: Sequence[Result]) -> str:
    heads = ("case", "setting", "value", "applied", "permitted", "measured", "uncertainty", "")
    rows = [f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"]
    for result in results:
        cells = (
            [name for name, _ in result.tested],
            [text(value) for _, value in result.tested],
            [result.applied],
            [finding.permitted for finding in result.findings],
            [finding.measured for finding in result.findings],
            [finding.uncertainty or "exact" for finding in result.findings],
        )
        listed = "".join(f"<td>{'<br>'.join(map(escape, cell))}</td>" for cell in cells)
        rows.append(
            f'<tr><td><a href="#{result.name}">{result.name.partition("/")[2]}</a><br><span class="faint">'
            f"{escape(result.source)}</span></td>{listed}<td>{_verdict(result.passed)}</td></tr>"
        )
    return "".join([*rows, "</table>"])


def _verdict(passed: bool) -> str:
    return f'<span class="verdict {"ok" if passed else "bad"}">{"passed" if passed else "FAILED"}</span>'


def _settings(subject: Subject) -> str:
    heads = ("setting", "value", "default of the standard", "permitted", "figure", "source")
    rows = [f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"]
    changed = dict(subject.settings)
    for setting in subject.code.settings.values():
        figure = subject.figures.figures.get(setting.name)
        if figure is None:
            rows.append(f"<tr><td>{escape(setting.name)}</td><td colspan='5' class='bad'>no figure</td></tr>")
            continue
        value = f"<b>{setting.text}</b>" if setting.name in changed else setting.text
        rows.append(
            f"<tr><td>{escape(setting.name)}</td><td>{value}</td><td>{text(figure.value)}</td>"
            f'<td>{figure.permitted}</td><td>{figure.kind}</td><td class="faint">{escape(figure.source)}</td></tr>'
        )
    return "".join([*rows, "</table>"])


def _lanes(result: Result) -> Iterator[Lane]:
    """The grid, the power and the contactor; of the grid's quantities those that move."""
    samples, marked = result.samples, {mark.lane for mark in result.marks}
    frequencies = [sample.frequency_hz for sample in samples]
    volts = [value for sample in samples for value in sample.voltages_pu]
    moves_hz = not max(frequencies) - min(frequencies) < 0.02
    moves_pu = not max(volts) - min(volts) < 0.002

    def curve(style: str, value: Callable[[Sample], float]) -> Curve:
        return Curve(style, [(sample.time_s, value(sample)) for sample in samples])

    def bands(lane: str) -> list[Band]:
        return [Band(mark.from_s, mark.to_s, mark.low, mark.high) for mark in result.marks if mark.lane == lane]

    if moves_pu or not moves_hz:
        phases = [
            Curve(style, [(sample.time_s, sample.voltages_pu[phase]) for sample in samples])
            for style, phase in _PHASES.items()
        ]
        yield Lane("V, pu", phases, least_span=0.1)
    if moves_hz:
        yield Lane("f, Hz", [curve("ink", lambda sample: sample.frequency_hz)], least_span=0.2)
    yield Lane("P, pu", [curve("blue", lambda sample: sample.power_pu)], bands("power_pu"), 0.2)
    if "fed_var_pu" in marked or max(abs(sample.fed_var_pu) for sample in samples) > 0.05:
        yield Lane("Q, pu", [curve("blue", lambda sample: sample.fed_var_pu)], bands("fed_var_pu"), 0.2)
    closed = [curve("red", lambda sample: float(sample.closed))]
    yield Lane("contactor", closed, bands("closed"), 1.0, LOW_LANE, {1.0: "closed", 0.0: "open"})
