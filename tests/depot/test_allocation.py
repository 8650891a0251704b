"""Water-filling on the tree beside a linear program (HiGHS), and by the certificate of max-min fairness."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from v2g.depot.allocation import BY_CAP, BY_TARGET, Floats, Network, fill, serve
from v2g.depot.sharing import fill_with_minimum
from v2g.depot.tree import Node, Tree

NEAR_W = 0.01


class Case:
    """One problem: a network, caps, weights, a target."""

    def __init__(self, nodes: list[Node], at: list[str], phases: list[str], caps: list[float], weights: list[float]):
        self.network = Network(Tree(nodes), at, phases)
        order = self.network.order
        self.caps_w: Floats = np.array(caps)[order]
        self.weights: Floats = np.array(weights)[order]
        self.limits_w = self.network.discharge_w

    @property
    def matrix(self) -> Floats:
        """Row by row, how much of each charger passes it."""
        unit = np.eye(self.network.size)
        return np.array([self.network.sums(each) for each in unit]).T.reshape(len(self.limits_w), self.network.size)

    def most_w(self) -> float:
        """By linear programming."""
        rows = np.isfinite(self.limits_w)
        found = linprog(
            -np.ones(self.network.size),
            A_ub=self.matrix[rows] if rows.any() else None,
            b_ub=self.limits_w[rows] if rows.any() else None,
            bounds=[(0, cap) for cap in self.caps_w],
        )
        return -float(found.fun)


@st.composite
def cases(draw: st.DrawFn, *, phases: bool) -> Case:
    size = draw(st.integers(1, 6))
    limit = st.one_of(st.just(inf), st.floats(0, 20_000))
    nodes = [
        Node(
            name=f"n{number}",
            parent=None if number == 0 else f"n{draw(st.integers(0, number - 1))}",
            max_discharge_w=draw(limit),
            max_phase_discharge_w=draw(limit) if phases else inf,
        )
        for number in range(size)
    ]
    chargers = draw(st.integers(1, 9))
    used = st.sampled_from(["123", "1", "2", "3", "12"] if phases else ["123"])

    def several(one: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(one, min_size=chargers, max_size=chargers))

    return Case(
        nodes,
        [f"n{draw(st.integers(0, size - 1))}" for _ in range(chargers)],
        [draw(used) for _ in range(chargers)],
        several(st.one_of(st.just(0.0), st.floats(1, 15_000))),
        several(st.one_of(st.just(1.0), st.floats(0.01, 100))),
    )


def scattered(random: np.random.Generator, nodes: list[Node], chargers: int, phases: list[str], most_w: float) -> Case:
    """Chargers at any of the nodes, on any of these phases."""
    return Case(
        nodes,
        [f"n{random.integers(0, len(nodes))}" for _ in range(chargers)],
        [str(random.choice(phases)) for _ in range(chargers)],
        random.uniform(0, most_w, chargers).tolist(),
        random.uniform(0.01, 1.0, chargers).tolist(),
    )


targets = st.one_of(st.just(inf), st.floats(0, 60_000))


@settings(max_examples=60, deadline=None)
@given(cases(phases=False), targets)
def test_without_phases_it_is_the_most_that_there_is(case: Case, target_w: float) -> None:
    shares = fill(case.network, case.caps_w, case.weights, target_w, case.limits_w)
    assert float(shares.power_w.sum()) == pytest.approx(min(target_w, case.most_w()), abs=NEAR_W)
    check_limits(case, shares.power_w)
    check_fairness(case, shares.power_w, target_w)


@settings(max_examples=60, deadline=None)
@given(cases(phases=True), targets)
def test_with_phases_it_is_fair_within_all_limits(case: Case, target_w: float) -> None:
    shares = fill(case.network, case.caps_w, case.weights, target_w, case.limits_w)
    assert float(shares.power_w.sum()) <= target_w + NEAR_W
    check_limits(case, shares.power_w)
    check_fairness(case, shares.power_w, target_w)


def test_it_is_fair_too_if_many_limits_cross() -> None:
    """A limit that a charger is in the way of waits until another one has settled that charger."""
    random = np.random.default_rng(2)
    for _ in range(150):
        size, chargers = int(random.integers(1, 9)), int(random.integers(10, 60))
        nodes = [
            Node(
                name=f"n{number}",
                parent=None if number == 0 else f"n{random.integers(0, number)}",
                max_discharge_w=float(random.choice([inf, random.uniform(0, chargers * 6e3)])),
                max_phase_discharge_w=float(random.choice([inf, random.uniform(0, chargers * 2e3)])),
            )
            for number in range(size)
        ]
        case = scattered(random, nodes, chargers, ["123", "1", "2", "3", "12", "1/2/3"], 15_000)
        target_w = float(random.choice([inf, random.uniform(0, chargers * 12e3)]))
        shares = fill(case.network, case.caps_w, case.weights, target_w, case.limits_w)
        check_limits(case, shares.power_w)
        check_fairness(case, shares.power_w, target_w)


@settings(max_examples=50, deadline=None)
@given(cases(phases=True), targets)
def test_a_target_comes_before_fairness(case: Case, target_w: float) -> None:
    fair = float(fill(case.network, case.caps_w, case.weights, target_w, case.limits_w).power_w.sum())
    served = serve(case.network, case.caps_w, case.weights, target_w, case.limits_w).power_w
    check_limits(case, served)
    assert fair - NEAR_W <= float(served.sum()) <= min(target_w, case.most_w()) + NEAR_W


def test_with_phases_little_is_left_of_what_there_is() -> None:
    """Over many sites with most limits too low for their chargers."""
    random, lacking = np.random.default_rng(1), []
    for _ in range(120):
        size, chargers = int(random.integers(1, 7)), int(random.integers(1, 15))
        nodes = [
            Node(
                name=f"n{number}",
                parent=None if number == 0 else f"n{random.integers(0, number)}",
                max_phase_discharge_w=float(random.uniform(1_000, 10_000)) if random.random() < 0.6 else inf,
            )
            for number in range(size)
        ]
        case = scattered(random, nodes, chargers, ["1", "2", "3", "123"], 8_000)
        served_w = float(serve(case.network, case.caps_w, case.weights, inf, case.limits_w).power_w.sum())
        lacking.append(1.0 - served_w / max(case.most_w(), 1.0))
    assert np.mean(lacking) < 0.002
    assert np.mean(np.array(lacking) < 1e-6) > 0.97


@settings(max_examples=50, deadline=None)
@given(cases(phases=True), targets, st.floats(0, 6_000))
def test_a_share_is_nothing_or_at_least_the_minimum(case: Case, target_w: float, minimum_w: float) -> None:
    minima_w = np.full(case.network.size, minimum_w)
    shares, dropped = fill_with_minimum(case.network, case.caps_w, minima_w, case.weights, target_w, case.limits_w)
    power_w = shares.power_w
    assert ((power_w == 0.0) | (power_w >= minimum_w * (1 - 1e-9))).all()
    assert (power_w[dropped] == 0.0).all()
    check_limits(case, power_w)


def test_what_binds_is_named() -> None:
    nodes = [Node(name="site"), Node(name="T1", parent="site", max_phase_discharge_w=1_000)]
    case = Case(nodes, ["T1", "T1", "site", "site"], ["1", "123", "123", "123"], [5_000.0] * 3 + [500.0], [1.0] * 4)
    shares = fill(case.network, case.caps_w, case.weights, 3_500.0, case.limits_w)
    by_charger = {int(case.network.order[place]): int(bound) for place, bound in enumerate(shares.bound)}
    assert [case.network.row_name(by_charger[number]) for number in (0, 1)] == ["T1 phase 1"] * 2
    assert by_charger[2] == BY_TARGET
    assert by_charger[3] == BY_CAP


def check_limits(case: Case, power_w: Floats) -> None:
    assert (power_w >= 0.0).all()
    assert (power_w <= case.caps_w + NEAR_W).all()
    assert (case.network.sums(power_w) <= case.limits_w + NEAR_W).all()


def check_fairness(case: Case, power_w: Floats, target_w: float) -> None:
    """A power is max-min fair exactly if everybody is at its cap, or behind a full limit where nobody has more for its
    weight (Bertsekas and Gallager, Data Networks, 6.5.2)."""
    levels = power_w / case.weights
    full = [row for row, limit in zip(case.matrix, case.limits_w, strict=True) if row @ power_w >= limit - NEAR_W]
    if float(power_w.sum()) >= target_w - NEAR_W:
        full.append(np.ones(case.network.size))
    for number in np.flatnonzero(power_w < case.caps_w - NEAR_W):
        highest = [float(levels[row > 0].max()) for row in full if row[number] > 0]
        slack = NEAR_W / float(case.weights.min())
        assert any(levels[number] >= each - slack for each in highest)
