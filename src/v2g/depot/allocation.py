"""Water-filling on the feeder tree: shares a power among chargers, exactly, within every limit on its way.

Each charger has a weight and a cap. One level rises for all; a charger's power is `level * weight` until its cap, or a
limit that it shares with others, is reached: then it, or all of that limit's chargers, stay where they are, and the
level goes on rising for the others until the target is reached. The outcome is the weighted max-min fair one: nobody
can get more without somebody with less for its weight getting less.

For the sums of nodes of a tree this is also the most power that the limits admit (such limits form a polymatroid, whose
lexicographically optimal base it is). Limits for single phases cross those of the sums: a charger on one phase can then
be in the way of three times its power on all three, and the fair outcome is less than the most. If it does not reach
the target, `serve` gives up as much of fairness as the target needs.

Everything is a magnitude for one direction; chargers are in the order of `Network.order`.
"""

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
import numpy.typing as npt

from v2g.depot.request import LARGEST_W
from v2g.depot.tree import PHASES, Room, Tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

BY_TARGET, BY_CAP = -1, -2
"""What binds a charger's share, if it is no row of the network."""
TOLERANCE_W = 1e-3
HEAVIEST, BEYOND = 1e15, 1e280
"""The largest weight that counts, and a level at which every charger is full."""


def share_of(phases: str, phase: int) -> float:
    """How much of a charger's power may pass a phase: of `123` a third. Of `1/2/3` all of it may, in each of them."""
    if str(phase) not in phases:
        return 0.0
    return 1.0 if "/" in phases else 1.0 / len(phases)


class Network:
    """A tree and where its chargers hang, compiled for arithmetic.

    Chargers are sorted by their node in depth-first order, so that those behind any node are neighbours, and within a
    node by their phases. Those that are alike in both are a group; sums over nodes are differences of a running sum of
    groups. A *row* is one limit: of a node, for all its phases (0) or one of them.
    """

    def __init__(self, tree: Tree, nodes: Sequence[str], phases: Sequence[str]) -> None:
        """`nodes`, `phases`: of each charger. Raises KeyError for a node that is not in the tree."""
        place = {node.name: number for number, node in enumerate(tree.nodes)}
        kinds = {kind: number for number, kind in enumerate(sorted(set(phases)))}
        at, kind = (
            np.array([place[name] for name in nodes], np.intp),
            np.array([kinds[each] for each in phases], np.intp),
        )
        self.order: Ints = np.lexsort((kind, at))
        self.size = len(at)
        at, kind = at[self.order], kind[self.order]
        self._node_ends = _subtree_ends(tree)
        first, last = np.searchsorted(at, np.arange(len(tree.nodes))), np.searchsorted(at, np.array(self._node_ends))
        new = np.ones(self.size, dtype=np.bool_)
        new[1:] = (np.diff(at) != 0) | (np.diff(kind) != 0)
        self._begins: Ints = np.flatnonzero(new)
        """Of each group."""
        charge, discharge, rows = list[float](), list[float](), list[tuple[int, int]]()
        for number, node in enumerate(tree.nodes):
            each = [(0, node.max_charge_w, node.max_discharge_w)]
            each += [(phase, node.max_phase_charge_w, node.max_phase_discharge_w) for phase in PHASES]
            for phase, charge_w, discharge_w in each:
                moves = phase == 0 and (number == 0 or node.transformer is not None)  # by a request, or by its heat
                if min(charge_w, discharge_w) < inf or moves:
                    rows.append((number, phase))
                    charge.append(charge_w)
                    discharge.append(discharge_w)
        self.tree = tree
        self.rows = rows
        """(Number of the node in `tree.nodes`, phase or 0) of each row."""
        self.charge_w: Floats = np.array(charge)
        self.discharge_w: Floats = np.array(discharge)
        self.heated = [
            (row, node)
            for row, (number, phase) in enumerate(rows)
            if phase == 0 and (node := tree.nodes[number]).transformer is not None
        ]
        """Rows whose limit moves with a transformer's temperature."""
        self._row_phase: Ints = np.array([phase for _, phase in rows], dtype=np.intp)
        self._first: Ints = np.array([first[node] for node, _ in rows], dtype=np.intp)
        self._last: Ints = np.array([last[node] for node, _ in rows], dtype=np.intp)
        self._first_group, self._last_group = (
            np.searchsorted(self._begins, each) for each in (self._first, self._last)
        )
        sorted_phases = [phases[number] for number in self.order]
        share = [[share_of(each, phase) for each in sorted_phases] for phase in PHASES]
        self._share: Floats = np.array([[1.0] * self.size, *share])
        """How much of a charger's power passes phase 1, 2, 3; row 0 is the sum."""
        self._group_share: Floats = self._share[:, self._begins]
        self._by_phase = any(phase for _, phase in rows)
        self.even: Bools = self._share[1:].max(axis=0) < 0.4
        """Who loads all three phases alike."""
        self.crosses = self._by_phase and not bool(self.even.all())
        """Whether limits of single phases cross those of sums."""

    def row_name(self, row: int) -> str:
        """`T2` or `T2 phase 1`."""
        node, phase = self.rows[row]
        name = self.tree.nodes[node].name
        return f"{name} phase {phase}" if phase else name

    def sums(self, power_w: Floats) -> Floats:
        """What flows through each row."""
        if not power_w.any():  # so it is of most kinds of power in most cycles
            return np.zeros(len(self.rows))
        by_group = np.add.reduceat(power_w, self._begins)
        if not self._by_phase:
            running = np.empty(len(by_group) + 1)
            running[0] = 0.0
            by_group.cumsum(out=running[1:])
            return running[self._last_group] - running[self._first_group]
        by_phase = np.empty((4, len(by_group) + 1))
        by_phase[:, 0] = 0.0
        (self._group_share * by_group).cumsum(axis=1, out=by_phase[:, 1:])
        return by_phase[self._row_phase, self._last_group] - by_phase[self._row_phase, self._first_group]

    def loads(self, loads_w: Mapping[str, tuple[float, float, float]]) -> Floats:
        """What of `loads_w` (node -> each phase) flows through each row. A name not in the tree counts nowhere."""
        drawn_w = np.zeros(len(self.rows))
        for row, (number, phase) in enumerate(self.rows):
            behind = self.tree.nodes[number : self._node_ends[number]]
            each = [loads_w[node.name] for node in behind if node.name in loads_w]
            drawn_w[row] = sum(load[phase - 1] if phase else sum(load) for load in each)
        return drawn_w

    def rooms(self, rooms: Mapping[str, Room]) -> tuple[Floats, Floats]:
        """What `rooms` leave of each row for charging and discharging; infinite if they do not name its node."""
        charge_w, discharge_w = np.full(len(self.rows), inf), np.full(len(self.rows), inf)
        for row, (number, phase) in enumerate(self.rows):
            room = rooms.get(self.tree.nodes[number].name)
            if room is not None:
                charge_w[row], discharge_w[row] = room.charge_w[phase], room.discharge_w[phase]
        return charge_w, discharge_w

    def members(self, rows: Ints) -> tuple[Ints, Ints, Ints, Floats]:
        """The chargers of these rows one after the other; where each row begins, and how many it has; their shares."""
        first, count = self._first[rows], self._last[rows] - self._first[rows]
        begins = np.cumsum(count) - count
        who = np.arange(int(count.sum())) + np.repeat(first - begins, count)
        return who, begins, count, self._share[np.repeat(self._row_phase[rows], count), who]


