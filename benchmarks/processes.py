"""Processor time and memory of a process and its descendants, from /proc; and the right to run first."""

import os
from contextlib import suppress
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PRIORITY = 50


def run_first(pid: int) -> None:
    """Schedules a process as the shipped service offers it for a busy machine. Only root may ask for it."""
    with suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(PRIORITY))


def cpu_s(pid: int) -> float:
    """User and system time so far, of the living processes and of the children they have waited for."""
    ticks = 0
    for each in _tree(pid):
        user, system, waited_user, waited_system = _stat(each)[11:15]
        ticks += int(user) + int(system) + int(waited_user) + int(waited_system)
    return ticks * TICK_S


def resident_mib(pid: int) -> float:
    """Resident set, the sum over the processes."""
    kib = 0
    for each in _tree(pid):
        for line in Path(f"/proc/{each}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                kib += int(line.split()[1])
    return kib / 1024


def _tree(pid: int) -> list[int]:
    parents = {int(entry.name): int(_stat(int(entry.name))[1]) for entry in Path("/proc").glob("[0-9]*")}
    tree = [pid]
    for each in tree:
        tree += [child for child, parent in parents.items() if parent == each]
    return tree


def _stat(pid: int) -> list[str]:
    """The fields from the state on: the name before it may hold anything. A process that is gone has no parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return ["X", "0"]
