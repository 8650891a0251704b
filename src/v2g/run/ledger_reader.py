"""What people read of a depot's past in its ledger: one after the other, and not too much at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from v2g.depot import shown
from v2g.depot.ledger import Account, Decided
from v2g.depot.shown import Shown
from v2g.io.depot_ledger import SqliteLedger
from v2g.io.depot_postgres import PostgresLedger
from v2g.kernel.errors import V2GError
from v2g.run.depot_links import FLUSH_S

MOST_DECISIONS = 100_000
"""That are shown at a time: of thousands of chargers there are millions a day, which the memory must not hold."""
MOST_READERS = 8
"""Who wait at a time; one of them reads."""


class LedgerReader:
    """Of one depot."""

    def __init__(self, ledger: SqliteLedger | PostgresLedger) -> None:
        self._ledger = ledger
        self._turn, self._readers = asyncio.Lock(), 0

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        if self._readers >= MOST_READERS:
            raise V2GError(f"{MOST_READERS} ask for the past already; try again in a moment")
        self._readers += 1
        try:
            async with self._turn:
                yield
        finally:
            self._readers -= 1

    async def accounts(self, from_s: float, until_s: float) -> list[Account]:
        """Transactions with their energies. Raises `V2GError`."""
        async with self._reading():
            return await self._ledger.accounts(from_s, until_s)

    async def decisions(self, from_s: float, until_s: float, charger: str = "") -> list[Decided]:
        """What was decided, and why. Raises `V2GError` if that is too much."""
        async with self._reading():
            await self._ledger.flushed(FLUSH_S)
            found = await self._ledger.decisions(from_s, until_s, charger, MOST_DECISIONS + 1)
        if len(found) > MOST_DECISIONS:
            raise V2GError(f"more than {MOST_DECISIONS} decisions; ask for one charger, or for a shorter time")
        return found

    async def audited(self, from_s: float, until_s: float, of: str) -> list[Shown]:
        """Transactions with the decisions about them. `of`: a vehicle or a charger, as `str.casefold` writes it; empty:
        of all. Raises `V2GError`."""
        accounts = [
            each
            for each in await self.accounts(from_s, until_s)
            if of in ("", each.vehicle.casefold(), _charger(each).casefold())
        ]
        decisions = list[Decided]()
        for charger in sorted(set(map(_charger, accounts))) if of else [""]:
            decisions += await self.decisions(from_s, until_s, charger)
        return shown.audited(accounts, decisions)


def _charger(account: Account) -> str:
    return f"{account.station}/{account.evse}"
