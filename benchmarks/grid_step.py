"""One step of protection and grid support beside OpenDER's (PyPI `opender`)."""

from pathlib import Path
from statistics import quantiles
from time import perf_counter

from benchmarks.figure import Figure, Setting, Value
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


def measure(setting: Setting) -> list[Figure]:
    """Median and 99th percentile over the steps of a few minutes, with the same functions enabled, us."""
    ours = _ours_s()
    theirs: list[float] | str
    try:
        theirs = _theirs_s(opender.install(Path(__file__).parents[1] / ".cache"))
    except opender.UnavailableError as reason:
        theirs = str(reason)
    return [
        Figure(f"grid_step_p{percent}", "us", _us(ours, percent), {"opender": _us(theirs, percent)})
        for percent in (50, 99)
    ]


def _us(times_s: list[float] | str, percent: int) -> Value:
    return times_s if isinstance(times_s, str) else quantiles(times_s, n=100)[percent - 1] * 1e6


def _ours_s() -> list[float]:
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


def _theirs_s(peer: opender.OpenDER) -> list[float]:
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
