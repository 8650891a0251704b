"""What the operator wants by hand: a power for some time (`grid_inject_cmd`), and limits (`modbus_write`)."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Operator(Source):
    def wish(self, situation: Situation) -> Wish | None:
        injection = situation.injection
        return None if injection is None else Wish(injection.power_w, "the operator")

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        operator = situation.operator
        yield Bound("operator charge limit", charge_w=operator.charge_w)
        yield Bound("operator discharge limit", discharge_w=operator.discharge_w, detail=operator.remedy)
