"""A plant as one SunSpec inverter: registers that show it, and what writes to them mean. No socket, no clock.

A write takes effect as a whole or not at all: whole points of one model, values that they can have, orders that the
plant accepts. `write` returns the orders; whoever carries them out calls `refused` if one is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, hypot, sqrt

from v2g.languages.plant import About, Change, Order, Seen, Settings
from v2g.languages.sunspec import models
from v2g.languages.sunspec.controls import NUMBER as CONTROLS
from v2g.languages.sunspec.controls import STEMS, Controls, stem_of
from v2g.languages.sunspec.functions import (
    DRAFT,
    ENTER_SERVICE,
    IN_FORCE,
    Function,
    Unfit,
    both_ways_in,
    functions,
)
from v2g.power.sunspec.image import Image
from v2g.power.sunspec.model import Value

SILENCE_S = 300.0
"""After which a set-point without a reversion timer lapses."""
_ENTER = 703


@dataclass(frozen=True, slots=True)
class Written:
    """What a write means."""

    orders: tuple[Order, ...]
    """For the plant, which accepts them or not."""
    before: tuple[Mapping[int, int], dict[str, float], dict[int, float]]
    adopting: Function | None
    """The function whose curve is to be adopted."""


class Inverter:
    """One device. `look` comes before each read and write."""

    def __init__(self, about: About, seen: Seen, silence_s: float = SILENCE_S) -> None:
        """`seen`: decides which models and functions there are."""
        self.image = Image(models.models(about, seen))
        self.controls = Controls(self.image, silence_s)
        self._functions = functions(seen.settings)
        self._seen = seen
        self._ends_s: dict[int, float] = {}
        """Reversion timers of curves that run, by model."""
        self._offered = {(number, path) for number in self._numbers() for path in self.image.paths(number)
                         if self.image.get(number, path) is not None}  # fmt: skip
        for function in self._functions.values():
            for index in (IN_FORCE, DRAFT):
                self._show_curve(function, index)
        self.look(seen, 0.0)

    def _numbers(self) -> list[int]:
        return [1, 701, 702, _ENTER, CONTROLS, *self._functions, 713, 714]

    def look(self, seen: Seen, now: float) -> None:
        """Show the plant as it is. `now`: monotonic seconds."""
        self._seen = seen
        set = self.image.set
        for number, values in ((701, _measured(seen)), (702, _capacity(seen)), (713, _storage(seen))):
            for path, value in values.items():
                set(number, path, value)
        for index, port in enumerate(seen.ports, 1):
            for path, value in (("DCV", port.voltage_v), ("DCA", _generated(port.current_a)),
                                ("DCW", _generated(port.power_w)), ("DCSta", port.state)):  # fmt: skip
                set(714, f"Prt[{index}].{path}", value)
        if seen.ports:
            known = [port.power_w for port in seen.ports if port.power_w is not None]
            set(714, "DCW", _generated(sum(known)) if known else None)
        if self.image.paths(_ENTER):
            for row in ENTER_SERVICE:
                set(_ENTER, row.path, row.shown(seen.settings))
        for number, function in self._functions.items():
            set(number, "Ena", "ENABLED" if function.holds(seen.settings) else "DISABLED")
            self._show_curve(function, IN_FORCE)
            if function.reverts:
                left_s = max(0.0, self._ends_s.get(number, now) - now)
                set(number, "RvrtRem", float(ceil(left_s)))
        self.controls.show(seen.settings)
        self.controls.expire(now)

    def write(self, address: int, words: Sequence[int], now: float) -> "Written":
        """Take registers. Returns what that means for the plant, and how to undo it.

        Raises `NoSuchRegister`, and `ValueError` for a value that cannot be; then nothing has changed.
        """
        number, written = self.image.covered(address, len(words))
        paths = [place.path for place in written]
        before = self.image.copy(), dict(self.controls.ends_s), dict(self._ends_s)
        was = {stem: self.controls.enabled(stem) for stem in STEMS}
        self.image.put(address, words)
        try:
            for path in paths:
                if self.image.get(number, path) is None:
                    raise Unfit(f"{number}.{path}: the value that means that there is none")
                if (number, path) not in self._offered and number not in self._functions and number != _ENTER:
                    raise Unfit(f"{number}.{path} is not implemented")
            orders = self._orders(number, paths, was, now)
        except ValueError:
            self._restore(*before)
            raise
        function = self._functions.get(number)
        adopts = function is not None and f"Adpt{function.stem}Req" in paths
        return Written(tuple(orders), before, function if adopts else None)

    def refused(self, written: "Written") -> bool:
        """The plant has refused what a write means. Returns whether the client reads that as the result of the adoption
        that it asked for; otherwise the registers are as they were."""
        if written.adopting is not None:
            self._result(written.adopting, "FAILED")
            self._ends_s = written.before[2]
            return True
        self._restore(*written.before)
        return False

    def _restore(self, memory: Mapping[int, int], controls_s: dict[str, float], curves_s: dict[int, float]) -> None:
        self.image.restore(memory)
        self.controls.ends_s, self._ends_s = controls_s, curves_s

    def heard(self, now: float) -> list[Order]:
        """A client that may write is there."""
        renewed = self.controls.renewed(self._seen.ratings, now)
        return [] if renewed is None else [renewed]

    def _orders(self, number: int, paths: list[str], was: Mapping[str, bool], now: float) -> list[Order]:
        settings = self._seen.settings
        if number == CONTROLS:
            return self._controlled(paths, was, now)
        if number == _ENTER:
            rows = {row.path: row for row in ENTER_SERVICE}
            changes = {rows[path].setting: rows[path].meant(self.image.get(number, path)) for path in paths}
            if unknown := [name for name in changes if name not in settings]:
                raise Unfit(f"{unknown[0]} is no setting of this grid code")
            return [Change(changes=both_ways_in(changes, settings))]
        if number in self._functions:
            return self._curve(self._functions[number], paths, now)
        raise Unfit(f"{number}.{paths[0]} is fixed")

    def _controlled(self, paths: list[str], was: Mapping[str, bool], now: float) -> list[Order]:
        """What a write to model 704 means: one order, so that it is accepted or refused as a whole."""
        orders = list[Order]()
        changes: dict[str, float | bool | str] = {}
        for stem in dict.fromkeys(stem_of(path) for path in paths):
            if stem is None:
                for path in paths:
                    if stem_of(path) is None:
                        changes |= self.controls.other(path)
                continue
            order = self.controls.written(stem, was[stem], self._seen.ratings, self._seen.settings, now)
            if order is not None:
                orders.append(order)
        orders += [Change(changes=changes)] if changes else []
        if len(orders) > 1:
            raise Unfit("a request may change one function; write them one after the other")
        return orders

    def _curve(self, function: Function, paths: list[str], now: float) -> list[Order]:
        """What a write to a model with curves means."""
        number, settings = function.number, self._seen.settings
        for path in paths:
            group, bracket, _ = path.partition("]")
            if bracket and self.image.get(number, f"{group}].ReadOnly") != "RW":
                raise Unfit(f"{path} is of the curve in force; write the other one and adopt it")
            if not bracket and (number, path) not in self._offered:
                raise Unfit(f"{number}.{path} is not implemented")
        changes = dict[str, float | bool | str]()
        if "Ena" in paths:
            changes |= function.enable(self.image.get(number, "Ena") == "ENABLED", settings)
        if f"Adpt{function.stem}Req" in paths:
            changes |= self._adopted(function)
        after = self._reverts_to(function) if function.reverts else IN_FORCE
        if not changes:
            return []
        for_s = self.image.number(number, "RvrtTms") if function.reverts else 0.0
        if for_s:
            self._ends_s[number] = now + for_s
        else:
            self._ends_s.pop(number, None)
        then = function.adopted(self.image, settings) if for_s and after == DRAFT else {}
        held = {name: settings[name] for name in then}  # until then
        return [Change(changes=held | changes, for_s=for_s or None, then=then)]

    def _reverts_to(self, function: Function) -> int:
        """The curve that holds after the reversion timer: 1 is the one that was in force, 2 the draft."""
        after = round(self.image.number(function.number, f"Rvrt{function.stem}"))
        if after not in (IN_FORCE, DRAFT):
            raise Unfit(f"there are the curves 1 and 2, not {after}")
        return after

    def _adopted(self, function: Function) -> Settings:
        """The changes of an adoption that is asked for; none if the curve cannot be followed, which is its result."""
        asked = round(self.image.number(function.number, f"Adpt{function.stem}Req"))
        if asked not in (0, IN_FORCE, DRAFT):
            raise Unfit(f"there are the curves 1 and 2, not {asked}")
        if asked != DRAFT:
            return {}
        try:
            changes = function.adopted(self.image, self._seen.settings)
        except ValueError:
            self._result(function, "FAILED")
            return {}
        self._result(function, "COMPLETED")
        return changes

    def _result(self, function: Function, result: str) -> None:
        self.image.set(function.number, f"Adpt{function.stem}Rslt", result)

    def _show_curve(self, function: Function, index: int) -> None:
        for path, value in function.shown(self._seen.settings, index):
            self.image.set(function.number, path, value)


def _generated(drawn: float | None) -> float | None:
    """With SunSpec's sign."""
    return None if drawn is None else 0.0 - drawn


