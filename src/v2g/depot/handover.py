"""Who gets more waits for those who give it up: two set-points that leave together need not arrive together.

A step may lower one charger and raise another behind a node that is at its limit. The one that is raised may follow
first, or the other one not at all. So a node must carry its chargers at the higher of their old and new set-points;
what of the rises does not fit waits for a later step. By then those that were lowered have accepted it, or what they
may still do counts among what is held (`Charger.held_charge_w`).
"""

import numpy as np

from v2g.depot.allocation import TOLERANCE_W, Bools, Floats, Network
from v2g.depot.columns import Columns
from v2g.depot.sharing import Limits


def flowing(columns: Columns) -> Bools:
    """Whose old set-point may still flow: a vehicle is there, and its station hears us. What others may do is counted
    elsewhere (`State.beyond_w`)."""
    there: Bools = (columns["online"] > 0) & (columns["present"] > 0) & (columns["ready"] > 0)
    return there


def in_turn(columns: Columns, before_w: Floats, power_w: Floats, limits: Limits) -> Floats:
    """The set-points of a step with rises cut to what its nodes carry whoever follows first."""
    network, still = columns.network, flowing(columns)
    outcome_w = power_w
    for sign, limits_w, least in (
        (1.0, limits.charge_w, columns["min_charge_w"]),
        (-1.0, limits.discharge_w, columns["min_discharge_w"]),
    ):
        was_w = np.where(still, np.maximum(sign * before_w, 0.0), 0.0)
        rises_w = np.maximum(np.maximum(sign * power_w, 0.0) - was_w, 0.0)
        if not rises_w.any() or not (was_w > np.maximum(sign * power_w, 0.0)).any():
            continue  # nobody gives anything up: the step keeps the limits by itself
        share = share_of_rises(network, np.maximum(was_w, sign * power_w) - rises_w, rises_w, limits_w)
        cut_w = was_w + np.floor(share * rises_w)
        cut_w = np.where(cut_w < least, was_w, cut_w)  # a charger is at 0, or at least at its minimum
        outcome_w = np.where((rises_w > 0.0) & (share < 1.0), sign * cut_w, outcome_w)
    return outcome_w + 0.0


def share_of_rises(network: Network, held_w: Floats, rises_w: Floats, limits_w: Floats) -> Floats:
    """How much of its rise each charger may have: the least that a node on its way leaves."""
    share = np.ones(network.size)
    flows_w, more_w = network.sums(np.maximum(held_w, 0.0)), network.sums(rises_w)
    over = np.flatnonzero((flows_w + more_w > limits_w + TOLERANCE_W) & (more_w > TOLERANCE_W))
    if len(over):
        who, _, counts, passes = network.members(over)
        leaves = np.clip((limits_w[over] - flows_w[over]) / more_w[over], 0.0, 1.0)
        np.minimum.at(share, who[passes > 0.0], np.repeat(leaves, counts)[passes > 0.0])
    return share
