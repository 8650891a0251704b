"""Piecewise linear curves."""

from itertools import pairwise


def interpolate(x: float, *points: tuple[float, float]) -> float:
    """The curve through `points`, which are in the order of x; constant before the first and after the last one.

    If two points share their x, the curve steps there.
    """
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
