"""TCP: the two byte streams of a connection, put in order from the segments that a capture holds of it."""

from collections.abc import Iterator
from typing import NamedTuple

from v2g.capture.packet import ACK, FIN, RST, SYN, Endpoint, Segment

PATIENCE_S = 0.5
"""How long a hole stays open that the receiver has acknowledged: it got the bytes, the capture may not have them."""
MOST_WAITING = 256
"""Segments that wait behind a hole before it is given up, acknowledged or not."""


class Chunk(NamedTuple):
    """The next bytes of one direction. `packet` is the one that made them available; `missing` counts bytes before
    `data` that the capture does not have."""

    packet: int
    time: float
    source: Endpoint
    destination: Endpoint
    data: bytes
    missing: int


class Connection:
    """One TCP connection, seen from outside.

    Segments are released in the order in which the two sides can have sent them: one waits while bytes before it are
    unseen, or while it acknowledges bytes that are unseen. So retransmissions, duplicates and reordering, by the
    network or by the capturing machine, leave no trace. What never turns up is reported as missing.
    """

    def __init__(self) -> None:
        self._expected: dict[Endpoint, int] = {}
        self._lost: dict[Endpoint, int] = {}
        self._waiting: list[Segment] = []
        self._initial: dict[Endpoint, int] = {}
        self._finished: set[Endpoint] = set()
        self.closed = False
        """Both sides, or one with a reset, have ended the connection."""

    def is_reopened_by(self, segment: Segment) -> bool:
        """Whether the segment begins another connection between the same endpoints."""
        if not segment.flags & SYN or segment.flags & ACK:
            return False
        return self._initial.get(segment.source, None if self._expected else segment.sequence) != segment.sequence

    def feed(self, segment: Segment) -> list[Chunk]:
        """The chunks that this segment completes."""
        chunks: list[Chunk] = []
        if not self._waiting and self._is_ready(segment):
            self._release(segment, segment, chunks)
            return chunks
        self._waiting.append(segment)
        self._drain(segment, chunks)
        while self._waiting and self._is_in_vain(segment.time):
            self._skip()
            self._drain(segment, chunks)
        return chunks

    def flush(self) -> list[Chunk]:
        """What still waits, at the end of the capture."""
        chunks: list[Chunk] = []
        while self._waiting:
            self._skip()
            self._drain(self._waiting[-1], chunks)
        return chunks

    def _is_ready(self, segment: Segment) -> bool:
        if segment.flags & SYN:
            return True
        return self._ahead(segment.source, segment.sequence) <= 0 and not self._acknowledges_unseen(segment)

    def _is_in_vain(self, now: float) -> bool:
        if len(self._waiting) > MOST_WAITING:
            return True
        first = self._waiting[0]
        return now - first.time > PATIENCE_S and any(self._acknowledges_unseen(segment) for segment in self._waiting)

    def _acknowledges_unseen(self, segment: Segment) -> bool:
        acknowledged = segment.acknowledged
        return acknowledged is not None and self._ahead(segment.destination, acknowledged) > 0

    def _drain(self, latest: Segment, chunks: list[Chunk]) -> None:
        ready: Segment | None = latest
        while ready is not None:
            ready = next((segment for segment in self._waiting if self._is_ready(segment)), None)
            if ready is not None:
                self._waiting.remove(ready)
                self._release(ready, latest, chunks)

    def _skip(self) -> None:
        """Give up the hole for which the oldest segment waits that does not wait for another waiting one."""
        side, target = next(self._holes())
        for segment in self._waiting:
            if segment.source == side and 0 < self._ahead(side, segment.sequence) < self._ahead(side, target):
                target = segment.sequence
        self._lost[side] = self._lost.get(side, 0) + self._ahead(side, target)
        self._expected[side] = target

    def _holes(self) -> Iterator[tuple[Endpoint, int]]:
        """Whose bytes are unseen, and up to where, in the order of the segments that wait for them; last, the sides
        whose next bytes do wait among them, each for the other's."""
        at_hand = {each.source for each in self._waiting if self._ahead(each.source, each.sequence) <= 0}
        for segment in self._waiting:
            if segment.source not in at_hand:
                yield segment.source, segment.sequence
            if self._acknowledges_unseen(segment) and segment.destination not in at_hand:
                yield segment.destination, segment.acknowledged or 0
        for segment in self._waiting:
            if self._acknowledges_unseen(segment):
                yield segment.destination, segment.acknowledged or 0

    def _ahead(self, side: Endpoint, sequence: int) -> int:
        """Bytes of a side up to this sequence number that are unseen; negative if more than that is seen."""
        expected = self._expected.get(side, sequence)
        return (sequence - expected + 0x80000000 & 0xFFFFFFFF) - 0x80000000

    def _release(self, segment: Segment, latest: Segment, chunks: list[Chunk]) -> None:
        source, destination, sequence = segment.source, segment.destination, segment.sequence
        if segment.acknowledged is not None:
            self._expected.setdefault(destination, segment.acknowledged)
        if segment.flags & SYN:
            self._initial[source] = sequence
            self._expected.setdefault(source, sequence + 1 & 0xFFFFFFFF)
            return
        if segment.flags & RST:
            self.closed = True
            return
        fresh = self._ahead(source, sequence + len(segment.data)) if source in self._expected else len(segment.data)
        if fresh > 0:
            data, missing = segment.data[-fresh:], self._lost.pop(source, 0)
            chunks.append(Chunk(latest.packet, latest.time, source, destination, data, missing))
        end = sequence + len(segment.data) + segment.missing
        if segment.flags & FIN and source not in self._finished:
            self._finished.add(source)
            self.closed = destination in self._finished
            end += 1
        if segment.missing and self._ahead(source, end) > 0:
            self._lost[source] = self._lost.get(source, 0) + segment.missing
        if source not in self._expected or self._ahead(source, end) > 0:
            self._expected[source] = end & 0xFFFFFFFF
