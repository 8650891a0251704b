"""Between charging and discharging the current rests at zero: the sign never flips under load."""

from collections.abc import Iterator
from math import copysign

from v2g.power.inverter import NO_CURRENT_A
from v2g.power.meter import NO_POWER_W
from v2g.station.power.limits import Bound, Decision, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

DWELL_S = 0.2
"""How long the current is seen at zero before it may flow the other way."""


class Reversal(Source):
    """Holds the direction of the power until zero current has been seen for `DWELL_S`."""

    def __init__(self) -> None:
        self._direction = 0.0
        """Sign of the power that was commanded or seen last; 0 once it has rested."""
        self._commanded_s = float("-inf")
        """When power was commanded last."""
        self._rests_since: float | None = None

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        bound = self.rest(situation.wish_w, *_flow(situation))
        situation.resting = bound is not None
        if bound is not None:
            yield bound

    def rest(self, wish_w: float, current_flows: bool | None, seen_s: float) -> Bound | None:
        """What holds the power at zero, or None.

        `current_flows`: what was measured at `seen_s`; None if nothing is known. A measurement from before power was
        last commanded says nothing.
        """
        if current_flows or current_flows is None or seen_s <= self._commanded_s:
            self._rests_since = None
        elif self._rests_since is None:
            self._rests_since = seen_s
        if self._rests_since is not None and seen_s - self._rests_since >= DWELL_S:
            self._direction = 0.0
        if self._direction and wish_w and copysign(1.0, wish_w) != self._direction:
            detail = f"zero current is awaited for {DWELL_S:g} s"
            return Bound("reversal interlock", 0.0, 0.0, detail, Holds.AT_ONCE)
        return None

    def decided(self, decision: Decision, situation: Situation) -> None:
        self.commanded(decision.power_w, situation.now)

    def commanded(self, power_w: float, now: float) -> None:
        """This power is commanded from now on."""
        if power_w:
            self._direction, self._commanded_s, self._rests_since = copysign(1.0, power_w), now, None


def _flow(situation: Situation) -> tuple[bool | None, float]:
    """Whether current flows, as far as that is known, and when it was seen."""
    inverter, meter = situation.readings.inverter, situation.readings.meter
    if situation.dc:
        return (None, 0.0) if inverter is None else (abs(inverter.current_a) >= NO_CURRENT_A, inverter.time_s)
    return (None, 0.0) if meter is None else (abs(meter.power_w) >= NO_POWER_W, meter.time_s)
