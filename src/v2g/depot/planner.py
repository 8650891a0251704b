"""Makes the plan: a linear programme, built once for a site and changed in place, so that an event costs little.

For each stay and step: power that charges, power that discharges, energy in the battery afterwards. What is minimised
is the price of energy at the site's connection, wear by what is discharged, the peak, and, above all of these, energy
that is missing at departure. A departure is three instants with the mean and the deviation that it is known with; the
energy must be there at each of them, as likely as it is. Floors and limits of the feeder tree hold in each step. A
vehicle may always stay as it is, and what is missing only costs, so there is always a plan.

The step that has begun counts with what is left of it. In kW and kWh.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.allocation import Floats, Ints, share_of
from v2g.depot.groups import FEWER, MOST, divided, grouped
from v2g.depot.plan import (
    STEPS,
    Missed,
    Outlook,
    Plan,
    Stay,
    Terms,
    cost_of,
    feeds,
    instants,
    left_of,
    points,
    powers_of,
    presence,
    without,
)  # fmt: skip
from v2g.depot.request import LARGEST_W
from v2g.depot.tree import PHASES, Node, Tree

MOST_SINGLE, MOST_EXACT = 200, 2_000
"""Stays that are planned as one; that are planned again some at a time once their groups have been."""
TOGETHER = 32
"""How many at a time."""
POINTS = 4
"""Steps at which a stay's energy is looked at: three of its departure, and one for the floor."""
EARLY = 1e-4
"""Of the price: a day later is worse by this, so that of equal steps the earlier one is taken."""
NEED = 40.0
"""Energy that is missing costs as many times the highest price."""
ASKED = 10.0
"""So does power that a schedule asks for and does not get: needs come first, then the schedule, then money."""
DEVEX = 1
"""How the solver chooses edges: exact weights would be found again for each warm start, so slow plans are slower."""
LONGEST_S = 10.0
"""A plan that is not there by then is given up."""


class _Seat(Struct, frozen=True):
    """The columns of one stay; whoever comes to the same charger later takes them over."""

    id: str
    node: str
    phases: str
    efficiency_pu: float
    max_charge_w: float
    max_discharge_w: float
    points: int = POINTS
    """At how many steps its energy is looked at."""


