"""The plan of a depot: the first one, the one after an event, and one in groups beside one for each vehicle."""

import random
from collections.abc import Iterator
from statistics import median
from time import process_time

import numpy as np
from benchmarks.figure import Figure, Setting
from msgspec.structs import replace

from v2g.depot.plan import STEPS, Departure, Outlook, Plan, Stay, Terms, cost_of, powers_of
from v2g.depot.planner import Planner
from v2g.depot.tree import Node, Tree

LIMIT_MS = 50.0
NOW = 1_800_000_000.0
VEHICLES, MANY, EVENTS, SEEDS = 60, 400, 30, 3
HOURS = np.arange(STEPS) / 4
TERMS = Terms(peak_per_kw=0.5)


def measure(setting: Setting) -> list[Figure]:
    """Processor time: the solver has one thread. An event: a vehicle goes, comes, or has another SoC or departure."""
    first_ms, event_ms, price_ms = list[float](), list[float](), list[float]()
    for seed in range(SEEDS):
        dice = random.Random(seed)
        planner, outlook = Planner(_tree(VEHICLES), TERMS), _outlook(seed, VEHICLES)
        stays = list(_stays(VEHICLES, dice))
        first_ms.append(_ms(planner, stays, outlook, NOW))
        for number in range(EVENTS):
            stays = _event(stays, dice)
            event_ms.append(_ms(planner, stays, outlook, NOW + 2 * number))
        price_ms.append(_ms(planner, stays, _outlook(seed + 100, VEHICLES), NOW + 2 * EVENTS))
    slow_ms = sorted(event_ms)[int(0.95 * len(event_ms))]
    lost, many_ms = zip(*(_in_groups(seed) for seed in range(SEEDS)), strict=True)
    return [
        Figure(f"depot_plan_{STEPS}_x_{VEHICLES}_first", "ms", median(first_ms)),
        Figure(f"depot_plan_{STEPS}_x_{VEHICLES}_after_an_event", "ms", median(event_ms), limit=LIMIT_MS),
        Figure(f"depot_plan_{STEPS}_x_{VEHICLES}_after_an_event_p95", "ms", slow_ms),
        Figure(f"depot_plan_{STEPS}_x_{VEHICLES}_new_prices", "ms", median(price_ms)),
        Figure(f"depot_plan_{STEPS}_x_{MANY}_in_groups", "ms", median(many_ms)),
        Figure(f"depot_plan_groups_of_{MANY}_lost_of_the_gain", "%", median(lost)),
    ]


def _tree(count: int) -> Tree:
    """Three transformers, each with less than its chargers could take."""
    each_w = count / 3 * 11_000 * 0.7
    nodes = [Node(name=f"T{n}", parent="site", max_charge_w=each_w, max_discharge_w=each_w,
                  max_phase_charge_w=each_w / 3, max_phase_discharge_w=each_w / 3) for n in range(3)]  # fmt: skip
    return Tree([Node(name="site", max_charge_w=2.5 * each_w, max_discharge_w=2.5 * each_w), *nodes])


def _stays(count: int, dice: random.Random) -> Iterator[Stay]:
    for number in range(count):
        capacity_wh = dice.choice((40_000.0, 60_000.0, 80_000.0))
        yield Stay(
            id=f"CS-{number}/1",
            node=f"T{number % 3}",
            phases="1" if number % 5 == 0 else "123",
            energy_wh=capacity_wh * dice.uniform(0.3, 0.9),
            capacity_wh=capacity_wh,
            target_wh=capacity_wh * dice.uniform(0.5, 0.95),
            floor_wh=capacity_wh * 0.3,
            max_charge_w=11_000.0,
            max_discharge_w=11_000.0 if number % 4 else 0.0,
            departure=Departure(NOW + dice.uniform(2, 20) * 3600, dice.choice((0.0, 1_800.0))),
        )


def _outlook(seed: int, count: int) -> Outlook:
    noise = np.random.default_rng(seed).normal(0, 0.01, STEPS)
    buy = 0.25 + 0.1 * np.sin(HOURS / 24 * 4 * np.pi + seed) + noise
    load_w = count * 1_500 * np.sin(HOURS / 24 * 2 * np.pi) ** 2
    return Outlook(start_unix_s=NOW, buy_per_kwh=buy, sell_per_kwh=buy - 0.05, loads_w={"site": load_w})


def _event(stays: list[Stay], dice: random.Random) -> list[Stay]:
    place = dice.randrange(len(stays))
    here = stays[place]
    match dice.randrange(4):
        case 0 if len(stays) > VEHICLES - 5:
            return stays[:place] + stays[place + 1 :]
        case 1:
            found = replace(here, energy_wh=here.capacity_wh * dice.uniform(0.3, 0.9))
        case 2:
            found = replace(here, departure=Departure(NOW + dice.uniform(2, 20) * 3600))
        case _:
            found = replace(here, target_wh=here.capacity_wh * dice.uniform(0.5, 0.95))
    return [*stays[:place], found, *stays[place + 1 :]]


def _ms(planner: Planner, stays: list[Stay], outlook: Outlook, now: float) -> float:
    began = process_time()
    plan = planner.plan(stays, outlook, now)
    taken_ms = (process_time() - began) * 1e3
    assert not plan.trouble, plan.trouble
    return taken_ms


def _in_groups(seed: int) -> tuple[float, float]:
    """How much of what the full plan saves, beside charging at once, is lost by groups, in percent; and processor time
    of the plan in groups, in ms."""
    stays, outlook = list(_stays(MANY, random.Random(seed))), _outlook(seed, MANY)
    full = Planner(_tree(MANY), TERMS, most_single=MANY).plan(stays, outlook, NOW)
    began = process_time()
    groups = Planner(_tree(MANY), TERMS).plan(stays, outlook, NOW)
    many_ms = (process_time() - began) * 1e3
    assert not full.trouble + groups.trouble, full.trouble + groups.trouble
    at_once = cost_of([_at_once(each) for each in stays], outlook, TERMS, "site", NOW)
    return (_worth(groups, stays) - _worth(full, stays)) / (at_once - full.cost) * 100, many_ms


def _worth(plan: Plan, stays: list[Stay]) -> float:
    """Its cost, with energy that is missing at the dearest price."""
    short_wh = sum(each.short_wh for each in plan.missed)
    return plan.cost + short_wh / 1000 * 0.4


def _at_once(stay: Stay) -> np.ndarray:
    wanted_wh = max(stay.target_wh, stay.energy_wh)
    reached = stay.energy_wh + stay.max_charge_w * stay.efficiency_pu * 0.25 * np.arange(1, STEPS + 1)
    return powers_of(np.minimum(reached, wanted_wh), stay.energy_wh, stay.efficiency_pu, 900.0)
