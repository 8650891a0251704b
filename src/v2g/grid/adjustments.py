"""Settings of a grid code that differ from the configuration while the station runs, whoever asked for them.

Three parties may change settings, and each has a layer of its own over the configuration: the operator on the spot, a
Modbus client (SunSpec), and the back end (OCPP's DER control). Of two layers with the same setting the later one in
this list holds. A setting goes back at its time, or when its party gives it up; what is below it holds again.

Time is the monotonic clock's: setting the wall clock brings nothing back. What is left is noted every minute, and goes
on from there after a restart: the time without a process does not count, for nobody knows how long it was. So a
withdrawn permission returns too late rather than too early. A permission that was given for a time ends a minute early
after a restart, and at once if the wall clock says that its time is over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from v2g.grid.settings import GridCode, SettingsError, Value, no_such_setting


class Party(StrEnum):
    """Who changes settings; a later one holds over an earlier one."""

    OPERATOR = "operator"
    SUNSPEC = "sunspec"
    BACK_END = "back_end"
    """It states its controls again after a restart, from a store of its own."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One setting as a party wants it."""

    value: Value
    by: str = ""
    """Who of the party, for a person."""
    for_s: float | None = None
    """How long it was set for; None: it does not go back by itself."""
    left_s: float | None = None
    """What was left of that when it was last kept; None: all of it."""
    until_unix_s: float | None = None
    """When it goes back by the wall clock of the time at which it was set."""
    ends_s: float | None = None
    """When it goes back: monotonic, of this process alone. None: not begun yet."""
    then: Value | None = None
    """What the party wants from then on; None: what holds below it."""

    @property
    def after(self) -> "Adjustment | None":
        """What takes its place at its end."""
        return None if self.then is None else Adjustment(self.then, self.by)

    def begun(self, now: float, unix_s: float, *, permits: bool) -> "Adjustment":
        """The same with its end. `permits`: it gives a permission, which must not last longer than it may."""
        if self.for_s is None or self.ends_s is not None:
            return self
        until_unix_s = unix_s + self.for_s if self.until_unix_s is None else self.until_unix_s
        left_s = self.for_s if self.left_s is None else self.left_s
        if permits and self.left_s is not None:
            left_s = min(left_s - NOTED_S, until_unix_s - unix_s)
        return replace(self, until_unix_s=until_unix_s, ends_s=now + left_s)

    def to_keep(self, now: float) -> "Adjustment":
        """What another process can go on with."""
        return self if self.ends_s is None else replace(self, left_s=self.ends_s - now, ends_s=None)


PERMISSION = "enter_service.permitted"
"""The grid operator's permission to be in service."""
NOTED_S = 60.0
"""How often what is left of a time is noted for another process."""
Layer = Mapping[str, Adjustment]
"""By the setting's name."""


