"""One step of protection and grid support beside OpenDER's, on the same machine: python -m benchmarks.bench_grid"""

import json
import sys
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from tests.grid import opender

from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.protection import Protection
from v2g.grid.sample import GridSample
from v2g.grid.support import GridSupport

STEP_S = 0.1
#: Seconds, voltages in pu, frequency in Hz, power fed in pu: sound, droop, volt-var, a dip, a trip and the way back.
STRETCHES: list[tuple[float, list[float], float, float]] = [
    (60, [1.0, 1.0, 1.0], 60.0, 0.5),
    (60, [1.0, 1.0, 1.0], 60.4, 0.5),
    (60, [1.04, 1.05, 1.06], 60.0, 0.8),
    (10, [0.8, 1.0, 1.0], 60.0, 0.8),
    (60, [1.0, 1.0, 1.0], 60.0, -0.5),
    (1, [1.0, 1.0, 1.0], 62.5, 0.5),
    (60, [1.0, 1.0, 1.0], 60.0, 0.5),
]


def ours() -> list[float]:
    """Seconds for each step."""
    code = settings.load("ieee1547-cat3").with_settings({"reactive.mode": "volt_var", "volt_watt.enabled": True})
    protection = Protection(code, in_service=True)
    support = GridSupport(code, Rating(10_000, 10_000, 10_000, 4_400))
    times: list[float] = []
    for seconds, voltages_pu, frequency_hz, fed_pu in STRETCHES:
        for _ in range(round(seconds / STEP_S)):
            now = len(times) * STEP_S
            sample = GridSample(now, len(times), tuple(voltages_pu), frequency_hz, power_w=-10_000 * fed_pu)
            started = perf_counter()
            verdict = protection.step(sample, now)
            support.step(sample, -10_000 * fed_pu, STEP_S, verdict)
            times.append(perf_counter() - started)
    return times


def theirs(peer: opender.OpenDER) -> list[float]:
    """Seconds for each step of OpenDER with the same functions enabled."""
    case = {
        "category": "CAT_III",
        "normal": "CAT_B",
        "dt_s": STEP_S,
        "settings": {"CONST_PF_MODE_ENABLE": False, "QV_MODE_ENABLE": True, "PV_MODE_ENABLE": True},
        "stretches": STRETCHES,
        "benchmark": True,
    }
    times: list[float] = peer.run([case])[0]
    return times


def main() -> None:
    results: dict[str, list[float]] = {"v2g": ours()}
    try:
        results["opender"] = theirs(opender.install(Path(__file__).parents[1] / ".cache"))
    except opender.UnavailableError as reason:
        print(reason, file=sys.stderr)
    figures = {
        name: {"median_us": round(median(times) * 1e6, 1), "p99_us": round(quantiles(times, n=100)[98] * 1e6, 1)}
        for name, times in results.items()
    }
    print(json.dumps({"steps": len(results["v2g"]), **figures}, indent=2))


if __name__ == "__main__":
    main()
