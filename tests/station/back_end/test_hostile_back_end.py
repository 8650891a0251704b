"""A back end that wants to do harm: no limit is lifted, nothing flows for longer than allowed, nothing fills memory."""

import json
from typing import Any

import pytest
from msgspec import structs
from tests.station.back_end.test_charging_station import CAR, TIME, Bench, profile

from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.iso15118.view import Stage
from v2g.ocpp import outbox, v21
from v2g.ocpp.base import Message, convert
from v2g.ocpp.profile_rules import MOST_PROFILES, Installed
from v2g.ocpp.v21 import MOST
from v2g.station.back_end import reset
from v2g.station.back_end.charging_station import LONGEST_BOOT_S
from v2g.station.back_end.external import External, Values
from v2g.station.back_end.files import Files
from v2g.station.back_end.quota import MOST_BYTES, MOST_OF_A_REQUEST

DISCHARGE = {"operationMode": "CentralSetpoint", "setpoint": -4_000.0}
LIMIT_W = 3_000.0
MUCH = {"limit": 11_000.0}
DISPLAYED = {"format": "UTF8", "content": "x"}


def request(action: str, **fields: Any) -> Message:
    found: Message = convert(fields, v21.CALLS[action][0])
    return found


def remote_start(**fields: Any) -> Message:
    return request("RequestStartTransaction", idToken={"idToken": "A", "type": "Central"}, remoteStartId=1, **fields)


class Deaf(Bench):
    """It leaves calls of some actions without an answer, or answers them with an error."""

    silent_to = ""
    error = ""
    held = ""
    """The id of the last such call."""

    def _hear(self, frame: str) -> None:
        kind, id, action, *_ = json.loads(frame)
        if kind != 2 or action != self.silent_to:
            super()._hear(frame)
            return
        self.held = id
        self.heard.append((action, v21.HeartbeatRequest()))
        if self.error:
            self.say([4, id, self.error, "", {}])

    def say(self, frame: list[Any]) -> None:
        self.station.receive(json.dumps(frame), self.world.now, self.world.unix_s)

    def flood(self, action: str, number: int, **fields: Any) -> None:
        for place in range(number):
            self.say([2, f"f{place}", action, fields])


# Limits


@pytest.mark.parametrize("action", ["SetChargingProfile", "UpdateDynamicSchedule", "ClearChargingProfile"])
def test_no_profile_of_the_back_end_takes_the_place_of_an_external_limit(action: str) -> None:
    """Whatever its id is."""
    bench = Bench()
    bench.charge(3.0)
    assert bench.station.block(External).set(1, Values(limit_w=LIMIT_W)) is None
    kept = bench.station.profiles.constraints(1)
    assert kept is not None
    fields: dict[str, dict[str, Any]] = {
        "SetChargingProfile": {"evseId": 1, "chargingProfile": brought(MUCH, "TxDefaultProfile", kept.id)},
        "UpdateDynamicSchedule": {"chargingProfileId": kept.id, "scheduleUpdate": MUCH},
        "ClearChargingProfile": {"chargingProfileId": kept.id},
    }
    bench.ask(action, request(action, **fields[action]))
    bench.run(3.0)
    assert bench.station.profiles.constraints(1) == kept
    assert bench.world.evse.decision.allowed.charge_w <= LIMIT_W


