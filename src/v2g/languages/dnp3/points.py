"""The points that a depot has of the DER profile: their numbers, scales and event classes, and what each shows.

In this profile generation is positive, charging negative. What nobody knows is None. Of the profile's functions a depot
has Active Power Limit and Charge/Discharge; functions of a grid code, with their curves, belong to its stations.
"""

from collections.abc import Callable

from msgspec import Struct

from v2g.languages.plant import Seen

PERMITTED, LIMITS, SETS = 3, 17, 18
"""Binary outputs: permission to start, Active Power Limit, Charge/Discharge."""
LIMIT_FOR_S, MOST_PCT, MOST_W, LEAST_W = 85, 87, 509, 510
"""Analog outputs of Active Power Limit: its reversion time, the most generation, and the least (negative: the most
charging)."""
SET_FOR_S, SET_PCT, SET_W = 92, 93, 508
"""Analog outputs of Charge/Discharge: its reversion time, its target."""
_LARGEST = 2_147_483_647


class Input(Struct, frozen=True):
    """What can be read. The value that travels times `multiplier` is in the unit of the name."""

    index: int
    name: str
    event_class: int
    value: Callable[[Seen], float | bool | None]
    multiplier: float = 1.0


class Output(Struct, frozen=True):
    """What can be operated. `mirror`: the input that shows how it stands."""

    index: int
    name: str
    mirror: int
    least: float = 0.0
    most: float = 1.0
    multiplier: float = 1.0
    """Of the value that travels, as are the bounds."""


def _moves(sign: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.state == "RUNNING" and sign * (seen.power_w or 0.0) > 0.0


ANALOG_INPUTS = (
    Input(4, "rating of generation, W", 3, lambda seen: seen.ratings.discharge_w),
    Input(5, "rating of charging, W", 3, lambda seen: -seen.ratings.charge_w),
    Input(17, "energy capacity of the vehicles, Wh", 3, lambda seen: seen.capacity_wh),
    Input(31, "nominal frequency, Hz", 2, lambda seen: seen.ratings.nominal_hz, 0.001),
    Input(32, "most generation, W", 2, lambda seen: seen.ratings.discharge_w),
    Input(33, "most charging, W", 2, lambda seen: -seen.ratings.charge_w),
    Input(43, "available generation, W", 2, lambda seen: seen.discharge_w),
    Input(44, "available charging, W", 2, lambda seen: -seen.charge_w),
    Input(47, "state of charge, %", 2, lambda seen: None if seen.soc_pu is None else 100.0 * seen.soc_pu, 0.1),
    Input(536, "frequency, Hz", 3, lambda seen: seen.frequency_hz, 0.001),
    Input(537, "active power, W", 3, lambda seen: seen.generated_w),
)
NOT_OFFERED = tuple(number for number in range(31, 52) if number not in (36, 37))
"""Binary inputs that say whether a function is supported."""
BINARY_INPUTS = (
    Input(0, "communication error: no station is connected", 1, lambda seen: seen.state == "OFF"),
    Input(14, "started", 2, lambda seen: seen.state != "OFF"),
    Input(18, "connected and idle", 2, lambda seen: seen.connected and seen.state == "STANDBY"),
    Input(19, "connected and generating", 2, _moves(-1)),
    Input(20, "connected and charging", 2, _moves(1)),
    Input(21, "off and available to start", 2, lambda seen: not seen.connected and seen.state != "OFF"),
    Input(22, "off and not available to start", 2, lambda seen: seen.state == "OFF"),
    Input(36, "supports Active Power Limit", 0, lambda seen: True),
    Input(37, "supports Charge/Discharge", 0, lambda seen: True),
    *(Input(number, "supports another function", 0, lambda seen: False) for number in NOT_OFFERED),
)
BINARY_OUTPUTS = (
    Output(PERMITTED, "permission to start", 16),
    Output(LIMITS, "enable Active Power Limit", 69),
    Output(SETS, "enable Charge/Discharge", 70),
)
ANALOG_OUTPUTS = (
    Output(LIMIT_FOR_S, "Active Power Limit, reversion time, s", 145, most=604_800.0),
    Output(MOST_PCT, "Active Power Limit, most, % of the rating", 148, most=1_000.0, multiplier=0.1),
    Output(SET_FOR_S, "Charge/Discharge, reversion time, s", 153, most=604_800.0),
    Output(SET_PCT, "Charge/Discharge, target, % of the rating", 154, least=-1_000.0, most=1_000.0, multiplier=0.1),
    Output(SET_W, "Charge/Discharge, target, W", 618, least=-_LARGEST, most=_LARGEST),
    Output(MOST_W, "Active Power Limit, most, W", 619, most=_LARGEST),
    Output(LEAST_W, "Active Power Limit, least, W", 620, least=-_LARGEST, most=0.0),
)
