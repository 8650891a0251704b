"""One step: what the site is asked for becomes a set-point for each charger, with what binds it."""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import BY_CAP, BY_TARGET, Bools, Floats, Ints
from v2g.depot.binding import What
from v2g.depot.capability import NUMBER, WHATS, Capability, Margins
from v2g.depot.dispatch import Dispatch, Notice, Setpoints, Trouble
from v2g.depot.handover import in_turn
from v2g.depot.moves import RESOLUTION_W, Few, move
from v2g.depot.request import Asked, asked, limited
from v2g.depot.response import Dynamics, Feedback
from v2g.depot.sharing import (
    CHARGE,
    Limits,
    Most,
    Musts,
    Side,
    Way,
    by_course,
    charge_caps,
    charging,
    discharging,
    most_w,
    musts,
)  # fmt: skip
from v2g.depot.state import Gone, State
from v2g.depot.transformer import Heats
from v2g.depot.view import Meter, Site
from v2g.kernel.units import kw


class Settings(Struct, frozen=True, kw_only=True):
    """How the controller steers. Times in seconds."""

    cycle_s: float = 2.0
    """A step at least this often; at once on an event."""
    event_pu: float = 0.004
    """A request that has moved by more than this share of all ratings does not wait for the cycle."""
    changes_pu: float = 0.2
    """Of the chargers with a vehicle, how many may change in one step."""
    changes: int = 4
    """But as many as this in any case, for a small site."""
    ignore_pu: float = 0.03
    """Of its rating: a charger that is no further from its share is left alone."""
    sudden_pu: float = 0.1
    """Of all ratings: to follow a request that moves further than this at once, as many may change as it takes."""
    least_s: float = 0.25
    """Between two steps, whatever happens."""
    stays_pu: float = 0.7
    """Of the least power that a charger should have, what is enough for one that has some: so two that are much
    alike do not take turns at a small request."""
    slack_pu: float = 0.0002
    """Of all ratings: a sum that is no further from the request is left alone."""
    reserve_pu: float = 0.1
    """Of what the site can feed, the share that is held for refills."""
    jump_pu: float = 0.005
    """Of all ratings: a difference at the meter above it is somebody gone, not noise."""
    meter_stale_s: float = 5.0
    trust_pu: float = 0.04
    """Of all ratings, and four times this of the flow: what may be lost between the chargers' meters and the site's."""
    patience_s: float = 6.0
    """A charger that does not follow for longer is taken at what it gives."""
    silent_s: float = 30.0
    """A charger without a measurement for longer gets no more than it has; sooner, if it used to send more often."""
    margins: Margins = Margins()
    dynamics: Dynamics = Dynamics()


