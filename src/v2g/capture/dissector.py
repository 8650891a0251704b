"""From packets to messages: reassembles streams, decrypts them, finds frames and decodes them."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from v2g.capture.datagrams import announced, discovery, management
from v2g.capture.file import Packet, Secrets
from v2g.capture.keylog import KeyLog
from v2g.capture.packet import Datagram, Endpoint, Management, Segment, Unread, dissect
from v2g.capture.payload import PayloadDecoder
from v2g.capture.record import Record
from v2g.capture.scanner import Fault, RawFrame, Scanner
from v2g.capture.tcp import PATIENCE_S, Chunk, Connection
from v2g.v2gtp import sdp
from v2g.v2gtp.framing import HEADER, VERSION, PayloadType

if TYPE_CHECKING:
    from v2g.capture.tls import Alarm, TlsReader

DUPLICATE_S = 0.002
"""A datagram or management frame that is repeated within this time was captured twice (several interfaces, VLANs)."""
MOST_REMEMBERED = 256
"""Datagrams to compare with, and stations that answered a discovery."""
MOST_CONVERSATIONS = 1024
"""Connections that are followed at a time. Beyond that, the one that was silent longest is closed: one without V2G, if
there is one."""


class Conversation:
    """One TCP connection and what is said on it."""

    __slots__ = ("begun", "decoder", "gap", "is_v2g", "latest", "number", "scanners", "stream", "tls")

    def __init__(self, number: int) -> None:
        self.number = number
        self.stream = Connection()
        self.scanners: dict[Endpoint, Scanner] = {}
        self.latest: dict[Endpoint, Chunk] = {}
        self.tls: TlsReader | None = None
        self.begun = False
        """Whether it has carried data."""
        self.is_v2g = False
        """Whether it carries V2G messages, or may carry them encrypted."""
        self.gap = False
        """Whether bytes are missing since the latest record."""
        self.decoder = PayloadDecoder()

    def scanner(self, side: Endpoint) -> Scanner:
        """The scanner of what this side sends."""
        if side not in self.scanners:
            self.scanners[side] = Scanner(self.decoder.reads)
        return self.scanners[side]


class Dissector:
    """Takes the packets of a capture in their order and gives the messages."""

    def __init__(self, key_log: bytes = b"") -> None:
        """`key_log`: lines of an SSLKEYLOGFILE; those that the capture itself holds are used as well."""
        self._secrets = KeyLog()
        self._secrets.add(key_log)
        self._conversations: dict[frozenset[Endpoint], Conversation] = {}
        self._strangers: dict[frozenset[Endpoint], None] = {}
        """Those that have carried no V2G so far. Both are ordered by their latest packet."""
        self._waiting: dict[Conversation, None] = {}
        self._next_look = 0.0
        self._number = 0
        self._latest: dict[bytes, float] = {}
        self._announced: dict[bytes, tuple[int, int]] = {}
        """By station address: the port that its SECCDiscoveryRes names, and that packet, until a car has connected."""
        self._unread: dict[str, Record] = {}
        self._counts: dict[str, int] = {}
        self.packets = 0
        """How many packets the capture has so far."""
        self.end: float | None = None
        """The time of the latest one."""

    def feed(self, item: Packet | Secrets) -> Iterator[Record]:
        """The messages that are complete with this packet."""
        if isinstance(item, Secrets):
            yield from self._learn(item.lines)
            return
        self.packets, self.end = item.number, item.time
        if self._waiting:
            yield from self._expire(item.time)
        match dissect(item):
            case Segment() as segment:
                yield from self._segment(segment)
            case Datagram() as datagram:
                yield from self._datagram(datagram)
            case Management() as frame:
                if not self._is_duplicate(frame.frame, frame.time):
                    yield management(frame)
            case Unread(reason):
                self._unread.setdefault(reason, Record(item.number, item.time, "", "", None, "link"))
                self._counts[reason] = self._counts.get(reason, 0) + 1

    def flush(self) -> Iterator[Record]:
        """What is left at the end of the capture, and what was not read."""
        for conversation in self._conversations.values():
            yield from self._close(conversation)
        self._conversations.clear()
        self._strangers.clear()
        for reason, record in self._unread.items():
            record.find("not read", f"{self._counts[reason]} of {self.packets} packets are not read: {reason}")
            yield record
        self._unread.clear()

    def _expire(self, now: float) -> Iterator[Record]:
        """What has waited in vain on any connection, also on one that is silent now."""
        if now < self._next_look < now + PATIENCE_S:
            return
        self._next_look = now + PATIENCE_S / 4
        for conversation in [*self._waiting]:
            for chunk in conversation.stream.expire(now):
                yield from self._chunk(conversation, chunk)
            if not conversation.stream.is_waiting:
                del self._waiting[conversation]

    def _learn(self, lines: bytes) -> Iterator[Record]:
        if self._secrets.add(lines):
            for conversation in self._conversations.values():
                if conversation.tls is not None:
                    yield from self._plain(conversation, conversation.tls.retry())

    def _is_duplicate(self, data: bytes, time: float) -> bool:
        while self._latest:
            earliest, when = next(iter(self._latest.items()))
            if 0 <= time - when <= DUPLICATE_S and len(self._latest) <= MOST_REMEMBERED:
                break
            del self._latest[earliest]
        is_duplicate = self._latest.pop(data, None) is not None
        self._latest[data] = time
        return is_duplicate

    def _datagram(self, datagram: Datagram) -> Iterator[Record]:
        data = datagram.data
        if data[:2] == VERSION and sdp.PORT in (datagram.source.port, datagram.destination.port):
            if not self._is_duplicate(data, datagram.time):
                record = discovery(datagram)
                if (endpoint := announced(record)) is not None:
                    self._announced[endpoint.address] = endpoint.port, record.packet
                    if len(self._announced) > MOST_REMEMBERED:
                        del self._announced[next(iter(self._announced))]
                yield record
        elif data[:7] in (b"CLIENT_", b"SERVER_", b"EXPORTE"):
            yield from self._learn(data)

    def _segment(self, segment: Segment) -> Iterator[Record]:
        key = frozenset((segment.source, segment.destination))
        conversation = self._conversations.pop(key, None)
        if conversation is not None and conversation.stream.is_another(segment, _begins_session):
            yield from self._close(conversation)
            conversation = None
        if conversation is None:
            if len(self._conversations) >= MOST_CONVERSATIONS:
                yield from self._close_one()
            self._number += 1
            conversation = Conversation(self._number)
        self._conversations[key] = conversation
        self._strangers.pop(key, None)
        if not conversation.is_v2g:
            self._strangers[key] = None
        for chunk in conversation.stream.feed(segment):
            yield from self._chunk(conversation, chunk)
        if conversation.stream.is_waiting:
            self._waiting[conversation] = None
        if conversation.stream.refused:
            yield from self._refusal(segment)

    def _close_one(self) -> Iterator[Record]:
        key = next(iter(self._strangers or self._conversations))
        self._strangers.pop(key, None)
        yield from self._close(self._conversations.pop(key))

    def _refusal(self, segment: Segment) -> Iterator[Record]:
        """Report that the station has answered the car's discovery and refuses its connection."""
        address, port = segment.source
        named, packet = self._announced.pop(address, (0, 0))
        if not packet:
            return
        source, destination = str(segment.source), str(segment.destination)
        record = Record(segment.packet, segment.time, source, destination, None, "tcp")
        text = f"the station refuses the TCP connection to {source}"
        if port == named:
            text = f"{text}, which its SECCDiscoveryRes of packet {packet} names; look whether its server runs"
        else:
            text = f"{text}; its SECCDiscoveryRes of packet {packet} names port {named}: look why the car takes another"
        record.find("refused", text)
        yield record

    def _chunk(self, conversation: Conversation, chunk: Chunk) -> Iterator[Record]:
        if not conversation.begun and chunk.data:
            conversation.begun = True
            for side in (chunk.source, chunk.destination):
                self._announced.pop(side.address, None)
        if conversation.tls is None and b"\x14" <= chunk.data[:1] <= b"\x17" and not conversation.is_v2g:
            from v2g.capture.tls import TlsReader, is_tls  # needs cryptography, which plain captures do without

            if is_tls(chunk.data):
                conversation.tls, conversation.is_v2g = TlsReader(self._secrets), True
        if chunk.is_late:
            yield from _scan_late(conversation, chunk)
        elif conversation.tls is None:
            yield from self._scan(conversation, chunk)
        else:
            yield from self._plain(conversation, conversation.tls.feed(chunk))

    def _plain(self, conversation: Conversation, events: Iterable["Chunk | Alarm"]) -> Iterator[Record]:
        for event in events:
            if isinstance(event, Chunk):
                yield from self._scan(conversation, event)
            else:
                yield _alarm(conversation, event)

    def _scan(self, conversation: Conversation, chunk: Chunk) -> Iterator[Record]:
        scanner, latest = conversation.scanner(chunk.source), conversation.latest
        conversation.gap |= chunk.missing > 0
        other = conversation.scanners.get(chunk.destination)
        if other is not None and other.is_within_message and chunk.data:
            for frame in other.pause():
                yield _record(conversation, latest[chunk.destination], frame)
        before = latest.get(chunk.source, chunk)
        if chunk.data or chunk.source not in latest:
            latest[chunk.source] = chunk
        for found in scanner.feed(chunk.data, chunk.missing):
            is_earlier = isinstance(found, RawFrame) and found.earlier
            yield _record(conversation, before if is_earlier else chunk, found)

    def _close(self, conversation: Conversation) -> Iterator[Record]:
        self._waiting.pop(conversation, None)
        for chunk in conversation.stream.flush():
            yield from self._chunk(conversation, chunk)
        if conversation.tls is not None:
            yield from self._plain(conversation, conversation.tls.flush())
        is_v2g = any(scanner.found for scanner in conversation.scanners.values())
        for source, scanner in conversation.scanners.items():
            for found in scanner.flush(side=str(source) if is_v2g else ""):
                yield _record(conversation, conversation.latest[source], found)


