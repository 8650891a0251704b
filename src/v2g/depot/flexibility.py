"""What a depot can give: the powers between which it can choose and hold what it chose, for a time; and the energy
behind them.

Seen from the grid, positive is drawn. What nobody knows gives nothing: a battery without a SoC is neither discharged
nor charged beyond its stated need, and a vehicle that leaves within a time holds nothing for that time.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats, Network, serve
from v2g.depot.capability import Capability, Margins
from v2g.depot.columns import Columns
from v2g.depot.request import limited
from v2g.depot.sharing import Limits, by_course, musts
from v2g.depot.view import Site
from v2g.kernel.durations import HOUR_S, MINUTE_S

DURATIONS_S = (MINUTE_S, 15 * MINUTE_S, HOUR_S, 4 * HOUR_S)
RESERVE_PU = 0.1
"""Of what a site can feed, the share that its controller holds for vehicles that leave
(`v2g.depot.controller.Settings`)."""


class Band(Struct, frozen=True):
    """The powers that can be held for a time; `least_w` is negative if the site can feed."""

    duration_s: float
    least_w: float
    most_w: float


class Flexibility(Struct, frozen=True, kw_only=True):
    """Of one site, at one instant."""

    bands: tuple[Band, ...] = ()
    """From the shortest time to the longest; the longer the time, the narrower the band."""
    above_floor_wh: float = 0.0
    """What the batteries could give until each is at its floor, or must be charged for its departure."""
    to_full_wh: float = 0.0
    """What they could still take."""

    def band(self, duration_s: float) -> Band:
        """What can be held for this time at least; nothing if it is longer than all that was reckoned."""
        return next((each for each in self.bands if each.duration_s >= duration_s), Band(duration_s, 0.0, 0.0))

    def up_w(self, power_w: float, duration_s: float) -> float:
        """How much more it could feed, or less it could draw, than `power_w`: a magnitude."""
        return max(power_w - self.band(duration_s).least_w, 0.0)

    def down_w(self, power_w: float, duration_s: float) -> float:
        """How much more it could draw, or less it could feed, than `power_w`: a magnitude."""
        return max(self.band(duration_s).most_w - power_w, 0.0)


NONE = Flexibility()


def of(
    site: Site,
    now: float,
    margins: Margins | None = None,
    *,
    reserve_pu: float = RESERVE_PU,
    durations_s: Sequence[float] = DURATIONS_S,
) -> Flexibility:
    """The flexibility of a site as it is seen just now. `now`: Unix seconds."""
    margins = margins or Margins()
    columns = Columns(site.tree, site.chargers)
    energy_wh = _known_wh(columns, now, margins)
    can = Capability(columns, energy_wh, np.zeros(len(columns.ids)), now, margins, beyond=True)
    limits = _limits(site, columns, now)
    room_wh = np.where(np.isnan(energy_wh), can.need_wh, np.fmax(columns["capacity_wh"] - energy_wh, 0.0))
    room_wh = np.where(can.charge_w > 0.0, room_wh, 0.0)
    above_wh = np.where(can.discharge_w > 0.0, can.above_wh, 0.0)
    bands = (_band(each, columns, can, room_wh, limits, reserve_pu) for each in sorted(durations_s))
    return Flexibility(
        bands=tuple(accumulate(bands, _within)),
        above_floor_wh=float(above_wh.sum()),
        to_full_wh=float(room_wh.sum()),
    )


def _within(shorter: Band, longer: Band) -> Band:
    """What is fed for the longer time is fed for the shorter one first, in which a vehicle may have to charge."""
    return Band(longer.duration_s, max(longer.least_w, min(shorter.least_w, 0.0)), longer.most_w)


def planned_w(site: Site, now: float, margins: Margins | None = None) -> float:
    """What the site would do if nobody asked for a power: by its plan, or charge what is needed."""
    margins = margins or Margins()
    columns = Columns(site.tree, site.chargers)
    count, energy_wh = len(columns.ids), _known_wh(columns, now, margins)
    beyond = np.array([id in site.courses for id in columns.ids], dtype=np.bool_)
    can = Capability(columns, energy_wh, np.zeros(count), now, margins, beyond=beyond)
    limits = _limits(site, columns, now)
    must = musts(columns, can, np.zeros(count, dtype=np.bool_), limits)
    sides = by_course(columns, can, must, energy_wh, site.courses, now, limits)
    return float(must.power_w.sum()) + sum(each.direction * float(each.ideal.power_w.sum()) for each in sides)


def _band(
    duration_s: float, columns: Columns, can: Capability, room_wh: Floats, limits: Limits, reserve_pu: float
) -> Band:
    hours, efficiency = duration_s / HOUR_S, columns["efficiency_pu"]
    rate_w = can.charge_w * efficiency
    later_wh = rate_w * np.maximum(can.left_s - duration_s, 0.0) / HOUR_S
    stays = can.left_s >= duration_s
    must_w = np.minimum(np.fmax(can.need_wh - later_wh, 0.0) / efficiency / hours, can.charge_w)
    take_w = np.where(stays, _lasting_w(can.charge_w, room_wh / efficiency / hours), must_w)
    spare_wh = np.minimum(can.above_wh, np.fmax(later_wh - can.need_wh, 0.0))
    give_w = np.where(stays, np.minimum(can.discharge_w, spare_wh * efficiency / hours), 0.0)
    network = columns.network
    forced_w = _most_w(network, must_w, limits.charge_w)
    fed_w = (1.0 - reserve_pu) * _most_w(network, give_w, limits.discharge_w)
    most_w = max(_most_w(network, np.maximum(take_w, must_w), limits.charge_w), forced_w)
    return Band(float(duration_s), forced_w - fed_w, most_w)


def _lasting_w(caps_w: Floats, room_w: Floats) -> Floats:
    """The mean power that each takes if their sum is held to the end. `room_w`: what would fill each in that time.

    All are charged alike, as a share of their caps, so those with the least room are full first; from then on the
    others must be able to take the whole sum.
    """
    share = np.minimum(room_w / np.maximum(caps_w, 1e-9), 1.0)
    order = np.argsort(share, kind="stable")
    sorted_share, sorted_w = share[order], caps_w[order]
    before_w = np.concatenate(([0.0], np.cumsum(sorted_share * sorted_w)[:-1]))
    others_w = np.cumsum(sorted_w[::-1])[::-1]  # whoever has no less room
    sums_w = before_w + sorted_share * others_w
    held_w = np.minimum(sums_w, others_w)
    best = int(np.argmax(held_w)) if len(held_w) else 0
    if not len(held_w) or held_w[best] <= 0.0:
        return np.zeros(len(caps_w))
    lasting_w: Floats = np.minimum(share, sorted_share[best]) * caps_w * (held_w[best] / sums_w[best])
    return lasting_w


def _most_w(network: Network, caps_w: Floats, limits_w: Floats) -> float:
    return float(serve(network, caps_w, caps_w, np.inf, limits_w).power_w.sum())


def _known_wh(columns: Columns, now: float, margins: Margins) -> Floats:
    """The energy in each battery as stated, less what may have been discharged since then."""
    most_w = columns["max_discharge_w"]
    measured_w = np.where(np.isnan(columns["measured_w"]), -most_w, columns["measured_w"])
    age_s = np.clip(now - columns["soc_s"], 0.0, margins.soc_stale_s)
    given_wh = np.fmax(-measured_w, 0.0) / columns["efficiency_pu"] * age_s / HOUR_S
    known_wh: Floats = columns["soc_pu"] * columns["capacity_wh"] - given_wh
    return known_wh


def _limits(site: Site, columns: Columns, now: float) -> Limits:
    """Of each row, less what else flows there and what stations on their own may charge."""
    network = columns.network
    drawn_w = network.loads(site.loads_w) if site.loads_w else np.zeros(len(network.rows))
    charge_w, discharge_w = network.charge_w - np.maximum(drawn_w, 0.0), network.discharge_w + np.minimum(drawn_w, 0.0)
    by_request = limited(site.requests, now)
    charge_w[0] = min(charge_w[0], by_request.charge_w)
    discharge_w[0] = min(discharge_w[0], by_request.discharge_w)
    if site.rooms:
        rooms_w = network.rooms(site.rooms)
        charge_w, discharge_w = np.minimum(charge_w, rooms_w[0]), np.minimum(discharge_w, rooms_w[1])
    alone = ~(columns["online"] > 0)
    own_w = np.where(alone, np.maximum(columns["safe_w"], columns["held_charge_w"]), 0.0)
    fed_w = np.where(alone, columns["held_discharge_w"], 0.0)
    return Limits(np.maximum(charge_w - network.sums(own_w), 0.0), np.maximum(discharge_w - network.sums(fed_w), 0.0))
