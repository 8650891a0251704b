"""From packets to messages: recorded sessions through every kind of wire, and every capture at hand."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.capture.talk import Talk
from tests.capture.wire import (
    EPOCH,
    TRACES,
    Captured,
    Flow,
    Message,
    conversation,
    discovery,
    ethernet,
    ipv6,
    pcap,
    pcapng,
    session,
    udp,
)

from v2g.capture.dissector import Dissector
from v2g.capture.file import Packet, read
from v2g.capture.record import Record
from v2g.exi.facets import Type
from v2g.messages import decode, din, encode, sap
from v2g.v2gtp import sdp
from v2g.v2gtp.framing import pack

NAMES = sorted(path.stem for path in TRACES.glob("*.jsonl"))
DC, AC = "josev-dc_bpt-dynamic", "josev-ac_bpt-scheduled"


def dissected(data: bytes, key_log: bytes = b"") -> list[Record]:
    dissector = Dissector(key_log)
    found = [record for item in read(BytesIO(data), "test") for record in dissector.feed(item)]
    return found + list(dissector.flush())


def assert_whole(records: Iterable[Record], messages: list[Message]) -> None:
    records = list(records)
    assert [record.payload for record in records] == [message.exi for message in messages]
    assert [record.payload_type for record in records] == [message.payload_type for message in messages]
    assert [record.is_request for record in records] == [message.from_car for message in messages]
    assert not [finding for record in records for finding in record.findings]


@pytest.mark.parametrize("name", NAMES)
def test_recorded_session_comes_out_of_a_pcap(name: str) -> None:
    messages = session(name)
    records = dissected(pcap(conversation(messages)))
    assert_whole(records, messages)
    assert [record.time for record in records] == pytest.approx([message.time for message in messages], abs=1e-6)
    assert {record.source for record in records if record.is_request} == {"[fe80::27d:faff:fe07:5e4a]:49152"}
    assert {record.connection for record in records} == {1}


@given(st.integers(1, 400), st.lists(st.integers(0, 4094), max_size=2))
@settings(max_examples=20)
def test_split_at_any_octet_and_behind_any_vlan(mss: int, vlans: list[int]) -> None:
    messages = session(DC)[:24]
    assert_whole(dissected(pcapng(conversation(messages, mss=mss, vlans=vlans))), messages)


@given(st.integers(20, 400), st.integers())
@settings(max_examples=30)
def test_repeated_and_reordered_packets(mss: int, seed: int) -> None:
    messages = session(AC)[:30]
    random = Random(seed)
    frames = conversation(messages, mss=mss)
    for _ in range(10):
        place = random.randrange(3, len(frames))
        frames.insert(place + random.randrange(3), frames[place])
    order = sorted(range(3, len(frames)), key=lambda place: place + random.uniform(0, 2))
    shaken = [*frames[:3], *(frames[place] for place in order)]
    assert_whole(dissected(pcap([Captured(EPOCH + n / 1000, frame) for n, (_, frame) in enumerate(shaken)])), messages)


def test_lost_packet_is_told_once_and_the_next_message_found() -> None:
    messages = session(DC)
    frames = conversation(messages, mss=20)
    del frames[100]
    records = dissected(pcap(frames))
    findings = [finding for record in records for finding in record.findings]
    assert [finding.rule for finding in findings] == ["gap"]
    assert "20 bytes of the stream are missing" in findings[0].text
    whole = [record.payload for record in records if record.message]
    expected = [message.exi for message in messages]
    lost = next(place for place, exi in enumerate(expected) if whole[place] != exi)
    assert whole == expected[:lost] + expected[lost + 1 :]


def test_two_cars_at_a_time_are_kept_apart() -> None:
    flows = [(Flow(car_port=50001), session(AC)), (Flow(car_port=50002), session(DC))]
    frames: list[Captured] = []
    for flow, messages in flows:
        flow.open()
        for message in messages:
            flow.say(message.time, message.from_car, pack(message.payload_type, message.exi))
        frames += flow.frames
    frames.sort(key=lambda frame: frame.time)
    records = dissected(pcap(frames))
    for port, (_, messages) in zip(("50001", "50002"), flows, strict=True):
        assert_whole((each for each in records if port in (each.source[-5:], each.destination[-5:])), messages)
    assert {record.connection for record in records} == {1, 2}


def test_same_ports_used_again_are_another_connection() -> None:
    again = [Captured(time + 1000, frame) for time, frame in conversation(session(AC))]
    flow = Flow(car_sequence=5, station_sequence=7)
    flow.open(EPOCH + 1000)
    for message in session(AC):
        flow.say(message.time + 1000, message.from_car, pack(message.payload_type, message.exi))
    records = dissected(pcap([*conversation(session(AC)), *flow.frames]))
    assert len(records) == 2 * len(session(AC))
    assert {record.connection for record in records} == {1, 2}
    assert again[0].time > EPOCH


def test_discovery_is_read_and_doubly_captured_packets_are_one() -> None:
    frames = [frame for frame in discovery(sdp.Security.TLS) for _ in range(2)]
    request, response = dissected(pcap(frames))
    assert request.document == {"SECCDiscoveryReq": {"Security": "TLS", "TransportProtocol": "TCP"}}
    assert response.content["SECCPort"] == 61341
    assert response.content["SECCIPAddress"] == "fe80::8dd4:cefb:813a:7c37"


def test_malformed_discovery_is_told() -> None:
    frame = ethernet(0x86DD, ipv6(17, udp(50000, 15118, sdp.SdpRequest().pack()[:-1])))
    (record,) = dissected(pcap([Captured(EPOCH, frame)]))
    assert [finding.rule for finding in record.findings] == ["sdp"]


def test_undecodable_message_is_told_with_its_octets() -> None:
    messages = session(AC)
    messages[4] = messages[4]._replace(exi=b"\xff\xff")
    records = dissected(pcap(conversation(messages)))
    (record,) = (record for record in records if record.findings)
    assert record.message is None
    assert record.protocol == "iso20-common"
    assert "FFFF" in record.findings[0].text


def test_octets_after_a_message_are_told_and_the_message_is_read() -> None:
    messages = session(AC)
    messages[4] = messages[4]._replace(exi=messages[4].exi + b"\x00\x01")
    (record,) = (record for record in dissected(pcap(conversation(messages))) if record.findings)
    assert record.message == "AuthorizationSetupReq"
    assert [finding.rule for finding in record.findings] == ["deviation"]


def test_every_deviation_is_told() -> None:
    """A ChargeParameterDiscoveryRes of DIN SPEC 70121 with the abstract SASchedules itself, and an octet too many."""
    exi = bytes.fromhex("809a02000000000000000010800049080000190044640103200819004464011000")
    (record,) = dissected(pcap(conversation([Message(False, 0x8001, exi, EPOCH)])))
    assert record.message == "ChargeParameterDiscoveryRes"
    assert [finding.rule for finding in record.findings] == ["deviation", "deviation"]
    assert "ChargeParameterDiscoveryRes/SASchedules, bit 114: the element is abstract" in record.findings[0].text


TESLA, DIN_SPEC = "urn:tesla:din:2018:MsgDef", "urn:din:70121:2012:MsgDef"


def handshake(chosen: int) -> list[Message]:
    """A car that offers a namespace of its maker's first, and how it goes on."""
    offers = [sap.AppProtocol(TESLA, 0, 7, 0, 1), sap.AppProtocol(DIN_SPEC, 2, 0, 1, 2)]
    code = sap.ResponseCode.OK_SuccessfulNegotiation
    header = din.MessageHeader(bytes(8))
    said: list[tuple[str, Type]] = [
        ("sap", sap.supportedAppProtocolReq(offers)),
        ("sap", sap.supportedAppProtocolRes(code, chosen)),
        ("din", din.V2G_Message(header, din.Body(din.SessionSetupReq(bytes(6))))),
        (
            "din",
            din.V2G_Message(header, din.Body(din.SessionSetupRes(din.ResponseCode.OK_NewSessionEstablished, b"\1"))),
        ),
    ]
    return [
        Message(place % 2 == 0, 0x8001, encode(protocol, message), EPOCH + place / 10)
        for place, (protocol, message) in enumerate(said)
    ]