def brought(period: dict[str, Any], purpose: str = "TxProfile", id: int = 1, **rest: Any) -> dict[str, Any]:
    """A charging profile as JSON."""
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
    found = {"id": id, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": "Relative"}
    return found | {"chargingSchedule": [schedule]} | rest


def again(bench: Bench) -> None:
    """The station's process is started again."""
    bench.world.stop_station()
    bench.cut()
    bench.authorizer.left()
    bench.world.start_station()
    bench.start()
    bench.link()
    bench.run(3.0)


def test_an_external_limit_holds_over_a_restart_and_is_still_the_external_systems() -> None:
    bench = Bench()
    bench.run(3.0)
    assert bench.station.block(External).set(1, Values(limit_w=LIMIT_W, setpoint_w=-5_000.0)) is None
    bench.run(1.0)
    again(bench)
    order = bench.station.order(1)
    assert order.charge_w == LIMIT_W
    assert order.setpoint_w is None, "a set-point does not come back by itself"
    bench.ask("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileId=-2))
    assert bench.station.order(1).charge_w == LIMIT_W
    assert bench.station.block(External).set(1, Values()) is None
    bench.run(1.0)
    again(bench)
    assert bench.station.order(1).charge_w == float("inf")


def test_what_an_external_system_asked_for_is_no_younger_after_a_restart() -> None:
    bench = Bench()
    bench.run(3.0)
    assert bench.station.block(External).set(1, Values(limit_w=LIMIT_W, for_s=20)) is None
    bench.run(5.0)
    again(bench)
    assert bench.station.order(1).charge_w == LIMIT_W
    bench.run(15.0)
    assert bench.station.order(1).charge_w == float("inf")


def test_a_row_of_an_external_limit_as_it_was_kept_before_is_still_a_limit() -> None:
    bench = Bench()
    bench.run(3.0)
    assert bench.station.block(External).set(1, Values(limit_w=LIMIT_W)) is None
    bench.run(1.0)
    bench.store.put("profile", "-2", bench.store.found["profile", "EMS 1"])
    bench.store.put("profile", "EMS 1", None)
    again(bench)
    assert bench.station.order(1).charge_w == LIMIT_W
    assert [key for kind, key in bench.store.found if kind == "profile"] == ["EMS 1"]


def test_a_remote_start_whose_limits_cannot_be_followed_is_refused() -> None:
    bench = Bench()
    bench.run(3.0)
    without_start = brought({"limit": LIMIT_W}, chargingProfileKind="Absolute")
    response = bench.ask("RequestStartTransaction", remote_start(chargingProfile=without_start))
    assert (response.status, response.statusInfo.reasonCode) == ("Rejected", "InvalidSchedule")


def test_a_transaction_does_not_go_on_without_the_limits_of_its_remote_start() -> None:
    """They could be followed when it was asked for."""
    bench = Bench()
    bench.run(3.0)
    assert bench.ask("RequestStartTransaction", remote_start(chargingProfile=brought({"limit": LIMIT_W}))).status == (
        "Accepted"
    )
    for level in range(MOST_PROFILES):  # now there is no room for another one
        held = brought({"limit": 9_000.0}, "TxDefaultProfile", 2 + level, stackLevel=level)
        bench.station.profiles.installed += (Installed(1, convert(held, v21.ChargingProfileType)),)
    bench.charge(0.0)
    bench.run(15.0, until=lambda: bench.events()[-1].eventType == "Ended")
    assert [each.eventType for each in bench.events() if each.eventType != "Updated"] == ["Started", "Ended"]


def test_a_clock_that_is_set_back_makes_no_relative_order_last_longer() -> None:
    bench = Bench()
    bench.charge(3.0)
    order = profile(DISCHARGE, "TxProfile", transaction=bench.transaction)
    assert isinstance(order, v21.SetChargingProfileRequest)
    (schedule,) = order.chargingProfile.chargingSchedule
    short = structs.replace(order.chargingProfile, chargingSchedule=(structs.replace(schedule, duration=12),))
    assert bench.ask("SetChargingProfile", structs.replace(order, chargingProfile=short)).status == "Accepted"
    bench.run(20.0, until=lambda: power_w(bench) < -3_000.0)
    bench.world.clock_set_s -= 3_600
    bench.run(13.0)
    assert power_w(bench) >= 0.0


def test_a_profile_of_2_1_discharges_nothing_for_a_back_end_of_2_0_1_which_cannot_see_it() -> None:
    """The station has fallen back to it. What the extension of 2.0.1 orders it can see."""
    bench = Bench()
    bench.charge(3.0)
    rest: dict[str, Any] = {"transactionId": bench.transaction}
    asked = request("SetChargingProfile", evseId=1, chargingProfile=brought(DISCHARGE, **rest))
    assert bench.ask("SetChargingProfile", asked).status == "Accepted"
    bench.run(2.0)
    assert bench.station.order(1).discharge_w > 0.0
    bench.cut()
    assert bench.station.order(1).discharge_w > 0.0
    bench.subprotocol = "ocpp2.0.1"
    bench.link()
    for _ in range(2):
        assert (bench.station.order(1).discharge_w, bench.station.order(1).setpoint_w) == (0.0, 0.0)
        bench.cut()
    bench.link()
    bench.run(1.0)
    bench.station.profiles.clear(1)
    bench.station.profiles.negative_limits = True
    asked = request("SetChargingProfile", evseId=1, chargingProfile=brought({"limit": -2_000.0}, **rest))
    assert bench.ask("SetChargingProfile", asked).status == "Accepted"
    assert bench.station.order(1).discharge_w == 2_000.0


def power_w(bench: Bench) -> float:
    meter = bench.world.evse.fresh(bench.world.now).meter
    assert meter is not None
    return meter.power_w


# Who may charge


def test_what_is_answered_about_a_card_after_a_remote_start_takes_nothing_from_it() -> None:
    bench = Deaf()
    bench.silent_to = "Authorize"
    bench.run(3.0)
    bench.world.plug_in()
    bench.run(30.0, until=lambda: bool(bench.held))
    assert bench.ask("RequestStartTransaction", remote_start()).status == "Accepted"
    bench.run(20.0, until=lambda: bench.world.evse.demand.stage is Stage.ENERGY)
    bench.say([3, bench.held, {"idTokenInfo": {"status": "Invalid"}}])
    bench.run(10.0)
    assert bench.world.evse.demand.stage is Stage.ENERGY
    (started,) = (each for each in bench.events() if each.eventType == "Started")
    assert isinstance(started.idToken, v21.IdTokenType)
    assert (started.transactionInfo.remoteStartId, started.idToken.idToken) == (1, "A")


def test_a_remote_start_that_comes_again_is_one_start() -> None:
    """Its first answer was lost: it does not let a second car charge at another EVSE."""
    stand = Stand(evses=2)
    tester = BackEnd(stand)
    tester.booted()
    start: dict[str, Any] = {"remoteStartId": 7, "idToken": {"idToken": "X", "type": "Central"}}
    for _ in range(2):
        assert tester.check("RequestStartTransaction", **start).status == "Accepted"
    stand.plug_in(1, "A")
    tester.until(lambda: bool(stand.station.running), 20.0, "a transaction")
    (running,) = stand.station.running.values()
    assert tester.check("RequestStartTransaction", **start).transactionId == running.id
    assert stand.station.authorizers[2].grant is None


@pytest.mark.parametrize("status", ["Accepted", "Blocked"])
def test_a_remote_start_that_is_answered_late_changes_nothing_for_the_car_that_charges(status: str) -> None:
    """It came by its own token; what that may do is no more than before."""
    bench = Deaf()
    bench.run(3.0)
    place = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "AuthorizeRemoteStart"}}
    bench.ask("SetVariables", request("SetVariables", setVariableData=[{"attributeValue": "true", **place}]))
    own = {"idToken": {"idToken": CAR, "type": "EVCCID"}, "idTokenInfo": {"status": "Accepted"}}
    bench.ask(
        "SendLocalList",
        request("SendLocalList", versionNumber=1, updateType="Full", localAuthorizationList=[own]),
    )
    bench.silent_to = "Authorize"
    assert bench.ask("RequestStartTransaction", remote_start()).status == "Accepted"
    bench.charge(1.0)
    bench.say([3, bench.held, {"idTokenInfo": {"status": status}, "allowedEnergyTransfer": ["DC"]}])
    bench.run(3.0)
    assert bench.world.evse.demand.stage is Stage.ENERGY
    assert bench.station.transfers[1] is None
    (grant,) = (each.grant for each in bench.station.authorizers.values())
    assert grant is not None
    assert grant.token.idToken == CAR


