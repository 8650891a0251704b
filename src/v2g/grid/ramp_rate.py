"""Ramp rate: how fast the power may rise towards its wish in normal operation (EN 50549-1 4.10, SunSpec 704.WRmp).

It falls at once. It does not slow down protection, nor the responses of the other functions.
"""

from dataclasses import dataclass

from v2g.grid.response import towards


@dataclass(frozen=True, slots=True)
class RampRate:
    """The slope."""

    pu_per_s: float
    """Change of power per second, per unit of the rated power."""


class Ramp:
    """The wish, as far as the ramp lets it through."""

    def __init__(self, settings: RampRate) -> None:
        self.settings = settings
        self.power_w = 0.0

    def step(self, wish_w: float, rated_w: float, dt_s: float) -> float:
        """Lets `dt_s` pass towards `wish_w`; returns how much of it the ramp permits by now."""
        if self.power_w * wish_w < 0 or abs(self.power_w) > abs(wish_w):
            self.power_w = 0.0 if self.power_w * wish_w <= 0 else wish_w
        self.power_w = towards(self.power_w, wish_w, self.settings.pu_per_s * rated_w * dt_s)
        return self.power_w
