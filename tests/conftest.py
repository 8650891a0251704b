"""Fixtures every test may use: the repository and its optional companions, a day of the grid, a charging cable."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from v2g.bench.sim import netns


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared(repository: Path) -> Path:
    """The folder of schemas, vectors and captures that may lie beside the checkout; skips without it."""
    folder = Path(os.environ.get("V2G_SHARED", repository.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set V2G_SHARED)")
    return folder


@pytest.fixture(scope="session")
def frequency_day(shared: Path) -> list[float]:
    """A real day of the grid's frequency, per unit of the nominal one, a value for each second; skips without it."""
    path = shared / "data/grid_60hz_1s_day.csv"
    if not path.exists():
        pytest.skip(f"no {path}")
    with path.open() as file:
        return [float(row[1]) for row in csv.reader(file)]


@pytest.fixture
def cable() -> Iterator[netns.Cable]:
    """Two network namespaces joined by a veth pair with IPv6 link-local addresses; skips without root or iproute2."""
    if reason := netns.why_not():
        pytest.skip(reason)
    with netns.cable() as ends:
        yield ends
