"""Messages that must arrive: kept until the back end has answered, sent in the order in which they came (E12, E13)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import Message, decoder, encode
from v2g.ocpp.rpc import new_id
from v2g.ocpp.store import Store

KIND = "queue"
MOST_WAITING = 10_000
"""From then on every second event that need not arrive is dropped: about a week without a back end."""
LOOKS_AT = 100
"""Of the oldest messages, if those before them have to wait."""
ATTEMPTS = 3
"""Of a message that the back end answers with an error, or not at all (MessageAttempts)."""
INTERVAL_S = 60.0
"""Before attempt n + 1: n times this (MessageAttemptInterval)."""


@dataclass(slots=True)
class Entry:
    """One message. It is sent once it is on the disk: what has been sent can then not be unknown after a restart."""

    number: int
    id: str
    """Of the message. It stays the same until there is an answer, also over a restart: the back end knows it again."""
    action: str
    request: Message
    stored: int
    attempts: int = 0
    not_before_s: float = float("-inf")
    crossed: int = 0
    """How often the back end refused it because it was calling itself."""


class Outbox:
    """The queue of a station. It survives a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: deque[Entry] = deque()
        self._next = 1
        for (kind, key), value in sorted(store.found.items()):
            if kind == KIND:
                self._next = int(key) + 1
                try:
                    action, id, document = value.decode().split(" ", 2)
                    request = decoder(v21.CALLS[action][0]).decode(document)
                except (KeyError, ValueError):  # of another release of this software
                    store.put(KIND, key, None)
                else:
                    self._entries.append(Entry(int(key), id, action, request, 0))
        self.went_offline()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, action: str, request: Message, *, online: bool) -> None:
        """Keep a message until it has arrived."""
        entry = Entry(self._next, new_id(), action, request if online else _late(request), 0)
        self._next += 1
        self._entries.append(entry)
        self._keep(entry)
        for can_be_spared in (_need_not_arrive, _is_update, _is_logged):
            if len(self._entries) > MOST_WAITING:
                self._thin_out(can_be_spared)

    def due(self, now: float) -> Entry | None:
        """The message to send now: the oldest one that is on the disk and whose time has come. One that has to wait
        holds up those of its transaction, or of its action, and no others."""
        held = set()
        for entry in islice(self._entries, LOOKS_AT):
            subject = _subject(entry)
            if subject not in held and entry.stored <= self._store.committed and now >= entry.not_before_s:
                return entry
            held.add(subject)
        return None

    def arrived(self, entry: Entry) -> None:
        """The back end has answered it."""
        if entry in self._entries:
            self._entries.remove(entry)
        self._store.put(KIND, f"{entry.number:012}", None)

    def failed(self, entry: Entry, now: float, *, answered: bool = False, unknown: bool = False) -> bool:
        """The back end refused it (`answered`), does not know such a message (`unknown`), or was silent. Whether it is
        given up; then the next one follows."""
        entry.attempts += 1
        if entry.attempts >= ATTEMPTS or (unknown and entry.action != "TransactionEvent"):
            self.arrived(entry)
            return True
        entry.not_before_s = now + INTERVAL_S * entry.attempts
        if answered:  # under its old id it may be refused without another look
            entry.id = new_id()
            self._keep(entry)
        return False

    def crossed(self, entry: Entry, at_s: float) -> None:
        """The back end hears nobody while it waits for an answer itself: no attempt, but once more, later."""
        entry.crossed += 1
        entry.not_before_s = at_s
        entry.id = new_id()
        self._keep(entry)

    def went_offline(self) -> None:
        """The link is gone: what waits is history when it arrives (E11.FR.07)."""
        for entry in self._entries:
            request = _late(entry.request)
            if request is not entry.request:
                entry.request = request
                self._keep(entry)

    def waiting_for(self, transaction: str | None) -> bool:
        """Whether messages wait, of this transaction or of any."""
        events = (each.request for each in self._entries if isinstance(each.request, v21.TransactionEventRequest))
        return any(transaction in (None, event.transactionInfo.transactionId) for event in events)

    def listed(self) -> list[dict[str, object]]:
        """For a person: what waits, the oldest first."""
        return [{"number": each.number, "action": each.action, "attempts": each.attempts} for each in self._entries]

    def _thin_out(self, can_be_spared: Callable[[Message], bool]) -> None:
        """Drop every second that can be spared; what begins, ends or limits a transaction stays (E12.FR.04)."""
        kept: deque[Entry] = deque()
        drop = False
        for place, entry in enumerate(self._entries):
            drop = not drop and entry.attempts == 0 and can_be_spared(entry.request)
            if drop and place >= LOOKS_AT:  # one of those before may be on its way
                self._store.put(KIND, f"{entry.number:012}", None)
            else:
                kept.append(entry)
        self._entries = kept

    def _keep(self, entry: Entry) -> None:
        value = f"{entry.action} {entry.id} ".encode() + encode(entry.request)
        entry.stored = self._store.put(KIND, f"{entry.number:012}", value)


def _subject(entry: Entry) -> str:
    """What has an order of its own: a transaction, or an action."""
    request = entry.request
    if isinstance(request, v21.TransactionEventRequest):
        return request.transactionInfo.transactionId
    return entry.action


def _late(request: Message) -> Message:
    if isinstance(request, v21.TransactionEventRequest) and request.offline is not True:
        return replace(request, offline=True)
    return request


def _need_not_arrive(request: Message) -> bool:
    if isinstance(request, v21.NotifyEventRequest):
        return True
    periodic = ("MeterValuePeriodic", "MeterValueClock", "RunningCost")
    return isinstance(request, v21.TransactionEventRequest) and request.triggerReason in periodic


def _is_logged(request: Message) -> bool:
    """Whether the station's own log has it as well: a back end can bring about any number of security events."""
    return isinstance(request, v21.SecurityEventNotificationRequest)


def _is_update(request: Message) -> bool:
    """Whether an event neither begins, ends nor limits a transaction: a back end can ask for any number of them."""
    if not isinstance(request, v21.TransactionEventRequest) or request.eventType != "Updated":
        return False
    return not request.triggerReason.endswith(("LimitSet", "LimitReached"))
