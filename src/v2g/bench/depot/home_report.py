"""The report of a house's day: a table for the terminal, and one HTML file with curves."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from v2g.bench import chart
from v2g.bench.chart import Curve, Lane
from v2g.bench.depot.home_demo import CONNECTION, WEAR_PER_KWH, Day, Performance, names

MOST_S, MISSING_WH = 1.0, 200.0
TIMES = {3600.0 * hours: f"{(12 + hours) % 24:02}:00" for hours in range(0, 25, 3)}
"""What is written below the curves: the day begins at noon."""


def cost(day: Day) -> float:
    """Of energy and of the battery's wear."""
    return day.money.cost + WEAR_PER_KWH * day.money.worn_wh / 1000.0


def kwh(energy_wh: float) -> str:
    """With as many digits as it takes for the sums to be seen."""
    return f"{energy_wh / 1000:.2f} kWh"


def facts(day: Day) -> Iterator[tuple[str, str]]:
    """What there is to say of one way, each with its name."""
    money = day.money
    yield "drawn from the grid", kwh(money.drawn_wh)
    yield "+ sun", kwh(day.sun_wh)
    yield "+ discharged from the car", kwh(money.worn_wh)
    yield "= house", kwh(day.house_wh)
    yield "+ charged into the car", kwh(money.charged_wh)
    yield "+ fed into the grid", kwh(money.fed_wh)
    yield "paid for what is drawn, EUR", f"{money.bought:.2f}"
    yield "+ paid for what is fed (prices below 0), EUR", f"{-money.sold:.2f}"
    yield "+ wear of the battery, EUR", f"{cost(day) - money.cost:.2f}"
    yield "= cost, EUR", f"{cost(day):.2f}"
    yield "self-consumption of the sun", f"{100 * day.used_pu:.0f} %"
    yield "in the car at departure", kwh(day.left_wh)
    yield "missing at departure", kwh(money.missing_wh)
    yield "main fuse exceeded for, s", f"{day.watch.longest_s['fuse']:.1f}"
    yield "export limit exceeded for, s", f"{day.watch.longest_s['export']:.1f}"


def good(done: Performance) -> bool:
    """Whether the demonstration shows what it should."""
    longest_s = done.site.watch.longest_s
    return (
        cost(done.site) <= cost(done.at_once)
        and max(longest_s.values()) <= MOST_S
        and done.site.money.missing_wh <= MISSING_WH
    )


def _rows(done: Performance) -> list[tuple[str, ...]]:
    columns = [list(facts(day)) for _, day in names(done)]
    head = ("", *(name for name, _ in names(done)))
    return [head, *((rows[0][0], *(text for _, text in rows)) for rows in zip(*columns, strict=True))]


def table(done: Performance) -> str:
    """For the terminal."""
    return "\n".join(f"  {name:45}{first:>12}{second:>12}" for name, first, second in _rows(done))


def write(path: Path, done: Performance) -> Path:
    """Write the report and return its path."""
    lead = "a dwelling with 8 kW of panels, prices of the day, a car that may feed: recorded shapes, simulated devices"
    chart.write(path, "A day of a house", lead, _body(done))
    return path


def _body(done: Performance) -> Iterator[str]:
    yield chart.legend({"ink": "grid", "brown": "dwelling less sun", "green": "car", "blue": "price"})
    for name, day in names(done):
        yield f"<h2>{escape(name.capitalize())}</h2>"
        yield chart.draw(f"powers of the day, {name}", _lanes(day), times=TIMES)
    head, *rows = _rows(done)
    yield "<h2>Figures</h2><table><tr>" + "".join(f"<th>{escape(each)}</th>" for each in head) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>"
    yield "</table>"
    yield f"<p class='faint'>Main fuse {CONNECTION.fuse_w / 230 + 1:.0f} A, export limit "
    yield f"{CONNECTION.export_w / 1000:g} kW. The cost has {WEAR_PER_KWH:g} EUR of wear for each kWh discharged.</p>"


def _lanes(day: Day) -> list[Lane]:
    samples = day.samples
    powers = [
        Curve("ink", [(each.time_s, each.grid_w / 1000) for each in samples]),
        Curve("brown", [(each.time_s, (each.house_w - each.sun_w) / 1000) for each in samples]),
        Curve("green", [(each.time_s, each.car_w / 1000) for each in samples]),
    ]
    return [
        Lane("power, kW", powers, (), 1.0, 170),
        Lane("car, kWh", [Curve("green", [(each.time_s, each.energy_wh / 1000) for each in samples])], (), 1.0, 80),
        Lane("EUR per kWh", [Curve("blue", [(each.time_s, each.buy) for each in samples])], (), 0.01, 70),
    ]