class Shares:
    """The outcome: `power_w` of each charger, `bound` (a row, BY_TARGET or BY_CAP), and the `level` reached."""

    __slots__ = ("bound", "level", "power_w")

    def __init__(self, power_w: Floats, bound: Ints, level: float) -> None:
        self.power_w, self.bound, self.level = power_w, bound, level


def fill(network: Network, caps_w: Floats, weights: Floats, target_w: float, limits_w: Floats) -> Shares:
    """Share `target_w` (infinite: as much as there is).

    `caps_w`: of each charger. `weights`: what shares are proportional to; 0 gets nothing. `limits_w`: of each row.
    """
    cut_w, weights = finite(caps_w, weights)
    if target_w <= 0.0:
        return nothing(cut_w)
    bound = np.full(network.size, BY_CAP, dtype=np.intp)
    limits_w, level = np.maximum(limits_w, 0.0), 0.0
    row_levels = np.zeros(len(limits_w))
    while True:  # each round settles one row at least
        level = level_of(target_w, cut_w, weights, level)
        power_w = np.minimum(cut_w, level * weights) if level < inf else cut_w
        over = (network.sums(power_w) > limits_w + TOLERANCE_W).nonzero()[0]
        if not len(over):
            bound[power_w < cut_w] = BY_TARGET
            return Shares(power_w, bound, level)
        _settle(network, over, limits_w, cut_w, weights, level, row_levels, bound)


