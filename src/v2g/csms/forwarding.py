"""What stations have reported while their CSMS was away, kept until it has it: in order, over a restart, each once."""

from typing import Any

import msgspec
from msgspec import Struct

from v2g.depot.ledger import Ledger

KIND = "forward"
LATEST = ("BootNotification", "StatusNotification")
"""Of these the latest is enough; a boot goes first."""
KEPT = (
    *LATEST,
    "TransactionEvent",
    "SecurityEventNotification",
    "NotifyEvent",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "ReservationStatusUpdate",
    "NotifyChargingLimit",
    "ClearedChargingLimit",
)
MOST = 20_000
"""Of one station. Then the oldest meter values of a transaction go first: its start and its end stay."""


class Forward(Struct, frozen=True):
    """A call that the CSMS has not answered yet."""

    number: int
    id: str
    action: str
    payload: bytes


class Backlog:
    """Of all stations."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: dict[str, dict[int, Forward]] = {}
        self._number = 0
        for (kind, key), document in sorted(ledger.kept.items()):
            if kind == KIND:
                try:
                    kept = msgspec.msgpack.decode(document, type=Forward)
                except msgspec.MsgspecError:
                    continue  # of another version
                self._waiting.setdefault(key.rpartition(":")[0], {})[kept.number] = kept
                self._number = max(self._number, kept.number)

    def keeps(self, action: str) -> bool:
        """Whether the CSMS must get it later."""
        return action in KEPT

    def waits(self, station: str) -> int:
        """How many calls of a station wait."""
        return len(self._waiting.get(station, ()))

    def keep(self, station: str, id: str, action: str, payload: bytes) -> None:
        """Keep a call of a station with the next commit, unless the CSMS can do without it."""
        if action not in KEPT:
            return
        waiting = self._waiting.setdefault(station, {})
        if any(each.id == id for each in waiting.values()):  # it came again
            return
        document = msgspec.json.decode(payload)
        if not isinstance(document, dict):
            return
        if action in LATEST:
            for each in [each for each in waiting.values() if each.action == action]:
                if _place(msgspec.json.decode(each.payload)) == _place(document):
                    self._drop(station, each)
        if action == "TransactionEvent":  # as the station says itself when it has been on its own (E04)
            payload = msgspec.json.encode(document | {"offline": True})
        if len(waiting) >= MOST:
            self._thin(station, waiting)
        self._number += 1
        kept = waiting[self._number] = Forward(self._number, id, action, payload)
        self._ledger.put(KIND, _key(station, kept), msgspec.msgpack.encode(kept))

    def first(self, station: str) -> Forward | None:
        """The call that the CSMS should get next."""
        waiting = self._waiting.get(station)
        if not waiting:
            return None
        boots = (each for each in waiting.values() if each.action == "BootNotification")
        return next(boots, None) or next(iter(waiting.values()))

    def done(self, station: str, id: str) -> Forward | None:
        """The CSMS has answered a call; returns it."""
        found = next((each for each in self._waiting.get(station, {}).values() if each.id == id), None)
        if found is not None:
            self._drop(station, found)
            self._ledger.commit()
        return found

    def _thin(self, station: str, waiting: dict[int, Forward]) -> None:
        updates = (each for each in waiting.values() if b'"Updated"' in each.payload)
        self._drop(station, next(updates, None) or next(iter(waiting.values())))

    def _drop(self, station: str, kept: Forward) -> None:
        del self._waiting[station][kept.number]
        self._ledger.put(KIND, _key(station, kept), None)


def _place(document: dict[str, Any]) -> tuple[object, object]:
    return document.get("evseId"), document.get("connectorId")


def _key(station: str, kept: Forward) -> str:
    return f"{station}:{kept.number:012d}"
