"""The report of the demonstration: one HTML file with curves, figures, settings and the trace. It loads nothing."""

from collections.abc import Callable, Iterator
from html import escape
from math import nan
from pathlib import Path

from v2g.bench import chart
from v2g.bench.chart import Band, Curve, Lane
from v2g.bench.demo.show import Performance, Sample, security

TALL, LOW = 132, 22
_LEGEND = {
    "green": "power at the inverter's DC output, positive when it charges the car",
    "dashed": "target",
    "blue": "grid frequency",
    "brown": "state of charge",
    "red": "a limit binds",
    "band": "energy transfer",
}


def write(path: Path, performance: Performance) -> Path:
    """Write the report and return its path."""
    lead = "one ISO 15118-20 session between separate processes"
    chart.write(path, "A car feeds the grid", lead, _body(performance))
    return path


def _body(performance: Performance) -> Iterator[str]:
    yield chart.legend(_LEGEND)
    yield chart.draw("power, frequency and state of charge over time", _lanes(performance))
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in _facts(performance))
    yield f"<h2>Figures</h2><table>{rows}</table>"
    yield f"<h2>Settings in force</h2><pre>{escape(performance.settings)}</pre>"
    yield f"<h2>Session trace</h2><pre>{escape(performance.trace)}</pre>"


def _lanes(performance: Performance) -> list[Lane]:
    samples = performance.samples

    def curve(style: str, value: Callable[[Sample], float | None]) -> Curve:
        values = ((sample.time_s, value(sample)) for sample in samples)
        return Curve(style, [(time_s, nan if found is None else found) for time_s, found in values])

    loop = [sample.time_s for sample in samples if sample.phase.endswith("CHARGE_LOOP")]
    bands = [Band(loop[0], loop[-1])] if loop else []
    power = [
        curve("dashed", lambda sample: None if sample.target_w is None else sample.target_w / 1000),
        curve("green", lambda sample: sample.power_w / 1000),
    ]
    limited = curve("red", lambda sample: float(sample.limited_by is not None))
    soc = curve("brown", lambda sample: None if sample.soc is None else 100 * sample.soc)
    return [
        Lane("power, kW", power, bands, 1.0, TALL),
        Lane("limited", [limited], bands, 1.0, LOW, {1.0: "yes", 0.0: "no"}),
        Lane("grid, Hz", [curve("blue", lambda sample: sample.frequency_hz)], bands, 0.01, TALL),
        Lane("SoC, %", [soc], bands, 0.01, TALL),
    ]


def _facts(performance: Performance) -> list[tuple[str, str]]:
    car, status = performance.car, performance.status
    limits = status.get("limited_s", {})
    return [
        ("Result", "completed" if performance.completed else f"failed: {car.get('error') or status.get('fault')}"),
        ("Station", performance.station),
        ("Found by", "SECC discovery (SDP, IPv6 multicast)" if performance.discovered else "a given address"),
        ("Session", f"{status.get('session')}, {car.get('service')}, {car.get('mode')} control, "
                    f"{security(car)}"),
        ("Car", str(status.get("evcc_id"))),
        ("Energy to the car", f"{status.get('charged_wh', 0):.2f} Wh at the meter"),
        ("Energy to the grid", f"{status.get('discharged_wh', 0):.2f} Wh at the meter"),
        ("State of charge", f"{100 * car.get('soc_start', 0):.3f} % to {100 * car.get('soc_end', 0):.3f} %"),
        ("Requests answered", str(status.get("messages"))),
        ("Slowest response", f"{status.get('slowest_response_ms', 0):.1f} ms ({status.get('slowest_message')})"),
        ("Binding limits", ", ".join(f"{name} for {held:.1f} s" for name, held in limits.items()) or "none"),
    ]  # fmt: skip
