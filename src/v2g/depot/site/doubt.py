"""Whether the house's meter can be believed: what its chargers do has to show there.

A meter that is frozen, or whose sign is turned, would be followed without an end: the car covers a load that is never
covered, or charges from a sun that its own charging makes. So what the chargers' meters show is compared with it.
"""

from enum import StrEnum
from math import inf

from v2g.depot.site.reading import HouseReading, Phases

MOVED_W = 500.0
"""By so much the chargers must have moved before a meter that shows nothing of it is frozen."""
FINE_V, FROZEN_S, COARSE_S = 0.25, 30.0, 600.0
"""A meter of which a voltage has been seen to change by so little is frozen once nothing of it has changed for
`FROZEN_S`: the last digits of a voltage never rest. One that shows coarser steps may rest for `COARSE_S`; one of which
the voltages have never changed may rest for ever, as somebody may have made them up."""
WINDOW_S, LEAST_W, LEAST, MOST, TURNED_W = 3.0, 1_000.0, 0.8, 1.2, 6_000.0
"""If chargers move by more than `LEAST_W` between two looks, and the meter by as much the other way, it speaks against
its sign; by `TURNED_W` in all, and never the right way, the sign is turned."""
ALIKE_PU, ALIKE_W = 0.05, 20.0
"""If each phase's power becomes its opposite, within this, between two readings, with `LEAST_W` in all, the sign
was turned: no house does that."""
DOUBTED_S = 600.0
"""Then it is believed again, for a trial."""


class Reason(StrEnum):
    """Why the meter is not believed."""

    FROZEN = "is frozen: it shows nothing of what the chargers do"
    TURNED = "counts the wrong way: what is charged shows as fed; see meter.reversed"


class Doubt:
    """Of one meter."""

    def __init__(self, silent_s: float) -> None:
        """`silent_s`: how long a meter may say the same while chargers move."""
        self._silent_s = silent_s
        self._values: object = None
        self._powers_w: Phases = 0.0, 0.0, 0.0
        self._changed_s, self._shown_then_w = -inf, 0.0
        self._frozen = False
        self._voltages_v: Phases | None = None
        self._step_v = inf
        """The least change of a voltage from one reading to the next."""
        self._looked: tuple[float, float, float] | None = None
        self._against_w, self._turned_until_s = 0.0, -inf

    def see(self, reading: HouseReading, shown_w: float | None) -> None:
        """A reading, and what the chargers' own meters show together; None: nothing."""
        now, values = reading.unix_s, (reading.powers_w, reading.currents_a, reading.voltages_v)
        before_w, self._powers_w = self._powers_w, reading.powers_w
        before_v, self._voltages_v = self._voltages_v, reading.voltages_v
        if before_v is not None and reading.voltages_v is not None:
            steps_v = (abs(after - before) for before, after in zip(before_v, reading.voltages_v, strict=True))
            self._step_v = min([self._step_v, *filter(None, steps_v)])
        if _opposite(before_w, reading.powers_w):
            turned_back = now < self._turned_until_s
            self._against_w, self._turned_until_s = 0.0, -inf if turned_back else now + DOUBTED_S
        if values != self._values:
            self._values, self._changed_s, self._shown_then_w = values, now, shown_w or 0.0
            self._frozen = False
        elif shown_w is not None and now - self._changed_s >= self._silent_s:
            self._frozen |= abs(shown_w - self._shown_then_w) > MOVED_W
        if shown_w is not None and (self._looked is None or now - self._looked[0] >= WINDOW_S):
            self._compare(now, shown_w, sum(reading.powers_w))

    def reason(self, now: float) -> Reason | None:
        """Why it is not believed; None if it is."""
        may_rest_s = FROZEN_S if self._step_v <= FINE_V else COARSE_S if self._step_v < inf else inf
        if self._frozen or (self._voltages_v is not None and now - self._changed_s > max(may_rest_s, self._silent_s)):
            return Reason.FROZEN
        return Reason.TURNED if now < self._turned_until_s else None

    def _compare(self, now: float, shown_w: float, flow_w: float) -> None:
        before, self._looked = self._looked, (now, shown_w, flow_w)
        if before is None or now - before[0] > 2.0 * WINDOW_S or abs(shown_w - before[1]) < LEAST_W:
            return
        follows = (flow_w - before[2]) / (shown_w - before[1])
        if -MOST < follows < -LEAST:
            self._against_w += abs(shown_w - before[1])
        elif LEAST < follows < MOST:
            self._against_w, self._turned_until_s = 0.0, -inf
        if self._against_w >= TURNED_W:
            self._against_w, self._turned_until_s = 0.0, now + DOUBTED_S


def _opposite(before_w: Phases, after_w: Phases) -> bool:
    pairs = list(zip(before_w, after_w, strict=True))
    return sum(abs(one) for one, _ in pairs) >= LEAST_W and all(
        abs(one + other) <= ALIKE_PU * abs(one) + ALIKE_W for one, other in pairs
    )
