"""Strategies that share a power among chargers: ours, and the plain ones that it is compared with."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from v2g.depot.controller import Controller
from v2g.depot.request import asked
from v2g.depot.view import Charger, Site


class Strategy(Protocol):
    """Steers a site. Set-points of chargers that it does not name stay as they are."""

    def due(self, site: Site, now: float) -> bool:
        """Whether a step is due."""

    def step(self, site: Site, now: float) -> Mapping[str, float]:
        """The set-points from now on, by charger's id."""


class Ours:
    """The controller."""

    def __init__(self, controller: Controller | None = None) -> None:
        self.controller = controller or Controller()

    def due(self, site: Site, now: float) -> bool:
        return self.controller.due(site, now)

    def step(self, site: Site, now: float) -> Mapping[str, float]:
        return self.controller.step(site, now).setpoints.powers_w


Ranking = Callable[[Charger], float]
"""Who is served first: the least."""


class Plain:
    """What others do: no feedback, no reserve, no view of the floor; each limit of the tree is kept in turn.

    Without a request, vehicles are charged to their target.
    """

    def __init__(self, rank: Ranking | None, cycle_s: float = 2.0) -> None:
        """`rank`: None gives all an equal share."""
        self._rank, self._cycle_s, self._stepped_s = rank, cycle_s, float("-inf")

    def due(self, site: Site, now: float) -> bool:
        return now - self._stepped_s >= self._cycle_s - 1e-6

    def step(self, site: Site, now: float) -> Mapping[str, float]:
        self._stepped_s = now
        asked_w = asked(site.requests, now, site.frequency_hz).power_w
        asked_w = float("inf") if asked_w is None else asked_w
        wanted = asked_w < float("inf")
        there = [each for each in site.chargers.values() if each.online and each.ready and _waits(each, wanted=wanted)]
        if self._rank is not None:
            there.sort(key=self._rank)
        room_w = {node.name: node.max_charge_w if asked_w > 0 else node.max_discharge_w for node in site.tree.nodes}
        given = self._in_turn(site, there, abs(asked_w), room_w, charges=asked_w > 0)
        return {id: given.get(id, 0.0) * (1 if asked_w > 0 else -1) for id in site.chargers}

    def _in_turn(
        self, site: Site, there: Iterable[Charger], left_w: float, room_w: dict[str, float], *, charges: bool
    ) -> dict[str, float]:
        given = dict[str, float]()
        waiting = list(there)
        for number, charger in enumerate(waiting):
            most_w = charger.max_charge_w if charges else charger.max_discharge_w
            share_w = left_w if self._rank is not None else left_w / (len(waiting) - number)
            path = [node.name for node in site.tree.path(charger.node)]
            power_w = max(min(most_w, share_w, *(room_w[name] for name in path)), 0.0)
            given[charger.id] = power_w
            left_w -= power_w
            for name in path:
                room_w[name] -= power_w
        return given


def equal_share(cycle_s: float = 2.0) -> Plain:
    """Everybody the same."""
    return Plain(None, cycle_s)


def first_come(cycle_s: float = 2.0) -> Plain:
    """FCFS: in the order of arrival, which is when needs are stated."""
    return Plain(_arrival, cycle_s)


def earliest_deadline(cycle_s: float = 2.0) -> Plain:
    """EDF: who leaves first."""
    return Plain(_departure, cycle_s)


def _waits(charger: Charger, *, wanted: bool) -> bool:
    vehicle = charger.vehicle
    if vehicle is None or wanted or vehicle.needs is None or vehicle.needs.target_soc_pu is None:
        return vehicle is not None
    return vehicle.soc_pu is None or vehicle.soc_pu < vehicle.needs.target_soc_pu


def _arrival(charger: Charger) -> float:
    needs = charger.vehicle.needs if charger.vehicle is not None else None
    return needs.stated_unix_s if needs is not None else 0.0


def _departure(charger: Charger) -> float:
    needs = charger.vehicle.needs if charger.vehicle is not None else None
    return float("inf") if needs is None or needs.departure_unix_s is None else needs.departure_unix_s


STRATEGIES: dict[str, Callable[[float], Strategy]] = {
    "equal-share": equal_share,
    "fcfs": first_come,
    "edf": earliest_deadline,
}
