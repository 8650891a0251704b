"""What misleads who reads captures, or serves cars: traps of real sessions, played again.

Others of the kind are in tests/iso15118/test_d2_captures.py, among them sessions that leave steps out and a maker's own
namespace.
"""

from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from tests.capture.test_dissector import dissected
from tests.capture.test_judge import Charge, delayed, din, index, judged
from tests.capture.test_lacking_captures import din_session
from tests.capture.wire import EPOCH, STATION_MAC, Captured, Flow, conversation, discovery, pcap
from tests.capture.wire import tcp as segment
from tests.iso15118.credentials import Hierarchy
from tests.iso15118.test_d2_captures import Bench, replay, sessions
from tests.slac.by_hand import CAR, NEAR, Car

from v2g.capture.record import Record
from v2g.iso15118.service import Service
from v2g.iso15118.station import StationConversation
from v2g.iso15118.view import Offer
from v2g.slac import mme
from v2g.slac.mme import BROADCAST, Frame
from v2g.v2gtp import sdp
from v2g.v2gtp.framing import pack


def opened(flow: Flow) -> list[Captured]:
    """A whole session after what the flow has had."""
    return flow.frames + conversation(din_session())


def rules(records: list[Record]) -> list[str]:
    return [finding.rule for finding in judged(records)]


def test_a_car_that_asks_for_tls_and_gets_none_is_offered_no_contract(shared: Path) -> None:
    """The Audi searches for TLS, its station answers with none, and the car goes on in plain."""
    requests = next(sessions(shared / "captures" / "audi-dc-iso2.pcap"))
    asked = [
        each
        for each in dissected((shared / "captures" / "audi-dc-iso2.pcap").read_bytes())
        if "SECC" in str(each.message)
    ]
    assert [each.content["Security"] for each in asked] == ["TLS", "NONE"]
    search = sdp.SdpRequest(sdp.Security.TLS).pack()
    endpoint = sdp.SdpResponse(IPv6Address("fe80::1"), 50_000, sdp.Security.NONE)
    assert sdp.answer(search, endpoint) == endpoint.pack(), "the station says what it has"
    bench = Bench()
    pki = Hierarchy("p256")
    offer = Offer("DE*V2G*E1", (Service.DC,), contracts=pki.trusts(), provisioning=pki.contract_service())
    bench.station = StationConversation(offer, 0.0)
    replay(bench, requests)
    assert bench.findings() == []
    [services] = [body for body in bench.bodies() if type(body).__name__ == "ServiceDiscoveryRes"]
    assert [each.value for each in services.PaymentOptionList.PaymentOption] == ["ExternalPayment"]
    assert services.ServiceList is None, "nor certificates to install"


def test_a_challenge_of_a_connection_long_gone_leads_the_reader_nowhere() -> None:
    """The station still has a connection from these ports: it answers the SYN with numbers of that one, far out of the
    window. The car resets it and begins again."""
    flow = Flow()
    stale = segment(flow.station_port, flow.car_port, 1_970_082_736, flow.car_sequence + 748_129, 0x10)
    flow._send(EPOCH - 1, True, 0x02)
    flow.send_raw(EPOCH - 0.9, stale, from_car=False)
    flow.send_raw(EPOCH - 0.8, segment(flow.car_port, flow.station_port, flow.car_sequence + 748_129, 0, 0x04))
    records = dissected(pcap(opened(flow)))
    messages = [record.message for record in records if record.message]
    assert messages == [record.message for record in dissected(pcap(conversation(din_session())))]
    assert rules(records) == []


def test_a_station_that_refuses_the_connection_it_has_announced_is_named() -> None:
    flow = Flow()
    flow._send(EPOCH + 0.1, True, 0x02)
    refusal = segment(flow.station_port, flow.car_port, 0, flow.car_sequence, 0x14)
    flow.send_raw(EPOCH + 0.2, refusal, from_car=False)
    records = dissected(pcap([*discovery(), *flow.frames]))
    [finding] = judged(records)
    assert finding.rule == "refused"
    assert "SECCDiscoveryRes of packet 2 names" in finding.text


