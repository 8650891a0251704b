"""The report of a day of frequency response: a table for the terminal, and one HTML file with curves."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import sqrt
from pathlib import Path

from v2g.bench import chart
from v2g.bench.chart import Curve, Lane
from v2g.bench.fleet.day import NOMINAL_HZ, TICK_S, Day, Sample
from v2g.bench.fleet.report import booked_wh, shares
from v2g.kernel.durations import HOUR_S
from v2g.kernel.units import kw

MEAN_S, CLOSE_S = 300.0, 900.0
"""Of each point of the whole day's curves; of the excerpt that shows each point."""
CLOSE_PU, MOST_ERROR_PU = 0.05, 0.05
"""Of the capacity: what counts as followed, and what the error may be."""


def error_pu(day: Day) -> float:
    """Root mean square of the power against what was asked, as a share of the capacity."""
    squares = sum((each.power_w - each.asked_w) ** 2 for each in day.samples)
    return sqrt(squares / len(day.samples)) / day.scene.capacity_w


def _close_pu(day: Day) -> float:
    """Share of the time in which the power was near to what was asked."""
    band_w = CLOSE_PU * day.scene.capacity_w
    return sum(abs(each.power_w - each.asked_w) <= band_w for each in day.samples) / len(day.samples)


def _regulated_wh(samples: Sequence[Sample], of: Callable[[Sample], float]) -> tuple[float, float]:
    """Energy beyond the baseline: drawn, and fed or not drawn."""
    beyond_wh = [(of(each) - each.baseline_w) * TICK_S / HOUR_S for each in samples]
    return sum(max(each, 0.0) for each in beyond_wh), -sum(min(each, 0.0) for each in beyond_wh)


def facts(day: Day) -> Iterator[tuple[str, str]]:
    """What there is to say, each with its name."""
    scene, hours = day.scene, len(day.samples) * TICK_S / HOUR_S
    yield "fleet", f"{scene.depots} depots, {scene.depots * scene.chargers} chargers, {hours:.1f} h"
    yield "offered", f"{kw(scene.capacity_w)} each way around a baseline"
    yield "followed", f"root mean square error {100 * error_pu(day):.1f} % of that"
    yield "near", f"{100 * _close_pu(day):.1f} % of the time within {100 * CLOSE_PU:.0f} %"
    asked = _regulated_wh(day.samples, lambda each: each.asked_w)
    delivered = _regulated_wh(day.samples, lambda each: each.power_w)
    for name, asked_wh, delivered_wh in zip(("drawn", "fed"), asked, delivered, strict=True):
        share = 100.0 * delivered_wh / asked_wh if asked_wh else 100.0
        yield (
            f"beyond the baseline, {name}",
            f"{asked_wh / 1000:.1f} kWh asked, {delivered_wh / 1000:.1f} kWh delivered ({share:.0f} %)",
        )
    for name, booked, flowed in zip(
        ("charged", "fed"), booked_wh(day.totals), (day.charged_wh, day.fed_wh), strict=True
    ):
        yield f"energy {name}", f"{booked / 1000:.1f} kWh in the ledger, {flowed / 1000:.1f} kWh at the chargers"
    yield "ledger", f"{sum(each.entries for each in day.totals)} entries, {day.missing} missing"
    yield "vehicles", f"{day.visits} left, {day.short_visits} of them with less than they needed"
    yield "below the floor", f"{day.floor_vehicle_s:.0f} s of vehicles that fed"
    total_s = sum(day.why.values()) or 1.0
    for why, lasted_s in sorted(day.why.items(), key=lambda each: -each[1]):
        yield f"bound by: {why}", f"{100 * lasted_s / total_s:.1f} % of the depots' time"


def good(day: Day) -> bool:
    """Whether the fleet did what it had offered, and no vehicle paid for it."""
    return error_pu(day) <= MOST_ERROR_PU and day.missing == 0 and day.floor_vehicle_s == 0.0


def table(day: Day) -> str:
    """For the terminal."""
    rows = list(facts(day))
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"  {name:{width}}{text}" for name, text in rows)


def write(path: Path, day: Day) -> Path:
    """Write the report and return its path."""
    lead = "a recorded day of the grid's frequency; the real controllers, in virtual time"
    chart.write(path, "A fleet answers a day of the grid", lead, _body(day))
    return path


def _body(day: Day) -> Iterator[str]:
    yield chart.legend({"brown": "baseline", "dashed": "asked for", "ink": "drawn (above zero) or fed"})
    size = int(MEAN_S / TICK_S)
    means = [_mean(day.samples[begin : begin + size]) for begin in range(0, len(day.samples), size)]
    hours = {float(HOUR_S * hour): f"{hour} h" for hour in range(0, int(day.samples[-1].time_s / HOUR_S) + 1, 3)}
    yield chart.draw("power and frequency over the day", _lanes(means), times=hours)
    off_hz = [abs(each.frequency_hz - NOMINAL_HZ) for each in day.samples]
    worst = off_hz.index(max(off_hz))
    size = int(CLOSE_S / TICK_S)
    begin = max(0, min(worst - size // 2, len(day.samples) - size))
    at = day.samples[worst].time_s / HOUR_S
    yield f"<h2>A quarter of an hour around {at:.1f} h, each {TICK_S:g} s</h2>"
    yield chart.draw("power and frequency in a quarter of an hour", _lanes(day.samples[begin : begin + size]))
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts(day))
    yield f"<h2>Figures</h2><table>{rows}</table>"
    yield "<h2>What each depot delivered</h2>" + chart.wide(shares(day.totals))


def _mean(samples: Sequence[Sample]) -> Sample:
    count = len(samples)
    sums = [sum(getattr(each, name) for each in samples) / count for name in Sample.__struct_fields__[1:]]
    return Sample(samples[-1].time_s, *sums)


def _lanes(samples: Sequence[Sample]) -> list[Lane]:
    def curve(style: str, of: Callable[[Sample], float]) -> Curve:
        return Curve(style, [(each.time_s, of(each)) for each in samples])

    power = [
        curve("brown", lambda each: each.baseline_w / 1000),
        curve("dashed", lambda each: each.asked_w / 1000),
        curve("ink", lambda each: each.power_w / 1000),
    ]
    error = [curve("red", lambda each: (each.power_w - each.asked_w) / 1000)]
    return [
        Lane("power, kW", power, (), 1.0, 180),
        Lane("error, kW", error, (), 1.0, 80),
        Lane("grid, Hz", [curve("blue", lambda each: each.frequency_hz)], (), 0.01, 80),
    ]


__all__ = ["error_pu", "facts", "good", "table", "write"]
