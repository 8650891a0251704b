"""What each charger may do just now, in each direction, and what binds it: an unknown is not a permission."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Floats, Ints
from v2g.depot.columns import Columns
from v2g.depot.dispatch import What

WHATS: tuple[What, ...] = tuple(What)
_NUMBER = {what: number for number, what in enumerate(WHATS)}
HOUR_S, LONG_S = 3600.0, 7 * 86400.0
"""Nobody's departure is further away than a week."""


class Margins(Struct, frozen=True, kw_only=True):
    """How much is kept of what is not known exactly."""

    soc_pu: float = 0.02
    """How wrong a stated SoC may be."""
    floor_hold_s: float = 60.0
    """A vehicle never discharges faster than would take it to its floor within this time."""
    soc_stale_s: float = 300.0
    """A SoC that was measured longer ago permits no discharge."""
    departure_s: float = 900.0
    """How long before its departure a vehicle shall have what it needs."""


LEAST_PU = 0.1
"""Of its rating: a charger that gives less wastes much of it in its inverter, so fewer chargers give more each."""


class Capability:
    """For each charger: caps (magnitudes), what binds them, and energies. All in the columns' order."""

    def __init__(self, columns: Columns, energy_wh: Floats, now: float, margins: Margins) -> None:
        """`energy_wh`: in each battery by reckoning; not a number if it is not known."""
        self._columns, self._size = columns, len(columns.ids)
        capacity_wh, efficiency = columns["capacity_wh"], columns["efficiency_pu"]
        self.least_w: Floats = LEAST_PU * np.maximum(columns["max_charge_w"], columns["max_discharge_w"])
        left_s = columns["departure_s"] - now - margins.departure_s
        self.left_s: Floats = np.minimum(np.where(np.isnan(left_s), LONG_S, np.maximum(left_s, 0.0)), LONG_S)
        self.need_wh: Floats = self._need(energy_wh, now)
        self._charge(energy_wh)
        self._discharge(energy_wh, now, margins, capacity_wh, efficiency)

    def _need(self, energy_wh: Floats, now: float) -> Floats:
        """What is still to be charged until departure; 0 if nobody has said."""
        columns = self._columns
        to_target = columns["target_pu"] * columns["capacity_wh"] - energy_wh
        need_wh = np.where(np.isnan(to_target), columns["need_wh"], to_target)
        still_wh: Floats = np.fmax(need_wh, 0.0)
        return still_wh

    def _charge(self, energy_wh: Floats) -> None:
        columns = self._columns
        caps = _Caps(np.minimum(columns["max_charge_w"], columns["vehicle_charge_w"]), self._size)
        caps.bind(What.VEHICLE, columns["vehicle_charge_w"] < columns["max_charge_w"])
        caps.stop(What.FULL, energy_wh >= columns["capacity_wh"])
        caps.stop_for_all(columns)
        self.charge_w, self.charge_bound = caps.caps_w, caps.bound

    def _discharge(
        self, energy_wh: Floats, now: float, margins: Margins, capacity_wh: Floats, efficiency: Floats
    ) -> None:
        columns = self._columns
        floor_wh = (columns["floor_pu"] + margins.soc_pu) * capacity_wh
        # What is needed at departure must still fit into the time that is left.
        back_wh = self.need_wh + energy_wh - self.charge_w * efficiency * self.left_s / HOUR_S
        self.above_wh: Floats = np.nan_to_num(np.maximum(energy_wh - np.fmax(floor_wh, back_wh), 0.0), nan=0.0)
        caps = _Caps(np.minimum(columns["max_discharge_w"], columns["vehicle_discharge_w"]), self._size)
        caps.bind(What.VEHICLE, columns["vehicle_discharge_w"] < columns["max_discharge_w"])
        held_w = self.above_wh * efficiency * HOUR_S / margins.floor_hold_s
        near = held_w < caps.caps_w
        caps.caps_w = np.minimum(caps.caps_w, held_w)
        by_departure = np.nan_to_num(back_wh, nan=-np.inf) > floor_wh
        caps.bind(What.FLOOR, near & ~by_departure)
        caps.bind(What.DEPARTURE, near & by_departure)
        caps.stop(What.NEEDS, np.isnan(columns["floor_pu"]))
        stale = columns["soc_s"] < now - margins.soc_stale_s
        caps.stop(What.SOC, np.isnan(energy_wh) | stale)
        caps.stop(What.CHARGE_ONLY, (columns["charge_only"] > 0) | ~(columns["discharges"] > 0))
        caps.stop_for_all(columns)
        self.discharge_w, self.discharge_bound = caps.caps_w, caps.bound


class _Caps:
    """Caps of one direction, and what binds each."""

    def __init__(self, caps_w: Floats, size: int) -> None:
        self.caps_w: Floats = caps_w
        self.bound: Ints = np.full(size, _NUMBER[What.CHARGER], dtype=np.intp)

    def bind(self, what: What, who: Sequence[bool] | np.ndarray) -> None:
        self.bound[who] = _NUMBER[what]

    def stop(self, what: What, who: np.ndarray) -> None:
        self.caps_w = np.where(who, 0.0, self.caps_w)
        self.bind(what, who)

    def stop_for_all(self, columns: Columns) -> None:
        """What stops both directions; the strongest reason is the last."""
        self.stop(What.NOT_READY, ~(columns["ready"] > 0))
        self.stop(What.NO_VEHICLE, ~(columns["present"] > 0))
        self.stop(What.OFFLINE, ~(columns["online"] > 0))
        self.caps_w = np.nan_to_num(self.caps_w, nan=0.0)
