"""What a VTN of OpenADR 3.0.1 or 3.1 answers, as far as a VEN needs it; its times and durations as seconds.

Its objects have more fields than these, which are left out. The names are the standard's.
"""

import re
from datetime import UTC, datetime
from math import inf, nan
from typing import TypeVar

import msgspec
from msgspec import Struct

from v2g.depot.request import is_time
from v2g.kernel.durations import DAY_S, HOUR_S, MINUTE_S
from v2g.kernel.errors import V2GError

T = TypeVar("T")
Value = float | int | bool | str | dict[str, object] | None
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_UNITS_S = (365 * DAY_S, 30 * DAY_S, 7 * DAY_S, DAY_S, HOUR_S, MINUTE_S, 1)
_FOR_EVER_S = 9_000 * 365 * DAY_S
"""`P9999Y` means for ever."""
_NOW = ("0000-", "0001-01-01")
"""A start that begins so means now."""


class OpenAdrError(V2GError):
    """An object of the VTN cannot be understood; says which and why."""


class Payload(Struct, frozen=True):
    """What something is (`valuesMap`), and its values."""

    type: str
    values: tuple[Value, ...] = ()


class Period(Struct, frozen=True):
    """When intervals begin, and how long they are."""

    start: str | None = None
    duration: str | None = None
    randomizeStart: str | None = None


class Interval(Struct, frozen=True):
    """What holds for a time."""

    id: int = 0
    intervalPeriod: Period | None = None
    payloads: tuple[Payload, ...] = ()


class Descriptor(Struct, frozen=True):
    """In which units payloads of a type are."""

    payloadType: str
    units: str | None = None
    currency: str | None = None


class ReportDescriptor(Struct, frozen=True):
    """A report that the VTN asks for."""

    payloadType: str
    units: str | None = None
    readingType: str | None = None


class Program(Struct, frozen=True):
    """What events belong to."""

    id: str
    programName: str
    payloadDescriptors: tuple[Descriptor, ...] | None = None


class Event(Struct, frozen=True):
    """What the VTN asks for."""

    id: str
    programID: str
    intervals: tuple[Interval, ...] = ()
    intervalPeriod: Period | None = None
    duration: str | None = None
    """Since 3.1: of the whole; if it is longer than its intervals, they are repeated."""
    priority: int | None = None
    """The lower, the more important; none at all is the least."""
    eventName: str | None = None
    createdDateTime: str | None = None
    payloadDescriptors: tuple[Descriptor, ...] | None = None
    reportDescriptors: tuple[ReportDescriptor, ...] | None = None


class Token(Struct, frozen=True):
    """An access token (RFC 6749)."""

    access_token: str
    expires_in: float | None = None


def read(document: bytes | msgspec.Raw, type: type[T], what: str) -> T:
    """An object from its JSON. Raises `OpenAdrError`, which names `what`."""
    try:
        return msgspec.json.decode(document, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise OpenAdrError(f"{what} of the VTN is not what OpenADR 3 has there: {error}") from error


def duration_s(text: str | None) -> float | None:
    """A duration of ISO 8601 in seconds; infinite if it is for ever; None without one. Raises `OpenAdrError`."""
    if text is None:
        return None
    found = _DURATION.fullmatch(text[:64])
    if found is None:
        raise OpenAdrError(f"{text[:64]!r} is no duration; one is PT15M")
    seconds = sum(float(each) * unit_s for each, unit_s in zip(found.groups(), _UNITS_S, strict=True) if each)
    return inf if seconds >= _FOR_EVER_S else seconds


def time_s(text: str, now: float) -> float:
    """A time of RFC 3339 in Unix seconds, of 1970 to 2100; `now` if it says so. Without a zone it is UTC. Raises
    `OpenAdrError`."""
    if text.startswith(_NOW):
        return now
    try:
        at = datetime.fromisoformat(text)
        found_s = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        found_s = nan
    if not is_time(found_s):
        raise OpenAdrError(f"{text[:40]!r} is no time; one is 2026-11-28T17:00:00Z")
    return found_s


def text_of(unix_s: float) -> str:
    """A time as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
