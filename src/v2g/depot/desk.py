"""Where requests to a site arrive: whose they are, how long they hold, which one counts."""

from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum
from itertools import pairwise
from math import inf

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.configuration import Standing
from v2g.depot.ledger import Keeper
from v2g.depot.request import (
    LARGEST_W,
    AnyRequest,
    DroopShare,
    Limit,
    LimitRequest,
    PowerRequest,
    Price,
    PriceRequest,
    RegulationRequest,
    ScheduleRequest,
    Step,
    is_time,
)
from v2g.kernel.errors import V2GError

KIND = "request"
_MAGNITUDES = ("capacity_w", "w_per_hz", "deadband_hz", "max_w", "charge_w", "discharge_w")
_RANGES: Mapping[str, tuple[float, float]] = {
    "w_per_hz": (0.0, LARGEST_W / 0.01),
    "nominal_hz": (10.0, 100.0),
    "deadband_hz": (0.0, 10.0),
    "buy_per_kwh": (-1_000.0, 1_000.0),
    "sell_per_kwh": (-1_000.0, 1_000.0),
}
LONGEST_NAME = 200
LARGEST_PU = 2.0
"""A signal beyond 1 is its end; one far beyond it is in another unit."""
MOST = 64
"""Requests at a time that come one way: whoever asks for much keeps nobody else's limit out."""


class Channel(IntEnum):
    """How a request has come. `RANKS` says which one holds over which; of one channel the latest holds,
    of `SHARED` ones that of whoever began to ask last."""

    OPERATOR = 0
    HTTP = 1
    MQTT = 2
    SCHEDULE = 3
    SUNSPEC = 4
    OPENADR = 5
    DNP3 = 6
    IEEE_2030_5 = 7
    IEC_104 = 8
    FLEET = 9
    OCPP = 10


RANKS = (
    Channel.OPERATOR,
    Channel.IEC_104,
    Channel.DNP3,
    Channel.IEEE_2030_5,
    Channel.SUNSPEC,
    Channel.OPENADR,
    Channel.HTTP,
    Channel.MQTT,
    Channel.OCPP,
    Channel.FLEET,
    Channel.SCHEDULE,
)
"""The first holds over those behind it. The numbers of the channels are kept, so they stay as they are."""
SHARED = (Channel.HTTP, Channel.MQTT)
"""Several ask at once this way, and renew: whoever began last holds, or two would take turns at each renewal."""
BINDING = (Channel.IEC_104, Channel.DNP3, Channel.IEEE_2030_5, Channel.SUNSPEC, Channel.OPENADR, Channel.OCPP,
           Channel.FLEET)  # fmt: skip
"""Ways by which somebody beyond the site asks for its power: no test takes their place."""


class RequestError(V2GError):
    """A request cannot be taken; says why."""


class Kept(Struct, frozen=True):
    """A request as it is kept over a restart."""

    channel: int
    order: int
    request: AnyRequest
    taken_unix_s: float = -inf
    """When it came, by the clock of that time."""


class Desk:
    """The requests that are valid, or whose default holds."""

    def __init__(self, standing: Standing, ledger: Keeper) -> None:
        """`standing`: what the site does when nobody asks for anything."""
        self._ledger = ledger
        self.own: Collection[str] = ()
        """Who asks with a credential of its own: finds room whatever others ask."""
        self._kept: dict[tuple[int, str], Kept] = {}
        self._order = 0
        for (kind, key), document in ledger.kept.items():
            if kind == KIND:
                try:
                    kept = msgspec.msgpack.decode(document, type=Kept)
                except msgspec.MsgspecError:
                    continue  # of another version: its source asks again
                self._kept[kept.channel, key.partition(":")[2]] = kept
                self._order = max(self._order, kept.order)
        self._standing = tuple(_standing(standing))

    def put(self, channel: Channel, request: AnyRequest, now: float) -> None:
        """Take a request in the place of the one before by the same source. Raises `RequestError`."""
        key = (channel, request.by)
        others = [each for each in self.of(channel) if each.by not in self.own]
        if key not in self._kept and request.by not in self.own and len(others) >= MOST:
            raise RequestError(f"there are {MOST} requests already that came this way; withdraw one of them")
        before = self._kept.get(key)
        if channel in SHARED and before is not None and now <= before.request.until_unix_s:
            return self._keep(Kept(channel, before.order, request, now))
        self._order += 1
        self._keep(Kept(channel, self._order, request, now))

    def withdraw(self, channel: Channel, by: str) -> bool:
        """Forget a request and its default; whether there was one."""
        found = self._kept.pop((channel, by), None) is not None
        if found:
            self._ledger.put(KIND, _key(channel, by), None)
        return found

    def of(self, channel: Channel) -> list[AnyRequest]:
        """The requests that have come this way."""
        return [kept.request for (by_channel, _), kept in self._kept.items() if by_channel == channel]

    def bound_by(self, now: float, frequency_hz: float | None) -> list[str]:
        """Who beyond the site asks for its power just now."""
        requests = (each for channel in BINDING for each in self.of(channel) if not isinstance(each, DroopShare))
        return [each.by for each in requests if each.at(now, frequency_hz) is not None]

    def current(self, now: float) -> tuple[AnyRequest, ...]:
        """The one that holds first. Those that are over and have no default are forgotten."""
        for (channel, by), kept in list(self._kept.items()):
            if now < kept.taken_unix_s:
                kept = Kept(channel, kept.order, _as_of(kept.request, kept.taken_unix_s, now), now)
                self._keep(kept)
            if now > kept.request.until_unix_s and kept.request.default_w is None:
                self.withdraw(Channel(channel), by)
        ordered = sorted(self._kept.values(), key=lambda each: (RANKS.index(Channel(each.channel)), -each.order))
        return (*(each.request for each in ordered), *self._standing)

    def _keep(self, kept: Kept) -> None:
        key = kept.channel, kept.request.by
        self._kept[key] = kept
        self._ledger.put(KIND, _key(*key), msgspec.msgpack.encode(kept))