def test_namespace_of_a_maker_is_offered() -> None:
    messages = handshake(1)
    records = dissected(pcap(conversation(messages)))
    assert_whole(records, messages)
    assert [record.protocol for record in records] == ["sap", "sap", "din", "din"]


def test_namespace_of_a_maker_is_chosen() -> None:
    """Nobody has its schema. What can be read all the same is read."""
    messages = handshake(0)
    messages.insert(2, messages[2]._replace(exi=b"\x80\xff\xff"))
    records = dissected(pcap(conversation(messages)))
    assert [record.protocol for record in records] == ["sap", "sap", "v2gtp", "din", "din"]
    assert [record.message for record in records[2:]] == [None, "SessionSetupReq", "SessionSetupRes"]
    (chosen,), (unread,) = records[1].findings, records[2].findings
    assert chosen.rule == "handshake"
    assert f"chooses {TESLA}, whose schema is not known" in chosen.text
    assert unread.rule == "exi"
    assert TESLA in unread.text
    assert "80FFFF" in unread.text


def test_unknown_payload_type_is_told() -> None:
    messages = session(AC)
    messages.insert(4, messages[4]._replace(payload_type=0xA001))
    (record,) = (record for record in dissected(pcap(conversation(messages))) if record.findings)
    assert "0xA001" in record.findings[0].text


