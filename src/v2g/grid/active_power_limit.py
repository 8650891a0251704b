"""Limit active power: the operator of the grid caps what the station feeds (IEEE 1547-2018 4.6.2, within 30 s)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActivePowerLimit:
    """How much may be fed, and how fast a new limit takes effect."""

    enabled: bool
    fed_pu: float
    """The limit, per unit of the rated power."""
    response_s: float

    def settled_pu(self) -> float:
        """The limit once the response has settled, per unit of the rated power; 1 if it is not enabled."""
        return self.fed_pu if self.enabled else 1.0
