"""Processor time and memory of a process and its descendants, from /proc; the right to run first; a bound on memory."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PRIORITY = 50
_GROUPS = {"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"}
"""Where groups with a bound on their memory are made, of the first and the second version of control groups."""


class MemoryGroup:
    """A control group with a bound on its memory, page cache included: the kernel kills a process that needs more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def command(self, words: Sequence[str]) -> list[str]:
        """Starts these words in the group."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self._folder / "cgroup.procs"), *words]

    @property
    def peak_mib(self) -> float:
        """The most that it has had."""
        for name in ("memory.max_usage_in_bytes", "memory.peak", "memory.current"):
            if (self._folder / name).exists():
                return int((self._folder / name).read_text()) / (1 << 20)
        raise FileNotFoundError(self._folder)


@contextmanager
def memory_group(most_bytes: int) -> Iterator[MemoryGroup]:
    """Until the block is left. Raises `OSError` if this user may not make groups here."""
    for root, limit in _GROUPS.items():
        folder = Path(root) / f"v2g-{os.getpid()}"
        if root == "/sys/fs/cgroup" and not (Path(root) / "memory.stat").exists():
            break
        if not Path(root).is_dir():
            continue
        folder.mkdir()
        try:
            (folder / limit).write_text(str(most_bytes))
            yield MemoryGroup(folder)
        finally:
            folder.rmdir()
        return
    raise OSError("there are no control groups with a bound on memory")


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
