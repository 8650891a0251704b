"""The site's view for the depot's controller: rooms that the house leaves, and courses that follow plan and sun."""

from collections.abc import Iterable, Mapping
from math import inf, isfinite

from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.allocation import share_of
from v2g.depot.dispatch import Dispatch
from v2g.depot.plan import Plan
from v2g.depot.site.grid_limit import FREE, Bound, GridLimit
from v2g.depot.site.guard import (
    BAND_W,
    ROUNDED_W,
    Connection,
    ConnectionLimit,
    Guard,
    Row,
    SiteNotice,
    Trouble,
    exceeded,
    flows_w,
)
from v2g.depot.site.pace import Paces
from v2g.depot.site.reading import BatteryReading, HouseReading
from v2g.depot.site.wish import Follow, Now, Wish
from v2g.depot.tree import PHASES, Node, Room, Tree
from v2g.depot.view import Charger, Course, Meter, Site
from v2g.kernel.units import kw
from v2g.kernel.within import Within, tolerated_w

ROOT = "site"
FRESH_S = 5.0
"""A measurement of a charger that is older says nothing of the power just now."""
TAKEN_BACK_S = 0.4
"""What is left of the second in which a limit holds, once the site has seen that it is exceeded and the station has its
set-point."""
WITHIN_S = 0.3
"""If a limit is exceeded, a station opens the contactor of a car that has not followed in this time: what is left of
the second less the time between two readings of the station's meter."""


class Battery(Struct, frozen=True, kw_only=True):
    """The battery of the house: it steers itself, and is only looked at."""

    first_pu: float = 0.95
    """Below this it charges before the vehicles: what it takes is no surplus."""
    full_pu: float = 0.98
    """From here on it takes nothing, and vehicles may feed the grid."""
    silent_s: float = 10.0


