"""One step of a fleet: what is asked of it becomes a set-point for each depot, with what binds it.

A set-point holds for a short time and is renewed; a depot that gets none any more follows its own safe plan. So a depot
that is not heard of counts with the worst that it may do: its last set-point until that lapses, and its plan. And a
depot that gets more waits until those behind the same node that give it up have accepted it.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from math import inf

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.allocation import BY_CAP, BY_TARGET, Bools, Floats
from v2g.depot.handover import share_of_rises
from v2g.depot.request import Asked, Request, asked, limited
from v2g.depot.tree import Tree
from v2g.fleet.split import Fleet, Offers, Split
from v2g.fleet.view import DepotState, Place, Setpoint
from v2g.kernel.units import kw, signed_kw

MOST_ALONE = 2
"""Depots whose clock is off, that are named one by one whatever the others are."""


class Settings(Struct, frozen=True, kw_only=True):
    """How the fleet is steered. Times in seconds."""

    least_s: float = 0.2
    """Between two steps, whatever happens."""
    validity_s: float = 15.0
    """How long a set-point holds."""
    renew_s: float = 5.0
    """A set-point that does not change is sent again after this time."""
    stale_s: float = 5.0
    """A depot that has not been heard of for longer is on its own."""
    hold_s: float = 60.0
    """For how long a depot must be able to hold what it is asked for."""
    ignore_pu: float = 0.002
    """Of all that is asked for: a depot that is no further from its share is left alone."""
    patience_s: float = 10.0
    """A depot that does not follow for longer is taken at what it gives."""


class Trouble(StrEnum):
    """What the fleet warns of."""

    SHORT = "L01"
    """The request cannot be met: depots and network do not allow it."""
    AWAY = "L02"
    """A depot is not heard of: it follows its own plan, which is counted as the worst that it may do."""
    DOES_NOT_FOLLOW = "L03"
    """A depot measures another power than its set-point for too long."""
    REFUSES = "L04"
    """A depot does not take its set-points."""
    CLOCK = "L05"
    """The clocks of a depot and of the fleet differ: entries are dated wrong, and set-points may lapse early."""


class Notice(Struct, frozen=True):
    """One warning; `about` names the depot or request."""

    trouble: Trouble
    about: str
    text: str


class Dispatch(Struct, frozen=True, kw_only=True):
    """The outcome of one step."""

    send: Mapping[str, Setpoint]
    """What to send now, by depot: what has changed, and what must be renewed."""
    power_w: Mapping[str, float]
    """Of each steered depot while a power is asked for; empty otherwise."""
    why: Mapping[str, str]
    """What binds each of these."""
    requested_w: float | None
    requested_by: str
    commanded_w: float
    """Sum of the set-points."""
    expected_w: float
    """The same with what depots on their own are expected to do."""
    delivered_w: float
    """As measured; of depots that are not heard of as expected."""
    least_w: float
    most_w: float
    """What the fleet could do together just now."""
    heard: int
    """Depots that are steered."""
    short_w: float = 0.0
    """What is missing to the request; a magnitude."""
    waiting: bool = False
    """Whether some depots get more once others have accepted less: step again when answers come."""
    notices: tuple[Notice, ...] = ()


class Controller:
    """Steers one fleet."""

    def __init__(self, tree: Tree, places: Sequence[Place], settings: Settings | None = None) -> None:
        """Raises KeyError for a place whose node is not in the tree."""
        self.settings = settings or Settings()
        self.fleet = Fleet(tree, places)
        size = len(places)
        self._sent: dict[str, Setpoint] = {}
        self._sent_s: dict[str, float] = {}
        self._astray_since_s: Floats = np.full(size, inf)
        self._trusted_w: Floats = np.full(size, inf)
        """What a depot that does not follow gives at most; a magnitude."""
        self._trusted_at_s = -inf
        self._number = 0

    def step(
        self,
        states: Mapping[str, DepotState],
        requests: Sequence[Request],
        now: float,
        frequency_hz: float | None = None,
    ) -> Dispatch:
        """The set-points from now on. `states`: of all depots. `now`: Unix seconds, never less than before."""
        fleet, rows = self.fleet, [states[id] for id in self.fleet.ids]
        seen = _Seen(rows, fleet, now, self.settings)
        wanted = asked(requests, now, frequency_hz)
        limit = limited(requests, now)
        delivered_w = float(np.where(seen.steered, seen.measured_w, seen.expected_w).sum())
        if wanted.power_w is None:
            return self._release(rows, seen, wanted, delivered_w, now)
        own_w = float(np.where(seen.steered, 0.0, seen.expected_w).sum()) + self._trust(seen, now)
        target_w = min(max(wanted.power_w, -limit.discharge_w), limit.charge_w) - own_w
        split = fleet.split(target_w, seen.offers(self._trusted_w))
        power_w, waiting = self._in_turn(split.power_w, seen)
        commanded_w = float(power_w[seen.steered].sum())
        reachable_w = min(max(target_w, split.least_w), split.most_w)
        missing_w = abs(wanted.power_w - own_w - reachable_w)
        short_w = missing_w if missing_w > max(1.0, 0.001 * abs(wanted.power_w)) else 0.0
        power = {id: float(power_w[n]) for n, id in enumerate(fleet.ids) if seen.steered[n]}
        why = {id: self._why(split, n, wanted) for n, id in enumerate(fleet.ids) if seen.steered[n]}
        return Dispatch(
            send=self._send(rows, power, why, wanted, now),
            power_w=power,
            why=why,
            requested_w=wanted.power_w,
            requested_by=wanted.by,
            commanded_w=commanded_w,
            expected_w=commanded_w + own_w,
            delivered_w=delivered_w,
            least_w=split.least_w + own_w,
            most_w=split.most_w + own_w,
            heard=int(seen.steered.sum()),
            short_w=short_w,
            waiting=waiting,
            notices=(*_short(wanted, short_w), *self._notices(rows, seen, now)),
        )

    def _release(
        self, rows: Sequence[DepotState], seen: "_Seen", wanted: Asked, delivered_w: float, now: float
    ) -> Dispatch:
        """Nobody asks: depots that may still follow a set-point are let go."""
        send = {
            each.id: self._setpoint(each.id, 0.0, 0.0, "nobody", "nothing is asked of the fleet")
            for each in rows
            if each.held_until() > now
            and each.aggregate is not None
            and (self._asked(each.id) or self._due_again(each.id, now))
        }
        self._note(send, now)
        split = self.fleet.split(0.0, seen.offers(self._trusted_w))
        own_w = float(np.where(seen.steered, 0.0, seen.expected_w).sum())
        return Dispatch(
            send=send, power_w={}, why={}, requested_w=None, requested_by=wanted.by, commanded_w=0.0,
            expected_w=float(seen.expected_w.sum()), delivered_w=delivered_w, least_w=split.least_w + own_w,
            most_w=split.most_w + own_w, heard=int(seen.steered.sum()), notices=tuple(self._notices(rows, seen, now)),
        )  # fmt: skip

    def _send(
        self, rows: Sequence[DepotState], power: Mapping[str, float], why: Mapping[str, str], wanted: Asked, now: float
    ) -> dict[str, Setpoint]:
        """For whoever has another power than the latest one sent, or one that is not answered or grows old."""
        ignore_w = self.settings.ignore_pu * abs(wanted.power_w or 0.0) / max(len(power), 1)
        until_s, send = now + self.settings.validity_s, dict[str, Setpoint]()
        for each in rows:
            if each.id not in power:
                continue
            before = self._sent.get(each.id)
            same = before is not None and abs(power[each.id] - before.power_w) <= ignore_w and before.by == wanted.by
            if not same or self._due_again(each.id, now) or (each.refusal and self._sent_s[each.id] < now - 1.0):
                send[each.id] = self._setpoint(each.id, power[each.id], until_s, wanted.by, why[each.id])
        self._note(send, now)
        return send

    def _asked(self, depot: str) -> bool:
        """Whether the latest set-point sent asks for a power."""
        return depot in self._sent and self._sent[depot].until_unix_s > 0.0

    def _due_again(self, depot: str, now: float) -> bool:
        return now - self._sent_s.get(depot, -inf) >= self.settings.renew_s - 1e-6

    def _setpoint(self, depot: str, power_w: float, until_s: float, by: str, why: str) -> Setpoint:
        return Setpoint(depot=depot, number=self._number, power_w=power_w, until_unix_s=until_s,
                        holds_s=self.settings.validity_s, by=by, why=why)  # fmt: skip

    def _note(self, send: dict[str, Setpoint], now: float) -> None:
        """Number them: rising, also after a restart."""
        self._number = max(self._number + 1, int(now * 1e6))
        for id, setpoint in send.items():
            send[id] = self._sent[id] = replace(setpoint, number=self._number)
            self._sent_s[id] = now

    def _in_turn(self, power_w: Floats, seen: "_Seen") -> tuple[Floats, bool]:
        """Rises cut to what the nodes carry whoever follows first: old and new set-points both may hold."""
        network, outcome_w, waiting = self.fleet.network, power_w, False
        for sign, limits_w, held_w in (
            (1.0, network.charge_w, seen.held_charge_w), (-1.0, network.discharge_w, seen.held_discharge_w),
        ):  # fmt: skip
            others_w = np.where(seen.steered, 0.0, seen.worst_w(sign))
            wanted_w = np.where(seen.steered, np.maximum(sign * power_w, 0.0), others_w)
            was_w = np.where(seen.steered, held_w, others_w)
            rises_w = np.maximum(wanted_w - was_w, 0.0)
            if not rises_w.any():
                continue
            share = share_of_rises(network, np.maximum(was_w, wanted_w) - rises_w, rises_w, limits_w)
            cut = (rises_w > 0.0) & (share < 1.0) & seen.steered
            outcome_w = np.where(cut, sign * (was_w + np.floor(share * rises_w)), outcome_w)
            waiting |= bool(cut.any())
        return outcome_w + 0.0, waiting

    def _trust(self, seen: "_Seen", now: float) -> float:
        """Who has not followed for longer than the patience is asked for little more than it gives; trust comes back
        by 2 % a second. Returns what flows in excess of what sites ask of themselves and do not give: others make up
        for it, and its room in the network is kept, as it may come."""
        following = seen.steered & np.isfinite(seen.setpoint_w)
        set_w = np.where(following, seen.setpoint_w, 0.0)
        band_w = 0.05 * np.abs(set_w) + 1_000.0
        gives_w = np.sign(set_w) * seen.measured_w
        lacking = following & (np.abs(set_w) - gives_w > band_w)
        self._astray_since_s = np.where(lacking, np.minimum(self._astray_since_s, now), inf)
        astray = now - self._astray_since_s > self.settings.patience_s
        passed_s = min(max(now - self._trusted_at_s, 0.0), 10.0)
        grown_w = self._trusted_w * (1.0 + 0.02 * passed_s) + 100.0 * passed_s
        self._trusted_w = np.where(astray & ~seen.by_site, np.maximum(gives_w, 0.0) + band_w, grown_w)
        self._trusted_at_s = now
        return float(np.where(astray & seen.by_site, seen.measured_w - set_w, 0.0).sum())

    def _why(self, split: Split, number: int, wanted: Asked) -> str:
        power_w, bound = float(split.power_w[number]), int(split.bound[number])
        of = f"{signed_kw(power_w)} of {signed_kw(wanted.power_w or 0.0)} that {wanted.by} asks for"
        if bound == BY_TARGET:
            return of
        if bound == BY_CAP:
            return f"{of}; it can give no more"
        return f"{of}; {self.fleet.network.row_name(bound)} carries no more"

    def _notices(self, rows: Sequence[DepotState], seen: "_Seen", now: float) -> Iterator[Notice]:
        for number, each in enumerate(rows):
            if not seen.steered[number]:
                worst = f"{kw(seen.worst_charge_w[number])} drawn, {kw(seen.worst_discharge_w[number])} fed"
                yield Notice(Trouble.AWAY, each.id, f"{each.id} is not heard of; it counts with up to {worst}; "
                             "see its link and its depot")  # fmt: skip
            elif now - self._astray_since_s[number] > self.settings.patience_s:
                gives, asks = signed_kw(seen.measured_w[number]), signed_kw(seen.setpoint_w[number])
                yield Notice(Trouble.DOES_NOT_FOLLOW, each.id, f"{each.id} gives {gives} instead of {asks}; see its "
                             "page, or `v2g depot explain` there")  # fmt: skip
            elif each.refusal:
                yield Notice(Trouble.REFUSES, each.id, f"{each.id} takes no set-point: {each.refusal}")
        yield from _clocks(rows)


class _Seen:
    """The depots as columns, in the fleet's order."""

    def __init__(self, rows: Sequence[DepotState], fleet: Fleet, now: float, settings: Settings) -> None:
        size = len(rows)
        self.steered = np.array([each.fresh(now, settings.stale_s) for each in rows], dtype=np.bool_)
        table = np.zeros((7, size))
        self.setpoint_w: Floats = np.full(size, np.nan)
        """That it follows: one of the fleet, or of somebody at the site (`by_site`)."""
        self.by_site: Bools = np.zeros(size, dtype=np.bool_)
        self.held_charge_w: Floats = np.zeros(size)
        self.held_discharge_w: Floats = np.zeros(size)
        self._mine_w: Floats = np.full(size, np.nan)
        """The set-point that it was last known to follow, while that holds."""
        for number, each in enumerate(rows):
            aggregate = each.aggregate
            if aggregate is None:
                most_w, least_w = fleet.max_charge_w[number], -fleet.max_discharge_w[number]
                table[:, number] = least_w, most_w, 0.0, 0.0, 0.0, 0.0, least_w
            else:
                flexibility = aggregate.flexibility
                band, short = flexibility.band(settings.hold_s), flexibility.band(0.0)
                table[:, number] = (band.least_w, band.most_w, flexibility.above_floor_wh, flexibility.to_full_wh,
                                    aggregate.power_w, aggregate.plan_w, min(aggregate.plan_w, 0.0))  # fmt: skip
                table[5, number] = fleet.within(number, aggregate.plan_w)
                if not self.steered[number]:
                    table[1, number] = max(short.most_w, aggregate.plan_w, aggregate.power_w, 0.0)
                elif aggregate.setpoint_w is not None and not aggregate.setpoint_number:
                    table[:2, number] = fleet.within(number, aggregate.setpoint_w)  # somebody at the site asks for it
                    self.setpoint_w[number], self.by_site[number] = table[0, number], True
                elif each.accepted is not None and aggregate.setpoint_number == each.accepted.number:
                    self.setpoint_w[number] = each.accepted.power_w
            self._hold(number, each, now, settings.validity_s)
        (self._least_w, self._most_w, self._above_wh, self._room_wh, self.measured_w, plan_w, plan_least_w) = table
        held = np.isfinite(self._mine_w)
        self.expected_w: Floats = np.where(held, np.nan_to_num(self._mine_w), plan_w)
        self.worst_charge_w: Floats = np.minimum(
            np.maximum(np.maximum(self._most_w, self.held_charge_w), 0.0), fleet.max_charge_w
        )
        self.worst_discharge_w: Floats = np.minimum(
            np.maximum(np.maximum(-plan_least_w, self.held_discharge_w), 0.0), fleet.max_discharge_w
        )

    def _hold(self, number: int, each: DepotState, now: float, validity_s: float) -> None:
        """What it may do by set-points that it has, or may have, taken."""
        if each.accepted is not None and each.accepted.until_unix_s > now:
            self._mine_w[number] = each.accepted.power_w
        if now < each.heard_unix_s + validity_s:
            foreign_w = each.foreign_w()
            self.held_charge_w[number] = max(self.held_charge_w[number], foreign_w)
            self.held_discharge_w[number] = max(self.held_discharge_w[number], -foreign_w)
        for setpoint in (*((each.accepted,) if each.accepted is not None else ()), *each.pending):
            if setpoint.until_unix_s > now:
                self.held_charge_w[number] = max(self.held_charge_w[number], setpoint.power_w)
                self.held_discharge_w[number] = max(self.held_discharge_w[number], -setpoint.power_w)

    def worst_w(self, sign: float) -> Floats:
        """What may flow there at most in a direction; a magnitude."""
        return self.worst_charge_w if sign > 0 else self.worst_discharge_w

    def offers(self, trusted_w: Floats) -> Offers:
        """For the split: nobody is asked for more than it is trusted to give."""
        return Offers(
            least_w=np.maximum(self._least_w, -trusted_w),
            most_w=np.minimum(self._most_w, np.maximum(trusted_w, np.maximum(self._least_w, 0.0))),
            above_wh=self._above_wh,
            room_wh=self._room_wh,
            steered=self.steered,
            charge_w=self.worst_charge_w,
            discharge_w=self.worst_discharge_w,
        )


def _clocks(rows: Sequence[DepotState]) -> Iterator[Notice]:
    """If more than half of them differ, it is the fleet's own that is wrong."""
    off = [each for each in rows if each.clock_is_off()]
    if len(off) > MOST_ALONE and 2 * len(off) > len(rows):
        first = f"that of {off[0].id} by {off[0].clock_s:+.0f} s"
        text = f"the clocks of {len(off)} of {len(rows)} depots differ from this machine's, {first}"
        yield Notice(Trouble.CLOCK, "fleet", f"{text}; see this machine's time server")
        return
    for each in off:
        text = f"the clock of {each.id} is {each.clock_s:+.0f} s off, and so are the times of what it books"
        remedy = "see its time server, and start v2g there again once it is right"
        yield Notice(Trouble.CLOCK, each.id, f"{text}; {remedy}")


def _short(wanted: Asked, short_w: float) -> Iterator[Notice]:
    if short_w > 0.0:
        text = f"{wanted.by} asks for {signed_kw(wanted.power_w or 0.0)}; {kw(short_w)} of it cannot be met"
        yield Notice(Trouble.SHORT, wanted.by, text)
