"""BCB toggles: a car shows that it is there by closing and opening S2 (ISO 15118-3, Table 3 and CM_VALIDATE).

One toggle is B, C for 200 ms to 400 ms, B again. One to three come within 3.5 s: after CM_VALIDATE, by which station
and car find out that they share a cable, or to wake a station that has paused.
"""

from v2g.pilot.state import State
from v2g.pilot.timing import MOST_TOGGLES, TOGGLE_LEAST_S, TOGGLE_MOST_S, TOGGLE_TOLERANCE_S, TOGGLE_WINDOW_S


class ToggleCounter:
    """Counts toggles in the debounced states of a pilot."""

    def __init__(self) -> None:
        self.count = 0
        """Toggles since the first of them; 0 once the window is over or the car has done something else."""
        self._state: State | None = None
        self._since_s = 0.0
        self._first_s: float | None = None
        self._from_b = False

    def step(self, state: State | None, now: float) -> bool:
        """Take the state at `now`; True if it completes a toggle."""
        if self._first_s is not None and now - self._first_s > TOGGLE_WINDOW_S + TOGGLE_TOLERANCE_S:
            self._restart()
        if state is self._state:
            return False
        before, lasted_s = self._state, now - self._since_s
        self._state, self._since_s = state, now
        if before is State.B and state is State.C:
            self._from_b = True
            self._first_s = now if self._first_s is None else self._first_s
            return False
        fits = TOGGLE_LEAST_S - TOGGLE_TOLERANCE_S <= lasted_s <= TOGGLE_MOST_S + TOGGLE_TOLERANCE_S
        completed = self._from_b and before is State.C and state is State.B and fits and self.count < MOST_TOGGLES
        self._from_b = False
        if completed:
            self.count += 1
        else:
            self._restart()
        return completed

    def _restart(self) -> None:
        self.count, self._first_s, self._from_b = 0, None, False
