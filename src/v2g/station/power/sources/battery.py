"""What the state of charge leaves: the station's floor, the car's minimum, its V2X window, a full battery."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Battery(Source):
    """Also before energy flows: a schedule must not promise what the battery does not allow."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        car, floor = situation.car, situation.settings.soc_floor_percent
        soc = car.soc_percent
        if floor and soc is None and situation.energy:
            yield Bound("station's state-of-charge floor", discharge_w=0.0, detail="the EV does not report its own")
        elif soc is not None and soc <= floor:
            yield Bound("station's state-of-charge floor", discharge_w=0.0, detail=f"{floor} %")
        if soc is not None and car.soc_min_percent is not None and soc <= car.soc_min_percent:
            detail = f"{car.soc_min_percent} %"
            yield Bound("EV minimum state of charge", discharge_w=0.0, detail=detail, holds=Holds.CAR)
        if car.v2x_min_wh is not None and car.v2x_min_wh > 0:
            yield Bound("EV below its V2X energy window", discharge_w=0.0, holds=Holds.CAR)
        if car.energy_max_wh is not None and car.energy_max_wh <= 0:
            yield Bound("EV battery full", charge_w=0.0, holds=Holds.CAR)
