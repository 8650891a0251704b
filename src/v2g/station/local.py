"""What clients of the local API have asked of one EVSE, and for how long each part of it holds.

A part ends by itself: its time is over, or the session for which it was asked is. Each end is reported.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal

from v2g.iso15118.car import CarState
from v2g.station.event import LocalOrderEnded
from v2g.station.power.situation import LocalOrder
from v2g.station.visit import Visit

LET_IN_S = 60.0
"""How long an authorisation waits for its car."""

Part = Literal["set_point", "grid_set_point", "limit", "mode", "departure", "phases"]
NOTHING: dict[Part, dict[str, Any]] = {
    "set_point": {"setpoint_w": None, "setpoint_by": ""},
    "grid_set_point": {"grid_setpoint_w": None, "grid_setpoint_by": ""},
    "limit": {"charge_w": inf, "charge_a": inf, "discharge_w": inf, "limit_by": ""},
    "mode": {"mode": "auto", "mode_by": ""},
    "departure": {"departure_s": None, "need_wh": None, "departure_by": ""},
    "phases": {"phases": None, "phases_by": ""},
}
"""The fields of each part of an order, as they are if nobody asks for it."""


@dataclass(frozen=True, slots=True)
class Held:
    """How long a part holds."""

    text: str
    """What was asked for, and who asked."""
    until_s: float = inf
    """Monotonic."""
    visit: Visit | None = None
    """The visit with which it ends; None: with none."""
    then_w: float | None = None
    """Of a set-point: what takes its place when its time is over."""


class LocalOrders:
    """Of one EVSE."""

    def __init__(self, min_soc_percent: int = 0) -> None:
        self.order = LocalOrder(min_soc_percent=min_soc_percent, min_soc_by="the local API")
        self.held: dict[Part, Held] = {}
        self.changes = 0
        """How often anything was asked, for whoever watches that."""
        self.ended = ""
        """What ended last, and why; empty if nothing has."""
        self._let_in: tuple[str, float] | None = None
        """Who lets the next car in, and until when it has to have come."""
        self._target: tuple[float | None, int | None] = (None, None)
        """Energy that the meter has to count in the visit, in Wh; or a state of charge, in per cent."""

    def hold(self, part: Part, held: Held, **fields: Any) -> None:
        """Take over a part, in the place of what was asked before."""
        self.changes += 1
        self.order, self.held[part] = replace(self.order, **NOTHING[part] | fields), held

    def release(self, part: Part) -> bool:
        """Ask for a part no more. Returns whether anybody did."""
        self.changes += 1
        self.order = replace(self.order, **NOTHING[part])
        return self.held.pop(part, None) is not None

    def keep_charged(self, percent: int, by: str) -> None:
        """No discharge at or below this state of charge; 0: as the configuration says."""
        self.changes += 1
        self.order = replace(self.order, min_soc_percent=percent, min_soc_by=by)

    def depart(self, held: Held, by: str, target_wh: float | None, target_soc_percent: int | None) -> None:
        """The car of a visit leaves at `held.until_s`. `target_wh`: what its meter has to have counted by then."""
        self._target = target_wh, target_soc_percent
        self.hold("departure", held, departure_s=held.until_s, departure_by=by)

    def let_in(self, by: str, now: float) -> None:
        """The car that waits may use the EVSE, or the one that comes soon."""
        self.changes += 1
        self._let_in = by, now + LET_IN_S

    def step(self, visit: Visit, car: CarState, now: float, *, served: bool) -> Iterator[LocalOrderEnded]:
        """End what is over. `served`: whether a car is there to be commanded."""
        if self._let_in is not None and (served or now >= self._let_in[1]):
            if now < self._let_in[1]:
                visit.let_in = self._let_in[0]
            self._let_in = None
        for part, held in list(self.held.items()):
            gone = held.visit is not None and (held.visit is not visit or not served)
            if gone or now >= held.until_s:
                order = self.order
                self.release(part)
                if held.then_w is not None:
                    self.hold(
                        part, Held(held.text), grid_setpoint_w=held.then_w, grid_setpoint_by=order.grid_setpoint_by
                    )
                self.ended = f"{held.text} has ended: {'the session' if gone else 'its time'} is over"
                yield LocalOrderEnded(self.ended)
        if self.order.departure_s is not None:
            self.order = replace(self.order, need_wh=_need_wh(self._target, visit, car))


def _need_wh(target: tuple[float | None, int | None], visit: Visit, car: CarState) -> float | None:
    """What the car still needs; None if that is not known. By the state of charge: its share of what the car's battery
    can still take."""
    wh, soc_percent = target
    if wh is not None:
        return max(0.0, wh - visit.report.charged_wh + visit.report.discharged_wh)
    if soc_percent is None or car.soc_percent is None:
        return None
    if car.soc_percent >= soc_percent:
        return 0.0
    if car.energy_max_wh is None:
        return None
    return max(0.0, car.energy_max_wh) * (soc_percent - car.soc_percent) / (100 - car.soc_percent)