def _measured(seen: Seen) -> dict[str, Value]:
    """Model 701."""
    w, var, volts = _generated(seen.power_w), _generated(seen.reactive_var), seen.voltages_v
    va = None if w is None or var is None else hypot(w, var)
    mean_v = sum(volts) / len(volts) if volts else None
    three = len(volts) == 3 and seen.ratings.phases == 3
    each = [*volts, None, None, None]
    limits = {"FAULT": 100.0, "THROTTLED": _throttled_pct(seen)}
    return {
        "St": "ON" if seen.state in ("RUNNING", "THROTTLED") else "OFF",
        "InvSt": seen.state,
        "ConnSt": "CONNECTED" if seen.connected else "DISCONNECTED",
        "Alrm": seen.alarms,
        "W": w,
        "VA": va,
        "Var": var,
        "PF": None if va is None or w is None else w / va if va else 1.0,
        "A": None if va is None or not mean_v else va / mean_v / seen.ratings.phases,
        "LLV": None if mean_v is None or not three else sqrt(3) * mean_v,
        "LNV": mean_v,
        "Hz": seen.frequency_hz,
        "TotWhInj": seen.discharged_wh,
        "TotWhAbs": seen.charged_wh,
        "TmpSw": seen.temperature_c,
        "VL1": each[0],
        "VL2": each[1] if three else None,
        "VL3": each[2] if three else None,
        "ThrotPct": limits.get(seen.state, 0.0),
        "ThrotSrc": seen.throttled_by,
    }


