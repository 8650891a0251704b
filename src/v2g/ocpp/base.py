"""What all message types share, and how they are written and read."""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, UnsetType

T = TypeVar("T")
D = TypeVar("D")


class CustomData(dict[str, Any]):
    """Data of a vendor, kept as they came. `vendorId` says whose they are."""


class Type(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a message."""


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """A request, a response, or a message that has no response."""


LONGEST_VENDOR_ID = 255


def custom_data(kind: type, value: Any) -> CustomData:
    """Check what is under `customData`. Raises `ValueError`, which the decoder turns into its own error."""
    if kind is not CustomData or not isinstance(value, dict):
        raise ValueError("customData must be an object")
    vendor = value.get("vendorId")
    if not isinstance(vendor, str) or len(vendor) > LONGEST_VENDOR_ID:
        raise ValueError(f"customData needs a vendorId of at most {LONGEST_VENDOR_ID} characters")
    return CustomData(value)


def decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    """Decodes and validates JSON as a value of a message type."""
    return msgspec.json.Decoder(kind, dec_hook=custom_data)


def convert(value: Any, kind: Any) -> Any:
    """A value of a message type from what JSON can hold. Raises `msgspec.ValidationError`."""
    return msgspec.convert(value, kind, dec_hook=custom_data)


_encoder = msgspec.json.Encoder()
_FINER = re.compile(rb'(T\d\d:\d\d:\d\d\.\d{3})\d{3}(?=(?:Z|[+-]\d\d:\d\d)")')


def encode(message: Any) -> bytes:
    """A message as JSON: what is absent is left out, and a time has at most three decimals (part 2, 3.1)."""
    return _FINER.sub(rb"\1", _encoder.encode(message))


def given(value: T | UnsetType, otherwise: D) -> T | D:
    """What a field says, or something else if it is absent."""
    return otherwise if isinstance(value, UnsetType) else value
