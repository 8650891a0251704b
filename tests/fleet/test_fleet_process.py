"""Depots join a fleet over real servers: set-points reach them and lapse, entries are stored once, a cut link heals."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.fleet.bench import Bench, bench

from v2g.depot.configuration import Control
from v2g.fleet.view import Batch, Entry
from v2g.io import fleet_nats
from v2g.io.nats_server import NatsError
from v2g.run.fleet import FleetProcess, open_ledger

pytestmark = pytest.mark.alone


def test_one_fleet_two_depots(tmp_path: Path) -> None:
    asyncio.run(_story(tmp_path))


async def _story(folder: Path) -> None:
    async with bench(folder, ["a", "b"]) as scene:
        fleet = scene.fleet
        await scene.until(lambda: all(each.aggregate for each in fleet.states.values()), "all are heard of")
        fleet.request("TSO", {"power_w": -30_000.0, "for_s": 600})
        await scene.until(lambda: abs(_power_w(scene) + 30_000) < 1_500, "both feed what is asked")
        rows = fleet.rows()
        assert {row[1] for row in rows.values()} == {"follows"}
        assert all("TSO" in row[-1] for row in rows.values())
        await scene.until(lambda: fleet.entered >= 4, "entries of both are stored")
        await _cut_and_heal(scene)
        fleet.withdraw("TSO")
        await scene.until(lambda: all(each.member.setpoint(0.0) is None for each in scene.members.values()), "let go")
        for member in scene.members.values():
            member.books.end()
        await scene.until(lambda: not any(each.books.waiting for each in scene.members.values()), "all is stored")
        await _balanced(scene)
        acts = await fleet.ledger.acts(0.0, 4e9)
        assert any(each.by == "TSO" for each in acts)


@pytest.mark.parametrize("nodes", [1, pytest.param(3, marks=pytest.mark.proof)])
def test_two_depots_with_one_name_follow_nothing(nodes: int, tmp_path: Path) -> None:
    asyncio.run(_twins(tmp_path, nodes))


async def _twins(folder: Path, nodes: int) -> None:
    async with bench(folder, ["a", "b"], nodes) as scene:
        fleet, first = scene.fleet, scene.members["a"]
        await scene.until(lambda: all(each.aggregate for each in fleet.states.values()), "all are heard of")
        fleet.request("TSO", {"power_w": -30_000.0, "for_s": 600})
        await scene.until(lambda: first.member.setpoint(0.0) is not None, "the first one follows")
        scene.join("a", leaf=False)
        second = scene.members["a"]
        await scene.until(lambda: any("two depots join as a" in each for each in scene.log), "it is said")
        both = first.member, second.member
        await scene.until(lambda: not any(each.setpoint(fleet.now()) for each in both), "both are on their own")
        assert not fleet.states["a"].fresh(fleet.now(), fleet.controller.settings.stale_s)
        assert sum("two depots join as a" in each for each in scene.log) == 1
        for each in (first, second):
            each.books.end()
        await scene.until(lambda: not (first.books.waiting or second.books.waiting), "the entries of both are stored")
        with closing(sqlite3.connect(scene.configuration.ledger)) as database:

            def booked() -> set[int]:
                return {each for (each,) in database.execute("SELECT DISTINCT process FROM entry WHERE depot = 'a'")}

            await scene.until(lambda: booked() == {each.process for each in both}, "each entry names who booked it")


def test_one_process_of_a_fleet(tmp_path: Path) -> None:
    asyncio.run(_alone(tmp_path))


async def _alone(folder: Path) -> None:
    async with bench(folder, ["a"]) as scene:
        odd = Entry(depot="a", sequence=1 << 63, before=0, from_unix_s=1.0, until_unix_s=2.0)
        assert await scene.fleet.enter([Batch("a", (odd, odd))]) == 0
        assert sum("an entry of a has a sequence that cannot be" in each for each in scene.log) == 1
        log, place = list[str](), replace(scene.configuration, control=Control(socket=folder / "other.sock"))
        second = FleetProcess(place, await open_ledger(str(folder / "other.db")), scene.embedded.access, log.append)
        with pytest.raises(NatsError, match="another process of this fleet"):
            await second.run()
        first = scene.fleet
        assert first._hub is not None
        later = await fleet_nats.connect(scene.embedded.access, "later")
        await later.publish("fleet.mine", msgspec.msgpack.encode((4e9, "later")))  # as if this one had been stopped
        await scene.until(first._ended.is_set, "it makes room for the later one")
        await later.close()


def _power_w(scene: Bench) -> float:
    return sum(float(each.plant.power_w.sum()) for each in scene.depots.values())


async def _cut_and_heal(scene: Bench) -> None:
    """The server of one depot stands still: its set-point lapses there, the other makes up for it, all comes back."""
    server = scene.members["a"].server
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        member = scene.members["a"].member
        await scene.until(lambda: member.setpoint(scene.depots["a"].now()) is None, "its set-point lapses")
        stale_s = scene.fleet.controller.settings.stale_s
        await scene.until(lambda: not scene.fleet.states["a"].fresh(scene.fleet.now(), stale_s), "it is away")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await scene.until(lambda: member.setpoint(scene.depots["a"].now()) is not None, "it is steered again")


async def _balanced(scene: Bench) -> None:
    """The ledger has each depot's entries from the first to the last, each once."""
    last = {name: each.books.last for name, each in scene.members.items()}
    with closing(sqlite3.connect(scene.configuration.ledger)) as database:

        def entered() -> bool:
            return set(last.items()) <= set(database.execute("SELECT depot, sequence FROM entry"))

        await scene.until(entered, "the last entry of each depot is there")
    for name in scene.names:
        assert await scene.fleet.ledger.gaps(name, 0.0, 4e9) == []
        totals = await scene.fleet.ledger.totals(name, 0.0, 4e9)
        asked = [each for each in totals if each.whole and each.asked_wh is not None]
        vehicles = [each for each in totals if not each.whole]
        assert asked
        assert sum(each.discharged_wh for each in vehicles) > 0.0
        assert all(each.contract.startswith("DE-V2G-") for each in vehicles)
