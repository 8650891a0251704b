"""Power beyond a limit, added up: bursts that are each too short for a fault exceed the limit all the same."""

from v2g.kernel.ceiling import Ceiling

MOST_WS = 10_000.0
"""How much energy beyond its limit a car may take: 11 kW for a second, as it does while it finds its current."""
_LONGEST_S = 1.0
"""Between measurements; what happened in a longer gap is not known, and another rule's."""


class Excess:
    """Energy beyond a limit, less what was left unused of it since, W s: never less than none."""

    def __init__(self) -> None:
        self.energy_ws = 0.0
        self._ceiling = Ceiling(0.0)
        self._seen_s: float | None = None

    def step(self, power_w: float, limit_w: float, seen_s: float, follows_s: float) -> bool:
        """Whether too much has been taken. `power_w` in the direction of the limit, measured at `seen_s`;
        `follows_s`: how long a car may take to follow a limit that falls."""
        self._ceiling.window_s = follows_s
        beyond_w = max(power_w, 0.0) - self._ceiling.step(limit_w, seen_s)
        lasted_s = 0.0 if self._seen_s is None else min(max(seen_s - self._seen_s, 0.0), _LONGEST_S)
        self._seen_s = seen_s
        self.energy_ws = max(self.energy_ws + beyond_w * lasted_s, 0.0)
        return self.energy_ws > MOST_WS

    def clear(self) -> None:
        """Another car, or none."""
        self.energy_ws, self._seen_s = 0.0, None
        self._ceiling.clear()
