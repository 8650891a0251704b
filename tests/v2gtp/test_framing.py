from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.v2gtp.framing import STREAM_TYPES, Frame, FrameReader, FramingError, PayloadType, pack

frames = st.lists(st.builds(Frame, st.sampled_from(sorted(STREAM_TYPES)), st.binary(max_size=40)), max_size=6)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def read(chunks: list[bytes], limit: int = 64) -> tuple[list[Frame], str | None]:
    """Feeds all chunks; returns every frame, and the fault."""
    reader, got = FrameReader(limit), []
    for chunk in chunks:
        try:
            got += reader.feed(chunk)
        except FramingError as error:
            return got + error.frames, str(error)
    return got, None


def test_header_layout() -> None:
    assert pack(PayloadType.DC, b"\x80\x34") == bytes.fromhex("01fe 8004 00000002 8034")


@given(frames, st.lists(st.integers(0, 400)))
def test_any_split_yields_the_same_frames(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(pack(*frame) for frame in sent)
    assert read(split(stream, cuts)) == (sent, None)


@given(st.binary(max_size=80), st.lists(st.integers(0, 80)))
def test_garbage_is_judged_alike_however_it_is_split(data: bytes, cuts: list[int]) -> None:
    assert read(split(data, cuts)) == read([data])


@given(frames, st.binary(min_size=1, max_size=30), st.lists(st.integers(0, 400)))
def test_frames_before_a_fault_are_delivered(sent: list[Frame], tail: bytes, cuts: list[int]) -> None:
    stream = b"".join(pack(*frame) for frame in sent)
    got, fault = read(split(stream + b"\x02" + tail, cuts))
    assert got == sent
    assert fault is not None
    assert f"at byte {len(stream)} of the stream" in fault


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("02", "version byte 0x02 instead of 0x01"),
        ("01ff", "version byte 0xFF instead of 0xFE"),
        ("16", "a TLS record"),
        ("01fe8000", "payload type 0x8000"),
        ("01fe9000", "payload type 0x9000"),
        ("01fea000", "payload type 0xA000"),
        ("01fe800200000041", "payload of 65 bytes announced, the limit is 64"),
        ("01fe8002ffffffff", "payload of 4294967295 bytes"),
    ],
)
def test_bad_header_is_refused_at_the_first_byte_that_tells(header: str, text: str) -> None:
    data = bytes.fromhex(header)
    reader = FrameReader(limit=64)
    assert reader.feed(data[:-1]) == []
    with pytest.raises(FramingError, match=text):
        reader.feed(data[-1:])


def test_refused_reader_stays_refused() -> None:
    reader = FrameReader()
    with pytest.raises(FramingError, match="at byte 0"):
        reader.feed(b"GET / HTTP/1.1\r\n")
    with pytest.raises(FramingError, match="at byte 0"):
        reader.feed(pack(PayloadType.MAIN, b"sound"))


def test_payload_of_exactly_the_limit_passes() -> None:
    assert FrameReader(limit=64).feed(pack(PayloadType.AC, bytes(64))) == [Frame(PayloadType.AC, bytes(64))]


@given(frames, st.integers(0, 6), st.integers(0, 6))
def test_a_burst_is_parsed_up_to_what_may_wait(sent: list[Frame], at_once: int, waiting: int) -> None:
    waiting = min(waiting, at_once)
    reader = FrameReader(at_once=at_once)
    stream = b"".join(pack(*frame) for frame in sent)
    if len(sent) <= at_once - waiting:
        assert reader.feed(stream, waiting) == sent
    else:
        with pytest.raises(FramingError, match=f"more than {at_once} requests at once") as refused:
            reader.feed(stream, waiting)
        assert refused.value.frames == []


def test_frames_that_come_one_by_one_are_not_too_many() -> None:
    reader = FrameReader(at_once=1)
    for number in range(100):
        assert reader.feed(pack(PayloadType.MAIN, bytes([number]))) == [Frame(PayloadType.MAIN, bytes([number]))]
