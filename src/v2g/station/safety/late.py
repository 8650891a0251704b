"""A power that a car must reach within a time: a site states one while its fuse or export limit is exceeded.

The duty cycle, and a set-point in ISO 15118, are wishes to a car, which may take seconds (IEC 61851-1: 5 s) or never
follow. If the meter still shows too much when the time is over, the contactor opens under load, which each contactor
for this current must bear.
"""

from math import inf

from v2g.kernel.fault import Fault
from v2g.kernel.units import exact_kw, kw
from v2g.kernel.within import tolerated_w
from v2g.station.power.situation import BackEndOrder
from v2g.station.readings import Readings

REST_S, LONGEST_REST_S = 60.0, 3600.0
"""How long a car that does not talk gets nothing after that; twice as long each time, as contactors wear."""

Found = tuple[Fault, str]


class Late:
    """Of one visit."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        """When the meter first showed too much."""
        self._rests: Found | None = None
        self._until_s, self._rest_s = -inf, REST_S

    def step(
        self, order: BackEndOrder | None, wired: int, phases: int, readings: Readings, *, mute: bool
    ) -> Found | None:
        """The fault, if the car is too late; one that does not talk rests (`why`), as it has no session to fail.
        `wired`, `phases`: of the EVSE, and those in use. `readings`: fresh ones."""
        meter = readings.meter
        if order is None or order.within_s is None or meter is None or not readings.seen_closed:
            self._since_s = None
            return None
        share = min(1.0, phases / (order.phases or wired))
        setpoint_w = order.charge_w if order.setpoint_w is None else min(order.charge_w, order.setpoint_w)
        power_w, limit_w = meter.power_w, max(setpoint_w, 0.0) * share
        if power_w < 0.0:
            wanted_w = -inf if order.setpoint_w is None else order.setpoint_w
            limit_w = min(max(-wanted_w, 0.0), order.discharge_w) * share
        if abs(power_w) <= limit_w + tolerated_w(limit_w):
            self._since_s = None
            return None
        self._since_s = meter.time_s if self._since_s is None else self._since_s
        if meter.time_s - self._since_s < order.within_s:
            return None
        verb = "draws" if power_w > 0.0 else "feeds"
        text = f"the EV {verb} {kw(abs(power_w))}, and not {exact_kw(limit_w)} within {order.within_s:g} s"
        found = Fault.OVER_CURRENT, f"{text}, limit: {order.by or order.charge_by}"
        if not mute:
            return found
        self._rests, self._since_s, self._until_s = found, None, meter.time_s + self._rest_s
        self._rest_s = min(2.0 * self._rest_s, LONGEST_REST_S)
        return None

    def why(self, now: float) -> Found | None:
        """Why a car that does not talk gets nothing yet."""
        return self._rests if now < self._until_s else None