@pytest.mark.parametrize("timeout", [6, 10])
def test_a_car_sounds_as_long_as_the_station_says(timeout: int) -> None:
    """Some stations say 10 sounds in 600 ms, others in 1 s."""
    car = Car()
    car.parameters(num_sounds=10, timeout=timeout)
    car.wait(timeout / 10)
    announced = [message for *_, message in car.sent if isinstance(message, mme.CM_START_ATTEN_CHAR_IND)]
    assert {(each.num_sounds, each.timeout) for each in announced} == {(10, timeout)}
    assert sum(isinstance(message, mme.CM_MNBC_SOUND_IND) for *_, message in car.sent) == 10


def private(source: bytes, run_id: bytes = bytes(8)) -> mme.CM_ATTEN_CHAR_IND:
    """What an open car-side project sends to its own power supply all session long, in SLAC's clothes."""
    attenuations = bytes.fromhex("AFFEDC").ljust(58, b"\0")
    return mme.CM_ATTEN_CHAR_IND(source_address=source, run_id=run_id, attenuations_db=attenuations)


@pytest.mark.parametrize("source", [BROADCAST, CAR])
def test_private_messages_in_the_type_of_a_result_are_none_to_a_car(source: bytes) -> None:
    car = Car().sounded()
    before = len(car.events)
    assert car.hear(private(source, car.run_id)) == []
    assert len(car.events) == before
    assert len(car.report(8)) == 2, "the true result counts"
    assert car.hear(private(source, car.run_id)) == []
    assert car.choices() == [NEAR]


@pytest.mark.parametrize("source", [BROADCAST, CAR])
def test_private_messages_in_the_type_of_a_result_are_named_and_judged_by_nobody(source: bytes) -> None:
    message = private(source)
    frames = [Captured(EPOCH + second, Frame.of(BROADCAST, STATION_MAC, message).pack()) for second in range(5)]
    records = dissected(pcap([*frames, *conversation(din_session())]))
    assert [record.message for record in records[:5]] == ["private MME 0x606E"] * 5
    assert rules(records) == []


@pytest.mark.parametrize(("lasts_s", "found"), [(39, []), (45, ["repeat time"])])
def test_a_cable_check_of_more_than_40_s_with_which_the_car_goes_on_is_a_remark(lasts_s: int, found: list[str]) -> None:
    """About a time, and about nothing that failed: the rest of the session is judged as ever."""
    whole = din().records
    check = index(whole, "CableCheckReq")
    repeated = Charge("din")
    for _ in range(lasts_s):
        repeated("CableCheck", EVSEProcessing="Ongoing")
    begun = whole[check - 1].time or 0.0
    checks = [
        replace(each, packet=0, time=begun + 0.1 + place // 2 + 0.1 * (place % 2))
        for place, each in enumerate(repeated.records)
    ]
    assert rules([*whole[:check], *checks, *delayed(whole, check, lasts_s)[check:]]) == found


def test_a_slow_first_answer_is_a_remark(shared: Path) -> None:
    """3.5 s for a response that is owed in 2 s; that car waited."""
    octets = (shared / "captures" / "ISO-20_mTLS_DC_DS5366_Josev.pcapng").read_bytes()
    [finding] = judged(dissected(octets))
    assert finding.rule == "response time"
    assert "supportedAppProtocolRes" in finding.text


@pytest.mark.parametrize("from_car", [True, False])
def test_of_half_a_capture_the_other_half_was_not_seen(from_car: bool) -> None:
    """A modem that listens hears one of the two: nothing is missing then, it was not captured."""
    heard = [message for message in din_session() if message.from_car == from_car]
    flow = Flow()
    for message in heard:
        flow.say(message.time, message.from_car, pack(message.payload_type, message.exi))
    [finding] = judged(dissected(pcap(flow.frames)))
    assert finding.rule == "one side"
    assert "the capture has only what" in finding.text
