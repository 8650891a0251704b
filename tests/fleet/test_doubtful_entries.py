"""What a fleet enters of depots with a restored ledger, a clock that is off, or one name: each once, and marked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fleet.bench import configuration

from v2g.fleet.books import Books, Flow
from v2g.fleet.controller import Trouble
from v2g.fleet.settlement import Settlement
from v2g.fleet.view import Aggregate, Batch
from v2g.io import fleet_nats
from v2g.run.fleet import FleetProcess, open_ledger

ACCESS = fleet_nats.Access(servers=("nats://127.0.0.1:1",), user="fleet", password="none")
NOW = 1_800_000_000.0
"""The beginning of a quarter of an hour."""


@asynccontextmanager
async def fleet_of(folder: Path, depots: list[str], log: list[str]) -> AsyncIterator[FleetProcess]:
    settings = configuration(folder, depots, 1)
    fleet = FleetProcess(settings, await open_ledger(settings.ledger), ACCESS, log.append, lambda: NOW)
    try:
        yield fleet
    finally:
        await fleet.ledger.close()


def see(books: Books, first: float, last: float, power_w: float = 3_600.0) -> Books:
    for second in range(int(last - first) + 1):
        books.see(
            NOW + first + second,
            "TSO",
            [Flow("", "", "", power_w, power_w, ""), Flow("a", "van", "", power_w, None, "")],
        )
    return books


def batch(books: Books) -> list[Batch]:
    books.end()
    return [Batch("d", tuple(books.waiting))]


def test_books_restored_from_a_backup_count_once_in_whatever_order_they_come(tmp_path: Path) -> None:
    async def story(folder: Path, *, late: bool) -> None:
        lost = see(Books("d", process=1), 0, 10)
        backup = lost.document()
        whole = batch(see(lost, 10, 60))
        restored = batch(see(Books("d", backup, process=2), 100, 110))
        log = list[str]()
        async with fleet_of(folder, ["d"], log) as fleet:
            for each in (restored, whole) if late else (whole, restored, restored):
                await fleet.enter(each)
            totals = await fleet.ledger.totals("d", NOW, NOW + 900)
            assert [each.charged_wh for each in totals] == [70.0, 70.0]
            assert await fleet.ledger.gaps("d", NOW, NOW + 900) == []
        assert sum("restored from a backup" in each for each in log) == (0 if late else 1)

    for late in (False, True):
        folder = tmp_path / str(late)
        folder.mkdir()
        asyncio.run(story(folder, late=late))


def test_an_ordinary_restart_is_none_of_a_backup(tmp_path: Path) -> None:
    async def story() -> None:
        document, log = see(Books("d", process=1), 0, 10).document(), list[str]()
        async with fleet_of(tmp_path, ["d"], log) as fleet:
            await fleet.enter(batch(see(Books("d", document, process=2), 12, 22)))
            await fleet.enter(batch(see(Books("d", document, process=2), 12, 22)))
            assert [each.charged_wh for each in await fleet.ledger.totals("d", NOW, NOW + 900)] == [20.0, 20.0]
            (first, second) = await fleet.ledger.sources("d", NOW, NOW + 900)
            found = Settlement()
            found.add("d", [], [], [first, second])
            assert found.notes() == []
        assert log == []

    asyncio.run(story())


def heard(fleet: FleetProcess, depot: str, clock_s: float) -> None:
    fleet.aggregated(Aggregate(depot=depot, unix_s=fleet.now() + clock_s, power_w=0.0))


def test_a_clock_that_is_off_is_reported_and_marks_the_entries_also_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        log = list[str]()
        async with fleet_of(tmp_path, ["a", "b", "d"], log) as fleet:
            for depot, clock_s in (("a", 0.5), ("b", -2.9), ("d", 3_600.0)):
                heard(fleet, depot, clock_s)
            fleet.step()
            (line,) = [each for each in log if each.startswith(Trouble.CLOCK)]
            assert "the clock of d is +3600 s off" in line
            assert [each["code"] for each in fleet.status()["notices"]] == ["L05"]
            assert "+3600.0 s off" in fleet.rows()["d"][-1]
        async with fleet_of(tmp_path, ["a", "b", "d"], log) as fleet:
            await fleet.enter(batch(see(Books("d"), 0, 10)))
            totals = await fleet.ledger.totals("d", NOW, NOW + 900)
            assert {each.clock_s for each in totals} == {3_600.0}
            found = Settlement()
            found.add("d", totals)
            assert "the clock of d was up to 3600 s off" in found.as_html("Fleet")
            heard(fleet, "d", 0.1)
            await fleet.enter(batch(see(Books("d"), 300, 310)))
            (later,) = [each for each in await fleet.ledger.entries("d", NOW + 300, NOW + 900) if not each.charger]
            assert later.clock_s == 0.0

    asyncio.run(story())


def test_an_aggregate_that_was_long_on_its_way_is_no_clock_that_is_late(tmp_path: Path) -> None:
    async def story() -> None:
        log = list[str]()
        async with fleet_of(tmp_path, ["d"], log) as fleet:
            heard(fleet, "d", -0.1)
            heard(fleet, "d", -30.0)
            fleet.step()
        assert log == []

    asyncio.run(story())


def test_if_the_clocks_of_most_depots_differ_it_is_the_fleets(tmp_path: Path) -> None:
    async def story() -> None:
        log = list[str]()
        async with fleet_of(tmp_path, ["a", "b", "c", "d"], log) as fleet:
            for depot in "abc":
                heard(fleet, depot, 60.0)
            fleet.step()
        (line,) = [each for each in log if each.startswith(Trouble.CLOCK)]
        assert "3 of 4 depots" in line
        assert "this machine's time server" in line

    asyncio.run(story())


def test_entries_of_two_depots_with_one_name_are_told_apart(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet_of(tmp_path, ["d"], []) as fleet:
            for process, power_w in ((1, 3_600.0), (2, 7_200.0)):
                await fleet.enter(batch(see(Books("d", process=process), process / 4, 10 + process / 4, power_w)))
            first, second = await fleet.ledger.sources("d", NOW, NOW + 900)
            found = Settlement()
            found.add("d", await fleet.ledger.totals("d", NOW, NOW + 900), [], [first, second])
            (note,) = found.notes()
            assert (first.charged_wh, second.charged_wh) == (10.0, 20.0)
            assert "two processes booked as d at the same time" in note
            entries = await fleet.ledger.entries("d", NOW, NOW + 900)
            assert {(each.process, each.charged_wh) for each in entries} == {(1, 10.0), (2, 20.0)}

    asyncio.run(story())
