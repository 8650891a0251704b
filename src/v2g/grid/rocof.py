"""Rate of change of frequency over a sliding window: at least 0.1 s in IEEE 1547-2018 6.5.2.5, 0.5 s in EN 50549-1."""

from collections import deque

from v2g.grid.element import TOLERANCE_S


class RocofWindow:
    """The change between the newest frequency and the one a window ago."""

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._samples: deque[tuple[float, float]] = deque()

    def clear(self) -> None:
        """Forget: there was a gap."""
        self._samples.clear()

    def step(self, time_s: float, frequency_hz: float) -> float:
        """The rate in Hz/s; 0 until the window is full."""
        samples = self._samples
        samples.append((time_s, frequency_hz))
        oldest_s = time_s - self.window_s + TOLERANCE_S
        while len(samples) > 1 and samples[1][0] <= oldest_s:
            samples.popleft()
        first_s, first_hz = samples[0]
        return (frequency_hz - first_hz) / (time_s - first_s) if first_s <= oldest_s else 0.0
