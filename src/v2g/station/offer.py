"""What an EVSE offers every car: its services, and its limits."""

from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Limits, Offer
from v2g.power.inverter import InverterRating
from v2g.station.config.settings import EvseSettings


def offer_of(evse: EvseSettings) -> Offer:
    """What a car may choose from; whether it may be discharged is asked when it chooses."""
    return Offer(
        evse_id=evse.evse_id,
        services=tuple(Service[name] for name in evse.services),
        modes=tuple(ControlMode[name.upper()] for name in evse.modes),
        nominal_voltage_v=evse.nominal_voltage_v,
        nominal_frequency_hz=evse.nominal_hz,
        pause_allowed=evse.pause,
        precharge_tolerance_v=evse.precharge_tolerance_v,
        price_levels=evse.price_levels,
        ramp_w_per_s=evse.capability.ramp_w_per_s,
    )


def limits_of(evse: EvseSettings, rating: InverterRating | None) -> Limits:
    """The EVSE's own capability within the inverter's rating."""
    own = evse.capability
    limits = Limits(
        charge_w=own.charge_w,
        discharge_w=own.discharge_w if evse.may_feed else 0.0,
        charge_a=own.charge_a,
        discharge_a=own.discharge_a if evse.may_feed else 0.0,
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
