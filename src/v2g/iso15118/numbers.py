"""Numbers to and from a peer of any edition: what it states is bounded, whatever it states."""

from math import copysign, isnan

from v2g.iso15118.view import Limits

MOST = 32_767_000.0
"""The largest number that has room."""
MOST_W, MOST_A, MOST_V = 1e7, 1e4, 2e3
"""No vehicle has more: what it states beyond this is held to it."""


def why_not(limits: Limits, *, dc: bool) -> str | None:
    """What a car cannot mean by its limits, or None."""
    if limits.charge_w < 0 or limits.charge_a < 0:
        return f"a maximum of {limits.charge_w:g} W and {limits.charge_a:g} A to charge is none"
    if dc and limits.voltage_max_v <= 0:
        return f"a maximum voltage of {limits.voltage_max_v:g} V is none"
    if limits.voltage_max_v < limits.voltage_min_v:
        return f"a maximum voltage of {limits.voltage_max_v:g} V is below the minimum of {limits.voltage_min_v:g} V"
    return None


def held(value: float, most: float) -> float:
    """The value, held to a magnitude of `most`; what is no number is 0."""
    if -most <= value <= most:
        return value
    return 0.0 if isnan(value) else copysign(most, value)
