"""A back end that answers wrongly, not at all, or too much: the cars are served, and the queue arrives."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from tests.station.back_end.test_charging_station import TIME, Bench, ask_for, profile

from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.device_model import MOST_ITEMS
from v2g.ocpp.store import Memory
from v2g.station.back_end.block import Block
from v2g.station.back_end.calls import MOST_CALLS, Call, Calls
from v2g.station.back_end.displays import Displays
from v2g.station.back_end.external import External

HEARTBEAT = v21.HeartbeatRequest()
SETPOINT: dict[str, Any] = {"operationMode": "CentralSetpoint", "setpoint": -4_000.0}


@dataclass
class Wrong(Bench):
    """Its frames are changed on their way to the station."""

    ids: str = ""
    """Put before the id of every answer."""
    doubles: bool = False

    def _speak(self) -> None:
        frames, self.back_end.outgoing = self.back_end.outgoing, []
        for frame in frames:
            parts = json.loads(frame)
            if parts[0] in (3, 4) and self.ids:
                parts[1] = (self.ids + parts[1])[:36]
            for _ in range(1 + self.doubles):
                self.station.receive(json.dumps(parts), self.world.now, self.world.unix_s)


def test_a_back_end_that_answers_with_other_ids_is_not_there() -> None:
    """The station connects again."""
    bench = Wrong()
    bench.run(2.0)
    bench.ids = "x"
    bench.station.call("Heartbeat", HEARTBEAT)
    bench.run(70.0, until=lambda: bench.station.contact.lost)
    assert bench.station.contact.lost


def test_answers_that_come_twice_change_nothing() -> None:
    bench = Wrong(doubles=True)
    bench.charge(6.0)
    events = bench.events()
    assert [each.seqNo for each in events] == list(range(len(events)))
    assert not bench.station.outbox.listed()
    assert len([line for line in bench.station.log if "awaits none" in line]) >= len(events)


def test_a_back_end_that_has_no_new_values_is_asked_once_in_an_interval() -> None:
    """And the queue goes on."""
    bench = Bench(answers={"PullDynamicScheduleUpdate": v21.PullDynamicScheduleUpdateResponse(status="Rejected")})
    bench.charge(2.0)
    order = profile(
        SETPOINT, "TxProfile", transaction=bench.transaction, chargingProfileKind="Dynamic", dynUpdateInterval=5
    )
    assert bench.ask("SetChargingProfile", order).status == "Accepted"
    bench.run(11.0)
    assert bench.actions().count("PullDynamicScheduleUpdate") == 2
    assert not bench.station.outbox.listed()


def test_what_need_not_arrive_leaves_the_queue_its_turn() -> None:
    bench = Bench()
    bench.charge(1.0)
    before = len(bench.events())

    def again(response: Message | None, now: float) -> None:
        bench.station.call("Heartbeat", HEARTBEAT, again)

    bench.station.call("Heartbeat", HEARTBEAT, again)
    station, now = bench.station, bench.world.now
    event = station.trackers[1].triggered(now, bench.world.unix_s)
    assert event is not None
    station.event(event)
    for _ in range(40):
        station.step(now, bench.world.unix_s)
        for frame in station.outgoing:
            bench._hear(frame)
        bench._speak()
    assert len(bench.events()) == before + 1


def test_each_call_is_over_once() -> None:
    """Dropped because there are too many, or abandoned with the connection: whoever waits for a response hears so."""
    calls, over = Calls(), list[int]()

    def call(number: int, *, urgent: bool) -> Call:
        return Call("Heartbeat", HEARTBEAT, lambda response, now: over.append(number), urgent)

    for number in range(MOST_CALLS):
        calls.add(call(number, urgent=False), 0.0)
    calls.add(call(-1, urgent=True), 0.0)
    assert over == [0], "the oldest that is not urgent"
    assert (first := calls.take(0.0)) is not None
    assert first.urgent
    calls.abandon(0.0)
    assert over == list(range(MOST_CALLS))
    assert not calls


def test_a_call_that_is_under_way_is_over_when_the_connection_is_lost() -> None:
    bench, heard = Bench(), list[Message | None]()
    bench.run(2.0)
    bench.station.call("Heartbeat", HEARTBEAT, lambda response, now: heard.append(response), urgent=True)
    bench.station.step(bench.world.now, bench.world.unix_s)
    assert bench.station.outgoing
    bench.cut()
    assert heard == [None]
    bench.link()
    bench.run(1.0)
    assert bench.station.online


def test_a_connection_that_is_lost_before_the_boot_is_answered_costs_no_time() -> None:
    bench = Bench()
    bench.station.step(bench.world.now, bench.world.unix_s)
    assert "BootNotification" in bench.station.outgoing[0]
    bench.cut()
    bench.link()
    bench.run(1.0)
    assert bench.station.online


def test_a_defect_in_a_block_takes_no_order_away_and_is_reported_once() -> None:
    bench = Bench()
    bench.charge(5.0)
    failing(bench.station.block(Displays))
    bench.run(6.0)
    assert "orders are not known" not in bench.world.evse.decision.explanation
    assert not bench.station.outbox.listed()
    assert len([line for line in bench.station.log if "Displays failed" in line]) == 1


def test_a_defect_in_what_the_orders_depend_on_ends_them() -> None:
    bench = Bench()
    bench.charge(5.0)
    failing(bench.station.block(External))
    with pytest.raises(ZeroDivisionError):
        bench.station.step(bench.world.now, bench.world.unix_s)
    bench.world.run(6.0)
    assert "orders are not known" in bench.world.evse.decision.explanation


def test_a_defect_in_the_costs_loses_no_event() -> None:
    bench = Bench()
    bench.charge(3.0)

    def priced(event: v21.TransactionEventRequest) -> v21.TransactionEventRequest:
        raise OverflowError

    bench.station.priced = priced
    bench.run(6.0)
    events = bench.events()
    assert [each.seqNo for each in events] == list(range(len(events)))
    assert any("the tariff failed" in line for line in bench.station.log)


def failing(block: Block) -> None:
    """The block has a defect from now on."""

    def step() -> None:
        raise ZeroDivisionError

    block.step = step  # type: ignore[method-assign]


def test_a_late_answer_is_a_sign_of_life_and_garbage_is_none() -> None:
    bench = Bench()
    bench.run(2.0)
    station, now, unix_s = bench.station, bench.world.now, bench.world.unix_s
    station.call("Heartbeat", HEARTBEAT)
    station.step(now, unix_s)
    (frame,) = station.outgoing
    station.step(now + 30.0, unix_s + 30)
    assert station.contact.doubtful
    station.receive("hello", now + 31.0, unix_s + 31)
    station.receive('[3,"strange",{}]', now + 31.0, unix_s + 31)
    assert station.contact.doubtful
    station.receive(json.dumps([3, json.loads(frame)[1], {"currentTime": TIME.isoformat()}]), now + 31.0, unix_s + 31)
    assert not station.contact.doubtful


def test_a_request_with_more_items_than_the_station_takes_is_refused() -> None:
    """A frame has room for thousands: to look for all of them would hold the loop up."""
    bench = Bench()
    bench.run(2.0)
    place = v21.ComponentVariableType(component=v21.ComponentType(name="EVSE"))
    for number, answer in ((MOST_ITEMS, "Accepted"), (MOST_ITEMS + 1, "OccurrenceConstraintViolation")):
        found = bench.ask("GetReport", v21.GetReportRequest(requestId=1, componentVariable=(place,) * number))
        assert getattr(found, "status", found) == answer
    asked = v21.GetVariablesRequest(getVariableData=(ask_for("EVSE", "Power", 1),) * (MOST_ITEMS + 1))
    assert bench.ask("GetVariables", asked) == "OccurrenceConstraintViolation"


class Disk(Memory):
    """It may be full: what is put then is not on it before there is room again."""

    def __init__(self) -> None:
        super().__init__()
        self.full, self.number = False, 0

    def put(self, kind: str, key: str, value: bytes | None) -> int:
        self.number += 1
        if value is None:
            self.found.pop((kind, key), None)
        else:
            self.found[kind, key] = value
        return self.number

    def commit(self) -> None:
        self.committed = self.committed if self.full else self.number


def test_a_disk_that_is_full_in_a_transaction_delays_its_events_and_loses_none() -> None:
    disk = Disk()
    bench = Bench(store=disk)
    bench.charge(2.0)
    before = len(bench.events())
    disk.full = True
    bench.run(12.0)
    assert bench.world.evse.demand.stage.name == "ENERGY"
    assert len(bench.events()) == before, "what has been sent has to be known after a restart"
    disk.full = False
    bench.run(3.0)
    events = bench.events()
    assert [each.seqNo for each in events] == list(range(len(events)))
    assert len(events) > before
