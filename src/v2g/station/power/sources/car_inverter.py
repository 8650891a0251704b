"""With AC the inverter is the car's: it feeds only if it is known to bring the grid code's functions.

Three things are asked for. The car brings the functions: it was given the grid code's settings in a session of
AC_DER_IEC or AC_DER_SAE and its answer was right, or it has proved by its certificate to be a vehicle that
`access.certified` names. The station watches for islands by its own means: the islanding probe is on, and its
set-points reach the car often enough. And the car follows: when it begins to feed, with little power, it is asked for
reactive power that the meter must show, until it is known how late the car follows; the meter is compared with the
target from then on. Otherwise the car charges only.

The delay is that of reactive power, through which the islanding probe acts. A car that follows later than the code's
`islanding.probe_slowest_s` feeds nothing; so does one whose feeding the meter does not show, for it may be the meter
that stands still.
"""

from collections.abc import Iterator
from math import copysign

from v2g.iso15118.der import DerRating
from v2g.iso15118.service import Service
from v2g.kernel.units import signed_kvar
from v2g.power.meter import NO_POWER_W
from v2g.station.power.limits import Bound, Decision, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source

LONGEST_TURN_S = 0.2
"""From one set-point of the reactive power to the next: what the islanding probe can wait for."""
FOLLOWS_S = 2.0
"""How long the meter may show another reactive power than the one that was asked for."""
DIFFERS, DIFFERS_VAR = 0.1, 250.0
"""Meter and target may differ by this share of the target, and this much besides."""
TRIAL, TRIAL_VAR = 0.1, 750.0
"""What the car is asked for when it begins to feed: this share of the apparent power, at least this much."""
TRIAL_POWER = 0.2
"""Share of the rated power that it may feed until it has shown that it follows."""
NONE_BELOW = 0.05
"""Below this share of the rated power no reactive power is demanded of an inverter (IEEE 1547-2018, 5.2)."""
SETTLES_S = 0.3
SHOWS_S = 8.0
"""How long the meter may show no power while the car is asked to feed and has not shown yet that it follows."""
MEASURES_S = 24.0
"""How long it may take to find out how late the car follows."""
RETRY_S, MOST_TRIALS = 60.0, 3
"""A car that did not follow is tried again after this long, at most this often in one visit."""
_NAME = "AC discharge"
_AVERAGED = 0.2
"""The weight of the newest turn in the mean."""


