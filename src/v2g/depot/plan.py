"""The plan: how much energy shall be in each battery at the end of each quarter of an hour, a day ahead.

These are the plan's inputs and its outcome; `planner.py` makes it. The controller's cycle follows the energies
(`Site.courses`). It holds every limit by itself: a plan that is wrong costs money, never a floor or a fuse.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil, inf, isfinite, sqrt

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats
from v2g.depot.capability import Margins
from v2g.depot.request import LimitRequest, PriceRequest, Request, ScheduleRequest, asked, limited
from v2g.depot.view import Charger, Course, Needs, Site

STEP_S = 900.0
STEPS = 96


class Departure(Struct, frozen=True):
    """When a vehicle leaves, and how sure that is."""

    unix_s: float
    deviation_s: float = 0.0
    """Standard deviation."""


class Crowd(Struct, frozen=True):
    """Several vehicles that are planned as one: sums, for each step. Who has left keeps what it left with."""

    least_wh: Floats
    most_wh: Floats
    """In their batteries at its end."""
    charge_w: Floats
    discharge_w: Floats
    """Of those that are there, at the grid side."""
    wanted: tuple[tuple[int, float], ...]
    """At the end of which steps how much energy is wanted in all batteries together."""


class Stay(Struct, frozen=True, kw_only=True):
    """A vehicle at a charger, now or later, with what it needs; energies are in its battery."""

    id: str
    """Of the charger, or of an expected stay."""
    node: str
    phases: str = "123"
    energy_wh: float
    """When the plan begins, or when it arrives."""
    capacity_wh: float
    target_wh: float
    floor_wh: float
    max_charge_w: float
    """At the charger's grid side, as all powers."""
    max_discharge_w: float = 0.0
    """0 if it may not be discharged."""
    efficiency_pu: float = 0.95
    from_unix_s: float = -inf
    departure: Departure | None = None
    """None: it may leave at any time, so it is charged as soon as possible, and not discharged."""
    crowd: Crowd | None = None
    """What several vehicles that stand here as one can do."""


class Terms(Struct, frozen=True, kw_only=True):
    """What a plan costs beside energy, in the currency of the prices."""

    wear_per_kwh: float = 0.05
    """Of energy that is discharged."""
    peak_per_kw: float = 0.0
    """Of the highest quarter of an hour drawn from the grid."""
    peak_so_far_w: float = 0.0
    """What has been reached in this period of accounting: up to it nothing more is charged."""


class Outlook(Struct, frozen=True, kw_only=True):
    """What is to come, for each step from the beginning of the one that has begun."""

    start_unix_s: float
    buy_per_kwh: Floats
    sell_per_kwh: Floats
    """No more than `buy_per_kwh`: what is more counts as that."""
    loads_w: Mapping[str, Floats] = {}
    """What else flows through a node of the feeder tree, positive as drawn; of the root: the rest of the site."""
    step_s: float = STEP_S
    beside_w: Mapping[tuple[str, int, bool], Floats] = {}
    """What stays that are planned elsewhere take of a node's limit: by node, phase (0: all) and whether they discharge;
    magnitudes."""
    limits_w: tuple[Floats, Floats] | None = None
    """What requests let the site draw and feed at most; infinite if nothing is limited. Magnitudes."""
    asked_w: Floats | None = None
    """What a schedule asks the chargers together for; not a number if nothing is asked."""


class Missed(Struct, frozen=True):
    """A need that cannot be met; the plan comes as near to it as it can."""

    id: str
    short_wh: float
    at_unix_s: float


