"""A vehicle battery: open-circuit voltage over the state of charge, one internal resistance, an exact charge balance.

The plant uses it, and so does a car that has no plant at hand and integrates what the station reports.
Positive current charges.
"""

from bisect import bisect_right
from itertools import accumulate, pairwise
from math import sqrt

# Open-circuit voltage of one lithium-ion cell (NMC) over the state of charge.
CELL_OCV_V = ((0.0, 3.00), (0.05, 3.35), (0.1, 3.45), (0.2, 3.55), (0.5, 3.68), (0.8, 3.95), (1.0, 4.18))

_SOC = [soc for soc, _ in CELL_OCV_V]
_AREA = list(accumulate(((b - a) * (u + v) / 2 for (a, u), (b, v) in pairwise(CELL_OCV_V)), initial=0.0))


def _cell_ocv_v(soc: float) -> float:
    index = min(max(bisect_right(_SOC, soc) - 1, 0), len(_SOC) - 2)
    (a, u), (b, v) = CELL_OCV_V[index : index + 2]
    return u + (v - u) * (soc - a) / (b - a)


def _cell_area(soc: float) -> float:
    """Integral of the open-circuit voltage from empty to `soc`: energy per unit of charge."""
    index = min(max(bisect_right(_SOC, soc) - 1, 0), len(_SOC) - 2)
    return _AREA[index] + (soc - _SOC[index]) * (CELL_OCV_V[index][1] + _cell_ocv_v(soc)) / 2


class Battery:
    """A battery that stores `capacity_wh` between empty (soc 0) and full (soc 1).

    Raises `ValueError` for a state of charge outside 0..1 or a capacity that is not positive.
    """

    def __init__(
        self, capacity_wh: float, soc: float, *, cells_in_series: int = 108, resistance_ohm: float = 0.08
    ) -> None:
        if not 0 <= soc <= 1:
            raise ValueError(f"state of charge must be within 0..1: {soc}")
        if not capacity_wh > 0:
            raise ValueError(f"capacity must be positive: {capacity_wh}")
        self.capacity_wh = capacity_wh
        self.soc = soc
        self.resistance_ohm = resistance_ohm
        self.heat_wh = 0.0
        """Lost in the internal resistance so far."""
        self._cells = cells_in_series
        self._ocv_of, self._ocv_v = -1.0, 0.0
        """The latest state of charge whose voltage was asked for, and that voltage."""
        self._charge_ah = capacity_wh / (cells_in_series * _AREA[-1])

    @property
    def ocv_v(self) -> float:
        """Open-circuit voltage."""
        if self.soc != self._ocv_of:  # asked for many times at each instant
            self._ocv_of, self._ocv_v = self.soc, self._cells * _cell_ocv_v(self.soc)
        return self._ocv_v

    @property
    def energy_wh(self) -> float:
        """Stored energy: what discharging to soc 0 with no current at all would give."""
        return self._charge_ah * self._cells * _cell_area(self.soc)

    def terminal_v(self, current_a: float) -> float:
        """Voltage at the terminals while `current_a` flows."""
        return self.ocv_v + current_a * self.resistance_ohm

    def current_for_power_a(self, power_w: float) -> float:
        """The current at which the terminals take (positive) or give `power_w`; at most what the battery can give."""
        ocv_v, r = self.ocv_v, self.resistance_ohm
        return (sqrt(max(ocv_v * ocv_v + 4 * r * power_w, 0.0)) - ocv_v) / (2 * r)

    def step(self, dt_s: float, current_a: float) -> None:
        """Lets `current_a` flow for `dt_s`. A full battery takes no more, an empty one gives no more."""
        self.soc = min(max(self.soc + current_a * dt_s / 3600 / self._charge_ah, 0.0), 1.0)
        self.heat_wh += current_a**2 * self.resistance_ohm * dt_s / 3600


class IntegratedBattery:
    """A battery whose state of charge follows the current that somebody else measures, such as the station.

    `longest_gap_s`: a longer silence counts as no current, because nobody knows what flowed.
    """

    def __init__(self, battery: Battery, *, longest_gap_s: float = 2.0) -> None:
        self.battery = battery
        self.current_a = 0.0
        self._longest_gap_s = longest_gap_s
        self._time_s: float | None = None

    def observe(self, time_s: float, current_a: float) -> None:
        """Takes the measurement `current_a` of the monotonic time `time_s`; between two, the current is linear."""
        if self._time_s is not None and 0 < time_s - self._time_s <= self._longest_gap_s:
            self.battery.step(time_s - self._time_s, (self.current_a + current_a) / 2)
        self._time_s, self.current_a = time_s, current_a

    @property
    def voltage_v(self) -> float:
        """At the terminals, with the current observed last."""
        return self.battery.terminal_v(self.current_a)
