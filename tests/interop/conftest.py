"""Josev as a fixture."""

from pathlib import Path

import pytest
from tests.interop import josev

from v2g.bench.sim import netns


@pytest.fixture(scope="session")
def peer(repository: Path) -> josev.Josev:
    """Josev, installed below `.cache`; skips when it cannot be had or namespaces cannot be made."""
    if reason := netns.why_not():
        pytest.skip(reason)
    try:
        return josev.install(repository / ".cache")
    except josev.UnavailableError as error:
        pytest.skip(str(error))
