"""What the chargers of a house should do: its plan, corrected by what the meter shows just now.

The plan knows prices, and load and sun as they usually are. The house never does exactly that. So in each quarter of an
hour it is not the plan's power that counts but what it is for:

- It charges from the sun (and draws nothing): whatever the sun leaves is charged.
- It covers the house (and feeds nothing): whatever the house draws is covered, down to the floor.
- It draws from the grid: as planned, and more if the sun leaves more.
- It feeds the grid: as planned.

Without a plan of the load the sun's surplus is charged, and the house is covered in the evening, if that is wanted.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.plan import STEP_S, start_of
from v2g.depot.view import Charger, Course

ZERO_W = 100.0
"""A plan that exchanges less with the grid means to exchange nothing."""
IDLE_W = 1.0
LAST_S = 60.0
"""For so long before its energy should be there, a car goes on with the planned power: what is left then is too little
to say what is lacking."""


class Follow(Struct, frozen=True, kw_only=True):
    """How the sun is followed."""

    start_s: float = 60.0
    """Surplus for a charger's minimum power must be there for this time before it begins."""
    stop_s: float = 180.0
    """A charger goes on at its minimum for this time while the surplus is below it."""
    keep_w: float = 0.0
    """What is drawn from the grid meanwhile, so that nothing is fed by noise."""
    evening: tuple[float, float] | None = None
    """Seconds of the local day between which vehicles cover the house when there is no plan; None: never."""


class Now(Struct, frozen=True, kw_only=True):
    """The moment, as the site sees it. Positive is drawn from the grid."""

    house_w: float | None
    """What the house draws without its chargers; with what its battery gives or may take. None: nobody knows."""
    day_s: float
    """Seconds since local midnight."""
    planned_w: Mapping[str, float] = {}
    """The plan's mean power of this quarter, by charger; empty without a plan."""
    planned_house_w: float | None = None
    """What the plan expects of the house; None if it expects nothing."""
    surplus_only: frozenset[str] = frozenset()
    """Chargers without a plan that charge from the sun alone."""


class Wish:
    """Follows plan and sun; remembers who is on."""

    def __init__(self, follow: Follow | None = None) -> None:
        self.follow = follow or Follow()
        self._on = False
        self._since_s: float | None = None

    def courses(self, chargers: Mapping[str, Charger], courses: Mapping[str, Course], now: Now, at_s: float
                ) -> dict[str, Course]:  # fmt: skip
        """A power for each charger that has a plan, or follows the sun. Others are left alone."""
        planned = {id: now.planned_w.get(id) for id, course in courses.items() if not _done(chargers.get(id), at_s)}
        found = dict(courses)
        powers_w = {id: power_w for id, power_w in planned.items() if power_w is not None and id in chargers}
        free = [id for id in now.surplus_only if id in chargers and id not in powers_w]
        if now.house_w is None:
            return found | {id: Course(at_s, 0.0, 0.0) for id in free}
        total_w = sum(powers_w.values())
        wanted_w = self._wanted_w(total_w, now, bool(powers_w or free))
        if not free and abs(wanted_w - total_w) <= IDLE_W:
            # By their energies, which make up for what was missed.
            return found | {
                id: replace(found[id], power_w=power_w)
                for id, power_w in powers_w.items()
                if found[id].until_unix_s - at_s < LAST_S
            }
        powers_w = _shared(chargers, {**powers_w, **dict.fromkeys(free, 0.0)}, wanted_w)
        if wanted_w >= 0.0 and total_w < min((chargers[id].min_charge_w for id in powers_w), default=0.0):
            powers_w = self._lasting(chargers, powers_w, at_s)
        for id, power_w in powers_w.items():
            known = courses.get(id)
            found[id] = Course(at_s, 0.0, power_w) if known is None else replace(known, power_w=power_w)
        return found

    def _wanted_w(self, planned_w: float, now: Now, anyone: bool) -> float:
        """The sum of the chargers' powers."""
        assert now.house_w is not None
        surplus_w, cover_w = -now.house_w - self.follow.keep_w, -now.house_w + self.follow.keep_w
        if not anyone:
            return 0.0
        if now.planned_house_w is None:
            evening = self.follow.evening
            covers = evening is not None and _within(now.day_s, *evening) and planned_w <= IDLE_W
            return min(max(planned_w, surplus_w), cover_w) if covers and cover_w < 0.0 else max(planned_w, surplus_w)
        exchange_w = planned_w + now.planned_house_w
        sun_w = max(surplus_w, 0.0)
        if abs(exchange_w) <= ZERO_W:
            return min(cover_w, 0.0) if planned_w < -IDLE_W else sun_w
        if exchange_w > 0.0:
            return max(planned_w, surplus_w, min(cover_w, 0.0)) if planned_w < 0.0 else max(planned_w, surplus_w)
        return min(planned_w, sun_w) if planned_w > 0.0 else planned_w

    def _lasting(self, chargers: Mapping[str, Charger], powers_w: dict[str, float], at_s: float) -> dict[str, float]:
        """Hold the minimum of a single charger over a cloud, and begin only with what lasts."""
        least_w = min((chargers[id].min_charge_w for id in powers_w), default=0.0)
        if least_w <= 0.0 or len(powers_w) != 1:
            return powers_w
        ((id, power_w),) = powers_w.items()
        enough = power_w >= least_w
        if enough == self._on:
            self._since_s = None
            return {id: power_w if enough else 0.0}
        self._since_s = at_s if self._since_s is None else self._since_s
        if at_s - self._since_s >= (self.follow.stop_s if self._on else self.follow.start_s):
            self._on, self._since_s = enough, None
            return {id: power_w if enough else 0.0}
        return {id: least_w if self._on else 0.0}


def _done(charger: Charger | None, at_s: float) -> bool:
    """Whether a vehicle has what it needs and leaves before this quarter of an hour is over: what the sun leaves then
    is worth more to the grid."""
    vehicle = None if charger is None else charger.vehicle
    if vehicle is None or vehicle.soc_pu is None or vehicle.needs is None:
        return False
    leaves_s, target_pu = vehicle.needs.departure_unix_s, vehicle.needs.target_soc_pu
    if leaves_s is None or target_pu is None:
        return False
    return leaves_s <= start_of(at_s) + STEP_S and vehicle.soc_pu >= target_pu


def _shared(chargers: Mapping[str, Charger], planned_w: Mapping[str, float], wanted_w: float) -> dict[str, float]:
    """`wanted_w` shared as planned; the difference to the plan by how much each charger could change."""
    off_w = wanted_w - sum(planned_w.values())
    rooms = {
        id: max(chargers[id].max_charge_w - power_w if off_w > 0.0 else power_w + chargers[id].max_discharge_w, 0.0)
        for id, power_w in planned_w.items()
    }
    whole_w = sum(rooms.values())
    part = 0.0 if whole_w <= 0.0 else min(abs(off_w) / whole_w, 1.0)
    sign = 1.0 if off_w > 0.0 else -1.0
    return {id: power_w + sign * part * rooms[id] for id, power_w in planned_w.items()}


def _within(day_s: float, begins_s: float, ends_s: float) -> bool:
    return begins_s <= day_s < ends_s if begins_s <= ends_s else day_s >= begins_s or day_s < ends_s
