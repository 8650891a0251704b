"""A depot as a member of a fleet: a server of its own, what it publishes, what it is asked, what it books.

Its set-points lapse, so without the fleet the depot follows its own plan; what it books waits in its own server's store
until the fleet has it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Protocol

from msgspec import Struct

from v2g.depot.capability import Margins
from v2g.depot.dispatch import Dispatch
from v2g.depot.request import PowerRequest
from v2g.depot.view import Site
from v2g.fleet.books import QUARTER_S, Books
from v2g.fleet.member import Member, flows
from v2g.fleet.view import Accepted, Batch, Setpoint
from v2g.io import fleet_nats, nats_server
from v2g.io.nats_server import Leaf, NatsError, Server, leaf_text
from v2g.kernel.errors import V2GError, innermost

EVERY_S = 1.0
KEEP_S = 5.0
"""Between two times that open stretches are kept: what has flowed since then is lost if the process is killed."""
TOGETHER = 500
"""Entries of one batch at most."""
AGAIN_S = 5.0
REFUSES_S = 30.0
"""A server that has met a full disk stores nothing any more, also when there is room again."""


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

    async def keep(self, document: bytes) -> bool:
        """Keep the books with the depot's own state; whether they are on the disk."""
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
        self.books = Books(name, kept, process=self.member.process, span_s=span_s)
        self._margins, self._name, self._kept_s = margins, name, float("-inf")
        self._safe = 0
        """How many entries are closed in the books on the disk too: after a kill they are not made again."""
        self.server: Server | None = None
        self._up: nats_server.Link | None = None
        self.taken = 0
        """Set-points."""

    async def run(self) -> None:
        """Book, and be joined to the fleet: the depot goes on without it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again(self._book))
            tasks.create_task(self._again(self._serve))

    async def _again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """For ever, whatever fails: it ends no depot."""
        said = ""
        while True:
            try:
                await work()
            except Exception as group:
                error = innermost(group)
                text = str(error) if isinstance(error, V2GError) else f"a defect: {error!r}"
                if text != said:
                    said = text
                    self._report(f"fleet: {said}")
            await asyncio.sleep(AGAIN_S)

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            access = self._link.access
            if self._link.leaf is not None:
                leaf = self._link.leaf
                self.server = Server(leaf.name, leaf_text(leaf), self._link.folder, self._linked)
                await self.server.start()
                stack.push_async_callback(self.server.stop)
                access = fleet_nats.Access(
                    servers=(f"nats://127.0.0.1:{leaf.port}",), user=leaf.user, password=leaf.secret
                )
            assert access is not None
            client = await fleet_nats.connect(access, self._name, self._report)
            link = fleet_nats.Member(client, self._name, outbox=self._link.leaf is not None)
            stack.push_async_callback(link.close)
            await link.open(self._take)
            if self._up is not nats_server.Link.REFUSED:
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

    def _linked(self, link: nats_server.Link) -> None:
        """Each change once; a server that refuses is tried again each second."""
        before = self._up
        if before is nats_server.Link.REFUSED or link is before:
            return
        self._up = link
        if link is nats_server.Link.REFUSED:
            self._report("fleet: its servers refuse this depot; see member_of.depot and member_of.password_file")
        elif before is not None:
            lost = link is nats_server.Link.LOST
            self._report("fleet: the link is lost; set-points lapse" if lost else "fleet: the link is back")

    def _take(self, setpoint: Setpoint) -> Accepted:
        before = self.member.holding
        accepted = self.member.take(setpoint, self._depot.now())
        self.taken += accepted.taken
        if self.member.holding is not before:
            self._depot.ask(self.member.request(self._depot.now()))
        return accepted

    async def _book(self) -> None:
        """See what flows, and keep it, with or without a fleet."""
        while True:
            now = self._depot.now()
            site, dispatch = self._depot.seen()
            if dispatch is not None:
                by = "" if dispatch.requested_w is None else dispatch.requested_by
                self.books.see(now, by, flows(site, dispatch, self._depot.contracts()))
            closed = self.books.closed
            if closed > self._safe or now - self._kept_s >= KEEP_S:
                self._kept_s = now
                if await self._depot.keep(self.books.document()):
                    self._safe = closed
            await asyncio.sleep(EVERY_S)

    async def _publish(self, link: fleet_nats.Member) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            site, dispatch = self._depot.seen()
            await link.publish(self.member.aggregate(site, dispatch, self._depot.now(), self._margins))
            due_s = max(due_s + EVERY_S, loop.time())
            await asyncio.sleep(due_s - loop.time())

    async def _store(self, link: fleet_nats.Member) -> None:
        """Send what is closed in the books on the disk to where it is not lost."""
        refused_s: float | None = None
        while True:
            safe = len(self.books.waiting) - (self.books.closed - self._safe)
            entries = tuple(self.books.waiting[: min(safe, TOGETHER)])
            if entries and await link.store(Batch(self._name, entries)):
                self.books.stored(len(entries))
                refused_s = None
                continue
            if entries and self.server is not None:
                now_s = asyncio.get_running_loop().time()
                refused_s = now_s if refused_s is None else refused_s
                if now_s - refused_s > REFUSES_S:
                    raise ServerGone("its NATS server stores nothing, and is started again; see the disk of `store`")
            await asyncio.sleep(EVERY_S)


class ServerGone(NatsError):
    """The depot's server has ended."""


def leaf_of(name: str, hubs: tuple[str, ...], port: int, store: Path, password: str, roots: Path | None) -> Leaf:
    """The server of a depot."""
    return Leaf(name=name, store=store, port=port, hubs=hubs, user=name, password=password,
                secret=token_urlsafe(24), roots=roots)  # fmt: skip


__all__ = ["FleetMember", "Link", "OfDepot", "leaf_of"]
