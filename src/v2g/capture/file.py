"""Capture files: pcap (in microseconds or nanoseconds) and pcapng, in either byte order, read packet by packet."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from v2g.kernel.errors import V2GError

MAX_BLOCK = 16 * 1024 * 1024
"""No packet or block of a sound capture is larger; a larger length means a damaged file."""

_PCAP = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET, _SECRETS = 1, 2, 3, 6, 10
_TLS_KEY_LOG = 0x544C534B
_OPTION_RESOLUTION, _OPTION_OFFSET = 9, 14


class CaptureError(V2GError):
    """A file that is not a capture, is damaged or ends too early; the text names the place."""


class Packet(NamedTuple):
    """A captured packet: its number from 1 on, its time in seconds since 1970, and its bytes from the link layer on."""

    number: int
    time: float
    link_type: int
    data: bytes


class Secrets(NamedTuple):
    """Lines of an SSLKEYLOGFILE that the capture carries (Decryption Secrets Block)."""

    lines: bytes


def read(file: BinaryIO, name: str) -> Iterator[Packet | Secrets]:
    """The content of a capture, in order. Raises CaptureError, after everything that precedes the fault; `name` is the
    file's name in its text."""
    reader = _Reader(file, name)
    magic = reader.take(4, "the file header")
    if magic in _PCAP:
        yield from _read_pcap(reader, *_PCAP[magic])
    elif magic == _SECTION:
        yield from _read_pcapng(reader)
    else:
        raise CaptureError(f"{name} is no capture: it begins with {magic.hex(' ')}, not as pcap or pcapng do")


class _Reader:
    """Reads a file and keeps the position for error messages."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._place = 0

    def take(self, size: int, what: str) -> bytes:
        if not 0 <= size <= MAX_BLOCK:
            self.fail(f"{what} claims {size} bytes")
        data = self._file.read(size)
        if len(data) < size:
            self.fail(f"the file ends within {what}, {size - len(data)} bytes are missing")
        self._place += size
        return data

    def at_end(self, size: int) -> bytes | None:
        """The next `size` bytes, or None at the end of the file."""
        first = self._file.read(1)
        if not first:
            return None
        self._place += 1
        return first + self.take(size - 1, "a header")

    def fail(self, reason: str) -> None:
        raise CaptureError(f"{self._name}, byte {self._place}: {reason}")


def _read_pcap(reader: _Reader, order: str, resolution: float) -> Iterator[Packet]:
    *_, link_type = struct.unpack(order + "HHiIII", reader.take(20, "the file header"))
    header = struct.Struct(order + "IIII")
    number = 0
    while (head := reader.at_end(header.size)) is not None:
        seconds, fraction, size, _ = header.unpack(head)
        number += 1
        data = reader.take(size, f"packet {number}")
        yield Packet(number, seconds + fraction * resolution, link_type & 0xFFFF, data)


class _Interface(NamedTuple):
    link_type: int
    resolution: float
    offset_s: int
    snap_length: int


def _read_pcapng(reader: _Reader) -> Iterator[Packet | Secrets]:
    order = ""
    interfaces: list[_Interface] = []
    number = 0
    head: bytes | None = _SECTION + reader.take(4, "the section header")
    while head is not None:
        if head[:4] == _SECTION:
            mark = reader.take(4, "the section header")
            if mark not in _BYTE_ORDER:
                reader.fail(f"the byte-order mark is {mark.hex(' ')}")
            order = _BYTE_ORDER[mark]
            interfaces = []
            body = mark + _rest_of_block(reader, order, head[4:], taken=4)
            kind = 0
        else:
            (kind,) = struct.unpack(order + "I", head[:4])
            body = _rest_of_block(reader, order, head[4:])
        try:
            if kind == _INTERFACE:
                interfaces.append(_interface(order, body))
            elif kind in (_PACKET, _OLD_PACKET, _SIMPLE_PACKET):
                number += 1
                yield _packet(number, kind, order, body, interfaces)
            elif kind == _SECRETS:
                secrets_type, size = struct.unpack_from(order + "II", body)
                if secrets_type == _TLS_KEY_LOG:
                    yield Secrets(body[8 : 8 + size])
        except (struct.error, IndexError):
            reader.fail(f"a block of type {kind} before this place is damaged")
        head = reader.at_end(8)


def _rest_of_block(reader: _Reader, order: str, length: bytes, taken: int = 0) -> bytes:
    """The body of a block whose first eight bytes are read, and `taken` bytes of its body."""
    (size,) = struct.unpack(order + "I", length)
    if size < 12 + taken or size % 4:
        reader.fail(f"a block claims a length of {size}")
    body = reader.take(size - 8 - taken, "a block")
    if body[-4:] != length:
        reader.fail("a block's length differs at its end")
    return body[:-4]


def _interface(order: str, body: bytes) -> _Interface:
    link_type, _, snap_length = struct.unpack_from(order + "HHI", body)
    resolution, offset_s, place = 1e-6, 0, 8
    while place + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, place)
        value = body[place + 4 : place + 4 + size]
        if code == _OPTION_RESOLUTION:
            resolution = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
        elif code == _OPTION_OFFSET:
            (offset_s,) = struct.unpack(order + "q", value)
        place += 4 + size + -size % 4
    return _Interface(link_type, resolution, offset_s, snap_length)


def _packet(number: int, kind: int, order: str, body: bytes, interfaces: list[_Interface]) -> Packet:
    if kind == _SIMPLE_PACKET:
        interface = interfaces[0]
        (size,) = struct.unpack_from(order + "I", body)
        size = min(size, interface.snap_length or size)
        return Packet(number, 0.0, interface.link_type, body[4 : 4 + size])
    index, high, low, size = struct.unpack_from(order + ("IIII" if kind == _PACKET else "HxxIII"), body)
    interface = interfaces[index]
    if 20 + size > len(body):
        raise IndexError
    time = interface.offset_s + (high << 32 | low) * interface.resolution
    return Packet(number, time, interface.link_type, body[20 : 20 + size])
