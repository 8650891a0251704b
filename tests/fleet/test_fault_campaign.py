"""Faults of servers, disks and links while depots feed: no entry is lost or doubled, silence is the depot's own plan.

The long form, `make proof`: a link is cut for ten minutes. With `V2G_CUT_S` for another time.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.broker import free_port
from tests.csms.test_ledger import SERVER
from tests.csms.test_ledger import Server as DatabaseServer
from tests.fleet.bench import PATIENCE_S, Bench, bench
from tests.fleet.test_fleet_process import _balanced

from v2g.io import fleet_nats
from v2g.io.depot_configuration import password
from v2g.io.depot_ledger import LedgerError
from v2g.io.nats_server import Server
from v2g.run.fleet_member import FleetMember, Link, leaf_of

pytestmark = [pytest.mark.alone, pytest.mark.proof]
CUT_S = float(os.environ.get("V2G_CUT_S", "600"))
RESUMES_S = 5.0
ASKED_W = -30_000.0
FEW_W = 200.0
"""What a plan that feeds nothing may still show on its way to zero."""


def feeds(scene: Bench, name: str) -> float:
    return float(scene.depots[name].plant.power_w.sum())


async def steered(scene: Bench) -> None:
    """Both depots feed what is asked."""
    await scene.until(lambda: all(each.aggregate for each in scene.fleet.states.values()), "all are heard of")
    scene.fleet.request("TSO", {"power_w": ASKED_W, "for_s": 3600})
    await scene.until(lambda: abs(sum(feeds(scene, each) for each in scene.names) - ASKED_W) < 2_000, "they feed")


async def settled(scene: Bench) -> None:
    """The depots close their books, and the ledger has all of it."""
    scene.fleet.withdraw("TSO")
    await scene.until(lambda: all(each.member.setpoint(0.0) is None for each in scene.members.values()), "let go")
    for member in scene.members.values():
        member.books.end()
    await scene.until(lambda: not any(each.books.waiting for each in scene.members.values()), "all is stored")
    await _balanced(scene)


async def leader(scene: Bench) -> Server:
    """Of the stream of the entries."""
    client = await fleet_nats.connect(scene.embedded.access, "look")
    info = await client.jetstream(timeout=5).stream_info(fleet_nats.LEDGER)
    await client.close()
    assert info.cluster is not None
    (found,) = [each for each in scene.embedded.servers if each.name == info.cluster.leader]
    return found


def story(folder: Path, fault: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        async with bench(folder, ["a", "b"], 3) as scene:
            await steered(scene)
            await fault(scene)
            await settled(scene)

    asyncio.run(run())


async def resumed(scene: Bench, name: str) -> float:
    """Until a depot takes a set-point again."""
    began_s, taken = time.monotonic(), scene.members[name].taken
    await scene.until(lambda: scene.members[name].taken > taken, "it is steered again")
    return time.monotonic() - began_s


def test_the_leader_is_killed(tmp_path: Path) -> None:
    async def fault(scene: Bench) -> None:
        found = await leader(scene)
        await found.kill()
        print(f"steered again after {await resumed(scene, 'a'):.1f} s")
        await asyncio.sleep(10.0)  # entries go on meanwhile
        await found.start()

    story(tmp_path, fault)


@pytest.mark.skipif(SERVER is None, reason="needs PostgreSQL (as root: apt-get install postgresql)")
def test_the_leader_is_killed_while_the_database_is_away(tmp_path: Path) -> None:
    async def run(database: DatabaseServer) -> None:
        async with bench(tmp_path, ["a", "b"], 3, database.place) as scene:
            await steered(scene)
            await scene.until(lambda: scene.fleet.entered > 0, "the database has entries")
            await asyncio.to_thread(database.kill)
            await asyncio.sleep(3.0)
            found = await leader(scene)
            await found.kill()
            print(f"steered again after {await resumed(scene, 'a'):.1f} s")
            await asyncio.sleep(15.0)  # entries go on meanwhile
            await found.start()
            await asyncio.to_thread(database.start_again)
            for member in scene.members.values():
                member.books.end()
            last = {name: each.books.last for name, each in scene.members.items()}
            ledger = scene.fleet.ledger
            for name in scene.names:
                async with asyncio.timeout(PATIENCE_S):  # what could not be entered comes again after 30 s
                    while not await whole(ledger, name, last[name]):  # noqa: ASYNC110
                        await asyncio.sleep(0.5)
                entries = [each for each in await ledger.entries(name, 0.0, 4e9) if not each.charger]
                assert all(after.from_unix_s >= before.until_unix_s - 0.01 for before, after in pairwise(entries))

    async def whole(ledger: Any, name: str, last: int) -> bool:
        try:
            found = {each.sequence for each in await ledger.entries(name, 0.0, 4e9)}
            return last in found and await ledger.gaps(name, 0.0, 4e9) == []
        except LedgerError:  # it is not there again yet
            return False

    with TemporaryDirectory() as folder:  # where the database's user may go
        database = DatabaseServer(Path(folder))
        try:
            asyncio.run(run(database))
        finally:
            database.close()


def test_the_leader_stands_still(tmp_path: Path) -> None:
    async def fault(scene: Bench) -> None:
        found = await leader(scene)
        os.kill(found.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(15.0)
        finally:
            os.kill(found.pid, signal.SIGCONT)
        print(f"steered again after {await resumed(scene, 'a'):.1f} s")

    story(tmp_path, fault)


def test_a_store_is_cut_short(tmp_path: Path) -> None:
    async def fault(scene: Bench) -> None:
        found = await leader(scene)
        await asyncio.sleep(5.0)
        await found.kill()
        blocks = sorted((tmp_path / "servers" / found.name).rglob("*.blk"), key=lambda each: each.stat().st_size)
        size = blocks[-1].stat().st_size
        os.truncate(blocks[-1], size * 2 // 3)
        print(f"{blocks[-1].name}: {size} -> {size * 2 // 3} bytes")
        await found.start()
        await asyncio.sleep(5.0)

    story(tmp_path, fault)


class Wire:
    """A link of a depot that can be cut: what is sent into it gets nowhere, as with a cable that is pulled."""

    def __init__(self, to: int) -> None:
        self.port, self._to, self._cut = free_port(), to, False
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        if self._cut:
            return  # taken, and never answered
        far, out = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers.append(out)
        await asyncio.gather(self._pass(reader, out), self._pass(far, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if not self._cut:
                    writer.write(data)
            writer.close()

    def cut(self) -> None:
        self._cut = True

    def heal(self) -> None:
        """Connections of before are dead."""
        self._cut = False
        for each in self._writers:
            each.transport.abort()
        self._writers.clear()


def test_the_link_of_a_depot_is_cut(tmp_path: Path) -> None:
    async def fault(scene: Bench) -> None:
        wire = Wire(int(scene.embedded.leaves[0].rpartition(":")[2]))
        await wire.open()
        await rejoined(scene, (f"127.0.0.1:{wire.port}",), tmp_path / "b" / "store")
        await scene.until(lambda: feeds(scene, "b") < -5_000, "b feeds")
        wire.cut()
        await scene.until(lambda: scene.members["b"].member.setpoint(time.time()) is None, "its set-point lapses")
        await scene.until(lambda: feeds(scene, "b") > -FEW_W / 2, "it follows its own plan")
        ends_s, worst_w = time.monotonic() + CUT_S, 0.0
        while time.monotonic() < ends_s:
            worst_w = min(worst_w, feeds(scene, "b"))
            await asyncio.sleep(0.5)
        assert worst_w > -FEW_W
        assert not scene.fleet.states["b"].fresh(time.time(), 5.0)
        wire.heal()
        again_s = await resumed(scene, "b")
        print(f"cut for {CUT_S:.0f} s, {worst_w:.0f} W fed meanwhile; steered again {again_s:.1f} s after the link")
        assert again_s <= RESUMES_S

    story(tmp_path, fault)


async def rejoined(scene: Bench, leaves: tuple[str, ...], store: Path) -> None:
    """Depot b with another link or store."""
    task = scene._tasks.pop(next(n for n, each in enumerate(scene._tasks) if each.get_name() == "b"))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    secret, depot = password(scene.folder / "servers" / "b.password"), scene.depots["b"]
    leaf = leaf_of("b", leaves, free_port(), store, secret, None)
    link = Link(leaf=leaf, folder=scene.folder / "b")
    scene.members["b"] = FleetMember("b", depot, link, scene.log.append, depot.kept or None, span_s=2.0)
    scene._tasks.append(asyncio.create_task(scene.members["b"].run(), name="b"))


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system needs root")
def test_the_disk_of_a_depot_is_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("a small file system needs the right to mount")

    async def fault(scene: Bench) -> None:
        await rejoined(scene, scene.embedded.leaves, small / "store")
        await scene.until(lambda: feeds(scene, "b") < -5_000, "b feeds")
        await asyncio.sleep(4.0)
        filling = small / "filling"
        with suppress(OSError), filling.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65_536))
        free = shutil.disk_usage(small).free
        await asyncio.sleep(20.0)
        waiting = len(scene.members["b"].books.waiting)
        print(f"{free} bytes free; {waiting} entries wait at the depot")
        filling.unlink()
        await scene.until(lambda: len(scene.members["b"].books.waiting) < 20, "they are stored")

    try:
        story(tmp_path, fault)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)
