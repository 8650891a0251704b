"""The layers below a message: Ethernet with VLAN tags, IPv4 and IPv6 with extension headers, UDP and TCP."""

import struct
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from v2g.capture.file import Packet

LINK_TYPES = {0: "BSD loopback", 1: "Ethernet", 12: "IP", 14: "IP", 101: "IP", 108: "OpenBSD loopback"} | {
    113: "Linux cooked",
    228: "IPv4",
    229: "IPv6",
    276: "Linux cooked v2",
}
"""The link layers that are read, by their number in a capture file."""
ETHERNET, RAW_IP = 1, 101
_OTHER_LINK_TYPES = {
    9: "PPP",
    105: "IEEE 802.11",
    127: "IEEE 802.11 with radiotap",
    187: "Bluetooth HCI",
    189: "Linux USB",
    195: "IEEE 802.15.4",
    220: "Linux USB",
    227: "CAN",
    239: "Linux netfilter log",
    249: "USBPcap",
    252: "exported PDUs of Wireshark",
} | {147 + number: f"reserved for private use, USER{number}" for number in range(16)}

HOMEPLUG = 0x88E1
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
_TCP, _UDP = 6, 17
_FRAGMENT = 44
_EXTENSION_HEADERS = (0, 43, 60, 135, 139, 140)

SYN, FIN, RST, ACK = 0x02, 0x01, 0x04, 0x10


class Endpoint(NamedTuple):
    """An IP address in its packed form, and a port."""

    address: bytes
    port: int

    def __str__(self) -> str:
        return _text(self)


@lru_cache(maxsize=256)
def _text(endpoint: Endpoint) -> str:
    address, port = endpoint
    return f"{IPv4Address(address)}:{port}" if len(address) == 4 else f"[{IPv6Address(address)}]:{port}"


class Segment(NamedTuple):
    """A TCP segment. `missing` counts bytes that it had on the wire and that were not captured."""

    packet: int
    time: float
    source: Endpoint
    destination: Endpoint
    sequence: int
    acknowledged: int | None
    flags: int
    data: bytes
    missing: int


class Datagram(NamedTuple):
    """A UDP datagram."""

    packet: int
    time: float
    source: Endpoint
    destination: Endpoint
    data: bytes


class Management(NamedTuple):
    """A HomePlug management message: the octets after the EtherType. An address is empty if the link layer has none."""

    packet: int
    time: float
    source: bytes
    destination: bytes
    data: bytes

    @property
    def frame(self) -> bytes:
        """The message in an Ethernet frame without VLAN tags; unknown addresses are zeros."""
        addresses = self.destination.rjust(6, b"\0") + self.source.rjust(6, b"\0")
        return addresses + HOMEPLUG.to_bytes(2) + self.data


class Unread(NamedTuple):
    """A packet that might carry something and cannot be read."""

    reason: str


Content = Segment | Datagram | Management | Unread

_PORTS = struct.Struct(">HH")
_TCP_HEADER = struct.Struct(">HHIIBB")
_DAMAGED = Unread("their headers are damaged or cut short; look at the snap length of the capture")
_PIECE = Unread("pieces of fragmented IP packets, which no charging protocol sends")


def dissect(packet: Packet) -> Content | None:
    """What a packet carries; None for what the charging protocols do not use."""
    data = packet.data
    try:
        if packet.link_type == ETHERNET and data[12] == 0x86 and data[13] == 0xDD:
            return _ipv6(packet, 14)  # as nearly all are
        link = _link(packet.link_type, data)
        if link is None:
            return Unread(_unknown_link_type(packet.link_type))
        kind, place, source, destination = link
        if kind == HOMEPLUG:
            return Management(packet.number, packet.time, source, destination, data[place:])
        if kind == _IPV6:
            return _ipv6(packet, place)
        if kind == _IPV4:
            return _ipv4(packet, place)
    except (struct.error, IndexError):
        return _DAMAGED
    return None


