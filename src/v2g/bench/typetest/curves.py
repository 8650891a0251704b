"""Characteristic curves with the points that were measured on them, as SVG."""

from collections.abc import Iterable, Sequence
from html import escape

from v2g.bench.typetest.case import Reached, Result

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _MARGIN = 560, 260, 60, 34, 14


def by_name(results: Iterable[Result]) -> dict[str, list[Reached]]:
    """The points of each curve, in the order of x."""
    curves: dict[str, list[Reached]] = {}
    for result in results:
        for reached in result.reached:
            curves.setdefault(reached.point.curve, []).append(reached)
    return {name: sorted(points, key=lambda each: each.point.x) for name, points in curves.items()}


def draw(name: str, points: Sequence[Reached]) -> str:
    """The expected curve with its permitted band, and each measured point."""
    xs = [each.point.x for each in points]
    ys = [edge for each in points for edge in (each.expected - each.tolerance, each.expected + each.tolerance)]
    ys += [each.measured for each in points]
    left, right = min(xs), max(max(xs), min(xs) + 1e-6)
    low, high = min(ys), max(max(ys), min(ys) + 0.1)

    def at(x: float, y: float) -> str:
        across = _LEFT + (_WIDTH - _LEFT - _MARGIN) * (x - left) / (right - left)
        down = _MARGIN + (_HEIGHT - _MARGIN - _BOTTOM) * (high - y) / (high - low)
        return f"{across:.1f},{down:.1f}"

    upper = [at(each.point.x, each.expected + each.tolerance) for each in points]
    lower = [at(each.point.x, each.expected - each.tolerance) for each in reversed(points)]
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}">']
    parts.append(f'<polygon class="band" points="{" ".join((*upper, *lower))}"/>')
    parts.append(f'<polyline class="ink" points="{" ".join(at(each.point.x, each.expected) for each in points)}"/>')
    for each in points:
        across, down = at(each.point.x, each.measured).split(",")
        style = "ok" if abs(each.measured - each.expected) <= each.tolerance else "bad"
        parts.append(f'<circle class="{style}" fill="currentColor" cx="{across}" cy="{down}" r="3.5"/>')
    for y in (low, (low + high) / 2, high):
        down = at(left, y).partition(",")[2]
        parts.append(f'<text x="{_LEFT - 6}" y="{down}" text-anchor="end">{y:+.2f}</text>')
    for x in (left, (left + right) / 2, right):
        across = at(x, low).partition(",")[0]
        parts.append(f'<text x="{across}" y="{_HEIGHT - 18}" text-anchor="middle">{x:.5g}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 3}">{escape(points[0].point.x_name)}</text></svg>')
    return "".join(parts)


def table(points: Sequence[Reached]) -> str:
    """The same as figures."""
    rows = [
        f"<tr><td>{each.point.x:.5g}</td><td>{each.expected:+.3f}</td><td>{each.expected - each.tolerance:+.3f} to "
        f"{each.expected + each.tolerance:+.3f}</td><td>{each.measured:+.4f}</td></tr>"
        for each in points
    ]
    heads = (
        f"<tr><th>{escape(points[0].point.x_name)}</th><th>expected</th><th>permitted, pu</th><th>measured</th></tr>"
    )
    return "".join(["<table><tr>", heads, "</tr>", *rows, "</table>"])