def _scan_late(conversation: Conversation, chunk: Chunk) -> Iterator[Record]:
    """The whole messages in bytes whose place in the stream is long past. Late TLS records are left out: their numbers
    are past as well."""
    if conversation.tls is None:
        for found in Scanner(conversation.decoder.reads).feed(chunk.data):
            if isinstance(found, RawFrame):
                record = _record(conversation, chunk, found)
                conversation.gap, record.gap, record.is_late = record.gap, False, True
                yield record


def _begins_session(data: bytes) -> bool:
    """Whether data with which a segment begins can only be the first of a connection: a ClientHello, or a V2GTP message
    with a supportedAppProtocolReq."""
    if data[:2] == b"\x16\x03":
        return data[5:6] == b"\x01"
    payload = data[HEADER.size :]
    return data[:4] == VERSION + PayloadType.EXI.to_bytes(2) and payload[:1] == b"\x80" and payload[1:2] < b"\x40"


def _record(conversation: Conversation, chunk: Chunk, found: RawFrame | Fault) -> Record:
    source, destination = str(chunk.source), str(chunk.destination)
    record = Record(chunk.packet, chunk.time, source, destination, None, "v2gtp", connection=conversation.number)
    record.gap, conversation.gap = conversation.gap, False
    if isinstance(found, Fault):
        record.find(found.rule, found.text)
        conversation.gap = found.rule == "no header"
    else:
        conversation.is_v2g = True
        conversation.decoder.decode(record, found)
    return record


def _alarm(conversation: Conversation, alarm: "Alarm") -> Record:
    source, destination = str(alarm.source), str(alarm.destination)
    record = Record(alarm.packet, alarm.time, source, destination, None, "tls", connection=conversation.number)
    record.find("tls", alarm.text)
    return record
