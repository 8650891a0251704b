"""What a kind of mishap is: what makes it happen, what ends it, and by when the contactor must be open after it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from v2g.bench.mishaps.rig import Rig
from v2g.station.config.settings import EvseSettings

Limit = Callable[[Rig], float | None]
Act = Callable[[Rig, Random], None]
Undo = Callable[[Rig], None]
Concern = Callable[[EvseSettings], bool]


def anywhere(evse: EvseSettings) -> bool:
    return True


def dc_only(evse: EvseSettings) -> bool:
    return evse.inverter is not None


def ac_only(evse: EvseSettings) -> bool:
    return evse.inverter is None


def with_pilot(evse: EvseSettings) -> bool:
    return evse.pilot is not None


def with_fallback(evse: EvseSettings) -> bool:
    """Whether a car that does not talk may draw by the duty cycle."""
    return evse.pilot is not None and evse.pilot.fallback_a is not None


def with_modems(evse: EvseSettings) -> bool:
    return evse.plc is not None


def with_heat(evse: EvseSettings) -> bool:
    return evse.thermal is not None


def with_code(evse: EvseSettings) -> bool:
    return evse.grid_code is not None


def no_limit(rig: Rig) -> float | None:
    return None


def within(limit_s: float) -> Limit:
    return lambda rig: limit_s


def nothing(rig: Rig) -> None:
    """It is over by itself, or for good."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mishap."""

    strike: Act
    clear: Undo = nothing
    opens: Limit = no_limit
    """By when after it the contactor must be open and stay so, while it lasts; None: the session may go on."""
    concerns: Concern = anywhere
    from_the_plug: bool = False
    """It is there before the car is."""
    no_energy: bool = False
    """No energy may flow at all in a session that began with it."""
    passes: bool = False
    """It is over soon, whatever else happens."""
    repeats: bool = False
    """It may happen more than once in a run."""
    honest: bool = False
    """Nothing is wrong: a session to which nothing else happens completes, without any fault."""
    needs_s: float = 0.0
    """Longest time for which somebody may exceed something after it: energy has to flow for longer."""
    weight: float = 1.0
    """How often it is drawn where it may be; more for what concerns few stations."""
    shares: str = ""
    """Of the kinds that change the same thing, a run has at most one."""