def _throttled_pct(seen: Seen) -> float:
    """How much of the rated feed-in is not to be had."""
    rated_w = seen.ratings.discharge_w
    return 100.0 * (1.0 - min(seen.discharge_w / rated_w, 1.0)) if rated_w else 0.0


def _capacity(seen: Seen) -> dict[str, Value]:
    """Model 702: what it is built for, and what of that it may use."""
    ratings = seen.ratings
    inject_pu, absorb_pu = (seen.settings.get(f"capability.{side}_pu") for side in ("inject", "absorb"))
    rated: dict[str, Value] = {
        "WMax": ratings.discharge_w,
        "VAMax": ratings.apparent_va,
        "WChaRteMax": ratings.charge_w,
        "WDisChaRteMax": ratings.discharge_w,
        "VAChaRteMax": ratings.charge_w,
        "VADisChaRteMax": ratings.discharge_w,
        "VarMaxInj": None if inject_pu is None else ratings.apparent_va * float(inject_pu),
        "VarMaxAbs": None if absorb_pu is None else ratings.apparent_va * float(absorb_pu),
    }
    return rated | {f"{name}Rtg": value for name, value in rated.items()}


def _storage(seen: Seen) -> dict[str, Value]:
    """Model 713."""
    return {
        "WHRtg": seen.capacity_wh,
        "WHAvail": seen.available_wh,
        "SoC": None if seen.soc_pu is None else 100.0 * seen.soc_pu,
    }
