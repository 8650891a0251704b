"""Two depots whose processes are killed again and again, at any moment: controller, broker, database, CSMS, stations;
and a controller that stands still for a while. With real sockets and real disks the ledgers have what the meters show,
nothing is lost or doubled, silence is safe in its time, and all is as before afterwards.

One depot is the CSMS of its site, with a station over WebSocket and one over MQTT, and a ledger in PostgreSQL. The
other one relays between a station and a CSMS.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from tests import broker as brokers
from tests.csms.light_process import PASSWORD, Shown
from tests.csms.test_ledger import SERVER, Server
from tests.interop.process import Process
from tests.interop.station import START_S, V2G

from v2g.bench.ledger import Ledger
from v2g.depot.ledger import Account
from v2g.run.depot import open_ledger

SEED = int(os.environ.get("V2G_SEED", "7"))
KILLS = int(os.environ.get("V2G_KILLS", "200"))
MOMENTS_S = 0.1, 1.5
"""The moment of a kill is the input here: no event stands for "at any time"."""
STOPPED_S, SETTLES_S, LOOKS_S = 30.0, 60.0, 0.1
SILENCE_S, FALLS_S = 6, 2.5
"""After which a set-point lapses, and how long an inverter takes to fall from there (`FLOWS_W`)."""
SWAPPED = 20
"""Kills between two vehicles."""
LOCAL_W, RELAYED_W = -6_000.0, -4_000.0


class Station:
    """A station's process."""

    def __init__(self, stack: ExitStack, folder: Path, identity: str, url: str) -> None:
        self._stack, self._file = stack, folder / f"{identity}.json"
        self._command = [sys.executable, "-m", "tests.csms.light_process", identity, url, str(folder)]
        self.identity, self._process = identity, self._start()

    def kill(self) -> None:
        self._process.child.kill()
        self._process.wait(START_S)
        self._process = self._start()

    def tell(self, what: signal.Signals) -> None:
        self._process.signal(what)

    @property
    def shown(self) -> Shown:
        return Shown(**json.loads(self._file.read_text()))

    def _start(self) -> Process:
        process = self._stack.enter_context(Process(self._command))
        assert process.wait_for("the station runs", START_S) is not None, process.output
        return process


class Depot:
    """A controller's process."""

    def __init__(self, stack: ExitStack, folder: Path, mode: str, settings: dict[str, object], port: int) -> None:
        folder.mkdir()
        (folder / "password").write_text(PASSWORD)
        document = {
            "feeders": [{"id": "site", "charge_w": 100_000}],
            "vehicles": [{"id": "van", "tokens": ["EV1"], "capacity_wh": 60_000, "floor_soc": 0.1}],
            "silence": {"meter_s": 1, "stale_s": 60, "setpoint_s": SILENCE_S, "offline_s": SILENCE_S},
            "http": {"listen": "127.0.0.1:0"},
            "control": {"socket": "depot.sock"},
            "cycle_s": 1,
        }  # fmt: skip
        connect = {"listen": f"127.0.0.1:{port}", "security_profile": 1, **settings.pop("connect", {})}  # type: ignore[dict-item]
        (folder / "depot.yaml").write_text(json.dumps(document | {"connect": connect} | settings))
        self._stack = stack
        self._command = [*V2G, "depot", "--mode", mode, "--config", str(folder / "depot.yaml")]
        self.process = self._start()

    def kill(self) -> None:
        self.process.child.kill()
        self.process.wait(START_S)
        self.process = self._start()

    def _start(self) -> Process:
        process = self._stack.enter_context(Process(self._command))
        assert process.wait_for("stations connect at ws", START_S) is not None, process.output
        return process


