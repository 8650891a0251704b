"""The ledger's contract, in both dialects: SQLite, and PostgreSQL if it is installed."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import replace
from tests.broker import free_port
from tests.interop.process import Process

from v2g.depot.history import Record
from v2g.depot.ledger import Decided, Entry
from v2g.io import depot_postgres
from v2g.io.depot_ledger import RAN, LedgerError, Rows
from v2g.kernel.durations import DAY_S
from v2g.run.depot import open_ledger

pytestmark = pytest.mark.alone
SERVER = next((str(each) for each in Path("/usr/lib/postgresql").glob("*/bin")), None)
STARTS_S = 60.0
NOBODY = "nobody"
DIALECTS = ["sqlite", "postgresql"]


class Server:
    """A PostgreSQL server of the test's own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._data, self._socket = folder / "data", folder / "socket"
        self._socket.mkdir(parents=True)
        if os.geteuid() == 0:  # it refuses to run as root
            subprocess.run(["chown", "-R", NOBODY, str(folder)], check=True)
        self._user = ["runuser", "-u", NOBODY, "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*self._user, f"{SERVER}/initdb", "-D", str(self._data), "-U", "depot", "-A", "trust", "--no-sync"],
            check=True, capture_output=True, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        )  # fmt: skip
        self.port = free_port()
        self._process = self._start()

    @property
    def place(self) -> str:
        return f"postgresql://depot@127.0.0.1:{self.port}/postgres"

    def kill(self) -> None:
        """At once, without writing anything more: what is on the disk is what a power failure leaves."""
        pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        self._process.wait(STARTS_S)

    def stand_still(self, how: signal.Signals) -> None:
        """Each of its processes stops, or goes on."""
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            os.kill(pid, how)

    def start_again(self) -> None:
        self._process = self._start()

    def close(self) -> None:
        self._process.stop()

    def _start(self) -> Process:
        process = Process(
            [*self._user, f"{SERVER}/postgres", "-D", str(self._data), "-p", str(self.port), "-k", str(self._socket),
             "-c", "listen_addresses=127.0.0.1"]
        )  # fmt: skip
        assert process.wait_for("ready to accept connections", STARTS_S) is not None, process.output
        return process


@pytest.fixture(scope="module")
def server() -> Iterator[Server | None]:
    if SERVER is None or (os.geteuid() == 0 and shutil.which("runuser") is None):
        yield None
        return
    with TemporaryDirectory() as folder:  # pytest's own is closed to everybody but root
        found = Server(Path(folder))
        yield found
        found.close()


@asynccontextmanager
async def opened(dialect: str, folder: Path, server: Server | None) -> AsyncIterator[Any]:
    if dialect == "postgresql" and server is None:
        pytest.skip("needs PostgreSQL (as root: apt-get install postgresql)")
    place = str(folder / "depot.db") if server is None or dialect == "sqlite" else server.place
    ledger = await open_ledger(place)
    try:
        yield ledger
    finally:
        await ledger.close()


def entry(seq: int, kind: str = "Updated", export_wh: float | None = None, tx: str = "tx 1") -> Entry:
    return Entry(station="CS1", transaction=tx, seq=seq, kind=kind, evse=1, vehicle="van", at_s=1_000.0 + seq,
                 import_wh=0.0, export_wh=export_wh, document=b"{}")  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_entries_are_there_once_and_state_survives(dialect: str, tmp_path: Path, server: Server | None) -> None:
    asyncio.run(_once(dialect, tmp_path, server))