class Controller:
    """Steers one site."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._state: State | None = None
        self._feedback = Feedback()
        self._metered_s = -np.inf
        self._event = True
        self._stepped_s = -np.inf
        self._asked_w: float | None = None
        self._served_w = 0.0
        self._heats = Heats()
        self._lowered: dict[tuple[int, bool], str] = {}
        """What has lowered the limits of rows for charging (True) or discharging: heat, or whose request."""
        self._most_charge, self._most_discharge = Most(), Most()

    def due(self, site: Site, now: float) -> bool:
        """Whether a step is due: the cycle is over, somebody came or went, the meter jumps, the request moved far.

        Ask after every input; it costs little.
        """
        state = self._look(site, now)
        if now - self._stepped_s < self.settings.least_s:
            return False
        wanted_w = asked(site.requests, now, site.frequency_hz).power_w
        if (wanted_w is None) != (self._asked_w is None):
            return True
        moved_w = 0.0 if wanted_w is None or self._asked_w is None else abs(wanted_w - self._asked_w)
        far = moved_w > self.settings.event_pu * float(state.rating_w.sum())
        return self._event or far or now - self._stepped_s >= self.settings.cycle_s - 1e-6

    def step(self, site: Site, now: float) -> Dispatch:
        """The set-points from now on. `now`: Unix seconds, never less than at the step before."""
        settings, state = self.settings, self._look(site, now)
        columns = state.columns
        state.leave_alone(now)
        state.reckon(now, settings.margins)
        state.follow(now, settings.patience_s)
        silent = state.silent(now, settings.silent_s)
        wanted = asked(site.requests, now, site.frequency_hz)
        beyond: Bools | bool = True
        if wanted.power_w is None:
            beyond = np.array([id in site.courses for id in columns.ids], dtype=np.bool_)
        can = Capability(columns, state.known_wh, state.charged_wh, now, settings.margins, beyond=beyond)
        can.least_w[state.power_w != 0.0] *= settings.stays_pu
        _restrain(state, can, silent)
        limits = self._limits_of(site, state, now)
        must = musts(columns, can, state.must, limits)
        if wanted.power_w is None:
            sides = by_course(columns, can, must, state.energy_wh, site.courses, now, limits)
            caps_w, least_w = np.where(must.who, 0.0, can.discharge_w), columns["min_discharge_w"]
            way = Way(sides, None, self._most_discharge.of(columns.network, caps_w, least_w, limits.discharge_w))
        else:
            way = self._towards(wanted.power_w, state, can, must, limits)
        few = self._few(state)
        before_w, moved_w = state.power_w, move(columns.network, state.power_w, way, must, few)
        power_w = in_turn(columns, before_w, moved_w, limits)
        state.must, state.power_w = must.who, power_w
        state.response.command(power_w, now, columns["latency_s"])
        self._event = abs(_ideal_w(way, must) - float(power_w.sum())) > few.unreached_w  # then go on at once
        self._stepped_s, self._asked_w = now, wanted.power_w
        by_target = What.PLAN if wanted.power_w is None else What.RESERVE if way.held else What.REQUEST
        codes = _codes(can, way.sides, must, power_w, few.ignore_w, by_target)
        commanded_w = float(power_w.sum())
        missing_w = 0.0 if wanted.power_w is None else abs(wanted.power_w - commanded_w - self._feedback.off_w)
        charge_w = self._most_charge.of(columns.network, *charge_caps(columns, can, must, limits))
        return Dispatch(
            setpoints=Setpoints(columns, power_w, codes, limits, self._lowered, wanted.by),
            changed=frozenset(columns.ids[number] for number in np.flatnonzero(power_w != before_w)),
            requested_w=wanted.power_w,
            requested_by=wanted.by,
            commanded_w=commanded_w,
            delivered_w=self._delivered(site, state, now),
            charge_room_w=max(charge_w - max(commanded_w, 0.0), 0.0),
            discharge_room_w=max(way.room_w + min(commanded_w, 0.0), 0.0),
            reserve_w=way.reserve_w,
            short_w=missing_w if missing_w > few.unreached_w else 0.0,
            notices=(
                *self._unmet(wanted, _ideal_w(way, must), few.unreached_w),
                *self._over(state, limits),
                *self._notices(site, state, now, silent),
            ),
        )

    def _limits_of(self, site: Site, state: State, now: float) -> Limits:
        """What is left of each node's limits after what else flows there, and what stations may do beyond their
        set-points."""
        network = state.columns.network
        charge_w, discharge_w = state.beyond_w(now)
        drawn_w = network.loads(site.loads_w) if site.loads_w else np.zeros(len(network.rows))
        most_w, least_w = network.charge_w.copy(), network.discharge_w.copy()
        self._lowered = {}
        by_request = limited(site.requests, now)
        if by_request.charge_w < most_w[0]:
            most_w[0], self._lowered[0, True] = by_request.charge_w, f"limit by {by_request.charge_by}"
        if by_request.discharge_w < least_w[0]:
            least_w[0], self._lowered[0, False] = by_request.discharge_w, f"limit by {by_request.discharge_by}"
        if network.heated:
            flow_w = network.sums(state.response.power_w) + drawn_w
            for row, node in network.heated:
                assert node.transformer is not None
                hot_w = self._heats.limit_w(node.name, node.transformer, float(flow_w[row]), site.ambient_c, now)
                for charges, limits_w in ((True, most_w), (False, least_w)):
                    if hot_w < limits_w[row]:
                        self._lowered[row, charges] = "heat"
                most_w[row], least_w[row] = min(most_w[row], hot_w), min(least_w[row], hot_w)
        fresh = site.meter is not None and now - site.meter.unix_s <= self.settings.meter_stale_s
        most_w = most_w - (drawn_w if fresh else np.maximum(drawn_w, 0.0))
        least_w = least_w + (drawn_w if fresh else np.minimum(drawn_w, 0.0))
        if site.rooms:
            room_w, back_w = network.rooms(site.rooms)
            most_w, least_w = np.minimum(most_w, room_w), np.minimum(least_w, back_w)
        return Limits(most_w - network.sums(charge_w), least_w - network.sums(discharge_w))

    def _few(self, state: State) -> Few:
        settings, columns = self.settings, state.columns
        active = (columns["present"] > 0) & (columns["online"] > 0)
        rating_w = state.rating_w
        ratings_w = float(rating_w.sum())
        return Few(
            most=max(settings.changes, int(settings.changes_pu * float(active.sum()))),
            ignore_w=settings.ignore_pu * rating_w,
            slack_w=settings.slack_pu * ratings_w,
            sudden_w=settings.sudden_pu * ratings_w,
            unreached_w=settings.jump_pu * ratings_w,
        )

    def _towards(self, request_w: float, state: State, can: Capability, must: Musts, limits: Limits) -> Way:
        """The direction that meets the request."""
        columns = state.columns
        rest_w = request_w - self._feedback.off_w - float(must.power_w.sum())
        everything = discharging(columns, can, must, 0.0, limits)
        room_w = self._most_discharge.of(columns.network, everything.caps_w, everything.minimum_w, limits.discharge_w)
        feeds = float(state.power_w.sum()) < 0.0
        if rest_w > 0.0 or (rest_w == 0.0 and not feeds):
            self._served_w = 0.0
            return Way((charging(columns, can, must, rest_w, limits),), everything, room_w)
        # The reserve serves what was promised before vehicles left; it is filled up again as the request falls.
        share, served_w = 1.0 - self.settings.reserve_pu, min(self._served_w, room_w)
        allowed_w = max(share * room_w, served_w)
        if allowed_w < -rest_w:  # whoever is restrained holds no reserve: it has to show that it gives what it is asked
            kept = np.where(np.isfinite(state.most_w), 1.0, share)
            allowed_w = max(
                most_w(columns.network, everything.caps_w * kept, everything.minimum_w, limits.discharge_w), served_w
            )
        held = allowed_w < min(-rest_w, room_w) - RESOLUTION_W
        side = discharging(columns, can, must, allowed_w if held else -rest_w, limits)
        self._served_w = float(side.ideal.power_w.sum())
        return Way(
            (side,),
            charging(columns, can, must, 0.0, limits),
            room_w,
            reserve_w=float(everything.caps_w.sum()) - self._served_w,
            held=held,
        )

    def _look(self, site: Site, now: float) -> State:
        """Take in what is new: who came and went, and what the meter says."""
        state = self._state
        if state is None:
            state = self._state = State(site.tree, site.chargers, self.settings.dynamics, now)
            return state
        response, feedback, metered_w = state.response, self._feedback, self._metered_w(site.meter, now)
        jump_w = self.settings.jump_pu * float(state.rating_w.sum())
        if site.meter is None or metered_w is None:
            feedback.rest()
            response.advance(now)
        elif site.meter.unix_s > self._metered_s:
            self._metered_s = site.meter.unix_s
            response.advance(site.meter.unix_s)
            jumps = feedback.see(metered_w - float(response.power_w.sum()), jump_w, response.under_way_w)
            witnessed_w, unknown_w = state.witnessed_w(site.meter.unix_s)
            trust_w = self.settings.trust_pu * (float(state.rating_w.sum()) + 4.0 * abs(witnessed_w)) + unknown_w
            flows_w = float(np.abs(response.power_w).sum()) + unknown_w
            feedback.doubt(metered_w - witnessed_w, trust_w, flows_w, site.meter.unix_s)
            self._event |= jumps and not feedback.doubted
        state, gone = state.read(site.tree, site.chargers)
        self._state = state
        if gone.any:
            self._event = True
            self._account(state, gone, jump_w, metered=metered_w is not None)
        return state

    def _account(self, state: State, gone: Gone, jump_w: float, *, metered: bool) -> None:
        """Those that left give nothing any more; those whose link is lost may go on, which only a meter can tell."""
        if gone.unplugged.any():
            self._feedback.taken_out(state.response.take_out(gone.unplugged), surely=True, jump_w=jump_w)
        if gone.lost.any() and metered:
            self._feedback.taken_out(state.response.take_out(gone.lost), surely=False, jump_w=jump_w)

    def _metered_w(self, meter: Meter | None, now: float) -> float | None:
        """What the meter shows of the chargers; None if it cannot say."""
        if meter is None or meter.other_load_w is None or not meter.corrects:
            return None
        if now - meter.unix_s > self.settings.meter_stale_s:
            return None
        return meter.power_w - meter.other_load_w

    def _delivered(self, site: Site, state: State, now: float) -> float:
        metered_w = None if self._feedback.doubted else self._metered_w(site.meter, now)
        if metered_w is not None:
            return metered_w
        measured_w, fresh = state.columns["measured_w"], state.columns["measured_s"] >= now - self.settings.silent_s
        return float(np.where(fresh & ~np.isnan(measured_w), measured_w, state.response.power_w).sum())

    def _unmet(self, wanted: Asked, ideal_w: float, unreached_w: float) -> Iterator[Notice]:
        """Vehicles, floors, nodes or the reserve stand against the request, however many set-points change."""
        if wanted.power_w is None:
            return
        lacking_w = abs(wanted.power_w - ideal_w - self._feedback.off_w)
        if lacking_w > unreached_w:
            text = f"{wanted.by} asks for {kw(wanted.power_w)}; the site comes within {kw(lacking_w)} of it"
            yield Notice(Trouble.SHORT, wanted.by, text)

    def _over(self, state: State, limits: Limits) -> Iterator[Notice]:
        """Nodes of which other loads, and stations on their own, take more than all."""
        room_w = np.minimum(limits.charge_w, limits.discharge_w)
        for row in np.flatnonzero(room_w < -RESOLUTION_W).tolist():
            name = state.columns.network.row_name(row)
            text = f"node {name}: other loads and stations on their own exceed its limit by {kw(-float(room_w[row]))}"
            yield Notice(Trouble.NODE_OVER, name, text)

    def _notices(self, site: Site, state: State, now: float, silent: Bools) -> tuple[Notice, ...]:
        ids = state.columns.ids
        found = [
            Notice(
                Trouble.UNKNOWN_NODE, id, f"charger {id}: there is no node {site.chargers[id].node!r}; it stays at 0"
            )
            for id in state.columns.misplaced
        ]
        for trouble, who, text in (
            (
                Trouble.DOES_NOT_FOLLOW,
                np.isfinite(state.most_w),
                "gives less than its set-point; it is taken at what it gives",
            ),
            (
                Trouble.DOES_NOT_FOLLOW,
                state.over_w != 0.0,
                "gives more than its set-point; what its nodes carry is lowered for the others",
            ),
            (Trouble.SILENT, silent, "has sent no measurement for too long; it gets no more than it has"),
        ):
            found += [Notice(trouble, ids[number], f"charger {ids[number]} {text}") for number in np.flatnonzero(who)]
        found += [
            Notice(Trouble.HOT, name, f"transformer {name}: {hot_c:.0f} °C at the hot spot; it may carry less")
            for name, hot_c in self._heats.too_hot().items()
        ]
        off_w = self._feedback.off_w
        if abs(off_w) > self.settings.jump_pu * float(state.rating_w.sum()):
            less = "less" if off_w * state.response.power_w.sum() < 0 else "more"
            found.append(
                Notice(Trouble.LOSS, "meter", f"the meter shows {kw(abs(off_w))} {less} than the chargers give")
            )
        if self._feedback.doubted:
            text = "the meter contradicts what the chargers measure: it is stuck, of wrong sign, or counts other loads"
            found.append(Notice(Trouble.METER_LOST, "meter", f"{text}; it corrects little"))
        if site.meter is not None and now - site.meter.unix_s > self.settings.meter_stale_s:
            found.append(Notice(Trouble.METER_LOST, "meter", "the meter's reading is old; its feedback rests"))
        return tuple(found)


def _ideal_w(way: Way, must: Musts) -> float:
    """Where the sum of the set-points should be."""
    return float(must.power_w.sum()) + sum(side.direction * float(side.ideal.power_w.sum()) for side in way.sides)


def _restrain(state: State, can: Capability, silent: Bools) -> None:
    """Chargers that do not follow in a direction, or are silent, get no more than they give there. It is never a reason
    to go the other way: what is lacking at departure is reckoned with what the charger can do."""
    for sign, caps_w, bound in (
        (1.0, can.charge_w, can.charge_bound),
        (-1.0, can.discharge_w, can.discharge_bound),
    ):
        most_w = np.where(sign * state.most_way < 0.0, np.inf, state.most_w)
        most_w = np.where(silent, np.minimum(most_w, np.maximum(sign * state.power_w, 0.0)), most_w)
        binds = most_w < caps_w
        bound[binds] = NUMBER[What.DOES_NOT_FOLLOW]
        bound[binds & silent] = NUMBER[What.SILENT]
        np.minimum(caps_w, most_w, out=caps_w)


def _codes(
    can: Capability, sides: tuple[Side, ...], must: Musts, power_w: Floats, ignore_w: Floats, by_target: What
) -> Ints:
    """What binds each charger: a number in WHATS, or beyond it a row of the network."""
    codes = np.zeros(len(power_w), dtype=np.intp)
    for side in sides:  # of two, the second is for those that the plan discharges
        charges = side.direction == CHARGE
        bound, caps_w = side.ideal.bound, can.charge_w if charges else can.discharge_w
        caps_bound = can.charge_bound if charges else can.discharge_bound
        found = np.where(bound >= 0, bound + len(WHATS), np.where(bound == BY_TARGET, NUMBER[by_target], caps_bound))
        if by_target is What.RESERVE:  # a restrained charger would give more if it were trusted
            restrained = (caps_bound == NUMBER[What.DOES_NOT_FOLLOW]) | (caps_bound == NUMBER[What.SILENT])
            found[(bound == BY_TARGET) & restrained] = caps_bound[(bound == BY_TARGET) & restrained]
        if len(sides) > 1:
            found[(bound == BY_CAP) & (side.caps_w < caps_w - RESOLUTION_W)] = NUMBER[What.PLAN]
        found[side.dropped] = NUMBER[What.MINIMUM]
        off_w = np.abs(power_w - side.direction * side.ideal.power_w)
        found[off_w > np.maximum(ignore_w, RESOLUTION_W)] = NUMBER[What.STEADY]
        who = side.caps_w > 0.0 if side is not sides[0] else np.ones(len(power_w), np.bool_)
        codes = np.where(who, found, codes)
    by_must = np.where(must.bound >= 0, must.bound + len(WHATS), NUMBER[What.DEPARTURE])
    return np.where(must.who, by_must, codes)
