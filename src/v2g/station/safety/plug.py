"""The cable of an EVSE: what the control pilot says, which car the power line matched, and what both permit."""

from v2g.iso15118.view import Stage
from v2g.kernel.fault import Fault
from v2g.pilot.state import State
from v2g.pilot.station import PWM, Happening, Permission, PilotEvent, PilotSettings, Signal, StationPilot
from v2g.power.pilot import PilotReading
from v2g.slac.event import Began, Event, LinkLost, Match, Matched, SignalBack, SignalTooWeak, Unmatched
from v2g.station.config.settings import Plc
from v2g.station.contacts import Closings

_LOUD = (Stage.PRECHARGE, Stage.READY, Stage.ENERGY)
"""The car has closed S2 by now."""


class Plug:
    """One cable, from state A to A again."""

    def __init__(self, settings: PilotSettings, *, matches: bool, ends_when_weak: bool = False) -> None:
        """`matches`: a power-line modem has to find out which car it is (SLAC) before anybody talks.

        `ends_when_weak`: a session whose signal stays too weak is ended in order.
        """
        self.pilot = StationPilot(settings)
        self.match: Match | None = None
        self.link_lost: str | None = None
        """Why the link of the matched car is gone; until it is unplugged or matched again."""
        self.closings = Closings()
        self.toggles = 0
        """BCB toggles of the car so far, for its validation."""
        self._matches, self._ends_when_weak = matches, ends_when_weak
        self._too_weak: str | None = None

    @property
    def wants_matching(self) -> bool:
        """Whether cars should be matched now. A level, for the matching machine.

        Not in state F nor in X1, unless a car is matched: the pilot then tries again, and so does the matching, each
        with a TT_EVSE_SLAC_init of its own.
        """
        pilot = self.pilot
        return self._matches and pilot.connected and (pilot.signal in PWM or pilot.linked or self.match is not None)

    def step(self, reading: PilotReading | None, signal: Signal, now: float) -> list[PilotEvent]:
        """Take the latest reading, and say `signal` to the car as soon as the pilot admits it."""
        self.pilot.want(signal)
        self.pilot.step(reading, now)
        events, self.pilot.events = self.pilot.events, []
        for event in events:
            self.toggles += event.happening is Happening.TOGGLE
            if event.happening is Happening.UNPLUGGED:
                self.match = self.link_lost = self._too_weak = None
                self.closings.forget()
        return events

    def line(self, event: Event) -> None:
        """What the matching reports."""
        match event:
            case Began():
                self.pilot.linked = True
            case Matched(match):
                self.match, self.link_lost = match, None
            case SignalTooWeak():
                self._too_weak = event.text
            case SignalBack():
                self._too_weak = None
            case LinkLost(_, reason):
                self.match, self.link_lost, self._too_weak = None, reason, None
                self.pilot.linked = False
            case Unmatched():
                self.pilot.linked = False

    def why_not_talk(self) -> str | None:
        """Why no car may talk now, or None."""
        if not self.pilot.connected:
            return "no car is plugged in"
        if self._matches and self.match is None:
            return f"no car is matched{f': {self.link_lost}' if self.link_lost else ''}"
        return None

    def why_end(self) -> tuple[Fault, str] | None:
        """Why a session should be ended in order now, before the link drops, or None."""
        return (Fault.PLC_LINK, self._too_weak) if self._ends_when_weak and self._too_weak is not None else None

    def may_close(self, closed: bool) -> bool:
        """Whether the contactor may be closed, or stay so."""
        return self.pilot.permission is Permission.CLOSE or (closed and self.pilot.permission is Permission.HOLD)

    def why_not(self, stage: Stage, closed: bool) -> tuple[Fault, str] | None:
        """What speaks against this stage of the power path, or None. `closed`: the contactor is seen closed."""
        found = self.pilot.finding
        if (flaw := self.pilot.why_not_ready) is not None:
            return Fault.PILOT, flaw
        if not self.pilot.connected:
            fault = Fault.UNPLUGGED if found.state is State.A else Fault.PILOT
            return fault, f"the control pilot is in state {found.name}"
        if self._matches and self.match is None:
            return Fault.PLC_LINK, self.link_lost or "no car is matched"
        if found.state is State.D and not self.pilot.settings.ventilation and stage is not Stage.OFF:
            return Fault.PILOT, "the car needs ventilation (state D), and there is none"
        awaited = stage is Stage.READY and not closed  # AC: S2 may close after PowerDeliveryReq, the contactor waits
        if stage in _LOUD and self.pilot.permission is Permission.OPEN and not awaited:
            return Fault.PILOT, f"the car does not ask for energy: the control pilot is in state {found.name}"
        return None


def plug_of(pilot: PilotSettings, plc: Plc | None) -> Plug:
    """The cable of an EVSE with this control pilot, and with a power-line modem or without."""
    return Plug(pilot, matches=plc is not None, ends_when_weak=plc is not None and plc.when_weak == "end")
