"""TCP: the two byte streams of a connection, put in order from the segments that a capture holds of it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from v2g.capture.packet import ACK, FIN, RST, SYN, Endpoint, Segment

PATIENCE_S = 0.5
"""How long a hole stays open after the receiver has acknowledged it: the bytes arrived, the capture may lack them."""
MOST_WAITING = 64
"""Segments that wait behind a hole before it is given up, acknowledged or not."""
REACH = 1 << 20
"""Bytes. A segment further away than this from the last one belongs to another connection."""
ACK_REACH = 1 << 16
"""Bytes. The same for segments without data, which offer nothing else to check: one may be the answer to a SYN from a
half-open connection, with numbers of its own (RFC 9293, 3.5.1)."""
_REMEMBERED = 1 << 14
"""Bytes of each side that are kept, to check whether a segment repeats them or only reuses their numbers."""
_MOST_LOST = 16


class Chunk(NamedTuple):
    """The next bytes of one direction; or no bytes, and how many the capture lacks here.

    `packet` completed the data: the packet that carries it, or a later one that carries bytes before it.
    """

    packet: int
    time: float
    source: Endpoint
    destination: Endpoint
    data: bytes
    missing: int
    is_late: bool = False
    """The bytes were given up and reported as missing before. They belong to an earlier place of the stream."""


class _Side:
    """What one side has sent."""

    __slots__ = ("acknowledged", "finished", "initial", "latest", "lost", "next", "tail")

    def __init__(self) -> None:
        self.initial: int | None = None
        """The sequence number of its SYN."""
        self.next: int | None = None
        """The sequence number of the next byte."""
        self.acknowledged: int | None = None
        """Up to where the other side has the bytes."""
        self.latest = 0, 0.0
        """The latest packet that contributed to the stream so far, and its time."""
        self.tail = bytearray()
        """The bytes before `next`."""
        self.lost: list[tuple[int, int]] = []
        """Ranges of sequence numbers that were given up; they may still come."""
        self.finished = False

    def ahead(self, sequence: int) -> int:
        """How many bytes before this sequence number are unseen; negative if more than those are seen."""
        return 0 if self.next is None else _difference(sequence, self.next)

    def begin(self, sequence: int) -> None:
        """The capture begins within this side's stream. Bytes before this place may still come late."""
        self.next = sequence
        self.lost.append((sequence - ACK_REACH, sequence))

    def repeats(self, sequence: int, data: bytes) -> bool:
        """Whether these bytes agree with those known under the same numbers."""
        known_from = self.ahead(sequence) + len(self.tail)
        first, last = max(0, known_from), min(len(self.tail), known_from + len(data))
        return first < last and self.tail[first:last] == data[first - known_from : last - known_from]

    def lose(self, until: int) -> None:
        """Give up what is unseen before this sequence number."""
        if self.next is not None:
            self.lost = [*self.lost[1 - _MOST_LOST :], (self.next, until)]
        if (size := self.ahead(until)) > _REMEMBERED:
            self.tail.clear()
            size = 0
        self.advance(bytes(size), until)

    def advance(self, data: bytes, until: int) -> None:
        """The next bytes, and the sequence number after them."""
        self.next = until & 0xFFFFFFFF
        self.tail += data
        if len(self.tail) > 2 * _REMEMBERED:
            del self.tail[:-_REMEMBERED]

    def was_lost(self, sequence: int, data: bytes) -> bool:
        """Whether some of the bytes were given up before."""
        return any(
            max(_difference(start, sequence), 0) < min(_difference(end, sequence), len(data))
            for start, end in self.lost
        )

    def find(self, sequence: int, data: bytes) -> Iterator[bytes]:
        """Those of the bytes that were given up before."""
        remaining = []
        for start, end in self.lost:
            first, last = _difference(start, sequence), _difference(end, sequence)
            if max(first, 0) >= min(last, len(data)):
                remaining.append((start, end))
                continue
            yield data[max(first, 0) : last]
            if first < 0:
                remaining.append((start, sequence))
            if last > len(data):
                remaining.append((sequence + len(data), end))
        self.lost = remaining


