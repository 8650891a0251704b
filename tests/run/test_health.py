"""What systemd is shown: datagrams to a socket as it makes one, from a daemon that hears cars and one that does not."""

import asyncio
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cables import Ends, ip
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, configuration, hardware

from v2g.bench.sim import netns
from v2g.io.discovery import Responder, link_local, respond
from v2g.io.service_manager import ServiceManager
from v2g.run.health import Health
from v2g.v2gtp.sdp import SdpResponse

pytestmark = pytest.mark.alone
LIMIT_S = 20.0
QUIET_S = 0.5
"""Much longer than the time between two signs of life below."""
WATCHDOG_US = "300000"


class Systemd:
    """The other end: what a service has sent."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": WATCHDOG_US}

    def next(self, within_s: float = LIMIT_S) -> str | None:
        """The next datagram; None if there is none in time."""
        self._socket.settimeout(within_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def until(self, wanted: str) -> list[str]:
        """Everything up to the datagram that is wanted."""
        seen: list[str] = []
        while not seen or seen[-1] != wanted:
            said = self.next()
            assert said is not None, seen
            seen.append(said)
        return seen

    def forget(self) -> None:
        """What has come so far."""
        self._socket.setblocking(False)
        try:
            while self._socket.recv(4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@v2g-test-{os.getpid()}")
    yield made
    made.close()


class Loop:
    """A `Health` in an event loop of its own, in a thread."""

    def __init__(self, manager: ServiceManager, interface: str | None, *, busy: bool = False) -> None:
        self.busy, self.reports = busy, list[str]()
        self._manager, self._interface = manager, interface
        self.loop = asyncio.new_event_loop()
        self.responders: dict[int, Responder] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.loop.run_until_complete(self._watch())

    async def _watch(self) -> None:
        self._task = asyncio.current_task()
        if self._interface is not None:
            offer = SdpResponse(await link_local(self._interface), 1)
            self.responders[1] = await respond(
                self._interface, offer, lambda sender, reason: self.reports.append(reason)
            )
        try:
            await Health(self._manager, self.responders, lambda: self.busy, self.reports.append).watch(1)
        except asyncio.CancelledError:
            for each in self.responders.values():
                each.close()

    def end(self) -> None:
        assert self._task is not None
        self.loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(LIMIT_S)


def test_a_process_without_a_supervisor_sends_nothing() -> None:
    manager = ServiceManager({})
    manager.say(ready=1)
    assert not manager.listens
    assert manager.watchdog_s is None


def test_a_watchdog_for_another_process_is_none_of_ours(systemd: Systemd) -> None:
    assert ServiceManager(systemd.environment).watchdog_s == 0.3
    assert ServiceManager(systemd.environment | {"WATCHDOG_PID": "1"}).watchdog_s is None


def test_a_loop_that_stands_gives_no_sign_of_life(systemd: Systemd) -> None:
    shown = Loop(ServiceManager(systemd.environment), None)
    assert systemd.until("READY=1") == ["STATUS=serving 1 EVSE", "READY=1"]
    systemd.until("WATCHDOG=1")
    stuck, released = threading.Event(), threading.Event()

    def block() -> None:
        stuck.set()
        released.wait(LIMIT_S)

    shown.loop.call_soon_threadsafe(block)
    assert stuck.wait(LIMIT_S)
    systemd.forget()
    assert systemd.next(QUIET_S) is None
    released.set()
    systemd.until("WATCHDOG=1")
    shown.end()


@pytest.mark.netns
def test_a_station_that_does_not_hear_searches_is_not_alive(cables: tuple[Ends, Ends], tmp_path: Path) -> None:
    """It goes on as long as a car is in session, and is deaf all the same."""
    interface = cables[0].station
    systemd = Systemd(str(tmp_path / "notify"))
    shown = Loop(ServiceManager(systemd.environment), interface, busy=True)
    systemd.until("READY=1")
    systemd.until("WATCHDOG=1")
    shown.loop.call_soon_threadsafe(shown.responders[1].close)
    said = systemd.until("STATUS=EVSE 1 does not answer discovery")
    assert systemd.next() == "WATCHDOG=1", said
    shown.busy = False
    systemd.until("STATUS=EVSE 1 does not answer discovery")
    systemd.forget()
    seen = {systemd.next(), systemd.next()}
    assert seen == {"STATUS=EVSE 1 does not answer discovery"}
    assert shown.reports == ["discovery: EVSE 1 does not answer discovery"]
    shown.end()
    systemd.close()


@pytest.mark.netns
def test_an_interface_that_is_down_is_named_and_no_reason_for_a_restart(
    cables: tuple[Ends, Ends], tmp_path: Path
) -> None:
    interface = cables[1].station
    systemd = Systemd(str(tmp_path / "notify"))
    shown = Loop(ServiceManager(systemd.environment), interface)
    systemd.until("READY=1")
    ip("link", "set", interface, "down")
    while not (said := systemd.next() or "").startswith(f"STATUS=EVSE 1: interface {interface}: "):
        assert said
    assert systemd.next() == "WATCHDOG=1"
    ip("link", "set", interface, "up")
    systemd.until("STATUS=serving 1 EVSE")
    assert shown.reports == []
    shown.end()
    systemd.close()


@pytest.mark.netns
@pytest.mark.skipif(netns.why_not() is not None, reason=str(netns.why_not()))
def test_a_daemon_is_ready_when_a_car_can_find_it(tmp_path: Path) -> None:
    """Behind the firewall's rules too: see tests/harden. And a new interface of the old name is found out."""
    systemd = Systemd(str(tmp_path / "notify"))
    with netns.cable() as cable, hardware(cable.station) as (_, plant, _, contactor, grid):
        file = tmp_path / "config.yaml"
        settings = configuration(tmp_path, plant, contactor, grid, services=["DC"], modes=["dynamic"], pki=None)
        settings["evses"][0]["interface"] = cable.station.interface
        file.write_text(json.dumps(settings))
        command = [*V2G, "daemon", "--no-tls", "--port", "0", "--config", str(file)]
        with Process(cable.station.command(*command), systemd.environment) as daemon:
            assert "READY=1" in systemd.until("WATCHDOG=1"), daemon.output
            assert re_created(cable.station)
            systemd.until("STATUS=EVSE 1 does not answer discovery")
            systemd.forget()
            assert systemd.next() != "WATCHDOG=1"
            daemon.child.terminate()
            systemd.until("STOPPING=1\nSTATUS=asks the cars to end their sessions")
            assert daemon.wait(START_S) == 0
    systemd.close()


def re_created(end: netns.End) -> bool:
    """The interface under its name again, as after its driver was loaded again."""
    within = ["ip", "-n", end.namespace]
    for command in (
        ["link", "del", end.interface],
        ["link", "add", end.interface, "type", "veth", "peer", "name", "other"],
        ["link", "set", end.interface, "up"],
        ["link", "set", "other", "up"],
    ):
        subprocess.run([*within, *command], check=True)
    return True
