"""Days of a house in virtual time: appliances at random, sun with clouds, a battery, cars; steered as a site.

Between two events nothing changes, so time goes in long steps; after an event, and after each new set-point, in steps
of 50 ms, with a reading of the meter each 200 ms. Everything is decided by the seed.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from math import exp, inf, pi, sin

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.site.guard import Row
from v2g.depot.site.reading import BatteryReading, HouseReading, Phases
from v2g.depot.view import Charger, Needs, Source, Vehicle
from v2g.kernel.within import NEVER, Overdue, Within, tolerated_w

DAY_S, HOUR_S = 86_400.0, 3600.0
FINE_S, COARSE_S = 0.05, 60.0
NOISE_W, SEEN_W = 5.0, 25.0
"""Standard deviation of the meter in each phase; what is less beyond a limit than five times of it does not count."""
FOLLOWS_S = 5.0
"""For how long, if the site states no time (IEC 61851-1)."""
REST_S, LONGEST_REST_S = 60.0, 3600.0
"""How long the contactor stays open after that; twice as long each time. If it opened without a stated time, somebody
plugs the car in again."""
FEWER_S = 60.0
"""A car that has used fewer phases counts as such for so long."""
OPENS_S = 0.15
"""From the end of the time in which a car must have followed to the open contactor: a reading of the station's meter,
and the contactor."""
ALWAYS = Within(FOLLOWS_S + OPENS_S, FOLLOWS_S + OPENS_S)
NO_TIMES: Mapping[str, Within] = {}
SMALL_W = 100.0
"""A change of the house that is smaller needs no fine steps."""
EVENTFUL_S = 1.5
"""How long time goes in fine steps after something has happened."""
NOMINAL_V = 230.0
Event = tuple[float, Phases]
"""What the house draws in each phase from an instant on, less what its sun gives."""


class Kind(Struct, frozen=True):
    """An appliance: its power, on which phases, how long and how often."""

    power_w: float
    phases: str
    """One of several: `1`; all: `123`; any of them: empty."""
    lasts_s: float
    times_a_day: float


APPLIANCES = (
    Kind(2_200.0, "", 180.0, 5.0),  # kettle
    Kind(3_000.0, "", 420.0, 3.0),  # hob
    Kind(2_400.0, "1", 900.0, 1.5),  # washing machine, heating
    Kind(1_200.0, "", 600.0, 4.0),
    Kind(18_000.0, "123", 300.0, 2.0),  # instantaneous water heater
    Kind(6_000.0, "123", 1_800.0, 3.0),  # heat pump
)


def random_day(random: np.random.Generator, begins_s: float, sun_w: float, sun_phases: str = "123") -> list[Event]:
    """Appliances and sun of a day, as what flows in each phase from each event on."""
    changes: list[tuple[float, Phases]] = []
    for kind in APPLIANCES:
        for _ in range(random.poisson(kind.times_a_day)):
            on_s = begins_s + float(random.uniform(0.0, DAY_S - 60.0))
            off_s = min(on_s + float(random.exponential(kind.lasts_s)) + 5.0, begins_s + DAY_S - 1.0)
            phases = kind.phases or str(random.integers(1, 4))
            each_w = kind.power_w / len(phases) * float(random.uniform(0.8, 1.1))
            changes += [(on_s, _on(phases, each_w)), (off_s, _on(phases, -each_w))]
    changes += _sun(random, begins_s, sun_w, sun_phases)
    base = [float(each) for each in random.uniform(50.0, 250.0, 3)]
    found = [(begins_s, (base[0], base[1], base[2]))]
    for at_s, change in sorted(changes):
        now = found[-1][1]
        found.append((at_s, (now[0] + change[0], now[1] + change[1], now[2] + change[2])))
    return found


def _sun(random: np.random.Generator, begins_s: float, most_w: float, phases: str) -> list[Event]:
    """A clear day's course in steps of a quarter of an hour, and clouds that come at once."""
    if most_w <= 0.0:
        return []
    times = {begins_s + each for each in np.arange(6.0, 20.0, 0.25) * HOUR_S}
    clouds = sorted(float(each) for each in random.uniform(begins_s + 6 * HOUR_S, begins_s + 20 * HOUR_S, 20))
    found, before, cloud = list[Event](), 0.0, 1.0
    for at_s in sorted(times | set(clouds)):
        if at_s in clouds:
            cloud = float(random.choice([1.0, 0.8, 0.4, 0.2]))
        day_h = (at_s - begins_s) / HOUR_S
        now_w = most_w * cloud * max(sin(pi * (day_h - 6.0) / 14.0), 0.0) ** 1.5
        found.append((at_s, _on(phases, (before - now_w) / len(phases))))
        before = now_w
    return [*found, (begins_s + 20.01 * HOUR_S, _on(phases, before / len(phases)))]


