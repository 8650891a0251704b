"""How fast cars give up power: what one does not take back within a second, it must not feed beyond the export limit.

A station with an inverter of its own lowers its power at once. A car that charges and feeds with its own inverter may
take many seconds. Nobody states that, so it is measured: while the set-point is still far away, the power moves by the
car's pace. What is seen while it falls counts; before that, what is seen while it rises.
"""

from collections import deque
from collections.abc import Mapping
from math import inf

from msgspec import Struct

from v2g.depot.view import Charger

BAND_W, BAND_PU = 300.0, 0.05
"""A set-point that is no further away is reached: a share of the rating, but 300 W at least."""
STARTS_S = 1.0
"""So long after a set-point the power may not have begun to move."""
APART_S, GAP_S = 0.9, 5.0
"""Measurements closer together show more noise than movement, those further apart say nothing of the way between."""
LEAST_W_S = 100.0
"""What moves more slowly does not follow: a battery that is nearly full, say."""
SLOW_S = 1.0
"""A car is slow if it takes longer to give up all that its charger can do."""


class _Seen(Struct):
    """Of one charger with one car."""

    vehicle: str | None
    sets: deque[tuple[float, float]]
    """Its latest set-points, each with the instant from which on it holds."""
    measured_w: float = 0.0
    measured_s: float = -inf
    falls_w_s: float | None = None
    rises_w_s: float | None = None

    @property
    def pace_w_s(self) -> float:
        """Infinite as long as nothing else has been seen."""
        known_w_s = self.rises_w_s if self.falls_w_s is None else self.falls_w_s
        return inf if known_w_s is None else known_w_s


class Paces:
    """Of all chargers of a house."""

    def __init__(self) -> None:
        self._of: dict[str, _Seen] = {}

    def see(self, chargers: Mapping[str, Charger], set_w: Mapping[str, float], now: float) -> None:
        """What the chargers measure, and what they should do."""
        for id, charger in chargers.items():
            vehicle = None if charger.vehicle is None else charger.vehicle.id or ""
            wanted_w, seen = set_w.get(id, 0.0), self._of.get(id)
            if seen is None or seen.vehicle != vehicle:
                seen = self._of[id] = _Seen(vehicle, deque([(now, wanted_w)]))
            if charger.measured_w is not None and charger.measured_unix_s >= seen.measured_s + APART_S:
                _learn(seen, charger.measured_w, charger.measured_unix_s, max(BAND_W, BAND_PU * _rating_w(charger)))
            if wanted_w != seen.sets[-1][1]:
                seen.sets.append((now, wanted_w))

    def slow_w_s(self, chargers: Mapping[str, Charger]) -> dict[str, float]:
        """The pace of each charger whose car is slow."""
        paces_w_s = {id: seen.pace_w_s for id, seen in self._of.items() if id in chargers}
        return {id: pace for id, pace in paces_w_s.items() if pace * SLOW_S < _rating_w(chargers[id])}


def _learn(seen: _Seen, measured_w: float, at_s: float, band_w: float) -> None:
    """From the way between two measurements."""
    before_w, before_s = seen.measured_w, seen.measured_s
    seen.measured_w, seen.measured_s = measured_w, at_s
    while len(seen.sets) > 1 and seen.sets[1][0] <= before_s - STARTS_S:
        seen.sets.popleft()
    passed_s, moved_w = at_s - before_s, measured_w - before_w
    if passed_s > GAP_S or abs(moved_w) < LEAST_W_S * passed_s:
        return
    falls = before_w * moved_w < 0.0
    pace_w_s, known_w_s = abs(moved_w) / passed_s, seen.falls_w_s if falls else seen.rises_w_s
    lately_w = [set_w for _, set_w in seen.sets]
    if min(lately_w) - band_w <= measured_w <= max(lately_w) + band_w:
        if abs(moved_w) <= band_w:
            return
        known_w_s = max(inf if known_w_s is None else known_w_s, pace_w_s)  # it has arrived, and may be faster
    elif all((set_w - measured_w) * moved_w > 0.0 for set_w in lately_w):
        known_w_s = pace_w_s
    else:
        return
    if falls:
        seen.falls_w_s = known_w_s
    else:
        seen.rises_w_s = known_w_s


def _rating_w(charger: Charger) -> float:
    return max(charger.max_charge_w, charger.max_discharge_w)
