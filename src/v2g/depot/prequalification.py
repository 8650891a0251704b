"""The grid operator's test of a depot that offers frequency control: what is ordered, and what counts as fulfilled.

FCR (frequency containment reserve): the frequency is 200 mHz too low, then 200 mHz too high, and all of the capacity is
asked for at once each time. aFRR (automatic frequency restoration reserve): all of it twice in one direction, the
double hump. Each order lasts long enough to show that the energy is there.

Times to respond are those of continental Europe: Regulation (EU) 2017/1485 (SO GL), FCR article 154(7), aFRR article
158(1)(d); all of the aFRR within 5 minutes is the European standard product (EB GL article 25). What an operator asks
beyond that (how long an order is held, which deviation still counts) differs from one to the next: the operator's own
conditions decide.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from math import isfinite, nan, sqrt

from msgspec import Struct

WITHIN_PU = 0.05
"""Of the capacity: a power that is no further from the order counts as the order."""
AVAILABLE_PU = 0.99
"""Least share of the seconds of an order, after its time to respond, in which the power is within that."""
LEAD_S = 60.0
"""The baseline is observed for this long before the first order, and after the last one."""
BY = "prequalification"
HOLDS_S = 10.0
"""An order that is not renewed lapses after this time: if the test dies, the depot takes up what it did before."""
MOST_GAP_S = 10.0
"""Longest time without a reading: what lies between readings further apart is not known."""


class Product(StrEnum):
    """What a depot offers."""

    FCR = "fcr"
    AFRR = "afrr"


class Limits(Struct, frozen=True, kw_only=True):
    """The times that a product allows, in seconds after the order."""

    delay_s: float | None
    """Until the power moves; None: without a figure."""
    half_s: float | None
    full_s: float
    source: str


LIMITS = {
    Product.FCR: Limits(delay_s=None, half_s=15.0, full_s=30.0, source="SO GL art. 154(7)"),
    Product.AFRR: Limits(delay_s=30.0, half_s=None, full_s=300.0, source="SO GL art. 158(1)(d); EB GL art. 25"),
}
LASTS_S = 900.0
"""How long an order lasts: 15 minutes at least for FCR (SO GL article 156(9)), and as long for aFRR."""


class Order(Struct, frozen=True):
    """A share of the capacity from an instant on; positive feeds the grid, as the signals of grid operators do."""

    from_s: float
    signal_pu: float


class Trial(Struct, frozen=True, kw_only=True):
    """What is played."""

    product: Product
    capacity_w: float
    baseline_w: float
    """The site's power without an order; positive draws from the grid."""
    orders: tuple[Order, ...]
    """In order of time; the last one is the end."""

    @property
    def limits(self) -> Limits:
        """The times that the product allows."""
        return LIMITS[self.product]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.orders[-1].from_s

    def signal_pu(self, time_s: float) -> float:
        """What is ordered at an instant."""
        return [0.0, *(each.signal_pu for each in self.orders if each.from_s <= time_s)][-1]

    def asked_w(self, signal_pu: float) -> float:
        """The power that an order asks for."""
        return self.baseline_w - signal_pu * self.capacity_w


def trial_of(
    product: Product,
    capacity_w: float,
    baseline_w: float = 0.0,
    *,
    hold_s: float | None = None,
    pause_s: float | None = None,
    up: bool = True,
) -> Trial:
    """The test of a product. `up`: aFRR that feeds the grid; otherwise it draws from it.

    `hold_s`: how long each order lasts; `pause_s`: between two, at least the time that the product allows to return.
    """
    held_s = LASTS_S if hold_s is None else hold_s
    least_s = LIMITS[product].full_s
    resting_s = max(least_s, 2 * LEAD_S) if pause_s is None else pause_s
    signals = (1.0, -1.0) if product is Product.FCR else (1.0, 1.0) if up else (-1.0, -1.0)
    orders, at_s = [Order(0.0, 0.0)], LEAD_S
    for signal_pu in signals:
        orders += [Order(at_s, signal_pu), Order(at_s + held_s, 0.0)]
        at_s += held_s + resting_s
    ends = Order(at_s - resting_s + least_s + LEAD_S, 0.0)
    return Trial(product=product, capacity_w=capacity_w, baseline_w=baseline_w, orders=(*orders, ends))


class Sample(Struct, frozen=True):
    """What was ordered and what was measured at an instant of the trial."""

    time_s: float
    signal_pu: float
    power_w: float
    """Positive draws from the grid; NaN if it is not known."""


class Figure(Struct, frozen=True, kw_only=True):
    """One line of the report."""

    name: str
    value: float
    """NaN if it never happened."""
    unit: str
    most: float | None = None
    least: float | None = None
    source: str = ""

    @property
    def passed(self) -> bool | None:
        """None if nothing is demanded of it."""
        if self.most is None and self.least is None:
            return None
        low, high = self.least, self.most
        return isfinite(self.value) and (high is None or self.value <= high) and (low is None or self.value >= low)


class Result(Struct, frozen=True, kw_only=True):
    """What came of a trial."""

    trial: Trial
    figures: tuple[Figure, ...]
    qualified_w: float
    """What the least of the orders held on average: the capacity that the test proves, at most the one asked for."""

    @property
    def passed(self) -> bool:
        """Whether everything that is demanded is there."""
        return all(each.passed is not False for each in self.figures)


_OURS = "this test; the operator's conditions decide"


