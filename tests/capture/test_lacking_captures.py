"""What captures from the field lack, or have wrong: each spoils itself only, and is named."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from tests.capture.talk import Talk
from tests.capture.test_dissector import dissected
from tests.capture.test_judge import judged
from tests.capture.test_judge_slac import captured, matching
from tests.capture.wire import (
    CAR_MAC,
    EPOCH,
    STATION_MAC,
    Captured,
    Flow,
    Message,
    conversation,
    discovery,
    pcap,
    pcapng,
    session,
    tcp,
)

from v2g.capture import stream
from v2g.capture.record import Record
from v2g.exi.facets import Type
from v2g.messages import din, encode, sap
from v2g.v2gtp.framing import pack

DC = "josev-dc_bpt-dynamic"
ID = bytes.fromhex("0102030405060708")


def din_session() -> list[Message]:
    """How a session of DIN SPEC 70121 begins: 14 messages, 0.1 s apart."""
    ok = din.ResponseCode.OK
    said: list[din.BodyBase] = [
        din.SessionSetupReq(bytes(6)),
        din.SessionSetupRes(din.ResponseCode.OK_NewSessionEstablished, b"\0"),
        din.ServiceDiscoveryReq(),
        din.ServiceDiscoveryRes(
            ok,
            din.PaymentOptions([din.PaymentOption.ExternalPayment]),
            din.ServiceCharge(
                din.ServiceTag(1, ServiceCategory=din.ServiceCategory.EVCharging),
                True,
                EnergyTransferType=din.EVSESupportedEnergyTransfer.DC_extended,
            ),
        ),
        din.ServicePaymentSelectionReq(
            din.PaymentOption.ExternalPayment, din.SelectedServiceList([din.SelectedService(1)])
        ),
        din.ServicePaymentSelectionRes(ok),
        din.ContractAuthenticationReq(),
        din.ContractAuthenticationRes(ok, din.EVSEProcessing.Ongoing),
        din.ContractAuthenticationReq(),
        din.ContractAuthenticationRes(ok, din.EVSEProcessing.Finished),
        din.SessionStopReq(),
        din.SessionStopRes(ok),
    ]
    offer = sap.supportedAppProtocolReq([sap.AppProtocol("urn:din:70121:2012:MsgDef", 2, 0, 1, 1)])
    handshake: list[Type] = [offer, sap.supportedAppProtocolRes(sap.ResponseCode.OK_SuccessfulNegotiation, 1)]
    exi = [encode("sap", message) for message in handshake]
    exi += [encode("din", din.V2G_Message(din.MessageHeader(ID), din.Body(body))) for body in said]
    return [Message(place % 2 == 0, 0x8001, each, EPOCH + (place + 1) / 10) for place, each in enumerate(exi)]


NAMES = [record.message for record in dissected(pcap(conversation(din_session())))]
HANDSHAKES = 3
"""Packets with which a connection begins."""


def told(records: list[Record]) -> list[tuple[str, int]]:
    """The findings' rules and packets."""
    return [(finding.rule, finding.packet) for finding in judged(records)]


def without(frames: list[Captured], *places: int) -> list[Captured]:
    return [frame for place, frame in enumerate(frames) if place not in places]


def read(records: list[Record]) -> list[tuple[str | None, float]]:
    return [(record.message, round(record.time or 0.0, 3)) for record in records if record.message]


def due(messages: list[Message], *lost: int) -> list[tuple[str | None, float]]:
    """What is to be read of a session of DIN SPEC 70121 but for the messages that are lost."""
    numbered = enumerate(zip(NAMES, messages, strict=True))
    return [(name, round(each.time, 3)) for place, (name, each) in numbered if place not in lost]


@pytest.mark.parametrize("lost", [(0,), (1,), (0, 1), (2,), (0, 1, 2, 3), (5, 8), (3, 4, 5, 6)])
def test_any_message_may_be_missing_also_of_the_handshake(lost: tuple[int, ...]) -> None:
    messages = din_session()
    frames = conversation(messages)
    records = dissected(pcap(without(frames, *(HANDSHAKES + place for place in lost))))
    assert read(records) == due(messages, *lost)
    assert {record.protocol for record in records if record.message and record.message[0] != "s"} == {"din"}
    rules = [rule for rule, _ in told(records)]
    assert rules == ["gap"] * len({place % 2 for place in lost}) or all(rule == "gap" for rule in rules)
    assert rules


