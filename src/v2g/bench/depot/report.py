"""The report of a depot's demonstration: a table for the terminal, and one HTML file with curves."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from math import sqrt
from pathlib import Path

from v2g.bench import chart
from v2g.bench.chart import Curve, Lane
from v2g.bench.depot.demo import LOST, Performance, Sample
from v2g.bench.depot.scene import CAPACITY_W, FEEDERS
from v2g.kernel.units import kw

SETTLED_S = 10.0
"""After the signal's first second the depot has to be there."""
LATE_S = 1.0
"""Orders need the way to the station and back; a request is compared with the power a second later."""
WITHIN, FOR_S = 0.03, 3
"""A loss is made up for once the power is within this share of the request for this many seconds."""


def nrmse(samples: list[Sample]) -> float:
    """Of the power against the request of a second before, as a share of the capacity."""
    errors = [(after.delivered_w - before.requested_w) ** 2 for before, after in pairwise(samples)]
    return sqrt(sum(errors) / len(errors)) / CAPACITY_W


def recovery_s(performance: Performance) -> float | None:
    """From the loss until the power follows again; None if it never does."""
    if performance.lost_s is None:
        return None
    later = [each for each in pairwise(performance.samples) if each[1].time_s >= performance.lost_s]
    good = [abs(after.delivered_w - before.requested_w) <= WITHIN * CAPACITY_W for before, after in later]
    for place in range(len(good) - FOR_S + 1):
        if all(good[place : place + FOR_S]):
            return later[place][1].time_s - performance.lost_s
    return None


def settled(performance: Performance) -> list[Sample]:
    """The samples after the depot has had its time to begin."""
    samples = performance.samples
    return [each for each in samples if each.time_s >= samples[0].time_s + SETTLED_S]


def facts(performance: Performance) -> Iterator[tuple[str, str]]:
    """What there is to say, each with its name."""
    samples = settled(performance)
    recovered = recovery_s(performance)
    error = f"{100 * nrmse(samples):.1f} % of {kw(CAPACITY_W)}"
    yield "request followed", f"root mean square error {error}, against the request of a second before"
    if performance.lost_s is not None:
        late = "not again" if recovered is None else f"after {recovered:.0f} s"
        yield f"{LOST} vehicles vanished", f"at {performance.lost_s:.0f} s; the power was as asked {late}"
    yield "fed below a floor", f"{sum(each.below_floor for each in performance.samples)} vehicle-seconds"
    for name, limit_w in FEEDERS.items():
        most_w = max(abs(each.feeders_w[name]) for each in performance.samples)
        yield f"transformer {name}", f"at most {kw(most_w)} of {kw(limit_w)}"
    seconds = samples[-1].time_s - performance.samples[0].time_s
    yield "set-points", f"{performance.orders} taken by stations in {seconds:.0f} s, renewals included"
    events = sum(each["events"] for each in performance.sessions)
    missing = sum(each["missing"] for each in performance.sessions)
    yield "ledger", f"{events} events of {len(performance.sessions)} transactions, {missing} missing"
    names = ("charged", "fed")
    for name, booked, measured in zip(names, performance.booked_wh, performance.measured_wh, strict=True):
        yield f"energy {name}", f"{booked:.1f} Wh in the ledger, {measured:.1f} Wh by the meters"


def good(performance: Performance) -> bool:
    """Whether the demonstration shows what it should."""
    energies = zip(performance.booked_wh, performance.measured_wh, strict=True)
    return (
        nrmse(settled(performance)) <= 0.1
        and (performance.lost_s is None or recovery_s(performance) is not None)
        and not any(each.below_floor for each in performance.samples)
        and all(abs(booked - measured) < 0.5 for booked, measured in energies)
    )


def table(performance: Performance) -> str:
    """For the terminal."""
    rows = list(facts(performance))
    width = max(len(name) for name, _ in rows) + 2
    why = ["", "why some vehicles had their power (v2g depot explain):", *performance.explained]
    return "\n".join([*(f"  {name:{width}}{text}" for name, text in rows), *(f"  {each}".rstrip() for each in why)])


def write(path: Path, performance: Performance) -> Path:
    """Write the report and return its path."""
    lead = "stations of OCPP 2.1 and 2.0.1 over WebSocket, one request, a controller, its ledger"
    chart.write(path, "A depot feeds the grid", lead, _body(performance))
    return path


_LINES = dict(zip(("ink", "brown", "violet"), FEEDERS, strict=True))


def _body(performance: Performance) -> Iterator[str]:
    yield chart.legend({"dashed": "asked for", "green": "fed into the grid", "blue": "grid frequency", **_LINES})
    yield chart.draw("power and frequency over time", _lanes(performance.samples))
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts(performance))
    yield f"<h2>Figures</h2><table>{rows}</table>"
    yield f"<h2>Why some vehicles had their power</h2><pre>{escape(chr(10).join(performance.explained))}</pre>"
    yield f"<h2>Log of the depot</h2><pre>{escape(performance.log)}</pre>"


def _lanes(samples: list[Sample]) -> list[Lane]:
    power = [
        Curve("dashed", [(each.time_s, -each.requested_w / 1000) for each in samples]),
        Curve("green", [(each.time_s, -each.delivered_w / 1000) for each in samples]),
    ]
    feeders = [
        Curve(style, [(each.time_s, -each.feeders_w[name] / 1000) for each in samples])
        for name, style in zip(FEEDERS, _LINES, strict=True)
    ]
    return [
        Lane("fed, kW", power, (), 1.0, 160),
        Lane("feeders, kW", feeders, (), 1.0, 90),
        Lane("grid, Hz", [Curve("blue", [(each.time_s, each.frequency_hz) for each in samples])], (), 0.01, 90),
    ]
