"""A station whose control pilot says when matching is wanted: pilot, plug and matching, driven by hand."""

from itertools import groupby

from tests.slac.by_hand import Station

from v2g.bench.sim.pilot import Cable, PilotModule
from v2g.pilot.state import State
from v2g.pilot.station import PilotSettings, Signal
from v2g.pilot.vehicle import VehiclePilot
from v2g.slac.mme import Mme
from v2g.slac.station import StationMatchingSettings
from v2g.station.safety.plug import Plug

POLL_S = 0.02
SILENT = PilotSettings(retries=0)
"""Gives up after the first TT_EVSE_SLAC_init."""


class Outlet(Station):
    """Nothing is plugged in at first."""

    def __init__(
        self,
        pilot: PilotSettings = SILENT,
        matching: StationMatchingSettings | None = None,
        *,
        state: State = State.B,
    ) -> None:
        """`state`: what the car shows once it may."""
        super().__init__(matching)
        self.evse.end_matching(0.0)
        vehicle = VehiclePilot(needs_ventilation=state is State.D)
        vehicle.wants_energy = state is not State.B
        self.module = PilotModule(lambda: self.now, vehicle=vehicle)
        self.plug = Plug(pilot, matches=True)
        self.signals: list[tuple[float, Signal]] = []
        """What the station said to the car, and when."""
        self._matching = False
        self.run(1.0)

    def plug_in(self) -> "Outlet":
        self.module.cable = Cable.SOUND
        self.run(1.0)
        return self

    def unplug(self) -> None:
        self.module.cable = Cable.UNPLUGGED
        self.run(0.2)

    def run(self, seconds: float) -> list[Mme]:
        """Time passes, with the pilot being polled; returns what is sent to the car."""
        sent: list[Mme] = []
        for _ in range(round(seconds / POLL_S)):
            sent += self.wait(POLL_S)
            self.plug.step(self.module.reading(), Signal.DIGITAL, self.now)
            self.module.command(self.plug.pilot.duty)
            self.signals.append((self.now, self.plug.pilot.signal))
            self.evse.pilot_toggles = self.plug.toggles
            if self.plug.wants_matching != self._matching:
                self._matching = not self._matching
                change = self.evse.begin_matching if self._matching else self.evse.end_matching
                sent += self.take(change(self.now))
            for event in self.events:
                self.plug.line(event)
            self.events.clear()
        return sent

    def said(self) -> list[Signal]:
        """The signals in their order."""
        return [signal for signal, _ in groupby(signal for _, signal in self.signals)]

    def lasted_s(self, signal: Signal) -> float:
        """For how long a signal was sent, in all."""
        return POLL_S * sum(each is signal for _, each in self.signals)
