"""Unintentional islanding: the grid is gone, and the station feeds a load that happens to match.

IEEE 1547-2018 8.1: detect it, cease and trip within 2 s. Passive: rate of change of frequency above what must be ridden
through, a jump of the voltage's phase, and the trip elements. None of these sees an island whose load matches exactly,
so a probe makes it drift: while feeding, the station draws or injects a little reactive power that grows with the
change of frequency it sees (positive feedback, after the Sandia frequency shift). A grid is not affected; a parallel
RLC load of quality factor Qf answers with df/f = q / (2 Qf), so that every gain above 2 Qf runs away into the passive
elements.

Set-points arrive late, and every turn of the feedback takes as long as they do: the gain follows the measured delay.
A late feedback may also swing instead of running away, faster than a trip element can see; so a change of frequency
that is clear is answered by a push for longer than a swing, and always upwards, where every code trips soon. Several
stations on one island see the
same frequency: what cancels between them is the first kick alone, and not for long, because each turns at times of its
own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, exp, inf

from v2g.grid.curve import interpolate
from v2g.grid.element import TOLERANCE_S
from v2g.grid.sample import GridSample


@dataclass(frozen=True, slots=True)
class Islanding:
    """Thresholds of the passive detection, and what the probe does."""

    rocof_enabled: bool
    rocof_hz_per_s: float
    """In either direction; above the code's ride-through."""
    rocof_delay_s: float
    """Without a change of direction. Longer than the echo of a phase jump in the measurement of frequency."""
    vector_shift_enabled: bool
    vector_shift_deg: float
    """On three phases; above the code's ride-through."""
    single_phase_vector_shift_deg: float
    dead_pu: float
    """If every voltage is below this, the grid is gone."""
    dead_delay_s: float
    """Longer than the code lets the station ride through."""
    probe_enabled: bool
    probe_gain: float
    """Reactive power per active power, for each per unit that the frequency has changed: more than 2 Qf. For set-points
    that arrive at once."""
    probe_slow_gain: float
    """The same for the slowest set-points."""
    probe_slowest_s: float
    """Set-points that take this long or longer forbid feeding."""
    probe_limit: float
    """Largest reactive power of the probe, as a share of the active power."""
    probe_kick: float
    """Share of the active power that the probe adds, to both sides in turn: a perfect match must not stay one."""
    probe_kick_s: float
    """From one side to the other."""
    probe_follow: float
    """From this relative change of frequency on the kick does not turn: it stays on the side of the change."""
    probe_push: float
    """From this share of the active power on, to either side, the feedback becomes a push: the largest reactive power
    is drawn, which raises an island's frequency."""
    probe_push_s: float
    """Duration of a push."""
    probe_washout_s: float
    """Time constant after which a changed frequency counts as normal: at rest the probe costs nothing."""

    def gain(self, delay_s: float | None) -> float:
        """The gain for set-points that take `delay_s`; if that is not known, for the slowest."""
        if delay_s is None:
            return self.probe_slow_gain
        return interpolate(delay_s, (0.0, self.probe_gain), (self.probe_slowest_s, self.probe_slow_gain))


_UNEVEN = 0.3
"""By how much the time to a turn of the kick varies, as a share of it."""


_BEFORE_S = 0.02
"""How long before the first sample of it a change is taken to have begun, at most. While nothing flows samples are
0.1 s apart, and a change that shows in two of them may be the echo of a phase jump."""


def _lasted(before_s: float, dt_s: float) -> float:
    return before_s + (dt_s if before_s > 0.0 else min(dt_s, _BEFORE_S))


class PassiveDetection:
    """Rate of change of frequency, vector shift, and no voltage at all."""

    def __init__(self, settings: Islanding) -> None:
        self.settings = settings
        self._falling_s = self._rising_s = self._dead_s = 0.0

    def step(self, sample: GridSample, rocof_hz_per_s: float, dt_s: float) -> tuple[str, str] | None:
        """Lets `dt_s` pass up to `sample`; returns the element that sees an island and why, or None."""
        settings = self.settings
        self._rising_s = _lasted(self._rising_s, dt_s) if rocof_hz_per_s > settings.rocof_hz_per_s else 0.0
        self._falling_s = _lasted(self._falling_s, dt_s) if rocof_hz_per_s < -settings.rocof_hz_per_s else 0.0
        lasted_s = max(self._rising_s, self._falling_s)
        if settings.rocof_enabled and lasted_s >= settings.rocof_delay_s - TOLERANCE_S:
            return "rocof", f"{rocof_hz_per_s:+.1f} Hz/s beyond {settings.rocof_hz_per_s:g} Hz/s for {lasted_s:.2f} s"
        self._dead_s = self._dead_s + dt_s if sample.highest_pu < settings.dead_pu else 0.0
        if self._dead_s >= settings.dead_delay_s - TOLERANCE_S:
            return "dead_grid", f"no voltage above {settings.dead_pu:g} pu for {self._dead_s:.2f} s"
        largest_deg = (
            settings.vector_shift_deg if len(sample.voltages_pu) > 1 else settings.single_phase_vector_shift_deg
        )
        if settings.vector_shift_enabled and abs(sample.phase_jump_deg) > largest_deg:
            return "vector_shift", f"phase jump of {sample.phase_jump_deg:+.0f} degrees beyond {largest_deg:g} degrees"
        return None


class Probe:
    """The active part: the reactive power that makes an island drift."""

    def __init__(self, settings: Islanding, draw: Callable[[], float] = lambda: 0.5) -> None:
        """`draw`: a random share of 0..1 for the times at which the kick turns, so that stations do not turn together;
        without it they are even."""
        self.settings = settings
        self._draw = draw
        self._usual_hz: float | None = None
        self._side, self._until_turn_s = copysign(1.0, draw() - 0.5), settings.probe_kick_s

    def step(self, frequency_hz: float, power_w: float, dt_s: float, delay_s: float | None = None) -> float:
        """Lets `dt_s` pass; returns the reactive power to add, in var drawn. Zero unless the station feeds.

        `delay_s`: how late set-points arrive, if that is known.
        """
        settings = self.settings
        if not settings.probe_enabled or power_w >= 0:
            self._usual_hz = None
            return 0.0
        if self._usual_hz is None:
            self._usual_hz, self._push_s, self._strength_w = frequency_hz, -inf, -power_w
        deviation = frequency_hz / self._usual_hz - 1
        keep = exp(-dt_s / settings.probe_washout_s)
        self._usual_hz = keep * self._usual_hz + (1 - keep) * frequency_hz
        self._strength_w = max(-power_w, keep * self._strength_w)
        self._turn(deviation, dt_s)
        share = settings.gain(delay_s) * deviation
        self._push_s -= dt_s
        if self._push_s <= TOLERANCE_S and abs(share) > settings.probe_push:
            self._push_s = settings.probe_push_s
        if self._push_s > TOLERANCE_S:
            return self._strength_w * settings.probe_limit  # a droop must not take the strength of the push away
        share += settings.probe_kick * self._side
        return -power_w * min(max(share, -settings.probe_limit), settings.probe_limit)

    def _turn(self, deviation: float, dt_s: float) -> None:
        """The kick's side: that of a change of frequency, otherwise each in turn."""
        settings = self.settings
        self._until_turn_s -= dt_s
        if abs(deviation) > settings.probe_follow:
            self._side, self._until_turn_s = copysign(1.0, deviation), settings.probe_kick_s
        elif self._until_turn_s <= TOLERANCE_S:
            self._side = -self._side
            self._until_turn_s = settings.probe_kick_s * (1 + _UNEVEN * (2 * self._draw() - 1))
