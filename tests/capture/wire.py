"""Builds captures: frames of every layer, TCP conversations, pcap and pcapng files, sessions of the recorded traces."""

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

from v2g.v2gtp import sdp
from v2g.v2gtp.framing import pack

TRACES = Path(__file__).parents[1] / "traces"
CAR = bytes.fromhex("fe80000000000000027dfafffe075e4a")
STATION = bytes.fromhex("fe800000000000008dd4cefb813a7c37")
CAR_MAC, STATION_MAC = bytes.fromhex("007dfa075e4a"), bytes.fromhex("e604d172e8ca")
EPOCH = 1_700_000_000.0


class Captured(NamedTuple):
    """A frame and when it was seen."""

    time: float
    frame: bytes


class Message(NamedTuple):
    """A message of a recorded session."""

    from_car: bool
    payload_type: int
    exi: bytes
    time: float


def session(name: str) -> list[Message]:
    """A recorded session."""
    lines = (TRACES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [
        Message(
            record["direction"] == "request",
            record["payload_type"],
            bytes.fromhex(record["exi"]),
            EPOCH + record["t_s"],
        )
        for record in records
    ]


def ethernet(ethertype: int, content: bytes, *, from_car: bool = True, vlans: Sequence[int] = ()) -> bytes:
    addresses = (STATION_MAC + CAR_MAC) if from_car else (CAR_MAC + STATION_MAC)
    tags = b"".join(b"\x81\x00" + vlan.to_bytes(2) for vlan in vlans)
    return addresses + tags + ethertype.to_bytes(2) + content


def ipv6(protocol: int, content: bytes, *, from_car: bool = True, extensions: bytes = b"", first: int = 0) -> bytes:
    """`extensions`: extension headers, the first of them of the type `first`; the last one must name `protocol`."""
    addresses = (CAR + STATION) if from_car else (STATION + CAR)
    content = extensions + content
    return struct.pack(">IHBB", 6 << 28, len(content), first if extensions else protocol, 64) + addresses + content


def ipv4(protocol: int, content: bytes, *, fragment: int = 0) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), 0, fragment, 64, protocol, 0)
    return head + bytes((192, 168, 1, 10)) + bytes((192, 168, 1, 20)) + content


def udp(source: int, destination: int, content: bytes) -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(content), 0) + content


def tcp(source: int, destination: int, sequence: int, acknowledged: int, flags: int, content: bytes = b"") -> bytes:
    head = struct.pack(
        ">HHIIBBHHH", source, destination, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0
    )
    return head + content


@dataclass
class Flow:
    """A TCP connection: what both sides send becomes frames."""

    car_port: int = 49152
    station_port: int = 61341
    mss: int = 1440
    vlans: Sequence[int] = ()
    car_sequence: int = 0xFFFFFF00
    station_sequence: int = 1000
    frames: list[Captured] = field(default_factory=list)

    def open(self, time: float = EPOCH) -> None:
        self._send(time, True, 0x02)
        self._send(time, False, 0x12)
        self._send(time, True, 0x10)

    def say(self, time: float, from_car: bool, data: bytes) -> None:
        for place in range(0, len(data), self.mss):
            self._send(time, from_car, 0x18, data[place : place + self.mss])

    def close(self, time: float) -> None:
        self._send(time, True, 0x11)
        self._send(time, False, 0x11)
        self._send(time, True, 0x10)

    def send_raw(self, time: float, segment: bytes, *, from_car: bool = True) -> None:
        """A segment that is not of this flow's making."""
        packet = ipv6(6, segment, from_car=from_car)
        self.frames.append(Captured(time, ethernet(0x86DD, packet, from_car=from_car, vlans=self.vlans)))

    def _send(self, time: float, from_car: bool, flags: int, data: bytes = b"") -> None:
        ours, theirs = self.car_sequence, self.station_sequence
        if not from_car:
            ours, theirs = theirs, ours
        ports = (self.car_port, self.station_port) if from_car else (self.station_port, self.car_port)
        self.send_raw(time, tcp(*ports, ours, theirs if flags & 0x10 else 0, flags, data), from_car=from_car)
        size = len(data) + bool(flags & 0x03)
        if from_car:
            self.car_sequence += size
        else:
            self.station_sequence += size


def discovery(security: sdp.Security = sdp.Security.NONE, *, time: float = EPOCH) -> list[Captured]:
    """The car's search and the station's answer."""
    request = sdp.SdpRequest(security).pack()
    response = sdp.SdpResponse(IPv6Address(STATION), 61341, security).pack()
    return [
        Captured(time, ethernet(0x86DD, ipv6(17, udp(50000, 15118, request)))),
        Captured(time, ethernet(0x86DD, ipv6(17, udp(15118, 50000, response), from_car=False), from_car=False)),
    ]


def conversation(messages: Iterable[Message], *, mss: int = 1440, vlans: Sequence[int] = ()) -> list[Captured]:
    """A whole plain connection."""
    flow = Flow(mss=mss, vlans=vlans)
    flow.open()
    last = EPOCH
    for message in messages:
        flow.say(message.time, message.from_car, pack(message.payload_type, message.exi))
        last = message.time
    flow.close(last)
    return flow.frames


def pcap(frames: Iterable[Captured], *, order: str = "<", nanoseconds: bool = False, link_type: int = 1) -> bytes:
    unit = 1_000_000_000 if nanoseconds else 1_000_000
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    for time, frame in frames:
        seconds, fraction = divmod(round(time * unit), unit)
        data += struct.pack(order + "IIII", seconds, fraction, len(frame), len(frame)) + frame
    return data


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(
    frames: Iterable[Captured], *, order: str = "<", nanoseconds: bool = False, secrets: bytes = b"", link_type: int = 1
) -> bytes:
    section = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    options = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0) if nanoseconds else b""
    data = block(order, 0x0A0D0D0A, section) + block(order, 1, struct.pack(order + "HHI", link_type, 0, 0) + options)
    if secrets:
        data += block(order, 10, struct.pack(order + "II", 0x544C534B, len(secrets)) + secrets)
    for time, frame in frames:
        stamp = round(time * (1e9 if nanoseconds else 1e6))
        head = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
        data += block(order, 6, head + frame)
    return data
