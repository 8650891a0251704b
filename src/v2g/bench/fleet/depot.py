"""A simulated depot: the real controller over the physics of its chargers and batteries, in real time."""

from collections.abc import Callable
from random import Random

from v2g.depot.controller import Controller, Settings
from v2g.depot.dispatch import Dispatch
from v2g.depot.request import PowerRequest
from v2g.depot.response import Dynamics
from v2g.depot.simulate.plant import Car, Physics, Plant
from v2g.depot.tree import Node, Tree
from v2g.depot.view import Charger, Site

RATING_W = 15_000.0
PHYSICS = Physics(latency_s=0.3, lag_s=0.4)
STEP_S = 0.25
BEHIND_S = 5.0
"""A process that stood still for longer does not make up for it."""


class SimulatedDepot:
    """What `v2g.run.fleet_member` needs of a depot."""

    def __init__(
        self, name: str, chargers: int, clock: Callable[[], float], seed: int = 0, *, parked: bool = True
    ) -> None:
        """`clock`: Unix time that does not jump. `parked`: with vehicles at most of the chargers."""
        self.name, self._clock = name, clock
        random = Random(f"{name} {seed}")  # noqa: S311  # a scene, no secret
        tree = Tree(
            [Node(name="site", max_charge_w=0.8 * RATING_W * chargers, max_discharge_w=0.6 * RATING_W * chargers)]
        )
        places = [
            Charger(id=f"{name}-{number:02}/1", max_charge_w=RATING_W, max_discharge_w=RATING_W)
            for number in range(1, chargers + 1)
        ]
        self.plant = Plant(tree, places, PHYSICS, clock())
        for number, place in enumerate(places):
            if parked and random.random() < 0.8:
                capacity_wh = random.choice([40_000.0, 60_000.0, 77_000.0])
                soc_pu, target_pu = random.uniform(0.35, 0.9), random.uniform(0.4, 0.8)
                departure_s = clock() + 3600.0 * random.uniform(1.0, 10.0)
                car = Car(id=f"{name} car {number + 1}", capacity_wh=capacity_wh, soc_pu=soc_pu, floor_pu=0.3,
                          target_pu=min(target_pu, soc_pu + 0.1), departure_unix_s=departure_s, max_charge_w=11_000.0,
                          max_discharge_w=11_000.0)  # fmt: skip
                self.plant.plug_in(place.id, car)
        self.controller = Controller(Settings(cycle_s=2.0, dynamics=Dynamics(latency_s=PHYSICS.latency_s)))
        self.dispatch: Dispatch | None = None
        self._request: PowerRequest | None = None
        self.kept = b""

    def now(self) -> float:
        """Unix time that does not jump."""
        return self._clock()

    def seen(self) -> tuple[Site, Dispatch | None]:
        """The site, and what its controller decided last."""
        return self._site(), self.dispatch

    def contracts(self) -> dict[str, str]:
        """One for each charger."""
        return {each: f"DE-V2G-{each}" for each in self.plant.ids}

    def ask(self, request: PowerRequest | None) -> None:
        """What the fleet asks for from now on."""
        self._request = request

    async def keep(self, document: bytes) -> bool:
        """Keep the books."""
        self.kept = document
        return True

    def step(self) -> None:
        """Let time pass until now, and let the controller decide if it is due."""
        plant, now = self.plant, self._clock()
        plant.now = max(plant.now, now - BEHIND_S)
        while plant.now + STEP_S <= now:
            plant.advance(STEP_S)
        self.decide()

    def decide(self) -> None:
        """Let the controller decide if it is due."""
        plant, site = self.plant, self._site()
        if self.dispatch is None or self.controller.due(site, plant.now):
            self.dispatch = self.controller.step(site, plant.now)
            plant.command({id: self.dispatch.setpoints[id].power_w for id in self.dispatch.changed})

    def _site(self) -> Site:
        plant, request = self.plant, self._request
        requests = () if request is None else (request,)
        return Site(tree=plant.tree, chargers=plant.chargers, requests=requests, meter=plant.meter)