@pytest.mark.parametrize("from_car", [True, False])
def test_one_side_is_read_and_the_other_missed_once(from_car: bool) -> None:
    messages = din_session()
    frames = conversation(messages)
    lost = [place for place, message in enumerate(messages) if message.from_car != from_car]
    records = dissected(pcap(without(frames, *(HANDSHAKES + place for place in lost))))
    assert read(records) == due(messages, *lost)
    (finding,) = judged(records)
    assert finding.rule == "one side"
    missing = sum(8 + len(each.exi) for each in messages if each.from_car != from_car)
    assert f"{missing} bytes" in finding.text


@pytest.mark.parametrize("order", ["car", "station", "car, station", "station, car"])
def test_streams_of_one_side_or_of_one_after_the_other(order: str) -> None:
    """As tools write them that keep a file for each direction."""
    messages = din_session()
    sides = [[each for each in messages if each.from_car == (side == "car")] for side in order.split(", ")]
    octets = b"".join(pack(each.payload_type, each.exi) for side in sides for each in side)
    records = list(stream.messages(BytesIO(octets)))
    assert [record.payload for record in records] == [each.exi for side in sides for each in side]
    assert [finding.rule for finding in judged(records)] == ["one side"]


def test_missing_answer_in_a_stream_is_told_if_the_others_follow_their_requests() -> None:
    messages = din_session()
    del messages[5]
    records = list(stream.messages(BytesIO(b"".join(pack(each.payload_type, each.exi) for each in messages))))
    (finding,) = judged(records)
    assert (finding.rule, finding.packet) == ("unanswered", 6)


def test_lost_packet_hides_no_fault_and_makes_none() -> None:
    """A response comes too late, and a request two messages before it was not captured."""
    messages = session(DC)
    loops = [place for place, each in enumerate(messages) if each.payload_type == 0x8004 and not each.from_car][-10:]
    late = loops[4]
    messages = [each._replace(time=each.time + 0.7) if place >= late else each for place, each in enumerate(messages)]
    (whole,) = judged(dissected(pcap(conversation(messages))))
    assert whole.rule == "response time"
    frames = conversation(messages)
    lost = HANDSHAKES + late - 3
    assert messages[late - 3].from_car
    found = judged(dissected(pcap(without(frames, lost))))
    assert sorted(finding.rule for finding in found) == ["gap", "response time"]
    (finding,) = (each for each in found if each.rule == "response time")
    assert (finding.text, finding.packet) == (whole.text, whole.packet - 1)


