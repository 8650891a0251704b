"""A controller that is killed at the worst moment: its successor knows at least what each station may still do."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from tests.csms.site import SILENCE, Depot, SlowLedger
from tests.csms.test_feeder_holds import LIMIT_W, Steered

from v2g.csms.gateway import Gateway
from v2g.csms.promise import WINDOW_S
from v2g.depot.controller import Controller
from v2g.io.depot_ledger import SqliteLedger

pytestmark = pytest.mark.alone
WRITES_S = 60.0


class OnDisk:
    """A ledger in a file, whose disk can be busy."""

    def __init__(self, folder: Path) -> None:
        self._file, self._copies = folder / "depot.db", 0
        self.ledger = SqliteLedger(self._file)
        self._other = sqlite3.connect(self._file, isolation_level=None)

    def busy(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def free(self) -> None:
        """And wait until all of it is written."""
        if self._other.in_transaction:
            self._other.execute("ROLLBACK")
        assert asyncio.run(self.ledger.flushed(WRITES_S))

    @contextmanager
    def killed(self) -> Iterator[SqliteLedger]:
        """What a kill leaves at this moment."""
        self._copies += 1
        copy = self._file.with_name(f"copy {self._copies}.db")
        for end in ("", "-wal"):
            if (file := self._file.with_name(f"depot.db{end}")).exists():
                shutil.copy(file, copy.with_name(copy.name + end))
        found = SqliteLedger(copy)
        yield found
        asyncio.run(found.close())

    def close(self) -> None:
        self.free()
        self._other.close()
        asyncio.run(self.ledger.close())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[OnDisk]:
    found = OnDisk(tmp_path)
    yield found
    found.close()


def test_whenever_it_is_killed_the_ledger_has_at_least_what_a_station_may_do(disk: OnDisk) -> None:
    random, depot = Random(3), Depot(ledger=disk.ledger)  # type: ignore[arg-type]
    moved, waited = 0, 0
    for moment in range(40):
        if moment == 3:
            disk.free()
            depot.plug()
        if moment % 3 == 0:
            disk.free()
            depot.wanted_w = {"CS0/1": random.choice((-1.0, 1.0)) * random.uniform(0.0, 11_000.0)}
        elif moment % 3 == 1 and random.random() < 0.5 and not disk._other.in_transaction:
            disk.busy()
            depot.wanted_w = {"CS0/1": random.choice((-1.0, 1.0)) * random.uniform(0.0, 11_000.0)}
        depot.run(0.5)
        station, power_w = depot.stations["CS0"], 0.0
        if station.battery is not None:
            power_w = station.wanted_w(depot.now, depot.now)
            moved += abs(power_w) > SILENCE.safe_w
            waited += abs(power_w - depot.wanted_w.get("CS0/1", 0.0)) > 1.0
        with disk.killed() as left:
            held = Gateway(depot.configuration, left).chargers(depot.now)["CS0/1"]
        if abs(power_w) > SILENCE.safe_w:
            assert -held.held_discharge_w <= power_w <= held.held_charge_w
    assert moved > 10
    assert waited > 2


class OnRealDisk(Steered):
    """The four cars, their controller, and a real ledger."""

    def __init__(self, disk: OnDisk) -> None:
        self._disk = disk
        super().__init__(disk.ledger)  # type: ignore[arg-type]

    def control(self) -> None:
        if not self._disk._other.in_transaction and self._disk.ledger.waiting:
            self._disk.free()  # time is virtual: the disk is as fast as it has to be
        super().control()


@pytest.mark.parametrize("busy", [False, True])
def test_a_kill_while_the_ledger_writes_exceeds_no_feeder(disk: OnDisk, busy: bool) -> None:
    depot = OnRealDisk(disk)
    if busy:
        disk.busy()
    for id in ("CS2/1", "CS3/1"):  # the others take over their share
        depot.gateway.pause(id, True)
    depot.run(1.0)
    with disk.killed() as left:
        for id in depot.stations:
            depot.cut(id)
        depot.gateway, depot.controller = Gateway(depot.configuration, left), Controller()
        depot.ledger = left  # type: ignore[assignment]
        for id in ("CS2", "CS3"):  # those that gave most before the kill are not back
            depot.link(id)
            depot.gateway.pause(f"{id}/1", False)
        disk.free()
        depot.run(SILENCE.setpoint_s + 20.0)
        assert depot.most_w <= LIMIT_W * 1.01


def test_a_slow_disk_holds_back_only_what_is_new() -> None:
    ledger = SlowLedger()
    depot = Depot(ledger=ledger)
    depot.plug()
    depot.wanted_w = {"CS0/1": -5_000.0}
    depot.run(10.0)
    ledger.held = True
    for wanted_w, gets_w in ((-8_000.0, -5_000.0), (-2_000.0, -2_000.0), (4_000.0, 0.0), (-5_000.0, -5_000.0)):
        depot.wanted_w = {"CS0/1": wanted_w}
        depot.run(2 * SILENCE.setpoint_s)
        assert depot.power_w() == pytest.approx(gets_w, abs=20)
    depot.wanted_w = {"CS0/1": -8_000.0}
    depot.run(2.0)
    ledger.held = False
    depot.run(6.0)
    assert depot.power_w() == pytest.approx(-8_000.0, abs=20)


def test_what_is_promised_falls_with_what_is_wanted() -> None:
    depot = Depot()
    depot.plug()
    depot.wanted_w = {"CS0/1": 9_000.0}
    depot.run(10.0)
    depot.wanted_w = {"CS0/1": 2_000.0}
    depot.run(3 * WINDOW_S)
    assert Gateway(depot.configuration, depot.ledger).chargers(depot.now)["CS0/1"].held_charge_w == 2_000.0
    depot.stations["CS0"].unplug(depot.now)
    depot.run(3.0)
    assert not [key for kind, key in depot.ledger.kept if kind == "promise"]
