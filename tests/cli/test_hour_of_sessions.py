"""An hour of real sessions back to back, for `make proof`: every tenth car is hostile, and every ten minutes the
back end is lost. Memory, files, threads and tasks of the daemon do not grow; the ledger has each transaction once."""

import os
import random
import re
import socket
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.test_long_runs import resident_kb, served
from tests.cli.test_signals import V2G
from tests.interop.process import Process
from tests.interop.station import Station, station

from v2g.bench.ledger import Ledger
from v2g.io.control import request
from v2g.pki import hierarchy as pki
from v2g.station.command import Ocpp

pytestmark = [pytest.mark.proof, pytest.mark.alone, pytest.mark.timeout(7200)]
HOUR_S, BACK_END_LIVES_S, HOSTILE = 3600.0, 600.0, 10
MOST_GROWTH_KB, WITHIN_S = 6 * 1024, 120.0
MOST_FAULTED = 0.05
"""Share of the sessions that a fault may end: on a busy machine simulated hardware is now and then silent too long."""
PASSWORD = "0123456789abcdef"


class Held(NamedTuple):
    """What the daemon holds."""

    resident_kb: int
    files: int
    threads: int
    tasks: int


def held(ours: Station, metrics: int) -> Held:
    place = Path(f"/proc/{ours.daemon.child.pid}")
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=30) as answer:
        found = re.search(r"^v2g_event_loop_tasks (\d+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    threads, files = len(os.listdir(place / "task")), len(os.listdir(place / "fd"))
    return Held(resident_kb(ours.daemon), files, threads, int(found[1]))


def hostile(port: int) -> None:
    """Connects, says nonsense, and goes."""
    with socket.create_connection(("::1", port), 10) as car:
        car.sendall(random.randbytes(random.randrange(1, 5000)))


def _waits(control: Path) -> bool:
    """Whether the back end has yet to get something."""
    link = request(control, Ocpp())
    return bool(link["waiting"] or link["transactions"])


@pytest.mark.parametrize("lasts_s", [HOUR_S])
def test_an_hour_of_sessions_leaves_nothing_behind(tmp_path: Path, lasts_s: float) -> None:
    pki.create(tmp_path / "pki", now=datetime.now(UTC))
    (tmp_path / "password").write_text(PASSWORD)
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as free,
        socket.create_server(("127.0.0.1", 0)) as near,
    ):
        listen, metrics = f"[::1]:{free.getsockname()[1]}", int(near.getsockname()[1])
    back_end = [*V2G, "csms", "--listen", listen, "--ledger", str(tmp_path / "ledger.db")]
    beside = {
        "metrics": {"port": metrics},
        "ocpp": {
            "identity": "CS1", "url": f"ws://{listen}", "security_profile": 1, "authorize": "station",
            "password_file": str(tmp_path / "password"), "store": str(tmp_path / "ocpp.db"),
        }
    }  # fmt: skip
    with station(
        None, tmp_path, services=["DC_BPT"], pki=tmp_path / "pki", profile="iso15118-20", beside=beside
    ) as ours:
        looks, number, faulted, end_s = list[Held](), 0, 0, time.monotonic() + lasts_s
        while time.monotonic() < end_s:
            with Process(back_end):
                until_s = min(end_s, time.monotonic() + BACK_END_LIVES_S)
                while time.monotonic() < until_s:
                    number += 1
                    if number % HOSTILE == 0:
                        hostile(ours.port)
                    faulted += served(ours, tmp_path / "pki")["result"] != "ok"
                    looks.append(held(ours, metrics))
        with Process(back_end):  # takes what is still waiting
            deadline_s = time.monotonic() + WITHIN_S
            while _waits(tmp_path / "control.sock") and time.monotonic() < deadline_s:
                pass
        first, last = looks[len(looks) // 6], looks[-1]
        print(f"{number} sessions, {faulted} of them ended by a fault: {first} after a sixth, {last} at the end")
        assert faulted <= MOST_FAULTED * number, ours.account()
        assert last.resident_kb - first.resident_kb < MOST_GROWTH_KB
        assert last.files <= first.files + 1  # the link to the back end may be away at that moment
        assert last.threads <= first.threads + 1
        assert last.tasks <= first.tasks + 2
    ledger = Ledger(tmp_path / "ledger.db")
    accounts = ledger.accounts()
    ledger.close()
    assert number - faulted <= len(accounts) <= number  # a fault before the power path closes begins none
    assert {(each.begun, each.ended, each.missing) for each in accounts} == {(1, 1, 0)}, accounts