def finite(caps_w: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Caps and weights of which sums and products stay finite; what is not a number is 0. Both are new."""
    weights = np.where(weights > 0.0, np.minimum(weights, HEAVIEST), 0.0)
    return np.where((weights > 0.0) & (caps_w > 0.0), np.minimum(caps_w, LARGEST_W), 0.0), weights


def nothing(cut_w: Floats) -> Shares:
    """What a target of 0 comes to."""
    return Shares(np.zeros(len(cut_w)), np.where(cut_w > 0.0, BY_TARGET, BY_CAP), 0.0)


def serve(network: Network, caps_w: Floats, weights: Floats, target_w: float, limits_w: Floats) -> Shares:
    """As `fill`; a target that the fair shares do not reach is served first from chargers that load phases evenly.

    Of the fair outcome and the one that prefers even chargers, both within all limits, the mixture that reaches the
    target, or comes nearest to it, is within all limits too.
    """
    fair = fill(network, caps_w, weights, target_w, limits_w)
    lacking_w = target_w - float(fair.power_w.sum())
    if not network.crosses or lacking_w <= TOLERANCE_W:
        return fair
    even = fill(network, caps_w, np.where(network.even, weights, 1e-7 * weights), inf, limits_w)
    more_w = float(even.power_w.sum() - fair.power_w.sum())
    if more_w <= TOLERANCE_W:
        return fair
    mixture = min(lacking_w / more_w, 1.0)
    return Shares(fair.power_w + mixture * (even.power_w - fair.power_w), fair.bound, fair.level)


def level_of(target_w: float, caps_w: Floats, weights: Floats, level: float) -> float:
    """Where the sum of min(cap, level * weight) is the target; infinite if all caps together are not more.

    `level`: one that is not above it. Newton's method from below, on a concave function of straight pieces: exact, in
    a few rounds.
    """
    if float(caps_w.sum()) <= target_w:
        return inf
    before = -1
    while True:
        full = level * weights >= caps_w
        count = int(np.count_nonzero(full))
        if count == before:  # those that are full stay so: it is the same piece
            return level
        rest = float(weights @ ~full)
        if rest <= 0.0:
            return level
        following = (target_w - float(caps_w @ full)) / rest
        if not following > level:  # so also ends if it is not a number
            return level
        before, level = count, following


def _settle(
    network: Network, over: Ints, limits_w: Floats, cut_w: Floats, weights: Floats, level: float, row_levels: Floats,
    bound: Ints,
) -> None:  # fmt: skip
    """Lower caps until none of the rows `over` exceeds its limit at this level: those of the chargers of rows that no
    other reaches first, then of those that these were in the way of, and so on.

    A charger whose cap is lowered to its share at the level of a row stays there, as the level only rises from then on.
    `row_levels`: the level at which each row is full, or one below it; corrected here.
    """
    who, begins, counts, share = network.members(over)
    row_of = np.arange(len(over)).repeat(counts)
    each_weight, passes, nothing_w = weights[who], share > 0.0, np.zeros(len(who))
    weight, room_w, levels = share * each_weight, limits_w[over], row_levels[over]
    open_w = np.array([weight, nothing_w])
    while True:
        full_w, before = np.array([nothing_w, share * cut_w[who]]), -1
        while True:  # Newton's method as above, for all rows at once
            each_level = levels[row_of]
            full = each_level * weight >= full_w[1]
            if (count := int(np.count_nonzero(full))) == before:
                break
            before = count
            slope, filled_w = np.add.reduceat(np.where(full, full_w, open_w), begins, axis=1)
            levels = np.maximum(np.divide(room_w - filled_w, slope, out=levels.copy(), where=slope > 0.0), levels)
        lowest, may_rise = np.full(network.size, inf), passes & ~full  # who is full by then is not lowered
        np.minimum.at(lowest, who[may_rise], each_level[may_rise])
        first = np.minimum.reduceat(np.where(passes, lowest[who], inf), begins) >= levels * (1 - 1e-12)
        chosen = may_rise & first[row_of]
        settled = who[chosen]
        cut_w[settled] = np.minimum(cut_w[settled], each_level[chosen] * weights[settled])
        bound[settled] = over[row_of[chosen]]
        still_w = cut_w[who] if level == inf else np.minimum(cut_w[who], level * each_weight)
        exceeds = np.add.reduceat(share * still_w, begins) > room_w + TOLERANCE_W
        row_levels[over] = np.where(levels < BEYOND, levels, row_levels[over])
        if not exceeds.any():
            return
        levels = np.where(exceeds, levels, BEYOND)  # the others are in nobody's way any more


def _subtree_ends(tree: Tree) -> list[int]:
    """For each node, the number after the last one behind it."""
    number = {node.name: place for place, node in enumerate(tree.nodes)}
    ends = [place + 1 for place in range(len(tree.nodes))]
    for place in range(len(tree.nodes) - 1, 0, -1):
        parent = tree.nodes[place].parent
        if parent is not None:
            ends[number[parent]] = max(ends[number[parent]], ends[place])
    return ends
