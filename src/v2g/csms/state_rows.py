"""What survives a restart of the depot: its state as rows of the ledger, each written only if it changes."""

from collections.abc import Callable, Mapping

import msgspec

from v2g.csms.evse import DISPLACED, PROMISE, Displaced, ManagedEvse, Transaction
from v2g.csms.promise import Promise
from v2g.csms.station import Kept, ManagedStation
from v2g.depot.ledger import Ledger
from v2g.ocpp.base import custom_data

STATION, TRANSACTION = "station", "transaction"
"""Kinds of rows; `PROMISE` and `DISPLACED` are those of an EVSE."""
_TRANSACTIONS: msgspec.json.Decoder[Transaction] = msgspec.json.Decoder(Transaction, dec_hook=custom_data)


class StateRows:
    """Of stations and transactions."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._written: dict[tuple[str, str], bytes] = {}

    def put(self, kind: str, key: str, document: bytes | None) -> None:
        """Keep a row, or forget it (None), with the next commit."""
        if self._written.get((kind, key)) != document:
            self._ledger.put(kind, key, document)
        if document is None:
            self._written.pop((kind, key), None)
        else:
            self._written[kind, key] = document

    def recall(
        self, stations: Mapping[str, ManagedStation], evses: Mapping[str, ManagedEvse], report: Callable[[str], None]
    ) -> None:
        """What an earlier process has left. What cannot be read is as if it had never been, and a line says so."""
        for (kind, key), document in self._ledger.kept.items():
            try:
                if kind == STATION and key in stations:
                    _recall_station(stations[key], document)
                elif key in evses and kind in _OF_EVSES:
                    _OF_EVSES[kind](evses[key], document)
                else:
                    continue
            except msgspec.MsgspecError as error:
                report(f"what was kept of {kind} {key} cannot be read and is left out: {error}")
            else:
                self._written[kind, key] = document
        for evse in evses.values():
            evse.recalled()


def _recall_station(managed: ManagedStation, document: bytes) -> None:
    managed.recall(msgspec.json.decode(document, type=Kept))
    for id, evse in managed.evses.items():
        evse.status = managed.kept.status.get(id)


_OF_EVSES: dict[str, Callable[[ManagedEvse, bytes], None]] = {
    TRANSACTION: lambda evse, document: evse.recall(_TRANSACTIONS.decode(document)),
    PROMISE: lambda evse, document: evse.recall_promise(msgspec.json.decode(document, type=Promise)),
    DISPLACED: lambda evse, document: evse.recall_displaced(msgspec.json.decode(document, type=Displaced)),
}
