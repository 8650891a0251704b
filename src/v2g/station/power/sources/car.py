"""What the car states: its limits, and in scheduled control its own wish.

With DC that wish is a target, which the station's inverter must not exceed, whoever else wishes for more: the car has
computed its target current for its battery (IEC 61851-23).
"""

from collections.abc import Iterator

from v2g.iso15118.view import Limits
from v2g.station.power.limits import Bound, Holds, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

EV = "the EV"


class Car(Source):
    def __init__(self) -> None:
        self._stated: Limits | None = None
        self._powers: tuple[Bound, ...] = ()
        """As the car stated them last: made once."""
        self._amperes = "", ""

    def wish(self, situation: Situation) -> Wish | None:
        wish_w = situation.demand.wish_w
        return None if wish_w is None else Wish(wish_w, EV)

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if not situation.energy or situation.demand.mode is None:
            return
        limits, inverter = situation.car.limits, situation.readings.inverter
        if limits is not self._stated:
            self._stated, self._amperes = limits, (f"{limits.charge_a:g} A", f"{limits.discharge_a:g} A")
            self._powers = (
                Bound("EV maximum charge power", charge_w=limits.charge_w, holds=Holds.CAR),
                Bound("EV maximum discharge power", discharge_w=limits.discharge_w, holds=Holds.CAR),
            )
        yield from self._powers
        if situation.dc:
            volts, (charge, discharge) = 0.0 if inverter is None else inverter.voltage_v, self._amperes
            charge_w, discharge_w = limits.charge_a * volts, limits.discharge_a * volts
            yield Bound("EV maximum charge current", charge_w, detail=charge, holds=Holds.CAR)
            yield Bound("EV maximum discharge current", discharge_w=discharge_w, detail=discharge, holds=Holds.CAR)
            if (target_w := situation.demand.wish_w) is not None:
                yield Bound("EV target current", max(target_w, 0.0), max(-target_w, 0.0), holds=Holds.CAR)
