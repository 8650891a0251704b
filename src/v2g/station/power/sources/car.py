"""What the car states: its limits, and in scheduled control its own wish.

With DC that wish is a target, which the station's inverter must not exceed, whoever else wishes for more: the car has
computed its target current for its battery (IEC 61851-23).
"""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Holds, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

EV = "the EV"


class Car(Source):
    def wish(self, situation: Situation) -> Wish | None:
        wish_w = situation.demand.wish_w
        return None if wish_w is None else Wish(wish_w, EV)

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if not situation.energy or situation.demand.mode is None:
            return
        limits, inverter = situation.car.limits, situation.readings.inverter
        yield Bound("EV maximum charge power", charge_w=limits.charge_w, holds=Holds.CAR)
        yield Bound("EV maximum discharge power", discharge_w=limits.discharge_w, holds=Holds.CAR)
        if situation.dc:
            volts = 0.0 if inverter is None else inverter.voltage_v
            charge_w, discharge_w = limits.charge_a * volts, limits.discharge_a * volts
            yield Bound("EV maximum charge current", charge_w, detail=f"{limits.charge_a:g} A", holds=Holds.CAR)
            detail = f"{limits.discharge_a:g} A"
            yield Bound("EV maximum discharge current", discharge_w=discharge_w, detail=detail, holds=Holds.CAR)
            if (target_w := situation.demand.wish_w) is not None:
                yield Bound("EV target current", max(target_w, 0.0), max(-target_w, 0.0), holds=Holds.CAR)
