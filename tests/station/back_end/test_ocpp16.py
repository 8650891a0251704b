"""A station and a central system of OCPP 1.6 in the virtual world; every frame is judged by the schemas of 1.6."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.ocpp.messages import judge
from tests.station.back_end.test_charging_station import Bench, profile

from v2g.ocpp.store import Memory
from v2g.ocpp.version import Invalid
from v2g.ocpp.version16 import MOST_KNOWN, Version16

NOW = "2026-01-01T00:00:00Z"
LIMIT = {
    "chargingProfileId": 3, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 2000.0}]},
}  # fmt: skip


@dataclass
class Bench16(Bench):
    """The back end's side speaks 1.6."""

    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tokens: str = "Accepted"
    """What the central system thinks of every token."""
    asked: dict[str, str] = field(default_factory=dict)
    number: int = 40

    def link(self) -> None:
        self.linked = True
        self.station.connected(Version16(self.store), self.world.now)

    def ask16(self, action: str, **said: Any) -> Any:
        """Call the station; returns its response, or the code of its error."""
        id = f"c{len(self.asked)}"
        self.asked[id] = action
        judge("ocpp1.6", f"{action}Request")(said)
        self._receive([2, id, action, said])
        self.run(5.0, until=lambda: id in self.replies)
        return self.replies[id]

    def of(self, action: str) -> list[dict[str, Any]]:
        return [said for each, said in self.said if each == action]

    def _speak(self) -> None:
        pass

    def _receive(self, frame: list[Any]) -> None:
        self.station.receive(json.dumps(frame), self.world.now, self.world.unix_s)

    def _hear(self, frame: str) -> None:
        match json.loads(frame):
            case [2, id, action, said]:
                judge("ocpp1.6", f"{action}Request")(said)
                self.said.append((action, said))
                self._receive([3, id, self._answer(action)])
            case [3, id, said]:
                judge("ocpp1.6", f"{self.asked[id]}Response")(said)
                self.replies[id] = said
            case [4, id, code, _, {}]:
                self.replies[id] = code

    def _answer(self, action: str) -> dict[str, Any]:
        match action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": NOW, "interval": 300}
            case "Heartbeat":
                return {"currentTime": NOW}
            case "Authorize" | "StopTransaction":
                return {"idTagInfo": {"status": self.tokens}}
            case "StartTransaction":
                self.number += 1
                return {"idTagInfo": {"status": self.tokens}, "transactionId": self.number}
        return {}


def test_a_session_with_a_limit_and_a_remote_stop() -> None:
    bench = Bench16()
    bench.charge(11.0)
    said = [action for action, _ in bench.said]
    assert said[0] == "BootNotification"
    assert said.index("StatusNotification") < said.index("StartTransaction")
    (start,) = bench.of("StartTransaction")
    assert (start["connectorId"], start["idTag"]) == (1, "WMIV1234567890ABCDEX")
    assert {each["transactionId"] for each in bench.of("MeterValues")} == {41}
    statuses = [each["status"] for each in bench.of("StatusNotification")]
    assert [each for each in statuses if each in ("Available", "Preparing", "Charging")] == [
        "Available", "Preparing", "Charging"
    ]  # fmt: skip
    assert bench.ask16("SetChargingProfile", connectorId=1, csChargingProfiles=LIMIT) == {"status": "Accepted"}
    bench.run(1.0)
    assert bench.world.evse.decision.allowed.charge_w <= 2_000
    assert bench.ask16("RemoteStopTransaction", transactionId=7) == {"status": "Rejected"}
    assert bench.ask16("RemoteStopTransaction", transactionId=41) == {"status": "Accepted"}
    bench.run(60.0, until=lambda: bool(bench.of("StopTransaction")))
    (stop,) = bench.of("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (41, "Remote")
    assert stop["meterStop"] - start["meterStart"] == pytest.approx(bench.world.plant.import_wh, abs=1)
    bench.run(1.0)
    assert not [kind for kind, _ in bench.store.found if kind == "transaction16"]


def test_a_transaction_while_offline_is_reported_in_order_and_keeps_its_number_over_a_restart() -> None:
    bench = Bench16()
    bench.charge(5.0)
    bench.cut()
    bench.run(12.0)
    bench.world.stop_station()
    bench.world.run(5.0)
    bench.world.start_station()
    bench.authorizer.left()
    bench.start()
    before = len(bench.said)
    bench.link()
    bench.run(30.0, until=lambda: bool(bench.of("StopTransaction")))
    (stop,) = bench.of("StopTransaction")
    assert (stop["transactionId"], stop["reason"]) == (41, "PowerLoss")
    late = [action for action, _ in bench.said[before:] if action in ("MeterValues", "StopTransaction")]
    assert late == [*["MeterValues"] * (len(late) - 1), "StopTransaction"]
    assert len(late) > 1


def test_a_remote_start() -> None:
    bench = Bench16()
    bench.run(3.0)
    assert bench.ask16("RemoteStartTransaction", connectorId=1, idTag="HELLO") == {"status": "Accepted"}
    bench.charge(3.0)
    assert [each["idTag"] for each in bench.of("StartTransaction")] == ["HELLO"]
    assert not bench.of("Authorize")


def test_a_refused_token_gets_no_energy() -> None:
    bench = Bench16(tokens="Blocked")
    bench.charge(3.0)
    assert not bench.of("StartTransaction")


def test_of_transactions_with_one_number_the_latest_is_meant() -> None:
    """The back end never answered the end of an earlier one, and counts from the start again."""
    version = Version16(Memory())
    for number in range(MOST_KNOWN + 1):
        version.begin(f"t{number}", 1, "TAG")
        version.number(f"t{number}", 7)
    assert version.ours(7, 0) == version.ours(None, 1) == f"t{MOST_KNOWN}"
    with pytest.raises(Invalid):
        version.known("t0")
    version.over(f"t{MOST_KNOWN}")
    assert version.ours(7, 0) == f"t{MOST_KNOWN - 1}"


def test_nothing_is_discharged_over_1_6() -> None:
    bench = Bench16()
    bench.charge(3.0)
    periods = [{"startPeriod": 0, "limit": -2000.0}]
    negative = LIMIT | {"chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": periods}}
    found = bench.ask16("SetChargingProfile", connectorId=1, csChargingProfiles=negative)
    assert found == "PropertyConstraintViolation"
    bench.run(20.0)
    assert bench.world.plant.export_wh == 0.0


