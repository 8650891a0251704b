"""The car's limits, as its requests state them. None of these editions lets a car feed the grid."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d2.dialect import stated
from v2g.iso15118.numbers import MOST_A, MOST_V, MOST_W
from v2g.iso15118.view import Limits, Offer


def dc_limits(parameters: Any) -> Limits:
    """Of ChargeParameterDiscovery. Without a maximum power it is that of current and voltage."""
    charge_a, voltage_max_v = (
        stated(parameters.EVMaximumCurrentLimit, MOST_A),
        stated(parameters.EVMaximumVoltageLimit, MOST_V),
    )
    charge_w = stated(parameters.EVMaximumPowerLimit, MOST_W, charge_a * voltage_max_v)
    return Limits(charge_w=charge_w, charge_a=charge_a, voltage_max_v=voltage_max_v)


def ac_limits(parameters: Any, phases: int, offer: Offer) -> Limits:
    """Currents are of each phase, powers of all."""
    charge_a, charge_min_a = stated(parameters.EVMaxCurrent, MOST_A), stated(parameters.EVMinCurrent, MOST_A)
    volts = offer.nominal_voltage_v * phases
    return Limits(
        charge_w=charge_a * volts, charge_a=charge_a, charge_min_w=charge_min_a * volts, charge_min_a=charge_min_a
    )


def newer(demand: Any, before: Limits) -> Limits:
    """Of CurrentDemand; what it leaves out stays as it was."""
    return replace(
        before,
        charge_w=stated(demand.EVMaximumPowerLimit, MOST_W, before.charge_w),
        charge_a=stated(demand.EVMaximumCurrentLimit, MOST_A, before.charge_a),
        voltage_max_v=stated(demand.EVMaximumVoltageLimit, MOST_V, before.voltage_max_v),
    )
