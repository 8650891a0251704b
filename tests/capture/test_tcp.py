"""Reassembly: split anywhere, reordered, repeated, lost."""

from itertools import groupby
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.capture.wire import EPOCH, Captured, Flow

from v2g.capture.file import Packet
from v2g.capture.packet import Segment, dissect
from v2g.capture.tcp import PATIENCE_S, Chunk, Connection

CAR_SAYS, STATION_SAYS = bytes(range(200)), bytes(range(199, -1, -1))


def segments(frames: list[Captured]) -> list[Segment]:
    found = [dissect(Packet(number, time, 1, frame)) for number, (time, frame) in enumerate(frames, 1)]
    return [segment for segment in found if isinstance(segment, Segment)]


def dialogue(mss: int, *, opened: bool = True) -> list[Segment]:
    """Both sides speak in turn, ten times, each time all of theirs."""
    flow = Flow(mss=mss)
    if opened:
        flow.open()
    for turn in range(10):
        flow.say(EPOCH + turn, True, CAR_SAYS)
        flow.say(EPOCH + turn + 0.1, False, STATION_SAYS)
    flow.close(EPOCH + 10)
    return segments(flow.frames)


def heard(parts: list[Segment]) -> list[Chunk]:
    connection = Connection()
    return [chunk for segment in parts for chunk in connection.feed(segment)] + connection.flush()


def streams(chunks: list[Chunk]) -> tuple[bytes, bytes]:
    car, station = (b"".join(chunk.data for chunk in chunks if chunk.source.port == port) for port in (49152, 61341))
    return car, station


WHOLE = (CAR_SAYS * 10, STATION_SAYS * 10)


def test_streams_are_whole_across_the_wrap_of_sequence_numbers() -> None:
    chunks = heard(dialogue(1440))
    assert streams(chunks) == WHOLE
    assert not any(chunk.missing for chunk in chunks)
    assert [chunk.source.port for chunk in chunks] == [49152, 61341] * 10


def test_capture_may_begin_within_a_connection() -> None:
    assert streams(heard(dialogue(1440, opened=False))) == WHOLE


@given(st.integers(20, 250), st.integers())
@settings(max_examples=50)
def test_repeated_and_reordered_segments_leave_no_trace(mss: int, seed: int) -> None:
    random = Random(seed)
    parts = dialogue(mss)
    start, rest = parts[:3], parts[3:]
    for _ in range(10):
        rest.insert(random.randrange(len(rest)), random.choice(rest))
    shaken = sorted(enumerate(rest), key=lambda each: each[0] + random.uniform(0, 4))
    now = [segment._replace(time=EPOCH + 0.001 * place) for place, (_, segment) in enumerate(shaken)]
    chunks = heard(start + now)
    assert streams(chunks) == WHOLE
    assert not any(chunk.missing for chunk in chunks)


@given(st.integers(20, 250), st.integers(0, 9))
def test_turns_stay_in_order_when_one_segment_is_late(mss: int, turn: int) -> None:
    """The station's answer acknowledges what the capture shows only afterwards."""
    parts = dialogue(mss)
    late = next(place for place, part in enumerate(parts) if part.data and part.time == EPOCH + turn)
    parts.insert(late - (-200 // mss), parts.pop(late))
    chunks = heard(parts)
    assert streams(chunks) == WHOLE
    assert [port for port, _ in groupby(chunk.source.port for chunk in chunks)] == [49152, 61341] * 10


def test_bytes_that_nobody_captured_are_counted_once() -> None:
    parts = dialogue(100)
    lost = [place for place, part in enumerate(parts) if part.data][6]
    size = len(parts.pop(lost).data)
    chunks = heard(parts)
    gaps = [chunk for chunk in chunks if chunk.missing]
    assert [chunk.missing for chunk in gaps] == [size]
    assert sum(len(chunk.data) for chunk in chunks) == 4000 - size


def test_lost_whole_turn_is_counted() -> None:
    parts = [part for part in dialogue(100) if not (part.data and part.time == EPOCH + 3)]
    chunks = heard(parts)
    assert sum(chunk.missing for chunk in chunks) == 200
    assert [chunk.source.port for chunk in chunks if chunk.missing] == [49152]


def test_hole_waits_for_its_retransmission_as_long_as_nobody_acknowledged_it() -> None:
    flow = Flow(mss=100)
    flow.open()
    flow.say(EPOCH, True, CAR_SAYS)
    parts = segments(flow.frames)
    first = parts.pop(3)
    connection = Connection()
    assert [chunk for part in parts for chunk in connection.feed(part)] == []
    late = first._replace(time=EPOCH + 20 * PATIENCE_S, packet=99)
    assert b"".join(chunk.data for chunk in connection.feed(late)) == CAR_SAYS


def test_same_ports_may_be_used_again() -> None:
    connection = Connection()
    for part in dialogue(1440):
        connection.feed(part)
    assert connection.closed
    first = dialogue(1440)[0]
    assert not connection.is_reopened_by(first)
    assert connection.is_reopened_by(first._replace(sequence=77))


def test_bytes_beyond_the_snap_length_are_missing() -> None:
    parts = dialogue(1440)
    cut = parts[3]
    parts[3] = cut._replace(data=cut.data[:150], missing=50)
    chunks = heard(parts)
    assert sum(chunk.missing for chunk in chunks) == 50
    assert sum(len(chunk.data) for chunk in chunks) == 3950


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 40), st.binary(max_size=9)), max_size=40))
def test_nonsense_ends(parts: list[tuple[bool, int, int, bytes]]) -> None:
    connection = Connection()
    for number, (from_car, sequence, acknowledged, data) in enumerate(parts):
        segment = dialogue(1440)[3 + (not from_car)]
        connection.feed(
            segment._replace(
                packet=number, time=EPOCH + number, sequence=sequence, acknowledged=acknowledged, data=data
            )
        )
    connection.flush()
