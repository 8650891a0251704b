"""A depot as a member of a fleet: a server of its own, what it publishes, what it is asked, what it books.

Its set-points lapse, so without the fleet the depot follows its own plan; what it books waits in its own server's store
until the fleet has it.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from v2g.depot.capability import Margins
from v2g.depot.dispatch import Dispatch
from v2g.depot.request import PowerRequest
from v2g.depot.view import Site
from v2g.fleet.books import QUARTER_S, Books
from v2g.fleet.member import Member, flows
from v2g.fleet.view import Accepted, Batch, Setpoint
from v2g.io import fleet_nats
from v2g.io.nats_server import Leaf, NatsError, Server, leaf_text

EVERY_S = 1.0
KEEP_S = 5.0
"""Between two times that open stretches are kept: what has flowed since then is lost if the process is killed."""
TOGETHER = 500
"""Entries of one batch at most."""
AGAIN_S = 5.0


class OfDepot(Protocol):
    """What a member needs of its depot."""

    def now(self) -> float:
        """Unix time that does not jump."""
        ...

    def seen(self) -> tuple[Site, Dispatch | None]:
        """The site, and what its controller decided last."""
        ...

    def contracts(self) -> dict[str, str]:
        """By charger, as far as they are known."""
        ...

    def ask(self, request: PowerRequest | None) -> None:
        """What the fleet asks for from now on; None: nothing."""
        ...

    def keep(self, document: bytes) -> None:
        """Keep the books with the depot's own state."""
        ...


class Link(Struct, frozen=True, kw_only=True):
    """Where the depot's messages go: to a server of its own, or to the fleet's servers."""

    leaf: Leaf | None = None
    access: fleet_nats.Access | None = None
    folder: Path = Path()


class FleetMember:
    """One depot. `run` lasts until it is cancelled."""

    def __init__(
        self, name: str, depot: OfDepot, link: Link, report: Callable[[str], None], kept: bytes | None = None,
        margins: Margins | None = None, *, span_s: float = QUARTER_S,
    ) -> None:  # fmt: skip
        """`kept`: the books as they were kept last (`OfDepot.keep`)."""
        self.member, self._depot, self._link, self._report = Member(name), depot, link, report
        self.books = Books(name, kept, span_s=span_s)
        self._margins, self._name, self._kept_s = margins, name, float("-inf")
        self.server: Server | None = None
        self.taken = 0
        """Set-points."""

    async def run(self) -> None:
        """Join, again if that fails: the depot goes on without the fleet."""
        said = ""
        while True:
            try:
                await self._serve()
            except* NatsError as group:
                error = group.exceptions[0]
                if str(error) != said:
                    said = str(error)
                    self._report(f"fleet: {said}")
            await asyncio.sleep(AGAIN_S)

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            access = self._link.access
            if self._link.leaf is not None:
                leaf = self._link.leaf
                self.server = Server(leaf.name, leaf_text(leaf), self._link.folder)
                await self.server.start()
                stack.push_async_callback(self.server.stop)
                access = fleet_nats.Access(servers=(f"nats://127.0.0.1:{leaf.port}",))
            assert access is not None
            client = await fleet_nats.connect(access, self._name, self._report)
            link = fleet_nats.Member(client, self._name, outbox=self._link.leaf is not None)
            stack.push_async_callback(link.close)
            await link.open(self._take)
            self._report(f"fleet: {self._name} has joined")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._publish(link))
                tasks.create_task(self._store(link))
                if self._link.leaf is not None:
                    tasks.create_task(link.forward())
                    tasks.create_task(self._watch(self.server))

    async def _watch(self, server: Server | None) -> None:
        """A server that has died is started again with the whole of this."""
        assert server is not None
        await server.ended()
        raise ServerGone("its NATS server has ended; it is started again")

    def _take(self, setpoint: Setpoint) -> Accepted:
        before = self.member.holding
        accepted = self.member.take(setpoint, self._depot.now())
        self.taken += accepted.taken
        if self.member.holding is not before:
            self._depot.ask(self.member.request(self._depot.now()))
        return accepted

    def look(self) -> None:
        """One cycle of the books: call it as the depot's controller has decided."""
        now = self._depot.now()
        site, dispatch = self._depot.seen()
        if dispatch is None:
            return
        by = "" if dispatch.requested_w is None else dispatch.requested_by
        closed = self.books.see(now, by, flows(site, dispatch, self._depot.contracts()))
        if closed or now - self._kept_s >= KEEP_S:
            self._kept_s = now
            self._depot.keep(self.books.document())

    async def _publish(self, link: fleet_nats.Member) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.look()
            site, dispatch = self._depot.seen()
            await link.publish(self.member.aggregate(site, dispatch, self._depot.now(), self._margins))
            due_s = max(due_s + EVERY_S, loop.time())
            await asyncio.sleep(due_s - loop.time())

    async def _store(self, link: fleet_nats.Member) -> None:
        while True:
            entries = tuple(self.books.waiting[:TOGETHER])
            if entries and await link.store(Batch(self._name, entries)):
                self.books.stored(entries[-1].sequence)
                self._depot.keep(self.books.document())
                continue
            await asyncio.sleep(EVERY_S)


class ServerGone(NatsError):
    """The depot's server has ended."""


def leaf_of(name: str, hubs: tuple[str, ...], port: int, store: Path, password: str, roots: Path | None) -> Leaf:
    """The server of a depot."""
    return Leaf(name=name, store=store, port=port, hubs=hubs, user=name, password=password, roots=roots)


def client_tls(roots: Path | None) -> ssl.SSLContext:
    """To check the servers' certificates."""
    return ssl.create_default_context(cafile=None if roots is None else str(roots))


__all__ = ["FleetMember", "Link", "OfDepot", "client_tls", "leaf_of"]
