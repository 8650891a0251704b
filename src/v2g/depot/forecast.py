"""What is to be expected of a site by its own history: departures, arrivals, energies, other loads.

Each value comes with its standard deviation. A history that is too short gives nothing: no guess stands for a fact. A
forecast is never a need: it moves no floor, and permits no discharge by itself.
"""

from collections.abc import Iterable, Sequence
from math import sqrt

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats
from v2g.depot.ledger import Account
from v2g.depot.plan import STEP_S, STEPS, Departure, Stay
from v2g.kernel.durations import DAY_S

LEAST_VISITS = 8
"""Of those that a value is the mean of."""
LEAST_DAYS = 14
"""Of a history."""
LEAST_LOAD_DAYS = 7.0
"""Of a load, of this kind of day."""
LEAST_DEVIATION_S = 300.0
SHORTEST_S, LONGEST_S = 300.0, 7 * DAY_S
"""A visit that lasted less, or more, is none that others are like."""
HALF_LIFE_DAYS = 30.0
"""A day's weight in the mean of a load is half of that of a day this much later."""
BIN_STEPS = 8
"""Steps whose expected arrivals are planned as one stay."""


class Visit(Struct, frozen=True):
    """A stay that is over."""

    vehicle: str
    since_unix_s: float
    until_unix_s: float
    energy_wh: float
    """What was charged, less what was discharged, at the grid side."""


class Expected(Struct, frozen=True):
    """A value and its standard deviation."""

    mean: float
    deviation: float


class Arrivals(Struct, frozen=True):
    """How many vehicles come in each step from `start_unix_s` on."""

    start_unix_s: float
    mean: Floats
    deviation: Floats


def visits(accounts: Iterable[Account]) -> list[Visit]:
    """The history, from the ledger's transactions that are over and complete."""
    return [
        Visit(each.vehicle, each.since_s, each.until_s, each.charged_wh - each.discharged_wh)
        for each in accounts
        if each.ended and not each.missing and SHORTEST_S <= each.until_s - each.since_s <= LONGEST_S
    ]


