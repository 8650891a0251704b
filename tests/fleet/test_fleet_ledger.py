"""The fleet's ledger, in both dialects: each entry once, whatever comes how often in which order; settlement of it."""

import asyncio
import csv
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import replace
from tests.csms.test_ledger import SERVER, Server

from v2g.fleet.ledger import Act, Total
from v2g.fleet.settlement import Settlement, as_csv
from v2g.fleet.view import Batch, Entry
from v2g.io.depot_ledger import LedgerError
from v2g.io.fleet_ledger import SqliteFleetLedger, SqliteFleetReader
from v2g.io.fleet_postgres import LOCK
from v2g.run.fleet import open_ledger, open_reader

pytestmark = pytest.mark.alone
DIALECTS = ["sqlite", "postgresql"]
BEGINS = 1_790_000_000_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server | None]:
    if SERVER is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        found = Server(Path(folder))
        yield found
        found.close()


@asynccontextmanager
async def opened(dialect: str, folder: Path, server: Server | None) -> AsyncIterator[Any]:
    if dialect == "postgresql" and server is None:
        pytest.skip("needs PostgreSQL (as root: apt-get install postgresql)")
    ledger = await open_ledger(str(folder / "fleet.db") if server is None or dialect == "sqlite" else server.place)
    try:
        yield ledger
    finally:
        await ledger.close()


def entry(number: int, depot: str = "north", **changes: Any) -> Entry:
    first = Entry(
        depot=depot, sequence=BEGINS + number, before=BEGINS + number - 1 if number else 0,
        from_unix_s=1_000.0 + number, until_unix_s=1_001.0 + number, charger="CS/1",
        vehicle="van", contract="DE-V2G-1", request="TSO",
        discharged_wh=10.0, asked_wh=-12.0, why="floor",
    )  # fmt: skip
    return replace(first, **changes)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_entry_is_there_once(dialect: str, tmp_path: Path, server: Server | None) -> None:
    asyncio.run(_once(dialect, tmp_path, server))


async def _once(dialect: str, folder: Path, server: Server | None) -> None:
    entries = [entry(number) for number in range(50)]
    async with opened(dialect, folder, server) as ledger:
        assert await ledger.enter([Batch("north", tuple(entries[:30]))]) == 30
        assert await ledger.enter([Batch("north", tuple(entries[20:40])), Batch("north", tuple(entries[20:40]))]) == 10
        assert await ledger.enter([]) == 0
        assert await ledger.gaps("north", 0.0, 2_000.0) == []
        await ledger.enter([Batch("north", tuple(entries[45:]))])
        assert await ledger.gaps("north", 0.0, 2_000.0) == [BEGINS + 44]
        assert await ledger.gaps("north", 0.0, 1_040.0) == []
        await ledger.enter([Batch("north", tuple(entries))])
        odd = entry(0, "south", vehicle="a\x00\ud800", charged_wh=float("nan"), sequence=5, asked_wh=None)
        assert await ledger.enter([Batch("south", (odd,))]) == 1
        assert await ledger.depots() == ["north", "south"]
        assert await ledger.gaps("north", 0.0, 2_000.0) == []
        (found,) = await ledger.totals("north", 0.0, 2_000.0)
        assert (found.entries, found.discharged_wh, found.asked_wh, found.why) == (50, 500.0, -600.0, "floor")
        assert (bool(found.whole), found.vehicle) == (False, "van")
        assert await ledger.totals("north", 0.0, 1_000.5) == []
        assert await ledger.entries("north", 1_001.0, 1_003.0) == entries[:2]
        ledger.act(Act(1_000.0, "TSO", "asks"))
        ledger.put("request", "1:TSO", b"x")
        ledger.put("request", "1:DSO", b"y")
        ledger.put("request", "1:DSO", None)
    async with opened(dialect, folder, server) as ledger:
        assert ledger.kept == {("request", "1:TSO"): b"x"}
        assert await ledger.acts(0.0, 2_000.0) == [Act(1_000.0, "TSO", "asks")]
        assert len(await ledger.totals("south", 0.0, 2_000.0)) == 1
    place = str(folder / "fleet.db") if dialect == "sqlite" or server is None else server.place
    reader = await open_reader(place)
    assert await reader.depots() == ["north", "south"]
    await reader.close()


