"""Ethernet, VLAN, IP, UDP and TCP: what a packet carries."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from tests.capture.wire import CAR, CAR_MAC, STATION, STATION_MAC, ethernet, ipv4, ipv6, tcp, udp

from v2g.capture.file import Packet
from v2g.capture.packet import LINK_TYPES, Content, Datagram, Endpoint, Management, Segment, Unread, dissect

DATAGRAM = udp(50000, 15118, b"hello")


def carried(frame: bytes, link_type: int = 1) -> Content | None:
    return dissect(Packet(7, 1.5, link_type, frame))


def test_datagram_over_ipv6_without_the_padding_of_ethernet() -> None:
    frame = ethernet(0x86DD, ipv6(17, DATAGRAM)) + bytes(9)
    assert carried(frame) == Datagram(7, 1.5, Endpoint(CAR, 50000), Endpoint(STATION, 15118), b"hello")


def test_stacked_vlan_tags_are_passed_over() -> None:
    assert carried(ethernet(0x86DD, ipv6(17, DATAGRAM), vlans=(1, 200))) == carried(
        ethernet(0x86DD, ipv6(17, DATAGRAM))
    )
    found = carried(ethernet(0x88E1, b"\x01\x64\x60", vlans=(5,)))
    assert isinstance(found, Management)
    assert found.data == b"\x01\x64\x60"
    assert (found.source, found.destination) == (CAR_MAC, STATION_MAC)


def test_extension_headers_are_passed_over() -> None:
    hop_by_hop = bytes((60, 0)) + bytes(6)
    destination = bytes((44, 1)) + bytes(14)
    fragment = bytes((17, 0, 0, 0)) + bytes(4)
    frame = ethernet(0x86DD, ipv6(17, DATAGRAM, extensions=hop_by_hop + destination + fragment))
    found = carried(frame)
    assert isinstance(found, Datagram)
    assert found.data == b"hello"


def test_pieces_of_fragmented_packets_are_left_out_and_named() -> None:
    piece = bytes((17, 0, 0, 1)) + bytes(4)
    for frame in (ipv6(17, DATAGRAM, extensions=piece, first=44), ipv4(17, DATAGRAM, fragment=0x2000)):
        found = carried(ethernet(0x86DD if frame[0] >> 4 == 6 else 0x0800, frame))
        assert isinstance(found, Unread)
        assert "fragmented" in found.reason


def test_headers_that_are_cut_off_are_named() -> None:
    frame = ethernet(0x86DD, ipv6(6, tcp(1, 2, 0, 0, 0x18, b"0123456789")))
    for size in (20, 40, 60):
        found = carried(frame[:size])
        assert isinstance(found, Unread), size
        assert "snap length" in found.reason
    found = carried(frame[:72])
    assert isinstance(found, Segment)
    assert (found.data, found.missing) == (b"", 10)
    assert carried(ethernet(0x0806, bytes(28))) is None, "ARP is none of ours"


def test_unknown_link_types_are_named() -> None:
    for link_type, name in ((252, "252 (exported PDUs of Wireshark)"), (147, "USER0"), (9999, "9999")):
        found = carried(bytes(60), link_type)
        assert isinstance(found, Unread)
        assert name in found.reason
        assert "tcpdump -i" in found.reason


def test_segment_over_ipv4() -> None:
    found = carried(ethernet(0x0800, ipv4(6, tcp(1, 2, 30, 40, 0x18, b"data"))))
    assert isinstance(found, Segment)
    assert (str(found.source), found.sequence, found.acknowledged, found.data) == ("192.168.1.10:1", 30, 40, b"data")


def test_bytes_that_the_capture_cut_off_are_counted() -> None:
    found = carried(ethernet(0x86DD, ipv6(6, tcp(1, 2, 0, 0, 0x18, b"0123456789")))[:-4])
    assert isinstance(found, Segment)
    assert (found.data, found.missing) == (b"012345", 4)


def test_other_link_layers() -> None:
    packet = ipv6(17, DATAGRAM)
    cooked = bytes(14) + b"\x86\xdd" + packet
    cooked2 = b"\x86\xdd" + bytes(18) + packet
    loopback = struct.pack("<I", 30) + packet
    openbsd = struct.pack(">I", 24) + packet
    frames = ((113, cooked), (276, cooked2), (0, loopback), (108, openbsd), (101, packet), (229, packet))
    for link_type, frame in frames:
        found = carried(frame, link_type)
        assert isinstance(found, Datagram), link_type
        assert found.data == b"hello"


@given(st.sampled_from([*LINK_TYPES, 9999]), st.binary(max_size=120))
def test_garbage_is_passed_over(link_type: int, data: bytes) -> None:
    carried(data, link_type)


@given(st.sampled_from([b"\x86\xdd\x60", b"\x08\x00\x45", b"\x81\x00\x00\x01\x86\xdd\x60"]), st.binary(max_size=120))
def test_damaged_headers_are_passed_over(start: bytes, rest: bytes) -> None:
    carried(bytes(12) + start + rest)
