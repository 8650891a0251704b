"""Faults of the way to the back end, one after the other: an open connection is not a back end, and no clock that is
set makes an order last longer."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import UNSET
from tests.station.back_end.test_charging_station import TIME, Bench, profile

from v2g.ocpp import v21
from v2g.ocpp.base import encode
from v2g.ocpp.version import version
from v2g.station.back_end.contact import MISSED, Contact

MOST_AWAY_S = 12
DISCHARGE: dict[str, Any] = {"operationMode": "CentralSetpoint", "setpoint": -4_000.0}
REJECTED = v21.BootNotificationResponse(currentTime=TIME, interval=5, status="Rejected")


@dataclass
class Fragile(Bench):
    """The connection may lead to nobody."""

    mute: bool = False
    deaf_to: str = "no action"

    def _hear(self, frame: str) -> None:
        if not self.mute and f'"{self.deaf_to}"' not in frame:
            super()._hear(frame)

    def heal(self) -> None:
        """The back end is there again, and accepts the station."""
        self.mute = False
        self.answers.pop("BootNotification", None)
        if self.linked:
            self.cut()
        self.link()
        self.run(35.0, until=lambda: self.station.online and self.station.contact.away_s(self.world.now) == 0.0)

    def discharging(self, **rest: Any) -> "Fragile":
        self.charge(3.0)
        self.renew(**rest)
        return self

    def renew(self, **rest: Any) -> None:
        order = profile(DISCHARGE, "TxProfile", transaction=self.transaction, maxOfflineDuration=MOST_AWAY_S, **rest)
        assert self.ask("SetChargingProfile", order).status == "Accepted"
        self.run(12.0, until=lambda: self.power_w < -3_000)
        assert self.power_w < -3_000

    @property
    def power_w(self) -> float:
        return self.world.evse.decision.power_w

    # Faults

    def lose_link(self) -> None:
        if self.linked:
            self.cut()

    def lead_to_nobody(self) -> None:
        """The broker is back, or the proxy is there, and the back end is not."""
        self.lose_link()
        self.mute = True
        self.link()

    def fall_back(self) -> None:
        """The next network profile leads to a back end that does not accept the station."""
        self.lose_link()
        self.mute, self.answers["BootNotification"] = False, REJECTED
        self.station.boot(self.station.boot_reason)
        self.link()


LOST, NOBODY, OTHER = Fragile.lose_link, Fragile.lead_to_nobody, Fragile.fall_back
SEQUENCES = ((LOST, NOBODY), (NOBODY, OTHER), (OTHER, LOST), (LOST, NOBODY, OTHER), (OTHER, NOBODY, LOST))


def test_two_and_three_faults_in_a_row_are_one_absence() -> None:
    bench = Fragile().discharging()
    for faults in SEQUENCES:
        since = bench.world.now
        for fault in faults:
            fault(bench)
            bench.run(3.0)
            assert bench.power_w < -3_000
        bench.run(since + MOST_AWAY_S + 1.0 - bench.world.now)
        assert bench.power_w == 0.0, faults
        faults[-1](bench)  # once more: it changes nothing
        bench.run(5.0)
        assert bench.power_w == 0.0, faults
        bench.heal()
        bench.run(12.0, until=lambda: bench.power_w < -3_000)
        assert bench.power_w < -3_000, faults


def test_a_back_end_that_hangs_is_noticed_and_the_absence_begins() -> None:
    bench = Fragile().discharging()
    bench.cut()
    bench.mute = True
    bench.station.connected(version("ocpp2.1"), bench.world.now, timeout_s=3.0)
    bench.linked = True
    bench.run(10.0, until=lambda: bench.station.contact.lost)
    assert bench.station.contact.lost
    bench.cut()  # what the process does then
    bench.run(MOST_AWAY_S + 1.0)
    assert bench.power_w == 0.0


def test_one_call_without_an_answer_is_no_reason_to_connect_again() -> None:
    bench = Fragile()
    bench.run(3.0)
    bench.mute = True
    bench.station.call("Heartbeat", v21.HeartbeatRequest())
    bench.run(0.5)
    bench.mute = False
    bench.run(40.0)
    assert not bench.station.contact.lost
    assert bench.actions()[-1] == "Heartbeat"


def test_an_order_that_does_not_outlive_an_absence_does_not_come_back_with_an_empty_connection() -> None:
    bench = Fragile().discharging(invalidAfterOfflineDuration=True)
    bench.lose_link()
    bench.run(MOST_AWAY_S + 1.0)
    bench.lead_to_nobody()
    bench.run(3.0)
    assert bench.station.profiles.installed
    bench.heal()
    bench.run(3.0)
    assert not bench.station.profiles.installed
    assert bench.power_w >= 0.0


@pytest.mark.parametrize("back_s", [10, 3_600])
def test_a_clock_that_is_set_back_makes_no_dynamic_order_last_longer(back_s: int) -> None:
    bench = Fragile().discharging(chargingProfileKind="Dynamic", chargingSchedule=[dynamic(DISCHARGE, 20)])
    bench.world.clock_set_s -= back_s
    bench.run(21.0, until=lambda: bench.power_w > -3_000)
    assert bench.power_w > -3_000
    bench.world.clock_set_s += back_s
    bench.run(10.0)
    assert bench.power_w >= 0.0


def dynamic(period: dict[str, Any], duration_s: int | None = None) -> dict[str, Any]:
    found = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
    return found if duration_s is None else found | {"duration": duration_s}


@pytest.mark.parametrize("kind", ["Relative", "Dynamic"])
def test_a_clock_that_is_set_back_lifts_no_limit(kind: str) -> None:
    bench = Fragile()
    bench.charge(3.0)
    limit = profile({"limit": 2_000.0}, "TxProfile", transaction=bench.transaction, chargingProfileKind=kind)
    assert bench.ask("SetChargingProfile", limit).status == "Accepted"
    bench.run(5.0)
    bench.world.clock_set_s -= 3_600
    bench.run(10.0)
    assert bench.world.evse.decision.allowed.charge_w <= 2_000


@pytest.mark.parametrize(
    ("down_s", "clock_s", "follows"), [(5, 0, True), (20, 0, False), (5, -3_600, False)],
    ids=["short", "long", "with a clock that was set back"],
)  # fmt: skip
def test_how_long_the_back_end_was_away_is_known_over_a_restart(down_s: float, clock_s: float, follows: bool) -> None:
    bench = Fragile(asks=False)
    bench.run(2.0)
    order = profile(DISCHARGE, "TxDefaultProfile", maxOfflineDuration=MOST_AWAY_S)
    assert bench.ask("SetChargingProfile", order).status == "Accepted"
    bench.run(1.0)
    bench.world.stop_station()
    bench.cut()
    bench.authorizer.left()
    bench.world.run(down_s)
    bench.world.clock_set_s += clock_s
    bench.world.start_station()
    bench.start()
    bench.run(1.0)
    asked = bench.station.order(1)
    assert (asked.discharge_w > 0.0) is follows


def test_a_station_without_a_kept_contact_has_been_alone_for_ever() -> None:
    bench = Bench()
    contact = Contact(bench.store)
    contact.began(100.0, 1_000)
    assert contact.away_s(100.0) == float("inf")
    for _ in range(MISSED):
        contact.missed()
    assert contact.lost
    contact.opened()
    assert not contact.lost


def test_what_a_carrier_delivers_again_over_the_next_connection_is_carried_out_once() -> None:
    bench = Bench()
    bench.run(2.0)

    def said(value: int) -> float:
        """What the interval is after a frame with the id x1 that sets it."""
        frame = f'[2,"x1","SetVariables",{encode(heartbeat_interval(str(value))).decode()}]'
        bench.station.receive(frame, bench.world.now, bench.world.unix_s)
        return bench.station.model.number("OCPPCommCtrlr", "HeartbeatInterval")

    assert said(100) == 100
    bench.run(1.0)
    bench.ask("SetVariables", heartbeat_interval("200"))
    for _ in range(2):
        bench.cut()
        bench.station.connected(version("ocpp2.1"), bench.world.now, redelivers=True)
        assert said(100) == 200
        assert any('"x1"' in each for each in bench.station.outgoing)
    assert said(300) == 300  # a back end that counts from 1 again


def heartbeat_interval(value: str) -> v21.SetVariablesRequest:
    place = v21.ComponentType(name="OCPPCommCtrlr"), v21.VariableType(name="HeartbeatInterval")
    row = v21.SetVariableDataType(attributeValue=value, component=place[0], variable=place[1], attributeType=UNSET)
    return v21.SetVariablesRequest(setVariableData=(row,))


def test_a_back_end_that_is_not_there_has_refused_no_message() -> None:
    bench = Fragile()
    bench.charge(3.0)
    for _ in range(4):
        bench.lose_link()
        bench.mute, bench.linked = True, True
        bench.station.connected(version("ocpp2.1"), bench.world.now, timeout_s=2.0)
        bench.run(15.0, until=lambda: bench.station.contact.lost)
        assert bench.station.contact.lost
    assert {each["attempts"] for each in bench.station.outbox.listed()} == {0}
    bench.heal()
    bench.run(5.0)
    assert [each.seqNo for each in bench.events()] == list(range(len(bench.events())))
    assert not bench.station.outbox.listed()


def test_a_message_that_a_back_end_which_is_there_leaves_without_an_answer_is_given_up() -> None:
    bench = Fragile()
    bench.run(3.0)
    bench.deaf_to = "SecurityEventNotification"
    bench.station.connected(version("ocpp2.1"), bench.world.now, timeout_s=2.0)
    event = v21.SecurityEventNotificationRequest(type="MemoryExhaustion", timestamp=TIME)
    bench.station.outbox.add("SecurityEventNotification", event, online=True)
    bench.run(200.0, until=lambda: not bench.station.outbox.listed())
    assert "SecurityEventNotification is given up after 3 attempts" in bench.station.log
    assert not bench.station.contact.lost


@dataclass
class Crossing(Bench):
    """Its back end hears nobody while it waits for an answer to a call of its own, as CitrineOS does."""

    busy_until_s: float = 0.0
    code: str = "RpcFrameworkError"
    refused: list[str] = field(default_factory=list)

    def _hear(self, frame: str) -> None:
        _, id, action, *_ = json.loads(frame)
        if frame.startswith("[2,") and self.world.now < self.busy_until_s:
            self.refused.append(action)
            refusal = f'[4,"{id}","{self.code}","Call already in progress",{{}}]'
            self.station.receive(refusal, self.world.now, self.world.unix_s)
        else:
            super()._hear(frame)


def test_what_crosses_a_call_of_the_back_end_is_sent_again_in_its_order() -> None:
    bench = Crossing()
    bench.run(3.0)
    bench.busy_until_s = bench.world.now + 5.0
    event = v21.SecurityEventNotificationRequest(type="MemoryExhaustion", timestamp=TIME)
    bench.station.outbox.add("SecurityEventNotification", event, online=True)
    report = v21.GetBaseReportRequest(requestId=5, reportBase="FullInventory")
    assert bench.ask("GetBaseReport", report).status == "Accepted"
    bench.run(12.0)
    assert bench.world.now > bench.busy_until_s
    parts = [each for _, each in bench.heard if isinstance(each, v21.NotifyReportRequest)]
    assert [each.seqNo for each in parts] == list(range(len(parts)))
    assert parts[-1].tbc is False
    assert "SecurityEventNotification" in bench.actions()
    assert not bench.station.outbox.listed()


def test_a_back_end_that_answers_with_errors_alone_is_away_and_is_not_flooded() -> None:
    bench = Crossing(code="InternalError")
    bench.run(3.0)
    bench.cut()
    bench.busy_until_s = float("inf")
    bench.link()
    bench.run(35.0)
    assert bench.station.contact.away_s(bench.world.now) >= 35.0
    assert not bench.station.contact.spoken
    assert bench.refused.count("Heartbeat") == 4


def test_a_call_that_is_refused_as_crossing_for_ever_is_given_up() -> None:
    bench = Crossing()
    bench.run(3.0)
    bench.busy_until_s = float("inf")
    bench.station.call("DataTransfer", v21.DataTransferRequest(vendorId="v"))
    bench.run(60.0, until=lambda: any("DataTransfer has no response" in each for each in bench.station.log))
    assert any("DataTransfer has no response: RpcFrameworkError" in each for each in bench.station.log)
