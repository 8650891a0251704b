"""V2GTP frames in a stream: cut anywhere, with foreign bytes between them, with gaps."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from v2g.capture.scanner import Fault, RawFrame, Scanner
from v2g.v2gtp.framing import pack

PAYLOADS = {b"hello", b"", bytes(300), b"own"}


def whole(payload_type: int, payload: bytes, announced: int | None = None) -> RawFrame:
    size = len(payload)
    return RawFrame(payload_type, payload, size if announced is None else announced, size)


FRAMES = [whole(0x8001, b"hello"), whole(0x8002, b""), whole(0x8004, bytes(300))]
STREAM = b"".join(pack(frame.payload_type, frame.payload) for frame in FRAMES)


def found(*parts: tuple[bytes, int]) -> list[RawFrame | Fault]:
    scanner = Scanner(lambda _, payload: payload in PAYLOADS)
    events = [each for part in parts for each in scanner.feed(*part)] + list(scanner.flush())
    return [each._replace(earlier=False) if isinstance(each, RawFrame) else each for each in events]


@given(st.lists(st.integers(0, len(STREAM)), max_size=5))
def test_frames_are_found_however_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    parts = [(STREAM[start:end], 0) for start, end in pairwise(places)]
    assert found(*parts) == FRAMES


def test_manufacturers_payload_types_are_frames_too() -> None:
    assert found((STREAM + pack(0xA000, b"own"), 0))[-1] == whole(0xA000, b"own")


def test_foreign_bytes_are_reported_once_and_passed_over() -> None:
    foreign = b"\x01\xfe\xff\xff\xff\xff\xff\xff garbage \x01"
    events = found((pack(0x8001, b"hello"), 0), (foreign, 0), (STREAM, 0))
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


@given(st.integers(1, 200_000_000), st.integers(8, 20))
def test_header_that_announces_too_much_spoils_its_own_message_only(more: int, size: int) -> None:
    """Wherever segments begin, even if the other messages follow in the same one."""
    wrong = pack(0x8001, b"hello")[:4] + (5 + more).to_bytes(4) + b"hello"
    expected = [whole(0x8001, b"hello", announced=5 + more), *FRAMES]
    assert found((wrong, 0), (STREAM, 0)) == expected
    assert found((wrong + STREAM, 0)) == expected
    parts = [wrong + STREAM[:size], *(STREAM[place : place + 50] for place in range(size, len(STREAM), 50))]
    assert found(*((part, 0) for part in parts))[-3:] == FRAMES


@given(st.integers(1, 40))
def test_header_that_announces_too_little_spoils_its_own_message_only(surplus: int) -> None:
    wrong = pack(0x8001, b"hello") + bytes(surplus)
    first = RawFrame(0x8001, b"hello", 5, 5 + surplus)
    assert found((wrong, 0), (STREAM, 0)) == [first, *FRAMES]
    assert found((wrong + STREAM, 0)) == [first, *FRAMES]
    cut = pack(0x8004, bytes(300))[:4] + (300 - surplus).to_bytes(4) + bytes(300)
    assert found((cut + STREAM, 0)) == [RawFrame(0x8004, bytes(300), 300 - surplus, 300), *FRAMES]


def test_message_is_whole_although_its_header_announces_two_gigabytes() -> None:
    wrong = pack(0x8001, b"hello")[:4] + (1 << 31).to_bytes(4) + b"hello"
    assert found((wrong, 0)) == [whole(0x8001, b"hello", announced=1 << 31)]


def test_header_within_a_message_is_no_header() -> None:
    payload = b"hello" + STREAM
    PAYLOADS.add(payload)
    assert found((pack(0x8001, payload) + STREAM, 0)) == [whole(0x8001, payload), *FRAMES]


def test_wrong_payload_type_at_the_beginning_of_a_segment_is_a_frame() -> None:
    assert found((pack(0x0180, b"hello"), 0), (STREAM, 0)) == [whole(0x0180, b"hello"), *FRAMES]


def test_memory_is_bounded_while_an_absurd_length_is_waited_for() -> None:
    scanner = Scanner(lambda _, payload: payload in PAYLOADS)
    list(scanner.feed(pack(0x8001, b"")[:4] + b"\x7f\xff\xff\xff"))
    for _ in range(200):
        list(scanner.feed(b"\x55" * 1440))
    assert len(scanner._buffer) < 1440
    (frame,) = (each for each in scanner.feed(pack(0x8001, b"hello")) if isinstance(each, RawFrame))
    assert frame.payload == b"hello"


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 9)), max_size=6))
def test_anything_ends(parts: list[tuple[bytes, int]]) -> None:
    found(*parts)
