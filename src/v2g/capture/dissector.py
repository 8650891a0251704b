"""From packets to messages: puts streams together, decrypts, finds frames, and decodes by the protocol agreed upon."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from v2g.capture.file import Packet, Secrets
from v2g.capture.keylog import KeyLog
from v2g.capture.packet import Datagram, Endpoint, Management, Segment, dissect
from v2g.capture.payload import PayloadDecoder
from v2g.capture.record import Record
from v2g.capture.scanner import Fault, RawFrame, Scanner
from v2g.capture.tcp import Chunk, Connection
from v2g.v2gtp import sdp
from v2g.v2gtp.framing import VERSION, PayloadType

if TYPE_CHECKING:
    from v2g.capture.tls import Alarm, TlsReader

DUPLICATE_S = 0.002
"""The same datagram or management frame within this time was captured twice (several interfaces, VLANs)."""


class Conversation:
    """One TCP connection and what is said on it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stream = Connection()
        self.scanners: dict[Endpoint, Scanner] = {}
        self.latest: dict[Endpoint, Chunk] = {}
        self.tls: TlsReader | None = None
        self.begun = False
        self.decoder = PayloadDecoder()


class Dissector:
    """Takes the packets of a capture in their order and gives the messages."""

    def __init__(self, key_log: bytes = b"") -> None:
        """`key_log`: lines of an SSLKEYLOGFILE; those that the capture itself holds are used as well."""
        self._secrets = KeyLog()
        self._secrets.add(key_log)
        self._conversations: dict[frozenset[Endpoint], Conversation] = {}
        self._number = 0
        self._latest: dict[bytes, float] = {}
        self.packets = 0

    def feed(self, item: Packet | Secrets) -> Iterator[Record]:
        """The messages that are complete with this packet."""
        if isinstance(item, Secrets):
            yield from self._learn(item.lines)
            return
        self.packets = item.number
        match dissect(item):
            case Segment() as segment:
                yield from self._segment(segment)
            case Datagram() as datagram:
                yield from self._datagram(datagram)
            case Management() as management:
                if not self._is_duplicate(management.frame, management.time):
                    yield from _management(management)

    def flush(self) -> Iterator[Record]:
        """What is left at the end of the capture."""
        for conversation in self._conversations.values():
            yield from self._close(conversation)
        self._conversations.clear()

    def _learn(self, lines: bytes) -> Iterator[Record]:
        if self._secrets.add(lines):
            for conversation in self._conversations.values():
                if conversation.tls is not None:
                    yield from self._plain(conversation, conversation.tls.retry())

    def _is_duplicate(self, data: bytes, time: float) -> bool:
        before = self._latest.get(data)
        self._latest = {each: when for each, when in self._latest.items() if time - when <= DUPLICATE_S}
        self._latest[data] = time
        return before is not None and time - before <= DUPLICATE_S

    def _datagram(self, datagram: Datagram) -> Iterator[Record]:
        data = datagram.data
        if data[:2] == VERSION and sdp.PORT in (datagram.source.port, datagram.destination.port):
            if not self._is_duplicate(data, datagram.time):
                yield _discovery(datagram)
        elif data[:7] in (b"CLIENT_", b"SERVER_", b"EXPORTE"):
            yield from self._learn(data)

    def _segment(self, segment: Segment) -> Iterator[Record]:
        key = frozenset((segment.source, segment.destination))
        conversation = self._conversations.get(key)
        if conversation is not None and conversation.stream.is_reopened_by(segment):
            yield from self._close(conversation)
            conversation = None
        if conversation is None:
            self._number += 1
            conversation = self._conversations[key] = Conversation(self._number)
        for chunk in conversation.stream.feed(segment):
            yield from self._chunk(conversation, chunk)

    def _chunk(self, conversation: Conversation, chunk: Chunk) -> Iterator[Record]:
        if not conversation.begun:
            conversation.begun = True
            if chunk.data[:1] < b"\x20":
                from v2g.capture.tls import TlsReader, is_tls  # needs cryptography, which plain captures do without

                if is_tls(chunk.data):
                    conversation.tls = TlsReader(self._secrets)
        if conversation.tls is None:
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
        scanner = conversation.scanners.setdefault(chunk.source, Scanner())
        conversation.latest[chunk.source] = chunk
        for found in scanner.feed(chunk.data, chunk.missing):
            yield self._record(conversation, chunk, found)

    def _record(self, conversation: Conversation, chunk: Chunk, found: RawFrame | Fault) -> Record:
        source, destination = str(chunk.source), str(chunk.destination)
        record = Record(chunk.packet, chunk.time, source, destination, None, "v2gtp", connection=conversation.number)
        if isinstance(found, Fault):
            record.find(found.rule, found.text)
        else:
            record.payload_type = found.payload_type
            conversation.decoder.decode(record, found.payload)
        return record

    def _close(self, conversation: Conversation) -> Iterator[Record]:
        for chunk in conversation.stream.flush():
            yield from self._chunk(conversation, chunk)
        if conversation.tls is not None and (alarm := conversation.tls.flush()) is not None:
            yield _alarm(conversation, alarm)
        for source, scanner in conversation.scanners.items():
            for fault in scanner.flush():
                yield self._record(conversation, conversation.latest[source], fault)


def _alarm(conversation: Conversation, alarm: "Alarm") -> Record:
    source, destination = str(alarm.source), str(alarm.destination)
    record = Record(alarm.packet, alarm.time, source, destination, None, "tls", connection=conversation.number)
    record.find("tls", alarm.text)
    return record


def _discovery(datagram: Datagram) -> Record:
    payload_type = int.from_bytes(datagram.data[2:4])
    source, destination = str(datagram.source), str(datagram.destination)
    record = Record(datagram.packet, datagram.time, source, destination, payload_type, "sdp")
    try:
        if payload_type == PayloadType.SDP_REQUEST:
            request = sdp.SdpRequest.unpack(datagram.data)
            record.message, content = "SECCDiscoveryReq", {}
            security, transport = request
        elif payload_type == PayloadType.SDP_RESPONSE:
            address, port, security, transport = sdp.SdpResponse.unpack(datagram.data)
            record.message, content = "SECCDiscoveryRes", {"SECCIPAddress": str(address), "SECCPort": port}
        else:
            record.find("payload type", f"payload type 0x{payload_type:04X} is not known in discovery")
            return record
    except sdp.SdpError as error:
        record.find("sdp", str(error))
        return record
    content |= {"Security": security.name, "TransportProtocol": transport.name}
    record.document = {record.message: content}
    return record


def _management(management: Management) -> Iterator[Record]:
    from v2g.slac.mme import Frame, MmeError

    source, destination = (management.frame[place : place + 6].hex(":") for place in (6, 0))
    record = Record(management.packet, management.time, source, destination, None, "slac")
    try:
        frame = Frame.unpack(management.frame)
    except MmeError as error:
        record.find("mme", str(error))
    else:
        if frame.message is None:
            record.message = f"MME 0x{frame.mmtype:04X}"
            record.document = {record.message: {"octets": frame.trailer.hex().upper()}}
        else:
            record.message = frame.message.name
            record.document = {
                record.message: {name: _plain_value(frame.message, name) for name, _, _ in frame.message.LAYOUT}
            }
    yield record


def _plain_value(message: Any, name: str) -> Any:
    value = getattr(message, name)
    if not isinstance(value, bytes):
        return value
    return list(value) if name == "attenuations_db" else value.hex().upper()