def test_capture_that_begins_within_a_session() -> None:
    messages = session(DC)
    assert_whole(dissected(pcap(conversation(messages[40:]))), messages[40:])


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256"])
@pytest.mark.parametrize("way", ["file", "block", "broadcast", "broadcast late"])
def test_tls_is_read_with_secrets_from_anywhere(talk: Talk, ciphers: str | None, way: str) -> None:
    messages = session(DC)
    spoken = [(message.from_car, pack(message.payload_type, message.exi)) for message in messages]
    wire, lines = talk(spoken, ciphers)
    flow = Flow()
    flow.open()
    for from_car, data in wire:
        flow.say(EPOCH, from_car, data)
    broadcast = [
        Captured(EPOCH, ethernet(0x86DD, ipv6(17, udp(52345, 52345, line)))) for line in lines.splitlines() if line
    ]
    frames = {"broadcast": [*broadcast, *flow.frames], "broadcast late": [*flow.frames, *broadcast]}
    data = pcapng(frames.get(way, flow.frames), secrets=lines if way == "block" else b"")
    assert_whole(dissected(data, lines if way == "file" else b""), messages)


def test_tls_without_secrets_is_counted_and_explained(talk: Talk) -> None:
    wire, _ = talk([(True, b"hello")])
    flow = Flow()
    flow.open()
    for from_car, data in wire:
        flow.say(EPOCH, from_car, data)
    (record,) = dissected(pcap(flow.frames))
    assert record.protocol == "tls"
    assert "no secrets for client random" in record.findings[0].text


def test_other_connections_say_nothing() -> None:
    flow = Flow()
    flow.open()
    flow.say(EPOCH, True, b"GET / HTTP/1.1\r\n\r\n")
    flow.say(EPOCH, False, b"HTTP/1.1 200 OK\r\n\r\n" + bytes(3000))
    assert dissected(pcap(flow.frames)) == []


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 200), st.integers(0, 255)), max_size=20))
@settings(max_examples=30)
def test_damaged_packets_never_stop_it(damages: list[tuple[int, int, int]]) -> None:
    frames = [bytearray(frame.frame) for frame in [*discovery(), *conversation(session(AC)[:20])]]
    for number, place, value in damages:
        damaged = frames[number % len(frames)]
        damaged[place % len(damaged)] = value
    dissector = Dissector()
    for number, frame in enumerate(frames, 1):
        list(dissector.feed(Packet(number, EPOCH + number, 1, bytes(frame))))
    list(dissector.flush())


CAPTURES = (
    "DIN_DC_DS5366_Josev.pcapng",
    "ISO-20_BPT_AC_DS5366_Josev.pcapng",
    "ISO-20_TLS13_DC_DS5366_Josev.pcapng",
    "ISO-20_mTLS_DC_DS5366_Josev.pcapng",
    "ISO-2_AC_DS5366.pcapng",
    "ISO-2_AC_PnC_TLS_Contract_MeteringReceipt_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_DS5366.pcapng",
    "ISO-2_DC_Pause_DS5366.pcapng",
    "ISO-2_DC_PnC_TLS_CertInstallation_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_PnC_TLS_CertUpdate_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_PnC_TLS_Contract_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_Renegotiation_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_SalesTariffSchedule_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_multi_EVSE_SLAC_DS5366_Josev.pcapng",
    "audi-dc-iso2.pcap",
)


@pytest.mark.parametrize("name", CAPTURES)
def test_every_message_of_a_capture_is_encoded_again_alike(shared: Path, name: str) -> None:
    records = dissected((shared / "captures" / name).read_bytes())
    assert not [finding for record in records for finding in record.findings]
    messages = [record for record in records if record.payload]
    for record in messages:
        again = encode(record.protocol, decode(record.protocol, record.payload))
        assert again.rstrip(b"\0") == record.payload.rstrip(b"\0"), (record.packet, record.message)
    assert messages[0].message == "supportedAppProtocolReq"
    assert messages[-1].message == "SessionStopRes"
    assert len(messages) >= 40