class Connection:
    """One TCP connection, seen from outside.

    Segments are released in an order in which the two sides can have sent them: a segment waits for unseen bytes before
    it, and for unseen bytes that it acknowledges. Retransmissions, duplicates and reordering, by the network or by the
    capturing machine, therefore leave no trace. A loss is reported before anything that answers the lost bytes.
    """

    def __init__(self) -> None:
        self._sides: dict[Endpoint, _Side] = {}
        self._waiting: list[Segment] = []
        self._closed_at: float | None = None
        self._latest = 0, 0.0
        """The packet and time of the latest segment."""
        self.refused = False
        """The station has answered the car's SYN with a reset."""

    @property
    def is_waiting(self) -> bool:
        """Whether segments wait for others."""
        return bool(self._waiting)

    def is_another(self, segment: Segment, begins: Callable[[bytes], bool]) -> bool:
        """Whether the segment belongs to a later connection between the same endpoints.

        Its SYN may be missing in the capture. Evidence is also data after the end, a number out of reach, other bytes
        under known numbers, or a leap to data that begins a session, as `begins` decides.
        """
        side, other = self._side(segment.source), self._side(segment.destination)
        sequence, data = segment.sequence, segment.data
        if sequence == side.next and self._closed_at is None and not segment.flags & SYN:
            return False  # as nearly all are
        if segment.flags & SYN:
            same = sequence == side.initial or (side.initial is None and side.ahead(sequence + 1) == 0)
            return not same or (self._closed_at is not None and not segment.flags & ACK)
        if not data or side.next is None:
            return False
        ahead = side.ahead(sequence)
        over = self._closed_at is not None and segment.time - self._closed_at > PATIENCE_S
        if ahead == 0:
            return over
        acknowledged = 0 if segment.acknowledged is None else other.ahead(segment.acknowledged)
        if max(abs(ahead), abs(acknowledged)) > REACH:
            return True
        if ahead > 0:
            return over or (bool(side.tail) and begins(data))
        is_probe = ahead == -1 and len(data) == 1  # keeps a connection alive, with any byte
        return not (is_probe or side.was_lost(sequence, data) or side.repeats(sequence, data))

    def feed(self, segment: Segment) -> list[Chunk]:
        """The chunks that this segment completes."""
        chunks: list[Chunk] = []
        self._latest = segment.packet, segment.time
        side, other = self._side(segment.source), self._side(segment.destination)
        if segment.flags & SYN:
            self._open(side, other, segment)
        elif segment.flags & RST:
            self._reset(side, other, segment)
        elif not (segment.data or segment.missing or segment.flags & FIN):
            self._acknowledge(side, other, segment)
        else:
            if segment.acknowledged is not None:
                _believe(other, segment.acknowledged, REACH)
            if side.ahead(segment.sequence) <= 0 and not _acknowledges_unseen(other, segment):
                self._release(segment, side, other, chunks)
                if not self._waiting:
                    return chunks
                self._drain(chunks)
            else:
                self._waiting.append(segment)
        return chunks + self.expire(segment.time) if self._waiting else chunks

    def expire(self, now: float) -> list[Chunk]:
        """The losses that are certain by now, and what waited for the lost bytes."""
        chunks: list[Chunk] = []
        while self._waiting and self._is_in_vain(now):
            self._skip(chunks)
            self._drain(chunks)
        return chunks

    def flush(self) -> list[Chunk]:
        """What still waits, at the end of the capture."""
        chunks: list[Chunk] = []
        while self._waiting:
            self._skip(chunks)
            self._drain(chunks)
        ends = [*self._sides]
        for source, destination in zip(ends, reversed(ends), strict=True):
            side = self._sides[source]
            unseen = 0 if side.acknowledged is None else side.ahead(side.acknowledged)
            if unseen > 1:  # one may be a FIN
                chunks.append(Chunk(*self._latest, source, destination, b"", unseen))
        return chunks

    def _side(self, endpoint: Endpoint) -> _Side:
        side = self._sides.get(endpoint)
        if side is None:
            side = self._sides[endpoint] = _Side()
        return side

    def _open(self, side: _Side, other: _Side, segment: Segment) -> None:
        side.initial = segment.sequence
        if side.next is None:
            side.next = segment.sequence + 1 & 0xFFFFFFFF
        if segment.acknowledged is not None:
            _believe(other, segment.acknowledged, ACK_REACH)

    def _acknowledge(self, side: _Side, other: _Side, segment: Segment) -> None:
        """Note what a segment without data acknowledges, unless its numbers are implausible."""
        if segment.acknowledged is None or abs(side.ahead(segment.sequence)) > ACK_REACH:
            return
        if abs(other.ahead(segment.acknowledged)) > ACK_REACH:
            return
        if side.next is None:
            side.begin(segment.sequence)
        _believe(other, segment.acknowledged, ACK_REACH)

    def _reset(self, side: _Side, other: _Side, segment: Segment) -> None:
        if side.next is None and other.initial is not None and segment.acknowledged is not None:
            self.refused = segment.sequence == 0 and _difference(segment.acknowledged, other.initial) == 1
        if abs(side.ahead(segment.sequence)) <= ACK_REACH:
            self._closed_at = segment.time

    def _is_ready(self, segment: Segment) -> bool:
        ahead = self._side(segment.source).ahead(segment.sequence)
        return ahead <= 0 and not _acknowledges_unseen(self._other(segment), segment)

    def _is_in_vain(self, now: float) -> bool:
        if len(self._waiting) > MOST_WAITING:
            return True
        if now - self._waiting[0].time <= PATIENCE_S:
            return False
        return any(side.acknowledged is not None and side.ahead(side.acknowledged) > 0 for side in self._sides.values())

    def _drain(self, chunks: list[Chunk]) -> None:
        while (segment := next(filter(self._is_ready, self._waiting), None)) is not None:
            self._waiting.remove(segment)
            self._release(segment, self._side(segment.source), self._other(segment), chunks)

    def _other(self, segment: Segment) -> _Side:
        return self._side(segment.destination)

    def _skip(self, chunks: list[Chunk]) -> None:
        """Give up a hole: the one before the oldest segment that does not wait for another waiting segment."""
        source, destination, target, witness = next(self._holes())
        side = self._side(source)
        only_acknowledged = True
        for segment in self._waiting:
            ahead = side.ahead(segment.sequence)
            if segment.source == source and 0 < ahead <= side.ahead(target):
                target, only_acknowledged = segment.sequence, False
        missing = side.ahead(target)
        side.lose(target)
        if missing == 1 and only_acknowledged:  # not a byte but a FIN
            return
        chunks.append(Chunk(witness.packet, witness.time, source, destination, b"", missing))

    def _holes(self) -> Iterator[tuple[Endpoint, Endpoint, int, Segment]]:
        """The holes: sender, receiver, end, and the segment that proves it. First those for which nothing waits that
        could fill them; last, the cases in which each side waits for the other."""
        at_hand = {each.source for each in self._waiting if self._side(each.source).ahead(each.sequence) <= 0}
        for each in self._waiting:
            if each.source not in at_hand:
                yield each.source, each.destination, each.sequence, each
            if _acknowledges_unseen(self._other(each), each) and each.destination not in at_hand:
                yield each.destination, each.source, each.acknowledged or 0, each
        for each in self._waiting:
            if _acknowledges_unseen(self._other(each), each):
                yield each.destination, each.source, each.acknowledged or 0, each

    def _release(self, segment: Segment, side: _Side, other: _Side, chunks: list[Chunk]) -> None:
        packet, time, source, destination, sequence, acknowledged, flags, data, missing = segment
        if other.next is None and acknowledged is not None:
            other.begin(acknowledged)
        if side.next is None:
            side.begin(sequence)
        if side.lost and side.ahead(sequence) < 0:
            found = side.find(sequence, data)
            chunks += (Chunk(packet, time, source, destination, late, 0, is_late=True) for late in found)
        if packet > side.latest[0]:
            side.latest = packet, time
        end = sequence + len(data)
        fresh = side.ahead(end)
        if fresh > 0:
            data = data[-fresh:]
            side.advance(data, end)
            chunks.append(Chunk(*side.latest, source, destination, data, 0))
        if missing and (unseen := side.ahead(end + missing)) > 0:
            side.lose(end + missing)
            chunks.append(Chunk(*side.latest, source, destination, b"", unseen))
        if flags & FIN:
            if side.ahead(end + missing) == 0:
                side.advance(b"\0", end + missing + 1)  # a FIN takes a number
            side.finished = True
            if other.finished:
                self._closed_at = time


def _difference(sequence: int, reference: int) -> int:
    return (sequence - reference + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def _acknowledges_unseen(other: _Side, segment: Segment) -> bool:
    return segment.acknowledged is not None and 0 < other.ahead(segment.acknowledged) <= REACH


def _believe(other: _Side, acknowledged: int, reach: int) -> None:
    if other.next is None:
        other.begin(acknowledged)
    if abs(other.ahead(acknowledged)) > reach:
        return
    if other.acknowledged is None or _difference(acknowledged, other.acknowledged) > 0:
        other.acknowledged = acknowledged
