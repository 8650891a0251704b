"""What chargers make of their set-points, as far as the controller can foresee it, and what the meter says of that."""

import numpy as np
from msgspec import Struct

from v2g.depot.allocation import Bools, Floats, Ints


class Dynamics(Struct, frozen=True, kw_only=True):
    """How a charger follows a set-point. Times in seconds."""

    latency_s: float = 1.0
    """From the decision until the charger begins to follow."""
    lag_s: float = 0.5
    """Time constant of its approach."""
    ramp_pu_per_s: float = 0.5
    """Of its larger rating."""


class Response:
    """The power that each charger should be at. `power_w` is that of `at_s`."""

    def __init__(self, dynamics: Dynamics, rating_w: Floats, at_s: float) -> None:
        self.dynamics, self.at_s = dynamics, at_s
        self.power_w: Floats = np.zeros(len(rating_w))
        self._ramp_w: Floats = dynamics.ramp_pu_per_s * rating_w
        self._target_w: Floats = np.zeros(len(rating_w))
        self._latest_w: Floats = np.zeros(len(rating_w))
        """The set-points that were decided last, whether they have begun or not."""
        self._coming: list[tuple[float, Bools, Floats]] = []
        """When whose set-points begin, the earliest first."""

    @property
    def under_way_w(self) -> float:
        """How far the sum is from where it is going: as much as a wrong latency can make it appear off."""
        return abs(float(self._latest_w.sum() - self.power_w.sum()))

    def command(self, power_w: Floats, now: float, latency_s: Floats | None = None) -> None:
        """These are the set-points from `now` on. `latency_s`: of each charger, as measured; not a number where it is
        not known."""
        known_s = np.full(len(power_w), np.nan) if latency_s is None else latency_s
        each_s = np.where(np.isnan(known_s), self.dynamics.latency_s, known_s)
        self._latest_w = power_w.copy()
        for seconds in np.unique(each_s).tolist():
            begins_s, who = now + seconds, each_s == seconds
            later = [(at_s, whose & ~who if at_s > begins_s else whose, w) for at_s, whose, w in self._coming]
            self._coming = sorted([*later, (begins_s, who, self._latest_w)], key=lambda each: each[0])

    def advance(self, to_s: float) -> None:
        """Let time pass. A time in the past changes nothing."""
        while self._coming and self._coming[0][0] <= to_s:
            begins_s, who, target_w = self._coming.pop(0)
            self._move(begins_s)
            self._target_w = np.where(who, target_w, self._target_w)
        self._move(to_s)

    def _move(self, to_s: float) -> None:
        passed_s = to_s - self.at_s
        if passed_s <= 0:
            return
        approach = 1.0 - np.exp(-passed_s / self.dynamics.lag_s) if self.dynamics.lag_s > 0 else 1.0
        most_w = self._ramp_w * passed_s
        self.power_w = self.power_w + np.clip((self._target_w - self.power_w) * approach, -most_w, most_w)
        self.at_s = to_s

    def take_out(self, who: Bools) -> float:
        """These chargers give nothing any more. Returns what they gave."""
        gave_w = float(self.power_w[who].sum())
        for each in (self.power_w, self._target_w, self._latest_w, *(target_w for _, _, target_w in self._coming)):
            each[who] = 0.0
        return gave_w

    def correct(self, who: Bools, power_w: Floats) -> None:
        """These chargers were measured to be elsewhere."""
        self.power_w = np.where(who, power_w, self.power_w)

    def moved_to(self, kept: Ints, rating_w: Floats) -> "Response":
        """The same for another list of chargers: `kept` has each one's number in this one, or -1."""
        other = Response(self.dynamics, rating_w, self.at_s)
        other.power_w, other._target_w = _picked(self.power_w, kept), _picked(self._target_w, kept)
        other._latest_w = _picked(self._latest_w, kept)
        other._coming = [
            (begins_s, _picked(who.astype(np.float64), kept) > 0.0, _picked(target_w, kept))
            for begins_s, who, target_w in self._coming
        ]
        return other


def _picked(values: Floats, kept: Ints) -> Floats:
    if not len(values):
        return np.zeros(len(kept))
    picked: Floats = np.where(kept >= 0, values[kept], 0.0)
    return picked


class Feedback:
    """What the meter shows beyond what the chargers should give: chargers that are gone without a word, or wrong.

    `off_w` is added to what the chargers give; the controller asks for that much less. A difference that the response
    under way cannot explain is believed at once, a small one little by little.
    """

    GAIN = 0.5
    UNDER_WAY = 0.3
    """What share of the power under way may seem missing because it comes earlier or later than foreseen."""

    DOUBT_S = 15.0
    """Longer than a charger that has gone without a word counts as measured (`v2g.depot.state.FRESH_S`)."""

    def __init__(self) -> None:
        self.doubted = False
        """Whether the meter has contradicted the chargers' own for too long: it is stuck, or its sign is wrong."""
        self._contradicts_since_s, self._most_w = np.inf, 0.0
        self.off_w = 0.0
        self.seen_w = 0.0
        """The latest difference, unfiltered."""

    def rest(self) -> None:
        """There is no meter to be believed."""
        self.off_w = self.seen_w = 0.0
        self.doubted, self._contradicts_since_s = False, np.inf

    def doubt(self, beyond_w: float, trust_w: float, flows_w: float, now: float) -> None:
        """`beyond_w`: what the meter shows beyond what the chargers measure; `flows_w`: what flows there at all.

        If it is more than `trust_w`, chargers may have gone, so at most `flows_w` is missing. If it remains so, the
        meter may correct by `trust_w` only: otherwise one that is stuck would be followed without an end.
        """
        if abs(beyond_w) <= trust_w:
            self._contradicts_since_s = np.inf
        elif not np.isfinite(self._contradicts_since_s):
            self._contradicts_since_s, self._most_w = now, flows_w
        self.doubted = now - self._contradicts_since_s > self.DOUBT_S
        most_w = trust_w if self.doubted else trust_w + self._most_w
        if np.isfinite(self._contradicts_since_s):
            self.off_w = max(-most_w, min(self.off_w, most_w))

    def see(self, difference_w: float, jump_w: float, under_way_w: float) -> bool:
        """A reading. Returns whether it was a jump: somebody must be gone, or back."""
        self.seen_w = difference_w
        if abs(difference_w - self.off_w) > jump_w + self.UNDER_WAY * under_way_w:
            self.off_w = difference_w
            return True
        self.off_w += self.GAIN * (difference_w - self.off_w)
        return False

    def taken_out(self, gave_w: float, *, surely: bool, jump_w: float) -> None:
        """Chargers that should have given `gave_w` are out of the sum from now on.

        `surely`: nothing flows there any more (unplugged), and the reading may be older or newer than that: of both the
        one that needs less explanation holds. Otherwise (link lost) they may go on as before, and the meter is right.
        """
        without_w = self.seen_w + gave_w
        if not surely or abs(without_w) < abs(self.seen_w):
            if abs(without_w - self.off_w) > jump_w:
                self.off_w = without_w
            self.seen_w = without_w
