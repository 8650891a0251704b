"""Between charging and discharging the current rests at zero: the sign never flips under load."""

from collections.abc import Iterator
from math import copysign

from v2g.station.power.limits import Bound

DWELL_S = 0.2
"""How long the current is seen at zero before it may flow the other way."""


class Interlock:
    """Holds the direction of the power until zero current has been seen for `DWELL_S`."""

    def __init__(self) -> None:
        self._direction = 0.0
        """Sign of the power that was commanded or seen last; 0 once it has rested."""
        self._commanded_s = float("-inf")
        """When power was commanded last."""
        self._rests_since: float | None = None

    def bounds(self, wish_w: float, current_flows: bool | None, seen_s: float) -> Iterator[Bound]:
        """What the direction allows.

        `current_flows`: what was measured at `seen_s`; None where nothing is known. A measurement from before power was
        last commanded says nothing.
        """
        if current_flows or current_flows is None or seen_s <= self._commanded_s:
            self._rests_since = None
        elif self._rests_since is None:
            self._rests_since = seen_s
        if self._rests_since is not None and seen_s - self._rests_since >= DWELL_S:
            self._direction = 0.0
        if self._direction and wish_w and copysign(1.0, wish_w) != self._direction:
            yield Bound("reversal interlock", 0.0, 0.0, f"zero current is awaited for {DWELL_S:g} s")

    def commanded(self, power_w: float, now: float) -> None:
        """This power is commanded from now on."""
        if power_w:
            self._direction, self._commanded_s, self._rests_since = copysign(1.0, power_w), now, None
