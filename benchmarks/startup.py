"""From the start of the station's process to its first answer to a car that searches for it (SDP)."""

import subprocess
import sys
from functools import partial
from statistics import median

from benchmarks.figure import Figure, Setting, beside
from benchmarks.stations import ROOT, cable_of, running

STARTS = 3
ANSWER_S = 30.0


def measure(setting: Setting) -> list[Figure]:
    """The median of three starts with TLS; the hardware's simulators already run."""
    return [beside("start_to_first_answer", "s", partial(_start_s, setting))]


def _start_s(setting: Setting, name: str) -> float:
    return median(_one_start_s(setting, name) for _ in range(STARTS))


def _one_start_s(setting: Setting, name: str) -> float:
    car = cable_of(setting).car
    command = car.command(sys.executable, "-m", "benchmarks.first_answer", car.interface)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as search:
        assert search.stdout is not None
        search.stdout.readline()  # it searches
        try:
            with running(setting, name, tls=True) as station:
                answered_s, _ = search.communicate(timeout=ANSWER_S)
        finally:
            search.kill()
    return float(answered_s) - station.started_s
