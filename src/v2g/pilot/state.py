"""States A to F of the control pilot, found in measured voltages (IEC 61851-1, Annex A).

The station sends +12 V and -12 V through 1 kOhm; the car pulls the positive half down with a diode and resistors.
Windows are 1 V to either side of the nominal voltage. A voltage between two windows is unknown, and permits nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Protocol

from v2g.pilot.duty import is_pwm

TOLERANCE_V = 1.0
"""Half the width of a window."""
HYSTERESIS_V = 0.3
"""A state that was found is kept this far beyond its window: less than half of the gap between two windows."""
DEBOUNCE_S = 0.015
"""A new state must have lasted this long: two readings 20 ms apart show it, though each comes a little early or late.
That leaves 80 ms of the 100 ms to poll and to open the contactor."""
DUTY_TOLERANCE = 0.02
"""The measured duty cycle may be this far from the one that is sent: 3 % to 7 % for 5 %."""
PILOT_STALE_S = 0.25
"""Protects against a pilot that nobody measures any more: an older reading counts as none."""


class State(StrEnum):
    """What the voltage means."""

    A = "A"
    """No car: +12 V."""
    B = "B"
    """A car that is not ready: +9 V."""
    C = "C"
    """A car that takes energy: +6 V."""
    D = "D"
    """A car that takes energy and needs ventilation: +3 V."""
    E = "E"
    """Short to earth, or a station without power: 0 V."""
    F = "F"
    """The station is not available: -12 V."""


NOMINAL_V = {State.A: 12.0, State.B: 9.0, State.C: 6.0, State.D: 3.0, State.E: 0.0, State.F: -12.0}
CONNECTED = frozenset({State.B, State.C, State.D})
"""A car is at the cable."""
READY = frozenset({State.C, State.D})
"""The car has closed S2."""


class Voltages(Protocol):
    """A reading of the control pilot, as `v2g.power.pilot.PilotReading`."""

    @property
    def time_s(self) -> float: ...
    @property
    def high_v(self) -> float: ...
    @property
    def low_v(self) -> float: ...
    @property
    def duty(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What one reading, or a debounced series of them, shows."""

    state: State | None = None
    pwm: bool = False
    flaw: str | None = None
    """What is wrong, for a person. A flaw permits nothing, whatever the state."""

    @property
    def name(self) -> str:
        """As in the standard: `B2` with PWM, `B1` without; or `unknown`."""
        if self.state is None:
            return "unknown"
        return self.state if self.state in (State.E, State.F) else f"{self.state}{2 if self.pwm else 1}"

    def same(self, other: "Finding") -> bool:
        """Equal except in the words: a flaw may name a voltage that changes all the time."""
        return (self.state, self.pwm, self.flaw is None) == (other.state, other.pwm, other.flaw is None)


NOTHING = Finding(flaw="no fresh reading of the control pilot")


def find(reading: Voltages, held: Finding = NOTHING, sent: float | None = None) -> Finding:
    """What `reading` shows.

    `held` is the finding so far, for the hysteresis; `sent` the duty cycle that is sent, None just after a change.
    """
    high_v, low_v, duty = reading.high_v, reading.low_v, reading.duty
    if not (isfinite(high_v) and isfinite(low_v) and 0 <= duty <= 1):
        return Finding(flaw="the control pilot's reading is not a number")
    state = _state(high_v, held.state)
    pwm = is_pwm(duty)
    if state is None:
        return Finding(pwm=pwm, flaw=f"{high_v:.1f} V is none of the states A to F")
    if pwm and state in CONNECTED | {State.A}:
        margin_v = TOLERANCE_V + (HYSTERESIS_V if held.flaw is None else 0.0)
        if abs(low_v - NOMINAL_V[State.F]) > margin_v:
            return Finding(state, pwm, f"the negative half is {low_v:.1f} V instead of -12 V: no diode in the car")
    if sent is not None and state in CONNECTED and abs(duty - sent) > DUTY_TOLERANCE + 1e-9:
        return Finding(state, pwm, f"the duty cycle is {duty:.0%} instead of {sent:.0%}")
    return Finding(state, pwm)


def _state(high_v: float, held: State | None) -> State | None:
    if held is not None and abs(high_v - NOMINAL_V[held]) <= TOLERANCE_V + HYSTERESIS_V:
        return held
    return next((state for state, volts in NOMINAL_V.items() if abs(high_v - volts) <= TOLERANCE_V), None)


def _stale(reading: Voltages, now: float) -> bool:
    return abs(now - reading.time_s) > PILOT_STALE_S


class Detector:
    """Debounces findings.

    A new finding counts once it has lasted for `DEBOUNCE_S` and was seen at least twice. Readings that contradict the
    finding for twice as long without agreeing among themselves make it unknown. So does the lack of a fresh reading.
    """

    def __init__(self) -> None:
        self.finding = NOTHING
        self._candidate = NOTHING
        self._since_s = self._doubted_since_s = 0.0

    def step(self, reading: Voltages | None, now: float, sent: float | None = None) -> Finding:
        """Take the latest reading, which may be the same again or None; returns what is known at `now`.

        `sent` as in `find`.
        """
        if reading is None or _stale(reading, now):
            self.finding = self._candidate = NOTHING
        else:
            self._take(find(reading, self.finding, sent), reading.time_s)
        return self.finding

    def says_nothing(self, reading: Voltages, now: float, sent: float | None = None) -> bool:
        """Whether this reading would change nothing in a step. `sent` as in `find`."""
        settled = self._candidate.same(self.finding) and not _stale(reading, now)
        return settled and find(reading, self.finding, sent).same(self.finding)

    def _take(self, found: Finding, time_s: float) -> None:
        if found.same(self.finding):
            self._candidate = self.finding
            return
        if self._candidate.same(self.finding):
            self._doubted_since_s = time_s
        if not found.same(self._candidate):
            self._candidate, self._since_s = found, time_s
        elif time_s - self._since_s >= DEBOUNCE_S:
            self.finding = found
        if time_s - self._doubted_since_s >= 2 * DEBOUNCE_S and not self._candidate.same(self.finding):
            self.finding = Finding(flaw="the control pilot does not settle")
