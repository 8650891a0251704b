"""A limit that falls binds those who have to follow it only after a time: until then the older one is in force."""

from collections import deque


class Ceiling:
    """The highest limit of the last `window_s`: what a measurement of now may still show."""

    def __init__(self, window_s: float) -> None:
        """`window_s`: what a new limit takes to the device, through its ramp, and back as a measurement."""
        self.window_s = self._counted_s = window_s
        """May be set to another one before a step: then a limit that falls in that step has this time."""
        self._limits: deque[tuple[float, float]] = deque()
        """Until when each limit counts, and the limit; limits fall from left to right."""

    def step(self, limit: float, now: float) -> float:
        """Take the limit that holds from `now` on; returns the one to judge by."""
        limits = self._limits
        if limits and self.window_s != self._counted_s:
            until_s, last = limits.pop()
            until_s += self.window_s - self._counted_s
            limits = self._limits = deque((min(each_s, until_s), each) for each_s, each in limits)
            limits.append((until_s, last))
        self._counted_s = self.window_s
        while limits and limits[-1][1] <= limit:
            limits.pop()
        limits.append((now + self.window_s, limit))
        while limits[0][0] < now:
            limits.popleft()
        return limits[0][1]

    def clear(self) -> None:
        """Nothing was allowed before."""
        self._limits.clear()
