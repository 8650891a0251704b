"""A node carries its chargers whoever follows first when one gives up what another one gets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.scene import NOW, TREE, charger, site

from v2g.depot.columns import Columns
from v2g.depot.controller import Controller
from v2g.depot.handover import in_turn
from v2g.depot.response import Dynamics
from v2g.depot.sharing import Limits
from v2g.depot.state import State

FOUR = [charger(number, "T1", phases=phases) for number, phases in enumerate(("123", "123", "1", "2"))]
LIMIT_W = 40_000.0
POWERS = st.lists(st.integers(-15_000, 15_000), min_size=4, max_size=4)


def columns() -> Columns:
    return State(TREE, {each.id: each for each in FOUR}, Dynamics(), NOW).columns


@given(before=POWERS, after=POWERS, arrives=st.lists(st.booleans(), min_size=4, max_size=4))
@settings(max_examples=200, deadline=None)
def test_whoever_follows_first_no_node_carries_more_than_before_or_than_it_may(
    before: list[int], after: list[int], arrives: list[bool]
) -> None:
    seen, was_w, wanted_w = columns(), np.array(before, float), np.array(after, float)
    network = seen.network
    limits = Limits(network.charge_w, network.discharge_w)
    found_w = in_turn(seen, was_w, wanted_w, limits)
    flows_w = np.where(arrives, found_w, was_w)
    for sign, limits_w in ((1.0, limits.charge_w), (-1.0, limits.discharge_w)):
        old_w, new_w = np.maximum(sign * was_w, 0.0), np.maximum(sign * found_w, 0.0)
        asked_w = np.maximum(sign * wanted_w, 0.0)
        assert (new_w <= np.maximum(old_w, asked_w)).all()
        assert (np.minimum(old_w, asked_w) <= new_w).all(), "nobody gives up more than was decided"
        falls = asked_w <= old_w
        assert (new_w[falls] == asked_w[falls]).all(), "who gives up does so at once"
        if (network.sums(asked_w) <= limits_w).all() and (asked_w < old_w).any():
            most_w = np.maximum(network.sums(old_w), limits_w)
            assert (network.sums(np.maximum(sign * flows_w, 0.0)) <= most_w + 1e-3).all()


def test_room_that_is_there_is_used_at_once() -> None:
    seen = columns()
    limits = Limits(seen.network.charge_w, seen.network.discharge_w)
    wanted_w = np.array([5_000.0, 12_000.0, 0.0, 0.0])
    assert (in_turn(seen, np.array([10_000.0, 0.0, 0.0, 0.0]), wanted_w, limits) == wanted_w).all()


def test_a_charger_that_comes_to_a_full_node_waits_until_the_others_have_accepted_less() -> None:
    controller = Controller()
    others = {each.id: each for each in (charger(number, soc_pu=0.5) for number in range(3))}
    late = charger(9, soc_pu=None, ready=False)
    seen = site(*others.values(), late, power_w=60_000.0)
    found = controller.step(seen, NOW)
    assert sum(each.power_w for each in found.setpoints.values()) > LIMIT_W - 10.0  # T1 is full
    last = charger(9)
    powers_w = {id: found.setpoints[id].power_w for id in others}

    def step(second: int, *, accepted: bool) -> dict[str, float]:
        nonlocal powers_w
        kept = powers_w if accepted else {id: found.setpoints[id].power_w for id in others}
        held = [replace(each, held_charge_w=kept[id]) for id, each in others.items()]
        chargers = (*(others.values() if accepted else held), last)
        decided = controller.step(site(*chargers, power_w=60_000.0), NOW + second).setpoints
        powers_w = {id: decided[id].power_w for id in others}
        return {id: each.power_w for id, each in decided.items()}

    first = step(1, accepted=True)
    assert first["CS-9/1"] < 10.0
    assert sum(powers_w.values()) <= LIMIT_W - 1_000.0, "the others give way"
    assert step(2, accepted=False)["CS-9/1"] < 10.0, "nobody has accepted it yet"
    assert step(3, accepted=True)["CS-9/1"] >= 1_000.0
