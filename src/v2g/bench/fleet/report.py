"""The report of a fleet's demonstration: a table for the terminal, and one HTML file with curves."""

from collections.abc import Iterable, Iterator
from html import escape
from math import sqrt
from pathlib import Path

from v2g.bench import chart
from v2g.bench.chart import Band, Curve, Lane
from v2g.bench.fleet.demo import Performance, Sample
from v2g.fleet.ledger import Total
from v2g.kernel.units import signed_kw, signed_kwh

REACHED_PU = 0.9
"""Of a step, that counts as answered."""
LATE_S = 4.0
"""What an event of the frequency may take from its measurement to the chargers."""
MOST_ERROR_PU = 0.1
STYLES = ("green", "blue", "brown", "violet")


def response_s(performance: Performance) -> float | None:
    """From the second in which the frequency is measured to have fallen until the power has made its step."""
    before = [each for each in performance.samples if each.time_s <= performance.dip_s]
    after = [each for each in performance.samples if each.time_s > performance.dip_s]
    if not before or not after:
        return None
    from_w, to_w = before[-1].power_w, after[0].asked_w
    wanted_w = from_w + REACHED_PU * (to_w - from_w)
    for time_s, power_w in performance.fine:
        if time_s > performance.dip_s and power_w <= wanted_w:
            return time_s - performance.dip_s
    return None


def settled(performance: Performance) -> list[Sample]:
    """The samples, but for the time in which a step is answered."""
    steps = [0.0, performance.dip_s, *(b.time_s for a, b in zip(performance.samples, performance.samples[1:],
             strict=False) if abs(b.frequency_hz - a.frequency_hz) > 0.05)]  # fmt: skip
    return [each for each in performance.samples if not any(0.0 <= each.time_s - step <= 6.0 for step in steps)]


def error_pu(performance: Performance) -> float:
    """Root mean square of the power against what was asked, as a share of the most that was asked."""
    samples = settled(performance)
    most_w = max(abs(each.asked_w) for each in performance.samples) or 1.0
    return sqrt(sum((each.power_w - each.asked_w) ** 2 for each in samples) / max(len(samples), 1)) / most_w


