"""A depot's process as a member of a fleet: set-points are requests at its desk, its books are in its ledger."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from v2g.csms.gateway import Gateway
from v2g.depot.capability import Margins
from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.dispatch import Dispatch
from v2g.depot.fleet_configuration import MemberOf
from v2g.depot.request import AnyRequest, PowerRequest
from v2g.depot.view import Site
from v2g.fleet.member import BY
from v2g.io.depot_configuration import password
from v2g.io.depot_ledger import SqliteLedger
from v2g.io.depot_postgres import PostgresLedger
from v2g.run.depot_links import FLUSH_S
from v2g.run.fleet_member import FleetMember, Link, leaf_of

KIND = "fleet books"
NOBODYS = ("MacAddress", "NoAuthorization")
"""Types of tokens that name no contract."""


class Process(Protocol):
    """What is needed of the depot's process."""

    configuration: Configuration
    ledger: SqliteLedger | PostgresLedger
    gateway: Gateway
    site: Site
    dispatch: Dispatch | None
    margins: Margins

    def now(self) -> float: ...
    def requests(self) -> Sequence[Any]: ...
    def put(self, channel: Channel, request: AnyRequest) -> None: ...
    def withdraw(self, by: str, channel: Channel) -> bool: ...


class DepotInFleet:
    """`v2g.run.fleet_member.OfDepot`."""

    def __init__(self, process: Process, settings: MemberOf, report: Callable[[str], None]) -> None:
        """Raises `V2GError` for a password that cannot be read."""
        self._process = process
        self._name = settings.depot or process.configuration.name
        secret = password(settings.password_file)
        leaf = leaf_of(self._name, settings.servers, settings.port, settings.store, secret, settings.roots)
        link = Link(leaf=leaf, folder=settings.store)
        kept = process.ledger.kept.get((KIND, self._name))
        self.member = FleetMember(self._name, self, link, report, kept, process.margins)

    async def run(self) -> None:
        """Belong to the fleet until cancelled."""
        await self.member.run()

    def now(self) -> float:
        """Unix time that does not jump."""
        return self._process.now()

    def seen(self) -> tuple[Site, Dispatch | None]:
        """The site, and what its controller decided last."""
        return self._process.site, self._process.dispatch

    def contracts(self) -> dict[str, str]:
        """By charger: the contract or the card that pays."""
        running = {id: evse.transaction for id, evse in self._process.gateway.evses.items()}
        return {
            id: each.token.idToken
            for id, each in running.items()
            if each is not None and each.token is not None and each.token.type not in NOBODYS
        }

    def ask(self, request: PowerRequest | None) -> None:
        """What the fleet asks for from now on, in the place of what it has asked for before. Raises `V2GError`."""
        before = [each.by for each in self._process.requests() if each.by.startswith(BY)]
        if request is not None:
            self._process.put(Channel.FLEET, request)
        for by in before:
            if request is None or by != request.by:
                self._process.withdraw(by, Channel.FLEET)

    async def keep(self, document: bytes) -> bool:
        """Keep the books; whether they are on the disk."""
        self._process.ledger.put(KIND, self._name, document)
        return await self._process.ledger.flushed(FLUSH_S)