class Scene:
    """All processes."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        evses = [{"charge_w": 11_000, "discharge_w": 11_000}]
        self._broker = stack.enter_context(brokers.broker(folder)) if brokers.MOSQUITTO is not None else None
        broker = self._broker
        self.database = Server(Path(stack.enter_context(TemporaryDirectory()))) if SERVER is not None else None
        if self.database is not None:
            stack.callback(self.database.close)
        self.ledger = str(folder / "depot.db") if self.database is None else self.database.place
        port, upper, lower = brokers.free_port(), brokers.free_port(), brokers.free_port()
        over = [f"ws://127.0.0.1:{port}", f"mqtt://127.0.0.1:{broker.port}/cs" if broker else f"ws://127.0.0.1:{port}"]
        self.local = Depot(stack, folder / "local", "local", {
            "stations": [{"id": id, "password_file": "password", "evses": evses} for id in ("CS0", "CS1")],
            "connect": {"broker": {"url": over[1]}} if broker else {},
            "request": {"power_w": LOCAL_W}, "ledger": self.ledger,
        }, port)  # fmt: skip
        self._csms_command = [*V2G, "csms", "--listen", f"127.0.0.1:{upper}", "--ledger", str(folder / "csms.db")]
        self._csms = self._start_csms()
        self.relay = Depot(stack, folder / "relay", "relay", {
            "stations": [{"id": "CS2", "password_file": "password", "evses": evses}],
            "upstream": {"url": f"ws://127.0.0.1:{upper}", "security_profile": 1, "versions": ["ocpp2.1"]},
            "request": {"power_w": RELAYED_W}, "ledger": "depot.db",
        }, lower)  # fmt: skip
        urls = [*over, f"ws://127.0.0.1:{lower}"]
        self.stations = [Station(stack, folder, f"CS{number}", url) for number, url in enumerate(urls)]
        self.kinds: dict[str, Callable[[], None]] = {
            "controller": self.local.kill,
            "relaying controller": self.relay.kill,
            "CSMS": self._kill_csms,
            **{f"station {each.identity}": each.kill for each in self.stations},
        }
        if broker is not None:
            self.kinds["broker"] = self._kill_broker
        if self.database is not None:
            self.kinds["database"] = self._kill_database

    def _start_csms(self) -> Process:
        process = self._stack.enter_context(Process(self._csms_command))
        assert process.wait_for("listening on", START_S) is not None, process.output
        return process

    def _kill_csms(self) -> None:
        self._csms.child.kill()
        self._csms.wait(START_S)
        self._csms = self._start_csms()

    def _kill_broker(self) -> None:
        assert self._broker is not None
        self._broker.kill()
        self._broker.start_again()

    def _kill_database(self) -> None:
        assert self.database is not None
        self.database.kill()
        self.database.start_again()

    def swap(self) -> None:
        """Another vehicle at each station."""
        for each in self.stations:
            each.tell(signal.SIGUSR1)

    def settle(self, done: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + SETTLES_S
        while not done():
            shown = [each.shown for each in self.stations]
            assert time.monotonic() < deadline_s, (what, shown, self.local.process.output[-3000:])
            time.sleep(LOOKS_S)

    def follows(self) -> bool:
        """Whether all stations do what their sites are asked for."""
        first, second, relayed = (each.shown.power_w for each in self.stations)
        return abs(first + second - LOCAL_W) < 300 and abs(relayed - RELAYED_W) < 300

    def stand_still(self, seconds: float) -> None:
        """The controller is stopped, while its connections stand. Its stations fall to their safe value by
        themselves."""
        os.kill(self.local.process.child.pid, signal.SIGSTOP)
        stopped_s = time.monotonic()
        try:
            self.settle(lambda: all(each.shown.power_w > -1.0 for each in self.stations[:2]), "silence is safe")
            time.sleep(max(0.0, stopped_s + seconds - time.monotonic()))
            assert all(each.shown.power_w > -1.0 for each in self.stations[:2])
        finally:
            os.kill(self.local.process.child.pid, signal.SIGCONT)

    def finish(self) -> None:
        """The vehicles leave, and all is reported."""
        for each in self.stations:
            each.tell(signal.SIGUSR2)
        self.settle(
            lambda: all(not each.shown.running and not each.shown.waiting for each in self.stations), "reported"
        )

    def forwarded(self) -> list[str]:
        """What the CSMS lacks of the relayed station's transactions."""
        found = Ledger(self._folder / "csms.db")
        try:
            accounts = {each.transaction: each for each in found.accounts()}
            wrong = [f"{found.contradictions()} contradictions"] if found.contradictions() else []
        finally:
            found.close()
        for id, (charged_wh, discharged_wh) in self.stations[2].shown.registers_wh.items():
            each = accounts.get(id)
            if each is None or (each.begun, each.ended, each.missing) != (1, 1, 0):
                wrong.append(f"{id}: {each}")
                continue
            flowed_wh = [last - first for first, last in zip(each.first_wh, each.last_wh, strict=True)]
            if flowed_wh != pytest.approx([charged_wh, discharged_wh], abs=1e-6):
                wrong.append(f"{id}: {flowed_wh} Wh in the ledger, {charged_wh, discharged_wh} at the meter")
        return wrong


