"""The plan's problem stated once more, in another way, for another solver interface: no energies as unknowns, every
bound on them is a sum of powers; first the least energy that is missing, then the least money."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from v2g.depot.plan import STEPS, Outlook, Stay, Terms
from v2g.depot.tree import Tree

Rows = list[tuple[dict[int, float], float]]
"""Sum of coefficient times unknown is at most this."""


class Oracle:
    """Unknown powers in W: of stay v charge at 2v, discharge at 2v + 1, all steps each; then grid, missing, peak."""

    def __init__(self, tree: Tree, stays: Sequence[Stay], outlook: Outlook, terms: Terms) -> None:
        self.stays, self.outlook, self.terms, self.tree = stays, outlook, terms, tree
        count = len(stays)
        self.drawn, self.fed = 2 * count * STEPS, (2 * count + 1) * STEPS
        self.missing = (2 * count + 2) * STEPS
        self.off = self.missing + count
        self.size = self.off + STEPS + 1
        self.alone_w: list[float] = []
        """Of the other load, in the part of each step after all cars have left, as a mean of the whole step."""
        self.rows: Rows = []
        self.equal: Rows = []
        self.upper = np.full(self.size, np.inf)
        self.lower = np.zeros(self.size)
        self.lower[-1] = terms.peak_so_far_w
        for number, stay in enumerate(stays):
            self._stay(number, stay)
        self._site()
        for node in tree.nodes:
            limits_w = (np.full(STEPS, node.max_charge_w), np.full(STEPS, node.max_discharge_w))
            if node is tree.root and outlook.limits_w is not None:
                limits_w = (np.minimum(limits_w[0], outlook.limits_w[0]), np.minimum(limits_w[1], outlook.limits_w[1]))
            self._node(node.name, *limits_w, (1.0,) * count)
            for phase in "123":
                shares = [(phase in stay.phases) / len(stay.phases) for stay in stays]
                charge_w, discharge_w = (
                    np.full(STEPS, node.max_phase_charge_w),
                    np.full(STEPS, node.max_phase_discharge_w),
                )
                self._node(node.name, charge_w, discharge_w, shares, 1 / 3)
        self._asked()

    def _stay(self, number: int, stay: Stay) -> None:
        assert stay.departure is not None
        hours, eta = self.outlook.step_s / 3600, stay.efficiency_pu
        gone_s = stay.departure.unix_s - self.outlook.start_unix_s
        for step in range(STEPS):
            there = min(max(gone_s / self.outlook.step_s - step, 0.0), 1.0)
            self.upper[2 * number * STEPS + step] = stay.max_charge_w * there
            self.upper[(2 * number + 1) * STEPS + step] = stay.max_discharge_w * there
        gain: dict[int, float] = {}
        for step in range(STEPS):
            gain = gain | {
                2 * number * STEPS + step: eta * hours,
                (2 * number + 1) * STEPS + step: -hours / eta,
            }
            self.rows.append((gain, stay.capacity_wh - stay.energy_wh))
            self.rows.append(({each: -by for each, by in gain.items()}, stay.energy_wh - stay.floor_wh))
            if (step + 1) * self.outlook.step_s >= min(gone_s, STEPS * self.outlook.step_s):
                needed = {each: -by for each, by in gain.items()} | {self.missing + number: -1.0}
                self.rows.append((needed, stay.energy_wh - stay.target_wh))
                return

    def _site(self) -> None:
        """Chargers meet the other load only until the last of their cars has left; afterwards it is alone."""
        load_w = self.outlook.loads_w.get(self.tree.root.name, np.zeros(STEPS))
        last_s = max(stay.departure.unix_s for stay in self.stays if stay.departure is not None)
        gone = (last_s - self.outlook.start_unix_s) / self.outlook.step_s
        for step in range(STEPS):
            with_cars = gone - step if 0.0 < gone - step < 1.0 else 1.0
            alone_w = float(load_w[step]) * (1.0 - with_cars)
            self.alone_w.append(alone_w)
            row = {self.drawn + step: 1.0, self.fed + step: -1.0}
            for number in range(len(self.stays)):
                row |= {2 * number * STEPS + step: -1.0, (2 * number + 1) * STEPS + step: 1.0}
            self.equal.append((row, float(load_w[step]) * with_cars))
            self.rows.append(({self.drawn + step: 1.0, self.size - 1: -1.0}, -max(alone_w, 0.0)))

    def _asked(self) -> None:
        """How far the chargers are from what a schedule asks of them in each step."""
        asked_w = self.outlook.asked_w
        for step in range(STEPS) if asked_w is not None else ():
            if asked_w is None or np.isnan(asked_w[step]):
                continue
            for sign in (1.0, -1.0):
                row = {self.off + step: -1.0}
                for number in range(len(self.stays)):
                    row |= {2 * number * STEPS + step: sign, (2 * number + 1) * STEPS + step: -sign}
                self.rows.append((row, sign * float(asked_w[step])))

    def _node(
        self, name: str, charge_w: np.ndarray, discharge_w: np.ndarray, shares: Sequence[float], part: float = 1.0
    ) -> None:
        load_w = self.outlook.loads_w.get(name, np.zeros(STEPS)) * part
        for step in range(STEPS):
            for way, limit_w, sign in ((0, charge_w[step], -1), (1, discharge_w[step], 1)):
                row = {
                    (2 * number + way) * STEPS + step: share
                    for number, (stay, share) in enumerate(zip(self.stays, shares, strict=True))
                    if any(node.name == name for node in self.tree.path(stay.node))
                }
                if np.isfinite(limit_w) and row:
                    self.rows.append((row, max(limit_w + sign * float(load_w[step]), 0.0)))

    def least(self) -> tuple[float, float, float]:
        """Energy that is missing at least; how far the chargers then are from what is asked at least, in kWh; and what
        that costs at least."""
        missing = np.zeros(self.size)
        missing[self.missing : self.missing + len(self.stays)] = 1.0
        missing_wh = self._solve(missing)
        self.rows.append((dict.fromkeys(range(self.missing, self.missing + len(self.stays)), 1.0), missing_wh + 1.0))
        off = np.zeros(self.size)
        off[self.off : self.off + STEPS] = self.outlook.step_s / 3600 / 1000
        off_kwh = self._solve(off)
        self.rows.append((dict.fromkeys(range(self.off, self.off + STEPS), off[self.off]), off_kwh + 1e-3))
        kwh = self.outlook.step_s / 3600 / 1000
        money = np.zeros(self.size)
        money[self.drawn : self.fed] = self.outlook.buy_per_kwh * kwh
        money[self.fed : self.missing] = -self.outlook.sell_per_kwh * kwh
        for number in range(len(self.stays)):
            begin = (2 * number + 1) * STEPS
            money[begin : begin + STEPS] = self.terms.wear_per_kwh * kwh
        money[-1] = self.terms.peak_per_kw / 1000
        alone_w = np.array(self.alone_w)
        beside = (
            np.maximum(alone_w, 0.0) * self.outlook.buy_per_kwh - np.maximum(-alone_w, 0.0) * self.outlook.sell_per_kwh
        )
        paid = self.terms.peak_per_kw * self.terms.peak_so_far_w / 1000
        return missing_wh, off_kwh, self._solve(money) + float(beside.sum()) * kwh - paid

    def _solve(self, cost: np.ndarray) -> float:
        upper, equal = (_matrix(rows, self.size) for rows in (self.rows, self.equal))
        found = linprog(
            cost, A_ub=upper, b_ub=[most for _, most in self.rows], A_eq=equal, b_eq=[most for _, most in self.equal],
            bounds=np.column_stack([self.lower, self.upper]),
        )  # fmt: skip
        assert found.success, found.message
        return float(found.fun)


def _matrix(rows: Rows, size: int) -> csr_matrix:
    places = [(number, column, by) for number, (row, _) in enumerate(rows) for column, by in row.items()]
    at, columns, values = zip(*places, strict=True)
    return csr_matrix((values, (at, columns)), shape=(len(rows), size))
