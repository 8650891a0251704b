"""Measures our figures on this machine, beside those of others that have them: python -m benchmarks [NAME ...]

NAME chooses figures by their module, such as `startup`; all are measured without. Prints a table and writes
`benchmarks/results.json`, whose committed state is the last complete run.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    capture_decoding,
    contracts,
    crowd,
    depot_allocation,
    depot_fan_out,
    depot_page,
    depot_plan,
    depot_regulation,
    eight_evses,
    energy_loop,
    exi_calls,
    first_message,
    grid_reaction,
    grid_step,
    iso2_session,
    local_api,
    lossy_captures,
    lossy_sessions,
    memory,
    neighbours,
    ocpp_day_offline,
    ocpp_messages,
    ocpp_order,
    response_time,
    scheduling,
    session_cpu,
    startup,
)
from benchmarks.figure import Figure, Setting, Value
from tests.grid import opender
from tests.interop import josev

from v2g.bench.sim import netns
from v2g.pki import hierarchy as pki

MODULES = (
    exi_calls,
    first_message,
    capture_decoding,
    startup,
    session_cpu,
    iso2_session,
    memory,
    response_time,
    energy_loop,
    eight_evses,
    scheduling,
    neighbours,
    ocpp_messages,
    ocpp_day_offline,
    ocpp_order,
    contracts,
    grid_step,
    grid_reaction,
    crowd,
    local_api,
    lossy_captures,
    lossy_sessions,
    depot_allocation,
    depot_plan,
    depot_regulation,
    depot_fan_out,
    depot_page,
)
FOLDER = Path(__file__).parent


def main() -> None:
    names = {module.__name__.rpartition(".")[2]: module for module in MODULES}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="NAME", help=", ".join(names))
    chosen = parser.parse_args().figures
    if unknown := [name for name in chosen if name not in names]:
        parser.error(f"there is no figure {unknown[0]}; there are {', '.join(names)}")
    figures: list[Figure] = []
    with ExitStack() as stack:
        setting = _setting(stack)
        for name in chosen or names:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            try:
                figures += names[name].measure(setting)
            except Exception as error:  # the others are measured all the same
                traceback.print_exc()
                figures.append(Figure(name, "failed", f"{type(error).__name__}: {error}"))
    _print(figures)
    if not chosen:
        _write(figures, FOLDER / "results.json")
    if failed := [figure.name for figure in figures if figure.unit == "failed"]:
        sys.exit(f"not measured: {', '.join(failed)}")


def _setting(stack: ExitStack) -> Setting:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    cable: netns.Cable | str = netns.why_not() or stack.enter_context(netns.cable())
    peer: josev.Josev | str
    try:
        peer = josev.install(FOLDER.parent / ".cache")
    except josev.UnavailableError as error:
        peer = str(error)
        pki.create(folder / "pki", curve="p256", now=datetime.now(UTC), force=False)
    return Setting(peer, cable, folder / "pki" if isinstance(peer, str) else peer.pki, folder)


def _print(figures: list[Figure]) -> None:
    rows = [("figure", "unit", "v2g", "limit", "others")]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        others = ", ".join(f"{peer} {_text(value)}" for peer, value in figure.peers.items())
        rows.append((figure.name, figure.unit, _text(figure.v2g), limit, others))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, unit, ours, limit, others in rows:
        print(f"{name:{widths[0]}}  {unit:{widths[1]}}  {ours:>{widths[2]}}  {limit:>{widths[3]}}  {others}".rstrip())


def _text(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else value


def _write(figures: list[Figure], file: Path) -> None:
    results = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processor": _processor(), "cores": _cores(), "system": platform.platform()},
        "python": platform.python_version(),
        "josev": josev.VERSION,
        "opender": opender.VERSION,
        "figures": {
            f"{figure.name}_{figure.unit}": {
                "v2g": _rounded(figure.v2g),
                **{peer: _rounded(value) for peer, value in figure.peers.items()},
                **({} if figure.limit is None else {"limit": figure.limit}),
            }
            for figure in figures
        },
    }
    file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _rounded(value: Value) -> Value:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