def _unknown_link_type(number: int) -> str:
    name = f"{number} ({_OTHER_LINK_TYPES[number]})" if number in _OTHER_LINK_TYPES else f"{number}"
    remedy = "capture the Ethernet interface of the power-line modem, for example with `tcpdump -i eth1 -w FILE`"
    return f"their link type, {name}, is not known here; {remedy}"


class _Link(NamedTuple):
    """What the link layer says: the EtherType and place of its payload, and the MAC addresses it carries."""

    kind: int
    place: int
    source: bytes = b""
    destination: bytes = b""


def _link(link_type: int, data: bytes) -> _Link | None:
    """None for an unknown link type."""
    match link_type:
        case 1:
            return _past_tags(_Link(data[12] << 8 | data[13], 14, data[6:12], data[:6]), data)
        case 113:
            return _past_tags(_cooked(data[14] << 8 | data[15], 16, data[1], data[5], data[6:14]), data)
        case 276:
            return _past_tags(_cooked(data[0] << 8 | data[1], 20, data[10], data[11], data[12:20]), data)
        case 0 | 108:
            return _Link(_IPV4 if 2 in (data[0], data[3]) else _IPV6, 4)
        case _ if link_type in LINK_TYPES:
            return _Link(_IPV6 if data[0] >> 4 == 6 else _IPV4, 0)
        case _:
            return None


_BROADCAST = 1
"""The packet type of a broadcast in a Linux cooked header, which has no destination address."""


def _cooked(kind: int, place: int, packet_type: int, size: int, address: bytes) -> _Link:
    return _Link(kind, place, address[:6] if size == 6 else b"", b"\xff" * 6 if packet_type == _BROADCAST else b"")


def _past_tags(link: _Link, data: bytes) -> _Link:
    while link.kind in _VLAN_TAGS:
        place = link.place
        link = link._replace(kind=data[place + 2] << 8 | data[place + 3], place=place + 4)
    return link


def _ipv6(packet: Packet, place: int) -> Content | None:
    data = packet.data
    length, protocol = data[place + 4] << 8 | data[place + 5], data[place + 6]
    source, destination = data[place + 8 : place + 24], data[place + 24 : place + 40]
    end = place + 40 + length if length else len(data)  # a length of 0: segments that the network card cut later
    place += 40
    while protocol in _EXTENSION_HEADERS:
        protocol, place = data[place], place + 8 + 8 * data[place + 1]
    if protocol == _FRAGMENT:
        if (data[place + 2] << 8 | data[place + 3]) & 0xFFF9:
            return _PIECE
        protocol, place = data[place], place + 8
    return _transport(packet, protocol, source, destination, place, end)


def _ipv4(packet: Packet, place: int) -> Content | None:
    data = packet.data
    size, length = 4 * (data[place] & 0x0F), data[place + 2] << 8 | data[place + 3]
    if (data[place + 6] << 8 | data[place + 7]) & 0x3FFF:
        return _PIECE
    source, destination = data[place + 12 : place + 16], data[place + 16 : place + 20]
    end = place + length if length else len(data)
    return _transport(packet, data[place + 9], source, destination, place + size, end)


def _transport(
    packet: Packet, protocol: int, source: bytes, destination: bytes, place: int, end: int
) -> Content | None:
    number, time, _, data = packet
    if protocol == _TCP:
        from_port, to_port, sequence, acknowledged, offset, flags = _TCP_HEADER.unpack_from(data, place)
        if offset < 0x50:
            return _DAMAGED
        place += (offset >> 4) * 4
        return Segment(
            number,
            time,
            Endpoint(source, from_port),
            Endpoint(destination, to_port),
            sequence,
            acknowledged if flags & ACK else None,
            flags,
            data[place:end],
            max(0, end - max(place, len(data))),
        )
    if protocol == _UDP:
        from_port, to_port = _PORTS.unpack_from(data, place)
        return Datagram(
            number, time, Endpoint(source, from_port), Endpoint(destination, to_port), data[place + 8 : end]
        )
    return None