class SiteControl:
    """One house."""

    def __init__(
        self,
        connection: Connection,
        *,
        battery: Battery | None = None,
        follow: Follow | None = None,
        limit: GridLimit | None = None,
    ) -> None:
        """Without a `battery` there is none; without a `limit` no grid operator limits anything."""
        self.connection, self._battery = connection, battery
        self.guard, self.wish, self.limit = Guard(connection), Wish(follow), limit
        self._stored: BatteryReading | None = None
        self.house_w: float | None = None
        """What the house draws without chargers."""
        self._powers_w: Mapping[str, float] = {}
        self._changed_s: dict[str, float] = {}
        """When each charger's set-point has changed last."""
        self._bound = FREE
        self.paces = Paces()
        self._bounded_w: dict[str, tuple[float | None, float | None]] = {}
        """What each slow car may charge and feed at most for that reason; None: no less than otherwise."""
        self._pressed: frozenset[ConnectionLimit] = frozenset()
        """The limits that were exceeded when set-points were decided last."""
        self.within: dict[str, Within] = {}
        """The times in which cars must have followed just now, or their contactors open: at the chargers that make room
        at an exceeded limit."""

    def measured(self, reading: HouseReading, chargers: Mapping[str, Charger]) -> None:
        """A plausible reading of the house's meter."""
        powers_w, least_w = dict(self._powers_w), {id: min(each_w, 0.0) for id, each_w in self._powers_w.items()}
        for id, charger in chargers.items():  # an earlier process may have given them set-points
            if charger.measured_w is not None and reading.unix_s - charger.measured_unix_s <= FRESH_S:
                powers_w[id] = least_w[id] = charger.measured_w
        known_w = {id: power_w for id, power_w in powers_w.items() if id in chargers}
        self.paces.see(chargers, self._powers_w, reading.unix_s, pressed=self.within)
        late_w = {
            id: known_w[id] - self._powers_w.get(id, 0.0) for id in self.paces.slow_w_s(chargers) if id in known_w
        }  # fmt: skip
        shown_w, short_w = flows_w(chargers, known_w), self._short_w(chargers, known_w, late_w)
        certain_w = sum(each_w for id, each_w in least_w.items() if id in chargers)
        self.guard.see(reading, self._fed_w(reading.unix_s), shown_w, flows_w(chargers, late_w), short_w, certain_w)
        self.house_w = sum(reading.powers_w) - sum(powers_w.values())

    def _short_w(
        self, chargers: Mapping[str, Charger], known_w: Mapping[str, float], slow: Iterable[str]
    ) -> tuple[Row, Row]:
        """By how much cars charge, and feed, less than they should, as they take no more, use fewer phases or are slow.
        What a charger measured before its set-point could show says nothing of that."""
        charge_w, discharge_w = dict[str, float](), dict[str, float]()
        for id, power_w in known_w.items():
            set_w, settled_s = self._powers_w.get(id, 0.0), self._changed_s.get(id, -inf) + self.connection.response_s
            if id in slow or chargers[id].measured_unix_s >= settled_s:
                charge_w[id] = max(max(set_w, 0.0) - max(power_w, 0.0), 0.0)
                discharge_w[id] = max(max(-set_w, 0.0) - max(-power_w, 0.0), 0.0)
        return flows_w(chargers, charge_w), flows_w(chargers, discharge_w)

    def stored(self, reading: BatteryReading) -> None:
        """A reading of the house's battery."""
        self._stored = reading

    def bound(self, now: float) -> Bound:
        """What the grid operator limits just now."""
        return FREE if self.limit is None else self.limit.bound(now)

    def urgent(self, now: float) -> bool:
        """Whether the set-points must not wait for the next cycle."""
        hurries = not self.guard.exceeded(now) <= self._pressed
        return hurries or self.bound(now)[:2] != self._bound[:2] or exceeded(self.guard.set_w, self.room(now))

    def view(self, site: Site, now: float, day_s: float, plan: Plan | None = None, loads_w: float | None = None,
             surplus_only: frozenset[str] = frozenset(), ordered_w: Mapping[str, float] | None = None,
             ) -> Site:  # fmt: skip
        """The site as the controller shall see it. `loads_w`: what the plan expects of the house in this quarter;
        `surplus_only`: chargers that charge from the sun alone; `ordered_w`: powers that a person has ordered, by
        charger, whatever the plan is."""
        ordered_w = ordered_w or {}
        others = {id: each for id, each in site.courses.items() if id not in ordered_w}
        taken_w = sum(self._powers_w.get(id, 0.0) for id in ordered_w)
        needed_w = self.needed_w(now)
        moment = Now(
            house_w=None if needed_w is None else needed_w + taken_w,
            day_s=day_s,
            planned_w={id: power_w for id, power_w in _planned(plan, now).items() if id not in ordered_w},
            planned_house_w=loads_w,
            surplus_only=surplus_only - set(ordered_w),
        )
        self._pressed = self.guard.exceeded(now)
        within = {id: self._within(each) for id, each in site.chargers.items()}
        self.within = {id: each for id, each in within.items() if each}
        reading, room = self.guard.reading, self.room(now)
        prompt = not self.paces.slow_w_s(site.chargers)
        meter = None if reading is None else Meter(sum(reading.powers_w), reading.unix_s, self.house_w, corrects=prompt)
        return replace(
            site,
            chargers=self._apart(self._followed(site.chargers, now), room),
            meter=meter,
            courses=self.wish.courses(site.chargers, others, moment, now)
            | {id: Course(now, 0.0, power_w) for id, power_w in ordered_w.items() if id in site.chargers},
            rooms={ROOT: room},
        )

    def _followed(self, chargers: Mapping[str, Charger], now: float) -> dict[str, Charger]:
        """The chargers with what slow cars may charge and feed: no more than would be within the limits if the house
        came to draw as much, or as little, as it may, beside what they give up within a second. What they have not
        given up yet, the others cannot have.

        Nobody knows what a house may draw. If the station can open its contactor, the most that it has drawn lately
        counts, and the car gets its least current in any case. If not, the car gets `silent_charge_w`, which the fuse
        leaves beside the house's largest load."""
        found = {id: _unheld(charger) for id, charger in chargers.items()}
        slow_w_s = self.paces.slow_w_s(chargers)
        drawn_w, fed_w = self._left_by_house(now)
        silent_w = [inf, *(self.connection.silent_charge_w,) * 3]
        self._bounded_w = {}
        for id, pace_w_s in slow_w_s.items():
            charger = found[id]
            vehicle, power_w = charger.vehicle, charger.measured_w or 0.0
            soon_w, among = pace_w_s * TAKEN_BACK_S, len(slow_w_s)
            feeds_w = max(_least_of(fed_w, charger) / among, 0.0) + soon_w
            rooms_w, least_w = (drawn_w, charger.min_charge_w) if charger.opens else (silent_w, 0.0)
            charges_w = max(_least_of(rooms_w, charger) / among, least_w) + soon_w
            if vehicle is not None:
                bounded = (
                    charges_w if charges_w < min(charger.max_charge_w, vehicle.max_charge_w) else None,
                    feeds_w if feeds_w < min(charger.max_discharge_w, vehicle.max_discharge_w) else None,
                )
                if bounded != (None, None):
                    self._bounded_w[id] = bounded
            found[id] = replace(
                _at_most(charger, charges_w, feeds_w),
                held_charge_w=max(power_w, 0.0),
                held_discharge_w=max(-power_w, 0.0),
            )
        return {id: self._tolerated(charger) if id in self.within else charger for id, charger in found.items()}

    def _apart(self, chargers: Mapping[str, Charger], room: Room) -> dict[str, Charger]:
        """Nobody knows on which phases a car is that uses fewer of them. While a phase is exceeded, each charger
        that may be on it makes all of the room by itself, as the others may be elsewhere."""
        set_w, found = self.guard.set_w, dict(chargers)
        for sign, rooms_w in ((1.0, room.charge_w), (-1.0, room.discharge_w)):
            for phase in PHASES:
                less_w = sign * set_w[phase] - rooms_w[phase]
                there = {id: share for id, each in chargers.items() if (share := share_of(each.phases, phase))}
                flowing = [id for id in there if sign * self._powers_w.get(id, 0.0) > 0.0]
                if less_w <= ROUNDED_W or len(flowing) < 2 or not any("/" in chargers[id].phases for id in flowing):
                    continue
                for id in flowing:
                    own_w = sign * self._powers_w[id]
                    most_w = max(own_w - less_w / there[id] - tolerated_w(own_w), 0.0)
                    found[id] = _at_most(found[id], *((most_w, inf) if sign > 0.0 else (inf, most_w)))
        return found

    def _within(self, charger: Charger) -> Within:
        """The times in which its car must follow: only the direction that makes room at an exceeded limit."""
        rows = [0, *(phase for phase in PHASES if share_of(charger.phases, phase))]

        def time_s(*, charges: bool) -> float | None:
            return WITHIN_S if any(ConnectionLimit(charges, row) in self._pressed for row in rows) else None

        return Within(time_s(charges=True), time_s(charges=False))

    def _tolerated(self, charger: Charger) -> Charger:
        """While a limit is exceeded, room is made for what a station opens no contactor for, too."""

        def held(held_w: float, set_w: float, within_s: float | None) -> float:
            most_w = max(held_w, set_w)
            return held_w if within_s is None or most_w <= 0.0 else most_w + tolerated_w(set_w)

        set_w, within = self._powers_w.get(charger.id, 0.0), self.within[charger.id]
        return replace(
            charger,
            held_charge_w=held(charger.held_charge_w, set_w, within.charge_s),
            held_discharge_w=held(charger.held_discharge_w, -set_w, within.discharge_s),
        )

    def _left_by_house(self, now: float) -> tuple[list[float], list[float]]:
        """By row, what could be charged if the house drew its most, and fed if it drew its least."""
        connection = self.connection
        phase_w = min(connection.export_w, connection.fuse_w)
        into_w, out_w = (connection.draw_w, *(connection.fuse_w,) * 3), (connection.export_w, *(phase_w,) * 3)
        return (
            [each_w - BAND_W - high_w for each_w, high_w in zip(into_w, self.guard.highest_w(now), strict=True)],
            [each_w - BAND_W + low_w for each_w, low_w in zip(out_w, self.guard.lowest_w(now), strict=True)],
        )

    def room(self, now: float) -> Room:
        """What the house and the grid operator leave to all chargers."""
        bound = self._bound = self.bound(now)
        room = self.guard.room(now)
        charge_w, discharge_w = room.charge_w[0], room.discharge_w[0]
        charge_w = min(charge_w, self._drawn_w(bound, now))
        discharge_w = min(discharge_w, bound.feed_w)
        if self._must_not_feed(now):
            discharge_w = 0.0
        return Room((charge_w, *room.charge_w[1:]), (discharge_w, *room.discharge_w[1:]))

    def decided(self, dispatch: Dispatch, chargers: Mapping[str, Charger], now: float) -> None:
        """What the controller has made of it."""
        before_w, self._powers_w = self._powers_w, dispatch.setpoints.powers_w
        changed = (id for id, power_w in self._powers_w.items() if before_w.get(id, 0.0) != power_w)
        self._changed_s = {id: each_s for id, each_s in self._changed_s.items() if id in chargers} | dict.fromkeys(
            changed, now
        )
        self.guard.command(flows_w(chargers, self._powers_w), now)

    def notices(self, now: float) -> list[SiteNotice]:
        """What a person should know."""
        found = self.guard.notices(now)
        for id, bounded_w in self._bounded_w.items():
            most = [
                f"{verb} at most {kw(most_w)}"
                for verb, most_w in zip(("charges", "feeds"), bounded_w, strict=True)
                if most_w is not None
            ]
            text = (
                f"charger {id}: its car gives up power slowly, so it {' and '.join(most)}; main fuse and export limit"
            )
            found.append(SiteNotice(Trouble.SLOW_CAR, f"{text} would not hold within a second"))
        if self._battery is not None and self.storage(now) is None:
            text = "the house's battery is silent: nothing is fed, as it might go into it; check its meter"
            found.append(SiteNotice(Trouble.BATTERY_SILENT, text))
        if self.limit is not None and (silent := self.limit.fail_safe(now)):
            text = f"the grid operator's control box is silent: the {silent} holds; check its wires or its program"
            found.append(SiteNotice(Trouble.FAIL_SAFE, text))
        return found

    def slowed(self, charger: str, *, charges: bool) -> bool:
        """Whether a car does less than it could, as it gives up power slowly."""
        return self._bounded_w.get(charger, (None, None))[0 if charges else 1] is not None

    def limited_by(self, now: float, *, charges: bool, row: str) -> str:
        """What binds the chargers at the connection, for a person. `row`: as the controller names it, such as
        `site phase 2`."""
        if "(limit by " in row:
            return row.partition("(")[2].rstrip(")")
        if self.guard.silent(now):
            return "the house's meter is silent"
        if self.guard.rests(now):
            return "a limit stayed exceeded, so all chargers rest for a minute"
        phase, connection, bound = row.partition(" phase ")[2], self.connection, self.bound(now)
        if phase and (charges or connection.export_w >= connection.fuse_w):
            return f"the main fuse of phase {phase} carries no more"
        if charges:
            if self._drawn_w(bound, now) <= self.guard.room(now).charge_w[0]:
                return f"{bound.by} limits what is drawn to {kw(bound.charge_w)}"
            return "the house may draw no more"
        if self._must_not_feed(now):
            return "the house's battery is silent, and might take what is fed"
        if bound.feed_w <= self.guard.room(now).discharge_w[0]:
            return f"{bound.by} limits what is fed to {kw(bound.feed_w)}"
        if self._fed_w(now) < connection.export_w:
            return "what is fed beyond the house would go into its battery"
        return f"at most {kw(connection.export_w)} may be fed into the grid"

    def storage(self, now: float) -> BatteryReading | None:
        """The battery's reading; None if there is no battery, or if it is silent."""
        stored = self._stored
        if self._battery is None or stored is None or now - stored.unix_s > self._battery.silent_s:
            return None
        return stored if isfinite(stored.power_w) else None

    def _drawn_w(self, bound: Bound, now: float) -> float:
        """What the grid operator leaves the chargers: what the sun gives is not drawn, and so not limited. Set-points
        are raised only by sun that is certain: a charger that does less than it should is none."""
        guard = self.guard
        if guard.silent(now):
            return bound.charge_w
        likely_w = bound.charge_w + max(-guard.house_w, 0.0)
        return max(bound.charge_w + guard.sun_w, min(likely_w, guard.set_w[0]))

    def _must_not_feed(self, now: float) -> bool:
        return self._battery is not None and self.storage(now) is None

    def _fed_w(self, now: float) -> float:
        """What may leave the house: a battery that is not full would take it before the grid does."""
        stored, export_w = self.storage(now), self.connection.export_w
        if self._battery is None:
            return export_w
        if stored is None or (stored.soc_pu is not None and stored.soc_pu >= self._battery.full_pu):
            return export_w
        return min(export_w, -max(stored.power_w, 0.0))

    def needed_w(self, now: float) -> float | None:
        """What the house draws, as the chargers should see it: neither is a vehicle charged out of the battery, nor
        does it take what the battery wants first. Below 0 it is what the sun leaves; None if nobody knows."""
        if self.guard.silent(now) or self.house_w is None:
            return None
        stored = self.storage(now)
        if self._battery is None or stored is None:
            return self.house_w
        gives_w, takes_w = max(-stored.power_w, 0.0), max(stored.power_w, 0.0)
        alone_w = self.house_w - takes_w
        if alone_w > 0.0:
            return alone_w
        first = stored.soc_pu is None or stored.soc_pu < self._battery.first_pu
        sun_w = max(-self.house_w, 0.0) if first else -alone_w
        return -max(sun_w - gives_w, 0.0)