def test_a_remote_start_that_is_refused_refuses_no_car_that_waits_for_its_own_answer() -> None:
    bench = Deaf()
    bench.run(3.0)
    place = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "AuthorizeRemoteStart"}}
    bench.ask("SetVariables", request("SetVariables", setVariableData=[{"attributeValue": "true", **place}]))
    bench.silent_to = "Authorize"
    bench.ask("RequestStartTransaction", remote_start())
    bench.run(1.0)
    bench.world.plug_in()
    bench.run(5.0)
    bench.silent_to = ""
    bench.say([3, bench.held, {"idTokenInfo": {"status": "Blocked"}}])
    bench.run(20.0, until=lambda: bench.world.evse.demand.stage is Stage.ENERGY)
    assert bench.world.evse.demand.stage is Stage.ENERGY


def test_a_remote_start_takes_nothing_from_one_that_waits_for_its_car() -> None:
    bench = Bench()
    bench.run(3.0)
    assert bench.ask("RequestStartTransaction", remote_start()).status == "Accepted"
    other = request("RequestStartTransaction", idToken={"idToken": "B", "type": "Central"}, remoteStartId=2)
    refused = bench.ask("RequestStartTransaction", other)
    assert (refused.status, refused.statusInfo.reasonCode) == ("Rejected", "TxInProgress")
    bench.run(bench.station.model.number("TxCtrlr", "EVConnectionTimeOut"))
    assert bench.ask("RequestStartTransaction", other).status == "Accepted"


