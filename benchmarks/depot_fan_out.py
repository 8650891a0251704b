"""Set-points to all stations of a depot at once, from the decision until the last one has acknowledged; and the memory
that a station costs. All stations connect at once before, and again after the depot was killed.

In the table: 1 000 stations in clear. `python -m benchmarks.depot_fan_out --stations 5000 --tls` measures more of them.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.depot_site import CHARGE_W, Crowd, crowd
from benchmarks.figure import Figure, Setting

SHORT = 1_000
ROUNDS = 6
ACKNOWLEDGED_S = {1_000: 0.15, 5_000: 0.6}
ACKNOWLEDGED_TLS_S = {5_000: 1.0}
SERVED_S = 60.0
TLS_KIB = 60.0
PATIENCE_S = 30.0
METER_S = 10.0
"""Stations that measure nothing get no more power."""
SETTLES_S, LOOKS_S = 4.0, 0.25


@dataclass(frozen=True)
class Measured:
    """Of one crowd."""

    served_s: float
    again_s: float
    """Until all were served, at their first connection and after the depot's death."""
    errors: int
    acknowledged_s: list[float]
    cpu_s: float
    """Of the depot, for one fan-out."""
    kib: float
    """Resident memory of the depot, for one station."""


def measure(setting: Setting) -> list[Figure]:
    return figures(SHORT, _measured(setting.folder / "fan-out", SHORT, tls=False), tls=False)


def figures(count: int, found: Measured, *, tls: bool) -> list[Figure]:
    name = f"depot_{count}_stations{'_tls' if tls else ''}"
    limit_s = (ACKNOWLEDGED_TLS_S if tls else ACKNOWLEDGED_S).get(count)
    best = sorted(found.acknowledged_s)
    return [
        Figure(f"{name}_served_at_once", "s", found.served_s, limit=SERVED_S),
        Figure(f"{name}_served_again_after_kill", "s", found.again_s, limit=SERVED_S),
        Figure(f"{name}_errors_on_the_wire", "count", float(found.errors), limit=0),
        Figure(f"{name}_setpoints_acknowledged_median", "s", best[len(best) // 2], limit=limit_s),
        Figure(f"{name}_setpoints_acknowledged_best", "s", best[0]),
        Figure(f"{name}_setpoints_cpu", "s", found.cpu_s),
        Figure(f"{name}_memory_each", "kib", found.kib, limit=TLS_KIB if tls else None),
    ]


def _measured(folder: Path, count: int, *, tls: bool) -> Measured:
    with crowd(folder, count, tls=tls, meter_s=METER_S) as site:
        empty_mib = processes.resident_mib(site.depot.child.pid)
        served = site.connect()
        time.sleep(SETTLES_S)
        taken_s, used_s = [], []
        for number in range(ROUNDS):
            before_s = processes.cpu_s(site.depot.child.pid)
            taken_s.append(_fan_out(site, 0.0 if number % 2 else float(CHARGE_W * count)))
            used_s.append(processes.cpu_s(site.depot.child.pid) - before_s)
        full_mib = processes.resident_mib(site.depot.child.pid)
        site.kill()
        site.again()
        again = site.told("served", PATIENCE_S + SERVED_S)
        time.sleep(SETTLES_S)
    return Measured(
        served["took_s"], again["at_s"] - site.ready_s, again["errors"], taken_s, sorted(used_s)[len(used_s) // 2],
        (full_mib - empty_mib) * 1024 / count,
    )  # fmt: skip


def _fan_out(site: Crowd, power_w: float) -> float:
    """Seconds from the decision until all have acknowledged, by the depot's own clock."""
    time.sleep(SETTLES_S)
    site.ask(power_w)
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        time.sleep(LOOKS_S)
        found = site.site()
        if found["commanded_w"] == power_w and not found["unacknowledged"] and found["acknowledged"] == site.count:
            return float(found["acknowledged_s"])
    raise RuntimeError(f"not acknowledged within {PATIENCE_S:g} s: {found | {'notices': found['notices'][:3]}}")


def main() -> None:
    from benchmarks.__main__ import _print

    parser = argparse.ArgumentParser(prog="python -m benchmarks.depot_fan_out", description=__doc__)
    parser.add_argument("--stations", type=int, default=SHORT)
    parser.add_argument("--tls", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = _measured(Path(folder), args.stations, tls=args.tls)
    _print(figures(args.stations, found, tls=args.tls))
    print("rounds:", " ".join(f"{each:.3f}" for each in found.acknowledged_s))


if __name__ == "__main__":
    main()