class CarInverter(Source):
    """`bench_ac_bpt: true` lifts this on a bench, where there is no grid to protect."""

    def __init__(self) -> None:
        self._turns, self._turned_s = 0, 0.0
        self._turn_s = 0.0
        """From one turn of the charge loop to the next, in the mean."""
        self._tried_s: float | None = None
        """Since when the car, while it feeds, has been asked for the trial's reactive power."""
        self._asked_s: float | None = None
        """Since when the car has been asked to feed without having shown that it follows, and how late."""
        self._follows = False
        """It has shown that it does."""
        self._wanted_var: list[tuple[float, float]] = []
        """What was asked for lately, with the time."""
        self._differs_s: float | None = None
        """Since when the meter shows something else."""
        self._disobeys = ""
        self._trials = 0
        self._refused_s = 0.0
        """When the car last failed to follow."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        settings = situation.settings
        ac = settings.inverter is None if situation.service is None else not situation.service.dc
        if not ac or settings.grid_code is None or settings.bench_ac_bpt:
            return
        self._time_turns(situation)
        if self._disobeys and self._trials < MOST_TRIALS and situation.now - self._refused_s >= RETRY_S:
            self._disobeys, self._follows = "", False
            if situation.guard is not None:
                situation.guard.measure_again()
            self._tried_s = self._differs_s = self._asked_s = None
        never = _never(situation)
        if never is not None:
            yield Bound(_NAME, discharge_w=0.0, detail=never, holds=Holds.ALWAYS)
        elif situation.service is not None and (why := self._why_not(situation)) is not None:
            yield Bound(_NAME, discharge_w=0.0, detail=why)
        elif (own := rating(situation)) is not None and not self._known(situation):
            self._try(own, situation)
            detail = "until the car has shown that it follows reactive power, and how late"
            yield Bound(_NAME, discharge_w=TRIAL_POWER * own.discharge_w, detail=detail, holds=Holds.AT_ONCE)

    def _known(self, situation: Situation) -> bool:
        """The car follows, and it is known how late."""
        return self._follows and situation.guard is not None and situation.guard.delay_known

    def decided(self, decision: Decision, situation: Situation) -> None:
        """Compare the meter with what was asked for while the car feeds."""
        meter, now, own = situation.readings.meter, situation.now, rating(situation)
        if own is None or meter is None or not situation.energy or decision.power_w >= 0.0:
            self._wanted_var, self._differs_s, self._tried_s, self._asked_s = [], None, None, None
            return
        if self._follows:
            self._compare(decision.reactive_var, meter.reactive_var, now)
        else:
            self._judge_trial(decision, meter.reactive_var, meter.power_w, own, now)
        if self._known(situation) or self._disobeys:
            self._asked_s = None
        elif self._asked_s is None:
            self._asked_s = now
        elif self._tried_s is None and not self._follows and now - self._asked_s > SHOWS_S:
            self._refuse("the meter shows no power while the car is asked to feed", now)
        elif now - self._asked_s > MEASURES_S:
            self._refuse("the meter does not show how late the car follows reactive power", now)

    def _try(self, own: DerRating, situation: Situation) -> None:
        """Ask for reactive power on top of the grid code's, towards zero: that is within what it can do.

        Until the car follows, without a pause; then on and off, until it is known how late.
        """
        if situation.wish_w < 0.0 and situation.energy:
            wanted_var, by = situation.reactive
            trial_var = max(TRIAL * own.apparent_va, TRIAL_VAR)
            if self._follows and situation.guard is not None and situation.guard.trial_var(situation.now) == 0.0:
                trial_var = 0.0
            side = copysign(1.0, -wanted_var) if abs(wanted_var) > trial_var else 1.0
            situation.reactive = wanted_var + side * trial_var, f"{by} and a trial"

    def _judge_trial(self, decision: Decision, shows_var: float, shows_w: float, own: DerRating, now: float) -> None:
        if -shows_w < max(NO_POWER_W, NONE_BELOW * own.discharge_w):
            self._tried_s = None
        elif self._tried_s is None:
            self._tried_s = now
        elif now - self._tried_s >= SETTLES_S and _close(shows_var, decision.reactive_var, decision.reactive_var):
            self._follows = True
        elif now - self._tried_s >= FOLLOWS_S:
            self._refuse(_differs(shows_var, decision.reactive_var), now)

    def _compare(self, wanted_var: float, shows_var: float, now: float) -> None:
        """The meter may be anywhere between what was asked for lately."""
        self._wanted_var = [each for each in self._wanted_var if now - each[0] <= FOLLOWS_S]
        self._wanted_var.append((now, wanted_var))
        lowest_var = min(var for _, var in self._wanted_var)
        highest_var = max(var for _, var in self._wanted_var)
        if _close(shows_var, lowest_var, highest_var):
            self._differs_s = None
        elif self._differs_s is None:
            self._differs_s = now
        elif now - self._differs_s > FOLLOWS_S:
            self._refuse(_differs(shows_var, wanted_var), now)

    def _refuse(self, why: str, now: float) -> None:
        if not self._disobeys:
            self._trials, self._refused_s = self._trials + 1, now
            self._disobeys = why

    def _why_not(self, situation: Situation) -> str | None:
        guard = situation.guard
        if self._disobeys:
            return self._disobeys
        if (why := lacking(situation)) is not None:
            return why
        if guard is None:
            return "the grid has not been looked at yet"
        if not guard.code.islanding.probe_enabled:
            return "the islanding probe is off (islanding.probe_enabled)"
        if self._turn_s > LONGEST_TURN_S:
            return f"the car asks every {self._turn_s:.2f} s, detecting an island takes {LONGEST_TURN_S:g} s at most"
        return None

    def _time_turns(self, situation: Situation) -> None:
        turns, now = situation.car.turns, situation.now
        if turns == self._turns:
            return
        took_s = now - self._turned_s
        if self._turns and turns == self._turns + 1:
            self._turn_s = took_s if not self._turn_s else self._turn_s + _AVERAGED * (took_s - self._turn_s)
        else:
            self._turn_s = 0.0
        self._turns, self._turned_s = turns, now


def _differs(shows_var: float, wanted_var: float) -> str:
    shows, wants = signed_kvar(shows_var), signed_kvar(wanted_var)
    return f"the car does not follow reactive power: the meter shows {shows}, asked for {wants}"


def _close(shows_var: float, lowest_var: float, highest_var: float) -> bool:
    slack_var = DIFFERS_VAR + DIFFERS * max(abs(lowest_var), abs(highest_var))
    return lowest_var - slack_var <= shows_var <= highest_var + slack_var


def lacking(situation: Situation) -> str | None:
    """Why the car is not known to bring the grid code's functions, or None."""
    service, guard, inverter = situation.service, situation.guard, situation.car.der
    if service is not None and service.der:
        if inverter is None:
            return "the car has not been given the grid code's settings yet"
        if guard is not None and inverter.given != guard.der:
            return "the grid code's settings have changed since the car was given them"
        return inverter.why_not
    named = situation.settings.access.certified_by(situation.certificate)
    return None if named is not None else "the car's inverter is not known to bring the grid code's functions"


def rating(situation: Situation) -> DerRating | None:
    """What car and station can do together; None if the car is given no reactive power."""
    service, car = situation.service, situation.car
    if service is None or service.dc or situation.settings.grid_code is None:
        return None
    if service.der and car.der is not None:
        return None if car.der.why_not else car.der.rating
    named = situation.settings.access.certified_by(situation.certificate)
    if service is not Service.AC_BPT or named is None:
        return None
    own = situation.settings.capability
    charge_w, discharge_w = min(own.charge_w, car.limits.charge_w), min(own.discharge_w, car.limits.discharge_w)
    return DerRating(charge_w, discharge_w, named.reactive_var)


def _never(situation: Situation) -> str | None:
    """What no session of this car and service can change."""
    settings, service = situation.settings, situation.service
    if service is None:
        offered = any(name.startswith("AC_DER") for name in settings.services)
        return None if offered or settings.access.certified else _UNKNOWN
    if service.der or not service.bidirectional:
        return None
    return lacking(situation)


_UNKNOWN = "no service here hands the grid code to the car's inverter, and no vehicle is named as certified"
