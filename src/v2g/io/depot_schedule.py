"""A schedule of requests in a CSV file: a time and a power in each row, read again when the file changes.

    from,power_w
    2026-11-28T17:00:00+01:00,-50000
    2026-11-28T20:00:00+01:00,0
    2026-11-28T22:00:00+01:00,

The last row has no power: from then on the schedule asks for nothing. Times are Unix seconds too.
"""

import csv
from datetime import datetime
from itertools import pairwise
from math import isfinite
from pathlib import Path

from v2g.depot.request import LARGEST_W, ScheduleRequest, Step, is_time
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

BY = "schedule"
HEAD = ["from", "power_w"]
MOST_ROWS = 10_000


class ScheduleError(V2GError):
    """The file is no schedule; names the line."""


class ScheduleFile:
    """Looks at a file from time to time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None

    def news(self) -> ScheduleRequest | None:
        """The schedule, if it is another one than before. Raises `ScheduleError`, once for each state of the file."""
        try:
            stat = self._file.stat()
            seen = stat.st_mtime_ns, stat.st_size
            if seen == self._seen:
                return None
            self._seen = seen
            text = regular_file.read_text(self._file)
        except OSError as error:
            if self._seen == (0, 0):
                return None
            self._seen = 0, 0
            raise ScheduleError(f"{self._file}: {error.strerror}; the schedule before it holds") from error
        return read(text, str(self._file))


def read(text: str, source: str) -> ScheduleRequest:
    """A schedule from its text. Raises `ScheduleError`."""
    rows = [(number, row) for number, row in enumerate(csv.reader(text.splitlines()), 1) if any(map(str.strip, row))]
    if not rows or [each.strip() for each in rows[0][1]] != HEAD:
        raise ScheduleError(f"{source}:1: the first line is {','.join(HEAD)}")
    if not 3 <= len(rows) <= MOST_ROWS:
        raise ScheduleError(f"{source}: {len(rows) - 1} rows; write 2 to {MOST_ROWS - 1}")
    times, powers_w = [], list[float | None]()
    for number, row in rows[1:]:
        if len(row) != len(HEAD):
            raise ScheduleError(f"{source}:{number}: {len(row)} columns; write a time and a power")
        times.append(time_of(row[0].strip(), f"{source}:{number}"))
        powers_w.append(_power(row[1].strip(), f"{source}:{number}"))
    for (number, _), (before, after) in zip(rows[2:], pairwise(times), strict=True):
        if after <= before:
            raise ScheduleError(f"{source}:{number}: not later than the line before; sort the rows by time")
    if powers_w[-1] is not None or None in powers_w[:-1]:
        raise ScheduleError(f"{source}: the last row, and no other, has no power: it ends the schedule")
    steps = tuple(Step(at, power) for at, power in zip(times, powers_w, strict=True) if power is not None)
    return ScheduleRequest(by=BY, from_unix_s=times[0], until_unix_s=times[-1], steps=steps)


def time_of(text: str, place: str) -> float:
    """Unix seconds, written as such or with a time zone. Raises `ScheduleError`, which names the `place`."""
    try:
        unix_s = float(text)
    except ValueError:
        return _written(text, place)
    if not is_time(unix_s):
        raise ScheduleError(f"{place}: {text[:40]} is no time; write seconds since 1970, before the year 2100")
    return unix_s


def _written(text: str, place: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ScheduleError(f"{place}: {text[:40]!r} is no time; write 2026-11-28T17:00:00+01:00") from error
    if at.tzinfo is None:
        raise ScheduleError(f"{place}: {text} has no time zone; write {text}+01:00, or {text}Z")
    return at.timestamp()


def _power(text: str, place: str) -> float | None:
    if not text:
        return None
    try:
        power_w = float(text)
    except ValueError as error:
        raise ScheduleError(f"{place}: {text[:40]!r} is no power in W") from error
    if not isfinite(power_w) or abs(power_w) > LARGEST_W:
        raise ScheduleError(f"{place}: {text} W; at most {LARGEST_W:g}")
    return power_w
