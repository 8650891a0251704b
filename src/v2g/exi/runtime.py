"""What the generated functions call: integers, strings and binaries of variable length.

Reading: `n` is the stream as an integer and `r` the number of bits still to read; `first` is an octet already read.
Writing: `a` is the stream so far. Anything unexpected raises an exception of whatever kind; the caller then asks the
interpreter, which knows the reason or a way.
"""

from __future__ import annotations


def read_unsigned(n: int, r: int, first: int, high: int) -> tuple[int, int]:
    """The rest of an integer in 7-bit groups, least significant first, whose first octet says that more follow."""
    value = first & 127
    shift = 7
    r -= 8
    while (octet := n >> r & 255) > 127:
        value |= (octet & 127) << shift
        shift += 7
        r -= 8
        if shift > 280:
            raise ValueError
    value |= octet << shift
    if value > high:
        raise ValueError
    return value, r


def read_long(n: int, r: int, first: int, high: int) -> tuple[int, int]:
    """The same integer, unrolled for five groups: typical of timestamps."""
    if r >= 32 and (rest := n >> r - 32 & 0xFFFFFFFF) & 0x80808080 == 0x80808000:
        return (
            first & 127
            | (rest >> 24 & 127) << 7
            | (rest >> 16 & 127) << 14
            | (rest >> 8 & 127) << 21
            | (rest & 127) << 28
        ), r - 32
    return read_unsigned(n, r, first, high)


def read_signed(n: int, r: int, first: int, high: int) -> tuple[int, int]:
    """The rest of an integer from -high-1 on; the ninth bit of `first` is its sign."""
    value = first & 255
    if value > 127:
        value, r = read_unsigned(n, r, value, high)
    return (~value if first > 255 else value), r


def read_text(n: int, r: int, first: int, low: int, high: int) -> tuple[str, int]:
    """A string given literally: the number of characters and 2, then their code points."""
    if first > 127:
        first, r = read_unsigned(n, r, first, 1 << 32)
    length = first - 2
    if not low <= length <= high or 8 * length > r:
        raise ValueError
    octets = (n >> r - 8 * length & (1 << 8 * length) - 1).to_bytes(length, "big")
    if octets.isascii():
        return octets.decode("ascii"), r - 8 * length
    points = bytearray()
    for _ in range(length):
        r -= 8
        point = n >> r & 255
        if point > 127:
            point, r = read_unsigned(n, r, point, 0x10FFFF)
        points += point.to_bytes(4, "little")
    return points.decode("utf-32-le"), r


def read_octets(n: int, r: int, first: int, low: int, high: int) -> tuple[bytes, int]:
    """A binary."""
    if first > 127:
        first, r = read_unsigned(n, r, first, 1 << 32)
    if not low <= first <= high or 8 * first > r:
        raise ValueError
    r -= 8 * first
    return (n >> r & (1 << 8 * first) - 1).to_bytes(first, "big"), r


def write_unsigned(a: int, value: int, low: int, high: int) -> int:
    """An integer in 7-bit groups, least significant first."""
    if not low <= value <= high:
        raise ValueError
    width = 8
    octets = 0
    while value > 127:
        octets = octets | value & 127 | 128
        octets <<= 8
        width += 8
        value >>= 7
    return a << width | octets | value


def write_long(a: int, value: int, low: int, high: int) -> int:
    """The same integer, unrolled for five groups: typical of timestamps."""
    if 1 << 28 <= value < 1 << 35:
        octets = (value & 127) << 32 | (value >> 7 & 127) << 24 | (value >> 14 & 127) << 16 | (value >> 21 & 127) << 8
        return a << 40 | octets | 0x8080808000 | value >> 28
    return write_unsigned(a, value, low, high)


def write_signed(a: int, value: int, low: int, high: int) -> int:
    """The sign, and then the value or, below zero, its complement."""
    if not low <= value <= high:
        raise ValueError
    return write_unsigned(a << 1 | 1, ~value, 0, high) if value < 0 else write_unsigned(a << 1, value, 0, high)


def write_text(a: int, value: str, low: int, high: int) -> int:
    """A string, literally."""
    length = len(value)
    if not low <= length <= high:
        raise ValueError
    a = a << 8 | length + 2 if length < 126 else write_unsigned(a, length + 2, 0, high + 2)
    if value.isascii():
        return a << 8 * length | int.from_bytes(value.encode("ascii"), "big")
    points = value.encode("utf-32-le")
    for place in range(0, len(points), 4):
        a = write_unsigned(a, int.from_bytes(points[place : place + 4], "little"), 0, 0x10FFFF)
    return a


def write_octets(a: int, value: bytes, low: int, high: int) -> int:
    """A binary."""
    length = len(value)
    if value.__class__ is not bytes or not low <= length <= high:
        raise ValueError
    a = a << 8 | length if length < 128 else write_unsigned(a, length, 0, high)
    return a << 8 * length | int.from_bytes(value, "big")


def append(a: int, part: int) -> int:
    """Appends a part that was written separately, after a leading 1 bit."""
    length = part.bit_length() - 1
    return a << length | part ^ 1 << length
