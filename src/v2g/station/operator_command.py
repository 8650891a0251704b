"""What the operator of the station asks of an EVSE by hand: a power for some time, and limits.

A command is refused, with the reason, where the station could not follow it; what the car and the grid say just now
only limits it. It holds for the session, at most for its time; a limit holds until it is set again.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import TYPE_CHECKING

from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.station.evse import Evse


class CommandRefused(V2GError):
    """The station does not do this. Says why, and what would be possible."""


class Mode(StrEnum):
    """As `grid_inject_cmd --mode` takes it."""

    CHARGE = "charge"
    DISCHARGE = "discharge"
    IDLE = "idle"
    AUTO = "auto"
    """Back to the plan."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A power in the place of the plan's."""

    power_w: float
    """Positive charges the vehicle."""
    fed_var: float | None = None
    """Reactive power fed into the grid, in the place of the grid code's reactive mode; None leaves that."""
    until_s: float = inf
    """Monotonic time at which the plan takes over again."""


@dataclass(slots=True)
class OperatorLimits:
    """Magnitudes that the operator set."""

    charge_w: float = inf
    discharge_w: float = inf


def inject(evse: "Evse", mode: Mode, power_w: float, fed_var: float, for_s: float | None, now: float) -> None:
    """Let the EVSE charge, discharge or rest. `power_w` is a magnitude. Raises `CommandRefused`."""
    if evse.conversation is None or evse.conversation.end is not None:
        raise CommandRefused(f"no car is in session at EVSE {evse.settings.id}; a command holds for a session")
    if mode is Mode.AUTO:
        evse.decider.injection = None
        return
    if not (isfinite(power_w) and power_w >= 0):
        raise CommandRefused(f"the power is {power_w:g} W; give its magnitude, the mode says the direction")
    if for_s is not None and not for_s > 0:
        raise CommandRefused(f"the time is {for_s:g} s; give one above 0, or none for the rest of the session")
    if mode is Mode.IDLE and power_w:
        raise CommandRefused("idle has no power; leave it out, or choose charge or discharge")
    signed_w = {Mode.CHARGE: power_w, Mode.DISCHARGE: -power_w, Mode.IDLE: 0.0}[mode]
    if signed_w:
        _check(evse, signed_w)
    _check_var(evse, fed_var)
    until_s = inf if for_s is None else now + for_s
    evse.decider.injection = Injection(signed_w, fed_var or None, until_s)


def limit(evse: "Evse", direction: float, power_w: float) -> None:
    """Set the operator's limit in the direction of `direction`'s sign. Raises `CommandRefused`."""
    _check(evse, power_w if direction > 0 else -power_w)
    if direction > 0:
        evse.decider.operator.charge_w = power_w
    else:
        evse.decider.operator.discharge_w = power_w


def _check(evse: "Evse", signed_w: float) -> None:
    tightest = evse.decider.allowed(signed_w, evse.rating, evse.heat)
    if not abs(signed_w) <= (most_w := tightest.of(signed_w)):
        raise CommandRefused(f"{abs(signed_w) / 1000:g} kW is beyond: {tightest}, {most_w / 1000:g} kW")


def _check_var(evse: "Evse", fed_var: float) -> None:
    if not fed_var:
        return
    if not isfinite(fed_var):
        raise CommandRefused("the reactive power is not a number")
    if evse.guard is None or evse.rating is None:
        raise CommandRefused("reactive power needs an inverter of the station and a grid code; leave it at 0")
    if abs(fed_var) > evse.rating.reactive_max_var:
        most_kvar = evse.rating.reactive_max_var / 1000
        raise CommandRefused(f"{fed_var / 1000:g} kvar is beyond: inverter reactive power, {most_kvar:g} kvar")
    evse.guard.check_var(fed_var, evse.rating)
