"""Station, back end and link are killed again and again: what the back end has adds up to the meter, nothing twice.

Virtual time, with the real stores: a killed station's next process finds the files as they were at that moment.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.station.back_end.test_charging_station import Bench, profile

from v2g.bench.ledger import Ledger
from v2g.io.sqlite_store import SqliteStore
from v2g.iso15118.view import Stop
from v2g.ocpp import v21
from v2g.ocpp.base import Message

KILLS = 10
SEED = 20
PERIOD: dict[str, Any] = {"operationMode": "CentralSetpoint", "setpoint": -6_000.0}


@dataclass
class Killed(Bench):
    """The station's store and the back end's ledger are files."""

    folder: Path = field(default_factory=Path)
    generation: int = 0

    def __post_init__(self) -> None:
        self.disk = SqliteStore(self.folder / "ocpp0.db")
        self.store = self.disk  # type: ignore[assignment]  # the same port
        self.ledger = Ledger(self.folder / "ledger.db")
        super().__post_init__()

    def kill_station(self) -> None:
        """The next process has the files, and not what its predecessor had yet to write."""
        self.world.stop_station()
        self.cut()
        self.generation += 1
        after = self.folder / f"ocpp{self.generation}.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.folder / f'ocpp{self.generation - 1}.db'}{suffix}", f"{after}{suffix}")
        self.disk.close()
        self.disk = SqliteStore(after)
        self.store = self.disk  # type: ignore[assignment]
        self.world.run(self.due_s - self.world.now)
        self.world.start_station()
        self.authorizer.left()
        self.start()
        self.link()

    def kill_back_end(self) -> None:
        """It forgets all but its ledger; what it had heard and not answered is heard again."""
        self.cut()
        self.ledger.close()
        self.ledger = Ledger(self.folder / "ledger.db")
        self.link()

    def kill_link(self) -> None:
        """The broker dies, and takes what it had with it."""
        self.cut()
        self.run(3.0)
        self.link()

    def _usual(self, action: str) -> Message:
        _, request = self.heard[-1]
        if isinstance(request, v21.TransactionEventRequest):
            self.ledger.keep("CS1", request)
        return super()._usual(action)

    def session(self, random: Random) -> None:
        """A car that charges, is discharged if the back end is there, and goes; something dies in between."""
        self.world.plug_in()
        self.run(random.uniform(0.5, 14.0))
        if self.linked and self.station.running and random.random() < 0.7:
            order = profile(PERIOD, "TxProfile", transaction=self.station.running[1].id)
            self.back_end = type(self.back_end)(self.back_end.version)
            self.station.receive(_call(order), self.world.now, self.world.unix_s)
            self.run(random.uniform(0.5, 8.0))
        random.choice((self.kill_station, self.kill_station, self.kill_back_end, self.kill_link))()
        self.run(random.uniform(0.0, 6.0))
        self.world.driver = Stop.TERMINATE
        self.run(40.0, until=lambda: not self.station.running and not self.station.trackers[1].waits)
        self.world.unplug()
        self.run(5.0)


def _call(request: Message) -> str:
    from v2g.ocpp.base import encode

    return f'[2,"{id(request)}","SetChargingProfile",{encode(request).decode()}]'


def test_what_the_back_end_has_adds_up_to_the_meter(tmp_path: Path) -> None:
    bench, random = Killed(folder=tmp_path), Random(SEED)
    bench.run(3.0)
    for _ in range(KILLS):
        bench.session(random)
    bench.run(30.0, until=lambda: not bench.station.outbox.listed())
    assert not bench.station.outbox.listed()
    accounts = bench.ledger.accounts()
    assert accounts
    assert {(each.begun, each.ended, each.missing) for each in accounts} == {(1, 1, 0)}, accounts
    assert bench.ledger.contradictions() == 0
    plant = bench.world.plant
    sums = [sum(each.last_wh[index] - each.first_wh[index] for each in accounts) for index in (0, 1)]
    assert sums == pytest.approx([plant.import_wh, plant.export_wh], abs=0.5)
    assert min(sums) > 1
    bench.disk.close()
    bench.ledger.close()
