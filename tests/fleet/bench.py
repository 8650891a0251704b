"""A fleet's processes in one event loop: servers of their own, depots, the fleet."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.broker import free_port

from v2g.bench.fleet.depot import SimulatedDepot
from v2g.depot.configuration import Control
from v2g.fleet.configuration import DepotPlace, FleetConfiguration, Servers
from v2g.io import fleet_nats
from v2g.run.fleet import FleetProcess, open_ledger
from v2g.run.fleet_member import FleetMember, Link, leaf_of
from v2g.run.fleet_servers import Embedded, embedded

PATIENCE_S = 60.0


def ports(nodes: int) -> list[tuple[int, int, int]]:
    return [(free_port(), free_port(), free_port()) for _ in range(nodes)]


def configuration(folder: Path, depots: list[str], nodes: int, ledger: str = "") -> FleetConfiguration:
    return FleetConfiguration(
        fleet="test",
        depots=tuple(
            DepotPlace(id=each, charge_w=100e3, discharge_w=100e3, page=f"https://{each}.example.com")
            for each in depots
        ),
        servers=Servers(replicas=nodes),
        control=Control(socket=folder / "fleet.sock"),
        ledger=ledger or str(folder / "fleet.db"),
        validity_s=6.0,
    )


class Bench:
    """All of it."""

    def __init__(self, folder: Path, names: list[str], nodes: int, ledger: str = "") -> None:
        self.folder = folder
        self.configuration = configuration(folder, names, nodes, ledger)
        self.embedded: Embedded = embedded(self.configuration, folder / "servers", ports(nodes))
        self.names, self.log = names, list[str]()
        self.depots = {each: SimulatedDepot(each, 4, time.time) for each in names}
        self.members: dict[str, FleetMember] = {}
        self.fleet: FleetProcess
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        await asyncio.gather(*(each.start() for each in self.embedded.servers))
        await self.start_fleet()
        for name in self.names:
            self.join(name)
        self._tasks.append(asyncio.create_task(self._physics()))

    async def start_fleet(self) -> asyncio.Task[Any]:
        ledger = await open_ledger(self.configuration.ledger)
        self.fleet = FleetProcess(self.configuration, ledger, self.embedded.access, self.log.append)
        ready = asyncio.Event()
        task = asyncio.create_task(self.fleet.run(ready.set))
        self._tasks.append(task)
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        waiting.cancel()
        assert ready.is_set(), self.log
        return task

    def join(self, name: str, *, leaf: bool = True) -> None:
        folder = self.folder / name
        secret = (self.folder / "servers" / f"{name}.password").read_text().strip()
        if leaf:
            link = Link(
                leaf=leaf_of(name, self.embedded.leaves, free_port(), folder / "store", secret, None), folder=folder
            )
        else:
            link = Link(access=fleet_nats.Access(servers=self.embedded.access.servers, user=name, password=secret))
        member = FleetMember(name, self.depots[name], link, self.log.append, self.depots[name].kept or None, span_s=2.0)
        self.members[name] = member
        self._tasks.append(asyncio.create_task(member.run(), name=name))

    async def _physics(self) -> None:
        while True:
            for depot in self.depots.values():
                depot.step()
            await asyncio.sleep(0.1)

    async def until(self, reached: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not reached():  # noqa: ASYNC110  # of many processes
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not reached: {what}; {self.log[-10:]}; {self.fleet.status()}") from None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(each.stop() for each in self.embedded.servers))


@asynccontextmanager
async def bench(folder: Path, names: list[str], nodes: int = 1, ledger: str = "") -> AsyncIterator[Bench]:
    found = Bench(folder, names, nodes, ledger)
    try:
        await found.start()
        yield found
    finally:
        await found.close()
