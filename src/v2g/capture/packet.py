"""The layers below a message: Ethernet with VLAN tags, IPv4 and IPv6 with extension headers, UDP and TCP."""

import struct
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from v2g.capture.file import Packet

LINK_TYPES = {0: "BSD loopback", 1: "Ethernet", 12: "IP", 101: "IP", 113: "Linux cooked", 228: "IPv4", 229: "IPv6"} | {
    276: "Linux cooked v2"
}
"""The link layers that are understood, by their number in a capture file."""
ETHERNET = 1

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
    """A HomePlug management frame, without VLAN tags, from its destination address on."""

    packet: int
    time: float
    frame: bytes


Content = Segment | Datagram | Management

_PORTS = struct.Struct(">HH")
_TCP_HEADER = struct.Struct(">HHIIBB")


def dissect(packet: Packet) -> Content | None:
    """What a packet carries; None for what the charging protocols do not use, and for what is cut too short."""
    data = packet.data
    try:
        kind, place = _network_layer(packet.link_type, data)
        if kind == HOMEPLUG:
            addresses = data[:12] if packet.link_type == ETHERNET else bytes(12)
            return Management(packet.number, packet.time, addresses + data[place - 2 :])
        if kind == _IPV6:
            return _ipv6(packet, place)
        if kind == _IPV4:
            return _ipv4(packet, place)
    except (struct.error, IndexError):
        pass
    return None


def _network_layer(link_type: int, data: bytes) -> tuple[int, int]:
    """The EtherType of what follows the link layer, and where that begins."""
    match link_type:
        case 1:
            place = 14
        case 113:
            place = 16
        case 276:
            return int.from_bytes(data[:2]), 20
        case 0:
            return (_IPV4 if 2 in (data[0], data[3]) else _IPV6), 4
        case _ if link_type in LINK_TYPES:
            return (_IPV6 if data[0] >> 4 == 6 else _IPV4), 0
        case _:
            return 0, 0
    kind = data[place - 2] << 8 | data[place - 1]
    while kind in _VLAN_TAGS:
        kind = data[place + 2] << 8 | data[place + 3]
        place += 4
    return kind, place


def _ipv6(packet: Packet, place: int) -> Segment | Datagram | None:
    data = packet.data
    length, protocol = data[place + 4] << 8 | data[place + 5], data[place + 6]
    source, destination = data[place + 8 : place + 24], data[place + 24 : place + 40]
    end = place + 40 + length if length else len(data)  # a length of 0: segments that the network card cut later
    place += 40
    while protocol in _EXTENSION_HEADERS:
        protocol, place = data[place], place + 8 + 8 * data[place + 1]
    if protocol == _FRAGMENT:
        if (data[place + 2] << 8 | data[place + 3]) & 0xFFF9:
            return None  # a piece of a fragmented packet, which no charging protocol sends
        protocol, place = data[place], place + 8
    return _transport(packet, protocol, source, destination, place, end)


def _ipv4(packet: Packet, place: int) -> Segment | Datagram | None:
    data = packet.data
    size, length = 4 * (data[place] & 0x0F), data[place + 2] << 8 | data[place + 3]
    if (data[place + 6] << 8 | data[place + 7]) & 0x3FFF:
        return None
    source, destination = data[place + 12 : place + 16], data[place + 16 : place + 20]
    end = place + length if length else len(data)
    return _transport(packet, data[place + 9], source, destination, place + size, end)


def _transport(
    packet: Packet, protocol: int, source: bytes, destination: bytes, place: int, end: int
) -> Segment | Datagram | None:
    number, time, _, data = packet
    if protocol == _TCP:
        from_port, to_port, sequence, acknowledged, offset, flags = _TCP_HEADER.unpack_from(data, place)
        payload = data[place + (offset >> 4) * 4 : end]
        return Segment(
            number,
            time,
            Endpoint(source, from_port),
            Endpoint(destination, to_port),
            sequence,
            acknowledged if flags & ACK else None,
            flags,
            payload,
            max(0, end - len(data)),
        )
    if protocol == _UDP:
        from_port, to_port = _PORTS.unpack_from(data, place)
        return Datagram(
            number, time, Endpoint(source, from_port), Endpoint(destination, to_port), data[place + 8 : end]
        )
    return None
