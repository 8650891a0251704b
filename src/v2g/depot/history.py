"""What a site has done: each cycle of the last hour, a mean for each minute and quarter of an hour before.

Minutes and quarters are kept in the ledger; each charger's power of the last day is in memory only.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import NamedTuple

import numpy as np

from v2g.depot.dispatch import Dispatch
from v2g.depot.view import Charger
from v2g.kernel.durations import DAY_S, HOUR_S, MINUTE_S

QUARTER_S = 900
_MINUTES = DAY_S // MINUTE_S


class Record(NamedTuple):
    """Means over a time; None is what nobody knew in all of it."""

    span_s: int
    """0 for a single cycle."""
    at_s: float
    """Its beginning, Unix time."""
    delivered_w: float | None
    requested_w: float | None
    frequency_hz: float | None


def span_of(from_s: float, until_s: float) -> int:
    """How fine a picture of this time is: at most some 3 000 records."""
    lasts_s = until_s - from_s
    return 0 if lasts_s <= HOUR_S else MINUTE_S if lasts_s <= 2 * DAY_S else QUARTER_S


class _Mean:
    """Of what is known."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, value: float | None) -> None:
        if value is not None and isfinite(value):
            self._sum += value
            self._count += 1

    @property
    def value(self) -> float | None:
        return self._sum / self._count if self._count else None


class _Span:
    """The one that is under way."""

    def __init__(self, span_s: int) -> None:
        self.span_s, self._at_s = span_s, float("nan")
        self._means = (_Mean(), _Mean(), _Mean())

    def add(self, now: float, values: tuple[float | None, float | None, float | None]) -> Record | None:
        """The span before, if this is a new one."""
        at_s, done = now // self.span_s * self.span_s, None
        if at_s != self._at_s:
            if isfinite(self._at_s):
                done = Record(self.span_s, self._at_s, *(each.value for each in self._means))
            self._at_s, self._means = at_s, (_Mean(), _Mean(), _Mean())
        for mean, value in zip(self._means, values, strict=True):
            mean.add(value)
        return done


class History:
    """Of one site, from the start of the process."""

    def __init__(self) -> None:
        self._recent: deque[Record] = deque()
        self._spans = _Span(MINUTE_S), _Span(QUARTER_S)
        self._ids: tuple[str, ...] = ()
        self._places: dict[str, int] = {}
        self._curves = np.full((_MINUTES, 0), np.nan, dtype=np.float32)
        self._minute = -1
        self._sums, self._counts = np.zeros(0), np.zeros(0)

    def see(
        self, now: float, chargers: Mapping[str, Charger], dispatch: Dispatch, frequency_hz: float | None
    ) -> Iterator[Record]:
        """One cycle. Yields the minute and the quarter that it has ended, to be kept."""
        self._see_chargers(now, chargers)
        values = dispatch.delivered_w, dispatch.requested_w, frequency_hz
        self._recent.append(Record(0, now, *values))
        while self._recent[0].at_s < now - HOUR_S:
            self._recent.popleft()
        for span in self._spans:
            if (done := span.add(now, values)) is not None:
                yield done

    def recent(self, from_s: float, until_s: float) -> list[Record]:
        """The cycles of a time within the last hour."""
        return [each for each in self._recent if from_s <= each.at_s < until_s]

    def curve(self, charger: str, now: float) -> tuple[list[float], list[float | None]]:
        """Times and means of a charger's measured power, a minute each, of the last day; the last one is under way."""
        place = self._places.get(charger)
        if place is None:
            return [], []
        minutes = range(int(now // MINUTE_S) - _MINUTES + 1, self._minute)
        values = [float(self._curves[minute % _MINUTES, place]) for minute in minutes]
        count = self._counts[place]
        values.append(float(self._sums[place] / count) if count else float("nan"))
        times = [float(minute * MINUTE_S) for minute in (*minutes, self._minute)]
        known = [number for number, value in enumerate(values) if isfinite(value)]
        begin = known[0] if known else len(values)
        return times[begin:], [value if isfinite(value) else None for value in values[begin:]]

    def _see_chargers(self, now: float, chargers: Mapping[str, Charger]) -> None:
        if tuple(chargers) != self._ids:
            self._fit(tuple(chargers))
        minute = int(now // MINUTE_S)
        if minute != self._minute:
            if self._minute >= 0:
                with np.errstate(invalid="ignore"):
                    self._curves[self._minute % _MINUTES] = self._sums / self._counts
                for gap in range(max(self._minute + 1, minute - _MINUTES), minute):
                    self._curves[gap % _MINUTES] = np.nan
            self._minute = minute
            self._sums[:], self._counts[:] = 0.0, 0.0
        measured_w = np.array(
            [np.nan if each.measured_w is None else each.measured_w for each in chargers.values()], dtype=float
        )
        known = np.isfinite(measured_w)
        self._sums[known] += measured_w[known]
        self._counts[known] += 1

    def _fit(self, ids: tuple[str, ...]) -> None:
        """Other chargers than before: those that stay keep their curves."""
        curves = np.full((_MINUTES, len(ids)), np.nan, dtype=np.float32)
        sums, counts = np.zeros(len(ids)), np.zeros(len(ids))
        for place, id in enumerate(ids):
            if (before := self._places.get(id)) is not None:
                curves[:, place] = self._curves[:, before]
                sums[place], counts[place] = self._sums[before], self._counts[before]
        self._ids, self._places = ids, {id: place for place, id in enumerate(ids)}
        self._curves, self._sums, self._counts = curves, sums, counts
