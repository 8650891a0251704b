"""A station's pilot and a car at both ends of a simulated cable, in virtual time."""

from collections.abc import Callable

from v2g.bench.sim.pilot import Cable, PilotModule
from v2g.pilot.station import Happening, Permission, PilotSettings, Signal, StationPilot
from v2g.pilot.vehicle import VehiclePilot

POLL_S = 0.02


class Bench:
    """Polls the module every `POLL_S`, steps the station's pilot and sends what it wants to send."""

    def __init__(
        self,
        settings: PilotSettings | None = None,
        *,
        vehicle: VehiclePilot | None = None,
        noise_v: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.now = 100.0
        self.module = PilotModule(lambda: self.now, vehicle=vehicle, noise_v=noise_v)
        self.pilot = StationPilot(settings)
        self.sent: list[tuple[float, Signal]] = []
        """Every change of the signal, with its time."""
        self.permitted: list[tuple[float, Permission]] = []
        """Every change of the permission, with its time."""

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> float:
        """Lets time pass, at most `seconds`, until something holds; returns how long it took."""
        start = self.now
        while self.now - start < seconds - 1e-9 and not until():
            self.now += POLL_S
            self.pilot.step(self.module.reading(), self.now)
            self.module.command(self.pilot.duty)
            if not self.sent or self.sent[-1][1] is not self.pilot.signal:
                self.sent.append((self.now, self.pilot.signal))
            if not self.permitted or self.permitted[-1][1] is not self.pilot.permission:
                self.permitted.append((self.now, self.pilot.permission))
        return self.now - start

    def plug_in(self, signal: Signal = Signal.DIGITAL, current_a: float = 0.0, *, wants_energy: bool = False) -> None:
        """A car at a sound cable, with the station saying `signal`, settled."""
        self.pilot.want(signal, current_a)
        self.module.vehicle.wants_energy = wants_energy
        self.module.cable = Cable.SOUND
        self.run(1.0)

    def happened(self, happening: Happening) -> list[str]:
        """The texts of the events of one kind so far."""
        return [event.text for event in self.pilot.events if event.happening is happening]
