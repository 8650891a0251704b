"""What the controller remembers of each charger between two steps, and takes over when the list of chargers changes."""

from collections.abc import Mapping

import numpy as np

from v2g.depot.allocation import Bools, Floats, Ints
from v2g.depot.capability import Margins
from v2g.depot.columns import Columns, News
from v2g.depot.response import Dynamics, Response
from v2g.depot.tree import Tree
from v2g.depot.view import Charger
from v2g.kernel.durations import HOUR_S

FRESH_S = 10.0
"""A measurement older than this says nothing of the power just now."""
PROOF_S = 60.0
"""A charger that has stopped following again this soon after it proved that it follows must gain trust slowly."""
FROZEN_PU = 0.03
"""Of its capacity: when a vehicle should have given this much, and states the same SoC as before, that is not true."""
_KEPT = (
    "power_w", "energy_wh", "charged_wh", "must", "alone_since_s", "alone_w", "most_w", "most_way", "astray_since_s",
    "_given_w", "_proved_s", "over_w", "_over_since_s", "_most_set_w", "_least_set_w", "_most_before_w",
    "_least_before_w", "_needs_s", "_same_pu", "_since_same_wh", "_soc_s", "_capacity_wh", "_heard_s", "_every_s",
)  # fmt: skip
"""What a charger takes along when the list of chargers changes."""


class Gone:
    """Whose power ended at the last look, and how."""

    __slots__ = ("any", "lost", "unplugged")

    def __init__(self, unplugged: Bools, lost: Bools, *, other: bool) -> None:
        self.unplugged, self.lost = unplugged, lost
        self.any = other or bool(unplugged.any() or lost.any())
        """Whether anything happened that a step should not wait for."""


