"""What each charger may do just now, in each direction, and what binds it: an unknown is not a permission."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Bools, Floats, Ints
from v2g.depot.binding import What
from v2g.depot.columns import Columns
from v2g.kernel.durations import DAY_S, HOUR_S

WHATS: tuple[What, ...] = tuple(What)
NUMBER = {what: number for number, what in enumerate(WHATS)}
LONG_S = 7 * DAY_S
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

    def __init__(
        self,
        columns: Columns,
        energy_wh: Floats,
        charged_wh: Floats,
        now: float,
        margins: Margins,
        *,
        beyond: Bools | bool,
    ) -> None:
        """`energy_wh`: in each battery by reckoning; not a number if it is not known. `charged_wh`: since the needs
        were stated. `beyond`: which batteries may be charged beyond what is needed."""
        self._columns, self._size = columns, len(columns.ids)
        capacity_wh, efficiency = columns["capacity_wh"], columns["efficiency_pu"]
        self.least_w: Floats = LEAST_PU * columns.rating_w
        left_s = columns["departure_s"] - now - margins.departure_s
        self.left_s: Floats = np.minimum(np.where(np.isnan(left_s), LONG_S, np.maximum(left_s, 0.0)), LONG_S)
        to_target_wh = columns["target_pu"] * capacity_wh - energy_wh
        still_wh = np.where(np.isnan(to_target_wh), columns["need_wh"] - charged_wh, to_target_wh)
        self.need_wh: Floats = np.fmax(still_wh, 0.0)
        """What is still to be charged until departure; 0 if nobody has said."""
        self._charge(energy_wh, still_wh, beyond=beyond)
        rate_w = np.minimum(columns["max_charge_w"], columns["vehicle_charge_w"]) * efficiency
        # What is needed at departure must still fit into the time that is left.
        back_wh = energy_wh + still_wh - rate_w * self.left_s / HOUR_S
        self._discharge(energy_wh, back_wh, now, margins)

    def _charge(self, energy_wh: Floats, still_wh: Floats, *, beyond: Bools | bool) -> None:
        columns = self._columns
        caps = _Caps(np.minimum(columns["max_charge_w"], columns["vehicle_charge_w"]), self._size)
        caps.bind(What.VEHICLE, columns["vehicle_charge_w"] < columns["max_charge_w"])
        full = energy_wh >= columns["capacity_wh"]
        caps.stop(What.FULL, full | (np.logical_not(beyond) & (still_wh <= 0.0)))
        caps.stop_for_all(columns)
        self.charge_w, self.charge_bound = caps.caps_w, caps.bound

    def _discharge(self, energy_wh: Floats, back_wh: Floats, now: float, margins: Margins) -> None:
        columns = self._columns
        efficiency = columns["efficiency_pu"]
        floor_wh = (columns["floor_pu"] + margins.soc_pu) * columns["capacity_wh"]
        self.above_wh: Floats = np.fmax(energy_wh - np.fmax(floor_wh, back_wh), 0.0)
        """Energy above the floor, as far as it can be spared until departure."""
        caps = _Caps(np.minimum(columns["max_discharge_w"], columns["vehicle_discharge_w"]), self._size)
        caps.bind(What.VEHICLE, columns["vehicle_discharge_w"] < columns["max_discharge_w"])
        held_w = self.above_wh * efficiency * HOUR_S / margins.floor_hold_s
        near = held_w < caps.caps_w
        caps.caps_w = np.minimum(caps.caps_w, held_w)
        by_departure = np.fmax(back_wh, -np.inf) > floor_wh
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
        self.bound: Ints = np.full(size, NUMBER[What.CHARGER], dtype=np.intp)

    def bind(self, what: What, who: Sequence[bool] | np.ndarray) -> None:
        self.bound[who] = NUMBER[what]

    def stop(self, what: What, who: np.ndarray) -> None:
        self.caps_w = np.where(who, 0.0, self.caps_w)
        self.bind(what, who)

    def stop_for_all(self, columns: Columns) -> None:
        """What stops both directions; the strongest reason is the last."""
        self.stop(What.NOT_READY, ~(columns["ready"] > 0))
        self.stop(What.NO_VEHICLE, ~(columns["present"] > 0))
        self.stop(What.UNKNOWN_NODE, ~columns.placed)
        self.stop(What.OFFLINE, ~(columns["online"] > 0))
        self.caps_w = np.fmax(self.caps_w, 0.0)  # not known: 0
