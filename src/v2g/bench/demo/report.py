"""The report of the demonstration: one HTML file with curves, figures and the trace. It loads nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10
from pathlib import Path

from v2g.bench.demo.show import Performance, Sample

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 200, 70, 20, 18, 28

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #8895a5; --grid: #dfe5ec; --paper: #fff; --power: #0b6e4f;
  --target: #d1495b; --frequency: #33539e; --soc: #8f5b00; --phase: rgba(51, 83, 158, .07); }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --faint: #8a97a6; --grid: #2b3542; --paper: #131920;
  --power: #45c49a; --target: #ff7b8b; --frequency: #86a6f5; --soc: #e3b04b; --phase: rgba(134, 166, 245, .09); } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p.lead { color: var(--faint); margin-top: .2rem; }
table { border-collapse: collapse; } td { padding: .2rem 1.2rem .2rem 0; vertical-align: top; }
td:first-child { color: var(--faint); }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--faint); }
.axis { stroke: var(--grid); } .zero { stroke: var(--faint); } .band { fill: var(--phase); }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.power { stroke: var(--power); } .target { stroke: var(--target); stroke-dasharray: 5 4; }
.frequency { stroke: var(--frequency); } .soc { stroke: var(--soc); }
.key.power { border-color: var(--power); } .key.target { border-color: var(--target); border-top-style: dashed; }
.key.frequency { border-color: var(--frequency); } .key.soc { border-color: var(--soc); }
.key { display: inline-block; width: 1.6em; border-top: 3px solid; margin-right: .4em; vertical-align: middle; }
pre { overflow-x: auto; font: 12px/1.5 ui-monospace, monospace; padding: .8rem; border: 1px solid var(--grid); }
"""


def write(path: Path, performance: Performance) -> Path:
    """Write the report and return its path."""
    path.write_text(_page(performance), encoding="utf-8")
    return path


def _page(performance: Performance) -> str:
    car, status, samples = performance.car, performance.status, performance.samples
    limits = status.get("limited_s", {})
    facts = [
        ("Result", "completed" if performance.completed else f"failed: {car.get('error') or status.get('fault')}"),
        ("Station", performance.station),
        ("Found by", "SECC discovery (SDP, IPv6 multicast)" if performance.discovered else "a given address"),
        ("Session", f"{status.get('session')}, {car.get('service')}, {car.get('mode')} control, "
                    f"{'TLS 1.3, both sides with certificates' if car.get('tls') else 'plain TCP'}"),
        ("Car", str(status.get("evcc_id"))),
        ("Energy to the car", f"{status.get('charged_wh', 0):.2f} Wh at the meter"),
        ("Energy to the grid", f"{status.get('discharged_wh', 0):.2f} Wh at the meter"),
        ("State of charge", f"{100 * car.get('soc_start', 0):.3f} % to {100 * car.get('soc_end', 0):.3f} %"),
        ("Messages", str(car.get("messages"))),
        ("Slowest response", f"{status.get('slowest_response_ms', 0):.1f} ms ({status.get('slowest_message')})"),
        ("Binding limits", ", ".join(f"{name} for {held:.1f} s" for name, held in limits.items()) or "none"),
    ]  # fmt: skip
    rows = "\n".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>v2g demo report</title><style>{_STYLE}</style></head><body>
<h1>A car feeds the grid</h1>
<p class="lead">One ISO 15118-20 session between separate processes on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.
Shaded: energy transfer.</p>
<h2><span class="key power"></span>Power and <span class="key target"></span>target, kW (positive charges the car)</h2>
{
        _chart(
            samples,
            [
                ("target", lambda s: None if s.target_w is None else s.target_w / 1000),
                ("power", lambda s: s.power_w / 1000),
            ],
            digits=0,
        )
    }
<h2><span class="key frequency"></span>Grid frequency, Hz</h2>
{_chart(samples, [("frequency", lambda s: s.frequency_hz)], digits=2)}
<h2><span class="key soc"></span>State of charge, %</h2>
{_chart(samples, [("soc", lambda s: None if s.soc is None else 100 * s.soc)], digits=2)}
<h2>Figures</h2>
<table>{rows}</table>
<h2>Session trace</h2>
<pre>{escape(performance.trace)}</pre>
</body></html>
"""


def _chart(
    samples: Sequence[Sample], curves: Sequence[tuple[str, Callable[[Sample], float | None]]], *, digits: int
) -> str:
    """An SVG with one curve for each pair of style and value; values that are None interrupt the curve."""
    values = [value for sample in samples for _, curve in curves if (value := curve(sample)) is not None]
    if not values:
        return "<p>no samples</p>"
    low, high, step = _scale(min(values), max(values))
    end_s = max(sample.time_s for sample in samples)

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time_s / end_s

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    loop = [sample.time_s for sample in samples if sample.phase == "CHARGE_LOOP"]
    if loop:
        width = x(loop[-1]) - x(loop[0])
        parts.append(
            f'<rect class="band" x="{x(loop[0]):.1f}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - TOP - BOTTOM}"/>'
        )
    for index in range(round((high - low) / step) + 1):
        value = low + index * step
        style = "zero" if abs(value) < step / 1000 and low < 0 else "axis"
        parts.append(
            f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.{digits}f}</text>')
    for second in range(0, int(end_s) + 1, 5):
        parts.append(f'<text x="{x(second):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{second} s</text>')
    for style, curve in curves:
        parts += [f'<polyline class="{style}" points="{points}"/>' for points in _lines(samples, curve, x, y)]
    return "".join([*parts, "</svg>"])


def _lines(
    samples: Sequence[Sample],
    curve: Callable[[Sample], float | None],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> list[str]:
    lines: list[list[str]] = [[]]
    for sample in samples:
        value = curve(sample)
        if value is None:
            lines.append([])
        else:
            lines[-1].append(f"{x(sample.time_s):.1f},{y(value):.1f}")
    return [" ".join(points) for points in lines if len(points) > 1]


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds around the values, and a round step of which three to six fit between them."""
    span = max(high - low, abs(high) * 1e-4, 1e-6)
    step = 10.0 ** floor(log10(span / 3))
    for factor in (5, 2):
        if span / (step * factor) >= 3:
            step *= factor
            break
    return floor(low / step) * step, ceil(high / step) * step, step
