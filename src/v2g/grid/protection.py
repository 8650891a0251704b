"""Protection: whether the station may exchange power with the grid at all, and why not.

`Protection.step` is called with every sample from the start of the station: a station that has watched a sound grid for
a while does not have to wait when a car comes. The same samples at the same times give the same verdicts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from v2g.grid.element import Element, Quantity, TenMinuteMean, Timer, quantities
from v2g.grid.enter_service import ServiceEntry
from v2g.grid.islanding import PassiveDetection
from v2g.grid.momentary_cessation import MomentaryCessation
from v2g.grid.ride_through import CALM, RideThroughState, Tracker
from v2g.grid.rocof import RocofWindow
from v2g.grid.sample import GridSample, Watch
from v2g.grid.settings import GridCode, Value

OPERATING_WINDOW_HZ = (47.0, 63.0)
"""The station exchanges no power outside these frequencies, whatever a grid code allows."""
_WINDOW_DELAY_S = 0.1


class State(StrEnum):
    """What the station must do."""

    WAIT = "wait"
    """Do not feed: the criteria for entering service are not met, or not for long enough."""
    RUN = "run"
    CEASE = "cease"
    """Set-point zero, stay connected."""
    TRIP = "trip"
    """Set-point zero, open the contactor."""


class Cause(StrEnum):
    """The kind of disturbance behind a verdict."""

    VOLTAGE = "voltage"
    FREQUENCY = "frequency"
    ISLANDING = "islanding"
    """The station feeds an island, or the grid's voltage is gone."""
    MEASUREMENT = "measurement"
    """The state of the grid is unknown."""
    SERVICE = "service"
    """Nothing is wrong with the grid, or no longer: the way back into service."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the station must do, and why."""

    state: State
    why: str
    """For a person."""
    element: str
    """What decided: a trip element by its name in the grid code (`uv2`), `rocof`, `measurement`, `enter service`."""
    cause: Cause | None
    """None in undisturbed operation."""
    share: float = 0.0
    """The share of the rated power that is available, 0..1: below 1 on the ramp into service."""
    ride_through: RideThroughState = CALM

    @property
    def may_exchange(self) -> bool:
        """Whether power may flow."""
        return self.state is State.RUN


