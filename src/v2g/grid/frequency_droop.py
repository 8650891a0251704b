"""Frequency droop (frequency-power): feed more when the frequency is low, draw more when it is high.

IEEE 1547-2018 6.5.2.7 (P = Ppre - (f - fn - db) / (fn k) of the rated power); EN 50549-1 4.6 (LFSM-O, LFSM-U). One
function for charging and discharging: a storage goes across zero. The power before the disturbance is held from the
moment the frequency leaves the deadband.
"""

from dataclasses import dataclass

from v2g.grid.capability import Rating
from v2g.grid.response import OpenLoopResponse, towards

_SPENT = 0.005
"""The response that is left, as a share of the rated power, when a disturbance is over."""


@dataclass(frozen=True, slots=True)
class FrequencyDroop:
    """Deadbands and slopes on both sides of the nominal frequency."""

    over_enabled: bool
    over_deadband_hz: float
    over_droop: float
    """Per-unit change of frequency for a per-unit change of power."""
    under_enabled: bool
    under_deadband_hz: float
    under_droop: float
    response_s: float
    """Open-loop response time: to 90 %."""
    recovery_pu_per_s: float
    """How fast the power returns after a disturbance, per unit of the rated power; 0 is with the response time."""
    recovery_low_hz: float
    """The power returns while the frequency is between these two, and stays as it is otherwise."""
    recovery_high_hz: float

    def response(self, frequency_hz: float, nominal_hz: float) -> float:
        """The settled change of power, per unit of the rated power; positive draws more."""
        over_hz = frequency_hz - nominal_hz - self.over_deadband_hz
        if self.over_enabled and over_hz > 0:
            return over_hz / (nominal_hz * self.over_droop)
        under_hz = frequency_hz - nominal_hz + self.under_deadband_hz
        if self.under_enabled and under_hz < 0:
            return under_hz / (nominal_hz * self.under_droop)
        return 0.0


class Droop:
    """The running response."""

    def __init__(self, settings: FrequencyDroop, nominal_hz: float) -> None:
        self.settings = settings
        self._nominal_hz = nominal_hz
        self._response = OpenLoopResponse(0.0)
        self.before_w: float | None = None
        """The power before the disturbance; None while there is none."""

    @property
    def takes(self) -> bool:
        """Whether the response is to draw more than before: the frequency is, or was, high."""
        return self._response.value > 0

    @property
    def fed_pu(self) -> float:
        """How much more the response feeds than before, per unit of the rated power."""
        return max(-self._response.value, 0.0)

    def step(self, frequency_hz: float, power_w: float, rating: Rating, dt_s: float) -> float | None:
        """Lets `dt_s` pass at `frequency_hz`; returns the power it demands, or None without a disturbance.

        `power_w` is the present power, which is held when a disturbance begins. The response is a share of the rated
        power of its own direction, also on the way back.
        """
        target = self.settings.response(frequency_hz, self._nominal_hz)
        if target and self.before_w is None:
            self.before_w = power_w
        if target or self.settings.recovery_pu_per_s <= 0:
            change = self._response.step(target, self.settings.response_s, dt_s)
        else:
            change = self._response.value = self._recovered(frequency_hz, dt_s)
        if self.before_w is None:
            return None
        spent = _SPENT if self.settings.recovery_pu_per_s <= 0 else 0.0
        if not target and abs(change) <= spent:
            self._response.value, self.before_w = 0.0, None
            return None
        return self.before_w + rating.of(change) * change

    def _recovered(self, frequency_hz: float, dt_s: float) -> float:
        """What is left of the response after a disturbance, on the gradient of recovery."""
        settings = self.settings
        sound = settings.recovery_low_hz <= frequency_hz <= settings.recovery_high_hz
        return towards(self._response.value, 0.0, settings.recovery_pu_per_s * dt_s if sound else 0.0)
