"""A daemon with four EVSEs, a back end, metrics and a recording in 256 MiB: a quarter of what the least machine has."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from benchmarks.figure import Setting
from benchmarks.processes import memory_group
from benchmarks.scheduling import EVSES, load

from v2g.pki import hierarchy as pki

pytestmark = [pytest.mark.proof, pytest.mark.alone, pytest.mark.timeout(300)]
MOST_BYTES = 256 << 20
PRIORITY = -19
"""Memory is judged here: hardware and cars do not wait for whatever else the machine does."""


def test_four_evses_and_a_back_end_live_in_256_mib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel would kill the daemon, and with it the sessions, if it needed more."""
    pki.create(tmp_path / "pki", curve="p256", now=datetime.now(UTC), force=False)
    monkeypatch.setattr("tests.interop.process.PRIORITY", PRIORITY)
    setting = Setting("not needed", "not needed", tmp_path / "pki", tmp_path)
    try:
        with memory_group(MOST_BYTES) as group:
            taken = load(setting, EVSES, fifo=False, burning=False, within=group.command, nice=PRIORITY)
            print(f"{taken.resident_mib:.0f} MiB resident, of which the group had {group.peak_mib:.0f} MiB at most")
            assert 20 < group.peak_mib <= 256  # pages of libraries count where they were read first
    except PermissionError:
        pytest.skip("this user may make no control groups")