class Adjustments:
    """The grid code of one EVSE as configured, and what holds in its place."""

    def __init__(self, configured: GridCode, kept: Mapping[Party, Layer] | None = None) -> None:
        """`kept`: of an earlier process; `dropped` says what of it does not fit the code any more."""
        self.configured = self.code = configured
        """`code`: what holds now."""
        self.layers: Mapping[Party, Layer] = {}
        self.dropped = self._take_what_fits(kept or {})
        """What was set and could not go on, with the reason: of `kept`, then of each `expire`."""
        self._noted_s = self._soonest_s  # not yet

    @property
    def kept(self) -> Mapping[Party, Layer]:
        """What must survive a restart. The back end keeps its own."""
        return {
            party: {name: each.to_keep(self._noted_s) for name, each in layer.items()}
            for party, layer in self.layers.items()
            if party is not Party.BACK_END
        }

    def set(self, party: Party, changes: Mapping[str, Adjustment]) -> None:
        """These settings from now on, beside what the party has set before. Raises `SettingsError`; then nothing has
        changed."""
        self._take({**self.layers, party: {**self.layers.get(party, {}), **changes}})

    def check(self, changes: Mapping[str, Value], party: Party) -> None:
        """Whether a party may have these settings. Raises `SettingsError`."""
        before, wanted = self.layers, {**self.layers.get(party, {}), **lasting(changes)}
        try:
            self._take({**before, party: wanted})
        finally:
            self._take(before)

    def only(self, party: Party, changes: Mapping[str, Adjustment]) -> None:
        """These settings and no others of this party. Raises `SettingsError`; then nothing has changed."""
        self._take({**self.layers, party: changes})

    def adopt(self, layers: Mapping[Party, Layer]) -> None:
        """All settings of all parties, as they were. Raises `SettingsError`; then nothing has changed."""
        self._take(layers)

    def give_up(self, party: Party, names: Iterable[str] = ()) -> tuple[str, ...]:
        """What holds below the party's settings holds again; of all of them if none is named. Returns their names.

        Raises `SettingsError` if what remains contradicts itself; then nothing has changed.
        """
        layer, wanted = self.layers.get(party, {}), tuple(names)
        if unknown := [name for name in wanted if name not in self.code.settings]:
            raise SettingsError([no_such_setting(name, self.code.settings) for name in unknown])
        gone = tuple(name for name in layer if name in wanted or not wanted)
        self._take({**self.layers, party: {name: each for name, each in layer.items() if name not in gone}})
        return gone

    def expire(self, now: float, unix_s: float) -> tuple[str, ...]:
        """Lets time pass, which begins what was set since; returns the names of what went back at its time.

        What remains and contradicts the rest goes back too (`dropped`). Everything else stays: a permission that was
        withdrawn does not return because a curve no longer fits.
        """
        self.dropped = []
        if (self._soonest_s < inf and now >= self._noted_s + NOTED_S) or self._soonest_s == -inf:
            self.begin(now, unix_s)
        if now < self._soonest_s:
            return ()
        gone = [name for layer in self.layers.values() for name, each in layer.items() if now >= _end(each)]
        left = {
            party: {
                name: stays
                for name, each in layer.items()
                if (stays := each if now < _end(each) else each.after) is not None
            }
            for party, layer in self.layers.items()
        }
        self.dropped = self._take_what_fits(left)
        return tuple(dict.fromkeys(gone))

    def begin(self, now: float, unix_s: float) -> None:
        """Ends for what has none yet; how much is left is noted for another process."""
        self.layers = {
            party: {
                name: each.begun(now, unix_s, permits=name == PERMISSION and each.value is True)
                for name, each in layer.items()
            }
            for party, layer in self.layers.items()
        }
        self._soonest_s = min((_end(each) for layer in self.layers.values() for each in layer.values()), default=inf)
        self._noted_s = now

    def _take_what_fits(self, layers: Mapping[Party, Layer]) -> list[str]:
        """Of a layer that contradicts itself or those below it, each setting that does not. Returns why not the
        others."""
        code, fitting, errors = self.configured, dict(layers), list[str]()
        for party in Party:
            layer = layers.get(party, {})
            try:
                code = code.with_settings({name: each.value for name, each in layer.items()})
                continue
            except SettingsError:
                fitting[party] = {}
            for name, each in layer.items():
                try:
                    code = code.with_settings({name: each.value})
                    fitting[party] = {**fitting[party], name: each}
                except SettingsError as error:
                    errors.append(f"{name} of {each.by or party}: {error}")
        self._take(fitting)
        return errors

    def _take(self, layers: Mapping[Party, Layer]) -> None:
        code = self.configured
        for party in Party:  # each on top of those below it, so that the uppermost can always be given up
            if layer := layers.get(party):
                code = code.with_settings({name: each.value for name, each in layer.items()})
        self.code = code
        self.layers = {party: layer for party, layer in layers.items() if layer}
        self._soonest_s = -inf


def _end(adjustment: Adjustment) -> float:
    return inf if adjustment.ends_s is None else adjustment.ends_s


def lasting(
    changes: Mapping[str, Value], by: str = "", for_s: float | None = None, then: Mapping[str, Value] | None = None
) -> dict[str, Adjustment]:
    """The same time and the same author for several settings. `then`: what the party wants afterwards."""
    return {name: Adjustment(value, by, for_s, then=(then or {}).get(name)) for name, value in changes.items()}


def differences(now: GridCode, wanted: GridCode) -> dict[str, Value]:
    """The settings that lead from one state of a grid code to another."""
    return {name: each.value for name, each in wanted.settings.items() if each.value != now.settings[name].value}
