"""Which reactive-power mode is in force, and the change from one to another (IEEE 1547-2018 5.3.1, 4.6.3)."""

from dataclasses import dataclass
from typing import Literal

ReactiveMode = Literal["constant_power_factor", "constant_var", "volt_var", "watt_var"]


@dataclass(frozen=True, slots=True)
class Reactive:
    """The mode in force: one at a time."""

    mode: ReactiveMode
    transition_s: float
    """After a change of mode the reactive power moves to the new value on a ramp of this length."""


class Lock:
    """Whether a mode is active: from one threshold on until the other is reached (EN 50549-1 4.7.2.3.4)."""

    def __init__(self) -> None:
        self._active = False

    def step(self, value: float, lock_in: float, lock_out: float) -> bool:
        """The state after `value`. A `lock_in` of 0 is always active."""
        if value >= lock_in:
            self._active = True
        elif value <= lock_out:
            self._active = False
        return self._active


class Transition:
    """The way from one mode's reactive power to another's."""

    def __init__(self, mode: ReactiveMode) -> None:
        self._mode = mode
        self._from_var = self._last_var = 0.0
        self._elapsed_s: float | None = None

    def step(self, settings: Reactive, target_var: float, dt_s: float) -> float:
        """Lets `dt_s` pass; returns the reactive power, `target_var` unless a change is under way."""
        if settings.mode != self._mode:
            self._mode, self._from_var, self._elapsed_s = settings.mode, self._last_var, 0.0
        if self._elapsed_s is not None:
            self._elapsed_s += dt_s
            share = self._elapsed_s / settings.transition_s
            if share >= 1:
                self._elapsed_s = None
            else:
                target_var = self._from_var + (target_var - self._from_var) * share
        self._last_var = target_var
        return target_var
