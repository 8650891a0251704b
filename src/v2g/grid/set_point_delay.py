"""How late the inverter's power follows its set-point, measured from the power itself whenever a set-point moves.

The islanding probe acts through set-points: the later they arrive, the later an island is found (`islanding.py`). So
nothing but a trial is fed while the delay is not known: little power and none in turn, which makes the set-points move.
That holds again later on, if the set-points move and the power does not follow any more.

The power is the active one, negative when fed; of a car's inverter it is the reactive one (`sources/car_inverter.py`).
"""

from collections import deque
from itertools import accumulate
from math import inf

_CANDIDATES = tuple(number / 20 for number in range(25))
"""0 to 1.2 s."""
_MOVED = 0.02
"""A set-point moves if it changes by more than this share of the rated power within the longest candidate."""
_FORGET, _FORGET_S = 0.98, 0.1
"""What is left of the weight of a reading after the next one, if that comes as much later or more."""
_ENOUGH = 8
_HOPELESS = 16
"""The trial ends after this many moves of a set-point that feeds: 24 s, if nothing else moves it."""
_LOST = 20
"""After this many readings of moving set-points at which the power goes astray, with none between that shows a delay,
it is unknown: 2 s of a usual meter's."""
_ASTRAY = 0.1
"""The power goes astray if it stands still while the set-points move, or is this far from them whatever the delay: root
of the mean square, share of the rated power. Losses that nobody knows, and slow ramps that any delay explains, do not
count."""
TRIAL = 0.1
"""Share of the rated power that is fed in a trial."""
_TRIAL_S = (1.5, 0.9, 2.1, 1.2, 1.8, 0.7, 2.4)
"""How long it is fed and not fed, in turn. In turns of the same length a delay of two of them would look like none."""
_EXPLAINED = 0.15
"""The power is seen to follow if the best candidate's error is less than this share of the set-points' own variance,
and that of the longest candidate is more. A power that stands still fits one candidate better than another, and none
well."""


class _Spread:
    """Of values of which older ones count less."""

    def __init__(self) -> None:
        self.weight = self.squares = self._mean = 0.0
        """`squares`: sum of squares around the mean."""

    def add(self, value: float, kept: float) -> None:
        """`kept`: what is left of the weight of those before."""
        self.weight = kept * self.weight + 1
        deviation = value - self._mean
        self._mean += deviation / self.weight
        self.squares = kept * self.squares + deviation * deviation * (1 - 1 / self.weight)


class SetPointDelay:
    """Compares the measured power with the set-points of up to 1.2 s before."""

    def __init__(self, rated_w: float) -> None:
        """There is no power yet."""
        self._rated_w = rated_w
        self._set_points = deque([(-inf, 0.0)])
        self._seen_s = -inf
        """When the latest reading that counts was made."""
        self.forget()

    def forget(self) -> None:
        """Nothing is known any more; the next trial starts when something may be fed."""
        self.delay_s: float | None = None
        """From a set-point to the middle of the power's response, as last seen; None if it is not known."""
        self._trial_s: float | None = None
        """Since when something may be fed."""
        self._errors = [0.0] * len(_CANDIDATES)
        self._readings = self._moves = self._without = 0
        self._set = _Spread()
        """Of the newest and the oldest set-points at the readings."""
        self._power = _Spread()

    @property
    def measured(self) -> bool:
        """Whether the delay is known, or was when the set-points last moved."""
        return self.delay_s is not None

    @property
    def _shown_s(self) -> float | None:
        """What the latest readings show; None if no set-point has moved yet, or if the power does not follow. Between
        two readings several delays look alike: their middle counts."""
        best, most = min(self._errors), _EXPLAINED * self._set.squares
        if self._readings < _ENOUGH or not best < most < self._errors[-1]:
            return None  # it does not follow, or has hardly moved yet
        alike = [late_s for late_s, error in zip(_CANDIDATES, self._errors, strict=True) if error == best]
        return alike[len(alike) // 2]

    @property
    def _astray(self) -> bool:
        """Whether the latest readings show that the power does not follow."""
        still = self._power.squares < _EXPLAINED * self._set.squares
        return still or min(self._errors) > _ASTRAY**2 * self._power.weight

    def feeds_w(self, now: float) -> float:
        """What may be fed while the delay is not known; nothing any more once that is hopeless.

        Call it once the grid permits feeding.
        """
        self._trial_s = now if self._trial_s is None else self._trial_s
        if self.hopeless:
            return 0.0
        rounds, elapsed_s = divmod(now - self._trial_s, sum(_TRIAL_S))
        ends_s = accumulate(_TRIAL_S)
        turn = int(rounds) * len(_TRIAL_S) + sum(elapsed_s >= end_s for end_s in ends_s)
        return 0.0 if turn % 2 else TRIAL * self._rated_w

    @property
    def hopeless(self) -> bool:
        """The power does not follow the set-points, or not so that the meter shows it."""
        return not self.measured and self._moves >= _HOPELESS

    def set(self, power_w: float, now: float) -> None:
        """The set-point from `now` on."""
        points = self._set_points
        if points[-1][1] != power_w:
            feeds = min(points[-1][1], power_w) < 0
            self._moves += feeds and abs(points[-1][1] - power_w) > _MOVED * self._rated_w
            points.append((now, power_w))

    def see(self, power_w: float, time_s: float) -> None:
        """The measured power at `time_s`, which is later than that of the reading before."""
        points = self._set_points
        while len(points) > 1 and points[1][0] <= time_s - _CANDIDATES[-1]:
            points.popleft()
        values = [value for _, value in points]
        if max(values) - min(values) <= _MOVED * self._rated_w:
            return
        self._readings += 1
        kept = _FORGET ** min((time_s - self._seen_s) / _FORGET_S, 1.0)
        self._seen_s = time_s
        self._set.add(values[0] / self._rated_w, kept)
        self._set.add(values[-1] / self._rated_w, kept)
        self._power.add(power_w / self._rated_w, kept)
        for number, candidate_s in enumerate(_CANDIDATES):
            then_s = time_s - candidate_s
            set_w = next(value for begin_s, value in reversed(points) if begin_s <= then_s)
            error = (set_w - power_w) / self._rated_w
            self._errors[number] = kept * self._errors[number] + error * error
        shown_s = self._shown_s
        if shown_s is not None:
            self.delay_s, self._without = shown_s, 0
        elif self.measured and self._astray:
            self._without += 1
            if self._without > _LOST:
                self.forget()
