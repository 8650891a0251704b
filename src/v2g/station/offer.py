"""What an EVSE offers every car: its services, and its limits."""

from v2g.iso15118.contract import Payment, plain_name
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Limits, Offer
from v2g.power.inverter import InverterRating
from v2g.station.config.settings import EvseSettings
from v2g.station.power.limits import Allowed

_INTERNET = {"ftp": (1, 2), "http": (3,), "https": (4,)}
"""The parameter sets of the internet service, by what the site lets through."""


def offer_of(settings: EvseSettings, payment: Payment | None = None) -> Offer:
    """What a car may choose from; whether it may be discharged is asked when it chooses. `payment`: who knows of
    contracts and prices."""
    payment, access = payment or Payment(), settings.access
    feeds = Service.DC_BPT.name in settings.services
    return Offer(
        evse_id=settings.evse_id,
        services=tuple(Service[name] for name in settings.services),
        modes=tuple(ControlMode[name.upper()] for name in settings.modes),
        nominal_voltage_v=settings.nominal_voltage_v,
        nominal_frequency_hz=settings.nominal_hz,
        phases=settings.phases,
        pause_allowed=settings.pause,
        precharge_tolerance_v=settings.precharge_tolerance_v,
        price_levels=settings.price_levels,
        ramp_w_per_s=settings.capability.ramp_w_per_s,
        contracts=payment.contracts,
        provisioning=payment.provisioning,
        prices=payment.prices,
        receipts_s=settings.receipts_s,
        negative_current=frozenset(map(plain_name, access.negative_current if feeds else ())),
        negative_current_unproved=frozenset(map(plain_name, access.negative_current_unproved if feeds else ())),
        internet=tuple(number for name in settings.internet for number in _INTERNET[name]),
    )


def limits_of(settings: EvseSettings, rating: InverterRating | None, allowed: Allowed) -> Limits:
    """Powers as decided; currents and voltages of the EVSE within the inverter's rating."""
    own = settings.capability
    feeds = allowed.discharge_w > 0
    limits = Limits(
        charge_w=allowed.charge_w,
        discharge_w=allowed.discharge_w,
        charge_a=own.charge_a if allowed.charge_w else 0.0,
        discharge_a=own.discharge_a if feeds else 0.0,
        voltage_min_v=own.voltage_min_v,
        voltage_max_v=own.voltage_max_v,
    )
    if rating is None:
        return limits
    return limits.within(
        Limits(
            charge_w=rating.charge_power_max_w,
            discharge_w=rating.discharge_power_max_w,
            charge_a=rating.charge_current_max_a,
            discharge_a=rating.discharge_current_max_a,
            voltage_min_v=rating.voltage_min_v,
            voltage_max_v=rating.voltage_max_v,
        )
    )