def judge(trial: Trial, samples: Sequence[Sample]) -> Result:
    """The figures of a test from its samples, in order of time."""
    figures, held_w = list(_baseline(trial, samples)), []
    for number, (order, after) in enumerate(_orders(trial), 1):
        name = f"order {number} ({'feed' if order.signal_pu > 0 else 'draw'})"
        during = _between(samples, order.from_s, after.from_s)
        figures += _response(trial, name, order, during)
        holds = [each for each in during if each.time_s >= order.from_s + trial.limits.full_s]
        given_pu = [_given_pu(trial, each, order.signal_pu) for each in holds]
        figures += _held(trial, name, given_pu, after.from_s - order.from_s - trial.limits.full_s)
        figures.append(_gap(name, during, order.from_s, after.from_s))
        known = [each for each in given_pu if isfinite(each)]
        held_w.append(sum(known) / len(known) * trial.capacity_w if known else 0.0)
        figures.append(_return(trial, name, after, samples))
    qualified_w = max(0.0, min(trial.capacity_w, *held_w))
    return Result(trial=trial, figures=tuple(figures), qualified_w=qualified_w)


def _orders(trial: Trial) -> Iterator[tuple[Order, Order]]:
    """The orders that ask for something, each with the one that ends it."""
    return ((order, after) for order, after in pairwise(trial.orders) if order.signal_pu)


def _between(samples: Sequence[Sample], from_s: float, until_s: float) -> list[Sample]:
    return [each for each in samples if from_s <= each.time_s < until_s]


def _given_pu(trial: Trial, sample: Sample, signal_pu: float) -> float:
    """The share of an order that is given: 1 is all of it."""
    return (trial.baseline_w - sample.power_w) / trial.capacity_w / signal_pu


def _gap(name: str, samples: Sequence[Sample], from_s: float, until_s: float) -> Figure:
    """The longest time without a reading."""
    times = [from_s, *(each.time_s for each in samples if isfinite(each.power_w)), until_s]
    longest_s = max(after - before for before, after in pairwise(times))
    return Figure(
        name=f"{name}: longest time without a reading", value=longest_s, unit="s", most=MOST_GAP_S, source=_OURS
    )


def _baseline(trial: Trial, samples: Sequence[Sample]) -> Iterator[Figure]:
    before = [each.power_w for each in _between(samples, 0.0, LEAD_S) if isfinite(each.power_w)]
    mean_w = sum(before) / len(before) if before else nan
    spread_w = sqrt(sum((each - mean_w) ** 2 for each in before) / len(before)) if before else nan
    off_pu = abs(mean_w - trial.baseline_w) / trial.capacity_w
    yield Figure(name="baseline before the test", value=mean_w / 1000, unit="kW")
    yield Figure(name="baseline off the one stated", value=off_pu, unit="pu", most=WITHIN_PU, source=_OURS)
    yield Figure(name="baseline, standard deviation", value=spread_w / 1000, unit="kW")


def _response(trial: Trial, name: str, order: Order, during: Sequence[Sample]) -> Iterator[Figure]:
    limits = trial.limits
    for text, share_pu, most_s in (
        ("until the power moves", WITHIN_PU, limits.delay_s),
        ("until half of it is given", 0.5, limits.half_s),
        ("until all of it is given", 1.0 - WITHIN_PU, limits.full_s),
    ):
        reached = (each.time_s for each in during if _given_pu(trial, each, order.signal_pu) >= share_pu)
        yield Figure(
            name=f"{name}: {text}", value=next(reached, nan) - order.from_s, unit="s", most=most_s,
            source=limits.source if most_s is not None else "",
        )  # fmt: skip


def _held(trial: Trial, name: str, given_pu: Sequence[float], lasts_s: float) -> Iterator[Figure]:
    """`given_pu`: after the time to respond, for an order that then lasts `lasts_s` more."""
    within = sum(abs(each - 1.0) <= WITHIN_PU for each in given_pu)
    errors = [each - 1.0 for each in given_pu if isfinite(each)]
    rms = sqrt(sum(each**2 for each in errors) / len(errors)) if errors else nan
    yield Figure(
        name=f"{name}: available", value=within / len(given_pu) if given_pu else nan, unit="pu", least=AVAILABLE_PU,
        source=_OURS,
    )  # fmt: skip
    yield Figure(name=f"{name}: accuracy, root mean square", value=rms, unit="pu", most=WITHIN_PU, source=_OURS)
    yield Figure(name=f"{name}: largest deviation", value=max(map(abs, errors), default=nan), unit="pu")
    mean = sum(errors) / len(errors) + 1.0 if errors else nan
    yield Figure(
        name=f"{name}: energy after the time to respond", value=mean * trial.capacity_w * lasts_s / 3.6e6, unit="kWh"
    )


def _return(trial: Trial, name: str, after: Order, samples: Sequence[Sample]) -> Figure:
    """Until the power is back at the baseline, and stays there."""
    following = next((each.from_s for each in trial.orders if each.from_s > after.from_s), trial.seconds)
    resting = _between(samples, after.from_s, following)
    away = [each.time_s for each in resting if not abs(each.power_w - trial.baseline_w) <= WITHIN_PU * trial.capacity_w]
    back = [each.time_s for each in resting if not away or each.time_s > away[-1]]
    return Figure(
        name=f"{name}: until the power is back", value=back[0] - after.from_s if back else nan, unit="s",
        most=trial.limits.full_s, source=trial.limits.source,
    )  # fmt: skip
