"""An hour of real sessions back to back, for `make proof`: every tenth car is hostile, and every ten minutes the
back end is lost. Memory, files, threads and tasks of the daemon do not grow; the ledger has each transaction once.

Simulated hardware that gets no processor is silent, and a session with silent hardware must end. So station, hardware
and cars come before whatever else the machine does, and a session that a fault has ended is excused only if the machine
kept one of them waiting meanwhile."""

import os
import random
import re
import socket
import threading
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.cli.test_long_runs import resident_kb, served
from tests.cli.test_signals import V2G
from tests.interop.process import Process
from tests.interop.station import Station, station
from tests.stopwatch import TAKES_PART, waited_s

from v2g.bench.ledger import Ledger
from v2g.io.control import request
from v2g.pki import hierarchy as pki
from v2g.station.command import Ocpp

pytestmark = [pytest.mark.proof, pytest.mark.alone, pytest.mark.timeout(7200)]
HOUR_S, BACK_END_LIVES_S, HOSTILE = 3600.0, 600.0, 10
MOST_GROWTH_KB, WITHIN_S = 6 * 1024, 120.0
PRIORITY = -19
LOOK_S, STARVED_S = 0.05, 0.15
"""How often the machine is looked at; how long it may keep the processes waiting from one look to the next. A reading
counts for 0.35 s, and is taken each 0.1 s."""
MOST_FAULTED = 0.05
"""Share of the sessions that a starving machine may end: with more, the hour has shown too little."""
PASSWORD = "0123456789abcdef"


class Machine(threading.Thread):
    """Looks how long the machine makes the processes of `TAKES_PART` wait, or this thread, which has their priority."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._longest_s = 0.0
        self.start()

    def run(self) -> None:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        waited_before_s, before_s = waited_s(), time.monotonic()
        while True:
            time.sleep(LOOK_S)
            waits_s, now_s = waited_s(), time.monotonic()
            kept_s = sum(waits_s[pid] - waited_before_s.get(pid, waits_s[pid]) for pid in waits_s)
            self._longest_s = max(self._longest_s, kept_s, now_s - before_s - LOOK_S)
            waited_before_s, before_s = waits_s, now_s

    def longest_s(self) -> float:
        """The longest since it was asked last."""
        longest_s, self._longest_s = self._longest_s, 0.0
        return longest_s


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


def said_of_it(ours: Station, car: dict[str, Any]) -> str:
    """Why the session ended, in the words of car and station."""
    assert ours.trace_file is not None
    station_said = re.findall(r".*(?:0x[0-9A-F]{2}\b|fault|silent|stale).*", ours.trace_file.read_text())
    return f"{car}\n" + "\n".join(line[:160] for line in station_said[-5:])


@pytest.mark.parametrize("lasts_s", [HOUR_S])
def test_an_hour_of_sessions_leaves_nothing_behind(
    tmp_path: Path, lasts_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.interop.process.PRIORITY", PRIORITY)
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
        TAKES_PART.update(each.child.pid for each in (ours.daemon, ours.plant, ours.contactor))
        machine, waits_s = Machine(), list[float]()
        looks, number, faulted, end_s = list[Held](), 0, 0, time.monotonic() + lasts_s
        while time.monotonic() < end_s:
            with Process(back_end):
                until_s = min(end_s, time.monotonic() + BACK_END_LIVES_S)
                while time.monotonic() < until_s:
                    number += 1
                    if number % HOSTILE == 0:
                        hostile(ours.port)
                    machine.longest_s()
                    car = served(ours, tmp_path / "pki")
                    waits_s.append(machine.longest_s())
                    if car["result"] != "ok":
                        faulted += 1
                        print(
                            f"session {number}, kept waiting {waits_s[-1]:.2f} s: {said_of_it(ours, car)}", flush=True
                        )
                        assert waits_s[-1] >= STARVED_S, ours.account()
                    looks.append(held(ours, metrics))
        with Process(back_end):  # takes what is still waiting
            deadline_s = time.monotonic() + WITHIN_S
            while _waits(tmp_path / "control.sock") and time.monotonic() < deadline_s:
                pass
        first, last = looks[len(looks) // 6], looks[-1]
        starving = sum(each >= STARVED_S for each in waits_s)
        print(
            f"{number} sessions, in {starving} of them the machine kept a process waiting {STARVED_S} s or longer (at "
            f"most {max(waits_s):.2f} s), {faulted} of these ended by it: {first} after a sixth, {last} at the end"
        )
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
