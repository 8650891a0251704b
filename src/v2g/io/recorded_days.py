"""Sessions and prices for days in virtual time, from CSV files.

    arrival,departure,energy_kwh
    2026-11-02 07:58,2026-11-02 16:31,12.4

Columns are found by their names, in any order; what else there is, is left out. The names of ACN-Data and of ElaadNL's
open data are understood too, as are semicolons. A time counts as the clock at the site shows it; with a column
`timezone` (`America/Los_Angeles`) it is converted to that zone first.

    from,eur_per_mwh
    2026-11-02T00:00,81.20

is the form of prices; `buy_per_kwh` in its place is the price of a kWh, and the names of Ember's European prices are
understood too. A price holds until the next one.
"""

import csv
import email.utils
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from v2g.depot.simulate.day import QUARTERS, Session
from v2g.kernel import regular_file
from v2g.kernel.durations import YEARS
from v2g.kernel.errors import V2GError

ARRIVAL = ("arrival", "connectionTime", "UTCTransactionStart")
DEPARTURE = ("departure", "disconnectTime", "UTCTransactionStop")
ENERGY = ("energy_kwh", "kWhDelivered", "TotalEnergy")
FROM = ("from", "Datetime (Local)")
PRICE = ("eur_per_mwh", "Price (EUR/MWhe)", "buy_per_kwh")
ZONE = "timezone"
LARGEST_KWH, LARGEST_EUR_PER_MWH = 1_000.0, 100_000.0
LONGEST_DAYS = 31
GAP = timedelta(hours=2)
"""Between two prices. Where the clocks are set forward, an hour has none."""
_READ: tuple[Callable[[str], datetime], ...] = (
    datetime.fromisoformat,
    lambda text: datetime.strptime(text, "%d/%m/%Y %H:%M"),
    lambda text: datetime.strptime(text, "%d/%m/%Y %H:%M:%S"),
    email.utils.parsedate_to_datetime,
)


class RecordError(V2GError):
    """A file cannot be taken; names the line and the remedy."""


class Sessions(NamedTuple):
    """Those of a file, and how many rows are none, because nothing was charged or nobody stayed."""

    sessions: tuple[Session, ...]
    left_out: int
    first_left_out: int
    """Its line; 0 if there is none."""


def sessions(file: Path) -> Sessions:
    """Raises `RecordError`."""
    found, left_out = list[Session](), list[int]()
    for number, row in _rows(file, (ARRIVAL, DEPARTURE, ENERGY)):
        place = f"{file}:{number}"
        arrival, departure, energy = (_of(row, names) for names in (ARRIVAL, DEPARTURE, ENERGY))
        if not departure or not energy:  # still there when the file was written
            left_out.append(number)
            continue
        begins, ends = (_zoned(_time(text, place), row, place) for text in (arrival, departure))
        kwh = _number(energy, place, LARGEST_KWH, "kWh")
        stay = ends - begins
        if stay > timedelta(days=LONGEST_DAYS):
            raise RecordError(f"{place}: {stay.days} days from arrival to departure; at most {LONGEST_DAYS}")
        if kwh <= 0.0 or stay <= timedelta():
            left_out.append(number)
            continue
        midnight = begins.replace(hour=0, minute=0, second=0, microsecond=0)
        found.append(Session((begins - midnight).total_seconds(), stay.total_seconds(), kwh * 1e3))
    if not found:
        raise RecordError(f"{file}: no session; a row has {ARRIVAL[0]}, {DEPARTURE[0]} and {ENERGY[0]}")
    return Sessions(tuple(found), len(left_out), left_out[0] if left_out else 0)


