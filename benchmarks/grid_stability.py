"""Islands found in time, nothing tripped for nothing, no limit cycles: python -m benchmarks.grid_stability [--short]

Stations in a loop with a load or a weak grid (`v2g.bench.sim.grid_loop`), under every grid code. Each line of the
output is a campaign; the exit code is 1 if a case failed.
"""

import os
import random
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from math import sqrt

from v2g.bench.sim.grid_loop import GridLoop, MatchedLoad
from v2g.bench.sim.weak_grid import WeakGrid, events, source_pu
from v2g.grid import settings
from v2g.grid.protection import Cause, State, Verdict
from v2g.grid.ride_through import Mode
from v2g.grid.settings import GridCode

Code = tuple[str, str | None]
REGIONS: tuple[Code, ...] = (("as-nzs-4777-2", "b"), ("as-nzs-4777-2", "c"))
CODES: tuple[Code, ...] = (*((name, None) for name in settings.names()), *REGIONS)
"""Grid codes, and variants."""
ACTIVE = (0.90, 0.95, 0.98, 1.0, 1.02, 1.05, 1.10)
REACTIVE = (-0.10, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.10)
STATIONS = (1, 3, 10, 30)
OTHERS = (0.0, 0.25)
TURNS = 4
"""States of the probes in which an island begins, for each combination of the others."""
IN_TIME_S = 2.0
SHORT_CIRCUIT_RATIOS = (3.0, 5.0, 10.0, 20.0)
X_OVER_R = (0.3, 1.0, 3.0, 10.0)
LIFTS_PU = (0.002, 0.005, 0.02)
MOST_CESSATIONS = 6


def island_s(code: Code, case: tuple[float, float, int, float, int], late_s: tuple[float, float]) -> float:
    """When an island is found; 9 if not within 3 s. `case`: active and reactive match, stations, others, turn."""
    active, reactive, stations, others, _ = case
    grid_code = settings.load(*code)
    chance = random.Random(f"{code} {case}")
    load = MatchedLoad(grid_code.nominal_hz, active, reactive, others)
    begins_s = -1.5 - chance.random()
    loop = GridLoop(
        grid_code, load, stations, delay_s=late_s[0], lag_s=late_s[1], begins_s=begins_s, draw=chance.random
    )
    found_s = loop.trips_at_s(3.0)
    return 9.0 if found_s is None else found_s


def islands(code: Code, late_s: tuple[float, float], turns: int) -> list[float]:
    """Of all combinations."""
    return [
        island_s(code, case, late_s) for case in product(ACTIVE, REACTIVE, STATIONS, OTHERS, range(turns))
    ]  # fmt: skip


def false_trips(code: Code, ratios: Iterable[float], x_over_r: Iterable[float]) -> list[str | None]:
    """What tripped in each event on a weak grid, or None.

    A voltage out of its band is none: a droop that charges at full power leaves little of it on a weak grid.
    """
    grid_code, found = settings.load(*code), list[str | None]()
    for ratio, angle in product(ratios, x_over_r):
        for name, source in events(grid_code, source_pu(ratio, angle, 1.0)):
            chance = random.Random(name)
            loop = GridLoop(grid_code, WeakGrid(ratio, angle, source), draw=chance.random)
            tripped = next((v.element for _, _, v, _ in loop.run(8.0) if _false(v)), None)
            found.append(None if tripped is None else f"{code[0]}, SCR {ratio:g}, X/R {angle:g}, {name}: {tripped}")
    return found


def _false(verdict: Verdict) -> bool:
    return verdict.state is State.TRIP and verdict.cause is not Cause.VOLTAGE


def cessations(grid_code: GridCode, ratio: float, x_over_r: float, lift_pu: float, lasts_s: float = 60.0) -> int | None:
    """How often a station ceases whose own power lifts the voltage out of its band; None if it ceases without it."""
    ceasing = [band.low for band in grid_code.ride_through.voltage if band.mode is Mode.MOMENTARY_CESSATION]
    edge_pu = min(low_pu for low_pu in ceasing if low_pu > 1)
    calm_pu = source_pu(ratio, x_over_r, edge_pu + lift_pu)
    if calm_pu > edge_pu:
        return None
    grid = WeakGrid(ratio, x_over_r, lambda _: (calm_pu, grid_code.nominal_hz, 0.0))
    count, before = 0, State.RUN
    for _, _, verdict, _ in GridLoop(grid_code, grid, delay_s=0.05, lag_s=0.05).run(lasts_s):
        count += verdict.state is State.CEASE and before is not State.CEASE
        before = verdict.state
    return count


