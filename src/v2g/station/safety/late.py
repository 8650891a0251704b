"""A power that a car must reach within a time: a site states one while its fuse or export limit is exceeded.

The duty cycle, and a set-point in ISO 15118, are wishes to a car, which may take seconds (IEC 61851-1: 5 s) or never
follow. If the meter still shows too much when the time is over, the contactor opens under load, which each contactor
for this current must bear. It wears, so a car that does not talk rests after that, longer each time.
"""

from math import inf

from v2g.kernel.fault import Fault
from v2g.kernel.units import exact_kw, kw
from v2g.kernel.within import Overdue
from v2g.station.power.situation import BackEndOrder
from v2g.station.readings import Readings

REST_S, LONGEST_REST_S = 60.0, 3600.0
"""How long a car that does not talk gets nothing after that; twice as long each time."""

Found = tuple[Fault, str]


class Late:
    """Of one EVSE, whatever car is plugged in."""

    def __init__(self, wired: int) -> None:
        """`wired`: how many phases it has."""
        self._wired = wired
        self._overdue = Overdue()
        self._looked_s = -inf
        """Time of the reading that was judged last."""
        self._found: Found | None = None
        self._opened_s, self._until_s, self._rest_s = -inf, -inf, REST_S

    def step(
        self, order: BackEndOrder | None, phases: int, readings: Readings, now: float, *, mute: bool
    ) -> Found | None:
        """The fault, if the car is too late; one that does not talk only rests (`why`), as it has no session to fail.
        `phases`: those in use. `readings`: fresh ones."""
        meter = readings.meter
        if order is None or meter is None or not readings.seen_closed:
            self._overdue.clear()
            return None
        share, setpoint_w = min(1.0, phases / (order.phases or self._wired)), order.setpoint_w
        charge_w = order.charge_w if setpoint_w is None else min(order.charge_w, setpoint_w)
        discharge_w = order.discharge_w if setpoint_w is None else min(order.discharge_w, -setpoint_w)
        limits_w = max(charge_w, 0.0) * share, max(discharge_w, 0.0) * share
        shown_w = meter.power_w if meter.time_s > self._looked_s else 0.0  # an older one says nothing of this moment
        self._looked_s = meter.time_s
        limit_w = self._overdue.step(shown_w, limits_w, order.within, now)
        if limit_w is None or (mute and now < self._until_s):  # the contactor is on its way
            return None
        within_s = order.within.charge_s if shown_w > 0.0 else order.within.discharge_s
        verb = "draws" if shown_w > 0.0 else "feeds"
        text = f"the EV {verb} {kw(abs(shown_w))}, and not {exact_kw(limit_w)} within {within_s:g} s"
        self._found = Fault.OVER_CURRENT, f"{text}, limit: {order.by or order.charge_by}"
        if now - self._opened_s > LONGEST_REST_S:
            self._rest_s = REST_S
        self._opened_s, self._until_s = now, now + self._rest_s
        self._rest_s = min(2.0 * self._rest_s, LONGEST_REST_S)
        self._overdue.clear()
        return None if mute else self._found

    def plugged(self) -> None:
        """It may be another car, and need not wait for the whole rest of the one before."""
        self._until_s = min(self._until_s, self._opened_s + REST_S)

    def why(self, now: float) -> Found | None:
        """Why a car that does not talk gets nothing yet."""
        return self._found if now < self._until_s else None
