"""A meter of the site that is stuck, or has the wrong sign, moves the plant by a little only."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, charger, site

from v2g.depot.controller import Controller
from v2g.depot.dispatch import Dispatch, Trouble
from v2g.depot.tree import flat
from v2g.depot.view import Meter

RATINGS_W = 10 * 15_000.0


def followed(reads: Callable[[float, int], float], asked_w: float, cycles: int = 30) -> list[Dispatch]:
    """Ten chargers that do what they are asked for. `reads`: what the meter says of their sum in a cycle."""
    controller, scene = Controller(), site(*(charger(n, "site") for n in range(10)), power_w=asked_w, tree=flat())
    found, powers_w = list[Dispatch](), dict.fromkeys(scene.chargers, 0.0)
    for cycle in range(cycles):
        now = NOW + 2 * cycle
        chargers = {
            id: replace(each, measured_w=powers_w[id], measured_unix_s=now) for id, each in scene.chargers.items()
        }
        meter = Meter(reads(sum(powers_w.values()), cycle), now)
        found.append(controller.step(replace(scene, chargers=chargers, meter=meter), now))
        powers_w = {id: each.power_w for id, each in found[-1].setpoints.items()}
    return found


@pytest.mark.parametrize("asked_w", [0.0, -20_000.0, 20_000.0])
@pytest.mark.parametrize(
    "reads",
    [
        lambda flows_w, cycle: -flows_w,
        lambda flows_w, cycle: 20_000.0,
        lambda flows_w, cycle: -60_000.0,
        lambda flows_w, cycle: flows_w if cycle < 5 else -15_000.0,
        lambda flows_w, cycle: flows_w + 1e9 * (-1) ** cycle,
    ],
    ids=["wrong sign", "stuck at 20 kW", "stuck at -60 kW", "stuck later", "wild"],
)
def test_a_meter_that_contradicts_the_chargers_is_not_followed(
    reads: Callable[[float, int], float], asked_w: float
) -> None:
    found = followed(reads, asked_w)
    off_w = [abs(each.commanded_w - asked_w) for each in found]
    assert max(off_w[:-10]) <= abs(asked_w) + 0.2 * RATINGS_W
    assert max(off_w[-10:]) <= 0.1 * RATINGS_W


def test_a_doubted_meter_is_named_and_what_the_chargers_measure_is_shown() -> None:
    found = followed(lambda flows_w, _: -flows_w, -20_000)[-1]
    assert any(each.trouble is Trouble.METER_LOST and "contradicts" in each.text for each in found.notices)
    assert found.delivered_w == pytest.approx(found.commanded_w, rel=0.1)


def test_losses_between_the_chargers_and_the_meter_are_made_up_for() -> None:
    found = followed(lambda flows_w, _: 0.92 * flows_w, -40_000)[-1]
    assert 0.92 * found.commanded_w == pytest.approx(-40_000, rel=0.02)
