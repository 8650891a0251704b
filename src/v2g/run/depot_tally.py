"""What a depot has done since its process began: for its metrics."""

from collections import Counter, defaultdict

from v2g.depot.binding import What
from v2g.depot.dispatch import Dispatch
from v2g.kernel.distribution import Distribution

LONGEST_S = 60.0
"""A cycle that lasts longer was none: the process stood still."""


class Tally:
    """Counters; they only rise."""

    def __init__(self) -> None:
        self.limited_s: defaultdict[tuple[str, str], float] = defaultdict(float)
        """By what bound and, of nodes, its name: seconds, summed over the chargers."""
        self.changed = 0
        """Set-points."""
        self.cycles = Distribution()
        self._before: Counter[tuple[str, str]] = Counter()
        self._since_s: float | None = None

    def see(self, dispatch: Dispatch, now: float, took_s: float) -> None:
        """A cycle at `now`, which took the processor `took_s`."""
        if self._since_s is not None:
            passed_s = min(now - self._since_s, LONGEST_S)
            for key, count in self._before.items():
                self.limited_s[key] += count * passed_s
        self._since_s = now
        self._before = Counter(
            (each.what.value, each.name if each.what is What.NODE else "") for _, each in dispatch.setpoints.bindings()
        )
        self.changed += len(dispatch.changed)
        self.cycles.add(took_s)
