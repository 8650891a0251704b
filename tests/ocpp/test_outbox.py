"""What must arrive: kept in order, sent once it is on the disk, tried again, given up as the standard says."""

from datetime import UTC, datetime

from msgspec import structs

from v2g.ocpp import v21
from v2g.ocpp.outbox import ATTEMPTS, INTERVAL_S, MOST_WAITING, Outbox
from v2g.ocpp.store import Memory


def event(seq: int, transaction: str = "t") -> v21.TransactionEventRequest:
    return v21.TransactionEventRequest(
        eventType="Updated", timestamp=datetime(2026, 1, 1, tzinfo=UTC), triggerReason="Trigger", seqNo=seq,
        transactionInfo=v21.TransactionType(transactionId=transaction),
    )  # fmt: skip


def sequence(outbox: Outbox) -> list[int]:
    found = []
    while (entry := outbox.due(1e9)) is not None:
        assert isinstance(entry.request, v21.TransactionEventRequest)
        found.append(entry.request.seqNo)
        outbox.arrived(entry)
    return found


def test_nothing_is_sent_before_it_is_on_the_disk() -> None:
    class Slow(Memory):
        def put(self, kind: str, key: str, value: bytes | None) -> int:
            return super().put(kind, key, value) + 1

    store = Slow()
    outbox = Outbox(store)
    outbox.add("TransactionEvent", event(0), online=True)
    assert outbox.due(0.0) is None
    store.committed += 1
    assert outbox.due(0.0) is not None


def test_what_waited_is_there_after_a_restart_in_order_and_marked_as_history() -> None:
    store = Memory()
    before = Outbox(store)
    for seq in range(12):
        before.add("TransactionEvent", event(seq), online=True)
    ids = []
    for _ in range(2):
        first = before.due(0.0)
        assert first is not None
        ids.append(first.id)
        if len(ids) == 1:
            before.arrived(first)
    after = Outbox(store)
    waiting = after.due(0.0)
    assert waiting is not None
    assert isinstance(waiting.request, v21.TransactionEventRequest)
    assert waiting.request.offline is True
    assert waiting.id == ids[1]
    assert after.waiting_for("t")
    assert not after.waiting_for("another")
    assert sequence(after) == list(range(1, 12))
    assert len(Outbox(store)) == 0


def test_a_refused_message_is_tried_again_later_and_then_given_up() -> None:
    outbox = Outbox(Memory())
    outbox.add("TransactionEvent", event(0), online=True)
    outbox.add("TransactionEvent", event(1), online=True)
    now = 0.0
    for attempt in range(1, ATTEMPTS):
        entry = outbox.due(now)
        assert entry is not None
        assert not outbox.failed(entry, now)
        assert outbox.due(now + attempt * INTERVAL_S - 0.1) is None
        now += attempt * INTERVAL_S
    entry = outbox.due(now)
    assert entry is not None
    assert outbox.failed(entry, now)
    assert sequence(outbox) == [1]


def test_a_message_that_has_to_wait_holds_up_its_transaction_and_no_other() -> None:
    outbox = Outbox(Memory())
    security = v21.SecurityEventNotificationRequest(
        type="StartupOfTheDevice", timestamp=datetime(2026, 1, 1, tzinfo=UTC)
    )
    outbox.add("SecurityEventNotification", security, online=True)
    outbox.add("TransactionEvent", event(0), online=True)
    outbox.add("TransactionEvent", event(1), online=True)
    outbox.add("TransactionEvent", event(0, "u"), online=True)
    waits = []
    for _ in range(3):
        entry = outbox.due(0.0)
        assert entry is not None
        waits.append(entry.number)
        outbox.failed(entry, 0.0, answered=True)
    assert waits == [1, 2, 4]
    assert outbox.due(0.0) is None
    entry = outbox.due(INTERVAL_S)
    assert entry is not None
    assert entry.number == 1


def test_what_the_back_end_does_not_know_is_not_tried_again_unless_it_is_of_a_transaction() -> None:
    outbox = Outbox(Memory())
    security = v21.SecurityEventNotificationRequest(
        type="StartupOfTheDevice", timestamp=datetime(2026, 1, 1, tzinfo=UTC)
    )
    outbox.add("SecurityEventNotification", security, online=True)
    outbox.add("TransactionEvent", event(0), online=True)
    given_up = []
    for _ in range(2):
        entry = outbox.due(0.0)
        assert entry is not None
        given_up.append(outbox.failed(entry, 0.0, answered=True, unknown=True))
    assert given_up == [True, False]


def test_a_row_that_nobody_can_read_any_more_stops_nothing() -> None:
    store = Memory()
    store.put("queue", "000000000001", b"NoSuchAction {}")
    store.put("queue", "000000000002", b"TransactionEvent 1 {")
    store.put("queue", "000000000003", b"TransactionEvent")
    outbox = Outbox(store)
    assert len(outbox) == 0
    outbox.add("TransactionEvent", event(3), online=True)
    assert sequence(outbox) == [3]
    assert not store.found


def test_events_of_monitors_fill_no_disk_while_the_back_end_is_away() -> None:
    outbox = Outbox(Memory())
    outbox.add("TransactionEvent", event(0), online=False)
    said = v21.NotifyEventRequest(generatedAt=datetime(2026, 1, 1, tzinfo=UTC), tbc=False, seqNo=0, eventData=())
    for _ in range(MOST_WAITING + 100):
        outbox.add("NotifyEvent", said, online=False)
    assert len(outbox) < MOST_WAITING
    assert outbox.waiting_for("t")


def test_a_back_end_that_stays_away_costs_meter_values_and_nothing_else() -> None:
    store = Memory()
    outbox = Outbox(store)
    for seq in range(MOST_WAITING + 1):
        reason: v21.TriggerReasonEnumType = "ChargingStateChanged" if seq % 100 == 0 else "MeterValuePeriodic"
        outbox.add("TransactionEvent", structs.replace(event(seq), triggerReason=reason), online=False)
    assert MOST_WAITING / 2 <= len(outbox) < MOST_WAITING * 0.6
    assert len(store.found) == len(outbox)
    left = sequence(outbox)
    assert left == sorted(left)
    assert set(range(0, MOST_WAITING + 1, 100)) <= set(left)
