"""A vehicle's battery and the inverter before it, as simple as a depot needs: a lag, a ramp, an efficiency."""

from dataclasses import dataclass
from math import exp

LAG_S = 0.5
RAMP_W_PER_S = 7_500.0
EFFICIENCY = 0.94
EMPTY, FULL = 0.02, 1.0
HOUR_S = 3600.0


@dataclass
class Battery:
    """Energies in Wh; powers at the grid's side in W, positive charges."""

    capacity_wh: float
    energy_wh: float
    power_w: float = 0.0
    import_wh: float = 0.0
    export_wh: float = 0.0

    @property
    def soc_pu(self) -> float:
        return self.energy_wh / self.capacity_wh

    def step(self, wanted_w: float, seconds: float) -> None:
        """Follow an order for a time: first-order lag within the ramp."""
        if (wanted_w > 0 and self.soc_pu >= FULL) or (wanted_w < 0 and self.soc_pu <= EMPTY):
            wanted_w = 0.0
        change_w = (wanted_w - self.power_w) * (1.0 - exp(-seconds / LAG_S))
        most_w = RAMP_W_PER_S * seconds
        self.power_w += max(-most_w, min(most_w, change_w))
        moved_wh = self.power_w * seconds / HOUR_S
        self.energy_wh += moved_wh * EFFICIENCY if moved_wh > 0 else moved_wh / EFFICIENCY
        self.import_wh += max(0.0, moved_wh)
        self.export_wh += max(0.0, -moved_wh)
