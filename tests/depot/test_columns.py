"""What is read again of chargers, beside columns that are made anew; and what is made of them when somebody asks."""

from math import inf, nan

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.scene import NOW, TREE, VEHICLE, charger, site

from v2g.depot.columns import _NAMES, Columns, News
from v2g.depot.controller import Controller, Settings
from v2g.depot.view import Charger

MOVES = (
    {"measured_w": -4_000.0, "measured_unix_s": NOW + 1}, {"measured_w": None}, {"measured_w": 1e6},
    {"held_discharge_w": 500.0}, {"latency_s": 0.3}, {"latency_s": None},
)  # fmt: skip
CHARGES = ({"soc_pu": 0.5, "soc_unix_s": NOW + 1}, {"soc_pu": None}, {"soc_pu": 1.5}, {"soc_unix_s": -inf})
OTHERS = (
    {"online": False}, {"ready": False}, {"charge_only": "by its driver"}, {"max_charge_w": 7_000.0},
    {"vehicle": None}, {"vehicle": replace(VEHICLE, capacity_wh=nan)}, {"safe_w": 1_000.0},
)  # fmt: skip
changes = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([*MOVES, *CHARGES, *OTHERS])), min_size=1, max_size=6
)  # fmt: skip


def changed(each: Charger, what: dict[str, object]) -> Charger:
    if what not in CHARGES:
        return replace(each, **what)
    return each if each.vehicle is None else replace(each, vehicle=replace(each.vehicle, **what))


@settings(max_examples=60, deadline=None)
@given(st.lists(changes, min_size=1, max_size=4))
def test_what_is_read_again_is_what_would_be_read_anew(rounds: list[list[tuple[int, dict[str, object]]]]) -> None:
    chargers = {f"CS-{number}/1": charger(number, "T1" if number % 2 else "T2") for number in range(4)}
    columns = Columns(TREE, chargers)
    for several in rounds:
        before = dict(chargers)
        for number, what in several:
            chargers[f"CS-{number}/1"] = changed(chargers[f"CS-{number}/1"], what)
        news, anew = columns.read(TREE, chargers), Columns(TREE, chargers)
        for name in _NAMES:
            if name != "soc_s":  # of a vehicle that is not there
                assert np.array_equal(columns[name], anew[name], equal_nan=True), name
        lasting = any(
            replace(
                chargers[id], measured_w=0.0, measured_unix_s=0.0, held_discharge_w=0.0, latency_s=0.0, vehicle=None
            )
            != replace(each, measured_w=0.0, measured_unix_s=0.0, held_discharge_w=0.0, latency_s=0.0, vehicle=None)
            for id, each in before.items()
        )
        assert news is News.OTHER or not lasting


def test_chargers_that_hang_elsewhere_need_other_columns() -> None:
    chargers = {"CS-1/1": charger(1), "CS-2/1": charger(2)}
    for other in (
        {"CS-1/1": charger(1)}, {"CS-1/1": charger(1), "CS-3/1": charger(3)},
        {"CS-1/1": charger(1), "CS-2/1": charger(2, "T2")}, {"CS-1/1": charger(1), "CS-2/1": charger(2, phases="1")},
    ):  # fmt: skip
        columns = Columns(TREE, chargers)
        assert columns.read(TREE, chargers) is News.MOVED
        assert columns.read(TREE, other) is News.ELSEWHERE


def test_the_set_points_of_a_step_stay_as_they_are() -> None:
    only = charger(4, "T2", charge_only="by its driver")
    scene, everything = site(charger(1), charger(2), charger(3), only, power_w=-40_000), Settings(reserve_pu=0.0)
    controller = Controller(everything)
    first = controller.step(scene, NOW).setpoints
    again = Controller(everything).step(scene, NOW).setpoints
    second = controller.step(replace(scene, requests=()), NOW + 2).setpoints  # before anybody has asked the first one
    assert dict(first) == dict(again)
    assert first.powers_w == {id: each.power_w for id, each in again.items()}
    assert dict(first.bindings()) == {id: each.binding for id, each in again.items()}
    assert first.by_nodes() == dict.fromkeys(("CS-1/1", "CS-2/1", "CS-3/1"), "node T1")
    assert str(first["CS-4/1"].binding) == "charge only (by its driver)"
    assert dict(second) != dict(first)
