"""A car that leaves soon needs its energy first."""

from collections.abc import Iterator

from v2g.kernel.units import kwh
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

MARGIN = 1.1
"""Discharging ends when the time left is this many times what the car's energy need takes at full power."""


class Departure(Source):
    """No discharge once the car needs all the time that is left to charge."""

    def __init__(self) -> None:
        self._stated: tuple[int | None, float] = (None, 0.0)
        """The departure time as the car stated it, and when it did."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        car, now = situation.car, situation.now
        if not situation.energy:
            return
        if car.departure_s != self._stated[0]:
            self._stated = car.departure_s, now
        if car.departure_s is None or not car.energy_target_wh or car.energy_target_wh < 0:
            return
        left_s = car.departure_s - (now - self._stated[1])
        charge_w = min(car.limits.charge_w, situation.settings.capability.charge_w)
        if left_s * charge_w <= car.energy_target_wh * 3600 * MARGIN:
            detail = f"{kwh(car.energy_target_wh)} in {max(left_s, 0) / 60:.0f} min"
            yield Bound("EV departure need", discharge_w=0.0, detail=detail, holds=Holds.CAR)
