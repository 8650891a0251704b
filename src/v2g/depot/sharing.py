"""What each charger should ideally do: vehicles that must charge first, then the request shared among the others."""

from collections.abc import Mapping
from itertools import count

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import (
    BY_CAP,
    BY_TARGET,
    TOLERANCE_W,
    Bools,
    Floats,
    Ints,
    Network,
    Shares,
    finite,
    level_of,
    nothing,
    serve,
)  # fmt: skip
from v2g.depot.capability import Capability
from v2g.depot.columns import Columns
from v2g.depot.view import Course
from v2g.kernel.durations import HOUR_S

CHARGE, DISCHARGE = 1.0, -1.0


class Limits(Struct, frozen=True):
    """Of each row of the network, in this cycle: less what else flows there. Magnitudes."""

    charge_w: Floats
    discharge_w: Floats


class Side(Struct, frozen=True):
    """One direction of the plant: who may take part, and the ideal shares. Magnitudes in that direction."""

    direction: float
    caps_w: Floats
    minimum_w: Floats
    least_w: Floats
    weights: Floats
    limits_w: Floats
    ideal: Shares
    dropped: Bools
    """At 0 only because their share would be less than their minimum."""


class Way(Struct, frozen=True):
    """What the plant does: one direction if a power is asked for, both if each vehicle follows its plan."""

    sides: tuple[Side, ...]
    back: Side | None
    """If there is one side, the other one: chargers may still go that way."""
    room_w: float
    """What the site could feed at most."""
    reserve_w: float = 0.0
    """What vehicles could give beyond what they are asked for, if others leave."""
    held: bool = False
    """Whether the reserve stands against the request."""


class Musts(Struct, frozen=True):
    """Vehicles that must charge now to have at departure what they need."""

    who: Bools
    power_w: Floats
    bound: Ints
    """What binds each, as in `Shares`."""


def musts(columns: Columns, can: Capability, before: Bools, limits: Limits) -> Musts:
    """Those whose time left is just enough. Who must, does so until it has gained some time (a tenth)."""
    enough_wh = can.charge_w * columns["efficiency_pu"] * can.left_s / HOUR_S
    who = (can.need_wh > 0.0) & (can.charge_w > 0.0) & (can.need_wh >= np.where(before, 0.9, 1.0) * enough_wh)
    if not who.any():
        return Musts(who, np.zeros(len(who)), np.full(len(who), BY_CAP))
    shares, _ = fill_with_minimum(
        columns.network, np.where(who, can.charge_w, 0.0), columns["min_charge_w"], urgency(can), np.inf,
        limits.charge_w,
    )  # fmt: skip
    return Musts(who, shares.power_w, shares.bound)


def urgency(can: Capability) -> Floats:
    """Average power that each vehicle needs until its departure; a little for those that need none."""
    urgent: Floats = can.need_wh / (np.maximum(can.left_s, 60.0) / HOUR_S) + 0.01 * can.charge_w
    return urgent


def charge_caps(columns: Columns, can: Capability, must: Musts, limits: Limits) -> tuple[Floats, Floats, Floats]:
    """What those that need not charge anyway may charge: caps, minimums, and what is left of the limits."""
    room_w = limits.charge_w - columns.network.sums(must.power_w)
    return np.where(must.who, 0.0, can.charge_w), columns["min_charge_w"], room_w


def charging(columns: Columns, can: Capability, must: Musts, target_w: float, limits: Limits) -> Side:
    """`target_w` shared by urgency among those that need not charge anyway."""
    caps_w, minimum_w, room_w = charge_caps(columns, can, must, limits)
    return _side(columns, can, CHARGE, caps_w, minimum_w, urgency(can), target_w, room_w)


def discharging(columns: Columns, can: Capability, must: Musts, target_w: float, limits: Limits) -> Side:
    """`target_w` shared by the energy above each vehicle's floor."""
    caps_w = np.where(must.who, 0.0, can.discharge_w)
    return _side(
        columns, can, DISCHARGE, caps_w, columns["min_discharge_w"], can.above_wh, target_w, limits.discharge_w
    )


def most_w(network: Network, caps_w: Floats, minimum_w: Floats, limits_w: Floats) -> float:
    """The most that chargers could give with these caps. Exact for what they must give at least, and without what they
    should: that only makes fewer of them give more."""
    found, _ = fill_with_minimum(network, caps_w, minimum_w, caps_w, np.inf, limits_w)
    return float(found.power_w.sum())


class Most:
    """`most_w` of one direction, found again only if something that it depends on is another one than in the step
    before."""

    def __init__(self) -> None:
        self._by: tuple[Network, Floats, Floats, Floats] | None = None
        self._most_w = 0.0

    def of(self, network: Network, caps_w: Floats, minimum_w: Floats, limits_w: Floats) -> float:
        """As `most_w`."""
        by, before = (network, caps_w, minimum_w.copy(), limits_w), self._by
        if before is None or network is not before[0] or not all(map(np.array_equal, by[1:], before[1:])):
            self._by, self._most_w = by, most_w(*by)
        return self._most_w


