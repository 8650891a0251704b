"""The judge: silent in good sessions, and each planted error found exactly once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.capture.test_dissector import CAPTURES, NAMES, dissected
from tests.capture.wire import Captured, conversation, discovery, pcap, session

from v2g.capture.judge import Judge
from v2g.capture.record import Finding, Record
from v2g.capture.rules import HINTS
from v2g.v2gtp import sdp

DC, AC, PNC = "josev-dc_bpt-dynamic", "josev-ac_bpt-scheduled", "josev-dc-plug-and-charge"


def recorded(name: str) -> list[Record]:
    return dissected(pcap(conversation(session(name))))


def judged(records: list[Record]) -> list[Finding]:
    judge = Judge()
    for record in records:
        judge.judge(record)
    return [finding for record in [*records, *judge.flush()] for finding in record.findings]


def index(records: list[Record], message: str, occurrence: int = 0) -> int:
    return [place for place, record in enumerate(records) if record.message == message][occurrence]


def delayed(records: list[Record], place: int, by_s: float) -> list[Record]:
    """Everything from this place on happens later."""
    return [
        replace(record, time=(record.time or 0.0) + by_s) if number >= place else record
        for number, record in enumerate(records)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_a_good_session(name: str) -> None:
    assert judged(recorded(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_a_capture_that_begins_later(name: str) -> None:
    records = recorded(name)
    for start in range(1, len(records), 7):
        assert judged([replace(record, findings=[]) for record in records[start:]]) == [], start


Plant = Callable[[list[Record]], list[Record]]


def without(*messages: str) -> Plant:
    return lambda records: [record for record in records if record.message not in messages]


def without_first(message: str) -> Plant:
    def plant(records: list[Record]) -> list[Record]:
        del records[index(records, message)]
        return records

    return plant


def repeated(message: str) -> Plant:
    def plant(records: list[Record]) -> list[Record]:
        place = index(records, message)
        records.insert(place, replace(records[place], findings=[]))
        return records

    return plant


def renamed(message: str, to: str) -> Plant:
    def plant(records: list[Record]) -> list[Record]:
        place = index(records, message)
        records[place] = replace(records[place], message=to, document={to: records[place].content})
        return records

    return plant


def with_value(message: str, element: str, value: Any, occurrence: int = 0) -> Plant:
    def plant(records: list[Record]) -> list[Record]:
        record = records[index(records, message, occurrence)]
        (record.header if element == "SessionID" else record.content)[element] = value
        return records

    return plant


def cut_after(message: str, plant: Plant) -> Plant:
    return lambda records: plant(records)[: index(records, message) + 1]


def late(message: str, by_s: float, occurrence: int = 0) -> Plant:
    return lambda records: delayed(records, index(records, message, occurrence), by_s)


def after_the_end(records: list[Record]) -> list[Record]:
    exchange = [index(records, name) for name in ("ServiceDiscoveryReq", "ServiceDiscoveryRes")]
    end = records[-1].time
    return records + [replace(records[place], time=end, findings=[]) for place in exchange]


def refused_properly(records: list[Record]) -> list[Record]:
    """A request out of sequence, which the station answers as it should; with that the session is over."""
    records = without("ServiceDetailReq", "ServiceDetailRes")(records)
    return cut_after("ServiceSelectionRes", with_value("ServiceSelectionRes", "ResponseCode", "FAILED_SequenceError"))(
        records
    )


PLANTED: dict[str, tuple[str, Plant, str, str | None, str]] = {
    "left out": (DC, without("ServiceDetailReq", "ServiceDetailRes"), "sequence", None, "ServiceSelectionReq is not"),
    "left out and refused": (DC, refused_properly, "sequence", None, "ServiceSelectionReq is not admitted"),
    "no cable check": (
        DC,
        without("DC_CableCheckReq", "DC_CableCheckRes"),
        "sequence",
        None,
        "admits DC_CableCheckReq, SessionStopReq here",
    ),
    "not waited": (
        DC,
        with_value("AuthorizationRes", "EVSEProcessing", "Ongoing"),
        "sequence",
        None,
        "ServiceDiscovery",
    ),
    "no power delivery": (AC, without_first("PowerDeliveryReq"), "no request", None, "PowerDeliveryRes without"),
    "after the end": (DC, after_the_end, "after end", None, "after the session's end by SessionStopRes"),
    "foreign id": (DC, with_value("DC_ChargeLoopReq", "SessionID", "AA" * 8, 3), "session id", "V2G20-460", "AAAA"),
    "id changed": (
        DC,
        with_value("DC_ChargeLoopRes", "SessionID", "AA" * 8, 3),
        "session id changed",
        "V2G20-460",
        "AA",
    ),
    "zero id": (
        DC,
        lambda records: [
            record
            for record in with_value("SessionSetupRes", "SessionID", "00" * 8)(records)
            if record.message
            in ("supportedAppProtocolReq", "supportedAppProtocolRes", "SessionSetupReq", "SessionSetupRes")
        ],
        "zero session id",
        "V2G20-2621",
        "session id 0",
    ),
    "refused": (
        DC,
        cut_after("DC_CableCheckRes", with_value("DC_CableCheckRes", "ResponseCode", "FAILED")),
        "response code",
        None,
        "answers DC_CableCheckReq with FAILED, which ends the session",
    ),
    "warning": (
        DC,
        with_value("AuthorizationRes", "ResponseCode", "WARNING_EIMAuthorizationFailure"),
        "response code",
        None,
        "the car may ask again",
    ),
    "slow station": (DC, late("ServiceDiscoveryRes", 3.0), "response time", None, "the car waits 2 s"),
    "slow loop": (DC, late("DC_ChargeLoopRes", 0.7, 2), "response time", "V2G20-1501", "the car waits 0.5 s"),
    "silent car": (DC, late("ServiceDiscoveryReq", 61.0), "sequence timeout", "V2G20-443", "stop after 60 s"),
    "silent in the loop": (DC, late("DC_ChargeLoopReq", 0.9, 2), "sequence timeout", "V2G20-443", "stop after 0.5 s"),
    "long cable check": (DC, late("DC_CableCheckReq", 45.0, -1), "repeat time", None, "may give up after 40 s"),
    "no answer": (DC, without_first("ServiceDiscoveryRes"), "unanswered", None, "ServiceDiscoveryReq of packet"),
    "no answer at the end": (DC, lambda records: records[:-1], "unanswered", None, "SessionStopReq has no response"),
    "answered twice": (DC, repeated("ServiceDetailRes"), "no request", None, "ServiceDetailRes without a request"),
    "other answer": (
        DC,
        renamed("ServiceDetailRes", "ServiceSelectionRes"),
        "pairing",
        None,
        "with ServiceSelectionRes",
    ),
    "not offered": (DC, with_value("supportedAppProtocolRes", "SchemaID", 99), "handshake", None, "schema id 99"),
    "no negotiation": (
        DC,
        cut_after(
            "supportedAppProtocolRes", with_value("supportedAppProtocolRes", "ResponseCode", "Failed_NoNegotiation")
        ),
        "response code",
        None,
        "compare the namespaces",
    ),
}


@pytest.mark.parametrize("case", PLANTED.values(), ids=PLANTED)
def test_planted_error_is_found_once(case: tuple[str, Plant, str, str | None, str]) -> None:
    name, plant, rule, requirement, text = case
    findings = judged(plant(recorded(name)))
    assert [(finding.rule, finding.requirement) for finding in findings] == [(rule, requirement)], findings
    assert text in findings[0].text
    assert findings[0].packet > 0


def test_gap_is_not_taken_for_an_error_of_the_sequence() -> None:
    frames = conversation(session(DC), mss=60)
    for start in range(20, 100, 9):
        findings = judged(dissected(pcap(frames[:start] + frames[start + 4 :])))
        assert {finding.rule for finding in findings} <= {"gap", "incomplete"}, start
        assert len(findings) <= 2


def test_plain_answer_to_a_car_that_asked_for_tls() -> None:
    request, _ = discovery(sdp.Security.TLS)
    _, response = discovery(sdp.Security.NONE)
    (finding,) = judged(dissected(pcap([request, Captured(response.time + 0.1, response.frame)])))
    assert finding.rule == "security"


def test_discovery_without_an_answer() -> None:
    (finding,) = judged(dissected(pcap(discovery()[:1])))
    assert finding.rule == "unanswered"


@pytest.mark.parametrize(("seconds", "rules"), [(0.0, []), (1.9, []), (2.1, ["unanswered"])])
def test_what_may_still_come_is_not_missed(seconds: float, rules: list[str]) -> None:
    """Somebody has ended the capture within an exchange."""
    records = recorded(DC)[:5]
    assert records[-1].message == "AuthorizationSetupReq"
    judge = Judge()
    for record in records:
        judge.judge(record)
    findings = [finding for record in judge.flush((records[-1].time or 0.0) + seconds) for finding in record.findings]
    assert [finding.rule for finding in findings] == rules


def test_hints_are_about_codes_that_exist() -> None:
    from v2g.messages import din, iso2, sap
    from v2g.messages.iso20 import types

    codes = {str(code) for module in (din, iso2, sap, types) for code in module.ResponseCode}
    assert set(HINTS) <= codes


class Charge:
    """A session of -2 or DIN, exchange by exchange."""

    def __init__(self, protocol: str) -> None:
        self.records: list[Record] = []
        self._protocol = protocol
        self._time = 0.0

    def __call__(self, name: str, request: dict[str, Any] | None = None, **response: Any) -> "Charge":
        self._add(f"{name}Req", request or {})
        self._add(f"{name}Res", {"ResponseCode": "OK"} | response)
        return self

    def _add(self, message: str, content: dict[str, Any]) -> None:
        self._time += 0.1
        document = {"V2G_Message": {"Header": {"SessionID": "0102030405060708"}, "Body": {message: content}}}
        number = len(self.records) + 1
        self.records.append(Record(number, self._time, "", "", 0x8001, self._protocol, message, document, connection=1))


def iso2_setup(payment: str = "ExternalPayment") -> Charge:
    charge = Charge("iso2")("SessionSetup")("ServiceDiscovery")("ServiceDetail")
    charge("PaymentServiceSelection", {"SelectedPaymentOption": payment})
    if payment == "Contract":
        charge("CertificateInstallation")("PaymentDetails")
    return charge("Authorization", EVSEProcessing="Ongoing")("Authorization", EVSEProcessing="Finished")


def iso2_ac() -> Charge:
    charge = iso2_setup("Contract")
    mode = {"RequestedEnergyTransferMode": "AC_three_phase_core"}
    charge("ChargeParameterDiscovery", mode, EVSEProcessing="Finished")("PowerDelivery", {"ChargeProgress": "Start"})
    charge("ChargingStatus", ReceiptRequired=True)("MeteringReceipt")("ChargingStatus", ReceiptRequired=False)
    return charge("PowerDelivery", {"ChargeProgress": "Stop"})("SessionStop")


def iso2_dc() -> Charge:
    charge = iso2_setup()
    for _ in range(2):
        charge("ChargeParameterDiscovery", {"RequestedEnergyTransferMode": "DC_extended"}, EVSEProcessing="Ongoing")
        charge("ChargeParameterDiscovery", {"RequestedEnergyTransferMode": "DC_extended"}, EVSEProcessing="Finished")
        charge("CableCheck", EVSEProcessing="Ongoing")("CableCheck", EVSEProcessing="Finished")
        charge("PreCharge")("PreCharge")("PowerDelivery", {"ChargeProgress": "Start"})("CurrentDemand")
        charge("PowerDelivery", {"ChargeProgress": "Renegotiate"})
    del charge.records[-2:]
    return charge("PowerDelivery", {"ChargeProgress": "Stop"})("WeldingDetection")("SessionStop")


def din() -> Charge:
    charge = Charge("din")("SessionSetup")("ServiceDiscovery")("ServicePaymentSelection")
    charge("ContractAuthentication", EVSEProcessing="Finished")("ChargeParameterDiscovery", EVSEProcessing="Finished")
    charge("CableCheck", EVSEProcessing="Finished")("PreCharge")("PowerDelivery", {"ReadyToChargeState": True})
    return charge("CurrentDemand")("PowerDelivery", {"ReadyToChargeState": False})("WeldingDetection")("SessionStop")


@pytest.mark.parametrize("charge", [iso2_ac, iso2_dc, din])
def test_nothing_is_wrong_with_good_sessions_of_the_older_protocols(charge: Callable[[], Charge]) -> None:
    assert judged(charge().records) == []


@pytest.mark.parametrize(
    ("charge", "message", "requirement"),
    [
        (iso2_ac, "PaymentDetails", "V2G2-459"),
        (iso2_ac, "MeteringReceipt", "V2G2-459"),
        (iso2_ac, "Authorization", "V2G2-459"),
        (iso2_dc, "CableCheck", "V2G2-459"),
        (din, "ContractAuthentication", None),
        (iso2_dc, "PreCharge", "V2G2-459"),
        (din, "PreCharge", None),
    ],
)
def test_exchange_left_out_is_found_once(charge: Callable[[], Charge], message: str, requirement: str | None) -> None:
    records = charge().records
    first = index(records, f"{message}Req")
    last = index(records, f"{message}Req", 0) + 2
    while last < len(records) and records[last].message == f"{message}Req":
        last += 2
    (finding,) = judged(records[:first] + records[last:])
    if message == "PreCharge":
        assert finding.text.startswith("PowerDeliveryReq is not admitted after CableCheckRes")
    assert (finding.rule, finding.requirement) == ("sequence", requirement)


def test_failed_response_does_not_end_a_session_of_iso2() -> None:
    records = iso2_dc().records
    records[index(records, "ServiceDetailRes")].content["ResponseCode"] = "FAILED_ServiceIDInvalid"
    (finding,) = judged(records)
    assert finding.rule == "response code"
    assert "compare the service id" in finding.text


def test_stop_out_of_the_charge_loop_is_found() -> None:
    records = iso2_dc().records
    stop = index(records, "CurrentDemandRes", 1)
    (finding,) = judged([*records[: stop + 1], *records[-2:]])
    assert finding.rule == "sequence"
    assert "admits CurrentDemandReq, PowerDeliveryReq here" in finding.text


def test_car_that_goes_on_after_its_offer_was_refused_is_told_once() -> None:
    records = recorded(DC)
    refused = with_value("supportedAppProtocolRes", "ResponseCode", "Failed_NoNegotiation")(records)
    first, second = judged(refused)
    assert first.rule == "response code"
    assert second.rule == "after refusal"
    assert "sends SessionSetupReq although the station has answered its offer with Failed_NoNegotiation" in second.text


def test_car_that_offers_again_after_its_offer_was_refused_is_right() -> None:
    records = recorded(DC)[:2]
    refused = with_value("supportedAppProtocolRes", "ResponseCode", "Failed_NoNegotiation")(
        [replace(record, document={str(record.message): dict(record.content)}, findings=[]) for record in records]
    )
    assert [finding.rule for finding in judged([*refused, *recorded(DC)])] == ["response code"]


@pytest.mark.parametrize("charge", [iso2_dc, din])
@pytest.mark.parametrize("status", ["EVSE_EmergencyShutdown", "EVSE_Malfunction", "EVSE_Shutdown"])
def test_station_that_ends_the_charging_with_a_good_response_code(charge: Callable[[], Charge], status: str) -> None:
    records = charge().records
    for record in records:
        if record.message == "CurrentDemandRes":
            record.content["DC_EVSEStatus"] = {"EVSEStatusCode": status}
    first = index(records, "CurrentDemandRes")
    (finding,) = judged(records)
    assert (finding.rule, finding.packet) == ("station status", records[first].packet)
    assert f"reports {status} in CurrentDemandRes with OK" in finding.text


@pytest.mark.parametrize("charge", [iso2_dc, din])
def test_shutdown_after_the_cars_wish_to_stop_is_the_order_of_things(charge: Callable[[], Charge]) -> None:
    records = charge().records
    for name in ("PowerDeliveryRes", "WeldingDetectionRes"):
        records[index(records, name, -1)].content["DC_EVSEStatus"] = {"EVSEStatusCode": "EVSE_Shutdown"}
    assert judged(records) == []


def test_tripped_residual_current_device_is_told() -> None:
    records = iso2_ac().records
    for record in records:
        if record.message == "ChargingStatusRes":
            record.content["AC_EVSEStatus"] = {"RCD": True}
    (finding,) = judged(records)
    assert finding.rule == "station status"
    assert "residual current device" in finding.text


def test_error_of_the_car_is_told_when_it_comes() -> None:
    records = din().records
    error = "FAILED_ChargingCurrentdifferential"
    first = index(records, "CurrentDemandReq")
    for place, record in enumerate(records):
        code = "NO_ERROR" if place < first else error
        if record.message == "ChargeParameterDiscoveryReq":
            record.content["DC_EVChargeParameter"] = {"DC_EVStatus": {"EVErrorCode": code}}
        elif record.is_request:
            record.content["DC_EVStatus"] = {"EVErrorCode": code}
    (finding,) = judged(records)
    assert (finding.rule, finding.packet) == ("car error", records[first].packet)
    assert error in finding.text


@pytest.mark.parametrize("name", CAPTURES)
def test_captures_hold_only_what_is_wrong_with_them(shared: Path, name: str) -> None:
    """The real car's station answers in plain although TLS is asked; two cars give up a first matching, and one station
    takes 3.5 s for its first answer."""
    known = {
        "audi-dc-iso2.pcap": ["security"],
        "DIN_DC_DS5366_Josev.pcapng": ["unmatched"],
        "ISO-20_BPT_AC_DS5366_Josev.pcapng": ["unmatched"],
        "ISO-20_mTLS_DC_DS5366_Josev.pcapng": ["response time"],
    }
    findings = judged(dissected((shared / "captures" / name).read_bytes()))
    assert [finding.rule for finding in findings] == known.get(name, [])
