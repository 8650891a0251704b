"""The report of a type test: one HTML file with a summary, and a plot of each case. It loads nothing."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from v2g.bench import chart
from v2g.bench.chart import Band, Curve, Lane
from v2g.bench.typetest import accuracy
from v2g.bench.typetest.case import RATED_W, Result, Subject
from v2g.bench.typetest.check import Sample
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
        regular_file.check(path)
        path.open("a").close()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; name a file that can be written") from error


def summary(subject: Subject, results: Sequence[Result], took_s: float) -> dict[str, Any]:
    """The results for programs."""
    return {
        "code": subject.name,
        "title": subject.title,
        "settings": dict(subject.settings),
        "seconds": round(took_s, 1),
        "failed": sum(not result.passed for result in results),
        "cases": [
            {
                "name": result.name,
                "source": result.source,
                "applied": result.applied,
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
    lead = f"{subject.title} \N{MIDDLE DOT} {len(results)} cases in {took_s:.0f} s"
    return chart.page("Type test of the station", lead, _body(subject, results))


def _body(subject: Subject, results: Sequence[Result]) -> Iterator[str]:
    failed, code = [result for result in results if not result.passed], subject.code
    yield f"""<p class="verdict {"bad" if failed else "ok"}">{f"{len(failed)} failed" if failed else "all passed"}</p>
<p>The station is in an ISO 15118-20 session (DC_BPT) with a simulated car, an inverter of {RATED_W / 1000:g} kW without
grid protection of its own, and a simulated grid. Power and contactor are recorded every 10 ms at the connection point;
the grid sensing unit is read every 20 ms. Every value and time comes from the <a href="#settings">settings of the
code</a>. Thresholds are approached to the accuracy of measurement: {accuracy.VOLTAGE_PU:.0%} of the nominal voltage,
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
        yield f'<h2 id="{group}">{group}</h2>{chart.wide(_table(members))}'
    yield f"<h2>Recordings</h2>{chart.legend(_LEGEND)}"
    yield '<p class="faint">Power is positive when it charges the vehicle; reactive power is positive when it is fed '
    yield "into the grid. A case that failed is open, the others open with a click; what is open is printed.</p>"
    for result in sorted(results, key=lambda result: result.passed):
        yield f"<details{'' if result.passed else ' open'}><summary>{result.name} {_verdict(result.passed)}</summary>"
        yield f'<p class="faint" id="{result.name}">{escape(result.source)}</p>'
        for finding in result.findings:
            yield f"<p>{_verdict(finding.passed)} {escape(finding.permitted)}: {escape(finding.measured)}</p>"
        yield f"{chart.draw(result.name, list(_lanes(result)), start_s=0.0)}</details>"
    yield '<h2 id="settings">Settings in force</h2><p class="faint">In bold those that differ from the code\'s '
    yield "defaults. A case may change some of them.</p>"
    yield chart.wide(_settings(subject))


def _groups(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    parts = groupby(results, key=lambda result: result.name.partition("/")[0])
    return [(group, list(members)) for group, members in parts]


def _table(results: Sequence[Result]) -> str:
    rows = ["<table><tr><th>case</th><th>applied</th><th>permitted</th><th>measured</th><th></th></tr>"]
    for result in results:
        permitted = "<br>".join(escape(finding.permitted) for finding in result.findings)
        measured = "<br>".join(escape(finding.measured) for finding in result.findings)
        rows.append(
            f'<tr><td><a href="#{result.name}">{result.name.partition("/")[2]}</a><br><span class="faint">'
            f"{escape(result.source)}</span></td><td>{escape(result.applied)}</td><td>{permitted}</td>"
            f"<td>{measured}</td>"
            f"<td>{_verdict(result.passed)}</td></tr>"
        )
    return "".join([*rows, "</table>"])


def _verdict(passed: bool) -> str:
    return f'<span class="verdict {"ok" if passed else "bad"}">{"passed" if passed else "FAILED"}</span>'


def _settings(subject: Subject) -> str:
    rows = ["<table><tr><th>setting</th><th>value</th><th>permitted</th><th>source</th></tr>"]
    changed = dict(subject.settings)
    for setting in subject.code.settings.values():
        value = f"<b>{setting.text}</b>" if setting.name in changed else setting.text
        rows.append(
            f"<tr><td>{escape(setting.name)}</td><td>{value}</td><td>{setting.permitted}</td>"
            f'<td class="faint">{escape(setting.source)}</td></tr>'
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
