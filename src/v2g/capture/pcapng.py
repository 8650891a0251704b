"""Writes captures: frames of a charging connection as TCP over IPv6 over Ethernet, in a pcapng file with comments.

The layers below V2GTP are made up: a capture shows what was said and when, not how it was carried.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from v2g.capture.dissector import Dissector
from v2g.capture.file import Packet
from v2g.capture.packet import ACK, ETHERNET, FIN, SYN
from v2g.v2gtp.framing import HEADER, VERSION

PUSH = 0x08
STATION_PORT, FIRST_CAR_PORT = 15118, 49152
SEGMENT_BYTES = 1440
"""Of data in a TCP segment: what an Ethernet frame holds beside IPv6 and TCP."""
LONGEST_COMMENT = 60_000
"""Octets; the field's length has 16 bits."""
_COMMENT = 1
_IPV6, _TCP = 0x86DD, 6


class Said(NamedTuple):
    """A V2GTP frame of a connection, or, with `payload_type` None, a remark about it."""

    unix_s: float
    by_station: bool
    payload_type: int | None
    payload: bytes = b""
    remark: str = ""
    """Added to the comment of its packet."""


class Commented(NamedTuple):
    """A packet, the comment on it, and the sessions of the messages in it."""

    packet: Packet
    comment: str
    sessions: frozenset[str] = frozenset()


class Capture:
    """Makes the packets of one file, connection by connection."""

    def __init__(self) -> None:
        self._number = 0
        self._connections = 0
        self._dissector = Dissector()

    def connection(self, evse: int, said: Iterable[Said]) -> Iterator[Commented]:
        """The packets of one TCP connection with a car at this EVSE, from its SYN to its FIN."""
        port = FIRST_CAR_PORT + self._connections % (0x10000 - FIRST_CAR_PORT)
        self._connections += 1
        wire, unix_s = _Wire(evse, port), None
        for each in said:
            if unix_s is None:
                yield from (self._packet(each.unix_s, data, "") for data in wire.open())
            unix_s = each.unix_s
            if each.payload_type is None:
                yield self._packet(unix_s, wire.segment(each.by_station, ACK), each.remark)
                continue
            frame = HEADER.pack(VERSION, each.payload_type, len(each.payload)) + each.payload
            pieces = [frame[at : at + SEGMENT_BYTES] for at in range(0, len(frame), SEGMENT_BYTES)]
            for piece in pieces[:-1]:
                yield self._packet(unix_s, wire.segment(each.by_station, ACK, piece), "")
            yield self._packet(unix_s, wire.segment(each.by_station, ACK | PUSH, pieces[-1]), each.remark)
        if unix_s is not None:
            yield from (self._packet(unix_s, data, "") for data in wire.close())

    def _packet(self, unix_s: float, data: bytes, remark: str) -> Commented:
        import msgspec

        self._number += 1
        packet, lines, sessions = Packet(self._number, unix_s, ETHERNET, data), [], set[str]()
        for record in self._dissector.feed(packet):
            if record.document is not None:
                lines.append(f"{record.protocol} {msgspec.json.encode(record.document).decode()}")
                sessions.add(str(record.header.get("SessionID", "")).upper())
            lines += [f"! {finding.text}" for finding in record.findings]
        return Commented(packet, "\n".join(lines + ([remark] if remark else [])), frozenset(sessions))


def pcapng(packets: Iterable[Commented]) -> Iterator[bytes]:
    """The blocks of a pcapng file, times in microseconds."""
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    yield _block(1, struct.pack("<HHI", ETHERNET, 0, 0))
    for (_, unix_s, _, data), comment, _ in packets:
        moment = round(unix_s * 1e6)
        body = struct.pack("<IIIII", 0, moment >> 32, moment & 0xFFFF_FFFF, len(data), len(data)) + _padded(data)
        text = comment.encode()
        if len(text) > LONGEST_COMMENT:
            text = text[:LONGEST_COMMENT].decode(errors="ignore").encode() + b" ..."
        if text:
            body += struct.pack("<HH", _COMMENT, len(text)) + _padded(text) + bytes(4)
        yield _block(6, body)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


class _Wire:
    """Both ends of a TCP connection that never loses anything."""

    def __init__(self, evse: int, port: int) -> None:
        self._ports = {False: port, True: STATION_PORT}
        number = evse.to_bytes(2)
        # Locally administered MACs and link-local addresses: they name the EVSE, and nobody's hardware.
        self._macs = {False: b"\x02\0\0\x02" + number, True: b"\x02\0\0\x01" + number}
        prefix = b"\xfe\x80" + bytes(10)
        self._addresses = {False: prefix + b"\0\x02" + number, True: prefix + b"\0\x01" + number}
        self._next = {False: 0, True: 0}

    def open(self) -> list[bytes]:
        return [self.segment(False, SYN), self.segment(True, SYN | ACK), self.segment(False, ACK)]

    def close(self) -> list[bytes]:
        return [self.segment(False, FIN | ACK), self.segment(True, FIN | ACK), self.segment(False, ACK)]

    def segment(self, by_station: bool, flags: int, data: bytes = b"") -> bytes:
        """The Ethernet frame of the next segment of this side."""
        ports = self._ports[by_station], self._ports[not by_station]
        acknowledged = self._next[not by_station] if flags & ACK else 0
        tcp = struct.pack(">HHIIBBHHH", *ports, self._next[by_station], acknowledged, 0x50, flags, 0xFFFF, 0, 0) + data
        self._next[by_station] = (self._next[by_station] + len(data) + bool(flags & (SYN | FIN))) & 0xFFFF_FFFF
        addresses = self._addresses[by_station] + self._addresses[not by_station]
        checksum = _checksum(addresses + struct.pack(">II", len(tcp), _TCP) + tcp)
        tcp = tcp[:16] + struct.pack(">H", checksum) + tcp[18:]
        ethernet = self._macs[not by_station] + self._macs[by_station] + struct.pack(">H", _IPV6)
        return ethernet + struct.pack(">IHBB", 6 << 28, len(tcp), _TCP, 255) + addresses + tcp


def _checksum(data: bytes) -> int:
    """Of TCP (RFC 9293, 3.1): the complement of the sum of all 16-bit words, carries added."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
