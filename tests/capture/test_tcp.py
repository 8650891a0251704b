"""Reassembly: split anywhere, reordered, repeated, lost."""

from itertools import groupby
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.capture.wire import EPOCH, Captured, Flow

from v2g.capture.file import Packet
from v2g.capture.packet import Segment, dissect
from v2g.capture.tcp import PATIENCE_S, REACH, Chunk, Connection

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
    place = next(place for place, chunk in enumerate(chunks) if chunk.missing)
    assert chunks[place - 1].source.port == chunks[place + 1].source.port == 61341, "the loss comes before the answer"


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


@given(st.integers(20, 250), st.integers())
@settings(max_examples=50)
def test_whatever_is_lost_each_chunk_has_its_own_packet_and_time(mss: int, seed: int) -> None:
    random = Random(seed)
    parts = dialogue(mss)
    kept = parts[:3] + [part for part in parts[3:] if random.random() > 0.2]
    own = {(part.packet, part.time): part for part in kept}
    last = 0
    for chunk in heard(kept):
        assert (chunk.packet, chunk.time) in own
        if chunk.data:
            assert chunk.packet >= last
            last = chunk.packet
            assert own[chunk.packet, chunk.time].data == chunk.data


def test_bytes_that_a_late_segment_completes_have_its_time() -> None:
    parts = dialogue(100)
    late = next(place for place, part in enumerate(parts) if part.data)
    parts.insert(late + 1, parts.pop(late)._replace(time=EPOCH + 0.05, packet=99))
    first, second, *_ = heard(parts)
    assert [(chunk.packet, chunk.time) for chunk in (first, second)] == [(99, EPOCH + 0.05)] * 2


def test_what_waits_is_given_up_though_the_connection_is_silent_then() -> None:
    flow = Flow(mss=100)
    flow.open()
    flow.say(EPOCH, True, CAR_SAYS)
    flow.say(EPOCH + 0.1, False, STATION_SAYS)
    parts = segments(flow.frames)
    del parts[3]
    connection = Connection()
    assert [chunk for part in parts for chunk in connection.feed(part)] == []
    assert connection.expire(EPOCH + PATIENCE_S / 2) == []
    assert [len(chunk.data) for chunk in connection.expire(EPOCH + 2 * PATIENCE_S)] == [0, 100, 100, 100]


def test_bytes_that_come_after_they_were_given_up_are_not_lost() -> None:
    parts = dialogue(100)
    late = next(place for place, part in enumerate(parts) if part.data)
    lost = parts.pop(late)
    turn = next(place for place, part in enumerate(parts) if part.time == EPOCH + 2)
    parts.insert(turn, lost._replace(packet=99, time=EPOCH + 1.9))
    chunks = heard(parts)
    assert sum(len(chunk.data) for chunk in chunks) == 4000
    assert (99, EPOCH + 1.9, lost.data) in [(chunk.packet, chunk.time, chunk.data) for chunk in chunks]


def never(_: bytes) -> bool:
    return False


def test_same_ports_may_be_used_again() -> None:
    connection = Connection()
    for part in dialogue(1440):
        assert not connection.is_another(part, never)
        connection.feed(part)
    first = dialogue(1440)[0]
    assert connection.is_another(first._replace(sequence=77), never)
    assert connection.is_another(first, never), "the old connection is over"


@given(st.integers(-REACH, REACH), st.booleans())
@settings(max_examples=100)
def test_data_after_the_end_is_of_another_connection_without_a_syn(distance: int, is_reset: bool) -> None:
    connection = Connection()
    parts = dialogue(1440)
    end = parts.pop()
    for part in parts[:-2] if is_reset else parts:
        connection.feed(part)
    if is_reset:
        connection.feed(parts[-2]._replace(flags=0x04, data=b""))
    again = end._replace(
        time=end.time + 30, sequence=end.sequence + distance & 0xFFFFFFFF, data=b"another beginning", flags=0x18
    )
    assert connection.is_another(again, never)


def test_repetition_after_the_end_is_of_the_same_connection() -> None:
    connection = Connection()
    parts = dialogue(1440)
    for part in parts:
        connection.feed(part)
    for part in parts:
        if part.data:
            late = part._replace(time=EPOCH + 60, packet=1000)
            assert not connection.is_another(late, never)
            assert connection.feed(late) == []


def test_other_bytes_under_known_numbers_are_of_another_connection() -> None:
    connection = Connection()
    parts = dialogue(1440)[:-3]
    for part in parts:
        connection.feed(part)
    again = next(part for part in parts if part.data)
    assert not connection.is_another(again, never)
    assert connection.is_another(again._replace(data=bytes(len(again.data))), never)
    probe = parts[-1]._replace(sequence=parts[-1].sequence + len(parts[-1].data) - 1, data=b"\0")
    assert not connection.is_another(probe, never), "a keep-alive probe carries any byte"


def test_leap_is_a_gap_unless_it_begins_a_session() -> None:
    connection = Connection()
    parts = dialogue(1440)[:-3]
    for part in parts:
        connection.feed(part)
    leap = parts[-1]._replace(sequence=parts[-1].sequence + 90_000 & 0xFFFFFFFF)
    assert not connection.is_another(leap, never)
    assert connection.is_another(leap, lambda data: data == STATION_SAYS)


def test_stale_acknowledgement_is_not_believed() -> None:
    """A SYN that a half-open connection answers with its own numbers (RFC 9293, 3.10.7.4)."""
    parts = dialogue(1440)
    stale = parts[1]._replace(flags=0x10, sequence=1_970_082_736, acknowledged=parts[0].sequence + 748_129 & 0xFFFFFFFF)
    reset = parts[0]._replace(flags=0x04, sequence=stale.acknowledged or 0)
    connection = Connection()
    chunks = []
    for part in [parts[0], stale, reset, *parts]:
        assert not connection.is_another(part, never)
        chunks += connection.feed(part)
    assert streams(chunks + connection.flush()) == WHOLE
    assert not any(chunk.missing for chunk in chunks)


def test_refused_connection() -> None:
    first = dialogue(1440)[0]
    connection = Connection()
    connection.feed(first)
    assert not connection.refused
    refusal = dialogue(1440)[1]._replace(flags=0x14, sequence=0)
    connection.feed(refusal)
    assert connection.refused
    connection = Connection()
    for part in dialogue(1440)[:6]:
        connection.feed(part)
    connection.feed(dialogue(1440)[6]._replace(flags=0x14, data=b""))
    assert not connection.refused, "that is an end, no refusal"


def test_lost_fin_is_no_lost_byte() -> None:
    parts = dialogue(1440)
    assert [part.flags & 1 for part in parts[-3:]] == [1, 1, 0]
    for lost in (-3, -2):
        kept = [part for place, part in enumerate(parts) if place != len(parts) + lost]
        assert not any(chunk.missing for chunk in heard(kept))


def test_lost_end_is_told_by_the_last_acknowledgement() -> None:
    parts = dialogue(1440)
    answer = max(place for place, part in enumerate(parts) if part.data)
    del parts[answer]
    del parts[answer : answer + 2]  # both FINs too
    (missing,) = (chunk for chunk in heard(parts) if chunk.missing)
    assert missing.source.port == 61341


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
