"""A made-up capture is whole: any reader finds in it what was said, in order, with its times and comments."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.test_lacking_captures import din_session
from tests.capture.wire import conversation, pcap

from v2g.capture.dissector import Dissector
from v2g.capture.file import Packet, read
from v2g.capture.packet import FIN, SYN, Segment, dissect
from v2g.capture.pcapng import LONGEST_COMMENT, Capture, Commented, Said, pcapng
from v2g.v2gtp.framing import HEADER, VERSION

EPOCH = 1_790_000_000.25


def written(packets: list[Commented]) -> list[Packet]:
    return [each for each in read(BytesIO(b"".join(pcapng(packets))), "test") if isinstance(each, Packet)]


def segments(packets: list[Packet]) -> list[Segment]:
    found = [dissect(each) for each in packets]
    assert all(isinstance(each, Segment) for each in found)
    return [each for each in found if isinstance(each, Segment)]


def of_a_session() -> list[Said]:
    """What a car and a station say, from a capture with the layers that they had."""
    said = []
    for packet in read(BytesIO(pcap(conversation(din_session()))), "test"):
        segment = dissect(packet) if isinstance(packet, Packet) else None
        if isinstance(segment, Segment) and segment.data:
            kind = int.from_bytes(segment.data[2:4])
            said.append(Said(segment.time, segment.source.port < segment.destination.port, kind, segment.data[8:]))
    return said


def test_a_session_is_decoded_from_it_and_each_message_is_the_comment_on_its_packet() -> None:
    said = of_a_session()
    made = list(Capture().connection(1, said))
    packets, dissector = written(made), Dissector()
    assert [each.data for each in packets] == [each.packet.data for each in made]
    assert [each.time for each in packets] == pytest.approx([each.packet.time for each in made], abs=1e-6)
    records = [record for packet in packets for record in dissector.feed(packet)]
    assert [each.payload for each in records] == [each.payload for each in said]
    assert {f"{each.protocol} " for each in records} == {"sap ", "din "}
    for record in records:
        assert str(record.message) in made[record.packet - 1].comment
    assert {session for each in made for session in each.sessions} >= {str(records[-1].header["SessionID"]).upper()}


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=5_000)), min_size=1, max_size=8), st.integers(1, 0xFFFF))
def test_any_octets_arrive_in_their_order_over_a_sound_connection(said: list[tuple[bool, bytes]], evse: int) -> None:
    made = list(Capture().connection(evse, [Said(EPOCH, by, 0x8002, octets) for by, octets in said]))
    found = segments(written(made))
    assert [each.flags & (SYN | FIN) for each in found[:3]] == [SYN, SYN, 0]
    assert [each.flags & (SYN | FIN) for each in found[-3:]] == [FIN, FIN, 0]
    station = found[1].source
    for side in (False, True):
        mine = [each for each in found if (each.source == station) is side]
        due = 0
        for each in mine:
            assert each.sequence == due
            due += len(each.data) + bool(each.flags & (SYN | FIN))
        frames = [HEADER.pack(VERSION, 0x8002, len(octets)) + octets for by, octets in said if by is side]
        assert b"".join(each.data for each in mine) == b"".join(frames)


@given(st.binary(max_size=100))
def test_checksums_hold(octets: bytes) -> None:
    for packet in written(list(Capture().connection(7, [Said(EPOCH, True, 0x8001, octets)]))):
        tcp = packet.data[54:]
        covered = packet.data[22:54] + struct.pack(">II", len(tcp), 6) + tcp
        assert int.from_bytes(covered + bytes(len(covered) % 2)) % 0xFFFF == 0


def test_a_remark_and_a_long_comment_do_no_harm() -> None:
    said = [Said(EPOCH, True, None, remark="phase A -> B"), Said(EPOCH + 1, True, None, remark="ü" * 50_000)]
    made = list(Capture().connection(1, said))
    octets = b"".join(pcapng(made))
    assert b"phase A -> B" in octets
    assert len(octets) < LONGEST_COMMENT + 2_000
    assert [each.time for each in written(made)[3:5]] == [EPOCH, EPOCH + 1]
