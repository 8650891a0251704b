"""Main fuse and export limit, in each phase, through days of random appliances."""

from collections.abc import Iterable

import pytest
from tests.depot.site_days import BEGINS_S, COARSE_S, a_day, random_run

from v2g.depot.simulate.home import DAY_S, Watch
from v2g.depot.site.control import SiteControl
from v2g.depot.site.guard import Connection

WITHIN_S = 1.0
SHORT, LONG = 4, 1_000
HARD = 10_161, 10_865
"""Days on which the battery of the house followed the car, and on which little changed just after a reading."""


def judged(days: Iterable[int]) -> tuple[dict[str, float], int]:
    """The longest time that each limit was exceeded, and how often."""
    longest_s, times = {"fuse": 0.0, "export": 0.0}, 0
    for seed in days:
        watch = a_day(seed)
        times += watch.times
        for name, lasted_s in watch.longest_s.items():
            assert lasted_s <= WITHIN_S, f"day {seed}: {name} for {lasted_s:.2f} s"
            longest_s[name] = max(longest_s[name], lasted_s)
    return longest_s, times


def test_limits_hold_within_a_second() -> None:
    _, times = judged([*range(SHORT), *HARD])
    assert times > 20, "the limits were never in the way"


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_limits_hold_for_a_thousand_days() -> None:
    longest_s, times = judged(range(10_000, 10_000 + LONG))
    found = ", ".join(f"{name} {lasted_s:.2f} s" for name, lasted_s in longest_s.items())
    print(f"{LONG} days: limits exceeded {times} times, longest {found}")


def test_without_the_guard_they_do_not_hold() -> None:
    """The same house with a controller that knows of no limits."""
    run = random_run(2)
    run.control = SiteControl(Connection(fuse_w=1e6, export_w=1e6, silent_s=COARSE_S + 1.0))
    run.run(BEGINS_S + DAY_S / 4)
    watch: Watch = run.watch
    assert watch.longest_s["export"] > 60.0


def test_a_car_on_one_phase_of_three_is_kept_under_the_fuse_of_its_phase() -> None:
    """Nobody knows which phase the car is on; beside it another one uses all three."""
    run = random_run(3, wiring=("1/2/3", "123"))
    run.run(BEGINS_S + DAY_S / 2)
    assert run.watch.longest_s["fuse"] <= WITHIN_S
    assert run.watch.times > 0, "the limits were never in the way"
