"""Shares a request over depots, within the network's limits: the cheapest first, equals by the energy behind them.

Among depots of one cost the shares are those of water-filling on the network's tree (`v2g.depot.allocation`). Limits of
nodes of a tree form a polymatroid, on which taking the cheapest first is optimal: no other way of meeting the request,
or as much of it as the limits admit, costs less. The tests compare it with a linear programme.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import BY_CAP, BY_TARGET, TOLERANCE_W, Bools, Floats, Ints, Network, fill
from v2g.depot.tree import Tree
from v2g.fleet.view import Place


class Offers(Struct, frozen=True):
    """What each depot can do, in the order of `Fleet.places`; signed powers."""

    least_w: Floats
    most_w: Floats
    above_wh: Floats
    """What its batteries can give, and what they can take: depots of one cost share by that."""
    room_wh: Floats
    steered: Bools
    """Whoever is not gets no share; what it may do is in `charge_w` and `discharge_w`."""
    charge_w: Floats
    discharge_w: Floats
    """Of depots that are not steered: what may flow there at most. Magnitudes."""


class Split(Struct, frozen=True):
    """The outcome, in the order of `Fleet.places`."""

    power_w: Floats
    """Of the steered depots; others have 0."""
    bound: Ints
    """A row of the network, `BY_TARGET` or `BY_CAP`."""
    least_w: float
    most_w: float
    """What the steered depots could do together, within the network's limits."""


class Fleet:
    """The depots and the network between them, compiled for arithmetic."""

    def __init__(self, tree: Tree, places: Sequence[Place]) -> None:
        """Raises KeyError for a node that is not in the tree."""
        network = Network(tree, [each.node for each in places], ["123"] * len(places))
        self.places = [places[number] for number in network.order]
        self.network = Network(tree, [each.node for each in self.places], ["123"] * len(places))
        self.ids = [each.id for each in self.places]
        self.cost: Floats = np.array([each.cost for each in self.places])
        self.max_charge_w: Floats = np.array([each.max_charge_w for each in self.places])
        self.max_discharge_w: Floats = np.array([each.max_discharge_w for each in self.places])

    def within(self, number: int, power_w: float) -> float:
        """A power that a depot states, within the limits of its connection."""
        return float(min(max(power_w, -self.max_discharge_w[number]), self.max_charge_w[number]))

    def split(self, request_w: float, offers: Offers) -> Split:
        """Share `request_w` among the steered depots. What cannot be met is left out; nobody is asked for the opposite
        direction to make room for it."""
        network, steered = self.network, offers.steered
        charge_w = network.charge_w - network.sums(np.where(steered, 0.0, offers.charge_w))
        discharge_w = network.discharge_w - network.sums(np.where(steered, 0.0, offers.discharge_w))
        least_w = np.where(steered, np.clip(offers.least_w, -self.max_discharge_w, self.max_charge_w), 0.0)
        most_w = np.where(steered, np.clip(offers.most_w, -self.max_discharge_w, self.max_charge_w), 0.0)
        most_w = np.maximum(most_w, least_w)
        forced_w = np.clip(0.0, least_w, most_w)  # what each does at least in a direction that it cannot help
        charge_w = np.maximum(charge_w - network.sums(np.maximum(forced_w, 0.0)), 0.0)
        discharge_w = np.maximum(discharge_w - network.sums(np.maximum(-forced_w, 0.0)), 0.0)
        up = (most_w - forced_w, offers.room_wh, charge_w)
        down = (forced_w - least_w, offers.above_wh, discharge_w)
        could_charge_w = float(fill(network, up[0], up[0], np.inf, charge_w).power_w.sum())
        could_feed_w = float(fill(network, down[0], down[0], np.inf, discharge_w).power_w.sum())
        base_w = float(forced_w.sum())
        rest_w = request_w - base_w
        sign = 1.0 if rest_w >= 0.0 else -1.0
        caps_w, energy_wh, limits_w = up if rest_w >= 0.0 else down
        # Who says nothing of its energy shares by its power.
        weights = np.where(energy_wh > 0.0, energy_wh, caps_w)
        given_w, bound = by_cost(network, caps_w, weights, self.cost, abs(rest_w), limits_w)
        power_w = np.where(steered, forced_w + sign * given_w, 0.0) + 0.0
        return Split(power_w, bound, base_w - could_feed_w, base_w + could_charge_w)


def by_cost(
    network: Network, caps_w: Floats, weights: Floats, cost: Floats, target_w: float, limits_w: Floats
) -> tuple[Floats, Ints]:
    """`target_w` from the cheapest on; magnitudes of one direction. Returns the shares and what binds each."""
    given_w = np.zeros(network.size)
    bound: Ints = np.full(network.size, BY_TARGET, dtype=np.intp)
    for tier in np.unique(cost[caps_w > 0.0]):
        who = cost == tier
        left_w = target_w - float(given_w.sum())
        if left_w <= TOLERANCE_W:
            break
        shares = fill(network, np.where(who, caps_w, 0.0), weights, left_w, limits_w - network.sums(given_w))
        given_w = given_w + shares.power_w
        bound = np.where(who, shares.bound, bound)
    return given_w, np.where(caps_w > 0.0, bound, BY_CAP)
