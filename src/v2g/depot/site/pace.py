"""How fast cars give up power: what one does not take back within a second needs room at fuse and export limit.

A station with an inverter of its own lowers its power at once. A car that charges and feeds with its own inverter may
take many seconds, or begin late: by duty cycle up to 5 s (IEC 61851-1). Nobody states that, so it is measured: while
the set-point is still far away, the power moves by the car's pace. What is seen while it falls counts; before that,
what is seen while it rises. A car whose power has not begun to fall in time is late for as long as it is plugged in,
and so is one whose station has opened the contactor because of that.
"""

from collections import deque
from collections.abc import Container, Iterable, Mapping
from math import inf

from msgspec import Struct

from v2g.depot.view import Charger

BAND_W, BAND_PU = 300.0, 0.05
"""A set-point that is no further away is reached: a share of the rating, but 300 W at least."""
STARTS_S = 1.0
"""So long after a set-point the power may not have begun to move."""
LATE_S = 1.0
"""A car that has not begun to give up power by then is late."""
APART_S, GAP_S = 0.9, 5.0
"""Measurements closer together show more noise than movement, those further apart say nothing of the way between."""
LEAST_W_S = 100.0
"""What moves more slowly does not follow: a battery that is nearly full, say."""
SLOW_S = 1.0
"""A car is slow if it takes longer to give up all that its charger can do."""


class Pace(Struct, frozen=True):
    """What was seen of a slow car: what is kept for the process after this one."""

    vehicle: str
    """Empty for one of which nobody knows who it is."""
    w_s: float
    """To two digits; 0 if it begins to give up power late, or not at all."""


class _Seen(Struct):
    """Of one charger with one car."""

    vehicle: str | None
    sets: deque[tuple[float, float]]
    """Its latest set-points, each with the instant from which on it holds."""
    measured_w: float = 0.0
    measured_s: float = -inf
    falls_w_s: float | None = None
    rises_w_s: float | None = None
    late: bool = False
    """It begins to give up power late, or not at all."""

    @property
    def pace_w_s(self) -> float:
        """Infinite as long as nothing else has been seen; 0 if it does not begin in time."""
        if self.late:
            return 0.0
        known_w_s = self.rises_w_s if self.falls_w_s is None else self.falls_w_s
        return inf if known_w_s is None else known_w_s


class Paces:
    """Of all chargers of a house."""

    def __init__(self) -> None:
        self._of: dict[str, _Seen] = {}
        self._recalled: dict[str, Pace] = {}

    def recall(self, known: Mapping[str, Pace]) -> None:
        """What an earlier process has seen, by charger. It holds if the car there is the same one, or nobody knows."""
        self._recalled = dict(known)

    def known(self, chargers: Mapping[str, Charger]) -> dict[str, Pace]:
        """What another process should know: of chargers whose car has not been seen by this one yet, too."""
        seen = {id: Pace(self._of[id].vehicle or "", _two_digits(pace)) for id, pace in self.slow_w_s(chargers).items()}
        return self._recalled | seen

    def see(
        self, chargers: Mapping[str, Charger], set_w: Mapping[str, float], now: float, *,
        pressed: Container[str] = (),
    ) -> None:  # fmt: skip
        """What the chargers measure, and what they should do. `pressed`: those of which stations open the contactors
        if their cars do not follow at once."""
        for id, charger in chargers.items():
            vehicle = None if charger.vehicle is None else charger.vehicle.id or ""
            wanted_w, seen = set_w.get(id, 0.0), self._of.get(id)
            if seen is None or seen.vehicle != vehicle:
                seen = self._of[id] = _Seen(vehicle, deque([(now, wanted_w)]))
                before = None if vehicle is None else self._recalled.pop(id, None)
                if before is not None and before.vehicle == vehicle:
                    seen.late, seen.falls_w_s = before.w_s == 0.0, before.w_s
            if charger.measured_w is not None and charger.measured_unix_s >= seen.measured_s + APART_S:
                band_w = max(BAND_W, BAND_PU * _rating_w(charger))
                opened = id in pressed and charger.opens and abs(charger.measured_w) <= band_w
                _learn(seen, charger.measured_w, charger.measured_unix_s, band_w, opened=opened)
            if wanted_w != seen.sets[-1][1]:
                seen.sets.append((now, wanted_w))

    def slow_w_s(self, chargers: Mapping[str, Charger]) -> dict[str, float]:
        """The pace of each charger whose car is slow."""
        paces_w_s = {id: seen.pace_w_s for id, seen in self._of.items() if id in chargers}
        return {id: pace for id, pace in paces_w_s.items() if pace * SLOW_S < _rating_w(chargers[id])}


def _learn(seen: _Seen, measured_w: float, at_s: float, band_w: float, *, opened: bool) -> None:
    """From the way between two measurements. `opened`: the contactor may have taken the power away, not the car."""
    before_w, before_s = seen.measured_w, seen.measured_s
    seen.measured_w, seen.measured_s = measured_w, at_s
    while len(seen.sets) > 1 and seen.sets[1][0] <= before_s - STARTS_S:
        seen.sets.popleft()
    passed_s, moved_w = at_s - before_s, measured_w - before_w
    lately_w = [set_w for _, set_w in seen.sets]
    if passed_s > GAP_S:
        return
    if opened:
        seen.late |= abs(before_w) > band_w < abs(lately_w[-1])
        return
    if abs(moved_w) < LEAST_W_S * passed_s:
        seen.late |= abs(measured_w) > band_w and _asked_since(seen.sets, measured_w, band_w) <= at_s - LATE_S
        return
    falls = before_w * moved_w < 0.0
    pace_w_s, known_w_s = abs(moved_w) / passed_s, seen.falls_w_s if falls else seen.rises_w_s
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


def _asked_since(sets: Iterable[tuple[float, float]], power_w: float, band_w: float) -> float:
    """Since when all set-points have asked for less than this power; infinite if the latest one does not."""
    since_s = inf
    for begins_s, set_w in sets:
        less = set_w < power_w - band_w if power_w > 0.0 else set_w > power_w + band_w
        since_s = min(since_s, begins_s) if less else inf
    return since_s


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _rating_w(charger: Charger) -> float:
    return max(charger.max_charge_w, charger.max_discharge_w)