def prices(file: Path, days: int, first: date | None) -> tuple[float, ...]:
    """Of each quarter of an hour of `days` days in EUR/MWh, from `first` on: the first whole day, if left out. Raises
    `RecordError`."""
    rows = [
        (_time(_of(row, FROM), f"{file}:{number}").replace(tzinfo=None), number, _price(row, f"{file}:{number}"))
        for number, row in _rows(file, (FROM, PRICE))
        if _of(row, FROM)  # Ember's have an empty one here and there
    ]
    if not rows:
        raise RecordError(f"{file}: no prices; a row has {FROM[0]} and {PRICE[0]}")
    rows.sort(key=lambda each: each[:2])  # of the hour that happens twice, the later one holds
    if first is None:
        begins = rows[0][0]
        first = begins.date() if begins.time() == datetime.min.time() else begins.date() + timedelta(days=1)
    midnight = datetime.combine(first, datetime.min.time())
    ends = midnight + timedelta(days=days)
    last = rows[-1][0] + (rows[-1][0] - rows[-2][0] if len(rows) > 1 else timedelta(hours=1))
    if rows[0][0] > midnight or last < ends:
        raise RecordError(
            f"{file}: has prices from {rows[0][0]:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}, not of all "
            f"days from {first} to {first + timedelta(days=days - 1)}; choose another --first-day, or fewer --days"
        )
    quarters, at = list[float](), 0
    for quarter in range(QUARTERS * days):
        now = midnight + quarter * timedelta(minutes=15)
        while at + 1 < len(rows) and rows[at + 1][0] <= now:
            at += 1
        if now - rows[at][0] >= GAP:
            raise RecordError(f"{file}:{rows[at][1]}: no price for {GAP} after this one; write the missing ones")
        quarters.append(rows[at][2])
    return tuple(quarters)


def _rows(file: Path, needed: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line and fields of each row. Raises `RecordError` if one of the columns is missing."""
    try:
        lines = regular_file.read_text(file).removeprefix("\ufeff").splitlines()
    except OSError as error:
        raise RecordError(f"{file}: {error.strerror}") from error
    head = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if head is None:
        raise RecordError(f"{file}: is empty; the first line names the columns")
    semicolons = lines[head].count(";") > lines[head].count(",")
    reader = csv.reader(lines[head:], delimiter=";" if semicolons else ",")
    try:
        columns = [each.strip() for each in next(reader)]
        for names in needed:
            if not set(names) & set(columns):
                raise RecordError(
                    f"{file}:{head + 1}: no column {names[0]} (or {', '.join(names[1:])}); the first line names them"
                )
        for row in reader:
            if any(map(str.strip, row)):
                number = head + reader.line_num
                if len(row) != len(columns):
                    raise RecordError(f"{file}:{number}: {len(row)} fields; line {head + 1} names {len(columns)}")
                fields = (each.strip().replace(",", ".") if semicolons else each.strip() for each in row)
                yield number, dict(zip(columns, fields, strict=True))
    except csv.Error as error:
        raise RecordError(f"{file}:{head + reader.line_num}: {error}") from error


def _of(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next(row[name] for name in names if name in row)


def _time(text: str, place: str) -> datetime:
    """As it is written: ISO 8601, 02/11/2026 07:58 (the day first), or as in mails, Mon, 02 Nov 2026 07:58:00 GMT."""
    for read in _READ:
        with suppress(ValueError, OverflowError):
            if (at := read(text)).year in YEARS:
                return at
    raise RecordError(f"{place}: {text[:40]!r} is no time; write 2026-11-02 07:58")


def _zoned(at: datetime, row: Mapping[str, str], place: str) -> datetime:
    """On the clock at the site."""
    if zone := row.get(ZONE):
        try:
            at = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))
        except (ValueError, OSError, KeyError) as error:
            raise RecordError(f"{place}: {zone[:40]!r} is no time zone; write America/Los_Angeles") from error
    return at.replace(tzinfo=None)


def _price(row: Mapping[str, str], place: str) -> float:
    price = _number(_of(row, PRICE), place, LARGEST_EUR_PER_MWH, "as a price")
    return price if "buy_per_kwh" not in row else price * 1e3


def _number(text: str, place: str, largest: float, unit: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise RecordError(f"{place}: {text[:40]!r} is no number") from error
    if not isfinite(value) or abs(value) > largest:
        raise RecordError(f"{place}: {text[:40]} {unit}; at most {largest:g}")
    return value