# Resets


def test_a_reset_is_carried_out_although_the_back_end_never_takes_the_last_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reset, "DELIVER_S", 8.0)
    bench = Bench()
    bench.charge(1.0)
    assert bench.ask("Reset", request("Reset", type="Immediate")).status == "Accepted"
    bench.cut()
    bench.run(6.0)
    assert bench.station.reset is None
    bench.run(10.0)
    assert bench.station.reset
    assert bench.station.outbox.waiting_for(None), "the next process delivers it"


# Floods


def test_an_error_by_the_name_of_a_time_out_is_an_attempt_like_any_other() -> None:
    bench = Deaf()
    bench.silent_to, bench.error = "TransactionEvent", "Timeout"
    bench.charge(5.0)
    assert bench.actions().count("TransactionEvent") == 1
    assert bench.station.outbox.listed()[0]["attempts"] == 1


def test_events_that_a_back_end_asks_for_and_never_takes_are_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Deaf()
    bench.charge(3.0)
    bench.silent_to = "TransactionEvent"
    monkeypatch.setattr(outbox, "MOST_WAITING", 200)
    bench.flood("TriggerMessage", 1_000, requestedMessage="TransactionEvent")
    assert 50 < len(bench.station.outbox) <= 201


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("SetChargingProfile", {"evseId": 1, "chargingProfile": brought(MUCH, "TxDefaultProfile")}),
        ("SendLocalList", {"versionNumber": 1, "updateType": "Differential"}),
        ("SetDisplayMessage", {"message": {"id": 1, "priority": "InFront", "message": DISPLAYED}}),
    ],
)
def test_what_a_back_end_adds_to_its_requests_fills_no_memory(action: str, fields: dict[str, Any]) -> None:
    """Vendors may add anything; a list of empty lists takes 25 times its size."""
    bench = Deaf()
    bench.run(3.0)
    codes = []
    for number in range(40):
        added = {"vendorId": "x", "lists": [[]] * 30_000}
        match action:
            case "SetChargingProfile":
                purpose = "TxDefaultProfile" if number < 20 else "PriorityCharging"
                fields["chargingProfile"] |= {"id": 2 + number, "stackLevel": number % 20, "customData": added}
                fields["chargingProfile"]["chargingProfilePurpose"] = purpose
            case "SendLocalList":
                token = {"idToken": f"T{number}", "type": "Central"}
                rows = [{"idToken": token, "idTokenInfo": {"status": "Accepted", "customData": added}}]
                fields |= {"versionNumber": number + 1, "localAuthorizationList": rows}
            case _:
                fields["message"] |= {"id": number, "customData": added}
        bench.say([2, f"g{number}", action, fields])
        codes.append(json.loads(bench.station.outgoing[-1])[2])
    assert codes[-1] == "InternalError"
    assert sum(len(value) for _, value in bench.store.found.items()) < MOST_BYTES + (1 << 20)
    bench.say([2, "large", "SetChargingProfile", {"evseId": 1, "chargingProfile": brought(MUCH) | {
        "customData": {"vendorId": "x", "text": "x" * MOST_OF_A_REQUEST}}}])  # fmt: skip
    assert json.loads(bench.station.outgoing[-1])[2] == "FormatViolation"


