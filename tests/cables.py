"""Charging cables in the test's own network namespace: both ends are within reach of one process."""

import os
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from v2g.bench.sim import netns


class Ends(NamedTuple):
    """Interface names of the two ends of one cable."""

    car: str
    station: str


@pytest.fixture(scope="module")
def cables() -> Iterator[tuple[Ends, Ends]]:
    """Two cables, fresh: their addresses are still tentative."""
    if reason := netns.why_not():
        pytest.skip(reason)
    ends = Ends(f"v2g{os.getpid()}e0", f"v2g{os.getpid()}s0"), Ends(f"v2g{os.getpid()}e1", f"v2g{os.getpid()}s1")
    try:
        for car, station in ends:
            ip("link", "add", car, "type", "veth", "peer", "name", station)
            ip("link", "set", car, "up")
            ip("link", "set", station, "up")
        yield ends
    finally:
        for car, _ in ends:
            ip("link", "delete", car)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
