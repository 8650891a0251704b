"""What an event of OpenADR 3 asks of a depot, as requests that end by themselves.

OpenADR counts consumption positive, as a depot does: a negative DISPATCH_SETPOINT feeds the grid.

    DISPATCH_SETPOINT                             a schedule of powers
    IMPORT_CAPACITY_LIMIT, EXPORT_CAPACITY_LIMIT  a limit of what is drawn, and of what is fed
    SIMPLE                                        a limit of what is drawn, as a share of the depot's rating
    PRICE, EXPORT_PRICE                           prices of a kWh; without an EXPORT_PRICE nothing is paid for feeding
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, isfinite
from zlib import crc32

from msgspec import Struct

from v2g.depot.request import (
    LARGEST_W,
    AnyRequest,
    Limit,
    LimitRequest,
    Price,
    PriceRequest,
    ScheduleRequest,
    Step,
    is_time,
)
from v2g.kernel.durations import DAY_S
from v2g.languages.openadr.objects import Event, OpenAdrError, Payload, Program, duration_s, time_s

POWER, DRAWN, FED, SIMPLE = "DISPATCH_SETPOINT", "IMPORT_CAPACITY_LIMIT", "EXPORT_CAPACITY_LIMIT", "SIMPLE"
BUY, SELL = "PRICE", "EXPORT_PRICE"
UNDERSTOOD = (POWER, DRAWN, FED, SIMPLE, BUY, SELL)
SET_POINT, LIMIT, PRICES = ", set-point", ", limit", ", prices"
_POWER_W = {"W": 1.0, "KW": 1_000.0, "MW": 1_000_000.0}
_PER_KWH = {"KWH": 1.0, "MWH": 0.001}
_LARGEST_PRICE = 1_000.0
_LIMITS = (DRAWN, FED, SIMPLE)
"""Of several the lowest holds; two powers or prices at once contradict each other."""
MOST_SPANS = 2_000
LATEST_S = DAY_S
"""By which a start may be spread."""
AHEAD_S = 2.0 * DAY_S
"""Of an event that repeats its intervals, those that begin within this time are taken."""


class Place(Struct, frozen=True, kw_only=True):
    """Who is asked."""

    ven: str
    charge_w: float
    """Its rating: what a share of SIMPLE counts of."""
    simple: tuple[float, ...] = (1.0, 0.5, 0.25, 0.0)
    """By the level of SIMPLE, the share that may be drawn."""


class Span(Struct, frozen=True):
    """One interval of an event in Unix seconds, and what it holds."""

    id: int
    from_s: float
    until_s: float
    payloads: tuple[Payload, ...]


class Row(Struct, frozen=True):
    """A value of one kind, and when it holds."""

    from_s: float
    until_s: float
    value: float


def requests_of(event: Event, program: Program, place: Place, seen_s: float, now: float) -> list[AnyRequest]:
    """What an event asks for from `now` on. `seen_s`: when it was seen first. Raises `OpenAdrError`."""
    spans = [each for each in spans_of(event, place, seen_s, now) if each.until_s > now]
    by = f"OpenADR {program.programName[:40]}/{event.id[:40]}"
    units = {each.payloadType: each.units for each in (*(program.payloadDescriptors or ()),
                                                       *(event.payloadDescriptors or ()))}  # fmt: skip

    def rows(kind: str) -> list[Row]:
        found = [(span, each) for span in spans for each in span.payloads if each.type == kind]
        if kind not in _LIMITS and len({id(span) for span, _ in found}) < len(found):
            raise OpenAdrError(f"an interval has {kind} twice")
        return [Row(span.from_s, span.until_s, _value(each, units.get(kind), place)) for span, each in found]

    return [
        *_schedules(rows(POWER), by + SET_POINT),
        *_limits([*rows(DRAWN), *rows(SIMPLE)], rows(FED), by + LIMIT),
        *_prices(rows(BUY), rows(SELL), by + PRICES),
    ]


def strange(event: Event) -> list[str]:
    """Payload types that mean nothing here."""
    return sorted({each.type[:40] for one in event.intervals for each in one.payloads} - set(UNDERSTOOD))


def rank(event: Event) -> tuple[float, str]:
    """The lower, the more important."""
    return (inf if event.priority is None else float(event.priority)), event.id


def spans_of(event: Event, place: Place, seen_s: float, now: float) -> list[Span]:
    """Its intervals, one after the other. Raises `OpenAdrError`."""
    whole, late_s = event.intervalPeriod, 0.0
    if whole is not None:
        # By the names of both, so it is the same at each poll, and another one at each VEN.
        latest_s = duration_s(whole.randomizeStart) or 0.0
        if latest_s > LATEST_S:
            raise OpenAdrError(f"randomizeStart of {latest_s:g} s: at most {LATEST_S:g} s")
        late_s = latest_s * crc32(f"{place.ven} {event.id}".encode()) / 2**32
    at_s = None if whole is None or whole.start is None else time_s(whole.start, seen_s)
    found = list[Span]()
    for each in event.intervals:
        period = each.intervalPeriod
        if period is not None and period.start is not None:
            at_s = time_s(period.start, seen_s)
        if at_s is None:
            raise OpenAdrError(f"interval {each.id} has no start, nor has its event")
        own_s = None if period is None else duration_s(period.duration)
        lasts_s = own_s if own_s is not None else None if whole is None else duration_s(whole.duration)
        until_s = at_s + (lasts_s or inf)  # no duration, or PT0S: until something else comes
        if not is_time(until_s):
            until_s = inf
        found.append(Span(each.id, at_s + late_s, until_s + late_s, each.payloads))
        at_s = until_s
    if len(found) > MOST_SPANS:
        raise OpenAdrError(f"{len(found)} intervals; at most {MOST_SPANS}")
    found = _closed(sorted((each for each in found if is_time(each.from_s)), key=lambda each: each.from_s))
    return _repeated(found, duration_s(event.duration), now)


def _closed(spans: Sequence[Span]) -> list[Span]:
    """Each ends when the next one begins, at the latest; one that lasts for no time is none."""
    ends = [each.from_s for each in spans[1:]] + [inf] * bool(spans)
    return [
        Span(each.id, each.from_s, min(each.until_s, end), each.payloads)
        for each, end in zip(spans, ends, strict=True)
        if each.from_s < end
    ]


def _repeated(spans: list[Span], lasts_s: float | None, now: float) -> list[Span]:
    """The intervals over and over until the event's own duration is over; those that are not over, of the next days."""
    if not spans or lasts_s is None or not isfinite(spans[-1].until_s):
        return spans
    start_s, cycle_s = spans[0].from_s, spans[-1].until_s - spans[0].from_s
    end_s = start_s + lasts_s
    if lasts_s <= cycle_s or cycle_s <= 0.0:
        return spans
    first = max(0, int((now - start_s) // cycle_s))
    found, until_s = list[Span](), min(end_s, now + AHEAD_S)
    while (shift_s := first * cycle_s) + start_s < until_s and len(found) < MOST_SPANS:
        found += [
            Span(each.id, each.from_s + shift_s, min(each.until_s + shift_s, end_s), each.payloads)
            for each in spans
            if each.from_s + shift_s < end_s
        ]
        first += 1
    return found


def _value(payload: Payload, units: str | None, place: Place) -> float:
    """In W, or a price of a kWh. Raises `OpenAdrError`."""
    kind, value = payload.type, payload.values[0] if len(payload.values) == 1 else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise OpenAdrError(f"{kind} {list(payload.values)[:3]} is not one number")
    if kind == SIMPLE:
        if value not in range(len(place.simple)):
            raise OpenAdrError(f"SIMPLE {value:g}: must be a whole number from 0 to {len(place.simple) - 1}")
        return inf if value == 0 else place.simple[int(value)] * place.charge_w
    known = _PER_KWH if kind in (BUY, SELL) else _POWER_W
    if units not in known:
        raise OpenAdrError(f"{kind} in units {units}; one of {', '.join(known)} must be in payloadDescriptors")
    value *= known[units]
    if kind in (DRAWN, FED) and value < 0.0:
        raise OpenAdrError(f"{kind} {value:g} W: must not be negative")
    if abs(value) > (_LARGEST_PRICE if known is _PER_KWH else LARGEST_W):
        raise OpenAdrError(f"{kind} {value:g}: too large")
    return float(value)


def _runs(rows: list[Row]) -> Iterator[list[Row]]:
    """Rows that follow one another without a gap."""
    run = rows[:1]
    for before, row in pairwise(rows):
        if row.from_s > before.until_s:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _numbered(by: str, number: int) -> str:
    return by if number == 0 else f"{by} {number + 1}"


def _schedules(rows: list[Row], by: str) -> Iterator[AnyRequest]:
    for number, run in enumerate(_runs(rows)):
        yield ScheduleRequest(
            by=_numbered(by, number),
            from_unix_s=run[0].from_s,
            until_unix_s=run[-1].until_s,
            steps=tuple(Step(each.from_s, each.value) for each in run),
        )


def _limits(drawn: list[Row], fed: list[Row], by: str) -> Iterator[AnyRequest]:
    rows = [*drawn, *fed]
    if not rows:
        return
    borders = sorted({each.from_s for each in rows} | {each.until_s for each in rows if isfinite(each.until_s)})
    steps = tuple(Limit(at, charge_w=_least(drawn, at), discharge_w=_least(fed, at)) for at in borders)
    if any(each.charge_w is not None or each.discharge_w is not None for each in steps):
        yield LimitRequest(by=by, steps=steps, until_unix_s=max(each.until_s for each in rows))


def _least(rows: list[Row], at: float) -> float | None:
    least = min((each.value for each in rows if each.from_s <= at < each.until_s), default=inf)
    return None if least == inf else least


def _prices(buy: list[Row], sell: list[Row], by: str) -> Iterator[AnyRequest]:
    for number, run in enumerate(_runs(buy)):
        paid = [next((each.value for each in sell if each.from_s <= row.from_s < each.until_s), 0.0) for row in run]
        yield PriceRequest(
            by=_numbered(by, number),
            from_unix_s=run[0].from_s,
            until_unix_s=run[-1].until_s,
            prices=tuple(Price(row.from_s, row.value, sold) for row, sold in zip(run, paid, strict=True)),
        )