class Planner:
    """Plans one site."""

    def __init__(self, tree: Tree, terms: Terms | None = None, most_single: int = MOST_SINGLE) -> None:
        """`most_single`: more stays than this are planned in groups."""
        self._most_single = most_single
        self.tree, self.terms = tree, terms or Terms()
        self._programme: _Programme | None = None

    def plan(self, stays: Iterable[Stay], outlook: Outlook, now: float) -> Plan:
        """The best plan from `now` on. Never raises: what fails is the plan's `trouble`."""
        each = [stay for stay in stays if _sound(stay)]
        few = len(each) <= MOST_EXACT
        groups = grouped(each, outlook, now, FEWER if few else MOST) if len(each) > self._most_single else None
        planned = each if groups is None else [group.stay for group in groups]
        if not planned:
            return without(outlook, "")
        if self._programme is None or not self._programme.fits(planned, outlook):
            try:
                self._programme = _Programme(self.tree, planned, self._programme, outlook, self.terms.peak_per_kw > 0)
            except ImportError:
                return without(outlook, "no plan: the Python package highspy is missing; install v2g[depot]")
        reason = self._programme.solve(planned, outlook, self.terms, now)
        if reason:
            self._programme = None
            return without(outlook, f"no plan: {reason}; vehicles are charged as their needs are urgent")
        energies = self._programme.energies_wh(planned)
        missed = [] if groups is not None else self._programme.missed(planned, outlook)
        if groups is not None:
            energies, missed = divided(groups, energies, outlook, now)
            if few:
                missed = self._improved(each, energies, missed, outlook, now)
        present = frozenset(stay.id for stay in each if stay.from_unix_s <= now)
        powers = {
            stay.id: powers_of(energies[stay.id], stay.energy_wh, stay.efficiency_pu, outlook.step_s) for stay in each
        }
        return Plan(
            start_unix_s=outlook.start_unix_s,
            step_s=outlook.step_s,
            energies_wh=energies,
            powers_w=powers,
            present=present,
            made_unix_s=now,
            leaves_unix_s={stay.id: instants(stay)[-1] for stay in each if stay.departure is not None},
            missed=tuple(each for each in missed if each.id in present),
            cost=cost_of(
                list(powers.values()),
                outlook,
                self.terms,
                self.tree.root.name,
                now,
                self._programme.shared if groups is None else None,
            ),
            groups=0 if groups is None else len(groups),
        )

    def _improved(
        self, stays: Sequence[Stay], energies_wh: dict[str, Floats], missed: Iterable[Missed], outlook: Outlook,
        now: float,
    ) -> list[Missed]:  # fmt: skip
        """Plan some at a time, one by one, beside the others as they are planned so far: this changes `energies_wh`.
        Returns what will be missing."""
        found = {each.id: each for each in missed}
        by_node = {node.name: [stay for stay in stays if node in list(self.tree.path(stay.node))]
                   for node in self.tree.nodes}  # fmt: skip
        powers_w = {
            stay.id: powers_of(energies_wh[stay.id], stay.energy_wh, stay.efficiency_pu, outlook.step_s)
            for stay in stays
        }
        used_w = _used_w(by_node, powers_w)
        count = -(-len(stays) // TOGETHER)
        for block in (stays[number::count] for number in range(count)):
            ids = {stay.id for stay in block}
            own = {name: [stay for stay in some if stay.id in ids] for name, some in by_node.items()}
            before_w = _used_w(own, powers_w)
            beside = replace(outlook, beside_w={key: used_w[key] - before_w[key] for key in used_w})
            programme = _Programme(self.tree, block, None, beside, self.terms.peak_per_kw > 0)
            if programme.solve(block, beside, self.terms, now):
                continue
            energies_wh |= programme.energies_wh(block)
            found = {id: each for id, each in found.items() if id not in ids}
            found |= {each.id: each for each in programme.missed(block, outlook)}
            for stay in block:
                energies = energies_wh[stay.id]
                powers_w[stay.id] = powers_of(energies, stay.energy_wh, stay.efficiency_pu, outlook.step_s)
            after_w = _used_w(own, powers_w)
            used_w = {key: used_w[key] - before_w[key] + after_w[key] for key in used_w}
        return list(found.values())


def _used_w(
    by_node: Mapping[str, Sequence[Stay]], powers_w: Mapping[str, Floats]
) -> dict[tuple[str, int, bool], Floats]:
    """What stays take of each node's limits: by node, phase (0: all) and whether they discharge; magnitudes."""
    found = {}
    for name, behind in by_node.items():
        power_w = np.array([powers_w[stay.id] for stay in behind]).reshape(-1, STEPS)
        for phase in (0, *PHASES):
            share = np.array([_share(stay.phases, phase) for stay in behind])
            for discharge in (False, True):
                found[name, phase, discharge] = share @ np.maximum(-power_w if discharge else power_w, 0.0)
    return found


def _sound(stay: Stay) -> bool:
    numbers = (stay.energy_wh, stay.capacity_wh, stay.target_wh, stay.floor_wh)
    return all(map(isfinite, numbers)) and 0 < stay.efficiency_pu <= 1 and stay.max_charge_w >= 0


class _Row(Struct, frozen=True):
    """A limit of the tree: of one node, in one direction, on all phases (0) or one of them."""

    node: int
    phase: int
    discharge: bool


@cache
def _kind(highspy: Any) -> Any:
    """A kind of solver that prints nothing. One enables callbacks as it is made, and prints its name with that."""

    class Quiet(highspy.Highs):  # type: ignore[misc]  # it has no types
        def enableCallbacks(self) -> None:
            self.silent()
            super().enableCallbacks()

    return Quiet


def _quiet(highspy: Any) -> Any:
    """A solver that prints nothing."""
    return _kind(highspy)()


class _Programme:
    """The linear programme of a set of seats."""

    def __init__(
        self, tree: Tree, stays: Sequence[Stay], before: "_Programme | None", outlook: Outlook, peak: bool
    ) -> None:
        import highspy

        self._tree, self._peak = tree, peak
        seats = {} if before is None else {seat.id: seat for seat in before.seats}
        seats |= {stay.id: _seat(stay, seats.get(stay.id)) for stay in stays}
        if len(seats) > 2 * len(stays) + 16:  # seats of those who are long gone
            seats = {stay.id: seats[stay.id] for stay in stays}
        self.seats: list[_Seat] = list(seats.values())
        self._number = {seat.id: number for number, seat in enumerate(self.seats)}
        self._reach = {
            (number, phase, discharge): sum(
                _share(seat.phases, phase) * (seat.max_discharge_w if discharge else seat.max_charge_w)
                for seat in behind
            )
            for number, behind in enumerate(_behind(tree, self.seats))
            for phase in (0, *PHASES)
            for discharge in (False, True)
        }
        """By node, phase (0: all) and direction: what the seats behind it can reach."""
        self._rows = self._binding(outlook)
        self._status = highspy.HighsModelStatus
        self._infinity = highspy.kHighsInf
        self._highs = _quiet(highspy)
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
        size = len(self.seats)
        self._shorts = 3 * STEPS * size
        self._first = np.cumsum([0, *(seat.points for seat in self.seats)]).tolist()
        """The first point of each seat."""
        self._buy = self._shorts + self._first[-1]
        self._off = self._buy + 2 * STEPS
        self._columns = self._off + 2 * STEPS + 1
        self._needs = STEPS * size
        self._site = self._needs + self._first[-1]
        self._peaks = self._site + STEPS
        self._asked = self._peaks + (STEPS if peak else 0)
        self._limits = self._asked + STEPS
        self._height = self._limits + STEPS * len(self._rows)
        self._points: Ints = np.zeros(self._first[-1], dtype=np.intp)
        self._build(highspy, outlook.step_s / 3600.0)
        self.shared: Floats = np.ones(STEPS)
        """Which share of each step sees anybody there."""
        self._values: Floats = np.zeros(self._columns)
        self._bounds: tuple[Floats, ...] = (*(np.full(self._columns, np.nan) for _ in range(3)),
                                            *(np.full(self._height, np.nan) for _ in range(2)))  # fmt: skip

    def fits(self, stays: Sequence[Stay], outlook: Outlook) -> bool:
        """Whether these stays have seats here, and no limit binds that has no row."""
        known = self._number
        if any(stay.id not in known or _seat(stay, self.seats[known[stay.id]]) != self.seats[known[stay.id]]
               for stay in stays):  # fmt: skip
            return False
        return set(self._binding(outlook)) <= set(self._rows)

    # Columns: for each seat charge, discharge, energy; then what is missing; then what is bought and sold, how far the
    # chargers are below and above what is asked of them, the peak.

    def _column(self, seat: int, kind: int, step: int = 0) -> int:
        return (3 * seat + kind) * STEPS + step

    def _binding(self, outlook: Outlook) -> list[_Row]:
        """The limits that the seats' powers can reach at all."""
        found = []
        reach = self._reach
        for number, node in enumerate(self._tree.nodes):
            load_w = outlook.loads_w.get(node.name)
            most_w = 0.0 if load_w is None else float(np.abs(load_w).max())
            for discharge in (False, True):
                total_w = node.max_discharge_w if discharge else node.max_charge_w
                if number == 0 and outlook.limits_w is not None:
                    total_w = min(total_w, float(outlook.limits_w[discharge].min()))
                phase_w = node.max_phase_discharge_w if discharge else node.max_phase_charge_w
                for phase, limit_w in ((0, total_w), *((each, phase_w) for each in PHASES)):
                    reached_w = reach[number, phase, discharge]
                    beside_w = outlook.beside_w.get((node.name, phase, discharge))
                    others_w = most_w * (1 if phase == 0 else 1 / 3)
                    others_w += 0.0 if beside_w is None else float(beside_w.max())
                    if reached_w > 0 and reached_w + others_w > limit_w:
                        found.append(_Row(number, phase, discharge))
        return found

    def _build(self, highspy: Any, hours: float) -> None:
        rows, columns, values = list[Any](), list[Any](), list[Any]()

        def put(row: Any, column: Any, value: Any) -> None:
            row, column, value = np.broadcast_arrays(row, column, value)
            rows.append(row.ravel())
            columns.append(column.ravel())
            values.append(value.ravel())

        steps = np.arange(STEPS)
        for number, seat in enumerate(self.seats):
            charge, discharge, energy = (self._column(number, kind) + steps for kind in range(3))
            balance = number * STEPS + steps
            put(balance, energy, 1.0)
            put(balance[1:], energy[:-1], -1.0)
            put(balance, charge, -seat.efficiency_pu * hours)
            put(balance, discharge, hours / seat.efficiency_pu)
            put(self._site + steps, charge, -1.0)
            put(self._site + steps, discharge, 1.0)
            for point in range(self._first[number], self._first[number + 1]):
                put(self._needs + point, self._shorts + point, 1.0)
                put(self._needs + point, energy[0], 1.0)
        put(self._site + steps, self._buy + steps, 1.0)
        put(self._site + steps, self._buy + STEPS + steps, -1.0)
        for columns_at, sign in (
            (self._buy, 1.0),
            (self._buy + STEPS, -1.0),
            (self._off, 1.0),
            (self._off + STEPS, -1.0),
        ):
            put(self._asked + steps, columns_at + steps, sign)
        if self._peak:
            put(self._peaks + steps, self._columns - 1, 1.0)
            put(self._peaks + steps, self._buy + steps, -1.0)
        behind = _behind(self._tree, range(len(self.seats)), [seat.node for seat in self.seats])
        for place, row in enumerate(self._rows):
            for number in behind[row.node]:
                if share := _share(self.seats[number].phases, row.phase):
                    put(self._limits + place * STEPS + steps, self._column(number, int(row.discharge)) + steps, share)
        self._pass(highspy, np.concatenate(rows), np.concatenate(columns), np.concatenate(values))

    def _pass(self, highspy: Any, rows: Ints, columns: Ints, values: Floats) -> None:
        order = np.lexsort((rows, columns))
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self._columns, self._height
        model.col_cost_, model.col_lower_ = np.zeros(self._columns), np.zeros(self._columns)
        model.col_upper_ = np.full(self._columns, self._infinity)
        model.row_lower_, model.row_upper_ = np.zeros(self._height), np.zeros(self._height)
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.searchsorted(columns[order], np.arange(self._columns + 1))
        model.a_matrix_.index_, model.a_matrix_.value_ = rows[order], values[order]
        self._highs.passModel(model)

    # What changes from one plan to the next: bounds, costs, and at which step a need is looked at.

    def solve(self, stays: Sequence[Stay], outlook: Outlook, terms: Terms, now: float) -> str:
        """Solve for these; returns why that failed, or nothing."""
        left = left_of(outlook, now)
        lower, upper = np.zeros(self._columns), np.zeros(self._columns)
        cost = np.zeros(self._columns)
        low, high = np.zeros(self._height), np.zeros(self._height)
        low[self._needs : self._site] = -self._infinity
        high[self._needs : self._site] = self._infinity
        dearest = max(float(np.abs(outlook.buy_per_kwh).max()), terms.wear_per_kwh, 1e-3)
        hour_s = 3600.0 / outlook.step_s
        missing = NEED * (dearest + terms.peak_per_kw * hour_s)
        upper[self._shorts : self._buy] = self._infinity
        somebody = np.zeros(STEPS)
        for stay in stays:
            there = self._bound(stay, outlook, now, lower, upper, low, high)
            somebody = np.maximum(somebody, there)
            number = self._number[stay.id]
            shorts = slice(self._shorts + self._first[number], self._shorts + self._first[number + 1])
            cost[shorts] = missing * _weights(stay)
        hours = outlook.step_s / 3600.0
        later = EARLY * dearest * hours * np.arange(STEPS) / STEPS
        for number in range(len(self.seats)):
            cost[self._column(number, 0) : self._column(number, 1)] = later
            cost[self._column(number, 1) : self._column(number, 2)] = terms.wear_per_kwh * hours + later
        cost[self._buy : self._buy + STEPS] = outlook.buy_per_kwh * hours
        cost[self._off : self._columns - 1] = ASKED * (dearest + terms.peak_per_kw * hour_s) * hours
        cost[self._buy + STEPS : self._off] = (
            -np.minimum(outlook.sell_per_kwh, outlook.buy_per_kwh) * hours
        )  # fmt: skip
        cost[-1] = terms.peak_per_kw
        upper[self._buy :] = self._infinity
        lower[-1] = terms.peak_so_far_w / 1000.0
        root = self._tree.root.name
        # In the part of a step in which nobody is there, no sun can be charged, and no load be covered.
        alone = (somebody > 0.0) & (not outlook.beside_w)
        self.shared = np.where(alone, np.minimum(somebody, left), left)
        load_w = outlook.loads_w.get(root, np.zeros(STEPS))
        low[self._site : self._site + STEPS] = load_w * self.shared / 1000.0
        self._follow(outlook, left, low, high)
        if outlook.beside_w:
            beside_w = outlook.beside_w[root, 0, False] - outlook.beside_w[root, 0, True]
            low[self._site : self._site + STEPS] += beside_w / 1000.0
        high[self._site : self._site + STEPS] = low[self._site : self._site + STEPS]
        if self._peak:
            low[self._peaks : self._asked] = np.maximum(load_w * (left - self.shared), 0.0) / 1000.0
        high[self._peaks : self._asked] = self._infinity
        self._rooms(outlook, left, low, high)
        return self._run(lower, upper, cost, low, high)

    def _bound(
        self, stay: Stay, outlook: Outlook, now: float, lower: Floats, upper: Floats, low: Floats, high: Floats
    ) -> Floats:
        """Returns which share of each step sees the stay."""
        number = self._number[stay.id]
        there = presence(stay, outlook, now)
        charge, discharge, energy = (
            slice(self._column(number, kind), self._column(number, kind) + STEPS) for kind in range(3)
        )
        if stay.crowd is None:
            upper[charge] = min(stay.max_charge_w, LARGEST_W) / 1000.0 * there
            upper[discharge] = min(stay.max_discharge_w, LARGEST_W) / 1000.0 * there if feeds(stay, now) else 0.0
            lower[energy] = min(stay.floor_wh, stay.energy_wh) / 1000.0
            upper[energy] = max(stay.capacity_wh, stay.energy_wh) / 1000.0
        else:
            upper[charge], upper[discharge] = stay.crowd.charge_w / 1000.0, stay.crowd.discharge_w / 1000.0
            lower[energy], upper[energy] = stay.crowd.least_wh / 1000.0, stay.crowd.most_wh / 1000.0
        low[number * STEPS] = high[number * STEPS] = stay.energy_wh / 1000.0
        for point, (step, wanted_wh) in enumerate(points(stay, outlook, now, there), self._first[number]):
            row = self._needs + point
            low[row] = wanted_wh / 1000.0
            if step != (known := int(self._points[point])):
                self._highs.changeCoeff(row, self._column(number, 2, known), 0.0)
                self._highs.changeCoeff(row, self._column(number, 2, step), 1.0)
                self._points[point] = step
        return there

    def _follow(self, outlook: Outlook, left: Floats, low: Floats, high: Floats) -> None:
        """What a schedule asks of the chargers: what is bought less what is sold, less the other load."""
        rows = slice(self._asked, self._asked + STEPS)
        low[rows], high[rows] = -self._infinity, self._infinity
        if outlook.asked_w is not None:
            asks = ~np.isnan(outlook.asked_w)
            wanted = low[self._site : self._site + STEPS] + outlook.asked_w * left / 1000.0
            low[rows] = np.where(asks, wanted, low[rows])
            high[rows] = np.where(asks, wanted, high[rows])

    def _rooms(self, outlook: Outlook, left: Floats, low: Floats, high: Floats) -> None:
        """What the tree's limits leave beside other loads."""
        for place, row in enumerate(self._rows):
            load_w = outlook.loads_w.get(self._tree.nodes[row.node].name, np.zeros(STEPS))
            load_w = load_w * (1.0 if row.phase == 0 else 1 / 3)
            limit_w: float | Floats = _limit_w(self._tree.nodes[row.node], row)
            if row.node == 0 and row.phase == 0 and outlook.limits_w is not None:
                limit_w = np.minimum(limit_w, outlook.limits_w[row.discharge])
            room_w = np.minimum(limit_w, LARGEST_W) + (load_w if row.discharge else -load_w)
            key = self._tree.nodes[row.node].name, row.phase, row.discharge
            room_w = np.maximum(room_w, 0.0) - outlook.beside_w.get(key, 0.0)
            rows = slice(self._limits + place * STEPS, self._limits + (place + 1) * STEPS)
            low[rows], high[rows] = -self._infinity, np.maximum(room_w, 0.0) * left / 1000.0

    def _run(self, lower: Floats, upper: Floats, cost: Floats, low: Floats, high: Floats) -> str:
        highs, before = self._highs, self._bounds
        self._bounds = lower, upper, cost, low, high
        columns = _changed((lower, upper), before[:2])
        highs.changeColsBounds(len(columns), columns, lower[columns], upper[columns])
        columns = _changed((cost,), before[2:3])
        highs.changeColsCost(len(columns), columns, cost[columns])
        rows = _changed((low, high), before[3:])
        highs.changeRowsBounds(len(rows), rows, low[rows], high[rows])
        highs.setOptionValue("time_limit", highs.getRunTime() + LONGEST_S)  # of all its runs together
        highs.run()
        status = highs.getModelStatus()
        if status != self._status.kOptimal:
            return str(highs.modelStatusToString(status)).lower()
        self._values = np.array(highs.getSolution().col_value)
        return ""

    def energies_wh(self, stays: Sequence[Stay]) -> dict[str, Floats]:
        """Of the last solution."""
        found = {}
        for stay in stays:
            begin = self._column(self._number[stay.id], 2)
            found[stay.id] = self._values[begin : begin + STEPS] * 1000.0
        return found

    def missed(self, stays: Sequence[Stay], outlook: Outlook) -> list[Missed]:
        """What will be missing at the departure that is expected."""
        found = []
        for stay in stays:
            number = self._number[stay.id]
            point = self._first[number] + 1  # the departure that is expected
            short_wh = float(self._values[self._shorts + point]) * 1000.0
            if short_wh > 1e-3 * stay.capacity_wh:
                at_s = outlook.start_unix_s + (int(self._points[point]) + 1) * outlook.step_s
                found.append(Missed(stay.id, short_wh, at_s))
        return found


def _limit_w(node: Node, row: _Row) -> float:
    if row.phase:
        return node.max_phase_discharge_w if row.discharge else node.max_phase_charge_w
    return node.max_discharge_w if row.discharge else node.max_charge_w


def _changed(new: Sequence[Floats], old: Sequence[Floats]) -> npt.NDArray[np.int32]:
    """Where these differ from what the programme has."""
    differs = np.any([one != other for one, other in zip(new, old, strict=True)], axis=0)
    return np.flatnonzero(differs).astype(np.int32)


def _weights(stay: Stay) -> Floats | float:
    """Of the points: of the departure by how likely it is then, the floor before all."""
    if stay.crowd is not None:
        return 1.0
    uncertain = stay.departure is None or stay.departure.deviation_s > 0
    return np.array([0.25, 0.5, 0.25, 4.0] if uncertain else [0.0, 1.0, 0.0, 4.0])


def _seat(stay: Stay, before: _Seat | None) -> _Seat:
    """The seat that this stay needs; one that was there is kept if it is large enough."""
    charge_w, discharge_w = min(stay.max_charge_w, LARGEST_W), min(stay.max_discharge_w, LARGEST_W)
    if before is not None:
        charge_w, discharge_w = max(charge_w, before.max_charge_w), max(discharge_w, before.max_discharge_w)
    count = POINTS if stay.crowd is None else len(stay.crowd.wanted)
    return _Seat(stay.id, stay.node, stay.phases, stay.efficiency_pu, charge_w, discharge_w, count)


def _share(phases: str, phase: int) -> float:
    return 1.0 if phase == 0 else share_of(phases, phase)


def _behind(tree: Tree, what: Iterable[Any], nodes: Sequence[str] | None = None) -> list[list[Any]]:
    """What hangs behind each node of the tree."""
    place = {node.name: number for number, node in enumerate(tree.nodes)}
    found: list[list[Any]] = [[] for _ in tree.nodes]
    for number, each in enumerate(what):
        for node in tree.path(each.node if nodes is None else nodes[number]):
            found[place[node.name]].append(each)
    return found
