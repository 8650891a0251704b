"""How far a sensing unit is believed whose samples sometimes cannot be true.

One that loses its lock when the voltage jumps must not end what has to be ridden through: a single such sample stops
the power and does not trip. The next one does. So does one too many of them: a unit that is wrong again and again
would switch the power on and off for ever. It is believed again after a minute without any.
"""

from v2g.grid.sample import GridSample

LASTS_S = 0.015
"""How long samples that cannot be believed may come before they trip: one of them does not, a second one does."""
STAYS_S = 0.15
"""How long the same one may be the latest: it is looked at again whenever the meter is read, and while nothing flows
the sensing unit is read every 0.1 s."""
MOST = 8
"""More of them, without `CLEARS_S` of sound ones in between, trip: three dips with two each are ridden through."""
CLEARS_S = 60.0


class Doubt:
    """Counts samples that cannot be believed."""

    def __init__(self) -> None:
        self._first: tuple[float, tuple[float, int]] | None = None
        """Since when samples cannot be believed; time and sequence of the first of them."""
        self._count, self._last_s = 0, float("-inf")

    def step(self, sample: GridSample, now: float) -> bool:
        """`sample` cannot be believed; whether that still may be passed over."""
        this = sample.time_s, sample.sequence
        since_s, first = self._first or (now, this)
        if self._first is None:
            self._count = self._count + 1 if now - self._last_s < CLEARS_S else 1
        self._first, self._last_s = (since_s, first), now
        return self._count <= MOST and now - since_s <= (STAYS_S if this == first else LASTS_S)

    def sound(self, now: float) -> None:
        """A sample can be believed."""
        self._first = None
        if now - self._last_s >= CLEARS_S:
            self._count = 0

    @property
    def why(self) -> str | None:
        """Why the sensing unit is not believed even if its latest sample could be, or None."""
        if self._count <= MOST:
            return None
        return f"more than {MOST} samples could not be believed; it takes {CLEARS_S:g} s without any"
