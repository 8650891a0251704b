"""A depot's gateway with light stations on one virtual clock: every frame goes through both ends."""

from collections.abc import Callable

from msgspec.structs import replace

from v2g.bench.depot.station import LightCar, LightStation
from v2g.csms.gateway import Gateway
from v2g.depot.configuration import Configuration, EvsePlace, Feeder, FleetVehicle, Silence, StationPlace
from v2g.depot.ledger import Memory
from v2g.depot.view import Charger
from v2g.ocpp.version import Subprotocol, version

STEP_S = 0.5
SAFE_W = 1_500.0
SILENCE = Silence(safe_w=SAFE_W, setpoint_s=12, offline_s=8, meter_s=2)


def configured(count: int = 1, **changes: object) -> Configuration:
    """Stations `CS0`, `CS1` ..., each with one EVSE, and a vehicle of the list for each."""
    places = tuple(
        StationPlace(id=f"CS{number}", evses=(EvsePlace(charge_w=15_000, discharge_w=15_000),))
        for number in range(count)
    )
    fleet = tuple(FleetVehicle(id=f"van {n}", tokens=(f"EV{n}",), floor_soc=0.3) for n in range(count))
    found = Configuration(feeders=(Feeder(id="site", charge_w=1e6),), stations=places, vehicles=fleet, silence=SILENCE)
    return replace(found, **changes)


def car(number: int = 0, soc_pu: float = 0.7) -> LightCar:
    """The car of the vehicle with that number."""
    return LightCar(f"EV{number}", 60_000, soc_pu)


class SlowLedger(Memory):
    """Its disk writes when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.given = False, 0

    def commit(self) -> None:
        if not self.held:
            self.committed = self.given

    def _count(self) -> int:
        self.given += 1
        return self.given


class Depot:
    """The gateway and its stations."""

    def __init__(
        self,
        count: int = 1,
        subprotocol: Subprotocol = "ocpp2.1",
        ledger: Memory | None = None,
        *,
        made: Configuration | None = None,
        stations: dict[str, LightStation] | None = None,
        versions: dict[str, str] | None = None,
        **changes: object,
    ) -> None:
        """`made`, `stations`, `versions`: of a site that is not the usual one."""
        self.configuration = made or configured(count, **changes)
        self.versions = versions or {each.id: subprotocol for each in self.configuration.stations}
        self.ledger = ledger or Memory()
        self.gateway = Gateway(self.configuration, self.ledger)
        self.stations = stations or {each.id: LightStation(each.id) for each in self.configuration.stations}
        self.now = 1_800_000_000.0
        self.wanted_w: dict[str, float] = {}
        self.alive = True
        """Whether the controller runs; a link lasts without it."""
        self.ahead_s = 0.0
        """By how much this machine's clock was set forward since the stations were told the time."""
        self.linked: set[str] = set()
        for id in self.stations:
            self.link(id)

    def link(self, id: str) -> None:
        self.linked.add(id)
        self.gateway.connected(id, self.versions[id], self.now)
        self.stations[id].connected(version(self.versions[id]), self.now)

    def cut(self, id: str, *, noticed: bool = True) -> None:
        self.linked.discard(id)
        self.stations[id].disconnected(self.now)
        if noticed:
            self.gateway.disconnected(id)

    def restart(self) -> None:
        """The controller is killed, and another one takes over."""
        for id in list(self.linked):
            self.cut(id)
        self.gateway = Gateway(self.configuration, self.ledger)
        for id in self.stations:
            self.link(id)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = self.now + seconds
        while self.now < end and not until():
            self.now += STEP_S
            for station in self.stations.values():
                station.step(self.now, self.now)
            if self.alive:
                self.control()
                self.gateway.steer(self.wanted_w, self.now, self.now + self.ahead_s)
            self._exchange()

    def control(self) -> None:
        """What a controller wants, if the test has one."""

    def plug(self, id: str = "CS0", what: LightCar | None = None) -> None:
        """A car comes, and its station says so."""
        self.stations[id].plug_in(what or car(int(id[2:])), self.now, self.now)
        self.run(4.0)

    def charger(self, id: str = "CS0/1") -> Charger:
        return self.gateway.chargers(self.now)[id]

    def power_w(self, id: str = "CS0") -> float:
        return self.stations[id].power_w

    def _exchange(self) -> None:
        for id in sorted(self.linked):
            for _ in range(50):
                up = self.stations[id].outgoing
                for frame in up:
                    self.gateway.receive(id, frame, self.now, self.now + self.ahead_s)
                down = self.gateway.taken(id) if self.alive else []
                for frame in down:
                    self.stations[id].receive(frame, self.now, self.now)
                if not up and not down:
                    break
            else:
                raise AssertionError(f"{id} and the gateway talk for ever")
