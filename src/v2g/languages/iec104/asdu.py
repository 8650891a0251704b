"""What frames of IEC 60870-5-104 carry (ASDU), as far as a depot speaks it: IEC 60870-5-101, 7.

Two octets of cause, two of common address, three of object address. Commands come one in a frame.
"""

import struct
from enum import IntEnum

from msgspec import Struct

from v2g.kernel.errors import V2GError


class Kind(IntEnum):
    """Types of frames."""

    SINGLE_POINT = 1
    FLOAT = 13
    SINGLE_COMMAND = 45
    SET_POINT = 50
    INTERROGATION = 100


class Cause(IntEnum):
    """Why a frame is sent."""

    SPONTANEOUS = 3
    ACTIVATION = 6
    CONFIRMATION = 7
    TERMINATION = 10
    INTERROGATED = 20
    UNKNOWN_TYPE = 44
    UNKNOWN_CAUSE = 45
    UNKNOWN_STATION = 46
    UNKNOWN_OBJECT = 47


NEGATIVE, SELECT, INVALID = 0x40, 0x80, 0x80
STATION = 20
"""The qualifier of an interrogation of everything."""
_HEAD = struct.Struct("<BBBBH")
LONGEST = 30
"""Objects of one frame that the station sends."""


class AsduError(V2GError):
    """A frame that has no meaning."""


class Head(Struct, frozen=True):
    """What every frame begins with."""

    kind: int
    count: int
    cause: int
    """With its two flags, negative and test."""
    origin: int
    station: int


def head_of(asdu: bytes) -> Head:
    """Raises `AsduError`."""
    if len(asdu) < _HEAD.size:
        raise AsduError(f"{asdu.hex()} is too short")
    return Head(*_HEAD.unpack_from(asdu))


def answered(asdu: bytes, cause: Cause, *, negative: bool = False) -> bytes:
    """The same frame as an answer."""
    return asdu[:2] + bytes([cause | (NEGATIVE if negative else 0)]) + asdu[3:]


def command_of(asdu: bytes) -> tuple[int, float, bool]:
    """Of a command: the object, its value, and whether it is only selected. Raises `AsduError`."""
    kind, body = asdu[0], asdu[_HEAD.size :]
    at = int.from_bytes(body[:3], "little")
    if kind == Kind.SINGLE_COMMAND and len(body) == 4:
        return at, float(body[3] & 1), bool(body[3] & SELECT)
    if kind == Kind.SET_POINT and len(body) == 8:
        value, qualifier = struct.unpack_from("<fB", body, 3)
        return at, value, bool(qualifier & SELECT)
    raise AsduError(f"{asdu.hex()} is no command")


def shown(kind: Kind, values: list[tuple[int, float | bool | None]], cause: Cause, station: int) -> list[bytes]:
    """Objects and their values; None is invalid."""
    frames = []
    for begin in range(0, len(values), LONGEST):
        part = values[begin : begin + LONGEST]
        out = bytearray(_HEAD.pack(kind, len(part), cause, 0, station))
        for at, value in part:
            quality = INVALID if value is None else 0
            out += at.to_bytes(3, "little")
            if kind == Kind.FLOAT:
                out += struct.pack("<fB", value or 0.0, quality)
            else:
                out.append(int(bool(value)) | quality)
        frames.append(bytes(out))
    return frames
