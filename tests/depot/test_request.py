import math

import pytest

from v2g.depot.request import (
    DroopShare,
    PowerRequest,
    RegulationRequest,
    Request,
    ScheduleRequest,
    Step,
    asked,
)
from v2g.depot.tree import Node, Tree, TreeError

NOW = 1_800_000_000.0


def test_a_silent_source_leaves_its_default() -> None:
    request = PowerRequest(by="EMS", power_w=-5_000, until_unix_s=NOW, default_w=1_000)
    assert request.at(NOW, None) == -5_000
    assert request.at(NOW + 1, None) == 1_000
    assert asked([request], NOW + 1, None).power_w == 1_000


@pytest.mark.parametrize("power_w", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_as_silence(power_w: float) -> None:
    assert PowerRequest(by="EMS", power_w=power_w, default_w=0.0).at(NOW, None) == 0.0
    assert asked([PowerRequest(by="EMS", power_w=power_w)], NOW, None).power_w is None


def test_the_first_that_asks_for_a_power_holds_and_droop_adds() -> None:
    requests: list[Request] = [
        ScheduleRequest(by="later", steps=(Step(NOW + 10, -1_000.0),)),
        RegulationRequest(by="grid operator", signal_pu=0.5, capacity_w=10_000, baseline_w=2_000),
        PowerRequest(by="EMS", power_w=9_000),
        DroopShare(by="droop", w_per_hz=100_000, deadband_hz=0.01),
    ]
    found = asked(requests, NOW, 49.95)
    assert found.power_w == pytest.approx(-3_000 - 4_000)
    assert found.by == "grid operator + droop"
    assert asked(requests, NOW + 10, 50.005).power_w == -1_000


def test_a_signal_beyond_its_range_is_its_end() -> None:
    assert RegulationRequest(by="RegD", signal_pu=-3.0, capacity_w=10_000).at(NOW, None) == 10_000


def test_without_a_frequency_droop_adds_nothing() -> None:
    assert asked([DroopShare(by="droop", w_per_hz=1e5)], NOW, None).power_w is None


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([Node(name="a"), Node(name="a")], "'a' is there twice"),
        ([Node(name="a"), Node(name="b", parent="c")], "no node 'c'"),
        ([Node(name="a"), Node(name="b")], "2 nodes without a parent"),
        ([Node(name="a"), Node(name="b", parent="c"), Node(name="c", parent="b")], "its own ancestor"),
        ([Node(name="a", max_charge_w=math.nan)], "'a': a limit of nan W"),
        ([Node(name="a", max_discharge_w=-1.0)], "magnitude of 0 or more"),
    ],
)
def test_what_is_no_tree_is_refused_by_name(nodes: list[Node], says: str) -> None:
    with pytest.raises(TreeError, match=says):
        Tree(nodes)
