"""The car's side of the control pilot: how it understands the duty cycle, and when it closes S2."""

from math import nan

from v2g.pilot.duty import STEADY_LOW, Meaning, meaning
from v2g.pilot.state import State
from v2g.pilot.timing import STEP_EF_S, TOGGLE_LEAST_S, TOGGLE_MOST_S

REACTION_S = 0.2
"""From a changed signal until the car acts on it. Table A.6 gives it 3 s to stop and 5 s to follow."""
_TOGGLE_S = (TOGGLE_LEAST_S + TOGGLE_MOST_S) / 2
_SAME_DUTY = 0.005


class VehiclePilot:
    """S2 and the resistors of a car. `step` with the duty cycle at its inlet: 1 steady high, 0 steady low or nothing.

    `stubborn`: goes on drawing when the PWM stops. `asleep`: ignores the signal until state F has reset it.
    """

    def __init__(
        self,
        *,
        reaction_s: float = REACTION_S,
        needs_ventilation: bool = False,
        stubborn: bool = False,
        asleep: bool = False,
    ) -> None:
        self.meaning = Meaning()
        """What the car has understood."""
        self.state = State.B
        """Which resistors it has connected: B, C or D."""
        self.unavailable = True
        """It sees state E or F, and leaves the power line's network."""
        self.wants_energy = False
        """Set by the driver, or by the conversation."""
        self.asleep = asleep
        self._stubborn = stubborn
        self._reaction_s = reaction_s
        self._ready = State.D if needs_ventilation else State.C
        self._duty = nan  # differs from everything
        self._duty_since_s = 0.0
        self._toggle_from_s: float | None = None
        self._toggles = 0

    def toggle(self, count: int, now: float) -> None:
        """Begin `count` BCB toggles: S2 closed and open for 0.3 s each, whatever the signal."""
        self._toggles, self._toggle_from_s = count, now

    def step(self, duty: float, now: float) -> None:
        """Let time pass up to `now`, with this duty cycle at the inlet."""
        if not abs(duty - self._duty) <= _SAME_DUTY or (duty == STEADY_LOW) != (self._duty == STEADY_LOW):
            self._duty, self._duty_since_s = duty, now
        lasted_s = now - self._duty_since_s
        if self._duty == STEADY_LOW and lasted_s >= 0.75 * STEP_EF_S:
            self.asleep = False
        if lasted_s >= self._reaction_s:
            self.meaning = Meaning() if self.asleep else meaning(self._duty)
            self.unavailable = self._duty == STEADY_LOW
        may_draw = self.meaning != Meaning() or (self._stubborn and self.state is self._ready)
        self.state = self._ready if self._closes(now, self.wants_energy and may_draw) else State.B

    def _closes(self, now: float, draws: bool) -> bool:
        if self._toggle_from_s is None:
            return draws
        halves = int((now - self._toggle_from_s) / _TOGGLE_S)
        if halves >= 2 * self._toggles:
            self._toggle_from_s = None
        return halves % 2 == 0 and halves < 2 * self._toggles