def _on(phases: str, each_w: float) -> Phases:
    first, second, third = (each_w if phase in phases else 0.0 for phase in "123")
    return first, second, third


class Store(Struct, frozen=True, kw_only=True):
    """A battery of the house, which keeps its exchange with the grid at 0 as far as it can."""

    capacity_wh: float = 10_000.0
    most_w: float = 3_000.0
    lag_s: float = 1.0


class Stay(Struct, frozen=True, kw_only=True):
    """A car at a charger from one instant to another."""

    charger: str
    from_s: float
    until_s: float
    capacity_wh: float = 60_000.0
    soc_pu: float = 0.5
    target_pu: float | None = 0.8
    floor_pu: float | None = 0.3
    pace_w_s: float = inf
    """How fast its power moves."""
    delay_s: float = 0.0
    """How long after a set-point it begins to."""
    deaf: bool = False
    """It never lowers its power by itself."""
    feeds: bool = True
    most_w: float = inf
    """Of its own, in either direction."""
    phases: str = ""
    """Those that it uses, each with no more than its share of the charger's rating; empty: all that the charger has."""


class House:
    """The physics. `advance` until something is due; powers in W, positive is drawn, by phase and charger."""

    def __init__(
        self,
        chargers: Sequence[Charger],
        events: Sequence[Event],
        random: np.random.Generator,
        store: Store | None = None,
        coarse_s: float = COARSE_S,
        noise_w: float = NOISE_W,
    ) -> None:
        self._coarse_s, self._noise_w = coarse_s, noise_w
        self.chargers = {each.id: each for each in chargers}
        self.now = events[0][0]
        self.load_w = events[0][1]
        self._events = deque(events[1:])
        self._random, self._store = random, store
        self.powers_w = dict.fromkeys(self.chargers, 0.0)
        self.energies_wh = dict.fromkeys(self.chargers, 0.0)
        self.stays: dict[str, Stay] = {}
        self._orders: deque[tuple[float, dict[str, float], dict[str, Within]]] = deque()
        self._set_w = dict.fromkeys(self.chargers, 0.0)
        """What stations have been asked for."""
        self._heard = {id: deque[tuple[float, float]]() for id in self.chargers}
        """What their cars will follow, each from an instant on."""
        self._targets_w = dict.fromkeys(self.chargers, 0.0)
        """What they follow now."""
        self._within: dict[str, Within] = {}
        self._late = {id: (Overdue(), Overdue()) for id in self.chargers}
        """Whether its car has been beyond what its station was asked for: for too long in any case, and for a time that
        the site states."""
        self._rests_until: dict[str, float] = {}
        self._rest_s = dict.fromkeys(self.chargers, REST_S)
        self._fewer_until: dict[str, float] = {}
        """Until when a charger counts as one of which the car uses fewer phases."""
        self.opened = 0
        """How often a station has opened its contactor under load."""
        self._fine_until = self.now + EVENTFUL_S
        self.changed_s = self.now
        """When appliances, sun or set-points have changed last."""
        self.store_w, self.store_wh = 0.0, 0.0 if store is None else 0.5 * store.capacity_wh

    def order(self, powers_w: Mapping[str, float], within: Mapping[str, Within] = NO_TIMES) -> None:
        """Set-points, which stations begin to follow after a moment. `within`: as `SiteControl` has it."""
        at_s = self.now + float(self._random.uniform(0.1, 0.25))
        self._orders.append((at_s, dict(powers_w), {id: within.get(id, NEVER) for id in powers_w}))
        self._fine_until = max(self._fine_until, self.now + EVENTFUL_S)

    def plug(self, stay: Stay) -> None:
        """A car comes."""
        self.stays[stay.charger] = stay
        self.energies_wh[stay.charger] = stay.soc_pu * stay.capacity_wh

    def unplug(self, id: str) -> None:
        """It leaves."""
        self.stays.pop(id, None)
        self._heard[id].clear()
        for each in self._late[id]:
            each.clear()
        self._rests_until.pop(id, None)
        self._rest_s[id] = REST_S
        self.powers_w[id] = self._targets_w[id] = self._set_w[id] = 0.0

    def advance(self, until_s: float) -> float:
        """Let one step of time pass; returns its length."""
        end_s = min(until_s, self.now + (FINE_S if self.now < self._fine_until else self._coarse_s))
        if self._events and self._events[0][0] <= end_s:
            end_s = max(self._events[0][0], self.now)
        due_s = min(
            [self._orders[0][0] if self._orders else inf, *self._rests_until.values(),
             *(heard[0][0] for heard in self._heard.values() if heard)]
        )  # fmt: skip
        if due_s <= end_s:
            end_s = max(due_s, self.now)
        step_s = end_s - self.now
        self.now = end_s
        for id, stay in self.stays.items():
            self._charge(id, stay, step_s)
            self._end_rest(id)
            self._open_if_late(id)
        while self._orders and self._orders[0][0] <= self.now:
            _, set_w, within = self._orders.popleft()
            self._set_w |= set_w
            self._within |= within
            self.changed_s = self.now
            for id, each_w in set_w.items():
                if id in self.stays:
                    self._heard[id].append((self.now + self.stays[id].delay_s, each_w))
        self._hear()
        while self._events and self._events[0][0] <= self.now:
            load_w = self._events.popleft()[1]
            self.changed_s = self.now
            if max(abs(after - before) for before, after in zip(self.load_w, load_w, strict=True)) > SMALL_W:
                self._fine_until = self.now + EVENTFUL_S
            self.load_w = load_w
        self._balance(step_s)
        return step_s

    def _charge(self, id: str, stay: Stay, step_s: float) -> None:
        charger, target_w = self.chargers[id], 0.0 if id in self._rests_until else self._targets_w[id]
        full, empty = self.energies_wh[id] >= stay.capacity_wh, self.energies_wh[id] <= 0.0
        target_w = 0.0 if (full and target_w > 0.0) or (empty and target_w < 0.0) else target_w
        power_w = self.powers_w[id]
        lasts_s = step_s if step_s > 0.5 else 0.0  # a long step follows a settled one
        mean_w = target_w if lasts_s else power_w
        into_w = mean_w * charger.efficiency_pu if mean_w > 0.0 else mean_w / charger.efficiency_pu
        self.energies_wh[id] = min(self.energies_wh[id] + into_w * step_s / HOUR_S, stay.capacity_wh)
        moved_w = (target_w - power_w) * (1.0 - exp(-step_s / 0.03))
        most_w = stay.pace_w_s * step_s if stay.pace_w_s < inf else inf
        self.powers_w[id] = power_w + min(max(moved_w, -most_w), most_w)
        if abs(moved_w) > most_w:
            self._fine_until = max(self._fine_until, self.now + EVENTFUL_S)

    def _hear(self) -> None:
        """Cars begin to follow what they have been asked for a while ago."""
        for id, heard in self._heard.items():
            while heard and heard[0][0] <= self.now:
                target_w = heard.popleft()[1]
                power_w = self.powers_w[id]
                deaf = self.stays[id].deaf and abs(target_w) < abs(power_w)
                self._targets_w[id] = power_w if deaf else self._within_reach_w(id, target_w)
                self._changed()

    def _changed(self) -> None:
        """Appliances, sun or set-points have changed: time goes in fine steps for a while."""
        self._fine_until = max(self._fine_until, self.now + EVENTFUL_S)
        self.changed_s = self.now

    def _within_reach_w(self, id: str, set_w: float) -> float:
        """What of a set-point its car can do, on the phases that it uses."""
        charger = self.chargers[id]
        rating_w = max(charger.max_charge_w, charger.max_discharge_w)
        most_w = min(self.stays[id].most_w, rating_w * len(self._used(id)) / len(_wired(charger)))
        return min(max(set_w, -most_w), most_w)

    def _used(self, id: str) -> str:
        """The phases on which its car is."""
        stay = self.stays.get(id)
        return stay.phases if stay is not None and stay.phases else _wired(self.chargers[id])

    def _end_rest(self, id: str) -> None:
        """The contactor closes again once a car has rested long enough."""
        if self.now >= self._rests_until.get(id, inf):
            del self._rests_until[id]
            self._changed()
            self._targets_w[id] = self._within_reach_w(id, self._set_w[id])

    def _open_if_late(self, id: str) -> None:
        """The station opens its contactor for a car that stays beyond its set-point, as `v2g.station.safety` does."""
        power_w, limits_w = self.powers_w[id], (max(self._set_w[id], 0.0), max(-self._set_w[id], 0.0))
        limit_w = limits_w[0] if power_w > 0.0 else limits_w[1]
        if abs(power_w) > limit_w + tolerated_w(limit_w):
            self._fine_until = max(self._fine_until, self.now + FINE_S)
        within = self._within.get(id, NEVER)
        late = [
            each.step(power_w, limits_w, times, self.now)
            for each, times in zip(self._late[id], (ALWAYS, _opening(within)), strict=True)
        ]
        if late != [None, None]:
            self.opened += 1
            for each in self._late[id]:
                each.clear()
            self._rests_until[id] = self.now + self._rest_s[id]
            self._rest_s[id] = min(2.0 * self._rest_s[id], LONGEST_REST_S)
            self.powers_w[id] = self._targets_w[id] = 0.0
            self._heard[id].clear()
            self.changed_s = self.now

    def _balance(self, step_s: float) -> None:
        if self._store is None:
            return
        grid_w = sum(self.meter_w)
        self.store_wh += self.store_w * step_s / HOUR_S
        wanted_w = min(max(self.store_w - grid_w, -self._store.most_w), self._store.most_w)
        if (self.store_wh <= 0.0 and wanted_w < 0.0) or (self.store_wh >= self._store.capacity_wh and wanted_w > 0.0):
            wanted_w = 0.0
        self.store_w += (wanted_w - self.store_w) * (1.0 - exp(-min(step_s, 5.0) / self._store.lag_s))
        if abs(wanted_w - self.store_w) > 10.0:
            self._fine_until = max(self._fine_until, self.now + 0.5)

    @property
    def cars_w(self) -> Row:
        """What the cars draw together, and in each phase."""
        rows = [0.0, 0.0, 0.0, 0.0]
        for id, power_w in self.powers_w.items():
            phases = self._used(id)
            rows[0] += power_w
            for phase in phases:
                rows[int(phase)] += power_w / len(phases)
        return rows[0], rows[1], rows[2], rows[3]

    @property
    def meter_w(self) -> Phases:
        """What flows at the connection in each phase."""
        cars, store_w = self.cars_w, self.store_w / 3.0
        return (
            self.load_w[0] + cars[1] + store_w,
            self.load_w[1] + cars[2] + store_w,
            self.load_w[2] + cars[3] + store_w,
        )

    def reading(self) -> HouseReading:
        """What the meter shows."""
        first, second, third = (power_w + float(self._random.normal(0.0, self._noise_w)) for power_w in self.meter_w)
        return HouseReading(unix_s=self.now, powers_w=(first, second, third))

    def stored(self) -> BatteryReading | None:
        """What the battery's meter shows."""
        if self._store is None:
            return None
        return BatteryReading(unix_s=self.now, power_w=self.store_w, soc_pu=self.store_wh / self._store.capacity_wh)

    def seen(self) -> dict[str, Charger]:
        """The chargers as their stations report them."""
        return {id: self._seen(charger) for id, charger in self.chargers.items()}

    def _seen(self, charger: Charger) -> Charger:
        stay = self.stays.get(charger.id)
        if stay is None:
            return replace(charger, vehicle=None, measured_w=0.0, measured_unix_s=self.now)
        needs = Needs(source=Source.DRIVER, departure_unix_s=stay.until_s, target_soc_pu=stay.target_pu,
                      min_soc_pu=stay.floor_pu, stated_unix_s=stay.from_s)  # fmt: skip
        soc_pu = self.energies_wh[charger.id] / stay.capacity_wh
        vehicle = Vehicle(id=f"car at {charger.id}", discharges=stay.feeds, capacity_wh=stay.capacity_wh,
                          soc_pu=min(max(soc_pu, 0.0), 1.0), soc_unix_s=self.now, needs=needs)  # fmt: skip
        power_w, phases = self.powers_w[charger.id], charger.phases
        if 0 < len(stay.phases) < len(phases) and abs(power_w) > SMALL_W:  # its station sees that, but not on which
            self._fewer_until[charger.id] = self.now + FEWER_S
        if self.now < self._fewer_until.get(charger.id, -inf):
            phases = "/".join(phases)
        return replace(charger, vehicle=vehicle, measured_w=power_w, measured_unix_s=self.now, phases=phases)