def test_months_are_tables_of_their_own(tmp_path: Path, server: Server | None) -> None:
    async def look() -> None:
        async with opened("postgresql", tmp_path, server) as ledger:
            month = 31 * 86_400 * 1_000_000
            await ledger.enter([Batch("m", tuple(entry(0, "m", sequence=BEGINS + n * month) for n in range(4)))])
            rows = await ledger._pool.fetch(
                "SELECT DISTINCT tableoid::regclass::text AS t FROM entry WHERE depot = 'm'"
            )
            assert sorted(each["t"] for each in rows) == [f"entry_2026_{month:02}" for month in (9, 10, 11, 12)]

    asyncio.run(look())


def test_a_month_that_was_dropped_holds_no_later_entry_up(tmp_path: Path, server: Server | None) -> None:
    async def story() -> None:
        year = 365 * 86_400 * 1_000_000
        late = [Batch("late", (entry(number, "late", sequence=BEGINS + year + number),)) for number in range(3)]
        async with opened("postgresql", tmp_path, server) as ledger:
            await ledger.enter(late[:1])
            await ledger._pool.execute("DROP TABLE entry_2027_09")
            assert await ledger.enter(late[1:2]) == 1
        async with opened("postgresql", tmp_path, server) as ledger:
            assert await ledger.enter(late[1:]) == 1
            assert [each.sequence - BEGINS - year for each in await ledger.entries("late", 0.0, 2_000.0)] == [1, 2]

    asyncio.run(story())


def test_a_database_that_was_away_is_one_fleets_again(tmp_path: Path, server: Server | None) -> None:

    async def story() -> None:
        import asyncpg

        async with opened("postgresql", tmp_path, server) as ledger:
            assert server is not None
            server.kill()
            with pytest.raises(LedgerError, match="start the database"):
                await ledger.enter([Batch("away", (entry(0, "away"),))])
            server.start_again()
            other = await asyncpg.connect(server.place)
            assert await other.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
            with pytest.raises(LedgerError, match="another fleet has it open"):
                await ledger.enter([Batch("away", (entry(0, "away"),))])
            await other.close()
            assert await ledger.enter([Batch("away", (entry(0, "away"),))]) == 1
            other = await asyncpg.connect(server.place)
            assert not await other.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
            await other.close()

    asyncio.run(story())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_kept_is_written_as_it_was_last(dialect: str, tmp_path: Path, server: Server | None) -> None:
    async def story() -> None:
        async with opened(dialect, tmp_path, server) as ledger:
            for number in range(1_000):
                ledger.put("request", "1:flood", b"%d" % number)
            assert len(ledger._soon) == 1
            ledger.act(Act(1_000.0, "flood", "x" * 100_000))
        async with opened(dialect, tmp_path, server) as ledger:
            assert ledger.kept["request", "1:flood"] == b"999"
            (act,) = [each for each in await ledger.acts(0.0, 2_000.0) if each.by == "flood"]
            assert act.what.startswith("xxx")
            assert len(act.what) < 10_000

    asyncio.run(story())


def test_a_ledger_has_one_fleet_at_a_time(tmp_path: Path) -> None:
    async def twice() -> None:
        async with opened("sqlite", tmp_path, None):
            with pytest.raises(LedgerError, match="has it open"):
                await open_ledger(str(tmp_path / "fleet.db"))

    asyncio.run(twice())