async def _once(dialect: str, folder: Path, server: Server | None) -> None:
    async with opened(dialect, folder, server) as ledger:
        for seq, kind, export_wh in (
            (0, "Started", 10.0),
            (1, "Updated", None),
            (3, "Ended", 250.5),
            (3, "Ended", 9e9),
        ):
            number = ledger.enter(entry(seq, kind, export_wh))
        ledger.put("station", "CS1", b"\x00old")
        ledger.put("station", "CS1", b"\x00new")
        ledger.put("station", "CS2", b"x")
        ledger.put("station", "CS2", None)
        ledger.decided(Decided(1_500.0, "CS1/1", "van\x00\ud800", -5e3, "request EMS", "why"))
        for power_w in (-5_000.0, -6_000.0):  # the first of a span stays
            ledger.record(Record(60, 1_200.0, power_w, None, 50.01))
        assert await ledger.flushed(STARTS_S)
        assert ledger.committed >= number
        assert await ledger.history(60, 0.0, 2_000.0) == [Record(60, 1_200.0, -5_000.0, None, 50.01)]
        assert await ledger.history(900, 0.0, 2_000.0) == []
        (account,) = await ledger.accounts(0.0, 2_000.0)
        assert (account.events, account.missing, account.ended, account.discharged_wh) == (3, 1, True, 240.5)
        assert await ledger.accounts(1_004.0, 2_000.0) == []
        (decision,) = await ledger.decisions(0.0, 2_000.0, "CS1/1")
        assert (decision.power_w, decision.binding) == (-5e3, "request EMS")
        assert await ledger.decisions(0.0, 2_000.0, "CS2/1") == []
        assert len(await ledger.decisions(0.0, 2_000.0)) == 1
        assert await ledger.decisions(0.0, 2_000.0, "", 0) == []
        ledger.forget_decisions(1_500.0)
        assert await ledger.flushed(STARTS_S)
        assert len(await ledger.decisions(0.0, 2_000.0)) == 1
        ledger.forget_decisions(1_501.0)
        assert await ledger.flushed(STARTS_S)
        assert await ledger.decisions(0.0, 2_000.0) == []
    async with opened(dialect, folder, server) as again:
        assert again.kept == {("station", "CS1"): b"\x00new"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_has_ended_long_ago_is_forgotten_whole(dialect: str, tmp_path: Path, server: Server | None) -> None:
    asyncio.run(_forgets(dialect, tmp_path, server))


async def _forgets(dialect: str, folder: Path, server: Server | None) -> None:
    days, each = 31, 250

    def enter(ledger: Any, tx: str, last: str) -> None:
        for seq in range(each):
            event = entry(seq, "Started" if seq == 0 else last if seq == each - 1 else "Updated", 10.0 * seq, tx)
            ledger.enter(replace(event, station="CS-F"))

    async def shown(ledger: Any) -> set[str]:
        assert await ledger.flushed(STARTS_S)
        found = [each for each in await ledger.accounts(0.0, 9_000.0) if each.station == "CS-F"]
        assert {(one.events, one.missing, one.discharged_wh) for one in found} == {(each, 0, 10.0 * (each - 1))}
        return {one.transaction for one in found}

    async def rows(ledger: Any, tx: str) -> int:
        found = ledger._read(f"SELECT count(*) FROM event WHERE station = 'CS-F' AND tx = '{tx}'", ())
        return int((found if isinstance(found, list) else await found)[0][0])

    async with opened(dialect, folder, server) as ledger:
        enter(ledger, "old 1", "Ended")
        enter(ledger, "old 2", "Ended")
        enter(ledger, "runs", "Updated")
        ledger.put(*RAN, str((days + 1) * DAY_S - 60).encode())
        assert await shown(ledger) == {"old 1", "old 2", "runs"}
    async with opened(dialect, folder, server) as ledger:  # the depot was off: that does not count
        enter(ledger, "new", "Ended")
        for now in (0.0, 50.0, 1e9, 0.0, 5.0):  # the last minute is not over, whatever the clock says
            ledger.age(now, days)
        assert await shown(ledger) == {"old 1", "old 2", "runs", "new"}
        for now in range(10, 60, 5):
            ledger.age(float(now), days)
            assert await shown(ledger) == {"runs", "new"} if ledger.day > days else {"old 1", "old 2", "runs", "new"}
        assert ledger.day == days + 1
        for now in range(60, 100):
            ledger.age(float(now), days)
            assert await ledger.flushed(STARTS_S)
        assert [await rows(ledger, tx) for tx in ("old 1", "old 2", "runs", "new")] == [0, 0, each, each]
        assert await shown(ledger) == {"runs", "new"}
        ledger.put(*RAN, None)
        assert await ledger.flushed(STARTS_S)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_transaction_that_runs_is_found_in_each_of_its_hours_and_in_no_other(
    dialect: str, tmp_path: Path, server: Server | None
) -> None:
    first_s, every_s, count = 3e6, 600.0, 20

    async def found(ledger: Any, from_s: float, until_s: float) -> int:
        accounts = [each for each in await ledger.accounts(from_s, until_s) if each.transaction == "tx 9"]
        return sum(each.events for each in accounts)

    async def runs() -> None:
        async with opened(dialect, tmp_path, server) as ledger:
            for seq in range(1, count):
                ledger.enter(replace(entry(seq, tx="tx 9"), at_s=first_s + every_s * seq))
            ledger.enter(replace(entry(0, "Started", tx="tx 9"), at_s=first_s))  # it comes late
            assert await ledger.flushed(STARTS_S)
            last_s = first_s + every_s * (count - 1)
            for hour in range(3):
                assert await found(ledger, last_s - 3_600.0 * hour, last_s - 3_600.0 * hour + 1) == count
            assert await found(ledger, first_s - 1, first_s + 1) == count
            assert await found(ledger, first_s - 100, first_s) == await found(ledger, last_s + 1, last_s + 100) == 0

    asyncio.run(runs())


def test_no_more_is_forgotten_than_the_disk_takes() -> None:
    rows = Rows()
    rows.kept = {RAN: str(40 * DAY_S).encode()}
    for now in range(1_000):  # the database is away
        rows.age(float(now), 31)
    kept = 2  # when it began, and a quarter of an hour later
    assert rows.waiting == kept + 3


def test_a_ledger_of_an_earlier_version_has_its_transactions(tmp_path: Path) -> None:
    async def moved() -> None:
        async with opened("sqlite", tmp_path, None) as ledger:
            for seq, kind in ((0, "Started"), (1, "Ended")):
                ledger.enter(entry(seq, kind))
            ledger.enter(entry(7, tx="tx 2"))
            assert await ledger.flushed(STARTS_S)
            before = await ledger.accounts(0.0, 2_000.0)
        with sqlite3.connect(tmp_path / "depot.db") as file:
            file.execute("DROP TABLE span")
        async with opened("sqlite", tmp_path, None) as ledger:
            assert await ledger.accounts(0.0, 2_000.0) == before
            assert [each.ended for each in before] == [True, False]
            assert await ledger.accounts(1_002.0, 1_006.0) == []
            assert len(await ledger.accounts(1_002.0, 1_008.0)) == 1

    asyncio.run(moved())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_clock_far_ahead_costs_an_hour_of_decisions_at_a_time(
    dialect: str, tmp_path: Path, server: Server | None
) -> None:
    async def ahead() -> None:
        async with opened(dialect, tmp_path, server) as ledger:
            for hour in range(4):
                ledger.decided(Decided(5e5 + 3_600.0 * hour, "CS1/1", "van", 0.0, "none", "why"))
            for left in (3, 2):
                ledger.forget_decisions(1e9)
                assert await ledger.flushed(STARTS_S)
                assert len(await ledger.decisions(0.0, 1e9)) == left
            for _ in range(2):
                ledger.forget_decisions(1e9)
            assert await ledger.flushed(STARTS_S)

    asyncio.run(ahead())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_comes_later_does_not_keep_a_request_from_being_called_written(
    dialect: str, tmp_path: Path, server: Server | None
) -> None:
    async def busy() -> None:
        async with opened(dialect, tmp_path, server) as ledger:

            def another() -> None:
                ledger.put("station", "CS7", b"x")
                ledger.commit()

            loop = asyncio.get_running_loop()
            ledger.wake = lambda: loop.call_soon_threadsafe(another)
            for value in range(100):
                ledger.put("station", "CS6", str(value).encode())
                assert await ledger.flushed(STARTS_S)
            ledger.wake = lambda: None

    asyncio.run(busy())


def test_a_database_that_dies_loses_nothing_and_holds_nobody_up(tmp_path: Path, server: Server | None) -> None:
    asyncio.run(_killed(tmp_path, server))


async def _killed(folder: Path, server: Server | None) -> None:
    async with opened("postgresql", folder, server) as ledger:
        assert server is not None
        for seq in range(50):
            ledger.enter(entry(seq, tx="tx 2"))
        assert await ledger.flushed(STARTS_S)
        await asyncio.to_thread(server.kill)
        for seq in range(25, 100):
            ledger.enter(entry(seq, tx="tx 2"))
            ledger.commit()
        assert not await ledger.flushed(0.1)
        await asyncio.to_thread(server.start_again)
        assert await ledger.flushed(STARTS_S)
        assert ledger.trouble is None
        found = {each.transaction: each for each in await ledger.accounts(0.0, 9_000.0)}
        assert (found["tx 2"].events, found["tx 2"].missing) == (100, 0)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_depots_do_not_share_a_ledger(
    dialect: str, tmp_path: Path, server: Server | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_postgres, "LOCK_S", 0.0)

    async def second() -> None:
        async with opened(dialect, tmp_path, server):
            with pytest.raises(LedgerError, match="another depot has it open"):
                async with opened(dialect, tmp_path, server):
                    raise AssertionError("there are two")
        async with opened(dialect, tmp_path, server) as ledger:
            ledger.put("station", "CS9", b"x")
            assert await ledger.flushed(STARTS_S)

    asyncio.run(second())


def test_another_depot_that_took_the_database_meanwhile_keeps_it(tmp_path: Path, server: Server | None) -> None:
    async def taken() -> None:
        async with opened("postgresql", tmp_path, server) as first:
            assert server is not None
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start_again)
            async with opened("postgresql", tmp_path, server) as second:
                first.put("station", "CS8", b"first")
                second.put("station", "CS8", b"second")
                assert await second.flushed(STARTS_S)
                while "another depot has it open" not in (first.trouble or ""):
                    assert not await first.flushed(0.1)
            assert await first.flushed(STARTS_S)
            assert first.trouble is None

    asyncio.run(taken())


