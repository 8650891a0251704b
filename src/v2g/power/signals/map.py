"""The signal map of a device on a CAN bus: quantities with frame, bits and scale, read from a YAML file.

    heartbeat_s: 0.1            # repeat the set-point at least this often
    period_s: 0.05              # the device sends each of its frames at least this often, 0.05 s at most
    quantities:
      control:     {frame: 0x201, start: 0, length: 8, values: {0: "off", 1: voltage, 3: power}, echo: 0x281}
      power_set_w: {frame: 0x201, start: 8, length: 24, signed: true, echo: 0x281}
      power_w:     {frame: 0x301, start: 0, length: 24, signed: true, scale: -1}   # counts discharge positive

`start` is the least significant bit, counted from bit 0 of byte 0; with `byte_order: big` it is the most significant
one. Both are as in a DBC file. Scale, codes, flags and limits are those of `v2g.power.quantity.Coded`.
"""

import struct
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from v2g.kernel import regular_file
from v2g.power.quantity import Coded, MapError, Needed, Value, read_map, require
from v2g.power.signals.port import FrameId

FRAME_BITS = 64
LARGEST_PERIOD_S = 0.05
"""Twice that without a frame, and the device is lost."""
_LARGEST_STANDARD = 0x7FF
_LARGEST_F32: float = struct.unpack(">f", bytes.fromhex("7f7fffff"))[0]

Id = Annotated[int, msgspec.Meta(ge=0, le=0x1FFFFFFF)]


class Signal(Coded, frozen=True, forbid_unknown_fields=True):
    """One quantity of a device."""

    frame: Id
    start: Annotated[int, msgspec.Meta(ge=0, lt=FRAME_BITS)]
    length: Annotated[int, msgspec.Meta(ge=1, le=32)]
    signed: bool = False
    float32: bool = False
    """The bits are an IEEE 754 number; `length` is 32."""
    byte_order: Literal["little", "big"] = "little"
    echo: Id | None = None
    """The frame in which the device reports what it holds of this command, in the same bits."""
    extended: bool | None = None
    """The frames have identifiers of 29 bits; if left out, those beyond 0x7FF."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.extended is False and max(self.frame, self.echo or 0) > _LARGEST_STANDARD:
            raise ValueError("an identifier beyond 0x7FF is an extended one")
        if self.float32 and self.length != 32:
            raise ValueError("float32 needs the length 32")
        if (self.values or self.bits) and (self.signed or self.float32):
            raise ValueError("values and bits are neither signed nor float32")
        if self.places[-1] >= FRAME_BITS:
            raise ValueError("it reaches beyond the 64 bits of a frame")

    @property
    def places(self) -> list[int]:
        """The bits of the frame, counted from bit 0 of byte 0, the least significant one of the signal first.

        In big byte order the bits that follow a byte's last are those of the next byte, from the top.
        """
        if self.byte_order == "little":
            return list(range(self.start, self.start + self.length))
        place, places = self.start, []
        for _ in range(self.length):
            places.append(place)
            place = place - 1 if place % 8 else place + 15
        return places[::-1] if max(places) < FRAME_BITS else [FRAME_BITS]

    @property
    def command_id(self) -> FrameId:
        """The frame in which it is sent: by the device, or to it."""
        return self._id(self.frame)

    @property
    def reading_id(self) -> FrameId:
        """The frame in which the device sends it."""
        return self._id(self.frame if self.echo is None else self.echo)

    def _id(self, number: int) -> FrameId:
        return FrameId(number, number > _LARGEST_STANDARD if self.extended is None else self.extended)

    def decode(self, data: bytes) -> Value:
        """The value in a frame. Raises `ValueError` for a frame that is too short, or a value that cannot be."""
        if max(self.places) >= 8 * len(data):
            raise ValueError(f"its frame has only {len(data)} bytes")
        bits = int.from_bytes(data, "little")
        raw = sum((bits >> place & 1) << order for order, place in enumerate(self.places))
        if self.float32:
            return self.value_of(struct.unpack(">f", raw.to_bytes(4, "big"))[0])
        return self.value_of(raw - (1 << self.length) if self.signed and raw >> self.length - 1 else raw)

    def encode(self, value: Value, data: bytes) -> bytes:
        """`data` with the signal in it; a number beyond its range is clipped, never wrapped.

        Raises `ValueError` for NaN, and for a name that the quantity does not know.
        """
        if self.float32:
            number = self.raw_of(value, -_LARGEST_F32, _LARGEST_F32)
            raw = int.from_bytes(struct.pack(">f", number), "big")
        else:
            half = 1 << self.length - 1
            low, high = (-half, half - 1) if self.signed else (0, 2 * half - 1)
            raw = round(self.raw_of(value, low, high)) % (2 * half)
        bits = int.from_bytes(data, "little")
        for order, place in enumerate(self.places):
            bits = bits & ~(1 << place) | (raw >> order & 1) << place
        return bits.to_bytes(len(data), "little")


class SignalMap(msgspec.Struct, frozen=True):
    """The quantities of one device by name, and how to talk to it."""

    source: str
    """The file, for error messages."""
    quantities: dict[str, Signal]
    heartbeat_s: float = 0.1
    """A set-point is repeated at least this often; below the device's watchdog time."""
    write_interval_s: float = 0.0
    """Changed set-points are not written more often than this; switching off is never held back."""
    period_s: float = 0.05
    """The device sends each of its frames at least this often."""

    def require(self, needed: Needed, optional: Collection[str] = ()) -> None:
        """Raises `MapError` unless the map has all these quantities, each of its kind, and none is misspelt."""
        require(self.source, self.quantities, needed, optional)


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantities: dict[str, dict[str, object]]
    heartbeat_s: Annotated[float, msgspec.Meta(ge=0.02)] = 0.1
    write_interval_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    period_s: Annotated[float, msgspec.Meta(gt=0, le=LARGEST_PERIOD_S)] = 0.05


def load(path: Path) -> SignalMap:
    """Reads a signal map. Raises `MapError` with all findings."""
    try:
        text = regular_file.read_text(path)
    except OSError as error:
        raise MapError(f"{path}: {error.strerror}; name a readable signal map") from error
    return parse(text, str(path))


@cache
def shipped(name: str) -> SignalMap:
    """The map of that name which comes with the package: `inverter`, `contactor`, `meter`. Raises `MapError`."""
    file = files(__package__) / f"{name}.yaml"
    if not file.is_file():
        raise MapError(f"there is no signal map of a {name} in the package; name your own under `registers`")
    return parse(file.read_text(), f"{name}.yaml")


def parse(text: str, source: str) -> SignalMap:
    """A signal map from YAML. Raises `MapError` with all findings."""
    header, quantities = read_map(text, source, _Header, Signal)
    if findings := list(_overlaps(quantities)):
        raise MapError("\n".join(f"{source}: quantities.{finding}" for finding in findings))
    return SignalMap(source, quantities, header.heartbeat_s, header.write_interval_s, header.period_s)


def _overlaps(quantities: Mapping[str, Signal]) -> Iterator[str]:
    """Quantities in the same bits. A frame may hold several on purpose: each but one then says so."""
    owners: dict[tuple[FrameId, int], str] = {}
    for name, signal in sorted(quantities.items(), key=lambda item: item[1].shared):
        for frame in {signal.command_id, signal.reading_id}:
            taken = {owners.setdefault((frame, place), name) for place in signal.places} - {name}
            if taken and not signal.shared:
                remedy = "correct start or length, or say `shared: true` if that is meant"
                yield f"{name}: bits of frame {frame} are those of {', '.join(sorted(taken))} too; {remedy}"
                break
