"""Fixtures every test may use: the repository and its optional companions, a day of the grid, a charging cable."""

import csv
import gc
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from v2g.bench.sim import netns

# What collection makes lives to the end: looking for garbage in it costs a third of the time that collection takes.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# How long an example takes depends on what else the machine does.
settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped and why: for `make test`, whose runs are added up, in the file that V2G_SKIPPED names."""
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ())]
    if not reasons:
        return
    if file := os.environ.get("V2G_SKIPPED"):
        with Path(file).open("a") as lines:
            lines.writelines(f"{reason}\n" for reason in reasons)
        return
    for reason, count in Counter(reasons).most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")


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