def cycles(code: Code) -> list[int]:
    """`cessations` on every weak grid, of a code that has momentary cessation above nominal voltage."""
    grid_code = settings.load(*code)
    if not any(band.mode is Mode.MOMENTARY_CESSATION and band.low > 1 for band in grid_code.ride_through.voltage):
        return []
    found = (cessations(grid_code, *case) for case in product(SHORT_CIRCUIT_RATIOS, X_OVER_R, LIFTS_PU))
    return [count for count in found if count is not None]


def probe_effect(noise_hz: float, rate: float = 0.0, ratio: float = 10.0) -> tuple[float, float, float]:
    """Of the probe on a grid, as shares of the active power: rms, largest; and the largest change of the voltage in pu.

    `noise_hz`: standard deviation of the frequency from one cycle of 20 ms to the next. `rate`: in Hz/s, for 2 s.
    """
    code, chance = settings.load("ieee1547-cat3"), random.Random(1)
    calm_pu = source_pu(ratio, 1.0, 1.0)

    def source(now: float) -> tuple[float, float, float]:
        return calm_pu, 60.0 + chance.gauss(0.0, noise_hz) + rate * min(max(now, 0.0), 2.0), 0.0

    loop = GridLoop(code, WeakGrid(ratio, 1.0, source), known=True, draw=chance.random)
    seen = [(loop.probe_var / 10_000, sample.voltages_pu[0]) for now, sample, _, _ in loop.run(3.0 if rate else 60.0)
            if now > 0]  # fmt: skip
    voltages = [voltage_pu for _, voltage_pu in seen]
    return (
        sqrt(sum(share * share for share, _ in seen) / len(seen)),
        max(abs(share) for share, _ in seen),
        max(voltages) - min(voltages),
    )


def main() -> None:
    short = "--short" in sys.argv[1:]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        failed = [
            _islands(pool.map, late_s, 1 if short else TURNS) for late_s in ((0.2, 0.1), (0.25, 0.1), (0.0, 0.02))
        ]
        failed.append(_weak(pool.map))
        failed.append(_cycles(pool.map))
    for noise_hz in (0.0, 0.005, 0.02):
        rms, largest, _ = probe_effect(noise_hz)
        print(f"probe at {noise_hz * 1000:g} mHz of noise: {rms:.2%} rms, {largest:.2%} at most of the active power")
    for ratio in (3.0, 10.0, 20.0):
        print(f"probe on a calm grid of SCR {ratio:g}: moves the voltage by {probe_effect(0.0, 0.0, ratio)[2]:.2%}")
    for rate in (0.1, 0.5, 1.0, 2.0):
        rms, largest, _ = probe_effect(0.0, rate)
        print(f"probe at {rate:g} Hz/s: {largest:.1%} at most of the active power")
    sys.exit(any(failed))


def _islands(over: Callable[..., Iterable[list[float]]], late_s: tuple[float, float], turns: int) -> bool:
    found = [s for each in over(partial(islands, late_s=late_s, turns=turns), CODES) for s in each]
    late = sum(seconds > IN_TIME_S for seconds in found)
    print(
        f"islands, set-points {late_s[0]:g} s late, lag {late_s[1]:g} s: {len(found)} cases, {late} after 2 s, "
        f"the latest after {max(found):.2f} s",
        flush=True,
    )
    return late > 0


def _weak(over: Callable[..., Iterable[list[str | None]]]) -> bool:
    trips = [
        e for each in over(partial(false_trips, ratios=SHORT_CIRCUIT_RATIOS, x_over_r=X_OVER_R), CODES) for e in each
    ]
    wrong = [each for each in trips if each is not None]
    print(f"events on weak grids: {len(trips)} cases, {len(wrong)} tripped", *wrong[:5], sep="\n  ", flush=True)
    return bool(wrong)


def _cycles(over: Callable[..., Iterable[list[int]]]) -> bool:
    counts = [count for each in over(cycles, CODES) for count in each]
    many = sum(count > MOST_CESSATIONS for count in counts)
    print(
        f"voltage out of its band by feeding: {len(counts)} cases, {many} go on, at most {max(counts)} cessations",
        flush=True,
    )
    return many > 0


if __name__ == "__main__":
    main()
