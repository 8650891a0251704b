"""What the operator of the station asks of an EVSE by hand: a power for some time, and limits.

A command is refused, with the reason, if the station could never follow it: it is checked against what lasts (ratings,
EVSE, site, permissions). What heat, car and grid say just now only limits it. A power holds for the session, at most
for its time; a limit holds until it is set again.
"""

from dataclasses import replace
from math import inf, isfinite

from v2g.kernel.errors import V2GError
from v2g.kernel.units import exact_kvar, exact_kw
from v2g.station.command import Inject
from v2g.station.evse import Evse
from v2g.station.power.situation import Injection


class CommandRefused(V2GError):
    """The station does not do this. Says why, and what would be possible."""


def inject(evse: Evse, command: Inject, now: float) -> None:
    """Let the EVSE charge, discharge or rest. Raises `CommandRefused`."""
    if not evse.served:
        raise CommandRefused(f"no car is in session at EVSE {evse.settings.id}; a command holds for a session")
    if command.mode == "auto":
        evse.visit.injection = None
        return
    power_w = command.power_w
    if not (isfinite(power_w) and power_w >= 0):
        raise CommandRefused(f"the power is {power_w:g} W; give its magnitude, the mode states the direction")
    if command.for_s is not None and not command.for_s > 0:
        raise CommandRefused(f"the time is {command.for_s:g} s; give one above 0, or none for the rest of the session")
    if command.mode != "idle" and not power_w:
        raise CommandRefused(f"{command.mode} needs a power above 0; for none choose idle")
    if command.mode == "idle" and power_w:
        raise CommandRefused("idle has no power; leave it out, or choose charge or discharge")
    signed_w = {"charge": power_w, "discharge": -power_w, "idle": 0.0}[command.mode]
    if signed_w < 0 and evse.mute:
        raise CommandRefused("the car does not talk, and cannot be asked to feed the grid; choose charge or idle")
    if signed_w:
        _check(evse, signed_w)
    _check_var(evse, command.fed_var)
    until_s = inf if command.for_s is None else now + command.for_s
    evse.visit.injection = Injection(signed_w, command.fed_var or None, until_s)


def limit(evse: Evse, direction: float, power_w: float) -> None:
    """Set the operator's limit in the direction of `direction`'s sign. Raises `CommandRefused`."""
    _check(evse, power_w if direction > 0 else -power_w)
    if direction > 0:
        evse.operator = replace(evse.operator, charge_w=power_w)
    else:
        evse.operator = replace(evse.operator, discharge_w=power_w, lost="")


def _check(evse: Evse, signed_w: float) -> None:
    lasting = evse.decision.lasting
    most_w = lasting.charge_w if signed_w > 0 else lasting.discharge_w
    if not abs(signed_w) <= most_w:
        raise CommandRefused(f"{exact_kw(abs(signed_w))} is beyond: {lasting.of(signed_w)}, {exact_kw(most_w)}")


def _check_var(evse: Evse, fed_var: float) -> None:
    if not fed_var:
        return
    if not isfinite(fed_var):
        raise CommandRefused("the reactive power is not a number")
    if evse.guard is None or evse.rating is None:
        raise CommandRefused("reactive power needs an inverter of the station and a grid code; leave it at 0")
    if abs(fed_var) > evse.rating.reactive_max_var:
        most = exact_kvar(evse.rating.reactive_max_var)
        raise CommandRefused(f"{exact_kvar(fed_var)} is beyond: inverter reactive power, {most}")
    evse.guard.check_var(fed_var, evse.rating)
