"""Capture files in all their forms, cut off anywhere, and anything at all."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.wire import Captured, block, pcap, pcapng

from v2g.capture.file import CaptureError, Packet, Secrets, read

FRAMES = [
    Captured(1_700_000_000.25, b"first"),
    Captured(1_700_000_001.5, b"second one"),
    Captured(1_700_000_002.0, b""),
]
LINES = b"CLIENT_RANDOM " + b"11" * 32 + b" " + b"22" * 48 + b"\n"


def packets(data: bytes) -> list[Packet]:
    return [item for item in read(BytesIO(data), "test") if isinstance(item, Packet)]


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_packets_come_back(write: type, order: str, nanoseconds: bool) -> None:
    found = packets(write(FRAMES, order=order, nanoseconds=nanoseconds))
    assert [packet.number for packet in found] == [1, 2, 3]
    assert [packet.data for packet in found] == [frame.frame for frame in FRAMES]
    assert [packet.time for packet in found] == pytest.approx([frame.time for frame in FRAMES], abs=1e-6)
    assert {packet.link_type for packet in found} == {1}


def test_secrets_block_is_given() -> None:
    items = list(read(BytesIO(pcapng(FRAMES, secrets=LINES)), "test"))
    assert items[0] == Secrets(LINES)
    assert len(items) == 4


def test_simple_and_old_packet_blocks() -> None:
    simple = block("<", 3, struct.pack("<I", 4) + b"abcd")
    old = block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 5, 3, 3) + b"xyz")
    unknown = block("<", 0x0BAD, b"whatever")
    found = packets(pcapng([]) + unknown + simple + old)
    assert [packet.data for packet in found] == [b"abcd", b"xyz"]
    assert found[1].time == pytest.approx(5e-6)


def test_resolution_and_offset_options() -> None:
    section = pcapng([])[:28]
    options = struct.pack("<HHB3x", 9, 1, 0x80 | 10) + struct.pack("<HHq", 14, 8, 1000) + struct.pack("<HH", 0, 0)
    interface = block("<", 1, struct.pack("<HHI", 1, 0, 0) + options)
    packet = block("<", 6, struct.pack("<IIIII", 0, 0, 512, 1, 1) + b"a")
    assert packets(section + interface + packet)[0].time == 1000.5


@pytest.mark.parametrize("data", [pcap(FRAMES), pcapng(FRAMES)], ids=["pcap", "pcapng"])
def test_cut_off_anywhere_gives_what_was_before_and_an_error_with_the_place(data: bytes) -> None:
    whole = packets(data)
    sound_ends = 0
    for end in range(len(data)):
        found: list[Packet] = []
        try:
            for item in read(BytesIO(data[:end]), "field.pcap"):
                assert isinstance(item, Packet)
                found.append(item)
            sound_ends += 1
        except CaptureError as error:
            assert "field.pcap" in str(error)  # noqa: PT017
        assert found == whole[: len(found)]
    # A capture may end after any packet, and a pcapng also after its section and interface.
    assert sound_ends in (3, 4)


@pytest.mark.parametrize("data", [b"", b"GET ", b"\x1f\x8b\x08\x00" + bytes(40)])
def test_other_files_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(CaptureError, match=r"notes\.txt"):
        list(read(BytesIO(data), "notes.txt"))


def test_absurd_length_is_refused() -> None:
    data = pcap([]) + struct.pack("<IIII", 0, 0, 0xFFFFFFF0, 60)
    with pytest.raises(CaptureError, match="claims 4294967280 bytes"):
        list(read(BytesIO(data), "test"))


@given(
    st.sampled_from([pcap(FRAMES), pcapng(FRAMES, secrets=LINES), pcapng(FRAMES, order=">", nanoseconds=True)]),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=8),
)
def test_damage_gives_clear_errors_only(data: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        for item in read(BytesIO(bytes(damaged)), "test"):
            assert isinstance(item, Packet | Secrets)
    except CaptureError:
        pass


@given(st.sampled_from([pcap([]), pcapng([]), b""]), st.binary(max_size=200))
def test_garbage_gives_clear_errors_only(start: bytes, rest: bytes) -> None:
    try:
        for item in read(BytesIO(start + rest), "test"):
            assert isinstance(item, Packet | Secrets)
    except CaptureError:
        pass
