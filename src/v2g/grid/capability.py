"""What the inverter can do at the same time: the circle of apparent power, and which power yields.

IEEE 1547-2018 5.2: up to the reactive capability of its category the station reduces active power rather than reactive
power; beyond it active power goes first. Below 5 % of the rated power no reactive power is required; from there to
20 % the requirement grows with the power.
"""

from dataclasses import dataclass
from math import sqrt

from v2g.grid.curve import interpolate


@dataclass(frozen=True, slots=True)
class Rating:
    """What the inverter is built for. Magnitudes."""

    apparent_va: float
    charge_w: float
    discharge_w: float
    reactive_max_var: float

    def of(self, power_w: float) -> float:
        """The rated active power in the direction of `power_w`."""
        return self.charge_w if power_w > 0 else self.discharge_w

    def share(self, power_w: float) -> float:
        """`power_w` per unit of the rated power in its direction; 0 if there is none in that direction."""
        rated_w = self.of(power_w)
        return power_w / rated_w if rated_w else 0.0


@dataclass(frozen=True, slots=True)
class Capability:
    """The reactive power that a category requires, per unit of the apparent power. Magnitudes."""

    inject_pu: float
    absorb_pu: float
    none_below_pu: float
    """No reactive power is required below this active power, per unit of the rated power."""
    full_from_pu: float
    """All of it is required from this active power on."""

    def demanded_var(self, drawn: bool, power_w: float, rating: Rating) -> float:
        """The magnitude of reactive power that takes precedence over active power at `power_w`."""
        most_pu = self.absorb_pu if drawn else self.inject_pu
        share = abs(rating.share(power_w))
        if share < self.none_below_pu:
            return 0.0
        return rating.apparent_va * interpolate(share, (0.0, 0.0), (self.full_from_pu, most_pu))

    def reactive_var(self, wanted_var: float, power_w: float, rating: Rating) -> float:
        """What remains of the reactive power `wanted_var` (drawn positive) beside the active power `power_w`."""
        room_var = sqrt(max(rating.apparent_va**2 - power_w**2, 0.0))
        most_var = min(max(self.demanded_var(wanted_var > 0, power_w, rating), room_var), rating.reactive_max_var)
        return min(max(wanted_var, -most_var), most_var)


def active_w(reactive_var: float, rating: Rating) -> float:
    """The magnitude of active power that the apparent power leaves beside `reactive_var`."""
    return sqrt(max(rating.apparent_va**2 - reactive_var**2, 0.0))
