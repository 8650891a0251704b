"""What is asked of a site. Positive: the site draws from the grid; negative: it feeds the grid.

Each request says until when it is valid, and what holds when its source has fallen silent and it is no longer.
"""

from collections.abc import Iterable
from math import inf, isfinite

from msgspec import Struct
from msgspec.structs import replace

LARGEST_W = 1e9
"""No site has a larger power."""
LAST_UNIX_S = 4102444800.0
"""The year 2100: a later time is one in milliseconds, or none."""


def is_time(unix_s: float) -> bool:
    """Whether it can be a time in Unix seconds."""
    return 0.0 <= unix_s <= LAST_UNIX_S


class Request(Struct, frozen=True, kw_only=True):
    """What all requests have. A subclass says what is asked (`asked_w`)."""

    by: str
    """Whose it is, as a person reads it: `EMS`, `grid operator`."""
    from_unix_s: float = -inf
    until_unix_s: float = inf
    """Lapses then, unless the source renews it."""
    default_w: float | None = None
    """What holds after `until_unix_s`; None: this request is as if it had never been."""

    def asked_w(self, now: float, frequency_hz: float | None) -> float | None:
        """The power asked for while it is valid; None if this request cannot say, or asks for none."""
        return None

    def at(self, now: float, frequency_hz: float | None) -> float | None:
        """What it asks for at `now`: before its time nothing, after its time the default."""
        if now < self.from_unix_s:
            return None
        asked_w = self.asked_w(now, frequency_hz) if now <= self.until_unix_s else None
        if asked_w is None or not isfinite(asked_w):  # unknown: as if the source were silent
            return self.default_w
        return asked_w


class PowerRequest(Request, frozen=True, kw_only=True, tag="power"):
    """A power, from now on."""

    power_w: float

    def asked_w(self, now: float, frequency_hz: float | None) -> float | None:
        return self.power_w


class Step(Struct, frozen=True):
    """A power from an instant on."""

    from_unix_s: float
    power_w: float


class ScheduleRequest(Request, frozen=True, kw_only=True, tag="schedule"):
    """Powers one after the other; before the first one nothing is asked."""

    steps: tuple[Step, ...]
    """In order of time."""

    def asked_w(self, now: float, frequency_hz: float | None) -> float | None:
        begun = [step.power_w for step in self.steps if step.from_unix_s <= now]
        return begun[-1] if begun else None


class RegulationRequest(Request, frozen=True, kw_only=True, tag="regulation"):
    """A regulation signal (RegD, aFRR): a share of an agreed capacity around a baseline."""

    signal_pu: float
    """-1 to 1; 1 asks for all of the capacity as feed into the grid, as the signals of grid operators do."""
    capacity_w: float
    baseline_w: float = 0.0

    def asked_w(self, now: float, frequency_hz: float | None) -> float | None:
        return self.baseline_w - max(-1.0, min(1.0, self.signal_pu)) * self.capacity_w


class DroopShare(Request, frozen=True, kw_only=True, tag="droop"):
    """A share of frequency control: adds to whatever else is asked. Without a frequency it adds its default."""

    w_per_hz: float
    nominal_hz: float = 50.0
    deadband_hz: float = 0.01
    max_w: float = inf

    def asked_w(self, now: float, frequency_hz: float | None) -> float | None:
        if frequency_hz is None or not isfinite(frequency_hz):
            return None
        off_hz = frequency_hz - self.nominal_hz
        beyond_hz = max(abs(off_hz) - self.deadband_hz, 0.0)
        power_w = min(beyond_hz * self.w_per_hz, self.max_w)
        return power_w if off_hz > 0 else -power_w


class Price(Struct, frozen=True):
    """What a kWh costs from an instant on; any currency."""

    from_unix_s: float
    buy_per_kwh: float
    sell_per_kwh: float


class PriceRequest(Request, frozen=True, kw_only=True, tag="prices"):
    """Prices ask for no power by themselves: the plan makes courses of them."""

    prices: tuple[Price, ...]


class Limit(Struct, frozen=True):
    """What the site may do from an instant on; None: nothing beyond what its feeders carry. Magnitudes."""

    from_unix_s: float
    charge_w: float | None = None
    discharge_w: float | None = None


class LimitRequest(Request, frozen=True, kw_only=True, tag="limit"):
    """Limits of the power at the site's connection, one after the other, such as a grid operator sets. They ask for no
    power. After `until_unix_s`, `default_w` limits both directions; None: nothing does."""

    steps: tuple[Limit, ...]
    """In order of time; before the first one nothing is limited."""

    def limits_at(self, now: float) -> tuple[float, float]:
        """For charging and discharging; infinite without a limit."""
        if now > self.until_unix_s:
            most_w = inf if self.default_w is None else self.default_w
            return most_w, most_w
        begun = [step for step in self.steps if step.from_unix_s <= now] if now >= self.from_unix_s else []
        if not begun:
            return inf, inf
        charge_w, discharge_w = begun[-1].charge_w, begun[-1].discharge_w
        return inf if charge_w is None else charge_w, inf if discharge_w is None else discharge_w

    def at(self, now: float, frequency_hz: float | None) -> float | None:
        """It asks for nothing, also after its time."""
        return None


AnyRequest = PowerRequest | ScheduleRequest | RegulationRequest | DroopShare | PriceRequest | LimitRequest
"""For decoding: the tag `type` says which."""


class Asked(Struct, frozen=True):
    """What the requests come to at one instant."""

    power_w: float | None = None
    """None: nobody asks for a power; vehicles charge as they need to, none is discharged but by the plan."""
    by: str = "nobody"


class Limited(Struct, frozen=True):
    """What the site may do at one instant, and who says so."""

    charge_w: float = inf
    discharge_w: float = inf
    charge_by: str = ""
    discharge_by: str = ""


def limited(requests: Iterable[Request], now: float) -> Limited:
    """The lowest limits of all requests."""
    found = Limited()
    for request in requests:
        if isinstance(request, LimitRequest):
            charge_w, discharge_w = request.limits_at(now)
            if charge_w < found.charge_w:
                found = replace(found, charge_w=charge_w, charge_by=request.by)
            if discharge_w < found.discharge_w:
                found = replace(found, discharge_w=discharge_w, discharge_by=request.by)
    return found


def asked(requests: Iterable[Request], now: float, frequency_hz: float | None) -> Asked:
    """The first request that asks for a power, plus all droop shares."""
    base_w, total_w, by = None, 0.0, list[str]()
    for request in requests:
        power_w = request.at(now, frequency_hz)
        if power_w is None:
            continue
        if isinstance(request, DroopShare):
            total_w, by = total_w + power_w, [*by, request.by]
        elif base_w is None:
            base_w, by = power_w, [request.by, *by]
    if not by:
        return Asked()
    return Asked((base_w or 0.0) + total_w, " + ".join(by))