class Protection:
    """The protection of one connection point."""

    def __init__(
        self, code: GridCode, phases: int = 3, *, in_service: bool = False, draw: Callable[[], float] = lambda: 1.0
    ) -> None:
        """`in_service`: begin in operation instead of waiting to enter service. `draw`: a random share of 0..1 for the
        random delay of each entry; without it every entry waits the full delay."""
        self.code = code
        self._phases = phases
        self._draw = draw
        self._watch = Watch(code.measurement)
        self._rocof = RocofWindow(code.measurement.rocof_window_s)
        self._mean = TenMinuteMean(phases)
        self._timers = [Timer(element) for element in (*_operating_window(), *code.trip)]
        self._tracker = Tracker(code.ride_through, code.measurement.frequency_floor_pu)
        self._cessation = MomentaryCessation(code.momentary_cessation)
        self._passive = PassiveDetection(code.islanding)
        self._entry = ServiceEntry(code.enter_service, draw())
        self._in_service_s: float | None = float("inf") if in_service else None
        self._last_s: float | None = None
        self._trip: tuple[str, str, Cause] | None = None
        self._tripped = False

    def adjust(self, changes: Mapping[str, Value]) -> None:
        """Applies other settings in operation; running timers continue. Raises `SettingsError`."""
        self.code = code = self.code.with_settings(changes)
        self._watch.settings = code.measurement
        for timer, element in zip(self._timers, (*_operating_window(), *code.trip), strict=True):
            timer.element = element
        self._tracker.settings = code.ride_through
        self._cessation.settings = code.momentary_cessation
        self._passive.settings = code.islanding
        self._entry.settings = code.enter_service

    def step(self, sample: GridSample | None, now: float) -> Verdict:
        """The verdict at `now` after `sample`, the latest one; None without one."""
        if (fault := self._watch.fault(sample, now)) is not None:
            return self._lost(fault)
        assert sample is not None
        if len(sample.voltages_pu) != self._phases:
            return self._lost(f"{len(sample.voltages_pu)} voltages, {self._phases} expected")
        dt_s = 0.0 if self._last_s is None else sample.time_s - self._last_s
        self._last_s = sample.time_s
        riding = self._tracker.step(sample, dt_s)
        found = self._disturbance(sample, dt_s, 0.0 if riding.must_stay else self.code.measurement.reaction_s)
        ceased = self._cessation.step(riding.mode, dt_s)
        why_not = self.code.enter_service.why_not(sample)
        if found is not None:
            return self._out(found, riding)
        if not self.code.enter_service.permitted:
            return self._out(("permit service", "the grid operator withdrew its permission", Cause.SERVICE), riding)
        if self._in_service_s is None:
            return self._entering(why_not, dt_s, riding)
        self._in_service_s += dt_s
        share = self._entry.share(self._in_service_s)
        if ceased:
            why = f"{riding.mode.name.lower().replace('_', ' ')} at {_worst_pu(sample):.3f} pu"
            return Verdict(State.CEASE, why, "momentary cessation", Cause.VOLTAGE, 0.0, riding)
        why = "entering service" if share < 1 else f"riding through ({riding.mode.name.lower()})"
        calm = riding == CALM
        return Verdict(State.RUN, "" if calm and share >= 1 else why, "", None, share, riding)

    def _disturbance(self, sample: GridSample, dt_s: float, early_s: float) -> tuple[str, str, Cause] | None:
        """The element that trips, at most `early_s` before its delay. All of them keep running, whichever trips
        first."""
        measurable = sample.highest_pu >= self.code.measurement.frequency_floor_pu
        values = quantities(sample, self._mean.step(sample.voltages_pu, dt_s), measurable)
        tripped = [
            timer
            for timer in self._timers
            if timer.step(values[timer.element.quantity], dt_s, early_s if timer.element in self.code.trip else 0.0)
        ]
        rocof_hz_per_s = 0.0
        if measurable:
            window = self._rocof.step(sample.time_s, sample.frequency_hz)
            rocof_hz_per_s = window if sample.rocof_hz_per_s is None else sample.rocof_hz_per_s
        else:
            self._rocof.clear()
        island = self._passive.step(sample, rocof_hz_per_s, dt_s)
        if tripped:
            timer = tripped[0]
            value = values[timer.element.quantity]
            return timer.element.name, _sentence(timer, value), self._cause(timer.element, sample)
        return None if island is None else (*island, Cause.ISLANDING)

    def _cause(self, element: Element, sample: GridSample) -> Cause:
        if element.quantity is Quantity.FREQUENCY:
            return Cause.FREQUENCY
        return Cause.ISLANDING if sample.highest_pu < self.code.islanding.dead_pu else Cause.VOLTAGE

    def _entering(self, why_not: str | None, dt_s: float, riding: RideThroughState) -> Verdict:
        self._tripped = False
        wait_s = self._entry.wait(why_not, dt_s)
        if wait_s > 0:
            why = f"{wait_s:.0f} s until service" if why_not is None else why_not
            if self._trip is not None:
                why = f"{why}; tripped by {self._trip[0]}: {self._trip[1]}"
            return Verdict(State.WAIT, why, "enter service", Cause.SERVICE, 0.0, riding)
        self._in_service_s, self._trip = 0.0, None
        return Verdict(State.RUN, "entering service", "", None, self._entry.share(0.0), riding)

    def _lost(self, fault: str) -> Verdict:
        """Without a measurement. The gap counts for no timer: what happened meanwhile is unknown."""
        self._last_s = None
        self._rocof.clear()
        return self._out(("measurement", fault, Cause.MEASUREMENT), CALM)

    def _out(self, trip: tuple[str, str, Cause], riding: RideThroughState) -> Verdict:
        """Tripped. The first of several elements is reported; the way back begins when all of them have cleared."""
        if not self._tripped:
            self._trip, self._tripped = trip, True
        self._in_service_s = None
        self._entry = ServiceEntry(self.code.enter_service, self._draw())
        element, why, cause = self._trip or trip
        return Verdict(State.TRIP, why, element, cause, 0.0, riding)


def _operating_window() -> tuple[Element, Element]:
    low_hz, high_hz = OPERATING_WINDOW_HZ
    return (
        Element("operating window", Quantity.FREQUENCY, "under", low_hz, _WINDOW_DELAY_S, 0.0),
        Element("operating window", Quantity.FREQUENCY, "over", high_hz, _WINDOW_DELAY_S, 0.0),
    )


def _sentence(timer: Timer, value: float | None) -> str:
    element = timer.element
    measured = f"{element.quantity.replace('_', ' ')} {value:.3f} {element.unit}"
    return f"{measured} {element.side} {element.threshold:g} {element.unit} for {timer.elapsed_s:.2f} s"


def _worst_pu(sample: GridSample) -> float:
    return sample.lowest_pu if 1 - sample.lowest_pu > sample.highest_pu - 1 else sample.highest_pu
