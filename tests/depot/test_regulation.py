"""The regulation benchmark in short; `python -m benchmarks depot_regulation` has it in full."""

from functools import partial

import pytest

from v2g.depot.simulate.regulation import Scene, run
from v2g.depot.simulate.strategy import Ours, equal_share

short = partial(Scene, seconds=300, lost_at_s=150)


@pytest.mark.parametrize(
    "scene",
    [short(), short(seed=3, silent_s=10.0), short(seed=4, phases=True, transformer_w=72e3, soc_error_pu=0.02)],
    ids=["seen at once", "silent for 10 s", "phases, full transformers, wrong SoC"],
)
def test_the_sum_stays_steady(scene: Scene) -> None:
    found = run(scene, Ours)
    assert found.nrmse <= 0.05  # 0.04 in two hours; in five minutes the loss weighs more
    assert found.score >= 0.97
    assert found.recovery_s <= (6.0 if scene.silent_s else 4.0)
    assert found.floor_vehicle_s == 0.0
    assert found.overload_wh == 0.0
    assert found.most_changed <= 0.2


def test_an_equal_share_drains_vehicles_below_their_floors() -> None:
    """The benchmark can fail."""
    found = run(Scene(seconds=1800, lost=0), equal_share)
    assert found.floor_vehicle_s > 100.0
    assert found.most_changed > 0.9
