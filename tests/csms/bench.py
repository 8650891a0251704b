"""Our station with a car, in the virtual world, at the depot's gateway: real frames in both directions."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from msgspec import structs
from tests.ocpp.messages import judge
from tests.station.scene import INTENT, OUTLET

from v2g.bench.sim.world import World
from v2g.csms.gateway import Gateway
from v2g.depot.configuration import Configuration, EvsePlace, Feeder, FleetVehicle, Silence, StationPlace
from v2g.depot.ledger import Memory
from v2g.depot.view import Charger
from v2g.kernel.within import NEVER
from v2g.ocpp.store import Memory as Store
from v2g.ocpp.version import Subprotocol, version
from v2g.station.access import ListAuthorizer
from v2g.station.back_end.authorizer import BackEndAuthorizer
from v2g.station.back_end.blocks import BLOCKS
from v2g.station.back_end.card import Card
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.requests import HANDLERS
from v2g.station.config.settings import Access, PlanStep

EVERY_S = 0.1
ACCESS = Access(grant="everyone", discharge=True, bench_discharge=True, unproved=True)
SETTINGS = structs.replace(OUTLET, dispatch=(PlanStep(power_w=11_000.0),), access=ACCESS)
CAR = FleetVehicle(id="bus 7", tokens=(INTENT.evcc_id,), capacity_wh=60_000, floor_soc=0.3)
DEPOT = Configuration(
    feeders=(Feeder(id="site", charge_w=100_000),),
    stations=(StationPlace(id="CS 1", evses=(EvsePlace(charge_w=11_000, discharge_w=10_000),)),),
    vehicles=(CAR,),
    silence=Silence(safe_w=1_500, setpoint_s=12, offline_s=10),
    ledger=str(Path("unused")),
)
ID = "CS 1/1"


class Held(Memory):
    """A ledger whose disk takes its time: nothing is committed before `release`."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self._reached = False, 0

    def commit(self) -> None:
        if not self.held:
            self._reached = self._counted
        self.committed = self._reached

    def _count(self) -> int:
        self._counted = getattr(self, "_counted", 0) + 1
        return self._counted


class Bench:
    """World, station and gateway; the link can be cut, and either side started again."""

    def __init__(
        self, subprotocol: Subprotocol = "ocpp2.1", configuration: Configuration = DEPOT, ledger: Memory | None = None
    ) -> None:
        self.subprotocol: Subprotocol = subprotocol
        self.configuration, self.ledger = configuration, ledger or Memory()
        self.authorizer = BackEndAuthorizer(ListAuthorizer(SETTINGS.access), asks=True, unproved=True)
        self.world = World(SETTINGS, replace(INTENT, duration_s=36_000.0), authorizer=self.authorizer)
        self.store = Store()
        self.station = ChargingStation(
            Card("Acme", "Box", "1.0"), {1: self.world.evse}, {1: self.authorizer}, self.store, HANDLERS, blocks=BLOCKS
        )
        self.gateway = Gateway(configuration, self.ledger)
        self.wanted_w: float | None = None
        self.binding = ""
        self.within = NEVER
        self.sent: list[tuple[str, object]] = []
        """Action and payload of the gateway's calls."""
        self.linked = False
        self._due_s = self._cycle_s = 0.0
        self.link()

    @property
    def charger(self) -> Charger:
        return self.gateway.chargers(self.world.unix_s)[ID]

    def link(self) -> None:
        self.linked = True
        self.gateway.connected("CS 1", self.subprotocol, self.world.unix_s)
        self.station.connected(version(self.subprotocol), self.world.now)

    def cut(self) -> None:
        self.linked = False
        self.station.disconnected(self.world.now)
        self.gateway.disconnected("CS 1")

    def restart_gateway(self) -> None:
        """Another process with what the ledger has kept."""
        self.cut()
        self.gateway = Gateway(self.configuration, self.ledger)
        self.link()

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        def step() -> bool:
            if self.world.now < self._due_s:
                return False
            self._due_s = self.world.now + EVERY_S
            self.station.step(self.world.now, int(self.world.unix_s))
            if self.linked:
                if self.world.now >= self._cycle_s:
                    self._cycle_s = self.world.now + 2.0
                    if self.wanted_w is not None:
                        now = self.world.unix_s
                        self.gateway.want({ID: self.wanted_w}, now, {ID: self.binding}, {ID: self.within})
                        self.gateway.step(now, now)
                self.gateway.step(self.world.unix_s, self.world.unix_s)
                self._exchange()
            return until()

        self.world.run(seconds, until=step)

    def charge(self) -> None:
        """Plug the car in and let energy flow."""
        self.run(3.0)
        self.world.plug_in()
        self.run(60.0, until=lambda: self.world.evse.demand.stage.name == "ENERGY")
        self.run(10.0)

    @property
    def power_w(self) -> float:
        return self.world.evse.decision.power_w

    def actions(self) -> list[str]:
        return [action for action, _ in self.sent]

    def _exchange(self) -> None:
        for _ in range(50):
            up, down = self.station.outgoing, self.gateway.taken("CS 1")
            for frame in up:
                self.gateway.receive("CS 1", frame, self.world.unix_s, self.world.unix_s)
            for frame in down:
                parts = json.loads(frame)
                if parts[0] == 2:
                    judge(self.subprotocol, f"{parts[2]}Request")(parts[3])
                    self.sent.append((parts[2], parts[3]))
                self.station.receive(frame, self.world.now, int(self.world.unix_s))
            if not up and not down:
                return
        raise AssertionError("station and gateway talk for ever")
