"""How late the inverter's power follows its set-point, measured from the power itself whenever a set-point moves.

The islanding probe acts through set-points: the later they arrive, the later an island is found (`islanding.py`).
"""

from collections import deque

_STEP_S = 0.05
_CANDIDATES = tuple(_STEP_S * number for number in range(25))
"""0 to 1.2 s."""
_MOVED = 0.05
"""A set-point moves if it changes by more than this share of the rated power within the longest candidate."""
_FORGET = 0.98
"""What is left of the weight of a reading after the next one."""
_ENOUGH = 8
_CLEAR = 0.5
"""The best candidate's error up to which the power is seen to follow, as a share of that of the longest candidate."""


class SetPointDelay:
    """Compares the measured power with the set-points of up to 1.2 s before."""

    def __init__(self, rated_w: float) -> None:
        self._rated_w = rated_w
        self._set_points: deque[tuple[float, float]] = deque()
        self._errors = [0.0] * len(_CANDIDATES)
        self._readings = 0

    @property
    def delay_s(self) -> float | None:
        """From a set-point to the middle of the power's response; None if no set-point has moved yet, or if the power
        does not follow."""
        best = min(self._errors)
        if self._readings < _ENOUGH or best >= _CLEAR * self._errors[-1]:
            return None
        return _CANDIDATES[self._errors.index(best)]

    def set(self, power_w: float, now: float) -> None:
        """The set-point from `now` on."""
        points = self._set_points
        if not points or points[-1][1] != power_w:
            points.append((now, power_w))
        while len(points) > 1 and points[1][0] <= now - 2 * _CANDIDATES[-1]:
            points.popleft()

    def see(self, power_w: float, time_s: float) -> None:
        """The measured power at `time_s`."""
        points = self._set_points
        if not points or points[0][0] > time_s - _CANDIDATES[-1]:
            return
        since_s = max(begin_s for begin_s, _ in points if begin_s <= time_s - _CANDIDATES[-1])
        values = [value for begin_s, value in points if begin_s >= since_s]
        if max(values) - min(values) <= _MOVED * self._rated_w:
            return
        self._readings += 1
        for number, candidate_s in enumerate(_CANDIDATES):
            then_s = time_s - candidate_s
            set_w = next(value for begin_s, value in reversed(points) if begin_s <= then_s)
            error = (set_w - power_w) / self._rated_w
            self._errors[number] = _FORGET * self._errors[number] + error * error