def by_course(
    columns: Columns, can: Capability, must: Musts, energy_wh: Floats, courses: Mapping[str, Course], now: float,
    limits: Limits,
) -> tuple[Side, Side]:  # fmt: skip
    """Nobody asks for a power: charge and discharge as the plan says; without a plan charge what there is to charge."""
    wish_w = can.charge_w.copy()
    efficiency = columns["efficiency_pu"]
    for number, id in enumerate(columns.ids) if courses else ():
        course = courses.get(id)
        if course is not None and course.power_w is not None:
            wish_w[number] = course.power_w
        elif course is not None and not np.isnan(energy_wh[number]):
            hours = max(course.until_unix_s - now, 60.0) / HOUR_S
            into_w = (course.energy_wh - energy_wh[number]) / hours
            wish_w[number] = into_w / efficiency[number] if into_w > 0 else into_w * efficiency[number]
    charge_limits_w = limits.charge_w - columns.network.sums(must.power_w)
    charge_w = np.where(must.who, 0.0, np.clip(wish_w, 0.0, can.charge_w))
    weights = np.minimum(urgency(can), 1e3 * charge_w) if not courses else charge_w
    give_w = np.where(must.who, 0.0, np.clip(-wish_w, 0.0, can.discharge_w))
    charge = _side(columns, can, CHARGE, charge_w, columns["min_charge_w"], weights, np.inf, charge_limits_w)
    give = _side(columns, can, DISCHARGE, give_w, columns["min_discharge_w"], give_w, np.inf, limits.discharge_w)
    return charge, give


def _side(
    columns: Columns,
    can: Capability,
    direction: float,
    caps_w: Floats,
    minimum_w: Floats,
    weights: Floats,
    target_w: float,
    limits_w: Floats,
) -> Side:
    ideal, dropped = fill_with_minimum(columns.network, caps_w, minimum_w, weights, target_w, limits_w, can.least_w)
    return Side(direction, caps_w, minimum_w, can.least_w, weights, limits_w, ideal, dropped)


_ROUNDS = 4
"""For a minimum that is only preferred; each takes as long as sharing does."""


def fill_with_minimum(
    network: Network,
    caps_w: Floats,
    minimum_w: Floats,
    weights: Floats,
    target_w: float,
    limits_w: Floats,
    least_w: Floats | float = 0.0,
) -> tuple[Shares, Bools]:
    """As `serve`, but a share is 0 or at least the charger's minimum. Returns also who stays at 0 for that reason.

    Of the chargers whose share is below their minimum, those with the most stay as far as the power of all of them goes
    round, the others go to 0, and everything is shared again, until nobody is below.

    `least_w` is a minimum that is only preferred: it holds as far as a few rounds come to it.
    """
    preferred_w = np.maximum(minimum_w, np.minimum(least_w, caps_w))
    below_w = np.maximum(minimum_w * (1.0 - 1e-9), preferred_w - TOLERANCE_W)
    dropped = caps_w < minimum_w
    if target_w <= 0.0:
        return nothing(np.where(dropped, 0.0, finite(caps_w, weights)[0])), dropped & (caps_w > 0.0)
    found = _beside_limits(network, caps_w, minimum_w, preferred_w, below_w, weights, target_w, limits_w)
    if found is not None:
        return found
    for rounds in count():
        if rounds == _ROUNDS:
            preferred_w, below_w = minimum_w, minimum_w * (1.0 - 1e-9)
        shares = serve(network, np.where(dropped, 0.0, caps_w), weights, target_w, limits_w)
        leaving = _leaving(shares.power_w, minimum_w, preferred_w, below_w)
        if leaving is None:
            return shares, dropped & (caps_w > 0.0)
        dropped[leaving] = True
    raise AssertionError("each round drops one charger at least")


def _beside_limits(
    network: Network, caps_w: Floats, minimum_w: Floats, preferred_w: Floats, below_w: Floats, weights: Floats,
    target_w: float, limits_w: Floats,
) -> tuple[Shares, Bools] | None:  # fmt: skip
    """The same if no node stands against it, which is known at the end only; None if one does. Most rounds then need
    no sums over the tree."""
    cut_w, weights = finite(caps_w, weights)
    dropped, level = caps_w < minimum_w, 0.0
    for rounds in count():
        if rounds == _ROUNDS:
            preferred_w, below_w = minimum_w, minimum_w * (1.0 - 1e-9)
        cut_w[dropped] = 0.0
        level = level_of(target_w, cut_w, weights, level)  # it only rises
        power_w = np.minimum(cut_w, level * weights) if level < np.inf else cut_w
        leaving = _leaving(power_w, minimum_w, preferred_w, below_w)
        if leaving is None:
            break
        dropped[leaving] = True
    if (network.sums(power_w) > limits_w + TOLERANCE_W).any():
        return None
    return Shares(power_w, np.where(power_w < cut_w, BY_TARGET, BY_CAP), level), dropped & (caps_w > 0.0)


def _leaving(power_w: Floats, minimum_w: Floats, preferred_w: Floats, below_w: Floats) -> Ints | None:
    """Of the chargers whose share is below their minimum (`below_w`, as far as that is exact), those that go to 0; None
    if there is none."""
    low = ((power_w < below_w) & (power_w > 0.0)).nonzero()[0]
    if not len(low):
        return None
    low_w, floors_w = power_w[low], preferred_w[low]
    order = (-low_w / floors_w).argsort(kind="stable")
    ranked, of_all_w = low[order], float(low_w.sum())
    stay = int(floors_w[order].cumsum().searchsorted(of_all_w, side="right"))
    if stay == 0 and of_all_w >= minimum_w[ranked[0]] and len(low) == np.count_nonzero(power_w):
        if len(low) == 1:
            return None
        stay = 1
    return ranked[min(stay, len(low) - 1) :]
