"""Water-filling on the feeder tree: shares a power among chargers, exactly, within every limit on its way.

Each charger has a weight and a cap. One level rises for all; a charger's power is `level * weight` until its cap, or a
limit that it shares with others, is reached: then it, or all of that limit's chargers, stay where they are, and the
level goes on rising for the others until the target is reached. The outcome is the weighted max-min fair one: nobody
can get more without somebody with less for its weight getting less.

For the sums of nodes of a tree this is also the most power that the limits admit (such limits form a polymatroid, whose
lexicographically optimal base it is). Limits for single phases cross those of the sums, so the fair outcome can then be
less than the most; it still exceeds no limit.

Everything is a magnitude for one direction; chargers are in the order of `Network.order`.
"""

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
import numpy.typing as npt

from v2g.depot.tree import PHASES, Tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

BY_TARGET, BY_CAP = -1, -2
"""What binds a charger's share, if it is no row of the network."""
TOLERANCE_W = 1e-3


class Network:
    """A tree and where its chargers hang, compiled for arithmetic.

    Chargers are sorted by their node in depth-first order, so that those behind any node are neighbours, and sums over
    nodes are differences of a running sum. A *row* is one limit: of a node, for all its phases (0) or one of them.
    """

    def __init__(self, tree: Tree, nodes: Sequence[str], phases: Sequence[str]) -> None:
        """`nodes`, `phases`: of each charger. Raises KeyError for a node that is not in the tree."""
        place = {node.name: number for number, node in enumerate(tree.nodes)}
        at = np.array([place[name] for name in nodes], dtype=np.intp)
        self.order: Ints = np.argsort(at, kind="stable")
        self.size = len(at)
        first = np.searchsorted(at[self.order], np.arange(len(tree.nodes)))
        self._node_ends = _subtree_ends(tree)
        last = np.searchsorted(at[self.order], np.array(self._node_ends))
        charge, discharge, rows = list[float](), list[float](), list[tuple[int, int]]()
        for number, node in enumerate(tree.nodes):
            each = [(0, node.max_charge_w, node.max_discharge_w)]
            each += [(phase, node.max_phase_charge_w, node.max_phase_discharge_w) for phase in PHASES]
            for phase, charge_w, discharge_w in each:
                if min(charge_w, discharge_w) < inf:
                    rows.append((number, phase))
                    charge.append(charge_w)
                    discharge.append(discharge_w)
        self.tree = tree
        self.rows = rows
        """(Number of the node in `tree.nodes`, phase or 0) of each row."""
        self.charge_w: Floats = np.array(charge)
        self.discharge_w: Floats = np.array(discharge)
        self._row_phase: Ints = np.array([phase for _, phase in rows], dtype=np.intp)
        self._first: Ints = np.array([first[node] for node, _ in rows], dtype=np.intp)
        self._last: Ints = np.array([last[node] for node, _ in rows], dtype=np.intp)
        sorted_phases = [phases[number] for number in self.order]
        share = [[(str(phase) in each) / len(each) for each in sorted_phases] for phase in PHASES]
        self._share: Floats = np.array([[1.0] * self.size, *share])
        """How much of a charger's power passes phase 1, 2, 3; row 0 is the sum."""
        self._by_phase = any(phase for _, phase in rows)

    def row_name(self, row: int) -> str:
        """`T2` or `T2 phase 1`."""
        node, phase = self.rows[row]
        name = self.tree.nodes[node].name
        return f"{name} phase {phase}" if phase else name

    def sums(self, power_w: Floats) -> Floats:
        """What flows through each row."""
        if not self._by_phase:
            running = np.empty(self.size + 1)
            running[0] = 0.0
            np.cumsum(power_w, out=running[1:])
            return running[self._last] - running[self._first]
        by_phase = np.empty((4, self.size + 1))
        by_phase[:, 0] = 0.0
        np.cumsum(self._share * power_w, axis=1, out=by_phase[:, 1:])
        return by_phase[self._row_phase, self._last] - by_phase[self._row_phase, self._first]

    def loads(self, loads_w: Mapping[str, tuple[float, float, float]]) -> Floats:
        """What of `loads_w` (node -> each phase) flows through each row. A name not in the tree counts nowhere."""
        drawn_w = np.zeros(len(self.rows))
        for row, (number, phase) in enumerate(self.rows):
            behind = self.tree.nodes[number : self._node_ends[number]]
            each = [loads_w[node.name] for node in behind if node.name in loads_w]
            drawn_w[row] = sum(load[phase - 1] if phase else sum(load) for load in each)
        return drawn_w

    def members(self, rows: Ints) -> tuple[Ints, Ints, Floats]:
        """The chargers of these rows one after the other, where each row begins, and their shares."""
        first, count = self._first[rows], self._last[rows] - self._first[rows]
        begins = np.cumsum(count) - count
        who = np.arange(int(count.sum())) + np.repeat(first - begins, count)
        return who, begins, self._share[np.repeat(self._row_phase[rows], count), who]


