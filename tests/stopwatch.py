"""Time that a test may judge on a loaded machine: without its processes' waits for a processor."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TAKES_PART: set[int] = {os.getpid()}
"""Processes whose waiting does not count: this one, and the simulated devices that it has started."""


class Stopwatch:
    """Runs from the moment that it is made."""

    def __init__(self) -> None:
        self._waited_before_s = waited_s()
        self._started_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Without the time in which a process of the test was ready to run and another one ran in its place."""
        passed_s = time.monotonic() - self._started_s
        waits_s = waited_s()
        return passed_s - sum(waits_s[pid] - self._waited_before_s.get(pid, 0.0) for pid in waits_s)


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    """Fails if what is inside takes `limit_s` or longer."""
    watch = Stopwatch()
    yield
    assert watch.elapsed_s < limit_s


def waited_s() -> dict[int, float]:
    """For each process, how long it has waited in all; none on a kernel that does not count it."""
    waits_s = {}
    for pid in TAKES_PART:
        try:
            waits_s[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):  # it has ended, or is not counted
            continue
    return waits_s
