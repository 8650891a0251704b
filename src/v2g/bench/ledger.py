"""The transaction events that a bench's back end has got, each once, on the disk before they are answered."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import encode, given

BUSY_S = 5.0
_REGISTERS = ("Energy.Active.Import.Register", "Energy.Active.Export.Register")


@dataclass(frozen=True, slots=True)
class Account:
    """What the ledger has of one transaction."""

    transaction: str
    begun: int
    """How many events say that it started."""
    ended: int
    events: int
    missing: int
    """Events between the first and the last that never came."""
    first_wh: tuple[float, float]
    """Import and export registers where they are stated first and last."""
    last_wh: tuple[float, float]


class Ledger:
    """Events by station, transaction and number. What comes again is counted and not kept again."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE IF NOT EXISTS event (station TEXT, tx TEXT, seq INTEGER, kind TEXT, import_wh REAL,"
            " export_wh REAL, document BLOB, again INTEGER DEFAULT 0, other INTEGER DEFAULT 0,"
            " PRIMARY KEY (station, tx, seq))",
        ):
            self._connection.execute(statement)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def keep(self, station: str, event: v21.TransactionEventRequest) -> None:
        """On the disk when it returns."""
        imported, exported = (_register(event, each) for each in _REGISTERS)
        document = encode(replace(event, offline=UNSET))  # a retry may state that it is late
        self._connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO UPDATE SET again = again + 1,"
            " other = other + (document IS NOT excluded.document)",
            (station, event.transactionInfo.transactionId, event.seqNo, event.eventType, imported, exported, document),
        )

    def accounts(self) -> list[Account]:
        """The transactions in the order in which their registers rose."""
        found = []
        for (id,) in self._connection.execute("SELECT DISTINCT tx FROM event").fetchall():
            rows = self._connection.execute(
                "SELECT seq, kind, import_wh, export_wh FROM event WHERE tx = ? ORDER BY seq", (id,)
            ).fetchall()
            stated = [(row[2], row[3]) for row in rows if row[2] is not None and row[3] is not None]
            kinds = [row[1] for row in rows]
            nothing = (0.0, 0.0)
            found.append(
                Account(
                    id,
                    kinds.count("Started"),
                    kinds.count("Ended"),
                    len(rows),
                    rows[-1][0] + 1 - len(rows),
                    stated[0] if stated else nothing,
                    stated[-1] if stated else nothing,
                )
            )
        return sorted(found, key=lambda each: (each.first_wh, each.last_wh))

    def contradictions(self) -> int:
        """How often another event came with the number of one that was there."""
        ((found,),) = self._connection.execute("SELECT coalesce(sum(other), 0) FROM event").fetchall()
        return int(found)

    def repeats(self) -> int:
        """How often an event came that was there."""
        ((found,),) = self._connection.execute("SELECT coalesce(sum(again), 0) FROM event").fetchall()
        return int(found)


def _register(event: v21.TransactionEventRequest, measurand: str) -> float | None:
    for meter in () if isinstance(event.meterValue, UnsetType) else event.meterValue:
        for value in meter.sampledValue:
            if given(value.measurand, _REGISTERS[0]) == measurand:
                return value.value
    return None
