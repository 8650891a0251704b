"""What the plan of a house costs, against the least that anybody could have paid; and whether cars leave full."""

from collections.abc import Iterable

import numpy as np
import pytest
from tests.depot.site_days import BEGINS_S, charger
from tests.depot.site_oracle import least_cost

from v2g.depot.plan import STEPS, Outlook, start_of
from v2g.depot.simulate.home import HOUR_S, Event, House, Stay
from v2g.depot.simulate.home_site import SiteRun, constant
from v2g.depot.site.control import SiteControl
from v2g.depot.site.guard import Connection

WEAR, ABOVE = 0.05, 1.02
LEAST = 0.5
"""EUR. Of a day that could cost about nothing no share says anything."""
HARD = 108, 114
"""On these days the sun shines while the car leaves, and at once afterwards."""
NOON_S = BEGINS_S + 12 * HOUR_S
CONNECTION = Connection(fuse_w=34.0 * 230.0, export_w=10_000.0, silent_s=70.0)


def known_day(seed: int) -> tuple[SiteRun, float]:
    """From noon to noon with a car that stays the night, and the least that it can cost."""
    random = np.random.default_rng(seed)
    hours = (np.arange(2 * STEPS) * 0.25 + 12.0) % 24.0
    buy = 0.25 + 0.10 * np.sin((hours - 9.0) / 24.0 * 4 * np.pi) + np.repeat(random.normal(0.0, 0.04, STEPS // 2), 4)
    sell = np.minimum(0.08, 0.9 * buy) if random.random() < 0.5 else 0.7 * buy
    sun_w = random.uniform(0.0, 8_000.0) * np.clip(np.sin((hours - 6.0) / 14.0 * np.pi), 0.0, None)
    loads_w = random.uniform(200.0, 2_500.0, 2 * STEPS) - np.where((hours > 6) & (hours < 20), sun_w, 0.0)
    stay = Stay(
        charger="CS-1/1",
        from_s=NOON_S + float(random.choice([0.0, 5.0])) * HOUR_S,
        until_s=NOON_S + float(random.integers(17 * 4, 23 * 4)) * 900.0,
        soc_pu=float(random.uniform(0.35, 0.7)),
        target_pu=float(random.choice([0.6, 0.8, 0.9])),
        floor_pu=0.3,
    )
    events: list[Event] = [(NOON_S + 900.0 * n, (each / 3, each / 3, each / 3)) for n, each in enumerate(loads_w)]
    house = House([charger(1, least_w=0.0)], events, random, coarse_s=60.0, noise_w=0.0)

    def outlook(now: float) -> Outlook:
        first = int((start_of(now) - NOON_S) // 900.0)
        part = slice(first, first + STEPS)
        return Outlook(start_unix_s=start_of(now), buy_per_kwh=buy[part], sell_per_kwh=sell[part],
                       loads_w={"site": loads_w[part]})  # fmt: skip

    buying, selling = constant(buy, NOON_S), constant(sell, NOON_S)
    run = SiteRun(house, SiteControl(CONNECTION), [stay], outlook=outlook, wear_per_kwh=WEAR,
                  prices=lambda now: (buying(now), selling(now)))  # fmt: skip
    least = least_cost(stay, 11_000.0, charger(1).efficiency_pu, loads_w[:STEPS], buy[:STEPS], sell[:STEPS], NOON_S,
                       WEAR, 3 * CONNECTION.fuse_w, CONNECTION.export_w)  # fmt: skip
    return run, least


def judged(days: Iterable[int]) -> tuple[float, float, float]:
    """Sum of the costs and of the least ones, and the worst share by which a day is above its least."""
    paid = owed = worst = 0.0
    for seed in days:
        run, least = known_day(seed)
        run.run(NOON_S + 24 * HOUR_S)
        cost = run.money.cost + WEAR * run.money.worn_wh / 1000.0
        if np.isfinite(least):
            assert run.money.missing_wh <= 100.0, f"day {seed}: {run.money.missing_wh:.0f} Wh were missing at departure"
            paid, owed = paid + cost, owed + least
            above = (cost - least) / max(abs(least), LEAST)
            assert above <= ABOVE - 1.0, f"day {seed}: {cost:.3f}, {least:.3f} at least"
            worst = max(worst, above)
    return paid, owed, worst


def test_cost_is_near_the_least() -> None:
    judged(HARD)


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_cost_of_many_days_is_near_the_least() -> None:
    paid, owed, worst = judged(range(100, 300))
    print(f"200 days: {paid:.2f} for {owed:.2f} at least, {paid / owed - 1:+.2%}; worst day {worst:+.2%}")
    assert paid <= ABOVE * owed
