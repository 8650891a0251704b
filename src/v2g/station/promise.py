"""What a car was promised, against what the station allows now: when a schedule has to be renegotiated.

In scheduled control the car follows a schedule that the station has offered. When a bound of the station falls below
it, the car is asked to renegotiate; in DC the inverter holds the lower limit at once, in AC the supervisor opens the
contactor if the meter shows that the car has not followed (`RENEGOTIATES_S`). When the bound rises again, the car is
offered more after a while. A schedule of no power at all ends the session of many a car: while nothing is allowed, the
schedule stays and the charge loop holds the car at zero.
"""

from typing import NamedTuple

from v2g.iso15118.view import Slot
from v2g.station.power.limits import Allowed, Decision
from v2g.station.power.sources.car import EV

ROUNDING_W = 60.0
"""Less is not worth a renegotiation: powers travel in steps of up to 10 W, and a cable loses more."""
WORTH, WORTH_S = 1.1, 60.0
"""More power than promised is offered once it is this factor more, and has been for this long."""


class Broken(NamedTuple):
    """The station allows less in this direction than it has promised. Powers are magnitudes."""

    direction: float
    promised_w: float
    allowed_w: float


class Promise:
    """Compares the schedule that the car follows with what is allowed."""

    def __init__(self) -> None:
        self.broken: tuple[Broken, ...] = ()
        """One for each direction, as long as it lasts."""
        self._schedule: tuple[Slot, ...] = ()
        self._since = 0.0
        self._better_since: float | None = None

    def given(self, schedule: tuple[Slot, ...], now: float) -> None:
        """The schedule that the car has: it begins when it is given. The clock of the day may jump meanwhile."""
        if schedule is not self._schedule:
            self._schedule, self._since = schedule, now

    def target_w(self, decision: Decision, wish_w: float | None) -> float | None:
        """What the car must hold to now; None while it follows its own schedule (`wish_w`: what it takes)."""
        if wish_w is None or decision.wished_by != EV:
            return decision.power_w
        for direction, _, allowed_w in self.broken:
            if wish_w * direction >= allowed_w / WORTH - ROUNDING_W:
                return direction * allowed_w
        return None

    def step(self, allowed: Allowed, now: float) -> bool:
        """Whether the schedule should be renegotiated."""
        slot = _at(self._schedule, now - self._since)
        if slot is None:
            self.broken, self._better_since = (), None
            return False
        both = (
            Broken(1.0, slot.charge_w, allowed.charge_w),
            Broken(-1.0, slot.discharge_w, allowed.discharge_w),
        )
        self.broken = tuple(each for each in both if each.allowed_w < each.promised_w - ROUNDING_W)
        better = allowed.charge_w > slot.charge_w * WORTH + ROUNDING_W or (
            allowed.discharge_w > slot.discharge_w * WORTH + ROUNDING_W
        )
        if not better:
            self._better_since = None
        elif self._better_since is None:
            self._better_since = now
        if max(allowed.charge_w, allowed.discharge_w) <= ROUNDING_W:
            return False
        return bool(self.broken) or (self._better_since is not None and now - self._better_since >= WORTH_S)


def _at(schedule: tuple[Slot, ...], elapsed_s: float) -> Slot | None:
    """The slot that holds `elapsed_s` after the schedule began."""
    for slot in schedule:
        if elapsed_s < slot.duration_s:
            return slot
        elapsed_s -= slot.duration_s
    return None
