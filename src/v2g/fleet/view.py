"""What a fleet sees of its depots, and what they have with each other.

Powers are at a depot's grid connection: positive is drawn, negative fed. Times are Unix seconds of a clock that does
not jump. All of these are values, and travel as they are (msgpack).
"""

from math import inf

from msgspec import Struct
from msgspec.structs import astuple, replace

from v2g.depot.flexibility import NONE, Flexibility
from v2g.depot.request import LAST_UNIX_S

CLOCK_S = 3.0
"""A difference between the clocks of fleet and depot that a person must know of."""
LARGEST = 1e12
"""Of a number that a depot states, in W, Wh or s: no depot has more."""


class Alarm(Struct, frozen=True):
    """What a depot warns of, by the codes of its controller (`v2g.depot.dispatch.Trouble`)."""

    code: str
    about: str
    text: str


class Aggregate(Struct, frozen=True, kw_only=True):
    """A depot in few numbers, once a second."""

    depot: str
    unix_s: float
    """By the depot's clock."""
    process: int = 0
    """Differs from one process of the depot to the next; 0 if it does not say."""
    power_w: float
    """Of its chargers, as measured."""
    plan_w: float = 0.0
    """What it would draw by its own safe plan, without the fleet."""
    setpoint_w: float | None = None
    """What it follows just now; None if nobody asks it for a power."""
    setpoint_number: int = 0
    """Of the fleet's set-point that holds (`Setpoint.number`); 0 if none does."""
    asked_by: str = "nobody"
    """Whose request binds it: `fleet`, `EMS`, `grid operator`."""
    flexibility: Flexibility = NONE
    chargers: int = 0
    offline: int = 0
    vehicles: int = 0
    charging: int = 0
    discharging: int = 0
    alarms: tuple[Alarm, ...] = ()


def strange(aggregate: Aggregate) -> str:
    """The name of a number in it that is impossible (infinite, NaN, too large), as one would spoil the sums of all
    depots; empty if all are possible."""
    flexibility = aggregate.flexibility
    numbers = {
        "unix_s": aggregate.unix_s, "power_w": aggregate.power_w, "plan_w": aggregate.plan_w,
        "setpoint_w": aggregate.setpoint_w or 0.0, "above_floor_wh": flexibility.above_floor_wh,
        "to_full_wh": flexibility.to_full_wh, "flexibility": sum(sum(astuple(each)) for each in flexibility.bands),
    }  # fmt: skip
    return next((name for name, value in numbers.items() if not abs(value) <= LARGEST), "")


class Entry(Struct, frozen=True, kw_only=True):
    """What one vehicle did for one request in one stretch of time. Depot and sequence make it unique.

    An entry without charger and vehicle is the depot as a whole: its `asked_wh` is what the request asked of it.
    """

    depot: str
    sequence: int
    """Of the stretch from its beginning on: it keeps it, also in books that were restored from a backup."""
    before: int
    """The sequence of the depot's entry before this one; 0 if it knows none. So a gap can be seen."""
    from_unix_s: float
    until_unix_s: float
    charger: str = ""
    vehicle: str = ""
    contract: str = ""
    request: str = ""
    """Whose request it served; empty if the depot followed its own plan."""
    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    """Magnitudes."""
    asked_wh: float | None = None
    """Signed as power; None if nobody asked for a power."""
    why: str = ""
    """What bound it, if something else was delivered than was asked."""
    process: int = 0
    """Of the depot (`Aggregate.process`), which began the stretch."""
    clock_s: float = 0.0
    """By how much the depot's clock was ahead as the fleet saw it when the entry came; 0 within `CLOCK_S`."""
    carried: bool = False
    """Whether it ended because the depot's books were opened, and not by itself."""

    @property
    def delivered_wh(self) -> float:
        return self.charged_wh - self.discharged_wh

    def credible(self) -> "Entry":
        """The same, with 0 for each impossible number, as one would spoil the sums of all depots."""
        return replace(
            self,
            from_unix_s=_within(self.from_unix_s, 0.0, LAST_UNIX_S),
            until_unix_s=_within(self.until_unix_s, 0.0, LAST_UNIX_S),
            charged_wh=_within(self.charged_wh, 0.0, LARGEST),
            discharged_wh=_within(self.discharged_wh, 0.0, LARGEST),
            asked_wh=None if self.asked_wh is None else _within(self.asked_wh, -LARGEST, LARGEST),
        )


def _within(value: float, least: float, most: float) -> float:
    return value if least <= value <= most else 0.0


class Batch(Struct, frozen=True):
    """Entries of one depot in the order of their sequences, as they travel."""

    depot: str
    entries: tuple[Entry, ...]


class Setpoint(Struct, frozen=True, kw_only=True):
    """A power for a depot. After `until_unix_s` the depot follows its own safe plan; 0 ends at once what holds."""

    depot: str
    number: int
    """Rises: a depot takes none that is older than what it has."""
    power_w: float
    until_unix_s: float
    holds_s: float = inf
    """No longer than this from its arrival, so that a depot's clock that is late does not prolong it."""
    by: str
    """Whose request the fleet serves with it."""
    why: str = ""
    """What binds it, for a person."""


class Accepted(Struct, frozen=True, kw_only=True):
    """A depot's answer to a set-point."""

    depot: str
    number: int
    taken: bool
    why_not: str = ""


class Place(Struct, frozen=True, kw_only=True):
    """A depot as the fleet's configuration has it."""

    id: str
    node: str = "grid"
    """Of the fleet's network: where it is connected."""
    max_charge_w: float = inf
    max_discharge_w: float = inf
    """Of its connection; magnitudes. Worst cases count with these, if nothing better is known."""
    cost: float = 0.0
    """What a kWh from it costs beside another depot's; the cheapest are asked first. Any currency."""


class DepotState(Struct, frozen=True, kw_only=True):
    """What is known of a depot just now."""

    place: Place
    aggregate: Aggregate | None = None
    """The latest one; None if it has sent none yet."""
    heard_unix_s: float = -inf
    """When that came, by the fleet's clock."""
    accepted: Setpoint | None = None
    """The latest set-point that it has taken."""
    pending: tuple[Setpoint, ...] = ()
    """Sent since then; not answered, so it may have taken any of them."""
    refusal: str = ""
    """Why it took the latest one not."""
    clock_s: float = 0.0
    """By how much its clock is ahead of the fleet's, but for what messages take."""

    @property
    def id(self) -> str:
        return self.place.id

    def clock_is_off(self) -> bool:
        """Whether what it books is dated so that a person must know."""
        return abs(self.clock_s) > CLOCK_S

    def foreign_w(self) -> float:
        """The power of a set-point that it follows and that this process has not sent, but one before it, or beside
        it; 0 if it follows none."""
        aggregate = self.aggregate
        if aggregate is None or not aggregate.setpoint_number or aggregate.setpoint_w is None:
            return 0.0
        known = {each.number for each in self.pending}
        later = self.accepted is None or aggregate.setpoint_number > self.accepted.number
        return aggregate.setpoint_w if later and aggregate.setpoint_number not in known else 0.0

    def fresh(self, now: float, stale_s: float) -> bool:
        """Whether it has been heard of lately."""
        return self.aggregate is not None and now - self.heard_unix_s <= stale_s

    def held_until(self) -> float:
        """Until when it may follow a set-point of the fleet, whatever is sent from now on."""
        ends = [each.until_unix_s for each in self.pending]
        return max([*ends, -inf if self.accepted is None else self.accepted.until_unix_s])
