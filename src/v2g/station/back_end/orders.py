"""Between the charging profiles and an EVSE: what they need to know of it, and what they order as it takes that."""

from v2g.ocpp.profile_rules import EvseTraits
from v2g.ocpp.schedule import Order
from v2g.station.evse import Evse
from v2g.station.power.situation import BackEndOrder


def traits_of(evse: Evse) -> EvseTraits:
    """What the profiles need to know of an EVSE."""
    settings, most = evse.settings, evse.settings.capability
    return EvseTraits(
        settings.id,
        dc=any(each.startswith("DC") for each in settings.services),
        v2x=settings.may_feed,
        phases=evse.wired,
        one_or_three=evse.switch is not None,
        nominal_v=float(settings.nominal_voltage_v),
        charge_w=most.charge_w,
        discharge_w=most.discharge_w if settings.may_feed else 0.0,
    )


def for_evse(order: Order, until_s: float) -> BackEndOrder:
    """An order as the EVSE takes it; it lapses at `until_s` (monotonic)."""
    return BackEndOrder(
        order.charge_w,
        order.discharge_w,
        order.setpoint_w,
        order.charge_by,
        order.by,
        until_s,
        None if order.drawn_var is None else -order.drawn_var,
        order.phases,
        order.within,
    )
