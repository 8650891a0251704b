"""What the operator wants by hand: a power for some time (`grid_inject_cmd`), and limits (`modbus_write`)."""

from collections.abc import Iterator

from v2g.station.power.limits import Bound, Wish
from v2g.station.power.situation import OperatorLimits, Situation
from v2g.station.power.source import Source


class Operator(Source):
    def __init__(self) -> None:
        self._set: OperatorLimits | None = None
        self._limits: tuple[Bound, ...] = ()
        """As they were set: made once."""

    def wish(self, situation: Situation) -> Wish | None:
        injection = situation.injection
        return None if injection is None else Wish(injection.power_w, "the operator")

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        operator = situation.operator
        if operator is not self._set:
            self._set, self._limits = (
                operator,
                (
                    Bound("operator charge limit", charge_w=operator.charge_w),
                    Bound("operator discharge limit", discharge_w=operator.discharge_w, detail=operator.remedy),
                ),
            )
        return iter(self._limits)
