"""The long forms, for `make proof`: a demonstration stopped at any moment, a daemon through sessions and kills."""

import json
import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_signals import SIGNALS, V2G, descendants, gone, heeds_signals, namespaces
from tests.interop.process import Process
from tests.interop.station import Station, station

from v2g.io.control import request
from v2g.pki import hierarchy as pki
from v2g.station.command import Status

__all__ = ["heeds_signals"]
pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600)]
# The moments are the input here: no event stands for "at any time".
MOMENTS_S = [0.25 * step for step in range(1, 25)]
SESSIONS, MOST_GROWTH_KB = 60, 4096
ENDS_S = 120.0
"""More than the 60 s for which a silent car outside the charge loop keeps its session."""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_demonstration_may_be_stopped_at_any_moment(number: signal.Signals, tmp_path: Path) -> None:
    for moment_s in MOMENTS_S:
        with Process([*V2G, "demo", "--output", str(tmp_path)], afresh=True) as process:
            assert process.wait_for("v2g demo:", 30) is not None
            time.sleep(moment_s)
            started = descendants(process.child.pid)
            process.signal(number)
            assert process.wait(30) == 128 + number, f"after {moment_s} s: {process.output}"
            assert gone(started), f"after {moment_s} s"
            assert namespaces(process.child.pid) == []
            assert "Traceback" not in process.output, f"after {moment_s} s: {process.output}"


def resident_kb(process: Process) -> int:
    status = Path(f"/proc/{process.child.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def served(ours: Station, certificates: Path) -> dict[str, Any]:
    """What a car says of a short session."""
    place = ["--host", "::1", "--port", str(ours.port), "--pki", str(certificates), "--battery", ours.plant_address]
    with Process([*V2G, "ev", *place, "--json", "--duration", "1"]) as car:
        assert car.wait(60) is not None
        outcome: dict[str, Any] = json.loads(car.output)
        return outcome


def test_a_daemon_serves_one_car_after_the_other_and_does_not_grow(tmp_path: Path) -> None:
    pki.create(tmp_path / "pki", now=datetime.now(UTC))
    options = {"services": ["DC_BPT"], "pki": tmp_path / "pki", "profile": "iso15118-20"}
    with station(None, tmp_path, **options) as ours:  # type: ignore[arg-type]  # the options' types differ
        sizes = []
        for _ in range(SESSIONS):
            assert served(ours, tmp_path / "pki")["result"] == "ok"
            sizes.append(resident_kb(ours.daemon))
        assert sizes[-1] - sizes[SESSIONS // 6] < MOST_GROWTH_KB, sizes
        (evse,) = request(tmp_path / "control.sock", Status())["evses"]
        assert (evse["contactor_closed"], evse["troubles"]) == (False, {})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_whenever_a_car_is_killed_the_next_is_served(number: signal.Signals, tmp_path: Path) -> None:
    pki.create(tmp_path / "pki", now=datetime.now(UTC))
    options = {"services": ["DC_BPT"], "pki": tmp_path / "pki", "profile": "iso15118-20"}
    with station(None, tmp_path, **options) as ours:  # type: ignore[arg-type]  # the options' types differ
        place = ["--host", "::1", "--port", str(ours.port), "--pki", str(tmp_path / "pki")]
        for moment_s in MOMENTS_S[::3]:
            with Process([*V2G, "ev", *place, "--battery", ours.plant_address]) as car:
                assert car.wait_for("station at", 30) is not None
                time.sleep(moment_s)
                car.signal(number)
                deadline = time.monotonic() + ENDS_S
                while _evse(tmp_path)["contactor_closed"] is not False or _evse(tmp_path)["in_session"]:
                    assert time.monotonic() < deadline, f"after {moment_s} s"
                car.signal(signal.SIGKILL)
            assert served(ours, tmp_path / "pki")["result"] == "ok", f"after {moment_s} s"


def _evse(directory: Path) -> dict[str, Any]:
    (evse,) = request(directory / "control.sock", Status())["evses"]
    found: dict[str, Any] = evse
    return found