def _as_of(request: AnyRequest, taken_s: float, now: float) -> AnyRequest:
    """A request that was taken at `taken_s` by a clock that has been set back since then, to `now` at the latest.

    What has begun goes on. What asks for a power ends no later than if it had come now. A limit ends when it says: it
    holds for longer than it should rather than for less.
    """
    if isinstance(request, PriceRequest):
        return request
    if request.from_unix_s <= taken_s:
        request = replace(request, from_unix_s=-inf)
    if isinstance(request, ScheduleRequest | LimitRequest):
        past = sum(step.from_unix_s <= taken_s for step in request.steps)
        begun = [replace(step, from_unix_s=-inf) for step in request.steps[max(past - 1, 0) : past]]
        request = replace(request, steps=(*begun, *request.steps[past:]))
    if isinstance(request, LimitRequest):
        return request
    return replace(request, until_unix_s=min(request.until_unix_s, now + request.until_unix_s - taken_s))


def read(document: Mapping[str, object], by: str, now: float) -> AnyRequest:
    """A request as an EMS writes it: `{"type": "power", "power_w": -50000, "for_s": 60, "default_w": 0}`.

    `for_s` is needed unless `until_unix_s` is there. Raises `RequestError`.
    """
    if not 0 < len(by) <= LONGEST_NAME:
        raise RequestError(f"by: {len(by)} characters; give a name of 1 to {LONGEST_NAME}")
    fields = {"type": "power", **document, "by": by}
    for_s = fields.pop("for_s", None)
    if for_s is not None:
        if not isinstance(for_s, int | float) or isinstance(for_s, bool) or not 0 < for_s <= 31_536_000:
            raise RequestError("for_s: must be a number of seconds above 0 and at most a year")
        fields["until_unix_s"] = now + for_s
    elif "until_unix_s" not in fields:
        raise RequestError("for_s: missing; say how long the request holds without being renewed")
    try:
        request: AnyRequest = msgspec.convert(fields, AnyRequest, strict=True)
    except msgspec.ValidationError as error:
        raise RequestError(f"{error}; docs/depot.md lists the requests") from error
    if unknown := [name for name in fields if name != "type" and name not in request.__struct_fields__]:
        raise RequestError(f"{unknown[0]}: unknown; a request of type {fields['type']} has "
                           f"{', '.join(request.__struct_fields__)}")  # fmt: skip
    if wrong := "; ".join(_wrong(request, now)):
        raise RequestError(wrong)
    return request


def _wrong(request: AnyRequest, now: float) -> Iterator[str]:
    """What would let a request hold never, or for the opposite of what it says."""
    if request.until_unix_s <= max(now, request.from_unix_s):
        yield "until_unix_s: is over already, or before from_unix_s"
    for name, value in _numbers(request):
        least, most = _RANGES.get(name, (-inf, inf))
        if name.endswith("_w") and not abs(value) <= LARGEST_W and not (name == "max_w" and value == inf):
            yield f"{name}: {value:g} W; at most {LARGEST_W:g}"
        elif name in _MAGNITUDES and value < 0.0:
            yield f"{name}: {value:g}; must not be negative"
        elif name.endswith("_unix_s") and not is_time(value):
            yield f"{name}: {value:g} is no time; write seconds (not milliseconds) since 1970, before the year 2100"
        elif not least <= value <= most:
            yield f"{name}: {value:g}; must be from {least:g} to {most:g}"
    if isinstance(request, LimitRequest) and (request.default_w or 0.0) < 0.0:
        yield f"default_w: {request.default_w:g}; of a limit it must not be negative"
    if isinstance(request, ScheduleRequest | PriceRequest | LimitRequest):
        times = [each.from_unix_s for each in _steps(request)]
        if not times or any(after <= before for before, after in pairwise(times)):
            yield "from_unix_s: each step must be later than the one before, and there must be one"
    if isinstance(request, RegulationRequest) and not abs(request.signal_pu) <= LARGEST_PU:
        yield f"signal_pu: {request.signal_pu:g}; must be from -1 to 1"


def _numbers(request: AnyRequest) -> Iterator[tuple[str, float]]:
    """All of a request and its steps, but for an end or a beginning that it does not have."""
    for each in (request, *_steps(request)):
        for name in each.__struct_fields__:
            value = getattr(each, name)
            without = each is request and (name, value) in (("from_unix_s", -inf), ("until_unix_s", inf))
            if isinstance(value, int | float) and not without:
                yield name, value


def _steps(request: AnyRequest) -> tuple[Step | Price | Limit, ...]:
    if isinstance(request, PriceRequest):
        return request.prices
    return request.steps if isinstance(request, ScheduleRequest | LimitRequest) else ()


def _standing(standing: Standing) -> Iterator[AnyRequest]:
    by = "configuration"
    if standing.power_w is not None:
        yield PowerRequest(by=by, power_w=standing.power_w)
    if standing.droop_w_per_hz:
        yield DroopShare(by=f"{by} (droop)", w_per_hz=standing.droop_w_per_hz, nominal_hz=standing.nominal_hz,
                         default_w=0.0)  # fmt: skip


def _key(channel: int, by: str) -> str:
    return f"{channel}:{by}"