def test_security_events_that_a_back_end_brings_about_and_never_takes_are_thinned_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Deaf()
    bench.charge(1.0)
    bench.silent_to = "SecurityEventNotification"
    monkeypatch.setattr(outbox, "MOST_WAITING", 200)
    firmware = {
        "location": "http://host/", "retrieveDateTime": "2020-01-01T00:00:00Z", "signature": "x",
        "signingCertificate": "none",
    }  # fmt: skip
    bench.flood("UpdateFirmware", 1_000, requestId=1, firmware=firmware)
    assert 50 < len(bench.station.outbox) <= 201


def test_of_all_logs_and_firmwares_asked_for_the_last_is_carried() -> None:
    bench = Deaf()
    bench.run(3.0)
    bench.flood("GetLog", 100, logType="SecurityLog", requestId=1, log={"remoteLocation": "http://host/"})
    assert len(bench.station.block(Files).jobs) == 1


def test_a_log_that_could_not_be_sent_is_tried_again_after_the_interval() -> None:
    bench = Bench()
    bench.run(3.0)
    log = {"remoteLocation": "http://host/"}
    bench.ask("GetLog", request("GetLog", logType="SecurityLog", requestId=1, log=log, retries=2, retryInterval=10))
    jobs = bench.station.block(Files).jobs
    for _ in range(3):
        ((_, done),) = jobs
        jobs.clear()
        done("failed", b"")
        bench.run(9.0)
        assert not jobs
        bench.run(2.0)
    said = [each for _, each in bench.heard if isinstance(each, v21.LogStatusNotificationRequest)]
    assert [each.status for each in said] == ["Uploading"] * 3 + ["UploadFailure"]


# What it may set


def test_no_back_end_is_asked_for_the_last_time() -> None:
    """One that is not ready and names an interval of 285 million years is asked again the next day."""
    bench = Bench()
    bench.answers["BootNotification"] = v21.BootNotificationResponse(currentTime=TIME, interval=MOST, status="Rejected")
    bench.run(1.0)
    bench.cut()
    bench.answers.clear()
    bench.link()
    bench.station.step(bench.world.now + LONGEST_BOOT_S, bench.world.unix_s + int(LONGEST_BOOT_S))
    assert "BootNotification" in bench.station.outgoing[0]


@pytest.mark.parametrize(
    ("component", "name", "bad", "good"),
    [
        ("TxCtrlr", "EVConnectionTimeOut", ("9" * 400, "9" * 2_000, "1_0", " 7", "\u0667", "1.0", ""), "90"),
        ("V2XChargingCtrlr", "LocalLoadBalancing", ("1e999", "nan", "inf", "1_0", "0x1", ".", "\u0667"), "-2.5e3"),
        ("OCPPCommCtrlr", "NetworkConfigurationPriority", ("\u0661", "1,1", "", ",", "1,"), "1"),
        ("SecurityCtrlr", "OrganizationName", ("", "x" * 65, "a\0b"), "v2g"),
    ],
)
def test_what_is_no_value_of_its_type_is_refused(component: str, name: str, bad: tuple[str, ...], good: str) -> None:
    bench = Bench()
    bench.run(3.0)
    place: dict[str, Any] = {"component": {"name": component}, "variable": {"name": name}}
    if component == "V2XChargingCtrlr":
        place["component"]["evse"], place["variable"]["instance"] = {"id": 1}, "UpperThreshold"
    rows = [{"attributeValue": value, **place} for value in (*bad, good)]
    response = bench.ask("SetVariables", request("SetVariables", setVariableData=rows))
    assert [each.attributeStatus for each in response.setVariableResult] == ["Rejected"] * len(bad) + ["Accepted"]


@pytest.mark.parametrize(("timeout_s", "status"), [(0, "Rejected"), (300, "Accepted"), (2_147_483_647, "Rejected")])
def test_no_network_profile_lets_a_back_end_be_silent_for_ever(timeout_s: int, status: str) -> None:
    """While a response is awaited, nobody asks whether it is there."""
    bench = Bench()
    bench.run(3.0)
    data = {
        "ocppCsmsUrl": "ws://host/", "messageTimeout": timeout_s, "ocppInterface": "Any", "ocppTransport": "JSON",
        "securityProfile": 1,
    }  # fmt: skip
    asked = request("SetNetworkProfile", configurationSlot=3, connectionData=data)
    assert bench.ask("SetNetworkProfile", asked).status == status
