"""What the back end asks of this EVSE by its charging profiles (OCPP), at the meter's side of the inverter."""

from collections.abc import Iterator
from math import inf

from v2g.iso15118.service import ControlMode
from v2g.station.config.settings import PlanStep
from v2g.station.power.limits import Bound, Wish
from v2g.station.power.situation import BackEndOrder, Situation
from v2g.station.power.source import Source

NO_PLAN = (PlanStep(power_w=0.0),)
"""`dispatch` as it is if the configuration does not say it."""


class BackEnd(Source):
    """Limits hold for every way in which energy flows; nothing is discharged without an order that says so.

    A set-point that must be reached within a time is such a limit, too: nobody else asks for a power at which the
    contactor opens (`late.py`). An order that nobody renews is none: neither direction is allowed then.
    """

    def wish(self, situation: Situation) -> Wish | None:
        order = situation.back_end
        if order is None or situation.now > order.until_s:
            return None
        # A car with a wish of its own, or none at all, follows limits; see `bounds`.
        if situation.demand.wish_w is not None or situation.demand.mode is not ControlMode.DYNAMIC:
            return None
        if order.setpoint_w is None:  # limits only: without a plan of its own the station charges up to them
            planned = situation.settings.dispatch != NO_PLAN
            return None if planned else Wish(situation.settings.capability.charge_w, "back end: charging")
        setpoint_w = order.setpoint_w * _share(order, situation)
        return Wish(setpoint_w - situation.loss_w if setpoint_w else 0.0, order.by)

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        order = situation.back_end
        if order is None:
            return
        if situation.now > order.until_s:
            yield Bound("the back end's orders are not known", 0.0, 0.0)
            return
        share = _share(order, situation)
        if order.charge_by:
            yield Bound(order.charge_by, charge_w=order.charge_w * share).behind(situation.loss_w)
        if order.discharge_w > 0.0:
            yield Bound(order.by, discharge_w=order.discharge_w * share).behind(situation.loss_w)
        else:
            yield Bound("no order of the back end to discharge", discharge_w=0.0)
        if order.setpoint_w is not None:
            follows, setpoint_w = situation.demand.mode is ControlMode.DYNAMIC, order.setpoint_w * share
            charge_w = inf if follows and order.within.charge_s is None else max(0.0, setpoint_w)
            discharge_w = inf if follows and order.within.discharge_s is None else max(0.0, -setpoint_w)
            if charge_w < inf or discharge_w < inf:
                yield Bound(order.by, charge_w, discharge_w, "set-point").behind(situation.loss_w)


def _share(order: BackEndOrder, situation: Situation) -> float:
    """What the phases in use carry of a power that is for `order.phases`, or for all: no phase gets more than its part
    of it (K01.FR.50, 51), in either direction."""
    return min(1.0, situation.settings.phases / (order.phases or situation.wired))