def test_a_row_that_the_database_cannot_hold_is_left_out(tmp_path: Path, server: Server | None) -> None:
    async def mixed() -> None:
        async with opened("postgresql", tmp_path, server) as ledger:
            ledger.enter(replace(entry(0, tx="tx 4"), evse=1 << 40))
            ledger.enter(entry(1, tx="tx 4"))
            assert await ledger.flushed(STARTS_S)
            assert "left out" in ledger.trouble
            ledger.enter(entry(2, tx="tx 4"))
            assert await ledger.flushed(STARTS_S)
            assert ledger.trouble is None
            found = {each.transaction: each for each in await ledger.accounts(0.0, 9_000.0)}
            assert found["tx 4"].events == 2

    asyncio.run(mixed())


def test_a_database_that_stands_still_is_given_up_and_written_later(
    tmp_path: Path, server: Server | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_postgres, "PATIENCE_S", 1.0)

    async def stopped() -> None:
        async with opened("postgresql", tmp_path, server) as ledger:
            assert server is not None
            server.stand_still(signal.SIGSTOP)
            try:
                ledger.enter(entry(0, tx="tx 3"))
                ledger.commit()
                with pytest.raises(LedgerError, match="start the database"):
                    await ledger.accounts(0.0, 9_000.0)
                while ledger.trouble is None:
                    assert not await ledger.flushed(0.1)
            finally:
                server.stand_still(signal.SIGCONT)
            assert await ledger.flushed(STARTS_S)
            assert "tx 3" in {each.transaction for each in await ledger.accounts(0.0, 9_000.0)}

    asyncio.run(stopped())


@pytest.mark.parametrize("place", ["postgresql://depot@127.0.0.1:1/postgres", "/proc/nothing/depot.db"])
def test_a_ledger_that_cannot_be_opened_says_where_and_what_to_do(place: str) -> None:
    with pytest.raises(LedgerError, match="set `ledger`"):
        asyncio.run(open_ledger(place))
