"""What a control centre operates at a depot, as requests: a set-point, limits, and whether anything may flow.

A set-point without a time of its own ends once the control centre has been silent for `silence_s`, also if the link is
lost; limits without one stay until they are operated again, over a restart too.
"""

from math import inf

from v2g.depot.request import Limit
from v2g.io.grid_depot import ENTER, Plant
from v2g.languages.dnp3.controls import Asked, Controls, Permit, SetLimits, SetPower
from v2g.languages.dnp3.points import LIMITS, SETS

LATE = 0.1
"""Share of the silence by which a set-point may outlast it, so that not each request renews it."""


class Operated:
    """The controls of one control centre. Whatever is refused raises `V2GError`."""

    def __init__(self, plant: Plant, by: str, silence_s: float) -> None:
        """`by`: who it is, for a person."""
        self._plant, self._by, self._silence_s = plant, by, silence_s
        self.controls = Controls(plant.ratings)
        self._renewed_s = -inf

    def heard(self) -> None:
        """The control centre is there: a set-point without a time goes on."""
        asked = self.controls.of(SETS)
        if not isinstance(asked, SetPower) or asked.power_w is None or asked.for_s is not None:
            return
        if self._plant.asked_w() is None:
            self.controls.enabled[SETS] = False  # it has ended: it comes back by no mere sign of life
        elif self._plant.depot.now() - self._renewed_s >= self._silence_s * LATE:
            self._ask(asked)

    def write(self, number: int, value: float) -> None:
        """A control with a number, by its analog output of DNP3."""
        for function in (SETS, LIMITS):  # what has ended comes back once it is operated, not by its next value
            self.controls.enabled[function] &= self.stands(function)
        self._ask(self.controls.write(number, value))

    def operate(self, number: int, on: bool) -> None:
        """One that is on or off, by its binary output of DNP3."""
        self._ask(self.controls.operate(number, on))

    def stands(self, number: int) -> bool:
        """Whether it is on, whoever has ended it."""
        if number == SETS:
            return self._plant.asked_w() is not None
        if number == LIMITS:
            return min(self._plant.limits_w()) < inf
        return not self._plant.held(ENTER)

    def _ask(self, asked: Asked | None) -> None:
        plant, now = self._plant, self._plant.depot.now()
        match asked:
            case SetPower(power_w, for_s):
                self._renewed_s = now
                plant.set_power(self._by, power_w, for_s or self._silence_s * (1.0 + LATE))
            case SetLimits(None, None, _):
                plant.limit(self._by, ())
            case SetLimits(charge_w, discharge_w, for_s):
                plant.limit(self._by, [Limit(now, charge_w, discharge_w)], for_s)
            case Permit(permitted):
                plant.permit(self._by, permitted)