class Shares:
    """The outcome: `power_w` of each charger, `bound` (a row, BY_TARGET or BY_CAP), and the `level` reached."""

    __slots__ = ("bound", "level", "power_w")

    def __init__(self, power_w: Floats, bound: Ints, level: float) -> None:
        self.power_w, self.bound, self.level = power_w, bound, level


def fill(network: Network, caps_w: Floats, weights: Floats, target_w: float, limits_w: Floats) -> Shares:
    """Share `target_w` (infinite: as much as there is).

    `caps_w`: of each charger. `weights`: what shares are proportional to; 0 gets nothing. `limits_w`: of each row.
    """
    bound = np.full(network.size, BY_CAP, dtype=np.intp)
    free = (caps_w > 0.0) & (weights > 0.0)
    power_w = np.zeros(network.size)
    target_w, limits_w, level = max(target_w, 0.0), np.maximum(limits_w, 0.0), 0.0
    for _ in range(len(network.rows) + 1):  # each round settles one row at least
        level = _level(target_w - float(power_w[~free].sum()), caps_w[free], weights[free])
        wanted_w = np.minimum(caps_w, level * weights) if level < inf else caps_w
        trial_w = np.where(free, wanted_w, power_w)
        over = np.flatnonzero(network.sums(trial_w) > limits_w + TOLERANCE_W)
        if not len(over):
            bound[free & (trial_w < caps_w)] = BY_TARGET
            return Shares(trial_w, bound, level)
        free = _settle(network, over, limits_w, caps_w, weights, free, power_w, bound)
    return Shares(power_w, bound, level)


def _level(target_w: float, caps_w: Floats, weights: Floats) -> float:
    """Where the sum of min(cap, level * weight) is the target; infinite if all caps together are not more."""
    if float(caps_w.sum()) <= target_w:
        return inf
    if target_w <= 0.0:
        return 0.0
    level = target_w / float(weights.sum())
    while True:  # Newton's method from below, on a concave function of straight pieces: exact, in a few rounds
        full = caps_w <= level * weights
        rest = float(weights[~full].sum())
        if rest <= 0.0:
            return level
        following = (target_w - float(caps_w[full].sum())) / rest
        if following <= level * (1 + 1e-13):
            return level
        level = following


def _settle(
    network: Network, over: Ints, limits_w: Floats, caps_w: Floats, weights: Floats, free: Bools, power_w: Floats,
    bound: Ints,
) -> Bools:  # fmt: skip
    """Of the rows that are over their limits, settle those that no other reaches first. Returns who is still free."""
    who, begins, share = network.members(over)
    is_free, cap_w, weight = free[who], caps_w[who], weights[who]
    room_w = limits_w[over] - np.add.reduceat(np.where(is_free, 0.0, share * power_w[who]), begins)
    room_w = np.maximum(room_w, 0.0)
    counts = np.diff(np.append(begins, len(who)))
    rising, levels = is_free & (share > 0.0), np.zeros(len(over))
    is_free = rising
    while True:
        sloped = np.add.reduceat(np.where(rising, share * weight, 0.0), begins)
        filled_w = np.add.reduceat(np.where(is_free & ~rising, share * cap_w, 0.0), begins)
        levels = np.where(sloped > 0.0, (room_w - filled_w) / np.where(sloped > 0.0, sloped, 1.0), levels)
        still = is_free & (cap_w > np.repeat(levels, counts) * weight)
        if (still == rising).all():
            break
        rising = still
    each_level = np.repeat(levels, counts)
    lowest = np.full(network.size, inf)
    np.minimum.at(lowest, who[is_free], each_level[is_free])
    first = np.minimum.reduceat(np.where(is_free, lowest[who], inf), begins) >= levels * (1 - 1e-12)
    chosen = is_free & np.repeat(first, counts)
    settled, at_level = who[chosen], each_level[chosen]
    level_w = at_level * weights[settled]
    power_w[settled] = np.minimum(caps_w[settled], level_w)
    bound[settled] = np.where(level_w < caps_w[settled], np.repeat(over, counts)[chosen], BY_CAP)
    left = free.copy()
    left[settled] = False
    return left


def _subtree_ends(tree: Tree) -> list[int]:
    """For each node, the number after the last one behind it."""
    number = {node.name: place for place, node in enumerate(tree.nodes)}
    ends = [place + 1 for place in range(len(tree.nodes))]
    for place in range(len(tree.nodes) - 1, 0, -1):
        parent = tree.nodes[place].parent
        if parent is not None:
            ends[number[parent]] = max(ends[number[parent]], ends[place])
    return ends
