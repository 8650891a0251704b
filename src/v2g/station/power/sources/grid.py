"""What the grid code says: protection and support, at the grid's side of the inverter."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Decision, Holds, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source
from v2g.station.power.sources.car_inverter import rating

_SHAPES = ("ramp rate", "apparent power", "set-point delay")
"""Of the limits of grid support: those that belong to one set-point."""


class Grid(Source):
    """Protection at all times; support from the first energy of a visit on."""

    def __init__(self) -> None:
        self._limits: tuple[Bound, ...] = ()
        self._begun = False

    def reshape(self, wish: Wish, situation: Situation) -> Wish:
        guard, self._limits = situation.guard, ()
        if guard is None:
            return wish
        if situation.begins:
            inverter = situation.rating if situation.dc else rating(situation)
            if self._begun and (guard.knows_inverter or inverter is None):
                guard.hold(0.0)  # after a renegotiation the ramp begins at zero, and a response goes on
            else:
                guard.begin(inverter, situation.now)
            self._begun = True
        if not self._begun:
            if guard.trip is not None:
                self._limits = (Bound("grid protection", 0.0, 0.0, guard.verdict.why),)
            elif (refusal := guard.refusal) is not None:
                self._limits = (Bound(refusal.source, discharge_w=0.0, detail=refusal.detail),)
            return wish
        # The grid counts at its side of the inverter, the set-point at the vehicle's.
        loss_w = situation.loss_w
        order = situation.back_end
        if situation.injection is not None:
            fed_var = situation.injection.fed_var
        elif order is None or order.fed_var is None or situation.now > order.until_s:
            fed_var = None
        else:
            fed_var = guard.admitted_var(order.fed_var)
        support = guard.support(wish.power_w + loss_w, situation.now, fed_var)
        limits = support.limits if support.droop is None else (*support.limits, support.droop)
        self._limits = tuple(
            [
                Bound(
                    each.source,
                    each.charge_w,
                    each.discharge_w,
                    each.detail,
                    Holds.AT_ONCE if each.source in _SHAPES else Holds.FOR_NOW,
                ).behind(loss_w)
                for each in limits
            ]
        )
        if situation.energy and (situation.dc or rating(situation) is not None):
            situation.reactive = support.reactive_var, support.reactive_by
        if support.wished_by == "dispatch" or not situation.energy:
            return wish
        return Wish(support.wish_w - loss_w, support.wished_by)

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        yield from self._limits

    def decided(self, decision: Decision, situation: Situation) -> None:
        guard = situation.guard
        if guard is None:
            return
        guard.commanded(decision.power_w + situation.loss_w, decision.reactive_var, situation.now)
        if situation.resting:
            guard.hold(0.0)  # after the rest the ramp begins at zero
