"""The report of a prequalification test: a table for the terminal, and one HTML file with the curve."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from math import isfinite
from pathlib import Path

from v2g.bench import chart
from v2g.bench.chart import Curve, Lane
from v2g.depot.prequalification import WITHIN_PU, Figure, Product, Result, Sample, Trial
from v2g.kernel.units import kw, signed_kw

TITLES = {Product.FCR: "FCR: frequency containment", Product.AFRR: "aFRR: automatic frequency restoration"}
_VERDICTS = {True: "pass", False: "fail", None: ""}


def table(result: Result) -> str:
    """For the terminal."""
    rows = [(each.name, *_cells(each)) for each in result.figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"  {name:{widths[0]}}  {value:>{widths[1]}}  {demanded:{widths[2]}}  {verdict}".rstrip()
        for name, value, demanded, verdict in rows
    ]
    return "\n".join([*lines, "", f"  {_verdict(result)}"])


def write(path: Path, result: Result, samples: Sequence[Sample], where: str) -> None:
    """Write the report. `where`: which depot was tested, and how."""
    chart.write(path, f"Prequalification, {TITLES[result.trial.product]}", where, _body(result, samples))


def _verdict(result: Result) -> str:
    asked_w = result.trial.capacity_w
    if result.passed:
        return f"passed: {kw(asked_w)} are proved"
    missed = sum(each.passed is False for each in result.figures)
    return f"failed: {missed} of the figures; the least order held {kw(result.qualified_w)} of {kw(asked_w)} on average"


def _cells(figure: Figure) -> tuple[str, str, str]:
    """The value, what is demanded of it, and whether it is met."""
    value = _quantity(figure.value, figure.unit) if isfinite(figure.value) else "never"
    most, least = figure.most, figure.least
    demanded = f"at most {_quantity(most, figure.unit)}" if most is not None else ""
    demanded = f"at least {_quantity(least, figure.unit)}" if least is not None else demanded
    return value, demanded, _VERDICTS[figure.passed]


def _quantity(value: float, unit: str) -> str:
    """Shares of the capacity in percent, as operators' conditions state them."""
    return f"{100 * value:.3g} %" if unit == "pu" else f"{value:.3g} {unit}"


def _test(trial: Trial) -> str:
    """What was ordered."""
    orders = [
        f"{'feed' if order.signal_pu > 0 else 'draw'} {kw(abs(order.signal_pu) * trial.capacity_w)} from "
        f"{order.from_s:.0f} to {after.from_s:.0f} s"
        for order, after in pairwise(trial.orders)
        if order.signal_pu
    ]
    return (
        f"Offered: {kw(trial.capacity_w)} around a baseline of {signed_kw(trial.baseline_w)}; {', then '.join(orders)}."
    )


def _body(result: Result, samples: Sequence[Sample]) -> Iterator[str]:
    verdict = "ok" if result.passed else "bad"
    yield f'<p class="{verdict} verdict">{escape(_verdict(result))}</p>'
    yield f"<p>{escape(_test(result.trial))} Positive draws from the grid.</p>"
    yield chart.legend({"dashed": "ordered", "green": "fed into the grid, measured"})
    ordered = [(each.time_s, -result.trial.asked_w(each.signal_pu) / 1000) for each in samples]
    measured = [(each.time_s, -each.power_w / 1000) for each in samples]
    curves = [Curve("dashed", ordered), Curve("green", measured)]
    yield chart.draw("ordered and measured power over time", [Lane("fed, kW", curves, (), 1.0, 200)])
    rows = "".join(_row(each) for each in result.figures)
    heads = "".join(f"<th>{each}</th>" for each in ("figure", "measured", "demanded", "", "by"))
    yield f"<h2>Figures</h2>{chart.wide(f'<table><tr>{heads}</tr>{rows}</table>')}"
    yield (
        f"<p>A power within {100 * WITHIN_PU:g} % of the capacity of its order counts as the order. What no source is "
        "named for, and how long an order lasts, is this test's; the operator's own conditions decide. Available is "
        "the share of the time after the time to respond in which the power counts as the order; deviations, shares "
        "and energies are of the power around the stated baseline.</p><p>SO GL: Regulation (EU) 2017/1485 on system "
        "operation. EB GL: Regulation (EU) 2017/2195 on balancing.</p>"
    )


def _row(figure: Figure) -> str:
    value, demanded, verdict = _cells(figure)
    style = {True: "ok", False: "bad", None: ""}[figure.passed]
    before = "".join(f"<td>{escape(cell)}</td>" for cell in (figure.name, value, demanded))
    return f'<tr>{before}<td class="{style} verdict">{verdict}</td><td>{escape(figure.source)}</td></tr>'
