"""The station's side of the control pilot: which signal to send when, and what the car's answer permits.

The shell measures, calls `step(reading, now)` about every 20 ms, sends `duty` after every call, and opens the contactor
as `permission` says. The station sets the signal that it wants with `want`, and `linked` while the car talks.

Cars need a pause between 5 % and a nominal duty cycle: state F for T_step_EF without a link ([V2G3-M06-05]), X1 with
one ([V2G3-M06-06]). A car that does not talk at 5 % gets state F and 5 % again ([V2G3-M06-07]), and in the end, from an
EVSE with AC, a nominal duty cycle.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from math import floor, isfinite
from typing import Annotated

from msgspec import Meta, Struct

from v2g.pilot.duty import DIGITAL, LARGEST_A, LEAST_A, STEADY_HIGH, STEADY_LOW, duty_for, is_pwm, meaning
from v2g.pilot.state import CONNECTED, NOTHING, READY, Detector, Finding, State, Voltages
from v2g.pilot.timing import BREAK_S, FOLLOW_S, RETRIES, SLAC_INIT_S, STEP_EF_S, STEP_X1_S, WAKE_S
from v2g.pilot.toggle import ToggleCounter

SETTLE_S = 0.5
"""The measured signal may differ for this long after a change of the one that is sent."""
QUIET_S = 1.0
"""Without a flaw for this long before the contactor closes; Table A.6 leaves 3 s (sequences 4 and 6)."""
STEP_A = 0.1
"""Of the current on offer."""


class Signal(StrEnum):
    """The signals of the station."""

    UNAVAILABLE = "unavailable"
    """State F: the car must not use the station."""
    NOT_READY = "not ready"
    """X1, steady +12 V: the car waits, or stops drawing."""
    DIGITAL = "digital"
    """5 %: ISO 15118 decides."""
    NOMINAL = "nominal"
    """The duty cycle of a current."""


PWM = (Signal.DIGITAL, Signal.NOMINAL)
"""The signals with a square wave."""


class Permission(Enum):
    """What the pilot allows the contactor, in rising order."""

    OPEN = 0
    """Open at once: no current may flow `UNPLUG_S` after the pilot has changed."""
    HOLD = 1
    """Do not close. If closed, it may stay for now: the car has been asked to stop drawing."""
    CLOSE = 2
    """The car asks for energy, and nothing is wrong."""


class Happening(StrEnum):
    """The kinds of event."""

    STATE = "state"
    """The pilot's state or signal changed."""
    PLUGGED = "plugged in"
    UNPLUGGED = "unplugged"
    FLAW = "flaw"
    """The pilot cannot be trusted: nothing is permitted until it can."""
    TOGGLE = "BCB toggle"
    """The car toggled S2. A paused station should wake up; one that gave up tries again."""
    RETRY = "retry"
    """The car did not answer at 5 %; state F, then 5 % again."""
    FALLBACK = "fallback"
    """The car does not talk: nominal duty cycle instead of 5 %."""
    GAVE_UP = "gave up"
    """The car does not talk, and the EVSE offers nothing else."""
    WAKE = "wake"
    """The car ignores its signal; state F may wake it."""
    BREAK = "break"
    """The car went on drawing after it was asked to stop, or left while permitted: the contactor opens under load."""


@dataclass(frozen=True, slots=True)
class PilotEvent:
    """Something for the trace. `warning`: a person should look."""

    happening: Happening
    text: str
    warning: bool = False


class PilotSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the EVSE's pilot behaves."""

    ventilation: bool = False
    """Whether a car that needs ventilation (state D) may have energy here."""
    fallback_a: Annotated[float, Meta(ge=LEAST_A, le=LARGEST_A)] | None = None
    """The most to offer to a car that does not talk: AC EVSEs. None: it gets none."""
    digital_s: Annotated[float, Meta(ge=1, le=300)] = SLAC_INIT_S
    """How long to wait for a car to talk at 5 %, each time."""
    retries: Annotated[int, Meta(ge=0, le=10)] = RETRIES
    """How often to try again with state F in between."""
    wake_s: Annotated[float, Meta(ge=1)] | None = WAKE_S
    """When to try to wake a car that ignores its nominal signal, once; None: never."""


