"""What the grid code says: protection and support, at the grid's side of the inverter."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Decision, Holds, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

MOST_LOSS, IDLE_LOSS_W = 0.1, 300.0
"""No inverter loses more; a measurement that says so is not believed."""
_SHAPES = ("ramp rate",)
"""Of the limits of grid support: those that belong to one set-point."""


class Grid(Source):
    """Support begins with energy transfer; before it only the protection speaks."""

    def __init__(self) -> None:
        self._limits: tuple[Bound, ...] = ()

    def reshape(self, wish: Wish, situation: Situation) -> Wish:
        guard, self._limits = situation.guard, ()
        if guard is None:
            return wish
        if not situation.energy:
            if guard.trip is not None:
                self._limits = (Bound("grid protection", 0.0, 0.0, guard.verdict.why),)
            return wish
        if situation.begins:
            guard.begin(situation.rating if situation.dc else None, situation.now)
        # The grid counts at its side of the inverter, the set-point at the vehicle's.
        loss_w = _loss_w(situation)
        fed_var = None if situation.injection is None else situation.injection.fed_var
        support = guard.support(wish.power_w + loss_w, situation.now, fed_var)
        self._limits = tuple(
            Bound(
                each.source,
                max(each.charge_w - loss_w, 0.0),
                _with_loss(each.discharge_w, loss_w),
                each.detail,
                Holds.AT_ONCE if each.source in _SHAPES else Holds.FOR_NOW,
            )
            for each in support.limits
        )
        if situation.dc:  # an AC car is given no reactive power
            situation.reactive = support.reactive_var, support.reactive_by
        if support.wished_by == "dispatch":
            return wish
        instead = Wish(support.wish_w - loss_w, support.wished_by)
        # Who follows a schedule of its own has to hold to this as well.
        if instead.power_w < wish.power_w:
            self._limits += (Bound(instead.by, charge_w=max(instead.power_w, 0.0)),)
        else:
            self._limits += (Bound(instead.by, discharge_w=max(-instead.power_w, 0.0)),)
        return instead

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        yield from self._limits

    def decided(self, decision: Decision, situation: Situation) -> None:
        if situation.resting and situation.guard is not None:
            situation.guard.hold(0.0)  # after the rest the ramp begins at zero


def _loss_w(situation: Situation) -> float:
    """What the inverter loses just now; nothing if the vehicle's own one converts."""
    inverter = situation.readings.inverter
    if inverter is None or not situation.dc:
        return 0.0
    return min(max(inverter.ac_power_w - inverter.power_w, 0.0), MOST_LOSS * abs(inverter.power_w) + IDLE_LOSS_W)


def _with_loss(discharge_w: float, loss_w: float) -> float:
    """What the vehicle may give for the grid to get `discharge_w`; nothing stays nothing."""
    return discharge_w + loss_w if discharge_w else 0.0
