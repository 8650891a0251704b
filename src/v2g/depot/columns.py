"""The chargers of a site as columns of numbers, read again only for chargers that are another object than before."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from v2g.depot.allocation import Bools, Floats, Network
from v2g.depot.tree import Tree
from v2g.depot.view import Charger

_NONE = float("nan")
IMPLAUSIBLE = 2.0
"""Of its rating: no charger gives more than this; what measures more is no measurement."""
MOST_WH = 1e7
"""No vehicle has a larger battery."""

_NAMES = (
    "max_charge_w", "max_discharge_w", "min_charge_w", "min_discharge_w", "efficiency_pu", "measured_w", "measured_s",
    "online", "ready", "present", "charge_only", "capacity_wh", "soc_pu", "soc_s", "floor_pu", "target_pu", "need_wh",
    "stated_s", "departure_s", "vehicle_charge_w", "vehicle_discharge_w", "discharges", "safe_w", "safe_after_s",
    "held_charge_w", "held_discharge_w", "latency_s",
)  # fmt: skip
_AT = {name: number for number, name in enumerate(_NAMES)}


class Columns:
    """One row for each charger, in the order of `network.order`. What is not known is not a number."""

    def __init__(self, tree: Tree, chargers: Mapping[str, Charger]) -> None:
        """Chargers whose node is not in the tree hang at the root, and are named in `misplaced`."""
        self.misplaced = tuple(id for id, each in chargers.items() if each.node not in tree.by_name)
        nodes = [each.node if each.node in tree.by_name else tree.root.name for each in chargers.values()]
        self.network = Network(tree, nodes, [each.phases or "123" for each in chargers.values()])
        ids = list(chargers)
        self.ids: list[str] = [ids[number] for number in self.network.order]
        self.placed: Bools = np.array([chargers[id].node in tree.by_name for id in self.ids], dtype=np.bool_)
        self.tree = tree
        self.chargers: list[Charger | None] = [None] * len(ids)
        self._table: Floats = np.full((len(_NAMES), len(ids)), _NONE)

    def fits(self, tree: Tree, chargers: Mapping[str, Charger]) -> bool:
        """Whether the site is still the one that these columns were made for."""
        return tree is self.tree and len(chargers) == len(self.ids) and all(map(chargers.__contains__, self.ids))

    def news(self, chargers: Mapping[str, Charger]) -> list[tuple[int, Charger]]:
        """The chargers that are another object than when they were read, with their numbers."""
        fresh = map(chargers.__getitem__, self.ids)
        return [(number, new) for number, (old, new) in enumerate(zip(self.chargers, fresh, strict=True))
                if old is not new]  # fmt: skip

    def moved(self, news: Sequence[tuple[int, Charger]]) -> bool:
        """Whether a charger hangs elsewhere, or uses other phases, than when it was read."""
        return any(
            (old := self.chargers[number]) is not None and (old.node != new.node or old.phases != new.phases)
            for number, new in news
        )

    def read(self, news: Sequence[tuple[int, Charger]]) -> bool:
        """Take over what is new; returns whether that is more than measurements."""
        known = self.chargers
        measured, new = list[int](), list[int]()
        for number, each in news:
            old = known[number]
            (measured if old is not None and _only_measured(old, each) else new).append(number)
            known[number] = each
        if measured:
            fresh: list[Any] = [known[number] for number in measured]
            values = [[_measured(each) for each in fresh], [each.measured_unix_s for each in fresh]]
            self._table[_AT["measured_w"] : _AT["measured_s"] + 1, measured] = values
        if new:
            rows: list[Any] = [known[number] for number in new]
            self._table[:, new] = np.array([_row(each) for each in rows]).T
        return bool(new)

    def __getitem__(self, name: str) -> Floats:
        column: Floats = self._table[_AT[name]]
        return column


def _only_measured(old: Charger, new: Charger) -> bool:
    """Whether the vehicle and all else are as they were: by far the most of what is new in a cycle."""
    return new.vehicle is old.vehicle and new == replace(
        old, measured_w=new.measured_w, measured_unix_s=new.measured_unix_s
    )


def _row(charger: Charger) -> tuple[float, ...]:
    vehicle = charger.vehicle
    needs = None if vehicle is None else vehicle.needs
    return (
        charger.max_charge_w, charger.max_discharge_w, charger.min_charge_w, charger.min_discharge_w,
        charger.efficiency_pu, _measured(charger), charger.measured_unix_s,
        charger.online, charger.ready, vehicle is not None, charger.charge_only != "",
        *((_NONE, _NONE, 0.0) if vehicle is None else
          (_energy(vehicle.capacity_wh, 1.0), _share(vehicle.soc_pu), vehicle.soc_unix_s)),
        *((_NONE, _NONE, _NONE, 0.0, _NONE) if needs is None else
          (_share(needs.min_soc_pu), _share(needs.target_soc_pu), _energy(needs.energy_wh), needs.stated_unix_s,
           _number(needs.departure_unix_s))),
        *((0.0, 0.0, False) if vehicle is None else
          (_most(vehicle.max_charge_w), _most(vehicle.max_discharge_w), vehicle.discharges)),
        charger.safe_w, charger.safe_after_s, charger.held_charge_w, charger.held_discharge_w,
        _number(charger.latency_s),
    )  # fmt: skip


def _number(value: float | None) -> float:
    return _NONE if value is None else value


# Stations and vehicles state what they like: what cannot be is not known.


def _measured(charger: Charger) -> float:
    power_w = _number(charger.measured_w)
    return power_w if abs(power_w) <= IMPLAUSIBLE * max(charger.max_charge_w, charger.max_discharge_w) else _NONE


def _energy(value: float | None, least_wh: float = -MOST_WH) -> float:
    energy_wh = _number(value)
    return energy_wh if least_wh <= energy_wh <= MOST_WH else _NONE


def _share(value: float | None) -> float:
    share = _number(value)
    return share if 0.0 <= share <= 1.0 else _NONE


def _most(power_w: float) -> float:
    return power_w if power_w >= 0.0 else 0.0