def facts(performance: Performance) -> Iterator[tuple[str, str]]:
    """What there is to say, each with its name."""
    scene, response = performance.scene, response_s(performance)
    yield "fleet", f"{scene.depots} depots, {scene.depots * scene.chargers} chargers, {scene.nodes} servers"
    most_w = max((each.asked_w for each in performance.samples), key=abs)
    yield "asked", f"up to {signed_kw(most_w)} (negative is fed)"
    yield "step answered", "not at all" if response is None else f"90 % of it after {response:.1f} s, at the chargers"
    yield "followed", f"root mean square error {100 * error_pu(performance):.1f} % of that, beside the steps"
    acknowledged = sorted(performance.acknowledged_s)
    if acknowledged:
        middle, most = acknowledged[len(acknowledged) // 2], acknowledged[-1]
        yield "set-points", f"acknowledged by all depots after {middle:.3f} s in the median, {most:.3f} s at most"
    if performance.killed_s:
        later = [each for each in performance.samples if each.time_s > performance.killed_s]
        least = min(each.following for each in later)
        yield "a server killed", f"at {performance.killed_s:.0f} s; {least} of {scene.depots} depots followed at least"
    yield "ledger", f"{performance.entries} entries, {performance.missing} missing, none twice (the key forbids it)"
    for name, booked, flowed in zip(
        ("charged", "fed"), booked_wh(performance.totals), performance.energy_wh, strict=True
    ):
        yield f"energy {name}", f"{booked / 1000:.2f} kWh in the ledger, {flowed / 1000:.2f} kWh at the chargers"


def booked_wh(totals: Iterable[Total]) -> tuple[float, float]:
    """What the ledger says that vehicles have charged and fed."""
    vehicles = [each for each in totals if not each.whole]
    return sum(each.charged_wh for each in vehicles), sum(each.discharged_wh for each in vehicles)


def faults(performance: Performance) -> Iterator[str]:
    """What the demonstration should show and does not."""
    response = response_s(performance)
    if response is None or response > LATE_S:
        taken = "not at all" if response is None else f"after {response:.1f} s"
        yield f"the step was answered {taken}, {LATE_S:g} s are allowed; on a busy machine, try again later"
    if (error := error_pu(performance)) > MOST_ERROR_PU:
        yield f"the power was off by {100 * error:.1f} %, {100 * MOST_ERROR_PU:g} % are allowed"
    if performance.missing:
        yield f"{performance.missing} entries are missing in the ledger"
    if not all(each.following for each in performance.samples[10:]):
        yield "at times no depot followed; see the log of the fleet"


def good(performance: Performance) -> bool:
    """Whether the demonstration shows what it should."""
    return not any(faults(performance))


def table(performance: Performance) -> str:
    """For the terminal."""
    rows = list(facts(performance))
    width = max(len(name) for name, _ in rows) + 2
    why = ["", "why some depots had their power (v2g fleet depots):", *performance.why]
    failed = [f"failed: {each}" for each in faults(performance)]
    if failed:
        why += ["", *failed]
    return "\n".join([*(f"  {name:{width}}{text}" for name, text in rows), *(f"  {each}".rstrip() for each in why)])


def write(path: Path, performance: Performance) -> Path:
    """Write the report and return its path."""
    lead = "depots over NATS, one request, set-points that lapse, a ledger with each entry once"
    chart.write(path, "A fleet answers the grid", lead, _body(performance))
    return path


def _body(performance: Performance) -> Iterator[str]:
    regions = dict(zip(STYLES, performance.samples[0].regions_w, strict=False))
    yield from (f'<p class="bad">failed: {escape(each)}</p>' for each in faults(performance))
    yield chart.legend({"dashed": "asked for", "ink": "drawn (above zero) or fed", **regions})
    yield chart.draw("power and frequency over time", _lanes(performance), start_s=performance.killed_s or None)
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts(performance))
    yield f"<h2>Figures</h2><table>{rows}</table>"
    yield f"<h2>Why some depots had their power</h2><pre>{escape(chr(10).join(performance.why))}</pre>"
    yield "<h2>What each depot delivered</h2>" + chart.wide(shares(performance.totals))
    yield f"<h2>Log of the fleet</h2><pre>{escape(performance.log)}</pre>"


def _lanes(performance: Performance) -> list[Lane]:
    samples = performance.samples
    regions = [
        Curve(style, [(each.time_s, each.regions_w[name] / 1000) for each in samples])
        for style, name in zip(STYLES, samples[0].regions_w, strict=False)
    ]
    asked = Curve("dashed", [(each.time_s, each.asked_w / 1000) for each in samples])
    flows = Curve("ink", [(time_s, power_w / 1000) for time_s, power_w in performance.fine])
    servers = Curve("ink", [(each.time_s, float(each.servers)) for each in samples])
    dead = [Band(performance.killed_s, samples[-1].time_s)] if performance.killed_s else []
    return [
        Lane("power, kW", [asked, flows], (), 1.0, 180),
        Lane("regions, kW", regions, (), 1.0, 110),
        Lane("grid, Hz", [Curve("blue", [(each.time_s, each.frequency_hz) for each in samples])], (), 0.01, 80),
        Lane("servers", [servers], dead, 1.0, 40),
    ]


def shares(totals: Iterable[Total]) -> str:
    """A table: what was asked of each depot, and how much of it was delivered."""
    asked = [each for each in totals if each.whole and each.asked_wh]
    head = (
        "<table><tr><th>depot</th><th>asked by</th><th>asked</th><th>delivered</th><th>share</th><th>why not</th></tr>"
    )
    rows = (
        f"<tr><td>{escape(each.depot)}</td><td>{escape(each.request)}</td><td>{signed_kwh(each.asked_wh or 0.0)}</td>"
        f"<td>{signed_kwh(each.delivered_wh)}</td><td>{100 * each.delivered_wh / (each.asked_wh or 1.0):.0f} %</td>"
        f"<td>{escape(each.why)}</td></tr>"
        for each in asked
    )
    return f"{head}{''.join(rows)}</table>"


__all__ = ["booked_wh", "error_pu", "facts", "faults", "good", "response_s", "settled", "shares", "table", "write"]