def differences(accounts: list[Account], stations: list[Station]) -> list[str]:
    """Where a depot's ledger is not what the meters show."""
    found, wrong = {(each.station, each.transaction): each for each in accounts}, []
    for station in stations:
        for id, (charged_wh, discharged_wh) in station.shown.registers_wh.items():
            account = found.pop((station.identity, id), None)
            if account is None or (account.ended, account.missing) != (True, 0):
                wrong.append(f"{station.identity} {id}: {account}")
            elif (account.charged_wh, account.discharged_wh) != pytest.approx((charged_wh, discharged_wh), abs=1e-6):
                wrong.append(f"{account}: {charged_wh, discharged_wh} at the meter")
    return wrong + [f"nobody's: {each}" for each in found.values()]


def campaign(folder: Path, kills: int, stopped_s: float, *, each_kind: bool) -> None:
    """`each_kind`: one after the other instead of any."""
    random, begun_s, counted = Random(SEED), time.monotonic(), dict[str, int]()
    with ExitStack() as stack:
        scene = Scene(stack, folder)
        scene.settle(scene.follows, "all follow at the beginning")
        kinds = list(scene.kinds)
        for number in range(kills):
            time.sleep(random.uniform(*MOMENTS_S))
            kind = kinds[number % len(kinds)] if each_kind else random.choice(kinds)
            scene.kinds[kind]()
            counted[kind] = counted.get(kind, 0) + 1
            if number % SWAPPED == SWAPPED - 1:
                scene.swap()
        scene.settle(scene.follows, "all follow afterwards")
        if stopped_s:
            scene.stand_still(stopped_s)
            scene.settle(scene.follows, "all follow after the controller stood still")
        scene.finish()
        scene.settle(lambda: not scene.forwarded(), "forwarded")
        for each in (scene.local, scene.relay):
            each.process.stop()
        wrong = asyncio.run(_compared(scene))
        silent_s = max(each.shown.silent_s for each in scene.stations)
        transactions = sum(len(each.shown.registers_wh) for each in scene.stations)
        moved_wh = sum(sum(pair) for each in scene.stations for pair in each.shown.registers_wh.values())
    print(f"{kills} kills in {time.monotonic() - begun_s:.0f} s: {json.dumps(counted)}")
    print(wrong or f"{transactions} transactions, {moved_wh:.1f} Wh: every ledger equals its meter")
    print(f"longest discharge without a word of the depot: {silent_s:.1f} s of {SILENCE_S + FALLS_S} s")
    assert not wrong
    assert silent_s <= SILENCE_S + FALLS_S


async def _compared(scene: Scene) -> list[str]:
    local, relay = await open_ledger(scene.ledger), await open_ledger(str(scene._folder / "relay" / "depot.db"))
    try:
        return [
            *differences(await local.accounts(0.0, 1e12), scene.stations[:2]),
            *differences(await relay.accounts(0.0, 1e12), scene.stations[2:]),
        ]
    finally:
        await local.close()
        await relay.close()


@pytest.mark.alone
def test_one_kill_of_each_kind(tmp_path: Path) -> None:
    campaign(tmp_path, 8, 0.0, each_kind=True)


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_200_kills_of_each_kind_and_a_controller_that_stands_still(tmp_path: Path) -> None:
    campaign(tmp_path, KILLS, STOPPED_S, each_kind=False)
