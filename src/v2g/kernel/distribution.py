"""How often durations fall into which range: what is left of many measurements when each must cost next to nothing."""

from bisect import bisect_left

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Upper bounds of the ranges, seconds; one more range is open."""


class Distribution:
    """Of durations, from the start of the process."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        """Measurements in each range."""
        self.total_s = 0.0

    def add(self, duration_s: float) -> None:
        """One more measurement."""
        self.counts[bisect_left(BOUNDS_S, duration_s)] += 1
        self.total_s += duration_s
