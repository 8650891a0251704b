"""A limit that falls binds those who have to follow it only after a time: until then the older one is in force."""

from collections import deque


class Ceiling:
    """The highest limit of the last `window_s`: what a measurement of now may still show."""

    def __init__(self, window_s: float) -> None:
        """`window_s`: what a new limit takes to the device, through its ramp, and back as a measurement."""
        self.window_s = window_s
        self._limits: deque[tuple[float, float]] = deque()
        """Until when each limit counts, and the limit; limits fall from left to right."""

    def step(self, limit: float, now: float) -> float:
        """Take the limit that holds from `now` on; returns the one to judge by."""
        limits = self._limits
        while limits and limits[-1][1] <= limit:
            limits.pop()
        limits.append((now + self.window_s, limit))
        while limits[0][0] < now:
            limits.popleft()
        return limits[0][1]

    def clear(self) -> None:
        """Nothing was allowed before."""
        self._limits.clear()