class StationPilot:
    """One EVSE's control pilot."""

    def __init__(self, settings: PilotSettings | None = None) -> None:
        self.settings = settings or PilotSettings()
        self.finding = NOTHING
        """What is known of the cable and the car."""
        self.signal = Signal.NOT_READY
        """What is being sent."""
        self.connected = False
        """A car is at the cable. State F hides it: then this is what was known before."""
        self.linked = False
        """The car talks: matching has begun, or there is a session. Set by the station, cleared on unplugging."""
        self.pauses = False
        """X1 follows a PWM, and has to last before another one: a car that waits for energy gets none yet."""
        self.events: list[PilotEvent] = []
        """What has happened since the list was last emptied."""
        self._shaky = False
        """Something was wrong with the pilot a moment ago: by chance its noise may look like a car that asks."""
        self._plugged = False
        """A car has been connected since state A was seen last: a plug may show other states on its way out."""
        self._detector = Detector()
        self._toggles = ToggleCounter()
        self._wanted, self._wanted_a, self._sent_a = Signal.NOT_READY, 0.0, 0.0
        self._offer_a = self.settings.fallback_a
        self._falls_at_once = False
        self._signal_s = self._sent_s = self._flawed_s = float("-inf")
        """When the signal changed, and when the duty cycle did."""
        self._start_over()

    def _start_over(self) -> None:
        """Forget all that was tried."""
        self._attempts = 0
        self._fell_back = self._gave_up = False
        self._reset = False
        """State F is sent in between, whatever is wanted."""
        self._awake = False
        """The car has reacted, or has been woken once."""
        self._stopped_pwm = False
        """X1 follows a PWM: the car has been asked to stop."""
        self._broken = False
        """The car did not obey."""

    @property
    def duty(self) -> float:
        """The duty cycle to send now, 0 to 1."""
        match self.signal:
            case Signal.UNAVAILABLE:
                return STEADY_LOW
            case Signal.NOT_READY:
                return STEADY_HIGH
            case Signal.DIGITAL:
                return DIGITAL
            case Signal.NOMINAL:
                return duty_for(self._sent_a)

    @property
    def fell_back(self) -> bool:
        """Whether the car does not talk, and is offered a duty cycle, or X1 while there is too little to offer."""
        return self.connected and self._fell_back

    @property
    def announced_a(self) -> float:
        """The current that the duty cycle allows a car that does not talk; 0 at 5 %, in X1 and in state F."""
        return meaning(self.duty).current_a

    @property
    def why_not_ready(self) -> str | None:
        """What is wrong with the pilot, such as a measured duty cycle out of range, or None."""
        return None if self.finding.flaw is None else f"control pilot: {self.finding.flaw}"

    @property
    def toggles(self) -> int:
        """BCB toggles in the current window, for CM_VALIDATE."""
        return self._toggles.count

    @property
    def permission(self) -> Permission:
        """What the contactor may do now."""
        found = self.finding
        takes = found.state is State.C or (found.state is State.D and self.settings.ventilation)
        unavailable = Signal.UNAVAILABLE in (self.signal, self._wanted)
        if not takes or found.flaw is not None or unavailable or self._broken:
            return Permission.OPEN
        closes = found.pwm and self.signal in PWM and not self._shaky
        return Permission.CLOSE if closes else Permission.HOLD

    def want(self, signal: Signal, current_a: float = 0.0) -> None:
        """Set the signal that the station wants from now on; `current_a` is the current of the nominal signal.

        A level: repeating it changes nothing. The pilot takes the steps and pauses that lie between. No duty cycle
        announces less than 6 A: a nominal current below is `NOT_READY`.
        """
        if signal is Signal.NOMINAL and not is_pwm(duty_for(current_a)):
            signal = Signal.NOT_READY
        if signal is not self._wanted:
            self._attempts, self._fell_back, self._gave_up = 0, False, False
        self._wanted, self._wanted_a = signal, current_a

    def offer(self, current_a: float | None, *, at_once: bool = False) -> None:
        """Set the current offered to a car that does not talk, at most `settings.fallback_a`, which is the default.

        A level, which may change at any time. The duty cycle follows at once, or `FOLLOW_S` after its last change; with
        `at_once` it falls before that, for who must not draw more for as long.
        None, or less than 6 A, sends X1 to a car that has fallen back, until there is more to offer. It counts in whole
        steps of `STEP_A`, so that noise changes no duty cycle.
        """
        most_a = self.settings.fallback_a
        self._offer_a = None if current_a is None or most_a is None else _in_steps(min(current_a, most_a))
        self._falls_at_once = at_once

    def wake(self) -> None:
        """Send state F for `STEP_EF_S` to a car that waits in state B, then the wanted signal again."""
        self._reset = self.finding.state is State.B

    def step(self, reading: Voltages | None, now: float) -> None:
        """Take the latest reading of the pilot, and let time pass up to `now`."""
        before, permitted = self.finding, self.permission
        settled_duty = self._settled_duty(now)
        self.finding = self._detector.step(reading, now, settled_duty)
        if self.finding.flaw is not None and self._plugged:
            self._flawed_s = now
        self._shaky = now - self._flawed_s < QUIET_S
        state = self.finding.state
        hidden = state is State.F and (self.signal is Signal.UNAVAILABLE or settled_duty is None)
        was_connected, self.connected = self.connected, state in CONNECTED or (hidden and self.connected)
        self._report(before, permitted, was_connected)
        if self._toggles.step(state, now):
            self._attempts, self._gave_up = 0, False
            self._happened(Happening.TOGGLE, f"the car toggled S2, {self._toggles.count} so far")
        if state is State.A:
            self.linked = False
            self._start_over()
        elif state in READY:
            self._awake = True
        self._doubt(now)
        self._advance(now)
        self.pauses = self._stopped_pwm and self.signal is Signal.NOT_READY and now - self._signal_s < STEP_X1_S
        asked = self.signal is Signal.NOT_READY and self._stopped_pwm and now - self._signal_s >= BREAK_S
        if asked and state in READY and not self._broken:
            self._broken = True
            self._happened(Happening.BREAK, f"the car still draws {BREAK_S:g} s after the signal to stop", warning=True)

    def says_nothing(self, reading: Voltages, now: float) -> bool:
        """Whether this reading says nothing new. What only time brings about is for the next step."""
        return self._detector.says_nothing(reading, now, self._settled_duty(now))

    def _settled_duty(self, now: float) -> float | None:
        """The duty cycle that is sent; None just after a change, while the line may still show the one before."""
        return self.duty if now - self._sent_s >= SETTLE_S else None

    def _report(self, before: Finding, permitted: Permission, was_connected: bool) -> None:
        found = self.finding
        if found.name != before.name:
            self._happened(Happening.STATE, f"{before.name} -> {found.name}")
        if self.connected and not was_connected:
            self._happened(Happening.PLUGGED, "a car is connected")
        self._plugged |= self.connected
        if found.state is State.A and self._plugged:
            self._plugged = False
            self._happened(Happening.UNPLUGGED, "no car is connected")
        if found.flaw is not None and not found.same(before):
            self._happened(Happening.FLAW, found.flaw, warning=True)
        if permitted is Permission.CLOSE and found.state not in CONNECTED:
            self._happened(Happening.BREAK, f"{before.name} -> {found.name} while energy was permitted", warning=True)

    def _happened(self, happening: Happening, text: str, *, warning: bool = False) -> None:
        self.events.append(PilotEvent(happening, text, warning))

    def _doubt(self, now: float) -> None:
        """If the car does not react to the signal in time: try again, fall back, wake it, or give up."""
        settings, waited_s = self.settings, now - self._signal_s
        if not self.connected or self._reset or self.signal is not self._goal()[0]:
            return
        if self.signal is Signal.DIGITAL and not self.linked and waited_s >= settings.digital_s:
            if self._attempts < settings.retries:
                self._attempts += 1
                self._reset = True
                self._happened(Happening.RETRY, f"no answer to 5 % for {settings.digital_s:g} s: state F, then again")
            elif settings.fallback_a is not None:
                self._fell_back = True
                signal, offer_a = self._fallback()
                offer = f"{offer_a:g} A by duty cycle" if signal is Signal.NOMINAL else "no current to offer now"
                self._happened(Happening.FALLBACK, f"the car does not talk: {offer}")
            else:
                self._gave_up = True
                self._happened(Happening.GAVE_UP, "the car does not talk", warning=True)
        sleeps = self.signal is Signal.NOMINAL and not self._awake
        if sleeps and settings.wake_s is not None and waited_s >= settings.wake_s:
            self._awake = self._reset = True
            self._happened(Happening.WAKE, f"the car ignores its signal for {settings.wake_s:g} s: state F")

    def _goal(self) -> tuple[Signal, float]:
        """The signal to arrive at, and its current: without the steps and pauses between."""
        if self._wanted is Signal.UNAVAILABLE or self._reset:
            return Signal.UNAVAILABLE, 0.0
        if not self.connected or self._gave_up:
            return Signal.NOT_READY, 0.0
        return self._fallback() if self._fell_back else (self._wanted, self._wanted_a)

    def _fallback(self) -> tuple[Signal, float]:
        """What a car that does not talk is offered."""
        if self._offer_a is None or not is_pwm(duty_for(self._offer_a)):
            return Signal.NOT_READY, 0.0
        return Signal.NOMINAL, self._offer_a

    def _advance(self, now: float) -> None:
        """Take one step from the present signal towards the goal, once the present one has lasted long enough."""
        lasted_s = now - self._signal_s
        if self.signal is Signal.UNAVAILABLE and self.connected and lasted_s < STEP_EF_S:
            return
        if self.signal is Signal.UNAVAILABLE:
            self._reset = False
        goal, goal_a = self._goal()
        if self.signal is Signal.NOT_READY and goal in PWM and self._stopped_pwm and lasted_s < STEP_X1_S:
            return
        if self.signal in PWM and goal in PWM and goal is not self.signal:
            goal = Signal.NOT_READY if self.linked else Signal.UNAVAILABLE
        if goal is not self.signal:
            self._stopped_pwm = self.signal in PWM
            self._broken = self._broken and goal not in PWM
            self.signal, self._sent_a, self._signal_s, self._sent_s = goal, goal_a, now, now
        elif (
            goal is Signal.NOMINAL
            and goal_a != self._sent_a
            and (now - self._sent_s >= FOLLOW_S or (self._falls_at_once and goal_a < self._sent_a))
        ):
            self._sent_a, self._sent_s = goal_a, now


def _in_steps(current_a: float) -> float:
    """The current in whole steps, never more than it was."""
    return floor(current_a / STEP_A + 1e-6) / round(1 / STEP_A) if isfinite(current_a) else 0.0
