"""Few set-points change in a cycle: which ones, so that the sum is right at once and the shares become so in time."""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.allocation import TOLERANCE_W, Bools, Floats, Ints, Network
from v2g.depot.sharing import Musts, Side, Way, fill_with_minimum

RESOLUTION_W = 1.0
"""Set-points are multiples of it, towards zero."""


class Few(Struct, frozen=True):
    """How much may change in one step."""

    most: int
    """At most this number of chargers, beside those that are at what they may no longer do."""
    ignore_w: Floats
    """A charger that is no further from its ideal is left alone."""
    slack_w: float
    """A sum that is no further from the target is left alone."""
    sudden_w: float
    """If more than this is lacking at once, as many change as it takes."""
    unreached_w: float
    """A sum that is further from the ideal goes on at once."""


def move(network: Network, before_w: Floats, way: Way, must: Musts, few: Few) -> Floats:
    """The set-points from now on: the ideals of the way, as near as few changes come to them."""
    outcome_w = np.where(must.who, np.floor(must.power_w), 0.0)
    most = few.most - int((outcome_w[must.who] != before_w[must.who]).sum())
    for side in way.sides:
        held_w = np.where(must.who, 0.0, side.direction * before_w)
        forced = held_w > side.caps_w + RESOLUTION_W
        if way.back is None:  # each side has its own chargers
            held_w = np.maximum(held_w, 0.0)
        else:  # some may still go the other way, within that way's caps and limits
            forced |= -held_w > way.back.caps_w + RESOLUTION_W
            forced |= _behind_full_rows(network, -held_w, way.back.limits_w)
        power_w, chosen = rearrange(network, held_w, side, way.back, forced, replace(few, most=max(most, 0)))
        most -= int(chosen.sum())
        whole_w = np.copysign(np.floor(np.abs(power_w) + 1e-6), power_w)
        outcome_w += side.direction * np.where(chosen, whole_w, power_w)
    return outcome_w + 0.0


def rearrange(
    network: Network, power_w: Floats, side: Side, back: Side | None, must: Bools, few: Few
) -> tuple[Floats, Bools]:
    """The powers from now on in the side's direction, and whose were shared again.

    The sum of the ideal is the target. All that `must` change do; of the others a few: as many as it takes to reach
    the target, and those that are furthest from their ideal. What a few cannot reach is left to the next step, unless
    it is much. `back`: the other direction, in which some may still be.
    """
    ideal_w = side.ideal.power_w
    target_w = float(ideal_w.sum())
    must = must | _behind_full_rows(network, np.where(must, 0.0, power_w), side.limits_w)
    gap_w = np.where(must, 0.0, np.abs(ideal_w - power_w))
    count = max(few.most - int(must.sum()), 0)
    nodes_bind = bool((side.ideal.bound >= 0).any())
    needed = _needed(power_w, ideal_w if nodes_bind else side.caps_w, must, target_w, few)
    if len(needed) > count:
        count = max(count, len(needed)) if abs(target_w - float(power_w.sum())) > few.sudden_w else count
        needed = needed[:count]
    far_w = np.where(gap_w > few.ignore_w, gap_w, 0.0)
    while True:
        chosen = must.copy()
        chosen[needed] = True
        _add_furthest(chosen, power_w, far_w, count - len(needed))
        if not chosen.any():
            return power_w, chosen
        outcome_w = _share_again(network, power_w, chosen, side, back, target_w)
        lacking_w = target_w - float(outcome_w.sum())
        if lacking_w <= few.sudden_w or count >= len(power_w):
            return outcome_w, chosen
        count, far_w = max(2 * count, 1), gap_w  # within the nodes' limits it takes more of them


def _add_furthest(chosen: Bools, power_w: Floats, far_w: Floats, count: int) -> None:
    """Choose those that are furthest from their ideal; if some go the wrong way, as many that go the right way."""
    ranked = np.where(chosen, 0.0, far_w)
    wrong = np.where(power_w < 0.0, ranked, 0.0)
    if wrong.any():
        half = _largest(wrong, (count + 1) // 2)
        half = half[wrong[half] > 0.0]
        chosen[half] = True
        count -= len(half)
        ranked = np.where(chosen | (power_w < 0.0), 0.0, np.maximum(power_w, 0.0))
    best = _largest(ranked, count)
    chosen[best[ranked[best] > 0.0]] = True


def _share_again(
    network: Network, power_w: Floats, chosen: Bools, side: Side, back: Side | None, target_w: float
) -> Floats:
    """The chosen make up what the others leave of the target: in the side's direction, or in the other one."""
    others_w = np.where(chosen, 0.0, power_w)
    left_w = target_w - float(others_w.sum())
    sign, of = 1.0, side
    if left_w < 0.0:
        if back is None or not (power_w[chosen] < 0.0).any():
            return others_w
        sign, of = -1.0, back
    room_w = of.limits_w - network.sums(np.maximum(sign * others_w, 0.0))
    shares, _ = fill_with_minimum(
        network, np.where(chosen, of.caps_w, 0.0), of.minimum_w, of.weights, abs(left_w), room_w, of.least_w
    )
    return others_w + sign * shares.power_w


def _behind_full_rows(network: Network, power_w: Floats, limits_w: Floats) -> Bools:
    """Whose power passes a limit that is exceeded."""
    behind = np.zeros(network.size, dtype=np.bool_)
    over = np.flatnonzero(network.sums(np.maximum(power_w, 0.0)) > limits_w + TOLERANCE_W)
    if len(over):
        who, _, _, share = network.members(over)
        behind[who[share > 0.0]] = True
    return behind


def _needed(power_w: Floats, most_w: Floats, must: Bools, target_w: float, few: Few) -> Ints:
    """The fewest that, with all that must change, reach the target: those with the most room, to `most_w` or to 0."""
    rest_w = float(power_w[~must].sum())
    lacking_w = target_w - rest_w - float(most_w[must].sum())
    if lacking_w > 0.0:
        room_w = np.where(must, 0.0, most_w - power_w)
    else:
        room_w, lacking_w = np.where(must, 0.0, np.maximum(power_w, 0.0)), rest_w - target_w
    if lacking_w <= few.slack_w:
        return np.zeros(0, dtype=np.intp)
    order = np.argsort(-room_w, kind="stable")
    count = int(np.searchsorted(np.cumsum(room_w[order]), lacking_w)) + 1
    return order[:count]


def _largest(values: Floats, count: int) -> Ints:
    if count >= len(values):
        return np.arange(len(values))
    if count <= 0:
        return np.zeros(0, dtype=np.intp)
    return np.argpartition(-values, count - 1)[:count]