@pytest.mark.parametrize("mss", [16, 1440])
def test_packet_that_comes_after_its_bytes_were_given_up(mss: int) -> None:
    """A whole message is read with the packet's own number; a part of one does not get into the message that is on."""
    messages = session(DC)[:20]
    sizes = [-(-(8 + len(each.exi)) // mss) for each in messages]
    places = [HANDSHAKES + sum(sizes[:number]) for number in range(len(messages))]
    frames = conversation(messages, mss=mss)
    late = frames.pop(places[2])
    frames.insert(places[17] + sizes[17] // 2 - 1, late._replace(time=frames[places[17] - 1].time))
    records = dissected(pcap(frames))
    payloads = [record.payload for record in records if record.message]
    expected = [each.exi for each in messages]
    found = expected.pop(2)
    if mss == 1440:
        expected.insert(16, found)
    assert payloads == expected
    assert {finding.rule for finding in judged(records)} == {"gap"}


def test_encrypted_session_goes_on_after_each_lost_packet(talk: Talk) -> None:
    messages = session(DC)[:20]
    wire, lines = talk([(each.from_car, pack(each.payload_type, each.exi)) for each in messages])
    flow = Flow()
    flow.open()
    for number, (from_car, data) in enumerate(wire):
        flow.say(EPOCH + number / 10, from_car, data)
    first = len(flow.frames) - len(messages)
    for lost in range(len(messages)):
        records = dissected(pcapng(without(flow.frames, first + lost)), lines)
        whole = [record.payload for record in records if record.message]
        assert whole == [each.exi for place, each in enumerate(messages) if place != lost], lost
        rules = {finding.rule for finding in judged(records)}
        assert rules <= {"gap", "one side"} or lost == len(messages) - 1


@pytest.mark.parametrize("distance", [-500_000, -5_000, -40, 90_000, 900_000, 1 << 30])
@pytest.mark.parametrize("end", ["reset", "in order", "not captured"])
def test_ports_are_used_again_and_the_syn_was_not_captured(distance: int, end: str) -> None:
    first, second = Flow(), Flow()
    for flow, start in ((first, EPOCH), (second, EPOCH + 100)):
        if flow is second:
            flow.car_sequence = first.car_sequence + distance & 0xFFFFFFFF
            flow.station_sequence = first.station_sequence + distance & 0xFFFFFFFF
        flow.open(start)
        for message in din_session():
            flow.say(message.time - EPOCH + start, message.from_car, pack(message.payload_type, message.exi))
        if flow is first and end == "in order":
            flow.close(start + 2)
        elif flow is first and end == "reset":
            segment = tcp(49152, 61341, flow.car_sequence, flow.station_sequence, 0x14)
            flow.send_raw(start + 2, segment)
    records = dissected(pcap([*first.frames, *second.frames[HANDSHAKES:]]))
    assert [record.message for record in records if record.message] == NAMES * 2
    assert {record.connection for record in records} == {1, 2}
    assert told(records) == []


def wrong_length(by: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:4] + (int.from_bytes(data[4:8]) + by).to_bytes(4) + data[8:]


@pytest.mark.parametrize("by", [1, 6, 40, 2_000, 1 << 30])
@pytest.mark.parametrize("place", [0, 1, 4, 13])
def test_header_that_announces_too_much(by: int, place: int) -> None:
    messages = din_session()
    octets = [pack(each.payload_type, each.exi) for each in messages]
    size = len(messages[place].exi)
    octets[place] = wrong_length(by)(octets[place])
    flow = Flow()
    flow.open()
    for message, data in zip(messages, octets, strict=True):
        flow.say(message.time, message.from_car, data)
    records = dissected(pcap(flow.frames))
    assert read(records) == due(messages)
    (finding,) = judged(records)
    assert (finding.rule, finding.packet) == ("length", HANDSHAKES + place + 1)
    assert f"announces {size + by} bytes, and {size} follow" in finding.text


@pytest.mark.parametrize("surplus", [1, 6])
def test_header_that_announces_too_little(surplus: int) -> None:
    messages = din_session()
    flow = Flow()
    flow.open()
    for place, message in enumerate(messages):
        data = pack(message.payload_type, message.exi)
        flow.say(message.time, message.from_car, data + bytes(surplus) if place == 0 else data)
    records = dissected(pcap(flow.frames))
    assert read(records) == due(messages)
    (finding,) = judged(records)
    size = len(messages[0].exi)
    assert (finding.rule, finding.packet) == ("length", HANDSHAKES + 1)
    assert f"announces {size} bytes, and {size + surplus} follow" in finding.text


@pytest.mark.parametrize(
    ("message", "given", "due"),
    [
        ("SessionSetupReq", 0x8001, 0x8002),
        ("DC_ChargeLoopReq", 0x8002, 0x8004),
        ("DC_ChargeLoopRes", 0x8003, 0x8004),
        ("ServiceDiscoveryReq", 0x8007, 0x8002),
        ("supportedAppProtocolRes", 0x8002, 0x8001),
    ],
)
def test_message_under_another_payload_type(message: str, given: int, due: int) -> None:
    messages = session(DC)
    whole = dissected(pcap(conversation(messages)))
    place = next(place for place, record in enumerate(whole) if record.message == message)
    messages[place] = messages[place]._replace(payload_type=given)
    records = dissected(pcap(conversation(messages)))
    assert [record.message for record in records] == [record.message for record in whole]
    (finding,) = judged(records)
    assert (finding.rule, finding.packet) == ("payload type", whole[place].packet)
    assert f"{message} has the payload type 0x{given:04X} instead of 0x{due:04X}" in finding.text


def test_message_of_another_protocol_than_agreed_is_told_once() -> None:
    messages = din_session()
    offer = sap.supportedAppProtocolReq([sap.AppProtocol("urn:iso:15118:2:2013:MsgDef", 2, 0, 1, 1)])
    messages[0] = messages[0]._replace(exi=encode("sap", offer))
    records = dissected(pcap(conversation(messages)))
    assert [record.message for record in records] == NAMES
    (finding,) = (finding for record in records for finding in record.findings)
    assert finding.rule == "handshake"
    assert "SessionSetupReq is of the protocol din" in finding.text


def cooked(frame: Captured, version: int) -> Captured:
    """As `tcpdump -i any` captures it."""
    octets = frame.frame
    sender = octets[6:12] + bytes(2)
    if version == 1:
        head = struct.pack(">HHH", 0, 1, 6) + sender + octets[12:14]
    else:
        head = octets[12:14] + bytes(2) + struct.pack(">IHBB", 3, 1, 0, 6) + sender
    return Captured(frame.time, head + octets[14:])


@pytest.mark.parametrize(("version", "link_type"), [(1, 113), (2, 276)])
def test_matching_in_a_capture_of_all_interfaces(version: int, link_type: int) -> None:
    frames = captured(matching())
    whole = dissected(pcap(frames))
    records = dissected(pcap([cooked(frame, version) for frame in frames], link_type=link_type))
    assert [record.document for record in records] == [record.document for record in whole]
    assert [record.source for record in records] == [record.source for record in whole]
    assert {record.source for record in records} == {CAR_MAC.hex(":"), STATION_MAC.hex(":")}
    assert told(records) == []


@pytest.mark.parametrize("link_type", [127, 147, 252])
def test_link_types_that_are_not_read_are_named_and_counted(link_type: int) -> None:
    frames = conversation(din_session())
    (record,) = dissected(pcap(frames, link_type=link_type))
    (finding,) = record.findings
    assert finding.rule == "not read"
    assert f"{len(frames)} of {len(frames)} packets are not read: their link type, {link_type} (" in finding.text


def test_packets_that_are_cut_within_their_headers_are_counted() -> None:
    frames = [Captured(frame.time, frame.frame[:60]) for frame in conversation(din_session())]
    (record,) = dissected(pcap(frames))
    assert "snap length" in record.findings[0].text


@pytest.mark.parametrize(
    ("port", "text"), [(61341, "which its SECCDiscoveryRes of packet 2 names"), (15118, "names port")]
)
def test_station_that_answers_the_discovery_and_refuses_the_connection(port: int, text: str) -> None:
    flow = Flow(station_port=port)
    flow.open(EPOCH + 1)
    refusal = tcp(port, 49152, 0, 0xFFFFFF01, 0x14)
    flow.frames[1:] = []
    flow.send_raw(EPOCH + 1.1, refusal, from_car=False)
    again = [Captured(frame.time + 1, frame.frame) for frame in flow.frames]
    records = dissected(pcap([*discovery(), *flow.frames, *again]))
    (finding,) = judged(records)
    assert (finding.rule, finding.packet) == ("refused", 4)
    assert text in finding.text


def test_connection_that_ends_after_it_was_used_is_not_refused() -> None:
    messages = conversation(din_session())
    later = Flow(car_port=50_000)
    later.open(EPOCH + 100)
    later.frames[1:] = []
    later.send_raw(EPOCH + 101, tcp(61341, 50_000, 0, 0xFFFFFF01, 0x14), from_car=False)
    assert told(dissected(pcap([*discovery(), *messages, *later.frames]))) == []


def test_half_connections_need_little_memory() -> None:
    from tests.capture.wire import ethernet, ipv6

    from v2g.capture.dissector import MOST_CONVERSATIONS, Dissector
    from v2g.capture.file import Packet

    dissector = Dissector()
    messages = conversation(din_session())
    records: list[Record] = []
    for number, frame in enumerate(messages, 1):
        for port in range(number * 300, number * 300 + 300):
            octets = ethernet(0x86DD, ipv6(6, tcp(port % 60_000, port // 60_000 + 1, 7, 0, 0x02)))
            list(dissector.feed(Packet(0, frame.time, 1, octets)))
        records += dissector.feed(Packet(number, frame.time, 1, frame.frame))
    assert len(dissector._conversations) <= MOST_CONVERSATIONS
    assert [record.message for record in records] == NAMES, "the session is not closed for the sake of strangers"


FIELD_CASES = {
    "01-sll2-slac/sll2": (["CM_SLAC_PARM.REQ", "CM_SLAC_PARM.CNF"], ["unmatched"]),
    "02-wrong-payload-type/in": (
        ["supportedAppProtocolReq", "supportedAppProtocolRes", "SessionSetupReq"],
        ["payload type"],
    ),
    "06-missing-sapres/no-sap-response": (["supportedAppProtocolReq", "SessionSetupReq"], ["gap"]),
    "08-one-sided/car-only": (["supportedAppProtocolReq", "SessionSetupReq"], ["one side"]),
    "08-one-sided/station-only": (["supportedAppProtocolRes", "SessionSetupRes"], ["one side"]),
    "17-unsupported-link/exported-pdu": ([], ["not read"]),
}


@pytest.mark.parametrize("name", FIELD_CASES)
def test_inputs_from_the_field(shared: Path, name: str) -> None:
    path = shared / "field-cases" / f"{name}.pcap"
    if not path.exists():
        pytest.skip(f"no {path}")
    records = dissected(path.read_bytes())
    messages, rules = FIELD_CASES[name]
    assert [record.message for record in records if record.message][: len(messages)] == messages
    assert [finding.rule for finding in judged(records)] == rules
