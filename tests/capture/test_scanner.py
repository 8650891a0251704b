"""V2GTP frames in a stream: cut anywhere, with foreign bytes between them, with gaps."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from v2g.capture.scanner import Fault, RawFrame, Scanner
from v2g.v2gtp.framing import pack

FRAMES = [RawFrame(0x8001, b"hello"), RawFrame(0x8002, b""), RawFrame(0x8004, bytes(300))]
STREAM = b"".join(pack(*frame) for frame in FRAMES)


def found(*parts: tuple[bytes, int]) -> list[RawFrame | Fault]:
    scanner = Scanner()
    return [each for part in parts for each in scanner.feed(*part)] + list(scanner.flush())


@given(st.lists(st.integers(0, len(STREAM)), max_size=5))
def test_frames_are_found_however_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    parts = [(STREAM[start:end], 0) for start, end in pairwise(places)]
    assert found(*parts) == FRAMES


def test_manufacturers_payload_types_are_frames_too() -> None:
    assert found((STREAM + pack(0xA000, b"own"), 0))[-1] == RawFrame(0xA000, b"own")


def test_foreign_bytes_are_reported_once_and_passed_over() -> None:
    foreign = b"\x01\xfe\xff\xff\xff\xff\xff\xff garbage \x01"
    events = found((pack(*FRAMES[0]) + foreign + STREAM, 0))
    faults = [event for event in events if isinstance(event, Fault)]
    assert [event for event in events if isinstance(event, RawFrame)] == [FRAMES[0], *FRAMES]
    assert [fault.rule for fault in faults] == ["no header"]
    assert f"{len(foreign)} bytes" in faults[0].text


@given(st.integers(9, len(STREAM) - 1), st.integers(1, 5000))
def test_gap_is_reported_once_and_the_next_header_found(place: int, missing: int) -> None:
    events = found((STREAM[:place], 0), (STREAM, missing))
    assert [event for event in events if isinstance(event, RawFrame)][-3:] == FRAMES
    faults = [event for event in events if isinstance(event, Fault)]
    assert [fault.rule for fault in faults] == ["gap"]
    assert f"{missing} bytes" in faults[0].text


def test_stream_of_something_else_is_no_fault() -> None:
    assert found((b"GET / HTTP/1.1\r\n" * 9, 0), (b"more", 100)) == []


def test_unfinished_message_is_reported() -> None:
    (*_, fault) = found((STREAM[:-1], 0))
    assert isinstance(fault, Fault)
    assert fault.rule == "incomplete"


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 9)), max_size=6))
def test_anything_ends(parts: list[tuple[bytes, int]]) -> None:
    found(*parts)
