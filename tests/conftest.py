"""Fixtures every test may use: where the repository and its optional companions are, and a charging cable."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from v2g.sim import netns


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


@pytest.fixture
def cable() -> Iterator[netns.Cable]:
    """Two network namespaces joined by a veth pair with IPv6 link-local addresses; skips without root or iproute2."""
    if reason := netns.obstacle():
        pytest.skip(reason)
    with netns.cable() as ends:
        yield ends
