"""The chargers of a site as columns of numbers, read again only for chargers that are another object than before."""

from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import chain, compress
from operator import is_not, itemgetter, ne

import numpy as np
from msgspec.structs import astuple

from v2g.depot.allocation import Bools, Floats, Ints, Network
from v2g.depot.tree import Tree
from v2g.depot.view import Charger, Vehicle

_NONE = float("nan")
IMPLAUSIBLE = 2.0
"""Of its rating: no charger gives more than this; what measures more is no measurement."""
MOST_WH = 1e7
"""No vehicle has a larger battery."""

_NAMES = (
    "max_charge_w", "max_discharge_w", "min_charge_w", "min_discharge_w", "efficiency_pu",
    "online", "ready", "present", "charge_only", "capacity_wh", "floor_pu", "target_pu", "need_wh",
    "stated_s", "departure_s", "vehicle_charge_w", "vehicle_discharge_w", "discharges", "safe_w", "safe_after_s",
    "measured_w", "measured_s", "held_charge_w", "held_discharge_w", "latency_s", "soc_pu", "soc_s",
)  # fmt: skip
_AT = {name: number for number, name in enumerate(_NAMES)}
_OF_CHARGER, _OF_VEHICLE = slice(_AT["measured_w"], _AT["soc_pu"]), slice(_AT["soc_pu"], len(_NAMES))
"""The columns that move all the time."""
_NODE, _PHASES, _VEHICLE = map(Charger.__struct_fields__.index, ("node", "phases", "vehicle"))
_VEHICLE_LASTS = Vehicle.__struct_fields__.index("soc_pu")
"""How many fields of a vehicle come before those that move."""
_LASTING, _MOVES = itemgetter(slice(_VEHICLE + 1)), itemgetter(slice(_VEHICLE + 1, None))
"""Of a charger as a tuple, which is the fastest way to all its fields: what lasts, with its vehicle, and what moves."""


class News(Enum):
    """What has been read."""

    MOVED = "powers, energies, latencies"
    OTHER = "something else of a charger or a vehicle"
    ELSEWHERE = "another list of chargers, another tree, or a charger that hangs elsewhere in it"


class Columns:
    """One row for each charger, in the order of `network.order`. What is not known is not a number."""

    def __init__(self, tree: Tree, chargers: Mapping[str, Charger]) -> None:
        """Chargers whose node is not in the tree hang at the root, and are named in `misplaced`."""
        self.misplaced = tuple(id for id, each in chargers.items() if each.node not in tree.by_name)
        nodes = [each.node if each.node in tree.by_name else tree.root.name for each in chargers.values()]
        self.network = Network(tree, nodes, [each.phases or "123" for each in chargers.values()])
        self._listed = list(chargers)
        self.ids: list[str] = [self._listed[place] for place in self.network.order]
        self.numbers = {id: number for number, id in enumerate(self.ids)}
        self._numbers: Ints = np.array([self.numbers[id] for id in self._listed], dtype=np.intp)
        """Of the chargers as they are listed."""
        self.placed: Bools = np.array([chargers[id].node in tree.by_name for id in self.ids], dtype=np.bool_)
        self.tree = tree
        self.latest = list(chargers.values())
        """The chargers that were read last, as they are listed; another reading is another list."""
        self._lasting = list(map(_LASTING, map(astuple, self.latest)))
        in_order = [chargers[id] for id in self.ids]
        self._table: Floats = np.array([_row(each) for each in in_order]).reshape(-1, len(_NAMES)).T.copy()
        self._columns: dict[str, Floats] = dict(zip(_NAMES, self._table, strict=True))
        self._rate()

    def _rate(self) -> None:
        self.rating_w: Floats = np.maximum(self["max_charge_w"], self["max_discharge_w"])
        """Of each charger, in either direction."""

    def read(self, tree: Tree, chargers: Mapping[str, Charger]) -> News:
        """Take over what is new. If the chargers hang elsewhere, these columns are of no use any more."""
        if tree is not self.tree or list(chargers) != self._listed:
            return News.ELSEWHERE
        fresh = list(chargers.values())
        is_new = list(map(is_not, fresh, self.latest))
        new, places = list(compress(fresh, is_new)), list(compress(range(len(fresh)), is_new))
        self.latest = fresh
        if not new:
            return News.MOVED
        # There may be thousands: all of them at once, and no row of values stays, as far as that goes: many that are
        # alive together would call the collector.
        known = list(compress(self._lasting, is_new))
        other, charged = list[int](), list[int]()
        for at in compress(range(len(new)), list(map(ne, map(_LASTING, map(astuple, new)), known))):
            was, now = known[at], _LASTING(astuple(new[at]))
            if was[_NODE] != now[_NODE] or was[_PHASES] != now[_PHASES]:
                return News.ELSEWHERE
            only_charged = was[:_VEHICLE] == now[:_VEHICLE] and _only_charged(was[_VEHICLE], now[_VEHICLE])
            (charged if only_charged else other).append(at)
            self._lasting[places[at]] = now
        numbers = self._numbers[places]
        self._move(numbers, map(_MOVES, map(astuple, new)))
        if charged:
            vehicles = [self._lasting[places[at]][_VEHICLE] for at in charged]
            self._table[_OF_VEHICLE, numbers[charged]] = np.array(
                [(_share(each.soc_pu), each.soc_unix_s) for each in vehicles]
            ).T
        for at in other:
            self._table[:, numbers[at]] = _row(new[at])
        if other:
            self._rate()
        return News.OTHER if other else News.MOVED

    def _move(self, numbers: Ints, new: Iterable[tuple[float, ...]]) -> None:
        """Take in what moves all the time of these chargers."""
        table = self._table
        width = _OF_CHARGER.stop - _OF_CHARGER.start
        columns = np.fromiter(chain.from_iterable(new), np.float64, width * len(numbers)).reshape(-1, width).T
        columns[0] = np.where(np.abs(columns[0]) <= IMPLAUSIBLE * self.rating_w[numbers], columns[0], _NONE)
        table[_OF_CHARGER, numbers] = columns

    def __getitem__(self, name: str) -> Floats:
        return self._columns[name]


def _only_charged(old: Vehicle | None, new: Vehicle | None) -> bool:
    """Whether all of a vehicle is as it was, but for its state of charge."""
    return old is not None and new is not None and astuple(old)[:_VEHICLE_LASTS] == astuple(new)[:_VEHICLE_LASTS]


def _row(charger: Charger) -> tuple[float, ...]:
    vehicle = charger.vehicle
    needs = None if vehicle is None else vehicle.needs
    return (
        charger.max_charge_w, charger.max_discharge_w, charger.min_charge_w, charger.min_discharge_w,
        charger.efficiency_pu, charger.online, charger.ready, vehicle is not None, charger.charge_only != "",
        _NONE if vehicle is None else _energy(vehicle.capacity_wh, 1.0),
        *((_NONE, _NONE, _NONE, 0.0, _NONE) if needs is None else
          (_share(needs.min_soc_pu), _share(needs.target_soc_pu), _energy(needs.energy_wh), needs.stated_unix_s,
           _number(needs.departure_unix_s))),
        *((0.0, 0.0, False) if vehicle is None else
          (_most(vehicle.max_charge_w), _most(vehicle.max_discharge_w), vehicle.discharges)),
        charger.safe_w, charger.safe_after_s,
        _measured(charger), charger.measured_unix_s, charger.held_charge_w, charger.held_discharge_w,
        _number(charger.latency_s),
        *((_NONE, 0.0) if vehicle is None else (_share(vehicle.soc_pu), vehicle.soc_unix_s)),
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