class Plan(Struct, frozen=True, kw_only=True):
    """The outcome."""

    start_unix_s: float
    step_s: float
    energies_wh: Mapping[str, Floats]
    """By stay, in its battery at the end of each step."""
    powers_w: Mapping[str, Floats]
    """By stay, at the charger's grid side, as a mean over each step; positive charges."""
    present: frozenset[str]
    """The stays that have begun."""
    made_unix_s: float = -inf
    leaves_unix_s: Mapping[str, float] = {}
    """By when each of these shall have what it needs; one that is not here may leave at any time."""
    missed: tuple[Missed, ...] = ()
    cost: float = 0.0
    """Of energy, wear and peak."""
    groups: int = 0
    """How many groups were planned instead of single vehicles; 0 if each was planned by itself."""
    trouble: str = ""
    """Why there is no plan; vehicles are then charged as their needs are urgent."""

    def courses(self, now: float) -> dict[str, Course]:
        """What each vehicle's energy shall be at the end of the step that has begun, or when it leaves within it;
        nothing outside the plan."""
        step = int((now - self.start_unix_s) // self.step_s)
        if not self.energies_wh or not 0 <= step < STEPS:
            return {}
        return {id: Course(self._until_s(id, step, now), float(self.energies_wh[id][step])) for id in self.present}

    def means_w(self, now: float) -> dict[str, float]:
        """What each vehicle does in the step that has begun, as a mean over the part of it for which it is planned."""
        step = int((now - self.start_unix_s) // self.step_s)
        if not self.powers_w or not 0 <= step < STEPS:
            return {}
        begins_s = max(self.start_unix_s + step * self.step_s, self.made_unix_s)
        return {
            id: float(self.powers_w[id][step]) * self.step_s / max(self._until_s(id, step, now) - begins_s, 1.0)
            for id in self.present
        }

    def _until_s(self, id: str, step: int, now: float) -> float:
        ends_s, leaves_s = self.start_unix_s + (step + 1) * self.step_s, self.leaves_unix_s.get(id, inf)
        return min(ends_s, leaves_s) if leaves_s > now else ends_s

    def lines(self, now: float) -> list[str]:
        """What a person should know of it."""
        found = [self.trouble] if self.trouble else []
        for each in self.missed:
            hours = (each.at_unix_s - now) / 3600
            found.append(
                f"{each.id}: {each.short_wh / 1000:.1f} kWh will be missing in {max(hours, 0.0):.1f} h; a later "
                "departure, a lower target or more power would help"
            )
        return found


def start_of(now: float, step_s: float = STEP_S) -> float:
    """When the step that has begun did so."""
    return now // step_s * step_s


def outlook(requests: Sequence[Request], now: float, loads_w: Mapping[str, Floats] | None = None) -> Outlook | None:
    """The prices that are valid now; None without any: there is nothing to plan by."""
    for request in requests:
        valid = request.from_unix_s <= now <= request.until_unix_s
        if isinstance(request, PriceRequest) and valid and request.prices:
            start_s = start_of(now)
            known = sorted(request.prices, key=lambda each: each.from_unix_s)
            begins = np.array([each.from_unix_s for each in known])
            at = np.clip(np.searchsorted(begins, start_s + STEP_S * np.arange(STEPS), side="right") - 1, 0, None)
            buy = np.array([each.buy_per_kwh for each in known])[at]
            sell = np.array([each.sell_per_kwh for each in known])[at]
            if np.isfinite(buy).all() and np.isfinite(sell).all():
                return Outlook(
                    start_unix_s=start_s, buy_per_kwh=buy, sell_per_kwh=sell, loads_w=loads_w or {},
                    limits_w=_limits_w(requests, start_s), asked_w=_asked_w(requests, start_s),
                )  # fmt: skip
    return None


def _limits_w(requests: Iterable[Request], start_s: float) -> tuple[Floats, Floats] | None:
    """The lowest limits that hold at any time of each step."""
    limits = [each for each in requests if isinstance(each, LimitRequest)]
    if not limits:
        return None
    changes = {each.until_unix_s + 1e-3 for each in limits} | {
        step.from_unix_s for each in limits for step in each.steps
    }
    found = np.full((2, STEPS), inf)
    for at_s in [*(start_s + STEP_S * np.arange(STEPS)).tolist(), *changes]:
        step = (at_s - start_s) // STEP_S
        if 0 <= step < STEPS:
            now = limited(limits, at_s)
            found[:, int(step)] = np.minimum(found[:, int(step)], (now.charge_w, now.discharge_w))
    return found[0], found[1]


def _asked_w(requests: Iterable[Request], start_s: float) -> Floats | None:
    """By the schedules, in the middle of each step."""
    schedules = [each for each in requests if isinstance(each, ScheduleRequest)]
    if not schedules:
        return None
    powers = [asked(schedules, start_s + STEP_S * (step + 0.5), None).power_w for step in range(STEPS)]
    return np.array([np.nan if each is None else each for each in powers])


class Targets:
    """What each vehicle's energy shall be at its departure. An energy that was stated counts from the first time that
    it was seen, so it is remembered."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Needs, float]] = {}

    def of(self, charger: Charger, energy_wh: float, capacity_wh: float) -> float | None:
        """None if nobody has stated any."""
        needs = None if charger.vehicle is None else charger.vehicle.needs
        if needs is None:
            return None
        if needs.target_soc_pu is not None:
            return min(needs.target_soc_pu, 1.0) * capacity_wh
        if needs.energy_wh is None:
            return None
        before = self._known.get(charger.id)
        if before is None or (before[0].energy_wh, before[0].stated_unix_s) != (needs.energy_wh, needs.stated_unix_s):
            self._known[charger.id] = before = needs, energy_wh + needs.energy_wh
        return min(before[1], capacity_wh)


def stays(
    site: Site,
    now: float,
    targets: Targets,
    margins: Margins | None = None,
    expected: Callable[[Charger], Departure | None] = lambda _: None,
) -> Iterator[Stay]:
    """The vehicles that can be planned: SoC, capacity and target are known. `expected`: the departure of a vehicle for
    which nobody has stated any, from the site's history."""
    margins = margins or Margins()
    for charger in site.chargers.values():
        vehicle = charger.vehicle
        if vehicle is None or not charger.online or not charger.ready or charger.node not in site.tree.by_name:
            continue
        if vehicle.capacity_wh is None or vehicle.soc_pu is None or not isfinite(vehicle.soc_pu):
            continue
        energy_wh, capacity_wh = vehicle.soc_pu * vehicle.capacity_wh, vehicle.capacity_wh
        target_wh = targets.of(charger, energy_wh, capacity_wh)
        if target_wh is None or vehicle.needs is None:
            continue
        floor_pu, stated_s = vehicle.needs.min_soc_pu, vehicle.needs.departure_unix_s
        departure = expected(charger) if stated_s is None else Departure(stated_s)
        if departure is not None:
            departure = Departure(departure.unix_s - margins.departure_s, departure.deviation_s)
        fresh = vehicle.soc_unix_s >= now - margins.soc_stale_s
        discharges = floor_pu is not None and fresh and vehicle.discharges and not charger.charge_only
        yield Stay(
            id=charger.id,
            node=charger.node,
            phases=charger.phases or "123",
            energy_wh=energy_wh,
            capacity_wh=capacity_wh,
            target_wh=target_wh,
            floor_wh=min(1.0, (floor_pu or 0.0) + margins.soc_pu) * capacity_wh if floor_pu is not None else 0.0,
            max_charge_w=min(charger.max_charge_w, vehicle.max_charge_w),
            max_discharge_w=min(charger.max_discharge_w, vehicle.max_discharge_w) if discharges else 0.0,
            efficiency_pu=charger.efficiency_pu,
            departure=departure,
        )


def presence(stay: Stay, outlook: Outlook, now: float) -> Floats:
    """Which share of each step is still to come and sees the vehicle there."""
    begins = outlook.start_unix_s + outlook.step_s * np.arange(STEPS)
    until_s = inf if stay.departure is None or stay.departure.unix_s <= now else instants(stay)[-1]
    first_s = np.maximum(begins, max(now, stay.from_unix_s))
    found: Floats = np.clip((np.minimum(begins + outlook.step_s, until_s) - first_s) / outlook.step_s, 0.0, 1.0)
    return found


def instants(stay: Stay) -> tuple[float, float, float]:
    """Three instants that stand for the departure, with weights of 1/4, 1/2, 1/4: same mean, same deviation."""
    assert stay.departure is not None
    off_s = sqrt(2.0) * stay.departure.deviation_s
    return stay.departure.unix_s - off_s, stay.departure.unix_s, stay.departure.unix_s + off_s


def points(stay: Stay, outlook: Outlook, now: float, there: Floats) -> list[tuple[int, float]]:
    """At the end of which steps how much energy is wanted."""
    if stay.crowd is not None:
        return list(stay.crowd.wanted)
    if stay.departure is None or stay.departure.unix_s <= now:  # it may leave at any time
        soon = soonest(stay, stay.target_wh, outlook, there)
        found = [(step, stay.target_wh) for step in (soon, min(2 * soon + 1, STEPS - 1), STEPS - 1)]
    else:
        found = [wanted_at(stay, at_s, outlook) for at_s in instants(stay)]
    return [*found, (soonest(stay, stay.floor_wh, outlook, there), stay.floor_wh)]


def wanted_at(stay: Stay, at_s: float, outlook: Outlook) -> tuple[int, float]:
    """The target at `at_s`; if that is beyond the plan, what must be there at its end so that the target can be."""
    step = ceil((at_s - outlook.start_unix_s) / outlook.step_s) - 1
    if step < STEPS:
        return max(step, 0), stay.target_wh
    beyond_s = at_s - outlook.start_unix_s - STEPS * outlook.step_s
    reachable_wh = stay.target_wh - stay.max_charge_w * stay.efficiency_pu * beyond_s / 3600.0
    return STEPS - 1, min(stay.target_wh, max(stay.energy_wh, reachable_wh))


def soonest(stay: Stay, wanted_wh: float, outlook: Outlook, there: Floats) -> int:
    """The first step at whose end this energy can be there."""
    full_wh = stay.max_charge_w * stay.efficiency_pu * outlook.step_s / 3600.0
    reached_wh = stay.energy_wh + np.cumsum(there) * min(full_wh, 1e12)
    return min(int(np.searchsorted(reached_wh, wanted_wh - 1e-6)), STEPS - 1)


def feeds(stay: Stay, now: float) -> bool:
    """Whether it may be discharged now."""
    leaves = stay.departure is not None and stay.departure.unix_s > now
    return leaves and stay.max_discharge_w > 0 and stay.energy_wh >= stay.floor_wh


def without(outlook: Outlook, reason: str) -> Plan:
    """No plan, and why."""
    return Plan(
        start_unix_s=outlook.start_unix_s, step_s=outlook.step_s, energies_wh={}, powers_w={}, present=frozenset(),
        trouble=reason,
    )  # fmt: skip


def powers_of(energies_wh: Floats, energy_wh: float, efficiency_pu: float, step_s: float) -> Floats:
    """The power at the grid side that leads through these energies."""
    gain_w = np.diff(energies_wh, prepend=energy_wh) * 3600.0 / step_s
    power_w: Floats = np.where(gain_w > 0, gain_w / efficiency_pu, gain_w * efficiency_pu)
    return power_w


def left_of(outlook: Outlook, now: float) -> Floats:
    """Which share of each step is still to come."""
    left = np.ones(STEPS)
    left[0] = min(1.0, max(0.0, 1.0 - (now - outlook.start_unix_s) / outlook.step_s))
    return left


def cost_of(
    powers_w: Sequence[Floats], outlook: Outlook, terms: Terms, root: str, now: float, shared: Floats | None = None
) -> float:
    """What these powers cost, with the site's other load: energy, wear, peak. `shared`: in which share of each step
    the powers flow; in the rest of it the other load is alone. None: in all that is to come."""
    total_w = np.sum(powers_w, axis=0) if powers_w else np.zeros(STEPS)
    left = left_of(outlook, now)
    shared = left if shared is None else shared
    load_w = outlook.loads_w.get(root, np.zeros(STEPS))
    together_kw, alone_kw = (total_w + load_w * shared) / 1000.0, load_w * (left - shared) / 1000.0
    drawn_kw = np.maximum(together_kw, 0.0) + np.maximum(alone_kw, 0.0)
    fed_kw = np.maximum(-together_kw, 0.0) + np.maximum(-alone_kw, 0.0)
    hours, sell = outlook.step_s / 3600.0, np.minimum(outlook.sell_per_kwh, outlook.buy_per_kwh)
    energy = float((drawn_kw * outlook.buy_per_kwh - fed_kw * sell).sum()) * hours
    worn = sum(float(np.maximum(-each, 0).sum()) for each in powers_w) / 1000.0 * hours * terms.wear_per_kwh
    peak_kw = max(float(drawn_kw.max()) - terms.peak_so_far_w / 1000.0, 0.0)
    return energy + worn + peak_kw * terms.peak_per_kw
