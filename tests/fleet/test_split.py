"""A request over depots: within all limits, as much as there is, at the least cost. A linear programme judges."""

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2g.depot.tree import Node, Tree
from v2g.fleet.split import Fleet, Offers
from v2g.fleet.view import Place

NODES = ("grid", "A", "B", "A1", "A2")
PARENTS = {"A": "grid", "B": "grid", "A1": "A", "A2": "A"}
_w = st.integers(0, 20).map(lambda each: each * 50.0)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Fleet, Offers, float]:
    nodes = [
        Node(name=name, parent=PARENTS.get(name), max_charge_w=draw(_w), max_discharge_w=draw(_w)) for name in NODES
    ]
    count = draw(st.integers(1, 8))
    places = [
        Place(id=f"D{number}", node=draw(st.sampled_from(NODES)), max_charge_w=draw(_w), max_discharge_w=draw(_w),
              cost=float(draw(st.integers(0, 3))))
        for number in range(count)
    ]  # fmt: skip
    fleet = Fleet(Tree(nodes), places)
    fed, drawn, above, room = (np.array([draw(_w) for _ in range(count)]) for _ in range(4))
    away = np.array([draw(st.integers(0, 4)) == 0 for _ in range(count)])
    offers = Offers(-fed, drawn, above, room, ~away, np.minimum(drawn, 100.0), np.minimum(fed, 100.0))
    return fleet, offers, float(draw(st.integers(-40, 40))) * 50.0


def _programme(fleet: Fleet, offers: Offers, request_w: float, delivered_w: float | None) -> float:
    """The most that can be given towards the request; with `delivered_w`, the least cost of giving that."""
    charges = request_w >= 0.0
    network, most_w = fleet.network, fleet.max_charge_w if charges else fleet.max_discharge_w
    caps = np.where(offers.steered, np.minimum(offers.most_w if charges else -offers.least_w, most_w), 0.0)
    own = np.where(offers.steered, 0.0, offers.charge_w if charges else offers.discharge_w)
    limits = np.maximum((network.charge_w if charges else network.discharge_w) - network.sums(own), 0.0)
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("threads", 1)  # as the planner: one process has one number
    highs.silent()
    powers = [highs.addVariable(lb=0.0, ub=float(cap)) for cap in caps]
    for row, limit in enumerate(limits):
        behind = [float(network.sums(each)[row]) for each in np.eye(len(caps))]
        flow = sum(share * each for share, each in zip(behind, powers, strict=True)) + 0.0 * powers[0]
        highs.addConstr(flow <= float(limit))
    total = sum(powers[1:], 1.0 * powers[0])
    if delivered_w is None:
        highs.addConstr(total <= abs(request_w))
        highs.maximize(total)
    else:
        highs.addConstr(total >= delivered_w - 1e-6)
        highs.minimize(sum(float(cost) * each for cost, each in zip(fleet.cost, powers, strict=True)) + 0.0 * powers[0])
    return float(highs.getObjectiveValue())


@settings(max_examples=60)
@given(scenes())
def test_it_is_as_much_and_as_cheap_as_a_linear_programme_says(scene: tuple[Fleet, Offers, float]) -> None:
    fleet, offers, request_w = scene
    found = fleet.split(request_w, offers)
    given_w = np.abs(found.power_w)
    assert (np.sign(found.power_w) * np.sign(request_w) >= 0.0).all()
    assert given_w.sum() == pytest.approx(_programme(fleet, offers, request_w, None), abs=0.1)
    cost = float((fleet.cost * given_w).sum())
    assert cost == pytest.approx(_programme(fleet, offers, request_w, float(given_w.sum())), abs=0.5)


@given(scenes())
def test_no_limit_is_exceeded_and_nobody_away_is_asked(scene: tuple[Fleet, Offers, float]) -> None:
    fleet, offers, request_w = scene
    found, network = fleet.split(request_w, offers), fleet.network
    assert (found.power_w[~offers.steered] == 0.0).all()
    assert (found.power_w <= np.minimum(offers.most_w, fleet.max_charge_w) + 1e-6).all()
    assert (found.power_w >= np.maximum(offers.least_w, -fleet.max_discharge_w) - 1e-6).all()
    for sign, limits_w, own in ((1, network.charge_w, offers.charge_w), (-1, network.discharge_w, offers.discharge_w)):
        own_w = network.sums(np.where(offers.steered, 0.0, own))
        flows_w = network.sums(np.maximum(sign * found.power_w, 0.0))
        assert (flows_w <= np.maximum(limits_w - own_w, 0.0) + 0.01).all()
    assert found.least_w <= found.power_w.sum() + 0.01
    assert found.most_w >= found.power_w.sum() - 0.01


def test_depots_of_one_cost_share_by_energy() -> None:
    places = [Place(id=id, node="grid") for id in "ab"]
    fleet = Fleet(Tree([Node(name="grid")]), places)
    wide, zero = np.array([500.0, 500.0]), np.zeros(2)
    offers = Offers(-wide, wide, np.array([300.0, 100.0]), zero, np.array([True, True]), zero, zero)
    assert fleet.split(-400.0, offers).power_w.tolist() == [-300.0, -100.0]
    assert fleet.split(400.0, offers).power_w.tolist() == [200.0, 200.0]


def test_who_must_charge_is_made_up_for_by_others() -> None:
    places = [Place(id=id, node="grid") for id in "ab"]
    fleet = Fleet(Tree([Node(name="grid")]), places)
    zero = np.zeros(2)
    offers = Offers(np.array([100.0, -500.0]), np.array([300.0, 500.0]), zero, zero, np.array([True, True]), zero, zero)
    assert fleet.split(-200.0, offers).power_w.tolist() == [100.0, -300.0]


def test_two_thousand_depots_are_shared_in_one_step() -> None:
    places = [Place(id=str(number), node="grid", cost=float(number % 5)) for number in range(2_000)]
    fleet = Fleet(Tree([Node(name="grid", max_discharge_w=50e6, max_charge_w=50e6)]), places)
    wide = np.full(2_000, 100e3)
    offers = Offers(-wide, wide, wide, wide, wide > 0, wide, wide)
    assert fleet.split(-60e6, offers).power_w.sum() == pytest.approx(-50e6)