def test_a_profile_of_another_version_discharges_nothing_over_1_6() -> None:
    """A back end of 1.6 can neither see such a profile nor report what it does."""
    before = Bench()
    before.run(1.0)
    order = {"operationMode": "CentralSetpoint", "limit": 10_000, "dischargeLimit": -5_000, "setpoint": -4_000}
    assert before.ask("SetChargingProfile", profile(order, "TxDefaultProfile")).status == "Accepted"
    bench = Bench16(store=before.store)
    bench.charge(10.0)
    assert bench.world.evse.decision.power_w == 0.0
    assert bench.world.plant.export_wh == 0.0
    bench.cut()
    bench.run(5.0)
    assert bench.world.evse.decision.power_w == 0.0


def test_configuration() -> None:
    bench = Bench16()
    bench.run(3.0)
    found = bench.ask16("GetConfiguration", key=["HeartbeatInterval", "numberofconnectors", "NoSuchKey"])
    assert found == {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "1"},
        ],
        "unknownKey": ["NoSuchKey"],
    }
    everything = bench.ask16("GetConfiguration")["configurationKey"]
    assert len(everything) > 20
    assert all(each["value"] == "" for each in everything if each["key"] == "AuthorizationKey")
    for key, value, status in (
        ("MeterValueSampleInterval", "10", "Accepted"),
        ("MeterValueSampleInterval", "often", "Rejected"),
        ("ChargeProfileMaxStackLevel", "3", "Rejected"),
        ("NoSuchKey", "1", "NotSupported"),
    ):
        assert bench.ask16("ChangeConfiguration", key=key, value=value) == {"status": status}
    (row,) = bench.ask16("GetConfiguration", key=["MeterValueSampleInterval"])["configurationKey"]
    assert row["value"] == "10"


def test_profiles_are_replaced_composed_and_cleared() -> None:
    bench = Bench16()
    bench.run(3.0)
    for id, watts in ((3, 2000.0), (4, 3000.0)):  # the same stack level
        periods = [{"startPeriod": 0, "limit": watts}]
        wanted = LIMIT | {
            "chargingProfileId": id,
            "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": periods},
        }
        assert bench.ask16("SetChargingProfile", connectorId=1, csChargingProfiles=wanted) == {"status": "Accepted"}
    found = bench.ask16("GetCompositeSchedule", connectorId=1, duration=60)
    assert found["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 3000.0}]
    assert bench.ask16("ClearChargingProfile", id=3) == {"status": "Unknown"}
    assert bench.ask16("ClearChargingProfile", connectorId=1, stackLevel=0) == {"status": "Accepted"}


def test_a_local_list_and_a_reservation() -> None:
    bench = Bench16()
    bench.run(3.0)
    assert bench.ask16("GetLocalListVersion") == {"listVersion": 0}
    rows = [{"idTag": "HELLO", "idTagInfo": {"status": "Accepted"}}]
    wanted = {"listVersion": 7, "updateType": "Full", "localAuthorizationList": rows}
    assert bench.ask16("SendLocalList", **wanted) == {"status": "Accepted"}
    assert bench.ask16("GetLocalListVersion") == {"listVersion": 7}
    reservation = {"connectorId": 1, "expiryDate": "2036-01-01T00:00:00Z", "idTag": "HELLO", "reservationId": 5}
    assert bench.ask16("ReserveNow", **reservation) == {"status": "Accepted"}
    bench.run(1.0)
    assert bench.of("StatusNotification")[-1]["status"] == "Reserved"
    assert bench.ask16("CancelReservation", reservationId=6) == {"status": "Rejected"}
    assert bench.ask16("CancelReservation", reservationId=5) == {"status": "Accepted"}


def test_the_rest_of_core() -> None:
    bench = Bench16()
    bench.run(3.0)
    assert bench.ask16("ChangeAvailability", connectorId=1, type="Inoperative") == {"status": "Accepted"}
    bench.run(1.0)
    assert bench.of("StatusNotification")[-1]["status"] == "Unavailable"
    assert bench.ask16("ChangeAvailability", connectorId=0, type="Operative") == {"status": "Accepted"}
    assert bench.ask16("UnlockConnector", connectorId=2) == {"status": "NotSupported"}
    assert bench.ask16("ClearCache")["status"] in ("Accepted", "Rejected")
    assert bench.ask16("DataTransfer", vendorId="com.example") == {"status": "UnknownVendorId"}
    before = len(bench.of("Heartbeat"))
    assert bench.ask16("TriggerMessage", requestedMessage="Heartbeat") == {"status": "Accepted"}
    bench.run(1.0)
    assert len(bench.of("Heartbeat")) == before + 1
    assert bench.ask16("GetDiagnostics", location="ftp://example.com") == "NotSupported"
    assert bench.ask16("Reset", type="Hard") == {"status": "Accepted"}
    assert bench.station.reset is not None
