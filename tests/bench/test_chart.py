"""Reports: curves where the values are, one page that loads nothing."""

import re
from importlib.metadata import version
from math import inf, nan
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies

from v2g.bench import chart
from v2g.bench.chart import Band, Curve, Lane, draw, page
from v2g.bench.demo import report
from v2g.bench.demo.show import Performance, Sample


def svg(*lanes: Lane, start_s: float | None = None) -> ElementTree.Element:
    root = ElementTree.fromstring(draw("a < b", lanes, start_s=start_s))
    found = root.find("svg")
    assert found is not None
    return found


def points(element: ElementTree.Element) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]
        for line in element.iter("polyline")
    ]


def test_a_value_that_is_missing_interrupts_its_curve() -> None:
    curve = Curve("blue", [(0.0, 1.0), (1.0, 2.0), (2.0, nan), (3.0, 2.0), (4.0, 1.0)])
    first, second = points(svg(Lane("P", [curve])))
    assert [len(first), len(second)] == [2, 2]
    assert first[0][0] == pytest.approx(chart.LEFT)
    assert second[1][0] == pytest.approx(chart.WIDTH - chart.RIGHT)
    assert first[0][1] > first[1][1]  # larger is higher


def test_bands_end_at_the_lane() -> None:
    (band,) = svg(Lane("P", [Curve("blue", [(0.0, 0.0), (10.0, 1.0)])], [Band(5.0, 20.0, -inf, inf)])).iter("rect")
    assert float(band.attrib["x"]) == pytest.approx((chart.LEFT + chart.WIDTH - chart.RIGHT) / 2)
    assert float(band.attrib["x"]) + float(band.attrib["width"]) == pytest.approx(chart.WIDTH - chart.RIGHT)
    assert (float(band.attrib["y"]), float(band.attrib["height"])) == (chart.GAP, 66)


def test_named_ticks_and_the_start() -> None:
    curve = Curve("red", [(-1.0, 1.0), (1.0, 0.0)])
    drawn = svg(Lane("contactor", [curve], ticks={1.0: "closed", 0.0: "open"}), start_s=0.0)
    texts = [text.text for text in drawn.iter("text")]
    assert {"contactor", "closed", "open", "0 s", "0.5 s"} <= {*texts}
    (start,) = (line for line in drawn.iter("line") if line.attrib["class"] == "start")
    assert float(start.attrib["x1"]) == pytest.approx((chart.LEFT + chart.WIDTH - chart.RIGHT) / 2)


@given(
    strategies.lists(
        strategies.tuples(
            strategies.floats(-1e6, 1e6), strategies.floats(-1e9, 1e9) | strategies.sampled_from([nan, inf, -inf])
        ),
        max_size=20,
    )
)
def test_whatever_the_values_the_curve_stays_in_the_picture(samples: list[tuple[float, float]]) -> None:
    drawn = draw("any", [Lane("x", [Curve("ink", sorted(samples))])])
    for x, y in re.findall(r"([\d.e+-]+),([\d.e+-]+)", drawn):
        assert 0 <= float(x) <= chart.WIDTH
        assert 0 <= float(y) <= 200


def test_a_page_says_by_what_it_was_made_and_loads_nothing(repository: Path) -> None:
    text = "".join(page("A <title>", "lead", ["<p>body</p>"]))
    assert "A &lt;title&gt;" in text
    assert f"v2g {version('v2g')}" + (", commit " if (repository / ".git").exists() else "") in text
    assert "@media print" in text
    assert not re.search(r"https?:|src=|@import|<link", text)


def test_the_report_of_a_demonstration_has_legend_settings_and_trace() -> None:
    samples = [
        Sample(0.0, "SESSION_SETUP", None, None, 0.0, None, None),
        Sample(1.0, "CHARGE_LOOP", 50.0, 7000.0, 0.0, 0.6, None),
        Sample(2.0, "CHARGE_LOOP", 49.9, 7000.0, 6900.0, 0.61, None),
    ]
    performance = Performance(samples, {"limited_s": {"ramp": 0.5}}, {}, "station <1>", False, "TRACE <b>", "evses: []")
    text = "".join(chart.page("demo", "", report._body(performance)))
    for wanted in (
        "energy transfer",
        "a limit binds",
        "state of charge",
        "evses: []",
        "TRACE &lt;b&gt;",
        "station &lt;1&gt;",
        "0.5 s",
    ):
        assert wanted in text
    assert text.count("<polyline") == 5
