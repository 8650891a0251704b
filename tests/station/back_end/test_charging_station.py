"""The station and a back end in the virtual world: a car, real frames of OCPP in both directions."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs
from tests.ocpp.messages import judge
from tests.station.scene import INTENT, OUTLET

from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode
from v2g.iso15118.view import Stop
from v2g.ocpp import v21
from v2g.ocpp.base import Message, encode
from v2g.ocpp.rpc import Answered, Failed, Requested, Rpc
from v2g.ocpp.store import Memory
from v2g.ocpp.version import Subprotocol, version
from v2g.station.access import ListAuthorizer
from v2g.station.back_end.authorizer import BackEndAuthorizer
from v2g.station.back_end.blocks import BLOCKS
from v2g.station.back_end.card import Card
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.requests import HANDLERS
from v2g.station.back_end.transactions import Transaction
from v2g.station.config.settings import Access, EvseSettings
from v2g.station.power.situation import NOT_KNOWN

CAR = "WMIV1234567890ABCDEX"
EVERY_S = 0.1
"""Between looks at the station, as the process takes them."""
TIME = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = structs.replace(OUTLET, access=Access(grant="everyone", discharge=True, bench_discharge=True, unproved=True))


@dataclass
class Bench:
    """World, station and back end; the link can be cut."""

    subprotocol: Subprotocol = "ocpp2.1"
    asks: bool = True
    control: ControlMode = ControlMode.DYNAMIC
    settings: EvseSettings = SETTINGS
    store: Memory = field(default_factory=Memory)
    answers: dict[str, Message] = field(default_factory=dict)
    """What the back end says instead of the usual."""
    heard: list[tuple[str, Message]] = field(default_factory=list)
    replies: dict[str, Any] = field(default_factory=dict)
    due_s: float = 0.0

    def __post_init__(self) -> None:
        local = ListAuthorizer(self.settings.access)
        self.authorizer = BackEndAuthorizer(local, asks=self.asks, unproved=True)
        intent = replace(INTENT, mode=self.control)
        self.world = World(self.settings, intent, authorizer=self.authorizer)
        self.store.put("variable", "sampleddatactrlr/0/txupdatedinterval/", b"5")
        self.start()
        self.linked = True
        self.link()

    def start(self) -> None:
        self.station = ChargingStation(
            Card("Acme", "Box", "1.0"), {1: self.world.evse}, {1: self.authorizer}, self.store, HANDLERS, blocks=BLOCKS
        )

    def link(self) -> None:
        self.linked = True
        self.back_end = Rpc(version(self.subprotocol))
        self.station.connected(version(self.subprotocol), self.world.now)

    def cut(self) -> None:
        self.linked = False
        self.station.disconnected(self.world.now)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        def step() -> bool:
            if self.world.now < self.due_s:
                return False
            self.due_s = self.world.now + EVERY_S
            self.station.step(self.world.now, self.world.unix_s)
            while self.linked and (frames := self.station.outgoing):
                for frame in frames:
                    self._hear(frame)
                self._speak()
            return until()

        self.world.run(seconds, until=step)

    def ask(self, action: str, request: Message) -> Any:
        """Call the station; returns its response, or the code of its error."""
        id = self.back_end.call(action, request, self.world.now)
        self._speak()
        self.run(5.0, until=lambda: id in self.replies)
        return self.replies[id]

    def events(self) -> list[v21.TransactionEventRequest]:
        return [each for _, each in self.heard if isinstance(each, v21.TransactionEventRequest)]

    def actions(self) -> list[str]:
        return [action for action, _ in self.heard]

    def charge(self, seconds: float = 10.0) -> None:
        """Plug a car in, and let energy flow for a while."""
        self.run(3.0)
        self.world.plug_in()
        self.run(60.0, until=lambda: self.world.evse.demand.stage.name == "ENERGY")
        self.run(seconds)

    @property
    def transaction(self) -> str:
        return self.events()[-1].transactionInfo.transactionId

    def _speak(self) -> None:
        frames, self.back_end.outgoing = self.back_end.outgoing, []
        for frame in frames:
            self.station.receive(frame, self.world.now, self.world.unix_s)

    def _hear(self, frame: str) -> None:
        parts = json.loads(frame)
        if parts[0] == 2:
            judge(self.subprotocol, f"{parts[2]}Request")(parts[3])
        match self.back_end.receive(frame):
            case Requested(id, action, request):
                self.heard.append((action, request))
                self.back_end.answer(id, self.answers.get(action) or self._usual(action))
            case Answered(id, action, response):
                judge(self.subprotocol, f"{action}Response")(parts[2])
                self.replies[id] = response
            case Failed(id, _, code, _):
                self.replies[id] = code

    def _usual(self, action: str) -> Message:
        match action:
            case "BootNotification":
                return v21.BootNotificationResponse(currentTime=TIME, interval=300, status="Accepted")
            case "Heartbeat":
                return v21.HeartbeatResponse(currentTime=TIME)
            case "Authorize":
                return v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Accepted"))
            case "NotifyEVChargingNeeds":
                return v21.NotifyEVChargingNeedsResponse(status="Accepted")
        kind: type[Message] = v21.CALLS[action][1]
        return kind()


def profile(period: dict[str, Any], purpose: str, *, transaction: str | None = None, **rest: Any) -> Message:
    from v2g.ocpp.base import convert

    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
    rest = {"chargingProfileKind": "Relative"} | rest
    document = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingSchedule": [schedule], **rest}
    if transaction is not None:
        document["transactionId"] = transaction
    found: Message = convert({"evseId": 1, "chargingProfile": document}, v21.SetChargingProfileRequest)
    return found


@pytest.mark.parametrize("subprotocol", ["ocpp2.1", "ocpp2.0.1"])
def test_a_session_from_boot_to_the_end_of_the_transaction(subprotocol: Subprotocol) -> None:
    bench = Bench(subprotocol)
    bench.charge(11.0)
    bench.world.driver = Stop.TERMINATE
    bench.run(30.0, until=lambda: bench.events()[-1].eventType == "Ended")
    assert bench.actions()[0] == "BootNotification"
    assert bench.actions().index("StatusNotification") < bench.actions().index("Authorize")
    assert bench.actions().index("Authorize") < bench.actions().index("TransactionEvent")
    events = bench.events()
    assert [each.seqNo for each in events] == list(range(len(events)))
    assert len({each.transactionInfo.transactionId for each in events}) == 1
    assert [each.eventType for each in events if each.eventType != "Updated"] == ["Started", "Ended"]
    assert sum(each.triggerReason == "MeterValuePeriodic" for each in events) == 2
    assert "Charging" in {each.transactionInfo.chargingState for each in events}
    assert events[-1].transactionInfo.stoppedReason == "StoppedByEV"
    assert registers(events[0])[0] < registers(events[-1])[0]
    assert registers(events[-1]) == pytest.approx((bench.world.plant.import_wh, bench.world.plant.export_wh), abs=0.5)


def registers(event: v21.TransactionEventRequest) -> tuple[float, float]:
    assert isinstance(event.meterValue, tuple)
    values = {each.measurand: each.value for each in event.meterValue[0].sampledValue}
    return values["Energy.Active.Import.Register"], values["Energy.Active.Export.Register"]


def test_nothing_is_said_before_the_back_end_has_accepted_the_station() -> None:
    pending = v21.BootNotificationResponse(currentTime=TIME, interval=20, status="Pending")
    bench = Bench(answers={"BootNotification": pending})
    bench.run(50.0)
    assert bench.actions() == ["BootNotification"] * 3
    start = v21.RequestStartTransactionRequest(
        idToken=v21.IdTokenType(idToken="A", type="Central"), remoteStartId=1, evseId=1
    )
    assert bench.ask("RequestStartTransaction", start).status == "Rejected"
    bench.answers["BootNotification"] = v21.BootNotificationResponse(currentTime=TIME, interval=20, status="Rejected")
    bench.run(20.0)
    variables = v21.GetVariablesRequest(getVariableData=(ask_for("EVSE", "Power", 1),))
    assert bench.ask("GetVariables", variables) == "SecurityError"


def ask_for(component: str, name: str, evse: int = 0) -> v21.GetVariableDataType:
    place = v21.ComponentType(name=component, evse=v21.EVSEType(id=evse)) if evse else v21.ComponentType(name=component)
    return v21.GetVariableDataType(component=place, variable=v21.VariableType(name=name))


def test_a_car_that_the_back_end_does_not_know_gets_no_energy() -> None:
    refused = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Unknown"))
    bench = Bench(answers={"Authorize": refused})
    bench.charge()
    assert not bench.events()
    assert not any(closed for _, closed in bench.world.switched)


def test_without_a_back_end_no_car_is_served_that_it_would_have_to_be_asked_about() -> None:
    bench = Bench()
    bench.cut()
    bench.charge()
    assert not any(closed for _, closed in bench.world.switched)


def test_no_discharge_without_an_order_and_a_set_point_is_followed_in_both_directions() -> None:
    bench = Bench()
    bench.charge(20.0)  # the plan of the station would feed 6 kW
    assert bench.world.plant.export_wh == 0.0
    assert "no order of the back end to discharge" in bench.world.evse.decision.explanation
    for setpoint in (-4_000.0, 3_000.0):
        order = profile(
            {"operationMode": "CentralSetpoint", "setpoint": setpoint}, "TxProfile", transaction=bench.transaction
        )
        assert bench.ask("SetChargingProfile", order).status == "Accepted"
        bench.run(20.0)
        reading = bench.world.evse.fresh(bench.world.now).meter
        assert reading is not None
        assert reading.power_w == pytest.approx(setpoint, abs=250)
        assert "TxProfile 1" in bench.world.evse.decision.explanation
    modes = [
        each.transactionInfo.operationMode for each in bench.events() if each.triggerReason == "OperationModeChanged"
    ]
    assert modes == ["CentralSetpoint"]


@pytest.mark.parametrize("control", [ControlMode.DYNAMIC, ControlMode.SCHEDULED])
def test_a_limit_holds_in_every_control_mode(control: ControlMode) -> None:
    bench = Bench(control=control)
    bench.charge(1.0)
    limit = profile({"limit": 2_000.0}, "TxDefaultProfile")
    assert bench.ask("SetChargingProfile", limit).status == "Accepted"
    bench.run(40.0)
    reading = bench.world.evse.fresh(bench.world.now).meter
    assert reading is not None
    assert reading.power_w <= 2_050
    assert bench.world.evse.decision.allowed.charge_w <= 2_000


def test_discharge_ends_when_the_back_end_has_been_away_for_too_long() -> None:
    bench = Bench()
    bench.charge(5.0)
    order = profile(
        {"operationMode": "CentralSetpoint", "setpoint": -4_000.0}, "TxProfile", transaction=bench.transaction,
        maxOfflineDuration=30,
    )  # fmt: skip
    bench.ask("SetChargingProfile", order)
    bench.run(15.0)
    bench.cut()
    bench.run(28.0)
    assert bench.world.evse.decision.power_w < -3_000
    bench.run(5.0)
    assert bench.world.evse.decision.power_w == 0.0
    assert "no order of the back end to discharge" in bench.world.evse.decision.explanation


def test_an_order_that_nobody_renews_stops_the_power() -> None:
    bench = Bench()
    bench.charge(3.0)
    assert bench.world.evse.decision.power_w > 0
    bench.world.run(6.0)  # the station goes on, its back-end side does not
    assert bench.world.evse.decision.power_w == 0.0
    assert "orders are not known" in bench.world.evse.decision.explanation


def test_transactions_while_offline_arrive_later_and_once() -> None:
    bench = Bench()
    bench.charge(5.0)
    bench.cut()
    bench.run(12.0)
    bench.world.driver = Stop.TERMINATE
    bench.run(30.0, until=lambda: bench.station.trackers[1].running is None)
    bench.link()
    bench.run(5.0)
    events = bench.events()
    assert [each.seqNo for each in events] == list(range(len(events)))
    assert events[-1].eventType == "Ended"
    assert events[-1].offline is True
    assert not bench.station.outbox.listed()


def test_a_car_that_comes_between_two_looks_has_a_transaction_of_its_own() -> None:
    bench = Bench()
    bench.charge(5.0)
    bench.world.driver = Stop.TERMINATE
    while not bench.world.evse.visit.report.result:
        bench.world.run(0.01)
    bench.world.unplug()
    bench.world.plug_in()
    assert bench.world.evse.busy  # nobody has looked yet
    bench.run(60.0, until=lambda: bench.world.evse.demand.stage.name == "ENERGY")
    bench.run(5.0)
    kinds = [(each.eventType, each.transactionInfo.transactionId) for each in bench.events()]
    ids = list(dict.fromkeys(id for _, id in kinds))
    assert len(ids) == 2
    assert [kind for kind, id in kinds if id == ids[0]].count("Ended") == 1
    assert kinds.index(("Ended", ids[0])) < kinds.index(("Started", ids[1]))


def test_a_transaction_is_ended_by_the_next_process_with_the_meter_as_it_stands() -> None:
    bench = Bench()
    bench.charge(10.0)
    running = bench.transaction
    seqs = [each.seqNo for each in bench.events()]
    bench.world.stop_station()
    bench.world.run(5.0)
    bench.world.start_station()
    bench.authorizer.left()
    bench.start()
    bench.link()
    bench.run(10.0)
    last = bench.events()[-1]
    assert (last.eventType, last.transactionInfo.transactionId) == ("Ended", running)
    assert last.seqNo == seqs[-1] + 1
    assert last.transactionInfo.stoppedReason == "PowerLoss"
    assert registers(last) == pytest.approx((bench.world.plant.import_wh, bench.world.plant.export_wh), abs=0.5)


def test_a_transaction_of_an_evse_that_is_configured_no_longer_is_ended_with_its_last_registers() -> None:
    bench = Bench()
    left = Transaction("left", 2, 1_700_000_000, 7, v21.IdTokenType(idToken="A", type="Central"), 1234.0, 56.0)
    bench.store.put("transaction", "2", encode(left))
    bench.start()
    bench.link()
    bench.run(10.0)
    (ended,) = bench.events()
    assert (ended.eventType, ended.transactionInfo.transactionId, ended.seqNo) == ("Ended", "left", 7)
    assert ended.transactionInfo.stoppedReason == "PowerLoss"
    assert registers(ended) == (1234.0, 56.0)
    assert ("transaction", "2") not in bench.store.found


def test_remote_start_and_stop() -> None:
    bench = Bench()
    bench.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Unknown"))
    bench.run(3.0)
    token = v21.IdTokenType(idToken="APP-1", type="Central")
    start = v21.RequestStartTransactionRequest(idToken=token, remoteStartId=42, evseId=1)
    assert bench.ask("RequestStartTransaction", start).status == "Accepted"
    bench.charge(5.0)
    started = bench.events()[0]
    assert isinstance(started.idToken, v21.IdTokenType)
    assert (started.triggerReason, started.idToken.idToken) == ("RemoteStart", token.idToken)
    assert isinstance(started.idToken.additionalInfo, tuple)
    assert started.idToken.additionalInfo[0].additionalIdToken == CAR
    assert started.transactionInfo.remoteStartId == 42
    assert bench.ask("RequestStartTransaction", start).status == "Rejected"
    assert (
        bench.ask("RequestStopTransaction", v21.RequestStopTransactionRequest(transactionId="no")).status == "Rejected"
    )
    stop = v21.RequestStopTransactionRequest(transactionId=bench.transaction)
    assert bench.ask("RequestStopTransaction", stop).status == "Accepted"
    assert bench.world.evse.decision.power_w == 0.0
    bench.run(40.0, until=lambda: bench.events()[-1].eventType == "Ended")
    ended = bench.events()[-1]
    assert (ended.triggerReason, ended.transactionInfo.stoppedReason) == ("RemoteStop", "Remote")


def test_a_remote_start_lapses_if_no_car_comes() -> None:
    bench = Bench()
    bench.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Unknown"))
    bench.run(1.0)
    start = v21.RequestStartTransactionRequest(
        idToken=v21.IdTokenType(idToken="A", type="Central"), remoteStartId=1, evseId=1
    )
    bench.ask("RequestStartTransaction", start)
    bench.run(61.0)
    bench.charge(5.0)
    assert "Authorize" in bench.actions()
    assert not bench.events()


def test_a_token_that_becomes_invalid_ends_the_transaction() -> None:
    bench = Bench()
    bench.charge(5.0)
    blocked = v21.IdTokenInfoType(status="Blocked")
    bench.answers["TransactionEvent"] = v21.TransactionEventResponse(idTokenInfo=blocked)
    bench.run(100.0, until=lambda: bench.events()[-1].eventType == "Ended")
    assert bench.events()[-1].transactionInfo.stoppedReason == "DeAuthorized"


def test_a_reset_waits_for_the_energy_transfer_and_says_so() -> None:
    bench = Bench()
    bench.charge(5.0)
    waits = bench.ask("Reset", v21.ResetRequest(type="OnIdle"))
    assert waits.status == "Scheduled"
    assert "EVSE 1" in waits.statusInfo.additionalInfo
    bench.run(10.0)
    assert bench.station.reset is None
    at_once = bench.ask("Reset", v21.ResetRequest(type="Immediate"))
    assert at_once.status == "Accepted"
    assert bench.station.reset is None
    bench.run(60.0, until=lambda: bench.station.reset is not None)
    assert not bench.world.evse.busy
    assert bench.events()[-1].transactionInfo.stoppedReason == "ImmediateReset"
    idle = Bench()
    idle.run(2.0)
    assert idle.ask("Reset", v21.ResetRequest(type="Immediate")).status == "Accepted"
    idle.run(1.0)
    assert idle.station.reset is not None
    again = Bench(store=idle.store)
    again.run(1.0)
    boot = again.heard[0][1]
    assert isinstance(boot, v21.BootNotificationRequest)
    assert boot.reason == "RemoteReset"


def test_no_reset_takes_a_station_away_that_would_not_start_again() -> None:
    bench, unfit = Bench(), [""]
    bench.station.pending_reset.why_not_start = lambda: unfit[0]
    bench.charge(5.0)
    assert not bench.station.pending_reset.waits
    assert bench.ask("Reset", v21.ResetRequest(type="OnIdle")).status == "Scheduled"
    waits = "the back end asks for a reset (OnIdle); it waits: "
    assert bench.station.pending_reset.waits == f"{waits}until no transaction runs"
    unfit[0] = "config.yaml:3:1: evse: unknown; did you mean evses?"
    for kind in ("Immediate", "OnIdle"):
        refused = bench.ask("Reset", v21.ResetRequest(type=kind))
        assert refused.status == "Rejected"
        assert refused.statusInfo.additionalInfo == f"the station would not start again: {unfit[0]}"
    assert bench.station.running, "the rejected one ends no transaction"
    bench.station.stop_all("RemoteStop", "Remote")
    bench.run(120.0, until=lambda: not bench.world.evse.busy)
    said = list[str]()
    for _ in range(30):
        bench.run(1.0)
        said += [each for each in bench.station.log if each not in said]
    assert bench.station.reset is None
    assert [each for each in said if "the reset waits" in each] == [
        f"the reset waits, as the station would not start again: {unfit[0]}"
    ]
    assert bench.station.pending_reset.waits == f"{waits}the station would not start again: {unfit[0]}"
    unfit[0] = ""
    bench.run(6.0)
    assert bench.station.reset == "the back end asks for a reset (OnIdle)"


def test_no_reset_ends_the_process_while_a_firmware_is_being_installed() -> None:
    bench = Bench()
    bench.run(2.0)
    bench.station.installing = True
    refused = bench.ask("Reset", v21.ResetRequest(type="Immediate"))
    assert (refused.status, refused.statusInfo.reasonCode) == ("Rejected", "FwUpdateInProgress")
    bench.station.pending_reset.why = "one that has waited"
    bench.run(8.0)
    assert bench.station.reset is None
    bench.station.installing = False
    bench.run(8.0)
    assert bench.station.reset is not None


def test_availability_survives_a_restart() -> None:
    bench = Bench()
    bench.run(2.0)
    inoperative = v21.ChangeAvailabilityRequest(operationalStatus="Inoperative", evse=v21.EVSEType(id=1))
    assert bench.ask("ChangeAvailability", inoperative).status == "Accepted"
    bench.run(1.0)
    status = bench.heard[-1][1]
    assert isinstance(status, v21.StatusNotificationRequest)
    assert status.connectorStatus == "Unavailable"
    again = Bench(store=bench.store)
    again.charge()
    assert not again.events()


def test_variables_are_read_written_and_kept() -> None:
    bench = Bench()
    bench.run(2.0)
    component, variable = v21.ComponentType(name="sampleddatactrlr"), v21.VariableType(name="TXUPDATEDINTERVAL")
    results = [
        bench.ask(
            "SetVariables",
            v21.SetVariablesRequest(
                setVariableData=(v21.SetVariableDataType(attributeValue=value, component=component, variable=variable),)
            ),
        ).setVariableResult[0].attributeStatus
        for value in ("soon", "-1", "7")
    ]  # fmt: skip
    assert results == ["Rejected", "Rejected", "Accepted"]
    assert bench.store.found["variable", "sampleddatactrlr/0/txupdatedinterval/"] == b"7"
    bench.start()
    assert bench.station.model.number("SampledDataCtrlr", "TxUpdatedInterval") == 7
    again = Bench()
    again.run(2.0)
    asked = ask_for("EVSE", "DischargePower", 1), ask_for("EVSE", "No", 1), ask_for("Nobody", "No")
    reply = again.ask("GetVariables", v21.GetVariablesRequest(getVariableData=asked))
    assert [each.attributeStatus for each in reply.getVariableResult] == [
        "Accepted",
        "UnknownVariable",
        "UnknownComponent",
    ]
    report = v21.GetBaseReportRequest(requestId=7, reportBase="FullInventory")
    assert again.ask("GetBaseReport", report).status == "Accepted"
    again.run(2.0)
    parts = [each for _, each in again.heard if isinstance(each, v21.NotifyReportRequest)]
    assert [each.seqNo for each in parts] == list(range(len(parts)))
    assert [each.tbc for each in parts] == [True] * (len(parts) - 1) + [False]


def test_what_is_not_offered_is_said_to_be_so() -> None:
    bench = Bench()
    bench.run(2.0)
    swap = v21.RequestBatterySwapRequest(idToken=v21.IdTokenType(idToken="A", type="Central"), requestId=1)
    assert bench.ask("RequestBatterySwap", swap) == "NotSupported"
    trigger = v21.TriggerMessageRequest(requestedMessage="StatusNotification")
    assert bench.ask("TriggerMessage", trigger).status == "Accepted"
    bench.run(1.0)
    assert bench.actions()[-1] == "StatusNotification"
    composite = bench.ask("GetCompositeSchedule", v21.GetCompositeScheduleRequest(duration=60, evseId=1))
    assert composite.schedule.chargingSchedulePeriod[0].limit == 15_000


def test_before_the_back_end_side_has_begun_there_is_no_power() -> None:
    world = World(SETTINGS, INTENT)
    world.evse.back_end = NOT_KNOWN
    world.run(3.0)
    world.plug_in()
    world.run(40.0)
    assert world.evse.decision.power_w == 0.0
    assert world.evse.decision.allowed.charge_w == 0.0


def test_the_heartbeat_follows_the_answer_to_the_boot() -> None:
    answer = v21.BootNotificationResponse(currentTime=TIME, interval=10, status="Accepted")
    bench = Bench(answers={"BootNotification": answer})
    bench.run(35.0)
    assert bench.actions().count("Heartbeat") == 3
    assert bench.actions().count("BootNotification") == 1


@pytest.mark.parametrize("status", ["Accepted", "Pending", "Rejected"])
def test_a_back_end_that_names_an_interval_below_zero_is_not_flooded(status: v21.RegistrationStatusEnumType) -> None:
    answer = v21.BootNotificationResponse(currentTime=TIME, interval=-5, status=status)
    bench = Bench(answers={"BootNotification": answer})
    bench.run(70.0)
    assert sum(each in ("BootNotification", "Heartbeat") for each in bench.actions()) == 3


def test_a_restart_in_the_middle_of_anything_finds_rows_that_it_cannot_read() -> None:
    store = Memory()
    for kind in ("transaction", "profile", "queue", "variable", "boot"):
        store.put(kind, "1", b"{")
    bench = Bench(store=store)
    bench.charge(3.0)
    assert bench.events()[0].eventType == "Started"