def _opening(within: Within) -> Within:
    """The times until the contactor is open."""
    times = (None if each is None else each + OPENS_S for each in (within.charge_s, within.discharge_s))
    return Within(*times)


def _wired(charger: Charger) -> str:
    return charger.phases.partition("/")[0]  # of `1/2/3` the car is on the first


class Watch:
    """How long a limit was exceeded while cars did their part of it: by row, drawn and fed."""

    def __init__(self, fuse_w: float, export_w: float) -> None:
        self._limits = (inf, fuse_w, fuse_w, fuse_w), (export_w,) * 4  # a main fuse is one of each phase
        self._since: dict[tuple[int, int], float] = {}
        self.longest_s = {"fuse": 0.0, "export": 0.0}
        self.times = 0

    def see(self, house: House) -> None:
        """After each step."""
        meter, cars = house.meter_w, house.cars_w
        flows = (sum(meter), *meter)
        for way, name in ((0, "fuse"), (1, "export")):
            sign = 1.0 if way == 0 else -1.0
            for row in range(4):
                key = way, row
                over = sign * flows[row] > self._limits[way][row] + SEEN_W and sign * cars[row] > 1.0
                if not over:
                    self._since.pop(key, None)
                    continue
                self.times += key not in self._since
                lasted_s = house.now - self._since.setdefault(key, house.now)
                self.longest_s[name] = max(self.longest_s[name], lasted_s)