class State:
    """One row for each charger, as in `columns`."""

    def __init__(self, tree: Tree, chargers: Mapping[str, Charger], dynamics: Dynamics, now: float) -> None:
        self.columns = Columns(tree, chargers)
        size = len(self.columns.ids)
        self.power_w: Floats = np.zeros(size)
        """Set-points of the last step."""
        self.energy_wh: Floats = np.full(size, np.nan)
        """In each battery by reckoning; not a number if it is not known."""
        self.charged_wh: Floats = np.zeros(size)
        """Into each battery since its needs were stated."""
        self.must: Bools = np.zeros(size, dtype=np.bool_)
        self.alone_since_s: Floats = np.full(size, np.inf)
        self.alone_w: Floats = np.zeros(size)
        """Since when a station has been on its own, and at which set-point it was left."""
        self.most_w: Floats = np.full(size, np.inf)
        """What a charger that does not follow gives at most; a magnitude."""
        self.most_way: Floats = np.zeros(size)
        """In which direction that was seen: 1 for charging, -1 for discharging. Of the other one it says nothing."""
        self.astray_since_s: Floats = np.full(size, np.inf)
        self._given_w: Floats = np.zeros(size)
        """What a charger gave when it did not follow; a magnitude."""
        self._proved_s: Floats = np.full(size, -np.inf)
        """When a charger proved that it follows again."""
        self.over_w: Floats = np.zeros(size)
        """What a charger does beyond its set-point, and has done for a while; positive charges."""
        self._over_since_s: Floats = np.full(size, np.inf)
        self._most_set_w: Floats = np.zeros(size)
        self._least_set_w: Floats = np.zeros(size)
        """Of its set-points lately; `before`: in the time before that."""
        self._most_before_w: Floats = np.zeros(size)
        self._least_before_w: Floats = np.zeros(size)
        self._turned_s = now
        self._needs_s: Floats = np.full(size, np.nan)
        self._same_pu: Floats = np.full(size, np.nan)
        self._since_same_wh: Floats = np.zeros(size)
        """The SoC as it is stated, and what may have been discharged since it changed."""
        self._soc_s: Floats = np.full(size, -np.inf)
        self._capacity_wh: Floats = np.full(size, np.nan)
        self._heard_s: Floats = np.full(size, -np.inf)
        self._every_s: Floats = np.full(size, 30.0)
        self.response = Response(dynamics, self.rating_w, now)
        self._dynamics, self._reckoned_s = dynamics, now

    @property
    def rating_w(self) -> Floats:
        return self.columns.rating_w

    def read(self, tree: Tree, chargers: Mapping[str, Charger]) -> "tuple[State, Gone]":
        """Look again. Another list of chargers, or another tree, gives another state that keeps what is known."""
        columns = self.columns
        before = {name: columns[name] > 0 for name in ("present", "ready", "online")}
        rating_w = self.rating_w
        news = columns.read(tree, chargers)
        nobody = np.zeros(len(columns.ids), dtype=np.bool_)
        if news is News.MOVED:
            return self, Gone(nobody, nobody, other=False)
        if news is News.ELSEWHERE:
            other = State(tree, chargers, self._dynamics, self.response.at_s)
            other._take_over(self)
            nobody = np.zeros(len(other.columns.ids), dtype=np.bool_)
            return other, Gone(nobody, nobody, other=True)
        after = {name: columns[name] > 0 for name in before}
        lost = before["online"] & ~after["online"]
        unplugged = after["online"] & (before["present"] & ~after["present"] | before["ready"] & ~after["ready"])
        came = any(bool((after[name] & ~before[name]).any()) for name in before)
        return self, Gone(unplugged, lost, other=came or bool((self.rating_w < rating_w).any()))

    def leave_alone(self, now: float) -> None:
        """Stations that are offline from now on keep their last set-point for a while; others are not alone."""
        online = self.columns["online"] > 0
        begins = ~online & np.isinf(self.alone_since_s)
        self.alone_w = np.where(begins, self.power_w, self.alone_w)
        self.alone_since_s = np.where(online, np.inf, np.where(begins, now, self.alone_since_s))

    def beyond_w(self, now: float) -> tuple[Floats, Floats]:
        """What may flow beyond the set-points, charging and discharging: magnitudes that no node can do without.

        Of stations on their own all that they may do; of others what they have not accepted to change, and what they
        are measured to do of their own accord.
        """
        columns = self.columns
        alone = np.isfinite(self.alone_since_s)
        safe_w = np.where(alone, columns["safe_w"], 0.0)
        last_w = np.where(alone & (now < self.alone_since_s + columns["safe_after_s"]), self.alone_w, 0.0)
        found = []
        for sign, name in ((1.0, "held_charge_w"), (-1.0, "held_discharge_w")):
            own_w = np.maximum(np.maximum(sign * last_w, sign * safe_w), 0.0)
            set_w = np.where(alone, 0.0, np.maximum(sign * self.power_w, 0.0))
            held_w = np.maximum(columns[name] - set_w, 0.0)
            found.append(np.maximum(np.maximum(own_w, held_w), sign * self.over_w))
        return found[0], found[1]

    def witnessed_w(self, now: float) -> tuple[float, float]:
        """What the chargers measure together just now, and what those may do that do not say."""
        measured_w = self.columns["measured_w"]
        fresh = (self.columns["measured_s"] >= now - FRESH_S) & ~np.isnan(measured_w)
        charge_w, discharge_w = self.beyond_w(now)
        own_w = np.maximum(np.abs(self.power_w), np.abs(self.response.power_w))
        unknown_w = own_w + charge_w + discharge_w
        return float(measured_w[fresh].sum()), float(unknown_w[~fresh].sum())

    def reckon(self, now: float, margins: Margins) -> None:
        """Energy in each battery: as stated, and from then on by what has flowed, or may have been discharged."""
        columns = self.columns
        fresh = columns["measured_s"] >= now - FRESH_S
        fresh &= ~np.isnan(columns["measured_w"])
        flow_w = np.where(fresh, columns["measured_w"], np.minimum(self.power_w, 0.0))
        # A station that lies about its power must not make energy: no more goes in than its charger can give, and none
        # while it is asked to discharge.
        most_w = np.where(np.maximum(self._most_set_w, self._most_before_w) < 0.0, 0.0, columns["max_charge_w"])
        flow_w = np.minimum(_known(flow_w), most_w)
        efficiency = columns["efficiency_pu"]
        into_w = np.where(flow_w > 0, flow_w * efficiency, flow_w / efficiency)
        flowed_wh = into_w * (now - self._reckoned_s) / HOUR_S
        self.energy_wh = np.minimum(self.energy_wh + flowed_wh, columns["capacity_wh"])
        self.charged_wh = np.where(columns["stated_s"] == self._needs_s, self.charged_wh + flowed_wh, 0.0)
        self._needs_s = columns["stated_s"].copy()
        # A capacity that is stated again gives the same SoC another energy.
        capacity_wh, before_wh = columns["capacity_wh"], self._capacity_wh
        other = (capacity_wh != before_wh) & ~(np.isnan(capacity_wh) & np.isnan(before_wh))
        stated = other | (columns["soc_s"] != self._soc_s)
        if stated.any():
            age_s = np.clip(now - columns["soc_s"], 0.0, margins.soc_stale_s)
            since_wh = np.minimum(into_w, 0.0) * age_s / HOUR_S
            stated_wh = columns["soc_pu"] * columns["capacity_wh"] + since_wh
            self.energy_wh = np.where(stated, stated_wh, self.energy_wh)
            self._soc_s, self._capacity_wh = columns["soc_s"].copy(), columns["capacity_wh"].copy()
        self._see_frozen(np.minimum(np.minimum(flow_w, self.power_w), 0.0) / efficiency * (now - self._reckoned_s))
        self._reckoned_s = now

    def _see_frozen(self, given_ws: Floats) -> None:
        """Who states the same SoC although it must have given energy: its battery's energy is not known."""
        columns = self.columns
        other = (columns["soc_pu"] != self._same_pu) | ~(columns["present"] > 0)
        self._since_same_wh = np.where(other, 0.0, self._since_same_wh - _known(given_ws) / HOUR_S)
        self._same_pu = columns["soc_pu"].copy()

    @property
    def known_wh(self) -> Floats:
        """The energy in each battery; not a number if nobody can say."""
        frozen = self._since_same_wh > FROZEN_PU * self.columns["capacity_wh"]
        known: Floats = np.where(frozen, np.nan, self.energy_wh)
        return known

    def follow(self, now: float, patience_s: float) -> None:
        """Compare measurements with the response: who has not followed for longer than `patience_s` is asked for little
        more than it gives (`most_w`). Once it is measured to give that, it is trusted at once; otherwise little by
        little."""
        columns, response = self.columns, self.response
        measured_w = columns["measured_w"]
        usable = (columns["measured_s"] >= now - FRESH_S) & (columns["online"] > 0)
        band_w = np.maximum(0.05 * self.rating_w, 300.0)
        # Only too little counts: too much is the station's own business, and the meter shows it.
        lacking = usable & (np.abs(response.power_w) - np.abs(measured_w) > band_w)
        lacking |= usable & (response.power_w * measured_w < 0.0) & (np.abs(measured_w) > band_w)
        self.astray_since_s = np.where(lacking, np.minimum(self.astray_since_s, now), np.inf)
        astray = now - self.astray_since_s > patience_s
        following_w = np.where(self.most_w < self.rating_w, self.most_w * 1.02 + 0.002 * self.rating_w, np.inf)
        turned = self.power_w * self.most_way < 0.0
        following_w = np.where(turned, self.most_w, following_w)
        proves = usable & ~lacking & self._proves(np.abs(measured_w), band_w) & (now - self._proved_s > PROOF_S)
        proves &= ~turned & np.isfinite(self.most_w)
        self._proved_s = np.where(proves, now, self._proved_s)
        following_w[proves] = np.inf
        against = response.power_w * measured_w < 0.0  # it gives none of what it was asked for, or its meter lies
        self._given_w = np.where(astray, np.where(against, 0.0, np.abs(measured_w)), self._given_w)
        self.most_way = np.where(astray & (self.power_w != 0.0), np.sign(self.power_w), self.most_way)
        self.most_w = np.where(astray, self._given_w + band_w, np.where(lacking, self.most_w, following_w))
        self._watch(measured_w, band_w, usable, now, patience_s)
        if astray.any():
            response.correct(astray, _known(measured_w))

    def _proves(self, measured_w: Floats, band_w: Floats) -> Bools:
        """Who gives what it was asked for, and clearly more than it gave when it did not follow."""
        asked_w = np.abs(self.response.power_w)
        proves: Bools = (measured_w > self._given_w + 0.5 * band_w) & (asked_w - measured_w < 0.25 * band_w)
        return proves

    def _watch(self, measured_w: Floats, band_w: Floats, usable: Bools, now: float, patience_s: float) -> None:
        """Find what chargers do beyond their set-points (`over_w`): all that they had while a measurement is fresh."""
        if now - self._turned_s >= FRESH_S:
            self._turned_s, self._most_before_w, self._least_before_w = now, self._most_set_w, self._least_set_w
            self._most_set_w = self._least_set_w = self.power_w
        self._most_set_w = np.maximum(self._most_set_w, np.maximum(self.power_w, self.response.power_w))
        self._least_set_w = np.minimum(self._least_set_w, np.minimum(self.power_w, self.response.power_w))
        most_w = np.maximum(np.maximum(self._most_before_w, self._most_set_w), 0.0)
        least_w = np.minimum(np.minimum(self._least_before_w, self._least_set_w), 0.0)
        over_w = np.where(usable, _known(measured_w - np.minimum(np.maximum(measured_w, least_w), most_w)), 0.0)
        self._over_since_s = np.where(np.abs(over_w) > band_w, np.minimum(self._over_since_s, now), np.inf)
        self.over_w = np.where(now - self._over_since_s > patience_s, over_w, 0.0)

    def silent(self, now: float, at_most_s: float) -> Bools:
        """Who has sent no measurement for three times as long as it used to take, or for `at_most_s`."""
        columns = self.columns
        measured_s = columns["measured_s"]
        came = measured_s > self._heard_s
        passed_s = np.where(came & np.isfinite(self._heard_s), measured_s - np.fmax(self._heard_s, -1e18), at_most_s)
        # Sooner is believed little by little, later at once.
        self._every_s = np.where(came, np.maximum(passed_s, 0.8 * self._every_s), self._every_s)
        self._heard_s = np.where(came, measured_s, self._heard_s)
        patience_s = np.minimum(np.maximum(3.0 * self._every_s, 3.0), at_most_s)
        active = (columns["online"] > 0) & (columns["present"] > 0)
        quiet: Bools = active & ~(measured_s > now - patience_s)
        return quiet

    def _take_over(self, old: "State") -> None:
        kept = np.array([old.columns.numbers.get(id, -1) for id in self.columns.ids], dtype=np.intp)
        for name in _KEPT:
            setattr(self, name, _kept(getattr(old, name), getattr(self, name), kept))
        self.response = old.response.moved_to(kept, self.rating_w)
        self._reckoned_s = old._reckoned_s


def _known(values: Floats) -> Floats:
    """0 for what is not known."""
    known: Floats = np.where(np.isnan(values), 0.0, values)
    return known


def _kept(old: Floats, new: Floats, kept: Ints) -> Floats:
    if not len(old):
        return new
    values: Floats = np.where(kept >= 0, old[kept], new)
    return values
