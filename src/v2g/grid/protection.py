"""Protection: whether the station may exchange power with the grid at all, and why not.

`Protection.step` is called with every sample from the start of the station: a station that has watched a sound grid for
a while does not have to wait when a car comes. The same samples at the same times give the same verdicts.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from math import inf

from msgspec import Struct

from v2g.grid.doubt import Doubt
from v2g.grid.element import Element, Quantity, TenMinuteMean, Timer, Timers, quantities
from v2g.grid.enter_service import EnterService, ServiceEntry
from v2g.grid.islanding import PassiveDetection
from v2g.grid.momentary_cessation import MomentaryCessation
from v2g.grid.ride_through import CALM, Mode, RideThroughState, Tracker
from v2g.grid.rocof import RocofWindow
from v2g.grid.sample import GridSample, Watch
from v2g.grid.settings import GridCode, Value

OPERATING_WINDOW_HZ = (47.0, 63.0)
"""No power is exchanged outside these frequencies, unless a grid code sets a threshold at the edge or beyond."""
_WINDOW_DELAY_S = 0.1
_BEYOND_HZ = 1.0
"""From the outermost threshold of such a code to the edge: its own delay decides first."""
_RELAPSING = "the voltage leaves its band whenever power flows: the station's own power moves it"


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


class Verdict(Struct, frozen=True):
    """What the station must do, and why."""

    state: State
    why: str
    """For a person."""
    element: str
    """What decided: a trip element by its name in the grid code (`uv2`), `rocof`, `measurement`, `enter service`."""
    cause: Cause | None
    """None in undisturbed operation."""
    share: float = 0.0
    """The share of the rated power that may be fed, 0..1: below 1 on the ramp into service."""
    load: bool = False
    """Charging is allowed before service begins: the grid is in continuous operation, and charging is a load."""
    ride_through: RideThroughState = CALM

    @property
    def may_exchange(self) -> bool:
        """Whether power may flow in both directions."""
        return self.state is State.RUN

    @property
    def may_charge(self) -> bool:
        """Whether power may be drawn."""
        return self.state is State.RUN or self.load


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
        self._window, self._elements = Timers(operating_window(code)), Timers(code.trip)
        self._tracker = Tracker(code.ride_through, code.measurement.frequency_floor_pu)
        self._cessation = MomentaryCessation(code.momentary_cessation)
        self._passive = PassiveDetection(code.islanding)
        self._entry = ServiceEntry(code.enter_service, draw())
        self._reconnects = False
        self._in_service_s: float | None = float("inf") if in_service else None
        self._last_s: float | None = None
        self._doubt = Doubt()
        self._trip: tuple[str, str, Cause] | None = None
        self._tripped = False

    def adjust(self, changes: Mapping[str, Value]) -> None:
        """Applies other settings in operation; running timers continue. Raises `SettingsError`."""
        self.code = code = self.code.with_settings(changes)
        self._watch.settings = code.measurement
        self._rocof.window_s = code.measurement.rocof_window_s
        self._window.adjust(operating_window(code))
        self._elements.adjust(code.trip)
        self._tracker.settings, self._tracker.floor_pu = code.ride_through, code.measurement.frequency_floor_pu
        self._cessation.settings = code.momentary_cessation
        self._passive.settings = code.islanding
        self._entry.settings = self._entry_settings

    @property
    def _entry_settings(self) -> EnterService:
        return self.code.reconnection if self._reconnects else self.code.enter_service

    def step(self, sample: GridSample | None, now: float, *, in_use: bool = True) -> Verdict:
        """The verdict at `now` after `sample`, the latest one; None without one.

        `in_use`: a car exchanges power, or could. The ramp into service stands still otherwise, so that it applies to
        the car that comes.
        """
        if (fault := self._watch.fault(sample, now)) is not None:
            return self._doubted(sample, now) or self._lost(self._doubt.why or fault)
        assert sample is not None
        self._doubt.sound(now)
        if (doubt := self._doubt.why) is not None:
            return self._lost(doubt)
        if len(sample.voltages_pu) != self._phases:
            return self._lost(f"{len(sample.voltages_pu)} voltages, {self._phases} expected")
        dt_s = 0.0 if self._last_s is None else sample.time_s - self._last_s
        self._last_s = sample.time_s
        riding = self._tracker.step(sample, dt_s)
        found = self._disturbance(sample, dt_s, 0.0 if riding.must_stay else self.code.measurement.reaction_s)
        ceased = self._cessation.step(riding.mode, dt_s)
        why_not = self._entry_settings.why_not(sample)
        if found is None and self._cessation.relapsing:
            found = "momentary cessation", _RELAPSING, Cause.VOLTAGE
        if found is not None:
            return self._out(found, riding, self._interrupted_s(found[0], dt_s))
        if not self.code.enter_service.permitted:
            self._tripped = False  # whatever tripped before has cleared: this is the reason from now on
            return self._out(("permit service", "the grid operator withdrew its permission", Cause.SERVICE), riding)
        if self._in_service_s is None:
            return self._entering(why_not, dt_s, riding)
        self._in_service_s += dt_s if in_use else 0.0
        share = self._entry.share(self._in_service_s)
        if ceased:
            why = f"{riding.mode.name.lower().replace('_', ' ')} at {_worst_pu(sample):.3f} pu"
            return Verdict(State.CEASE, why, "momentary cessation", Cause.VOLTAGE, ride_through=riding)
        return Verdict(State.RUN, _progress(riding, share), "", None, share, ride_through=riding)

    def _disturbance(self, sample: GridSample, dt_s: float, early_s: float) -> tuple[str, str, Cause] | None:
        """The element that trips, at most `early_s` before its delay."""
        measurable = sample.highest_pu >= self.code.measurement.frequency_floor_pu
        values = quantities(sample, self._mean.step(sample.voltages_pu, dt_s), measurable)
        tripped = self._window.step(values, dt_s) + self._elements.step(values, dt_s, early_s)
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
        if dt_s > self.code.measurement.stale_s:  # a grid that nobody watched was not sound
            dt_s, self._entry = 0.0, ServiceEntry(self._entry_settings, self._draw())
        wait_s = self._entry.wait(why_not, dt_s)
        if wait_s > 0:
            why = _waiting(wait_s, why_not, self._trip)
            load = riding.mode is Mode.CONTINUOUS and not self._cessation.ceased
            return Verdict(State.WAIT, why, "enter service", Cause.SERVICE, 0.0, load, riding)
        self._in_service_s, self._trip, self._reconnects = 0.0, None, False
        return Verdict(State.RUN, "entering service", "", None, self._entry.share(0.0), ride_through=riding)

    def _doubted(self, sample: GridSample | None, now: float) -> Verdict | None:
        """No power, but no trip either, for a single sample that cannot be believed. The next one counts for the
        gap."""
        if sample is None or (why := self.code.measurement.why_implausible(sample)) is None:
            return None
        passed_over = self._doubt.step(sample, now)
        if self._last_s is None or self._tripped or not passed_over:
            return None
        if now - self._last_s > self.code.measurement.stale_s:
            return None
        return Verdict(State.CEASE, why, "measurement", Cause.MEASUREMENT)

    def _lost(self, fault: str) -> Verdict:
        """Without a measurement. The gap counts for no timer: what happened meanwhile is unknown."""
        self._last_s = None
        self._rocof.clear()
        return self._out(("measurement", fault, Cause.MEASUREMENT), CALM)

    def _interrupted_s(self, element: str, dt_s: float) -> float:
        """How long what tripped has lasted; without end if it cannot be a short interruption any more.

        A short one begins with a trip of a station that has been in service for the full delay, so that two in a row
        are not short. What comes back on the way back is none, nor what nobody watched.
        """
        permitted = self.code.enter_service.permitted and self.code.reconnection.permitted
        if element not in _passing(self.code) or not permitted or dt_s > self.code.measurement.stale_s:
            return inf
        if self._in_service_s is not None:
            return 0.0 if self._in_service_s >= self.code.reconnection.delay_s else inf
        return self._entry.interrupted_s + dt_s if self._tripped else inf

    def _out(self, trip: tuple[str, str, Cause], riding: RideThroughState, interrupted_s: float = inf) -> Verdict:
        """Tripped. The first of several elements is reported; the way back begins when all of them have cleared."""
        if not self._tripped:
            self._trip, self._tripped = trip, True
        self._reconnects = self._reconnects or self._in_service_s is not None
        self._in_service_s = None
        self._entry = ServiceEntry(self._entry_settings, self._draw(), interrupted_s)
        self._cessation.forget()
        element, why, cause = self._trip or trip
        return Verdict(State.TRIP, why, element, cause, ride_through=riding)


def trip_elements(code: GridCode) -> tuple[str, ...]:
    """Whatever may trip, by the names that verdicts have for it."""
    others = ("operating window", "rocof", "dead_grid", "vector_shift", "momentary cessation", "permit service")
    return (*dict.fromkeys(each.name for each in code.trip), *others, "measurement")


def _passing(code: GridCode) -> set[str]:
    """The elements of voltage and frequency whose disturbance may be a short one: a mean of ten minutes has been too
    high for long."""
    elements = (*operating_window(code), *code.trip)
    return {each.name for each in elements if each.quantity is not Quantity.TEN_MINUTE_VOLTAGE}


def operating_window(code: GridCode) -> tuple[Element, Element]:
    """The elements that end operation outside 47 to 63 Hz, or further out if the code's own thresholds are."""
    low_hz, high_hz = OPERATING_WINDOW_HZ
    for element in code.trip:
        if element.quantity is Quantity.FREQUENCY and element.side == "under" and element.threshold <= low_hz:
            low_hz = element.threshold - _BEYOND_HZ
        elif element.quantity is Quantity.FREQUENCY and element.side == "over" and element.threshold >= high_hz:
            high_hz = element.threshold + _BEYOND_HZ
    return (
        Element("operating window", Quantity.FREQUENCY, "under", low_hz, _WINDOW_DELAY_S, 0.0),
        Element("operating window", Quantity.FREQUENCY, "over", high_hz, _WINDOW_DELAY_S, 0.0),
    )


def _sentence(timer: Timer, value: float | None) -> str:
    element = timer.element
    measured = f"{element.quantity.replace('_', ' ')} {value:.3f} {element.unit}"
    return f"{measured} {element.side} {element.threshold:g} {element.unit} for {timer.elapsed_s:.2f} s"


def _progress(riding: RideThroughState, share: float) -> str:
    if share < 1:
        return "entering service"
    return "" if riding is CALM else f"riding through ({riding.mode.name.lower()})"


def _waiting(wait_s: float, why_not: str | None, trip: tuple[str, str, Cause] | None) -> str:
    why = f"{wait_s:.0f} s until service" if why_not is None else why_not
    return why if trip is None else f"{why}; tripped by {trip[0]}: {trip[1]}"


def _worst_pu(sample: GridSample) -> float:
    return sample.lowest_pu if 1 - sample.lowest_pu > sample.highest_pu - 1 else sample.highest_pu
