"""The objects of a depot: their addresses, what they show, which control each command is. Generation is positive."""

from collections.abc import Callable

from v2g.languages.dnp3.points import LEAST_W, LIMIT_FOR_S, LIMITS, MOST_W, PERMITTED, SET_FOR_S, SET_W, SETS
from v2g.languages.plant import Seen

FLOATS: dict[int, Callable[[Seen], float | None]] = {
    1001: lambda seen: seen.generated_w,
    1002: lambda seen: seen.frequency_hz,
    1003: lambda seen: seen.discharge_w,
    1004: lambda seen: -seen.charge_w,
    1005: lambda seen: None if seen.soc_pu is None else 100.0 * seen.soc_pu,
    1006: lambda seen: seen.capacity_wh,
    1007: lambda seen: seen.ratings.discharge_w,
    1008: lambda seen: -seen.ratings.charge_w,
}
"""Power, frequency, what can be generated and charged now, state of charge in %, capacity in Wh, ratings."""
SINGLE: dict[int, Callable[[Seen], bool]] = {2001: lambda seen: seen.state != "OFF", 2002: lambda seen: seen.connected}
"""A station is connected; a vehicle is there."""
SET_POINTS = {3001: SET_W, 3002: MOST_W, 3003: LEAST_W, 3004: SET_FOR_S, 3005: LIMIT_FOR_S}
"""Commands with a number: the target, the most and the least power, how long target and limits hold."""
HOLDS = {1101: SET_W, 1102: MOST_W, 1103: LEAST_W, 1104: SET_FOR_S, 1105: LIMIT_FOR_S}
"""The objects that show these."""
COMMANDS = {4001: SETS, 4002: LIMITS, 4003: PERMITTED}
"""Target, limits, and whether anything may flow: on or off."""
STANDS = {2101: SETS, 2102: LIMITS, 2103: PERMITTED}
"""The objects that show these."""
