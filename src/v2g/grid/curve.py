"""Piecewise linear curves."""


def interpolate(x: float, *points: tuple[float, float]) -> float:
    """The curve through `points`, which are in the order of x; constant before the first and after the last one.

    If two points share their x, the curve steps there.
    """
    x0, y0 = points[0]
    if x <= x0:
        return y0
    for x1, y1 in points:  # the first one again: it is no way from itself to itself
        if x <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        x0, y0 = x1, y1
    return y0