def test_settlement_as_csv_and_html() -> None:
    whole = Total("north", True, "", "", "TSO", 4, 0.0, 900.0, 0.0, 900.0, -1000.0, "")
    vehicle = Total("north", False, "=cmd|x", "DE<1", "TSO", 4, 0.0, 900.0, 0.0, 900.0, -1000.0, "floor")
    text = as_csv([whole, vehicle], str)
    first, second = csv.DictReader(text.splitlines())
    assert (first["asked_kwh"], first["delivered_kwh"], first["missing_kwh"]) == ("-1.000", "-0.900", "-0.100")
    assert second["vehicle"] == "'=cmd|x"
    assert second["why_not"] == "floor"
    settlement = Settlement()
    settlement.add("north", [whole, vehicle], [7])
    page = settlement.as_html("Fleet")
    assert "DE&lt;1" in page
    assert "1 entries have not come yet: north 7" in page
    assert "http" not in page
    assert page.count("<details open>") == 4
    settlement.add("many", [replace(vehicle, vehicle=f"car {number}") for number in range(30)])
    page = settlement.as_html("Fleet")
    assert "<details><summary><h2>By vehicle</h2> (31)" in page
    assert page.count("<details open>") == 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_entry_spoils_the_sums(dialect: str, tmp_path: Path, server: Server | None) -> None:
    async def story() -> None:
        lies = (
            entry(1, "liar", discharged_wh=1.7e308), entry(2, "liar", discharged_wh=1.7e308, asked_wh=-1e300),
            entry(3, "liar", charged_wh=-5.0), entry(4, "liar", from_unix_s=-1e300),
        )  # fmt: skip
        async with opened(dialect, tmp_path, server) as ledger:
            await ledger.enter([Batch("liar", lies)])
            (found,) = await ledger.totals("liar", 0.0, 2_000.0)
            assert (found.charged_wh, found.discharged_wh, found.asked_wh, found.from_unix_s) == (0.0, 20.0, -36.0, 0.0)

    asyncio.run(story())


def test_a_file_is_not_closed_under_a_commit(tmp_path: Path) -> None:
    async def story() -> None:
        file = tmp_path / "ledger.sqlite"
        ledger = SqliteFleetLedger(file)
        with closing(sqlite3.connect(file, isolation_level=None)) as busy:
            busy.execute("BEGIN IMMEDIATE")
            ledger.act(Act(1_000.0, "TSO", "asks"))
            while ledger._soon:  # noqa: ASYNC110 - a thread takes it
                await asyncio.sleep(0)
            ending = asyncio.create_task(ledger.close())
            for _ in range(100):
                await asyncio.sleep(0)
            assert not ending.done()
            busy.execute("ROLLBACK")
        await ending
        reader = SqliteFleetReader(file)
        assert [each.what for each in await reader.acts(0.0, 2_000.0)] == ["asks"]
        await reader.close()

    asyncio.run(story())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stretch_is_entered_once_at_its_longest(dialect: str, tmp_path: Path, server: Server | None) -> None:
    async def story() -> None:
        short = entry(1, "again", process=7)
        whole = replace(short, until_unix_s=short.until_unix_s + 60.0, discharged_wh=30.0)
        twin = replace(whole, until_unix_s=short.until_unix_s + 90.0, discharged_wh=50.0, process=8)
        async with opened(dialect, tmp_path, server) as ledger:
            for batch in ((short,), (whole, short, whole), (short, twin)):
                await ledger.enter([Batch("again", batch)])
            assert await ledger.entries("again", 0.0, 2_000.0) == [whole]
            assert await ledger.older([short])
            assert not await ledger.older([whole])

    asyncio.run(story())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_ledger_of_an_earlier_version_goes_on(dialect: str, tmp_path: Path, server: Server | None) -> None:
    async def story() -> None:
        async with opened(dialect, tmp_path, server) as ledger:
            await ledger.enter([Batch("old", (entry(1, "old"),))])
            drop = "ALTER TABLE entry DROP COLUMN process", "ALTER TABLE entry DROP COLUMN clock_s"
            for statement in drop:
                if dialect == "sqlite":
                    ledger._connection.execute(statement)
                else:
                    await ledger._pool.execute(statement)
        async with opened(dialect, tmp_path, server) as ledger:
            await ledger.enter([Batch("old", (entry(2, "old", process=3, clock_s=9.0),))])
            assert [(each.process, each.clock_s) for each in await ledger.entries("old", 0.0, 2_000.0)] == [
                (0, 0.0), (3, 9.0),
            ]  # fmt: skip

    asyncio.run(story())
