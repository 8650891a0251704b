"""The cable between a station and a car of the virtual world: the control pilot, and the power line on it."""

from collections.abc import Callable

from v2g.bench.sim.pilot import Cable, PilotModule
from v2g.bench.sim.plc_modem import PlcPair
from v2g.pilot.duty import DIGITAL
from v2g.slac.car import CarMatchingSettings
from v2g.slac.event import Event


class ChargingCable:
    """Plugged in or not; with modems at its ends, or without."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        plc: bool,
        attenuation_db: float = 8.0,
        car: CarMatchingSettings | None = None,
    ) -> None:
        self.pilot = PilotModule(clock)
        self.pair = PlcPair(attenuation_db, car=car) if plc else None
        self._matching = self._asks = self._has_pilot = False
        self._reported = 0

    @property
    def plugged(self) -> bool:
        return self.pilot.cable is not Cable.UNPLUGGED

    @property
    def open_to_talk(self) -> bool:
        """Whether the car's network is there: the car has seen 5 %, and is matched if there are modems."""
        digital = self.plugged and self.pilot.vehicle.meaning.digital
        return digital and (self.pair is None or self.pair.matched)

    def plug_in(self) -> None:
        self.pilot.cable = Cable.SOUND

    def unplug(self) -> None:
        """The connector is pulled: pilot and power line are gone at once."""
        self.pilot.cable = Cable.UNPLUGGED
        self.pilot.vehicle.wants_energy = False

    def advance(self, now: float, *, duty: float | None, matching: bool, wants_energy: bool) -> list[Event]:
        """Let time pass up to `now`; returns what happened at the station's modem.

        `duty`: from the station; None: no command reaches the pilot. `matching`: whether the station wants to match.
        """
        if duty is not None:
            self.pilot.command(duty)
        self.pilot.vehicle.wants_energy = wants_energy
        self.pilot.advance(now)
        pair = self.pair
        if pair is None:
            return []
        pair.way.cut = pair.way.cut or not self.plugged
        pair.advance(now)
        if matching != self._matching:
            self._matching = matching
            pair.bench.do(pair.evse, (pair.evse.begin_matching if matching else pair.evse.end_matching)(now), now)
        has_pilot = self.plugged and not self.pilot.vehicle.unavailable
        if self._has_pilot and not has_pilot:  # unplugged, whatever the station was sending, or state E or F
            pair.bench.do(pair.ev, pair.ev.end_matching(now), now)
        self._has_pilot = has_pilot
        asks = self.plugged and abs(self.pilot.duty - DIGITAL) < 0.02
        if asks and not self._asks:
            pair.way.cut = False
            pair.bench.do(pair.ev, pair.ev.begin_matching(now), now)
        self._asks = asks
        news = pair.bench.events[self._reported :]
        self._reported = len(pair.bench.events)
        return [event for _, machine, event in news if machine is pair.evse]