def tree_of(connection: Connection) -> Tree:
    """A house has one node: its connection."""
    return Tree([
        Node(
            name=ROOT,
            max_charge_w=min(3.0 * connection.fuse_w, connection.draw_w),
            max_discharge_w=3.0 * connection.fuse_w,
            max_phase_charge_w=connection.fuse_w,
            max_phase_discharge_w=connection.fuse_w,
        )
    ])  # fmt: skip


def plan_tree_of(connection: Connection) -> Tree:
    """The same for the plan, which knows the house's load and so what it may feed beside that."""
    (node,) = tree_of(connection).nodes
    return Tree([replace(node, max_discharge_w=min(node.max_discharge_w, connection.export_w))])


def _least_of(rooms_w: Iterable[float], charger: Charger) -> float:
    """What a charger may use of the rooms by row: of the sum, and of the phases that it uses."""
    shares = (1.0, *(share_of(charger.phases, phase) for phase in PHASES))
    return min(room_w / share for room_w, share in zip(rooms_w, shares, strict=True) if share)


def _at_most(charger: Charger, charge_w: float, discharge_w: float) -> Charger:
    """With a vehicle that charges and feeds no more than this."""
    vehicle = charger.vehicle
    if vehicle is None:
        return charger
    charge_w, discharge_w = min(vehicle.max_charge_w, charge_w), min(vehicle.max_discharge_w, discharge_w)
    return replace(charger, vehicle=replace(vehicle, max_charge_w=charge_w, max_discharge_w=discharge_w))


def _unheld(charger: Charger) -> Charger:
    """What a station has not accepted yet still flows, and so the house's meter shows it."""
    if charger.held_charge_w == 0.0 == charger.held_discharge_w:
        return charger
    return replace(charger, held_charge_w=0.0, held_discharge_w=0.0)


def _planned(plan: Plan | None, now: float) -> dict[str, float]:
    return {} if plan is None else plan.means_w(now)