class Forecast:
    """By the visits of a site."""

    def __init__(self, history: Sequence[Visit], utc_offset_s: float = 0.0) -> None:
        """`utc_offset_s`: of local time, by which people live."""
        self._offset_s = utc_offset_s
        self._history = sorted(history, key=lambda each: each.since_unix_s)
        self._of: dict[str, list[Visit]] = {}
        for each in self._history:
            if each.vehicle:
                self._of.setdefault(each.vehicle, []).append(each)

    def departure(self, vehicle: str, since_unix_s: float, now: float) -> Departure | None:
        """When a vehicle leaves that came at `since_unix_s` and is still here. By its own visits if they are enough,
        by those of all vehicles otherwise; by how long they lasted or by the clock, whichever is the surer."""
        for history in (self._of.get(vehicle, []), self._history):
            alike = [
                each for each in history if self._is_work_day(each.since_unix_s) == self._is_work_day(since_unix_s)
            ]
            if not _enough(history) or len(alike) < LEAST_VISITS:
                continue
            lasted = np.array([since_unix_s + each.until_unix_s - each.since_unix_s for each in alike])
            clock = np.array([self._next(each.until_unix_s, since_unix_s) for each in alike])
            found = [each for each in (_later(each, now) for each in (lasted, clock)) if each is not None]
            if found:
                return min(found, key=lambda each: each.deviation_s)
        return None

    def energy_wh(self, vehicle: str = "") -> Expected | None:
        """What a visit of this vehicle takes; of any, if it has too few."""
        for history in (self._of.get(vehicle, []), self._history):
            if _enough(history):
                taken = np.array([each.energy_wh for each in history])
                return Expected(float(taken.mean()), _deviation(taken))
        return None

    def arrivals(self, start_unix_s: float) -> Arrivals | None:
        """How many vehicles come in each step of the plan, by days of the same kind."""
        if not _enough(self._history):
            return None
        first, last = (self._day(self._history[place].since_unix_s) for place in (0, -1))
        counts = np.zeros((last - first + 1, STEPS))
        for each in self._history:
            counts[self._day(each.since_unix_s) - first, self._step(each.since_unix_s)] += 1
        kinds = np.array([_is_work_day(day) for day in range(first, last + 1)])
        mean, deviation = np.zeros(STEPS), np.zeros(STEPS)
        for number in range(STEPS):
            at_s = start_unix_s + number * STEP_S
            alike = counts[kinds == self._is_work_day(at_s)]
            if len(alike) < 2:
                return None
            step = self._step(at_s)
            near = alike[:, [(step + off) % STEPS for off in (-1, 0, 1)]]  # nobody comes to the minute
            mean[number] = near.mean()
            # Of Poisson's kind, and how well the mean itself is known.
            deviation[number] = sqrt(max(mean[number], 1 / near.size) * (1 + 1 / near.size))
        return Arrivals(start_unix_s, mean, deviation)

    def stays(self, start_unix_s: float, node: str, charge_w: float) -> list[Stay]:
        """The arrivals of a day as stays that can be planned: what they take is left free. `charge_w`: of one
        vehicle."""
        arrivals, energy = self.arrivals(start_unix_s), self.energy_wh()
        found: list[Stay] = []
        if arrivals is None or energy is None or energy.mean <= 0:
            return found
        lasted = [each.until_unix_s - each.since_unix_s for each in self._history]
        for begin in range(0, STEPS, BIN_STEPS):
            count = float(arrivals.mean[begin : begin + BIN_STEPS].sum())
            if count >= 0.5:
                from_s = start_unix_s + begin * STEP_S
                wanted_wh = count * energy.mean
                found.append(
                    Stay(
                        id=f"expected {begin}",
                        node=node,
                        energy_wh=0.0,
                        capacity_wh=wanted_wh,
                        target_wh=wanted_wh,
                        floor_wh=0.0,
                        max_charge_w=count * charge_w,
                        from_unix_s=from_s + BIN_STEPS / 2 * STEP_S,
                        departure=Departure(from_s + BIN_STEPS / 2 * STEP_S + float(np.median(lasted))),
                    )
                )
        return found

    def _day(self, unix_s: float) -> int:
        return int((unix_s + self._offset_s) // DAY_S)

    def _step(self, unix_s: float) -> int:
        return int((unix_s + self._offset_s) % DAY_S // STEP_S)

    def _is_work_day(self, unix_s: float) -> bool:
        return _is_work_day(self._day(unix_s))

    def _next(self, unix_s: float, after_unix_s: float) -> float:
        """The same time of day, the first one after an instant."""
        return after_unix_s + (unix_s - after_unix_s) % DAY_S


class LoadProfile(Struct):
    """What else than the chargers the site draws, or a plant feeds, by the time of day; kept as a row of the state."""

    utc_offset_s: float = 0.0
    weight: list[float] = []
    """Of what has been seen, in days, for each step of a work day and then of another day; an older day weighs less."""
    total_w: list[float] = []
    squares: list[float] = []

    def add(self, unix_s: float, power_w: float) -> None:
        """The mean over one step that is over, which began at `unix_s`."""
        if not self.weight:
            self.weight, self.total_w, self.squares = ([0.0] * 2 * STEPS for _ in range(3))
        step, keep = self._place(unix_s), 0.5 ** (1 / HALF_LIFE_DAYS)
        self.weight[step] = self.weight[step] * keep + 1.0
        self.total_w[step] = self.total_w[step] * keep + power_w
        self.squares[step] = self.squares[step] * keep + power_w * power_w

    def expected(self, start_unix_s: float) -> tuple[Floats, Floats] | None:
        """Mean and deviation for each step of the plan; None if too few days have been seen."""
        places = [self._place(start_unix_s + number * STEP_S) for number in range(STEPS)]
        if not self.weight or min(self.weight[place] for place in places) < LEAST_LOAD_DAYS / 2:
            return None
        weight, total_w, squares = (np.array(each)[places] for each in (self.weight, self.total_w, self.squares))
        mean_w = total_w / weight
        return mean_w, np.sqrt(np.maximum(squares / weight - mean_w**2, 0.0) * (1 + 1 / weight))

    def _place(self, unix_s: float) -> int:
        day = int((unix_s + self.utc_offset_s) // DAY_S)
        step = int((unix_s + self.utc_offset_s) % DAY_S // STEP_S)
        return step if _is_work_day(day) else STEPS + step


def _is_work_day(day: int) -> bool:
    """Monday to Friday; day 0 was a Thursday."""
    return (day + 3) % 7 < 5


def _enough(history: Sequence[Visit]) -> bool:
    if len(history) < LEAST_VISITS:
        return False
    return history[-1].since_unix_s - history[0].since_unix_s >= (LEAST_DAYS - 1) * DAY_S


def _later(departures_s: Floats, now: float) -> Departure | None:
    """Mean and deviation of those that are still to come."""
    still = departures_s[departures_s > now]
    if len(still) < LEAST_VISITS:
        return None
    return Departure(float(still.mean()), max(_deviation(still), LEAST_DEVIATION_S))


def _deviation(values: Floats) -> float:
    """Of the next value: of the values among each other, and of their mean."""
    return float(values.std(ddof=1)) * sqrt(1 + 1 / len(values))
