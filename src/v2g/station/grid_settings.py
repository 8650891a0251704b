"""The settings of an EVSE's grid code while it runs: shown, changed by operator or Modbus client, given up again.

A change is admitted if it is in the range of the grid code, contradicts no other setting, and if the configuration lets
this party change settings at all. It survives a restart. Trips and ramps that run go on with the new values.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from v2g.grid.adjustments import Party
from v2g.grid.settings import no_such_setting
from v2g.kernel.errors import V2GError
from v2g.station import command
from v2g.station.evse import Evse

if TYPE_CHECKING:
    from v2g.station.safety.grid_guard import GridGuard


class NotAdjustable(V2GError):
    """This EVSE's grid code cannot be shown or changed. Says why."""


def shown(evse: Evse, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings as they hold now, all of them or those named, with range, source and who changed what."""
    guard = guard_of(evse)
    settings = guard.code.settings
    for name in names:
        if name not in settings:
            raise NotAdjustable(f"{no_such_setting(name, settings)}; `v2g grid get` lists them all")
    chosen = names or tuple(settings)
    return {
        "evse": evse.settings.id,
        "code": guard.code.title,
        "settings": [_shown(guard, name) for name in chosen],
    }


def change(evse: Evse, asked: command.GridSet, by: str, now: float, unix_s: float) -> str:
    """The operator or a Modbus client changes settings. Returns a line for the log. Raises `NotAdjustable`,
    `SettingsError`."""
    changes, for_s, party, by = asked.changes, asked.for_s, Party(asked.party), asked.by or by
    guard = guard_of(evse)
    _check_permission(evse, party)
    if not changes:
        raise NotAdjustable("no setting is named; give NAME=VALUE, such as trip.uv1.delay_s=25")
    before = {name: each.text for name, each in guard.code.settings.items() if name in changes}
    guard.adjust(changes, party, by=by, for_s=for_s, then=asked.then)
    guard.adjustments.begin(now, unix_s)
    after = guard.code.settings
    what = ", ".join(f"{name} {before[name]} -> {after[name].text}" for name in changes)
    above = [each for each in _holding(guard, changes) if each is not party]
    hidden = f"; what {' and '.join(above)} set holds over it" if above else ""
    return f"{by} changes the grid code: {what}" + ("" if for_s is None else ", for a time") + hidden


def give_up(evse: Evse, names: tuple[str, ...], by: str) -> str:
    """The operator gives up what it set, or a part of it. Returns a line for the log. Raises `SettingsError`."""
    guard = guard_of(evse)
    _check_permission(evse, Party.OPERATOR)
    gone = guard.give_up(Party.OPERATOR, names)
    what = ", ".join(f"{name} -> {guard.code.settings[name].text}" for name in gone) or "nothing had been changed"
    return f"{by} goes back to the configured grid code: {what}"


def named(asked: command.GridSet | command.GridGet | command.GridDefault) -> tuple[str, ...]:
    """The settings that a command is about."""
    return tuple(asked.changes) if isinstance(asked, command.GridSet) else asked.names


def guard_of(evse: Evse) -> "GridGuard":
    """What runs the grid code of this EVSE. Raises `NotAdjustable`."""
    if evse.settings.grid_code is None:
        raise NotAdjustable(f"EVSE {evse.settings.id} has no grid code; set `grid_code` in the configuration")
    if evse.guard is None:
        raise NotAdjustable(f"EVSE {evse.settings.id} has not read its devices yet; try again in a moment")
    return evse.guard


def may_adjust(evse: Evse, party: Party) -> bool:
    """Whether the configuration lets this party change settings."""
    return evse.settings.grid_code is not None and party in evse.settings.grid_code.adjustable_by


def _holding(guard: "GridGuard", names: Iterable[str]) -> list[Party]:
    """Whose values of these settings hold, each party once."""
    layers, wanted = guard.adjustments.layers, tuple(names)
    uppermost = [max((p for p in layers if name in layers[p]), key=list(Party).index, default=None) for name in wanted]
    return [party for party in Party if party in uppermost]


def _check_permission(evse: Evse, party: Party) -> None:
    if not may_adjust(evse, party):
        raise NotAdjustable(f"the settings are sealed: `grid_code.adjustable_by` does not name {party}")


def _shown(guard: "GridGuard", name: str) -> dict[str, Any]:
    setting, configured = guard.code.settings[name], guard.adjustments.configured.settings[name]
    holding = [(party, layer[name]) for party in Party if name in (layer := guard.adjustments.layers.get(party, {}))]
    party, adjustment = holding[-1] if holding else (None, None)
    return {
        "name": name,
        "value": setting.value,
        "configured": configured.value,
        "permitted": setting.permitted,
        "source": setting.source,
        "party": party,
        "by": "" if adjustment is None else adjustment.by,
        "until_unix_s": None if adjustment is None else adjustment.until_unix_s,
    }
