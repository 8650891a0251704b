"""Fifty sessions of each edition over a power line that loses every twentieth frame and delays each by 50 ms.

Three stations in namespaces of their own, a car at each at a time; two of them match their cars over the same bad line
first. Each session is judged from outside, see `tests.interop.lossy_line`.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure, Setting
from tests.interop.lossy_line import Run, lane

from v2g.pki import hierarchy as pki

PROTOCOLS = ("iso20-dc", "iso2-dc", "din", "iso2-v2g", "din-v2g")
"""With `-v2g`: cars that ask for a negative current."""
LANES = ((True, 17), (True, 17), (False, 16))
"""Whether cars are matched, and how many come."""


def measure(setting: Setting) -> list[Figure]:
    if isinstance(setting.cable, str):
        return [Figure("lossy_sessions_in_order", "of_50", setting.cable)]
    pki.create(setting.folder / "p521", curve="p521", now=datetime.now(UTC), force=True, both=True)
    return [figure for protocol in PROTOCOLS for figure in _fifty(setting.folder, protocol)]


def _fifty(folder: Path, protocol: str) -> list[Figure]:
    def run(number: int) -> list[Run]:
        slac, sessions = LANES[number]
        own = folder / f"{protocol}-{number}"
        own.mkdir()
        with lane(own, folder / "p521", slac=slac, seed=number, protocol=protocol) as line:
            return [line.session() for _ in range(sessions)]

    with ThreadPoolExecutor(len(LANES)) as pool:
        runs = [each for lane_runs in pool.map(run, range(len(LANES))) for each in lane_runs]
    in_order = [each for each in runs if each.in_order and each.safe]
    stopped = [each for each in runs if each.ended and each.safe and each.told]
    causes = Counter(each.told.split()[0] if each.told.startswith("0x") else each.told for each in stopped)

    def median_s(slac: bool) -> float:
        return median([each.duration_s for each in in_order if each.slac is slac] or [nan])

    name = f"lossy_sessions_{protocol}"
    return [
        Figure(f"{name}_in_order", "of_50", float(len(in_order))),
        Figure(f"{name}_stopped_safely", "of_50", float(len(stopped))),
        Figure(f"{name}_stopped_by", "codes", ", ".join(f"{n} x {told}" for told, n in causes.most_common())),
        Figure(f"{name}_hung", "of_50", float(sum(not each.ended for each in runs)), limit=0.0),
        Figure(f"{name}_unsafe", "of_50", float(sum(not each.safe for each in runs)), limit=0.0),
        Figure(f"{name}_matched_median", "s", median_s(True)),
        Figure(f"{name}_unmatched_median", "s", median_s(False)),
    ]
